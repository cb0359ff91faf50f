"""What a second thread brings: a layer's step beside ``torch.mm``, turn by turn in a process that has two cores.

Run by ``kernels.py`` in a process of its own, since the main one keeps to a single core; prints one line of JSON. Both
libraries follow ``torch.set_num_threads``, which is called before every turn.

    python benchmarks/kernel_threads.py ROUNDS SECONDS CORE CORE
"""

import json
import os
import sys
from collections.abc import Callable

import torch
from kernel_cases import CASES, Case
from kernel_peers import OURS
from kernel_timing import ratio, take_turns

WIDTHS = {64: "64-5", 256: "256-5", 768: "768-5"}


def product(case: Case) -> Callable[[], object]:
    """Square matrices with the useful operations of the layer's step."""
    size = round((3 * case.spline_flops() / 2) ** (1 / 3))
    a, b = torch.randn(size, size), torch.randn(size, size)
    return lambda: torch.mm(a, b)


def on(threads: int, step: Callable[[], object]) -> Callable[[], None]:
    def go() -> None:
        torch.set_num_threads(threads)
        step()

    return go


def main() -> None:
    rounds, seconds, *cores = map(float, sys.argv[1:])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, map(int, cores))
    found = {}
    for width, name in WIDTHS.items():
        case = CASES[name]
        layer, perceptron = (OURS[one](case).step for one in ("edgewise", "torch perceptron"))
        rivals = {"layer": layer, "torch.mm": product(case), "perceptron": perceptron}
        steps = {f"{one} {threads}": on(threads, go) for one, go in rivals.items() for threads in (1, 2)}
        times = take_turns(steps, int(rounds), seconds)
        found[width] = {one: ratio(times[f"{one} 1"], times[f"{one} 2"]) for one in rivals}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
