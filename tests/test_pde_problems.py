"""References of the built-in problems beside other truths: finite differences, other resolutions, the equations."""

import numpy as np
import pytest
import torch

from edgewise import InputError
from edgewise.pde.command import names, run
from edgewise.pde.conditions import Condition, Periodic
from edgewise.pde.problems import CASES, case, cavity, darcy, references, vorticity
from edgewise.pde.problems.case import fresh

STEP = {1: 1e-5, 2: 1e-3, 3: 5e-3}


class Differences:
    """A known function as an unknown: derivatives by central differences of fourth order."""

    def __init__(self, function, points, coordinates):
        self.function, self.points, self.coordinates = function, points, coordinates
        self.value = function(*points.T)

    def d(self, *by):
        order = tuple(by.count(name) for name in self.coordinates)
        return self._derived(self.points, order)

    def _derived(self, points, order):
        axis = next((k for k, n in enumerate(order) if n), None)
        if axis is None:
            return self.function(*points.T)
        below = tuple(n - (k == axis) for k, n in enumerate(order))
        h = STEP[min(sum(order), 3)]
        moved = torch.zeros(points.shape[1], dtype=torch.float64)
        moved[axis] = h
        near = self._derived(points + moved, below) - self._derived(points - moved, below)
        far = self._derived(points + 2 * moved, below) - self._derived(points - 2 * moved, below)
        return (8 * near - far) / (12 * h)

    def __getattr__(self, text):
        return self.d(*text)

    def __mul__(self, other):
        return self.value * getattr(other, "value", other)

    __rmul__ = __mul__

    def __pow__(self, power):
        return self.value**power

    def __add__(self, other):
        return self.value + getattr(other, "value", other)

    __radd__ = __add__


SOLVED = [
    name
    for name, one in CASES.items()
    if all(callable(exact) for exact in one.exact.values())
    and set(one.exact) == set(one.build(0).unknowns)
    and not any(law.is_energy for law in one.build(0).equations.values())
]


@pytest.mark.parametrize("name", SOLVED)
def test_the_reference_solves_the_equation(name):
    one = case(name)
    problem = one.build(0)
    low, high = torch.tensor(problem.domain.bounds, dtype=torch.float64).T
    points = fresh(problem, 60, 5)
    points = low + (high - low) * (0.06 + 0.88 * (points - low) / (high - low))
    points = points[problem.domain.inside(points)]
    if name == "burgers":
        points = points[points[:, 0].abs() > 0.1]
    if name in ("allen-cahn", "kdv"):
        points = points[points[:, 1] < 0.5]
    if name == "l-shape":
        points = points[points.norm(dim=1) > 0.2]
    fields = {
        unknown: Differences(exact, points, problem.domain.coordinates)
        for unknown, exact in one.exact.items()
    }
    for equation, law in problem.equations.items():
        residual = problem.evaluate(law, points, fields)
        assert float(residual.abs().max()) < 2e-3, equation


@pytest.mark.parametrize("name", SOLVED)
def test_the_reference_meets_its_conditions(name):
    one = case(name)
    problem = one.build(0)
    axes = [torch.linspace(low, high, 9, dtype=torch.float64) for low, high in problem.domain.bounds]
    for condition in problem.conditions.values():
        if isinstance(condition, Condition) and condition.target is not None:
            for piece in problem.domain.on(condition.on):
                points = piece.sample(axes)[0]
                target = problem.evaluate(condition.target, points, {})
                torch.testing.assert_close(one.exact[condition.pins](*points.T), target, rtol=0, atol=1e-9)
        if isinstance(condition, Periodic):
            assert problem.domain.coordinates.index(condition.axis) == 0
            t = axes[1]
            ends = [one.exact["u"](torch.full_like(t, end), t) for end in problem.domain.bounds[0]]
            torch.testing.assert_close(*ends, rtol=0, atol=1e-9)


