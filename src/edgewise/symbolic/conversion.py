"""One given network as a formula; ``search`` looks for the network too."""

import copy
from collections.abc import Sequence
from typing import Any

import torch

from edgewise.data import as_matrix, as_tensors
from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.symbolic.fixing import fix_edges
from edgewise.symbolic.formula import Formula
from edgewise.symbolic.names import symbol_names
from edgewise.symbolic.snap import significant_digits, snapped
from edgewise.symbolic.template import template
from edgewise.train.clock import Clock
from edgewise.train.problem import split_scaled

ITS_OWN_WORD = 1e-10


def network_formula(
    network: KAN,
    X: Any,
    y: Any = None,
    *,
    names: Sequence[str] | None = None,
    output: int = 0,
    max_seconds: float = 60.0,
) -> Formula:
    """See ``KAN.to_formula``."""
    if not 0 <= output < network.out_features:
        raise InputError(f"output={output}: the network has outputs 0 to {network.out_features - 1}")
    if names is not None and len(names) != network.in_features:
        raise InputError(f"{len(names)} names for {network.in_features} inputs: give one name an input")
    if not network.joins.absent:
        raise InputError(
            f"a network with norm={network.joins.norm!r} and residual={network.joins.residual!r} is no chain of "
            "functions to write down; fit KAN(widths) without them, or search with FormulaRegressor"
        )
    network = copy.deepcopy(network).double()
    inputs = as_matrix(X, "X")
    with torch.no_grad():
        targets = network(inputs) if y is None else as_tensors(X, y)[1]
    rows = split_scaled(network, inputs, targets, seed=0)
    trusted = ITS_OWN_WORD if y is None else 0.0
    fixed = fix_edges(network, rows, Clock(max_seconds), trusted=trusted)
    if fixed is None:
        raise InputError(
            f"{max_seconds:g} s were too few for every edge; prune the network or raise max_seconds"
        )
    if not fixed.loss < 1:
        raise InputError(
            "no catalogue functions on the edges come near the data; search with FormulaRegressor"
        )
    columns = symbol_names(names or [f"x{i}" for i in range(network.in_features)])
    points, column = inputs.numpy(), targets[:, output].numpy()
    written = snapped(template(fixed.network, columns, output), points, column)
    return Formula(written.text(significant_digits(written, points, column)), columns)
