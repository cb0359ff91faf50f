"""The pages of the gallery, each by one command:

    python examples/gallery.py fitting

writes ``runs/gallery/fitting/report.html`` and says how to open it. Without a name, all are made. Seeds are fixed;
where a time limit ends a fit, another machine may get a little further.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import edgewise
from edgewise import KAN, KANClassifier, KANRegressor, TrainConfig, train
from edgewise.view import page

DATA = Path(__file__).parent / "data"
STUDY = Path(__file__).parents[1] / "studies" / "depth"
Array = np.ndarray


def main() -> None:
    """Makes one page, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", choices=PROBLEMS, help="without it, all")
    parser.add_argument("--out", type=Path, default=Path("runs", "gallery"), help="folder for the pages")
    options = parser.parse_args()
    for name in [options.name] if options.name else PROBLEMS:
        folder = options.out / name
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{name}: {PROBLEMS[name](folder)}")
        print(f"open it with: python -m webbrowser {folder / 'report.html'}", flush=True)


def fitting(folder: Path) -> str:
    """A function of two variables from 500 noisy rows: the three curves it is made of come back."""
    draw = np.random.default_rng(0)
    X = draw.uniform(-1, 1, (500, 2))
    y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2) + 0.05 * draw.normal(size=500)
    kept, held = halves(len(X), 100)
    model = KANRegressor(hidden=(1,), intervals=(5, 10), max_seconds=30, random_state=0).fit(X[kept], y[kept])
    title = "Data fitting: y = exp(sin(π x1) + x2²) + noise"
    report = words(title, "fitting", model.fit_result_) | rows(model.network_, X, y, held)
    page(model.network_, X, folder / "report.html", report=report)
    return f"held-out error {error(model.network_, X[held], y[held]):.3f}, of which the noise is 0.050"


def planets(folder: Path) -> str:
    """The third law of Kepler from nine planets."""
    return law(folder, "planets", "period_years", "semi_major_axis_au")


def alpha_decay(folder: Path) -> str:
    """The law of Geiger and Nuttall from 182 nuclides, as far as it goes."""
    return law(folder, "alpha_decay", "log10_half_life_s", "protons,q_alpha_mev")


def classification(folder: Path) -> str:
    """Three growers of wine by thirteen measurements, each input through one curve a class."""
    from sklearn.datasets import load_wine

    wine = load_wine()
    kept, held = halves(len(wine.data), 60)
    model = KANClassifier(hidden=(), intervals=3, sparsity=0.003, max_seconds=30, random_state=0)
    model.fit(wine.data[kept], wine.target[kept])
    right = int((model.predict(wine.data[held]) == wine.target[held]).sum())
    said = f"{right} of {len(held)} held-out wines right"
    report = words("Classification: who grew this wine?", "classification", model.fit_result_)
    report["message"] = f"{said}; the outputs are log-odds of the three growers. {report['message']}"
    names = [name.replace("/", " / ").replace("_", " ") for name in wine.feature_names]
    targets = ["grower 1", "grower 2", "grower 3"]
    path = folder / "report.html"
    page(model.network_, wine.data, path, feature_names=names, target_names=targets, report=report)
    return said


def equation(folder: Path) -> str:
    """The Helmholtz equation on a square: the network finds that the solution is a product of two sines."""
    from edgewise.pde.problems import case
    from edgewise.pde.solve import solve

    one = case("helmholtz")
    solution = solve(one.build(0), max_seconds=one.seconds, seed=0)
    network = solution.networks["u"]
    axes = [torch.linspace(-1, 1, 32, dtype=torch.float64)] * 2
    X = torch.cartesian_prod(*axes)
    truth = one.exact["u"](X[:, 0], X[:, 1])
    said = f"relative error {one.error(solution):.1e} with {solution.count} parameters"
    report = words("Equation: u_xx + u_yy + u = f on a square, 0 on its edge", "equation") | {
        "status": solution.status,
        "message": f"{said}, against sin(πx) sin(4πy). {solution.message}",
        "seconds": solution.seconds,
        "history": [{"loss": level.loss, "parameters": level.parameters} for level in solution.history],
    }
    report |= {"inputs": X.numpy(), "observed": truth.numpy(), "predicted": solution(X.numpy())}
    page(network, X, folder / "report.html", feature_names=["x", "y"], target_names=["u"], report=report)
    return said


