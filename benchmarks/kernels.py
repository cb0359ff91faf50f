"""How long a spline layer takes, beside perceptrons in torch and JAX and the spline layers that PyPI has.

Everything in float32 unless it says otherwise, one run, one process kept to ``--threads`` cores. In every case all
contestants get the same inputs and the same gradient from above; what each computes is first compared with SciPy's
splines in float64, from its own parameters, and what is wrong by more than 1e-3 is timed but does not count. The
contestants take turns within rounds; printed are median, middle half, and the median of the ratios round by round.

The parameter-matched perceptron is ``in -> h -> out`` with SiLU and no biases, ``h`` such that ``in*h + h*out`` is
``in*out*(intervals + 4)``. Useful GFLOP/s count the ``degree + 1`` basis functions that a sample meets and the base, so
they are the same for every spline layer whatever it really computes; the peak is that of a loop of multiply-adds timed
in the same rounds.

    python benchmarks/kernels.py
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import kernel_jax
import kernel_peers
import torch
from kernel_cases import CASES, FINE, Case
from kernel_checks import relative_errors
from kernel_memory import ENVIRONMENT
from kernel_peers import Contestant
from kernel_table import PEAK, Row, Skipped, goals, markdown, plain, row
from kernel_timing import fma_loop, pin, take_turns

from edgewise import __version__, kernels

SECTIONS = ("small", "threads", "memory")
INSTALL = "pip install 'edgewise[bench]'"
PACKAGES = ("torch", "jax", "inkan", "flashkan", "kanditioned", "jaxkan", "pykan", "numpy")
MEMORY_ROWS = {"edgewise": 65536, "perceptron": 16384, "inkan": 4096}


def builders(case: Case, with_peers: bool) -> dict[str, Callable[[Case], Contestant]]:
    """Who takes part in a case."""
    found = dict(kernel_peers.OURS)
    if case.layers > 1:
        del found["edgewise, forward alone"]
    if case.name == FINE[0]:
        found["edgewise, 5 intervals"] = _coarse
    if with_peers:
        found |= kernel_jax.OURS | kernel_peers.PEERS | kernel_jax.PEERS
    return found


def _coarse(case: Case) -> Contestant:
    """edgewise at five intervals, to be timed in the very rounds of a fine case."""
    built = kernel_peers.OURS["edgewise"](replace(case, intervals=5))
    return replace(built, name="edgewise, 5 intervals")


def time_case(case: Case, args: argparse.Namespace, loop: tuple | None) -> list[Row | Skipped]:
    """Builds, checks and times; a contestant that cannot is a line that says why."""
    torch._dynamo.reset()  # every case is compiled for its own shapes, as in a fresh process
    ready: list[tuple[Contestant, Any]] = []
    skipped: list[Row | Skipped] = []
    for name, build in builders(case, not args.no_peers).items():
        print(f"  {case.name}: preparing {name}", file=sys.stderr)
        try:
            contestant = build(case)
            errors = _check(contestant)
        except ImportError as error:
            skipped.append(Skipped(case.name, name, f"{error}; {INSTALL}"))
        except kernel_peers.TooLargeError as error:
            skipped.append(Skipped(case.name, name, str(error)))
        except Exception as error:
            if name in kernel_peers.OURS:
                raise
            skipped.append(Skipped(case.name, name, f"{type(error).__name__}: {error}".splitlines()[0]))
        else:
            ready.append((contestant, errors))
    if loop:
        step, flops = loop
        ready.append((Contestant(PEAK, lambda: (step(),), None, args.threads * flops), None))
    times = take_turns({one.name: one.step for one, _ in ready}, args.rounds, args.seconds)
    peak = 1e-6 * args.threads * loop[1] / min(times[PEAK]) if loop else math.nan
    return [row(case, contestant, times, errors, peak) for contestant, errors in ready] + skipped


def _check(contestant: Contestant) -> tuple[float, float, float] | None:
    """Its errors; where nothing is compared the step is run all the same, to warm it up."""
    outcome = contestant.step()
    if contestant.exact is None:
        return None
    errors = relative_errors(contestant.arrays(outcome), contestant.exact())
    if contestant.name.startswith("edgewise") and max(errors) > 1e-4:
        raise SystemExit(f"{contestant.name} is wrong by {max(errors):.1e}: a fast wrong answer is no answer")
    return errors


def run_sections(args: argparse.Namespace) -> tuple[list[str], dict[str, Any]]:
    """What is no layer's step: lines to print, and the numbers behind them."""
    lines: list[str] = []
    found: dict[str, Any] = {}
    if "small" in args.sections and not args.no_peers:
        import kernel_small

        try:
            lines, found["small"] = kernel_small.measure(args.rounds, args.seconds)
        except ImportError as error:
            lines.append(f"loss and gradient of a small network: skipped, {error}; {INSTALL}")
    if "threads" in args.sections:
        lines += _threads(args, found)
    if "memory" in args.sections:
        lines += _memory(found, not args.no_peers)
    return lines, found


