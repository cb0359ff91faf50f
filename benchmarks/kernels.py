"""How long a spline layer takes beside the multilayer perceptron it replaces: same inputs, outputs and parameters.

The perceptron is ``in -> h -> out`` with SiLU and no biases, ``h`` such that ``in*h + h*out = in*out*(G + 4)``, the
parameters of a cubic layer of ``G`` intervals and a base. One step is forward and backward with gradients for
input and parameters, in float32. The contestants take turns within every round of one process, so a disturbance
meets all of them; printed are median and middle half of the rounds, and the median of the ratios round by round.
Before it is timed, the compiled layer is compared with the torch path in float64.

    python benchmarks/kernels.py --threads 1
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from edgewise import KANLayer, kernels
from edgewise.kernels import torch_path

CASES = {
    "64-5": (1024, 64, 5),
    "64-20": (1024, 64, 20),
    "64-100": (1024, 64, 100),
    "64-500": (1024, 64, 500),
    "256-5": (1024, 256, 5),
    "768-5": (512, 768, 5),
}
TARGETS = {"64-5": 0.45, "64-20": 0.20, "64-100": 0.06, "256-5": 0.40, "768-5": 0.45}


@dataclass(frozen=True)
class Row:
    """One contestant's step, milliseconds: median, lower and upper quartile; ``ratio`` to the perceptron's."""

    case: str
    contestant: str
    median: float
    low: float
    high: float
    ratio: float


def perceptron(width: int, intervals: int) -> nn.Module:
    hidden = round(width * (intervals + 4) / 2)
    return nn.Sequential(
        nn.Linear(width, hidden, bias=False), nn.SiLU(), nn.Linear(hidden, width, bias=False)
    )


def through_torch(layer: KANLayer) -> Callable[[Tensor], Tensor]:
    spline = layer.spline
    return lambda x: torch_path.spline_sum(
        x, spline.weight, spline.mask, spline.knots, spline.degree, spline.base
    )


def step(run: Callable[[Tensor], Tensor], parameters: list[nn.Parameter], x: Tensor, upstream: Tensor):
    """One forward and backward as a function of nothing."""

    def go() -> None:
        for tensor in (x, *parameters):
            tensor.grad = None
        run(x).backward(upstream)

    return go


def forward(layer: KANLayer, x: Tensor) -> Callable[[], None]:
    def go() -> None:
        with torch.no_grad():
            layer(x)

    return go


def contestants(batch: int, width: int, intervals: int) -> dict[str, Callable[[], None]]:
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(batch, width, generator=generator) * 2 - 1).requires_grad_()
    upstream = torch.randn(batch, width, generator=generator)
    layer, peer = (
        KANLayer(width, width, intervals=intervals, generator=generator),
        perceptron(width, intervals),
    )
    check(layer, x)
    own = list(layer.parameters())
    return {
        "perceptron": step(peer, list(peer.parameters()), x, upstream),
        "layer": step(layer, own, x, upstream),
        "torch path": step(through_torch(layer), own, x, upstream),
        "forward alone": forward(layer, x),
    }


def check(layer: KANLayer, x: Tensor) -> None:
    """A fast wrong answer is no answer."""
    with torch.no_grad():
        exact = through_torch(layer.double())(x.double())
        found = layer.float()(x)
    error = float((found - exact).abs().max() / exact.abs().max())
    if error > 1e-5:
        raise SystemExit(f"the layer is wrong by {error:.1e}")


def time_case(case: str, rounds: int, slow: bool) -> list[Row]:
    rivals = contestants(*CASES[case])
    if not slow:
        del rivals["torch path"]
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds + 2):
        for name, go in rivals.items():
            start = time.perf_counter()
            go()
            if number >= 2:
                times[name].append(1e3 * (time.perf_counter() - start))
    return [summary(case, name, spent, times["perceptron"]) for name, spent in times.items()]


def summary(case: str, name: str, spent: list[float], reference: list[float]) -> Row:
    low, median, high = statistics.quantiles(spent, n=4)
    ratio = statistics.median(a / b for a, b in zip(spent, reference, strict=True))
    return Row(case, name, median, low, high, ratio)


def line(row: Row) -> str:
    batch, width, intervals = CASES[row.case]
    note = ""
    if row.contestant == "layer" and row.case in TARGETS:
        note = f"  target {TARGETS[row.case]}"
    if row.contestant == "forward alone":
        note = f"  {2e-6 * batch * width * width * 5 / row.median:.0f} GFLOP/s"
    spread = f"{row.median:9.2f} ms ({row.low:.2f} .. {row.high:.2f})"
    return f"{batch} x {width} -> {width}, G={intervals:<4} {row.contestant:14} {spread:32} ratio {row.ratio:.3f}{note}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--quick", action="store_true", help="leave out the torch path, the slowest")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{' : '.join(kernels.which())}; torch {torch.__version__}, {platform.machine()}, load {load:.1f}")
    rows = []
    for case in args.cases:
        rows += (found := time_case(case, args.rounds, not args.quick))
        print(*map(line, found), sep="\n", flush=True)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(
                {"threads": args.threads, "load": load, "rows": [asdict(row) for row in rows]}, file, indent=1
            )


if __name__ == "__main__":
    main()
