"""Training from a table twice the size of a memory limit, beside training from memory.

    python benchmarks/large.py --rounds 5

A child process lowers its own ``RLIMIT_DATA`` to what it holds after its imports plus ``--headroom`` megabytes. That
limit counts private memory, whether by ``brk`` or ``mmap``, and neither mapped files nor the page cache, so it stops a
program from loading a table and lets it map one (``RLIMIT_AS`` would count address space that torch and NumPy reserve
and never touch; for the same reason pyarrow is told to use the system's ``malloc``: its own reserves a gigabyte). The
table, Parquet and ``.npy``, is twice that limit; that it cannot be loaded is tried at the end.

Then four ways to train the same network on the same number of batches take turns: a plain loop over tensors in memory
(``torch.randperm``, the same optimiser, the same gradients), ``fit`` on arrays in memory, ``fit`` on memory maps and
``fit`` on Parquet. The first two have a table that fits, an eighth of the headroom. Rows per second leave out the one
pass that measures the scales, which is given beside them. Files are warm in the page cache when the machine has room
for them; ``--cold`` drops them from it before each turn.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from edgewise import KAN
from edgewise.engines import Local
from edgewise.large import ArraySource, LargeConfig, ParquetSource, Source, fit
from edgewise.large.scales import stream_scales

FEATURES, GROUP, BATCH, MB = 8, 65536, 2048, 1 << 20
ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}
WAYS = ("plain loop", "arrays", "memory map", "parquet")


def main() -> None:
    asked = arguments()
    if asked.child:
        return child(asked)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        command = [sys.executable, __file__, "--child", folder, *sys.argv[1:]]
        process = subprocess.Popen(
            command, env=os.environ | ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        limit = int(process.stdout.readline())
        write_table(Path(folder), 2 * limit)
        process.stdin.write("written\n")
        process.stdin.flush()
        lines = process.stdout.read().splitlines()
    if process.wait():
        raise SystemExit("the child failed")
    report(json.loads(lines[-1]), limit, asked)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headroom", type=int, default=128, help="megabytes above what the imports take")
    parser.add_argument("--steps", type=int, default=200, help=f"batches of {BATCH} rows a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=4, help="width of the hidden layer")
    parser.add_argument(
        "--cold", action="store_true", help="drop the files from the page cache before each turn"
    )
    parser.add_argument("--folder", help="where the table is written, and deleted again")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_table(folder: Path, size: int) -> None:
    """The same rows twice over: ``size`` bytes of float64, a row group at a time, by a process without a limit."""
    rng, names = np.random.default_rng(0), [f"x{i}" for i in range(FEATURES)]
    groups = -(-size // (GROUP * (FEATURES + 1) * 8))
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float64, (groups * GROUP, columns))
        for name, columns in (("X", FEATURES), ("y", 1))
    }
    schema = pa.schema([(name, pa.float64()) for name in [*names, "y"]])
    with pq.ParquetWriter(folder / "t.parquet", schema, compression=None, use_dictionary=False) as writer:
        for group in range(groups):
            X, y = some_rows(rng, GROUP)
            place = slice(group * GROUP, (group + 1) * GROUP)
            arrays["X"][place], arrays["y"][place] = X, y
            writer.write_table(pa.table([*X.T, y[:, 0]], schema=schema), row_group_size=GROUP)


def some_rows(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    X = rng.uniform(-1, 1, (rows, FEATURES))
    return X, np.sin(3 * X[:, :1]) + X[:, 1:2] * X[:, 2:3]


def child(asked: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    warm_up(asked, Path(asked.child) / "small.parquet")
    limit = private_bytes() + asked.headroom * MB
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    print(limit, flush=True)
    sys.stdin.readline()
    folder = Path(asked.child)
    X, y = some_rows(rng, asked.headroom * MB // 8 // (FEATURES + 1) // 8)
    sources = {
        "arrays": ArraySource(X, y),
        "memory map": ArraySource(folder / "X.npy", folder / "y.npy"),
        "parquet": ParquetSource(folder / "t.parquet", target="y"),
    }
    speeds: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(asked.rounds):
        for way in WAYS[number % 4 :] + WAYS[: number % 4]:
            forget_files(folder, asked.cold)
            speeds[way].append(
                plain_speed(asked, X, y) if way == "plain loop" else speed(asked, sources[way])
            )
    passes = {way: pass_seconds(source) for way, source in sources.items()}
    rows = {way: source.rows for way, source in sources.items()}
    refused = [cannot_load(folder, kind) for kind in ("npy", "parquet")]  # leaves memory in pieces, so last
    print(json.dumps({"refused": refused, "speeds": speeds, "passes": passes, "rows": rows}))


def warm_up(asked: argparse.Namespace, path: Path) -> None:
    """Everything lazy, and the threads whose stacks count, are there before the limit is."""
    X, y = some_rows(np.random.default_rng(2), 5000)
    pq.write_table(pa.table([*X.T, y[:, 0]], names=[*(f"x{i}" for i in range(FEATURES)), "y"]), path)
    fit(network(asked), ParquetSource(path, target="y"), settings(3))
    path.unlink()


def private_bytes() -> int:
    """What ``RLIMIT_DATA`` counts of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmData:"))