def _threads(args: argparse.Namespace, found: dict[str, Any]) -> list[str]:
    if len(args.cores) < 2:
        return ["two threads: skipped, this process may use one core only"]
    speedups = json.loads(_apart("kernel_threads.py", args.rounds, args.seconds, *args.cores[-2:]))
    found["threads"] = {width: (pair["layer"], pair["torch.mm"]) for width, pair in speedups.items()}
    lines = [
        "speed-up by two threads, forward and backward, 5 intervals, beside torch.mm of as many operations"
    ]
    for width, pair in speedups.items():
        lines.append(f"  width {width:4} " + ", ".join(f"{name} {value:.2f}" for name, value in pair.items()))
    return lines


def _memory(found: dict[str, Any], with_peers: bool) -> list[str]:
    if not sys.platform.startswith("linux"):
        return ["working memory: skipped, only Linux tells it"]
    lines = ["working memory of a training step beyond parameters, gradients and Adam's state, 64 -> 64,"]
    lines.append(
        "  float32 numbers over batch * (in + out), the batch and the gradient of the input included"
    )
    found["memory"] = {}
    for intervals in (5, 500):
        told = []
        for name, rows in MEMORY_ROWS.items():
            if name == "inkan" and not (with_peers and _version("inkan")):
                continue
            numbers = float(_apart("kernel_memory.py", name, intervals, rows))
            told.append(f"{name} {numbers:.3g} ({rows} rows)")
            if name == "edgewise":
                found["memory"][intervals] = numbers
        lines.append(f"  {intervals:3} intervals: " + ", ".join(told))
    return lines


def _apart(script: str, *arguments: object) -> str:
    """The last line that a script of this folder prints, run in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)]
    environment = os.environ | (ENVIRONMENT if script == "kernel_memory.py" else {})
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{script} failed:\n{done.stderr}")
    return done.stdout.splitlines()[-1]


def _version(package: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def heading(args: argparse.Namespace, pinned: str) -> str:
    load = f"load average {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES if _version(name))
    return "\n".join(
        [
            f"edgewise {__version__}, kernels {': '.join(kernels.which())}; {versions}",
            f"{datetime.date.today()}, Python {platform.python_version()}, {platform.system()} {_processor()}",
            f"{args.threads} thread{'s' * (args.threads > 1)}, {pinned}, {load}",
            f"up to {args.rounds} rounds, fewer for who takes more than {args.seconds:g} s in all",
        ]
    )


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"{platform.machine()}, {line.split(':', 1)[1].strip()}"
    return platform.machine()


def _without_nan(value: Any) -> Any:
    """None for every number that is none, as JSON has it."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="cores and threads for every contestant")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=3.0, help="per contestant and case")
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--sections", nargs="*", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--no-peers", action="store_true", help="torch and edgewise alone")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a third of the time")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all numbers there too")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the tables there too")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = min(args.rounds, 7), min(args.seconds, 1.0)
    pinnable = hasattr(os, "sched_getaffinity")
    args.cores = sorted(os.sched_getaffinity(0)) if pinnable else list(range(os.cpu_count() or 1))
    return args


def main() -> None:
    args = arguments()
    pinned = pin(args.threads)
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no helper processes beside the clock
    warnings.filterwarnings("ignore")
    torch.set_num_threads(args.threads)
    first_lines, loop = heading(args, pinned), fma_loop()
    print(first_lines)
    if loop is None:
        print("no C++ compiler: the peak is not measured")
    results = {}
    for name in args.cases:
        results[name] = time_case(CASES[name], args, loop)
        print(f"\n{CASES[name].title}\n{plain(results[name])}", flush=True)
    lines, others = run_sections(args)
    aims = goals(results if args.threads == 1 else {}, others)  # the aims are those of one thread
    print("", *lines, "", *aims, sep="\n")
    if args.markdown:
        args.markdown.write_text(markdown(first_lines, results, lines, aims))
    if args.json:
        rows = {name: [asdict(one) for one in found] for name, found in results.items()}
        told = {"heading": first_lines.splitlines(), "cases": rows, "others": others}
        told["aims"] = [asdict(aim) for aim in aims]
        args.json.write_text(json.dumps(_without_nan(told), indent=1))


if __name__ == "__main__":
    main()