def deep(folder: Path) -> str:
    """The logistic map, applied four times, through a network six layers deep."""
    draw = np.random.default_rng(0)
    X = np.column_stack([draw.uniform(0, 1, 2000), draw.uniform(2.8, 3.6, 2000)])
    y = X[:, 0]
    for _ in range(4):
        y = X[:, 1] * y * (1 - y)
    kept, held = halves(len(X), 400)
    network = KAN([2, 4, 4, 4, 4, 4, 1], residual="scaled", generator=torch.Generator().manual_seed(0))
    config = TrainConfig(method="lbfgs", max_steps=300, max_seconds=120)
    result = train(network.double(), X[kept], y[kept], config)
    report = words("Deep network: the logistic map, four times over", "deep", result)
    report |= rows(result.network, X, y, held)
    names = ["start", "growth"]
    page(result.network, X, folder / "report.html", feature_names=names, report=report)
    return f"held-out error {error(result.network, X[held], y[held]) / y.std():.1e} of the deviation"


def study(folder: Path) -> str:
    """The report of the depth study, from the rows of its full run."""
    from edgewise.study.command import report_study

    for name in ("study.toml", "rows.sqlite"):
        shutil.copy(STUDY / name, folder)
    report_study(folder)
    return "from the rows of the full run; nothing is trained"


def knots(folder: Path) -> str:
    """An algebraic invariant of knots of up to 12 crossings from the geometry of the space around them."""
    from edgewise.study.tasks.knots import COLUMN_SETS, LARGEST, mirrored

    table = mirrored(np.random.default_rng(0))
    small = table.crossings <= LARGEST
    X, y = table.X[small], table.signature[small]
    slope = (X[:, 0] / (X[:, 1] + 1j * X[:, 2])).real
    kept, held = halves(len(X), 600)
    model = KANRegressor(hidden=(3,), intervals=(5,), max_seconds=60, random_state=0).fit(X[kept], y[kept])
    factors = np.linspace(-0.6, 0.6, 121)
    factor = max(factors, key=lambda c: (even(c * slope[kept]) == y[kept]).mean())
    told = (model.predict(X[held]), np.sign(factor) * 0.5 * slope[held], factor * slope[held])
    shares = [f"{(even(values) == y[held]).mean():.1%}" for values in told]
    said = (
        f"{shares[0]} of {len(held)} held-out knots right; half the natural slope gives {shares[1]}, "
        f"{abs(factor):.2g} times it, fitted like the network, {shares[2]}"
    )
    report = words("Knots: the signature from the shape of the cusp", "knots", model.fit_result_)
    report |= rows(model.network_, X, y, held)
    report["message"] = f"{said}. {report['message']}"
    names, path = COLUMN_SETS["all"], folder / "report.html"
    page(model.network_, X, path, feature_names=names, target_names=["signature"], report=report)
    return said


def even(numbers: Array) -> Array:
    """The nearest even numbers, which signatures of knots are."""
    return 2 * np.round(numbers / 2)


PROBLEMS: dict[str, Callable[[Path], str]] = {
    one.__name__: one for one in (fitting, planets, alpha_decay, classification, equation, deep, study, knots)
}


def law(folder: Path, table: str, target: str, features: str) -> str:
    """Runs ``edgewise fit`` on a table of the examples."""
    data = str(DATA / f"{table}.csv")
    call = ["fit", data, "--target", target, "--features", features, "--out", str(folder), "--seconds", "60"]
    done = subprocess.run(
        [sys.executable, "-m", "edgewise", *call], check=True, stdout=subprocess.PIPE, text=True
    )
    return next(line.strip() for line in done.stdout.splitlines() if line.lstrip().startswith(">"))


def words(title: str, name: str, result: Any = None) -> dict[str, Any]:
    """What the page of a problem says of it."""
    said: dict[str, Any] = {
        "title": title,
        "settings": {"seed": 0, "source": f"examples/gallery.py, function {name}"},
        "versions": {"edgewise": edgewise.__version__, "torch": torch.__version__},
        "command": f"python examples/gallery.py {name}",
    }
    if result is not None:
        said |= {"status": result.status, "message": result.message, "seconds": result.seconds}
        said |= {"history": result.history}
    return said


def rows(network: KAN, X: Array, y: Array, held: Sequence[int]) -> dict[str, Any]:
    """Rows of data for the plots, and which of them were held out."""
    is_held = np.isin(np.arange(len(X)), held)
    return {"inputs": X, "observed": y, "predicted": values(network, X), "held": is_held}


def values(network: KAN, X: Array) -> Array:
    """What a network of one output gives at rows."""
    with torch.no_grad():
        return network(torch.tensor(X, dtype=torch.float64))[:, 0].numpy()


def error(network: KAN, X: Array, y: Array) -> float:
    """Root mean square error."""
    return float(np.sqrt(np.mean((values(network, X) - y) ** 2)))


def halves(count: int, held: int) -> tuple[Array, Array]:
    """Row numbers to fit and to judge by."""
    order = np.random.default_rng(0).permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])


if __name__ == "__main__":
    main()
