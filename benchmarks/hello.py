"""Two libraries meet the same table: how long, how much to write, and is the printed formula right?

The task is pykan's own first example, ``exp(sin(pi*x) + y**2)`` on [-1, 1]^2 with 1000 rows to learn from and 1000 to
test on. Three scripts, kept below as text, get the same arrays ``X, y, X_test, y_test`` and a ``seed``:

- ``edgewise``: ``FormulaRegressor``, nothing set by hand;
- ``pykan``: the flow of its tutorial *Hello, KAN!*, whose library of functions is picked by hand;
- ``pykan, own library``: the same flow with ``auto_symbolic()`` left to its default library.

``error`` is the root mean square error of the printed formula on the test rows over their deviation, ``unrounded``
that of the formula before the script rounds it; a formula is exact when its error is below 1e-9. A script that
fails is a row like any other.

Every script runs in a fresh process on one thread, one at a time, the order turning with the seed. What is executed is
what is counted: statements and hand-made choices are counted in the very text that runs.

    python benchmarks/hello.py --seeds 3
"""

import argparse
import ast
import contextlib
import datetime
import importlib.metadata
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROWS = 1000
EXACT = 1e-9
SMALLEST = 2.2e-16
PEER = "0.2.8"
FORMULA_WIDTH = 60

EDGEWISE = """
from edgewise import FormulaRegressor
model = FormulaRegressor(random_state=seed).fit(X, y)
formula = model.get_best().equation
"""

# hellokan.ipynb of github.com/KindXiaoming/pykan at commit 25cba43, cell by cell, less its plots; the table is given
PYKAN = """
import torch
from kan import KAN
from kan.utils import ex_round
torch.set_default_dtype(torch.float64)
dataset = {
    "train_input": torch.tensor(X), "train_label": torch.tensor(y)[:, None],
    "test_input": torch.tensor(X_test), "test_label": torch.tensor(y_test)[:, None],
}
model = KAN(width=[2, 5, 1], grid=3, k=3, seed=seed)
model.fit(dataset, opt="LBFGS", steps=50, lamb=0.001)
model = model.prune()
model.fit(dataset, opt="LBFGS", steps=50)
model = model.refine(10)
model.fit(dataset, opt="LBFGS", steps=50)
model.auto_symbolic(lib=["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"])
model.fit(dataset, opt="LBFGS", steps=50)
formula = ex_round(model.symbolic_formula()[0][0], 4)
"""
LIBRARY = 'lib=["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]'


@dataclass(frozen=True)
class Arm:
    """A script, what it calls the two inputs, and Python that gives its formula before any rounding."""

    name: str
    script: str
    inputs: tuple[str, str]
    unrounded: str = "formula"

    @property
    def statements(self) -> int:
        """Statements of the script, imports and all."""
        return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(self.script)))

    @property
    def choices(self) -> int:
        """Settings written by hand: different ``(argument, literal)`` pairs in the calls of the script."""
        calls = [node for node in ast.walk(ast.parse(self.script)) if isinstance(node, ast.Call)]
        named = {
            (k.arg, ast.unparse(k.value)) for call in calls for k in call.keywords if _is_literal(k.value)
        }
        placed = {(ast.unparse(c.func), ast.unparse(a)) for c in calls for a in c.args if _is_literal(a)}
        return len(named | placed)


ARMS = {
    arm.name: arm
    for arm in (
        Arm("edgewise", EDGEWISE, ("x0", "x1")),
        Arm("pykan", PYKAN, ("x_1", "x_2"), "model.symbolic_formula()[0][0]"),
        Arm(
            "pykan, own library",
            PYKAN.replace(LIBRARY, ""),
            ("x_1", "x_2"),
            "model.symbolic_formula()[0][0]",
        ),
    )
}


def main() -> None:
    """Runs every arm on every seed and prints rows, medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seeds", type=int, default=1, help="run seeds 0 .. N - 1 (pykan takes a minute each)"
    )
    parser.add_argument("--limit", type=float, default=1200.0, help="seconds after which a script is ended")
    parser.add_argument("--worker", nargs=3, metavar=("ARM", "SEED", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        arm, seed, file = options.worker
        Path(file).write_text(json.dumps(run(ARMS[arm], int(seed))), encoding="utf-8")
        return
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: expected at least 1")
    if not _is_installed("pykan"):
        sys.exit(f'hello: pykan {PEER} is not installed; type: pip install -e ".[bench]"')
    print(_heading(options.seeds))
    rows = []
    for seed in range(options.seeds):
        for arm in list(ARMS.values())[:: 1 if seed % 2 == 0 else -1]:
            rows.append(apart(arm, seed, options.limit))
            print(_line(rows[-1]), flush=True)
    print(_summary(rows))


def apart(arm: Arm, seed: int, limit: float) -> dict:
    """One script in a process and a folder of its own, on one thread; a failure is a row like any other."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "row.json"
        command = [sys.executable, str(Path(__file__).resolve()), "--worker", arm.name, str(seed), str(file)]
        failure = {"arm": arm.name, "seed": seed}
        try:
            ended = subprocess.run(
                command,
                cwd=folder,
                env=os.environ | threads | {"MPLBACKEND": "Agg"},
                capture_output=True,
                text=True,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return failure | {"seconds": limit, "failed": "not done in the time allowed"}
        if not file.exists():
            said = (ended.stderr.strip().splitlines() or ["nothing said"])[-1]
            return failure | {"failed": f"the process ended with code {ended.returncode}: {said}"}
        return json.loads(file.read_text(encoding="utf-8"))


def run(arm: Arm, seed: int) -> dict:
    """Executes a script statement by statement, timing each, and judges the formula it printed."""
    import numpy as np

    X = np.random.default_rng(seed).uniform(-1, 1, (2 * ROWS, 2))
    y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
    X_test, y_test = X[ROWS:], y[ROWS:]
    space = {"X": X[:ROWS], "y": y[:ROWS], "X_test": X_test, "y_test": y_test, "seed": seed}
    row = {"arm": arm.name, "seed": seed, "seconds": 0.0, "imports": 0.0}
    for statement in ast.parse(arm.script).body:
        code = compile(ast.Module([statement], []), arm.name, "exec")
        start = time.perf_counter()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, space)
        except Exception as error:
            where = ast.unparse(statement)[:FORMULA_WIDTH]
            return row | {"failed": f"{type(error).__name__}: {str(error)[:FORMULA_WIDTH]}, in {where}"}
        spent = time.perf_counter() - start
        row["seconds"] += spent
        row["imports"] += spent if isinstance(statement, ast.Import | ast.ImportFrom) else 0.0
    row["formula"] = str(space["formula"])
    texts = {"error": row["formula"], "unrounded": str(eval(arm.unrounded, space))}
    return row | {key: error_of(text, arm.inputs, X_test, y_test) for key, text in texts.items()}


