"""The equations under examples/ beside solutions that share no code with edgewise, and short enough to be examples."""

import ast
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(EXAMPLES))
try:
    import eccentric_pipe
    import predators
    import wave_packet
finally:
    sys.path.remove(str(EXAMPLES))

LONGEST = 25


def relative(found, truth):
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))


def points(solution, count=2000):
    """Random points of the domain."""
    low, high = torch.tensor(solution.problem.domain.bounds, dtype=torch.float64).T
    share = torch.rand(count, len(low), dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    rows = low + (high - low) * share
    return rows[solution.problem.domain.inside(rows)].numpy()


def solved(example, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return example.solved(seed=0, **settings)


def between_pipes(rows):
    """``log |z - a| / |z - b|`` takes one value on each circle where ``a b = 1`` and ``(a - d) (b - d) = r^2``."""
    center, radius = complex(*eccentric_pipe.HOLE), eccentric_pipe.RADIUS
    d = abs(center)
    both = (1 + d**2 - radius**2) / d
    a, b = ((both + sign * np.sqrt(both**2 - 4)) / 2 * center / d for sign in (-1, 1))

    def height(z):
        return np.log(np.abs((z - a) / (z - b)))

    outer, inner = height(np.array([1.0 + 0j, center + radius]))
    return (height(rows[:, 0] + 1j * rows[:, 1]) - outer) / (inner - outer)


def test_heat_between_pipes_is_that_of_two_line_charges():
    solution = solved(eccentric_pipe, rank=8, cells=17, max_seconds=60)
    rows = points(solution)
    assert relative(solution(rows), between_pipes(rows)) < 5e-3


def test_hares_and_lynxes_follow_a_stepping_method():
    solution = solved(predators, cells=40, adaptive=False, max_seconds=60)
    t = np.linspace(0, 12, 200)
    stepped = solve_ivp(
        lambda _, y: [y[0] * (1 - y[1]), y[1] * (y[0] - 1)],
        (0, 12),
        [1.5, 0.5],
        t_eval=t,
        rtol=1e-10,
        atol=1e-12,
    ).y
    found = solution(t=t)
    for name, truth in zip(("hares", "lynxes"), stepped, strict=True):
        assert relative(found[name], truth) < 1e-3


def test_a_packet_in_a_bowl_swings_without_spreading():
    solution = solved(wave_packet, rank=4, cells=16, max_seconds=60)
    rows = points(solution)
    x, t = rows.T
    phase = t / 2 + x * np.sin(t) - np.sin(2 * t) / 4
    truth = np.exp(-((x - np.cos(t)) ** 2) / 2) * np.exp(-1j * phase)
    found = solution(rows)
    assert relative(found["u"] + 1j * found["v"], truth) < 1e-2


@pytest.mark.parametrize("name", ["eccentric_pipe", "predators", "wave_packet"])
def test_a_problem_takes_few_lines(name):
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))
    (solved,) = (part for part in tree.body if isinstance(part, ast.FunctionDef))
    assert solved.end_lineno - solved.lineno + 1 < LONGEST
