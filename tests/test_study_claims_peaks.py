"""Peaks in sequence: the paper's published error, and a matrix that says what it says."""

import numpy as np
import pytest
from scipy.stats import norm

from edgewise.errors import InputError
from edgewise.study.claims.case import Case
from edgewise.study.claims.peaks import centers, measured, target

SPLINE = Case("peaks", "spline", "peaks-1d", 1, rows=100, sizes=(200,), parameters=203, steps=1000, rate=0.1)


def test_the_target_is_five_gaussians():
    x = np.linspace(-1, 1, 50)
    width = 600**-0.5
    expected = sum(norm.pdf(x, c, width) for c in (-0.8, -0.4, 0, 0.4, 0.8)) * width * (2 * np.pi) ** 0.5
    assert target("peaks-1d", x[:, None]) == pytest.approx(expected)
    assert target("peaks-2d", np.array([[0.0, 0.0], [2 / 3, -2 / 3]])) == pytest.approx([1.0, 1.0])


def test_the_order_is_the_seeds_and_the_peaks_are_the_same():
    orders = [centers("peaks-2d", seed) for seed in range(4)]
    assert len({order.tobytes() for order in orders}) > 1
    assert len({np.sort(order.sum(1)).round(9).tobytes() for order in orders}) == 1
    with pytest.raises(InputError, match="choose one of: peaks-1d, peaks-2d"):
        centers("peaks-3d", 0)


@pytest.mark.slow
def test_the_papers_network_keeps_its_peaks_as_published():
    finding = measured(SPLINE)  # pykan's example 8: 4.0e-6 after every phase
    table = np.array(finding.numbers)
    assert table.shape == (6, 5)
    assert np.diagonal(table[1:]) == pytest.approx(4.0e-6, rel=0.1)
    assert table[-1] == pytest.approx(4.0e-6, rel=0.1)
    assert finding.error == pytest.approx(np.sqrt(np.mean(table[-1] ** 2)))


def test_only_the_shown_region_changes_for_splines_without_base():
    finding = measured(Case(**{**SPLINE.__dict__, "steps": 20}))
    table, order = np.array(finding.numbers), np.argsort(centers("peaks-1d", 1)[:, 0])
    place = np.empty(5, int)
    place[order] = np.arange(5)
    for phase in range(5):
        for region in range(5):
            changed = table[phase + 1, region] != table[phase, region]
            assert changed == (abs(place[phase] - place[region]) <= 1)  # splines reach over a border
    assert finding.parameters == 203


@pytest.mark.parametrize("arm", ["kan-critical", "mlp", "learned"])
def test_rivals_have_as_many_parameters(arm):
    finding = measured(
        Case("peaks", arm, "peaks-2d", 0, rows=16, sizes=(40,), parameters=645, steps=2, rate=0.01)
    )
    assert finding.status == "done"
    assert finding.parameters == pytest.approx(645, rel=0.02)


def test_what_diverges_is_a_failed_finding():
    finding = measured(Case("peaks", "mlp", "peaks-1d", 0, rows=9, parameters=203, steps=3, rate=1e300))
    assert (finding.status, finding.error) == ("failed", None)
