"""Deep networks before any training, and their first steps: gains, gradients, and whether anything becomes NaN."""

from collections.abc import Iterator
from statistics import median
from typing import Any

import torch
from torch import Tensor

from edgewise import KAN
from edgewise.diagnostics import gains, input_gradients
from edgewise.init import RULES

LAYERS = (1, 2, 4, 8, 16, 32, 64)
WIDTHS = (12, 64)
INTERVALS = (3, 5, 10, 20, 40)
SEEDS = (0, 1, 2, 3, 4)
ROWS = 256
JOINS = ((None, None), (None, "scaled"), ("rms", None), ("rms", "scaled"))


def chi_rows() -> Iterator[dict[str, Any]]:
    """Measured over predicted gain of the spline branch in every layer of networks with ``norm="rms"``."""
    for width in WIDTHS:
        for intervals in INTERVALS:
            for layers in LAYERS:
                yield chi_row(width, intervals, layers)


def chi_row(width: int, intervals: int, layers: int) -> dict[str, Any]:
    """The median and the extremes of that ratio over seeds and layers; inputs as the norm leaves them."""
    ratios, predicted = [], 0.0
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        net = KAN([width] * (layers + 1), intervals=intervals, norm="rms", generator=generator)
        with torch.no_grad():
            trace = net.trace(0.5 * torch.randn(ROWS, width, generator=generator))
        for found in gains(net, trace):
            predicted = found.splines_predicted
            ratios.append(found.splines_measured / predicted)
    return {
        "width": width,
        "intervals": intervals,
        "layers": layers,
        "predicted": round(predicted, 4),
        "median": round(median(ratios), 4),
        "smallest": round(min(ratios), 4),
        "largest": round(max(ratios), 4),
    }


def gradient_rows() -> Iterator[dict[str, Any]]:
    """Gradients at the first layer over those at the last, for every rule, norm, residual and depth."""
    for width in WIDTHS:
        for intervals in (5, 20):
            for norm, residual in JOINS:
                for rule in RULES:
                    for layers in LAYERS:
                        yield gradient_row(width, intervals, norm, residual, rule, layers)


def gradient_row(
    width: int, intervals: int, norm: str | None, residual: str | None, rule: str, layers: int
) -> dict[str, Any]:
    """Medians over seeds: of the root mean square over the rows, and of the median over the rows; in float64."""
    squares, middles = [], []
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        net = KAN(
            [4] + [width] * (layers - 1) + [1],
            intervals=intervals,
            norm=norm,
            residual=residual,
            init=rule,
            generator=generator,
            dtype=torch.float64,
        )
        found = input_gradients(net, 2 * torch.rand(ROWS, 4, generator=generator, dtype=torch.float64) - 1)
        first, last = found[0], found[-1]
        squares.append(float((first.square().mean() / last.square().mean()).sqrt()))
        middles.append(float(first.median() / last.median()))
    return {
        "width": width,
        "intervals": intervals,
        "norm": norm,
        "residual": residual,
        "rule": rule,
        "layers": layers,
        "ratio": float(f"{median(squares):.3g}"),
        "row_ratio": float(f"{median(middles):.3g}"),
    }


def alike_rows(layers: int = 64) -> Iterator[dict[str, Any]]:
    """In how many directions the inputs of deep layers spread; median over seeds, five intervals."""
    for width in WIDTHS:
        for residual in (None, "scaled"):
            found = []
            for seed in SEEDS:
                generator = torch.Generator().manual_seed(seed)
                net = KAN([width] * (layers + 1), norm="rms", residual=residual, generator=generator)
                with torch.no_grad():
                    trace = net.trace(0.5 * torch.randn(ROWS, width, generator=generator))
                found.append([directions(record.inputs) for record in trace.layers])
            middle = [round(median(values), 2) for values in zip(*found, strict=True)]
            yield {"width": width, "residual": residual, "directions": middle}


def directions(inputs: Tensor) -> float:
    """``(sum l)^2 / sum l^2`` of the eigenvalues of the second moments: 1 when all rows are multiples of one."""
    moments = inputs.double().T @ inputs.double()
    return float(moments.trace() ** 2 / moments.square().sum())


def stay_rows(steps: int = 50, layers: int = 64) -> Iterator[dict[str, Any]]:
    """The loss before and after some steps of Adam through 64 layers of 12 nodes.

    In float32, under bfloat16 autocast (where edgewise's layers keep float32), and in bfloat16 throughout.
    """
    for intervals in (5, 20):
        for precision in ("float32", "autocast", "bfloat16"):
            for rule, norm, residual in (
                ("critical", "rms", "scaled"),
                ("critical", "rms", None),
                ("noise", None, None),
            ):
                losses = first_steps(intervals, precision, rule, norm, residual, steps, layers)
                yield {
                    "intervals": intervals,
                    "precision": precision,
                    "rule": rule,
                    "norm": norm,
                    "residual": residual,
                    "steps": len(losses) - 1,
                    "first": losses[0],
                    "last": losses[-1],
                }


def first_steps(
    intervals: int,
    precision: str,
    rule: str,
    norm: str | None,
    residual: str | None,
    steps: int = 50,
    layers: int = 64,
) -> list[float]:
    """The loss before each step and after the last; ends early with the first that is no number."""
    generator = torch.Generator().manual_seed(0)
    widths = [4] + [12] * (layers - 1) + [1]
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    joins = {"norm": norm, "residual": residual}
    net = KAN(widths, intervals=intervals, init=rule, generator=generator, dtype=dtype, **joins)
    x = 2 * torch.rand(ROWS, 4, generator=generator) - 1
    y = torch.sin(3 * x[:, :1]) * x[:, 1:2]
    optimiser = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    losses: list[float] = []
    for _ in range(steps + 1):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast"):
            loss = (net(x.to(dtype)).float() - y).square().mean()
        losses.append(loss.item())
        if not torch.isfinite(loss):
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses
