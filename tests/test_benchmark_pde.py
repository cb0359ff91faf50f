"""The peers of ``benchmarks/pde.py``: the perceptron's derivatives, and DeepXDE's losses at known solutions."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.autograd import grad

from edgewise.pde import Box, Interval, Problem, dirichlet, energy, initial, odd
from edgewise.pde.problems import CASES, case
from edgewise.pde.taylor import Orders

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    import pde as script
    import pde_deepxde
    import pde_paper
    import pde_perceptron
    import pde_table
finally:
    sys.path.remove(str(BENCHMARKS))

SOLVED = [name for name, one in CASES.items() if all(callable(exact) for exact in one.exact.values())]
TABLES = ("burgers", "allen-cahn", "kdv", "cavity", "darcy-block")  # have no autograd
SMOOTH = [name for name in SOLVED if name not in TABLES]


MIRRORED = Problem(
    "u",
    Box(x=(-1, 1), t=(0, 1)),
    {"burgers": lambda u: u.t + u * u.x - u.xx},
    {
        "ends": dirichlet("u", 0.0, on="x"),
        "start": initial("u", lambda x: -torch.sin(torch.pi * x)),
        "mirror": odd("u", "x"),
    },
)


def tanh(problem, hidden=(7, 6)):
    generator = torch.Generator().manual_seed(0)
    net = pde_perceptron.Tanh(problem, problem.unknowns[0], hidden, generator)
    net.assign(0.7 * torch.randn(len(net.free()), generator=generator, dtype=torch.float64))
    low, high = torch.tensor(problem.domain.bounds, dtype=torch.float64).T
    points = low + (high - low) * torch.rand(6, len(low), generator=generator, dtype=torch.float64)
    return problem, net, points


def by_autograd(net, points, weights):
    """Derivatives of the network's own values, and the values themselves, by autograd."""
    orders = Orders([(0,) * points.shape[1]])

    def value(x):
        return pde_perceptron.TanhJets(net, x, orders).run(weights)[0, :, 0]

    def derived(x, index):
        axis = next((k for k, n in enumerate(index) if n), None)
        if axis is None:
            return value(x)
        below = tuple(n - (k == axis) for k, n in enumerate(index))
        return grad(derived(x, below).sum(), x, create_graph=True)[0][:, axis]

    return derived


