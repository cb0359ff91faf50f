"""The other programs: pyoperon, gplearn, and pykan's automatic mode, each in its best settings we found.

Their formulas are handed back as texts of plain arithmetic in the symbols of the table. ``README.md`` says what was
chosen for each and why.
"""

import ast
import time
import warnings
from typing import Any

import numpy as np
from formula_methods import Fit, Found, Method, Table, edgewise
from formula_refit import refits
from formula_score import limited

from edgewise.symbolic.parser import parse

OPERON_SYMBOLS = "add,sub,mul,div,square,sqrt,exp,log,sin,cos,constant,variable"
SINGLE_PRECISION = 1e-13
REFIT_SHARE = 0.04
ENDLESS = 10**9
GPLEARN = {
    "add": "({} + {})",
    "sub": "({} - {})",
    "mul": "({} * {})",
    "div": "({} / {})",
    "sqrt": "sqrt(abs({}))",
    "log": "log(abs({}))",
    "sin": "sin({})",
    "cos": "cos({})",
    "exp": "exp({})",
}
PYKAN_SHARES = (0.25, 0.4, 0.9)
PYKAN_ROWS = 200
PYKAN_ROUNDS, PYKAN_STEPS = 5, 10


def pyoperon() -> Fit:
    """Multi-objective (fit and length) with Levenberg-Marquardt on constants; BIC chooses on the front."""
    from pyoperon.sklearn import SymbolicRegressor

    def fit(table: Table) -> Found:
        model = SymbolicRegressor(
            allowed_symbols=OPERON_SYMBOLS,
            objectives=["r2", "length"],
            optimizer_iterations=10,
            population_size=1000,
            max_length=50,
            max_depth=10,
            epsilon=0.0,
            generations=ENDLESS,
            max_evaluations=ENDLESS,
            max_time=int(table.seconds),
            n_threads=1,
            random_state=table.seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(table.X, table.y)
        spread, rows = np.var(table.y), len(table.y)
        best = min(
            model.pareto_front_,
            key=lambda found: (
                rows * np.log(found["mean_squared_error"] / spread + SINGLE_PRECISION)
                + found["length"] * np.log(rows)
            ),
        )
        text = model.get_model_string(best["tree"], 12, list(table.symbols)).replace("^", "**")
        return Found(in_double_precision(text, table))

    return fit


def in_double_precision(text: str, table: Table) -> str:
    """The formula with its constants fitted once more, for a program that computes in single precision.

    In a share of the time so small that it makes nobody late; when that is not enough, the formula as it was.
    """
    found = parse(text, table.symbols)
    with limited(REFIT_SHARE * table.seconds):
        found = next(refits(found, table.symbols, table.X, table.y), found)
    return str(found)


def gplearn() -> Fit:
    """Generations until time is up; the best of all of them by error and parsimony."""
    from gplearn.functions import make_function
    from gplearn.genetic import SymbolicRegressor

    def bounded_exp(values: np.ndarray) -> np.ndarray:
        return np.exp(np.clip(values, -100, 100))

    functions = ("add", "sub", "mul", "div", "sqrt", "log", "sin", "cos")
    function_set = [*functions, make_function(function=bounded_exp, name="exp", arity=1)]

    def fit(table: Table) -> Found:
        start, last, generation = time.perf_counter(), 0.0, 0
        spread = float(np.std(table.y))
        parsimony = 1e-4 * spread
        model = SymbolicRegressor(
            population_size=1000,
            generations=1,
            stopping_criteria=1e-12 * spread,
            const_range=(-5.0, 5.0),
            function_set=function_set,
            metric="rmse",
            parsimony_coefficient=parsimony,
            p_crossover=0.7,
            p_subtree_mutation=0.1,
            p_hoist_mutation=0.05,
            p_point_mutation=0.1,
            feature_names=list(table.symbols),
            warm_start=True,
            low_memory=True,
            n_jobs=1,
            random_state=table.seed,
        )
        best: tuple[float, str] = (np.inf, "0")
        while time.perf_counter() - start + last < table.seconds and best[0] > 1e-10 * spread:
            generation += 1
            began = time.perf_counter()
            model.set_params(generations=generation).fit(table.X, table.y)
            last = time.perf_counter() - began
            program: Any = model._program
            best = min(best, (program.raw_fitness_ + parsimony * program.length_, str(program)))
        return Found(infix(best[1]))

    return fit


def infix(text: str) -> str:
    """gplearn's calls as arithmetic; its protected root and logarithm take absolute values."""

    def write(node: ast.expr) -> str:
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            return GPLEARN[node.func.id].format(*map(write, node.args))
        return ast.unparse(node)

    return write(ast.parse(text, mode="eval").body)


def pykan() -> Fit:
    """Its tutorial's flow with nothing picked by hand, each training cut short to fit the time."""
    import sympy
    import torch
    from kan import KAN

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)

    def fit(table: Table) -> Found:
        start = time.perf_counter()
        X, y = torch.tensor(table.X), torch.tensor(table.y)[:, None]
        data = {"train_input": X, "train_label": y, "test_input": X, "test_label": y}

        def train(share: float, **settings: float) -> None:
            for _ in range(PYKAN_ROUNDS):
                if time.perf_counter() - start < share * table.seconds:
                    model.fit(data, opt="LBFGS", steps=PYKAN_STEPS, **settings)

        first, second, third = PYKAN_SHARES
        model = KAN(width=[X.shape[1], 5, 1], grid=3, k=3, seed=table.seed)
        train(first, lamb=0.001)
        model = model.prune()
        train(second)
        model(X[:PYKAN_ROWS])  # the rows that it matches functions to; all of them would take minutes
        model.auto_symbolic()
        train(third)
        names = [sympy.Symbol(name) for name in table.symbols]
        return Found(str(model.symbolic_formula(var=names)[0][0]))

    return fit


METHODS = {
    "edgewise": Method("edgewise", edgewise),
    "pyoperon": Method("pyoperon", pyoperon),
    "gplearn": Method("gplearn", gplearn),
    "pykan": Method("pykan", pykan),
}
