"""Knots: a few whose numbers anyone can look up, and what must follow from the definitions."""

import numpy as np
import pandas as pd
import pytest

from edgewise.errors import InputError
from edgewise.study.cell import Cell
from edgewise.study.measurement import measure
from edgewise.study.tasks import make
from edgewise.study.tasks.knots import mirrored, whole_table


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return whole_table().set_index("name")


def test_the_figure_eight_knot_is_what_the_books_say(table):
    knot = table.loc["K4a1"]  # two regular ideal tetrahedra; the cusp shape is 2 sqrt(3) i
    assert knot["signature"] == 0
    assert knot["volume"] == pytest.approx(2.0298832128, abs=1e-6)
    assert knot["cusp_volume"] == pytest.approx(3**0.5, abs=1e-6)
    assert (knot["lambda"], abs(knot["mu_im"])) == pytest.approx((2 * 3**0.5, 1.0), abs=1e-6)
    assert knot["mu_re"] == 0


def test_small_knots_have_their_volumes_and_signatures(table):
    # 5_2 with 2.82812, and 6_1, 6_2, 6_3 with 3.16396, 4.40083, 5.69302: signatures 2, 0, 2, 0
    five = table[table["crossings"] == 5]
    assert [(round(v, 5), abs(s)) for v, s in zip(five["volume"], five["signature"], strict=True)] == [
        (2.82812, 2)
    ]
    six = table[table["crossings"] == 6].sort_values("volume")
    assert six["volume"].round(5).tolist() == [3.16396, 4.40083, 5.69302]
    assert six["signature"].abs().tolist() == [0, 2, 0]


def test_all_hyperbolic_knots_of_12_crossings_are_there(table):
    # prime knots by crossings (OEIS A002863) less the torus knots 3_1, 5_1, 7_1, 8_19, 9_1, 10_124, 11a367
    primes = {4: 1, 5: 2, 6: 3, 7: 7, 8: 21, 9: 49, 10: 165, 11: 552, 12: 2176, 13: 2000}
    torus = {5: 1, 7: 1, 8: 1, 9: 1, 10: 1, 11: 1}
    assert table["crossings"].value_counts().to_dict() == {n: k - torus.get(n, 0) for n, k in primes.items()}
    assert table.index.is_unique


def test_the_maximal_cusp_has_twice_its_volume_as_area(table):
    # the torus spanned by a real longitude and the meridian has the area lambda Im mu
    area = (table["lambda"] * table["mu_im"]).to_numpy()
    assert area == pytest.approx(2 * table["cusp_volume"].to_numpy(), rel=1e-5)


def test_the_slope_tells_the_signature(table):
    """Davies et al.: the signature is about half the slope Re(lambda / mu); an independent check of all signs."""
    slope = table["lambda"] * table["mu_re"] / (table["mu_re"] ** 2 + table["mu_im"] ** 2)
    assert np.corrcoef(slope, table["signature"])[0, 1] < -0.95


def test_a_mirror_image_changes_three_columns():
    plain, other = (mirrored(np.random.default_rng(seed)) for seed in (0, 1))
    flipped = plain.X[:, 1] * other.X[:, 1] < 0
    assert 0.3 < flipped.mean() < 0.7
    assert np.array_equal(plain.signature[flipped], -other.signature[flipped])
    assert np.array_equal(plain.X[:, [0, 2, 3, 4, 6]], other.X[:, [0, 2, 3, 4, 6]])
    assert np.array_equal(np.abs(plain.X), np.abs(other.X))
    with pytest.raises(InputError, match="choose one of: cusp, all"):
        mirrored(np.random.default_rng(0), "none")


def test_knots_are_a_task_with_classes_and_disjoint_parts():
    task = make("knots")
    parts = [task.rows(10_000, part, np.random.default_rng(0)) for part in ("train", "valid", "test")]
    assert (task.inputs, task.outputs) == (7, 11)
    assert 2850 < sum(len(X) for X, _ in parts) < 2970  # less the mutants
    classes = np.concatenate([y for _, y in parts])
    assert set(np.unique(classes)) <= set(range(11))
    rows = np.concatenate([X for X, _ in parts])
    assert len(np.unique(np.abs(rows), axis=0)) == len(rows)


def test_a_cell_of_knots_beats_the_largest_class():
    cell = Cell("main", "kan-critical", "plain", "knots", 0, 1, 600, 1500, 0.0, 0, 0.02, 150, 128, 5)
    row = measure(cell)
    assert row.status == "done"
    assert row.error < 0.6 * row.mean_error