def cannot_load(folder: Path, kind: str) -> bool:
    """Whether loading the whole table fails for want of memory."""
    try:
        np.load(folder / "X.npy") if kind == "npy" else pq.ParquetFile(folder / "t.parquet").read(
            use_threads=False
        )
    except MemoryError:  # pyarrow's is one too
        return True
    return False


def forget_files(folder: Path, cold: bool) -> None:
    for path in folder.iterdir() if cold else ():
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def network(asked: argparse.Namespace) -> KAN:
    return KAN([FEATURES, asked.hidden, 1], generator=torch.Generator().manual_seed(0))


def settings(steps: int) -> LargeConfig:
    return LargeConfig(batch_size=BATCH, steps=steps, record_every=max(steps // 2, 1), clip=None)


def speed(asked: argparse.Namespace, source: Source) -> float:
    """Rows per second of the second half of a run; the first fills the caches and the pool of rows."""
    first, last = fit(network(asked), source, settings(2 * asked.steps)).history
    return (last.rows - first.rows) / (last.seconds - first.seconds)


def plain_speed(asked: argparse.Namespace, X: np.ndarray, y: np.ndarray) -> float:
    net, inputs, targets = network(asked), torch.from_numpy(X).float(), torch.from_numpy(y).float()
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.003)
    parameters, order, start = list(net.parameters()), torch.randperm(len(X)), 0.0
    for step in range(2 * asked.steps):
        start = time.perf_counter() if step == asked.steps else start
        place = step * BATCH % (len(X) - BATCH)
        rows = order[place : place + BATCH]
        _, gradients = net.loss_and_gradients(inputs[rows], targets[rows])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimiser.step()
    return asked.steps * BATCH / (time.perf_counter() - start)


def pass_seconds(source: Source) -> float:
    start = time.perf_counter()
    stream_scales(source, Local())
    return time.perf_counter() - start


def report(found: dict, limit: int, asked: argparse.Namespace) -> None:
    ratios = {
        base: {
            way: [s / b for s, b in zip(found["speeds"][way], found["speeds"][base], strict=True)]
            for way in WAYS[1:]
        }
        for base in WAYS[:2]
    }
    if asked.json:
        return print(json.dumps(found | {"limit": limit, "ratios": ratios}))
    print(f"limit {limit / MB:.0f} MB (RLIMIT_DATA), table {2 * limit / MB:.0f} MB, {asked.rounds} rounds")
    print(
        f"KAN([{FEATURES}, {asked.hidden}, 1]), {asked.steps} batches of {BATCH} rows a turn, {torch.__version__}"
    )
    print(f"loading it whole was refused: .npy {found['refused'][0]}, Parquet {found['refused'][1]}\n")
    print("way          rows/s (median)  over plain loop          over arrays              pass for scales")
    for way in WAYS:
        line = f"{way:12} {statistics.median(found['speeds'][way]):15,.0f}"
        for base in WAYS[:2]:
            line += f"  {spread(ratios[base][way]):23}" if way != WAYS[0] else ""
        if way in found["passes"]:
            line += f"  {found['passes'][way]:.1f} s for {found['rows'][way]:,} rows"
        print(line)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} .. {max(values):.2f})"


if __name__ == "__main__":
    main()
