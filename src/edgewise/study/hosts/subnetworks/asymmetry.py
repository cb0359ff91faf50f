r"""What a network without a subnetwork still knows: the figures by which modularity is judged.

For a subroutine ``s`` and the other one ``o``, with ``R_s`` the chance that a row in which ``s`` holds gets a larger
output than one in which it does not (the area under the ROC curve; at least 1/2, where nothing is known):

    subnet difference     R_s - R_o  of the subnetwork found for s
    ablation difference   R_o - R_s  of the network without it: the sign has flipped if s was a module
    control difference    R_o - R_s  without as many random units of the rest

each averaged over both subroutines, so that it does not matter which of them is the frailer. The paper counts right
answers among four pictures, a comparison of outputs too; it raises figures below chance to chance as we do. The
control is below 0 where the rest holds the other subroutine: it tells that a flip is not what any cut does, and no
more. What tells trained from random is the ablation difference itself.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import nn

from edgewise.study.hosts.subnetworks.conjunction import Rows
from edgewise.study.hosts.subnetworks.sparsification import Masks, inverse, kept, masked, overlap, sampled
from edgewise.study.tasks.task import Array

CONTROLS = 5
NOTHING = {"subnet_difference": 0.0, "ablation_difference": 0.0, "beyond_control": 0.0}
_PAIRS = (("a", "b"), ("b", "a"))


def ranked(scores: Array, holds: NDArray[np.bool_]) -> float:
    """P(score where it holds > score where not), ties counting half; 1/2 at least.

    Example:
        >>> ranked(np.array([0.1, 0.4, 0.3, 0.9]), np.array([False, True, False, True]))
        1.0
    """
    positive, negative = int(holds.sum()), int((~holds).sum())
    beaten = rankdata(scores)[holds].sum() - positive * (positive + 1) / 2
    return max(0.5, float(beaten) / (positive * negative))


def knows(network: nn.Module, masks: Masks, rows: Rows) -> dict[str, float]:
    """``R_a`` and ``R_b`` of a masked network."""
    with torch.no_grad():
        scores = masked(network, masks, rows.X)[:, 0].double().numpy()
    return {"a": ranked(scores, rows.a.numpy()), "b": ranked(scores, rows.b.numpy())}


def figures(
    network: nn.Module, live: Masks, found: Mapping[str, Masks], rows: Rows, rng: np.random.Generator
) -> dict[str, float]:
    """All figures, from the subnetworks found for ``"a"`` and ``"b"``."""
    parts = [_of_one(network, live, found[own], rows, own, other, rng) for own, other in _PAIRS]
    numbers = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
    for (own, _), part in zip(_PAIRS, parts, strict=True):
        numbers[f"subnet_difference_{own}"] = part["subnet_difference"]
        numbers[f"ablation_difference_{own}"] = part["ablation_difference"]
    whole = knows(network, live, rows)
    return numbers | {
        "overlap": overlap(found["a"], found["b"]),
        "whole_a": whole["a"],
        "whole_b": whole["b"],
        "units": float(sum(int(part.sum()) for part in live.values())),
    }


def _of_one(
    network: nn.Module,
    live: Masks,
    mask: Masks,
    rows: Rows,
    own: str,
    other: str,
    rng: np.random.Generator,
) -> dict[str, float]:
    subnet = knows(network, mask, rows)
    ablated = knows(network, inverse(mask, live), rows)
    controls = [knows(network, inverse(sampled(mask, live, rng), live), rows) for _ in range(CONTROLS)]
    control = float(np.mean([each[other] - each[own] for each in controls]))
    difference = ablated[other] - ablated[own]
    return {
        "subnet_own": subnet[own],
        "subnet_other": subnet[other],
        "ablated_own": ablated[own],
        "ablated_other": ablated[other],
        "subnet_difference": subnet[own] - subnet[other],
        "ablation_difference": difference,
        "control_difference": control,
        "beyond_control": difference - control,
        "kept": float(kept(mask, live)),
    }