def test_cole_hopf_does_not_depend_on_its_nodes():
    x, t = torch.rand(2, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    one, two = (references.burgers(2 * x - 1, t, 0.01 / np.pi, nodes) for nodes in (100, 300))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


@pytest.mark.parametrize("table", [references._allen_cahn, references._kdv])
def test_fourier_references_do_not_depend_on_their_resolution(table):
    """Twice as many steps, and half as many modes."""
    steps = {references._allen_cahn: 1000, references._kdv: 5000}[table]
    x, t = np.linspace(-0.99, 0.99, 37), np.linspace(0.0, 1.0, 11)
    fine, coarse, slow = (table(*size)(t, x) for size in ((1024, steps), (512, steps), (1024, 2 * steps)))
    np.testing.assert_allclose(coarse, fine, atol=2e-5)
    np.testing.assert_allclose(slow, fine, atol=1e-6)


def test_the_cavity_is_that_of_the_literature():
    """Extremes on the centre lines by Ghia, Ghia and Shin (1982), table I and II, whose grid has 129 points."""
    line, middle = (
        torch.linspace(0, 1, 400, dtype=torch.float64),
        torch.full((400,), 0.5, dtype=torch.float64),
    )
    u, v = vorticity.cavity_u(middle, line), vorticity.cavity_v(line, middle)
    assert float(u.min()) == pytest.approx(-0.21090, abs=5e-3)
    assert float(v.max()) == pytest.approx(0.17527, abs=5e-3)
    assert float(v.min()) == pytest.approx(-0.24533, abs=1e-2)
    assert float(line[v.argmax()]) == pytest.approx(0.2344, abs=5e-3)


def test_the_cavity_does_not_depend_on_its_grid():
    x, y = torch.rand(2, 500, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).numpy()
    fine, coarse = (vorticity.stream_function(cells)(x, y, dy=1, grid=False) for cells in (96, 72))
    assert np.linalg.norm(fine - coarse) < 1e-3 * np.linalg.norm(fine)


@pytest.mark.parametrize("corner", [cavity.LEFT, cavity.RIGHT])
def test_a_corner_slides_on_the_lid_rests_on_its_wall_and_creeps(corner, generator):
    t = 0.1 + 0.8 * torch.rand(20, dtype=torch.float64, generator=generator)
    one, wall = torch.ones_like(t), torch.full_like(t, float(corner.is_right))
    torch.testing.assert_close(corner.y(t, one), one)
    for part in (corner.value(t, one), corner.value(wall, t), corner.x(wall, t), corner.y(wall, t)):
        torch.testing.assert_close(part, torch.zeros_like(t), rtol=0, atol=1e-12)
    points = torch.stack([t, t.flip(0) * 0.8], dim=1)
    by_hand = Differences(lambda x, y: corner.value(x, y), points, ("x", "y"))
    torch.testing.assert_close(by_hand.x, corner.x(*points.T), rtol=0, atol=1e-8)
    torch.testing.assert_close(by_hand.y, corner.y(*points.T), rtol=0, atol=1e-8)
    torch.testing.assert_close(by_hand.xxx + by_hand.xyy, corner.bend_x(*points.T), rtol=0, atol=1e-3)
    torch.testing.assert_close(by_hand.xxy + by_hand.yyy, corner.bend_y(*points.T), rtol=0, atol=1e-3)


def test_layers_conserve_what_flows():
    """``a u'' = -1`` on both sides and ``a u'`` the same at the jump."""
    step = 1e-4
    x = torch.tensor([0.1, 0.3, 0.5, 0.9], dtype=torch.float64)
    a = torch.where(x < darcy.JUMP, darcy.SLOW, darcy.FAST)
    bend = (darcy.layers(x + step, x) - 2 * darcy.layers(x, x) + darcy.layers(x - step, x)) / step**2
    torch.testing.assert_close(a * bend, -torch.ones_like(x), rtol=0, atol=1e-5)
    jump = torch.tensor([darcy.JUMP], dtype=torch.float64)
    slopes = [(darcy.layers(jump + s, jump) - darcy.layers(jump, jump)) / s for s in (-1e-7, 1e-7)]
    assert float(slopes[0] * darcy.SLOW) == pytest.approx(float(slopes[1] * darcy.FAST), abs=1e-5)


def test_finite_volumes_converge_and_know_the_plain_square(monkeypatch):
    points = np.random.default_rng(0).random((500, 2))
    far, near, best = (darcy._block(fine)(points) for fine in (32, 64, 128))
    assert np.linalg.norm(near - best) < np.linalg.norm(far - best) / 3
    monkeypatch.setattr(darcy, "FAST", 1.0)
    assert darcy._volumes(64).max() == pytest.approx(
        0.0736713, rel=1e-3
    )  # Timoshenko's torsion of a square bar


def test_the_command_solves_and_tells():
    solution, told = run("heat", seconds=20)
    assert told["relative_l2"] <= told["target"]
    assert told["parameters"] == solution.count
    assert told["problem"] == "heat"
    assert set(names()) == set(CASES)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(InputError, match="poisson"):
        case("poison")