@pytest.mark.parametrize("name", ["mirrored", "convection", "klein-gordon"])
def test_the_perceptrons_derivatives_and_jacobian_are_autograds(name):
    problem, net, points = tanh(MIRRORED if name == "mirrored" else case(name).build(0))
    orders = Orders([*problem.orders["u"].indices, (3,) + (0,) * (points.shape[1] - 1)])
    jets = net.jets(points, orders)
    found = jets.run(net.free())[..., 0]
    weights, x = net.free().clone().requires_grad_(), points.clone().requires_grad_()
    derived = by_autograd(net, points, weights)
    truth = torch.stack([derived(x, index) for index in orders.indices])
    torch.testing.assert_close(found, truth.detach(), rtol=1e-9, atol=1e-10)
    upstream = torch.randn(*found.shape, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    sums = (upstream[..., 0] * truth).sum(0)
    rows = torch.stack([grad(one, weights, retain_graph=True)[0] for one in sums])
    torch.testing.assert_close(jets.columns(upstream), rows, rtol=1e-9, atol=1e-9)


def test_what_is_built_into_edgewise_is_built_into_the_perceptron():
    _, net, points = tanh(MIRRORED)
    mirror = points * torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(net.values(mirror), -net.values(points))
    start = torch.stack([points[:, 0], torch.zeros(6)], dim=1)
    torch.testing.assert_close(net.values(start), -torch.sin(torch.pi * start[:, 0]), rtol=0, atol=1e-12)
    _, net, points = tanh(case("convection").build(0))
    ends = [points.clone() for _ in range(2)]
    ends[0][:, 0], ends[1][:, 0] = 0.0, 2 * torch.pi
    for index in ((0, 0), (1, 0), (2, 1)):
        low, high = (net.derivative(rows, index) for rows in ends)
        torch.testing.assert_close(low, high, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("name", "limit"), [("heat", 1e-2), ("inverse-diffusion", 0.1), ("darcy-layers", 0.2)]
)
def test_the_perceptron_solves_easy_problems(name, limit):
    one = case(name)
    answer = pde_perceptron.solve_perceptron(one.build(0), 4.0, 0)
    assert one.error(answer) < limit
    assert answer.count <= pde_perceptron.LIMIT
    assert set(answer.parameters) == set(one.build(0).parameters)
    points = torch.full((3, 2), 0.4, dtype=torch.float64)
    step = torch.tensor([1e-6, 0.0], dtype=torch.float64)
    rough = (answer(points + step) - answer(points - step)) / 2e-6
    torch.testing.assert_close(answer.derivative("u", "x", points), rough, rtol=1e-5, atol=1e-6)


class ByAutograd:
    """Stands in for ``dde.grad``."""

    @staticmethod
    def jacobian(ys, xs, i, j):
        return grad(ys[:, i].sum(), xs, create_graph=True)[0][:, j : j + 1]

    @classmethod
    def hessian(cls, ys, xs, component, i, j):
        return cls.jacobian(cls.jacobian(ys, xs, component, i), xs, 0, j)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_losses_for_deepxde_vanish_at_the_solution(name):
    one = case(name)
    problem = one.build(0)
    caller = pde_deepxde.Caller(SimpleNamespace(grad=ByAutograd), problem, {})
    own = pde_deepxde.Recipe((8,), "", 1, 60, 40, 40)

    def outputs(points):
        inputs = points.double().requires_grad_()
        columns = [one.exact[unknown](*inputs.T) for unknown in problem.unknowns]
        return inputs, torch.stack(columns, dim=1)

    points = pde_deepxde.fresh(problem, own.domain, 0)
    for law, left in zip(problem.equations.values(), caller.equations(*outputs(points)), strict=True):
        assert left.shape == (len(points), 1)
        assert law.is_energy or float(left.detach().abs().max()) < 1e-6
    terms = pde_deepxde.conditions(caller, own, 0)
    assert terms
    for term in terms:
        rows = torch.from_numpy(term.collocation_points(None))
        inputs, found = outputs(torch.cat([points.float()[:3], rows]))
        left = term.error(None, inputs, found, 3, 3 + len(rows))
        assert float(left.detach().abs().max()) < 2e-5  # points in single precision


def test_a_loss_for_deepxde_does_not_vanish_elsewhere():
    problem = case("convection").build(0)
    caller = pde_deepxde.Caller(SimpleNamespace(grad=ByAutograd), problem, {})
    terms = pde_deepxde.conditions(caller, pde_deepxde.Recipe((8,), "", 1, 60, 40, 40), 0)
    for term in terms:
        inputs = torch.from_numpy(term.collocation_points(None)).double().requires_grad_()
        found = (inputs[:, :1] + 0.1) ** 2
        assert float(term.error(None, inputs, found, 0, len(inputs)).detach().abs().max()) > 0.1


def test_an_energy_is_lowered_as_it_is_and_conditions_keep_their_weights():
    """Of ``u = x (1 - x)`` between plates with ``a = 1`` and ``f = 1``, ``E = int u_x^2 / 2 - u = 0``."""
    bar = Problem(
        "u", Interval(x=(0, 1)), {"bar": energy(lambda u: u.x**2 / 2 - u.value)}, {"ends": dirichlet("u")}
    )
    caller = pde_deepxde.Caller(SimpleNamespace(grad=ByAutograd), bar, {})
    own = pde_deepxde.Recipe((8,), "", 1, 1000, 2, 2)
    terms = pde_deepxde.conditions(caller, own, 0)
    told = pde_deepxde._losses(bar, terms)
    x = pde_deepxde.fresh(bar, own.domain, 0).requires_grad_()
    (density,) = caller.equations(x, x * (1 - x))
    assert float(told["loss"][0](None, density).detach()) == pytest.approx(1 / 6 - 1 / 6, abs=1e-4)
    assert told["loss"][1:] == ["MSE"] * len(terms)
    assert told["loss_weights"] == [1.0, *(term.weight**2 for term in terms)]
    assert pde_deepxde._losses(case("heat").build(0), terms) == {}


def row(method, problem, error, **more):
    facts = {"seed": 0, "limit": 60.0, "target": 1e-3, "seconds": 5.0, "parameters": 100, "note": "said"}
    return {"method": method, "problem": problem, "error": error, **facts, **more}


def test_the_table_counts_ties_to_the_digits_shown_and_names_losses():
    rows = [
        row("edgewise", "heat", 1.001e-4),
        row("deepxde", "heat", 1.0e-4),
        row("edgewise", "kdv", 2e-1, message="its waves travel"),
        row("deepxde", "kdv", 1e-1),
        row("edgewise", "wave", float("inf"), failed="killed"),
        row("deepxde", "wave", float("inf"), failed="killed"),
    ]
    text = pde_table.report(rows)
    assert "edgewise meets its aim on 1 of 3" in text
    assert "as good as deepxde or better on 1 of 3" in text
    assert "lost: kdv: 2.0e-01 to 1.0e-01; edgewise says: its waves travel" in text
    assert "| even |" in text
    assert "- failed: wave, deepxde, seed 0: killed" in text


@pytest.mark.slow
def test_rows_are_kept_and_not_run_again(tmp_path):
    file = tmp_path / "rows.jsonl"
    command = [
        sys.executable,
        str(BENCHMARKS / "pde.py"),
        "--only",
        "heat",
        "--seeds",
        "0",
        "--json",
        str(file),
    ]
    source = str(BENCHMARKS.parent / "src")
    for _ in range(2):
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": source}, capture_output=True, text=True, check=True
        )
        (kept,) = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert kept["error"] < 1e-6
        assert "meets its aim on 1 of 1" in done.stdout
    assert script.cell_of(kept) == script.Cell("edgewise", "heat", 0, 60.0)


