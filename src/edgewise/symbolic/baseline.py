"""The two formulas every other must beat: a constant and a plane."""

import torch

from edgewise.data import measure
from edgewise.network import KAN
from edgewise.symbolic.findings import Table


def constant_network(table: Table) -> KAN:
    """A network without edges: the mean."""
    return _straight(table, torch.zeros(table.X.shape[1], dtype=torch.float64), 0.0)


def linear_network(table: Table) -> KAN:
    """Straight edges with the least-squares slopes."""
    scales = measure(table.X, table.y)
    z = (table.X - scales.input_center) / scales.input_scale
    t = (table.y - scales.output_center) / scales.output_scale
    design = torch.cat([z, torch.ones_like(z[:, :1])], dim=1)
    slopes = (torch.linalg.pinv(design, rtol=1e-10) @ t)[:, 0]
    return _straight(table, slopes[:-1], float(slopes[-1]))


def _straight(table: Table, slopes: torch.Tensor, shift: float) -> KAN:
    network = KAN(
        [table.X.shape[1], 1], intervals=1, base=None, dtype=torch.float64, generator=torch.Generator()
    )
    measure(table.X, table.y).install(network)
    layer = network.kan_layers[0]
    for source in range(layer.in_features):
        layer.remove_edge(source, 0)
        if slopes[source] != 0:
            line = torch.tensor([1.0, 0.0, float(slopes[source]), shift, 1.0], dtype=torch.float64)
            layer.fix_edge(source, 0, "linear", line)
            shift = 0.0
    return network