def error_of(text: str, inputs: tuple[str, str], X, y) -> float:
    """Root mean square error of a printed formula over the deviation of ``y``; infinite where undefined."""
    import numpy as np
    import sympy

    expression = sympy.sympify(text)
    with np.errstate(all="ignore"):
        values = np.asarray(sympy.lambdify(sympy.symbols(inputs), expression, "numpy")(*X.T), dtype=complex)
    error = float(np.sqrt(np.mean(np.abs(values - y) ** 2)) / np.std(y))
    return error if np.isfinite(error) else float("inf")


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def _heading(seeds: int) -> str:
    from edgewise import __version__

    others = (f"{name} {importlib.metadata.version(name)}" for name in ("pykan", "torch", "numpy", "sympy"))
    load = f", load average {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
    numbers = f"{'seconds':>8}  {'imports':>8}  {'error':>8}  {'unrounded':>9}"
    return "\n".join(
        [
            f"exp(sin(pi*x) + y**2) on [-1, 1]^2, {ROWS} rows to learn from and {ROWS} to test on, {seeds} seed(s)",
            f"{datetime.date.today()}; edgewise {__version__}, {', '.join(others)}, Python {platform.python_version()}",
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, 1 thread{load}",
            "",
            f"{'seed':>4}  {'script':18}  {numbers}  printed formula",
        ]
    )


def _line(row: dict) -> str:
    start = f"{row['seed']:4d}  {row['arm']:18}"
    if "failed" in row:
        return f"{start}  FAILED after {row.get('seconds', float('nan')):.1f} s: {row['failed']}"
    text = row["formula"]
    text = text if len(text) <= FORMULA_WIDTH else f"{text[:FORMULA_WIDTH]}... ({len(text)} characters)"
    numbers = f"{row['seconds']:8.1f}  {row['imports']:8.1f}  {row['error']:8.1e}  {row['unrounded']:9.1e}"
    return f"{start}  {numbers}  {text}"


def _summary(rows: list[dict]) -> str:
    lines = ["", "median (smallest .. largest) over the seeds that came to a formula"]
    ours = ARMS["edgewise"]
    our_rows = {row["seed"]: row for row in _done(rows, ours)}
    for arm in ARMS.values():
        done, tried = _done(rows, arm), sum(row["arm"] == arm.name for row in rows)
        exact = sum(row["error"] < EXACT for row in done)
        lines += ["", f"{arm.name}: {len(done)} of {tried} came to a formula, {exact} exact as printed"]
        lines.append(f"  statements {arm.statements}, choices made by hand {arm.choices}")
        if done:
            lines.append(f"  seconds {_spread([row['seconds'] for row in done], '.1f')}")
            lines.append(f"  error of the printed formula {_spread([row['error'] for row in done], '.1e')}")
        pairs = [(row, our_rows[row["seed"]]) for row in done if row["seed"] in our_rows]
        if arm is not ours and pairs:
            lines += _ratios(arm, ours, pairs)
    return "\n".join(lines)


def _done(rows: list[dict], arm: Arm) -> list[dict]:
    return [row for row in rows if row["arm"] == arm.name and "failed" not in row]


def _ratios(arm: Arm, ours: Arm, pairs: list[tuple[dict, dict]]) -> list[str]:
    """What the peer takes over what edgewise takes, seed by seed."""
    times = [row["seconds"] / our["seconds"] for row, our in pairs]
    work = [(row["seconds"] - row["imports"]) / (our["seconds"] - our["imports"]) for row, our in pairs]
    errors = [row["error"] / max(our["error"], SMALLEST) for row, our in pairs]
    return [
        f"  over edgewise: time {_spread(times, '.1f')}, without imports {_spread(work, '.1f')}",
        f"  over edgewise: error {_spread(errors, '.1e')}, edgewise's counted as at least {SMALLEST}",
        f"  over edgewise: statements {arm.statements / ours.statements:.1f}, choices {arm.choices} to {ours.choices}",
    ]


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} .. {max(values):{form}})"


if __name__ == "__main__":
    main()