def test_the_papers_laplacian_and_exact_solution_belong_together():
    problem = pde_paper.poisson()
    one = pde_perceptron.Tanh(problem, "u", (9, 8), torch.Generator().manual_seed(0))
    x = 2 * torch.rand(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 1
    layers = one.layers(one.free())
    bends = sum(one.derivative(x, index) for index in ((2, 0), (0, 2)))
    torch.testing.assert_close(pde_paper._laplacian(layers, x), bends)
    torch.testing.assert_close(pde_paper._value(layers, x), one.values(x))
    x = x.requires_grad_()
    fields = {"u": SimpleNamespace(xx=0.0, yy=0.0)}
    source = -problem.evaluate(problem.equations["poisson"], x, fields)
    slopes = grad(pde_paper.exact(*x.T).sum(), x, create_graph=True)[0]
    bend = sum(grad(slopes[:, k].sum(), x, retain_graph=True)[0][:, k] for k in range(2))
    torch.testing.assert_close(bend, source.detach(), rtol=1e-9, atol=1e-9)


def test_the_papers_rows_are_made_once_and_failed_ones_again(tmp_path, monkeypatch, capsys):
    file, made = tmp_path / "paper.jsonl", []

    def run(cell):
        made.append(cell.arm)
        row = {"arm": cell.arm, "seed": cell.seed, "limit": cell.limit, "mse": 2e-6, "relative": 3e-3}
        if made.count("own") == 1 and cell.arm == "own":
            return row | {"failed": "no luck"}
        return row | {"parameters": 80, "steps": 9, "seconds": 1.0}

    monkeypatch.setattr(pde_paper, "run", run)
    for only in ("published-network", "own", "own", "own,best-small"):
        words = ["pde_paper.py", "--seconds", "5", "--only", only, "--json", str(file)]
        monkeypatch.setattr("sys.argv", words)
        pde_paper.main()
    assert made == ["published-network", "own", "own", "best-small"]
    said = capsys.readouterr().out.split("As it was published:")[-1]
    first, second = said.split("By one better method")
    assert "| [2, 10, 1], cubic | L-BFGS | 80 | 1 | 9 | 2.0e-06 | 3.0e-03 |" in first
    assert "| sum of products, quintic | edgewise.pde.solve | 80 |" in second
    assert "| 3 x 16, tanh |" in second
    monkeypatch.setattr("sys.argv", ["pde_paper.py", "--only", "theirs"])
    with pytest.raises(SystemExit):
        pde_paper.main()
