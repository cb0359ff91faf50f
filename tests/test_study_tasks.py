"""Tasks: known moments, known values, splits that do not overlap."""

import numpy as np
import pytest
from scipy import special

from edgewise.errors import InputError
from edgewise.study.tasks import make, seeded
from edgewise.study.tasks.formulas import FORMULAS
from edgewise.study.tasks.hyperteacher import split
from edgewise.study.tasks.primitives import FAMILIES, primitive, rough

LABELS = [
    "nested:1:1",
    "nested:4:2",
    "additive:2",
    "gp",
    "parity:3",
    "iterated:3",
    "product:2",
    "hyperteacher:5:2",
    "formula:I.6.2",
    "digits",
    "shuffled/nested:2:1",
]


def normal_mean(values, z):
    weight = np.exp(-(z**2) / 2)
    return (values * weight).sum() / weight.sum()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("energy", [4.0, 10.0])
def test_rough_functions_have_the_moments_they_promise(family, energy):
    r = rough(seeded(family, energy), energy, family)
    z = np.linspace(-4, 4, 4001)
    value = r(z)
    assert abs(normal_mean(value, z)) < 0.01
    assert abs(normal_mean(value * z, z)) < 0.01
    assert normal_mean(value**2, z) == pytest.approx(1, abs=0.02)
    assert normal_mean(np.gradient(value, z) ** 2, z) == pytest.approx(energy, rel=0.1)


@pytest.mark.parametrize("roughness", [1, 2, 4])
def test_a_primitive_multiplies_gradients_as_its_roughness_says(roughness):
    z = np.linspace(-4, 4, 4001)
    energies = []
    for draw in range(8):
        h = primitive(seeded(draw), roughness)
        assert normal_mean(h(z) ** 2, z) == pytest.approx(1, abs=0.03)
        energies.append(normal_mean(np.gradient(h(z), z) ** 2, z))
    assert np.mean(energies) == pytest.approx(1.1 + 0.2 * roughness, rel=0.05)


@pytest.mark.parametrize("label", LABELS)
def test_tasks_give_the_rows_asked_for_and_the_same_ones_again(label):
    task = make(label, 3)
    X, y = task.rows(50, "train", seeded(1))
    again = make.__wrapped__(label, 3).rows(50, "train", seeded(1))
    other = task.rows(50, "train", seeded(2))
    assert X.shape == (50, task.inputs)
    assert y.shape == (50, 1)
    assert np.isfinite(X).all()
    assert np.isfinite(y).all()
    np.testing.assert_array_equal(X, again[0])
    np.testing.assert_array_equal(y, again[1])
    assert not np.array_equal(X, other[0])


def test_draws_are_other_functions_on_the_same_inputs():
    one, two = (make("nested:2:1", draw).rows(50, "test", seeded(1)) for draw in (0, 1))
    np.testing.assert_array_equal(one[0], two[0])
    assert np.abs(one[1] - two[1]).max() > 0.1


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_tree_needs_all_its_inputs(depth):
    task = make(f"nested:{depth}:1", 0)
    X, y = task.rows(400, "test", seeded(1))
    for column in range(4):
        moved = X.copy()
        moved[:, column] = -moved[:, column]

        class Moved:
            def uniform(self, low, high, size, moved=moved):
                return moved

        changed = task.rows(400, "test", Moved())[1]
        assert np.abs(changed - y).std() > 0.05


def test_deeper_trees_are_less_linear():
    def linear_share(label):
        X, y = make(label, 0).rows(3000, "test", seeded(1))
        design = np.column_stack([X, np.ones(len(X))])
        left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        return 1 - left.var() / y.var()

    assert linear_share("nested:1:1") > linear_share("nested:4:1") > linear_share("nested:8:1")


def test_products_and_parity_are_what_they_say():
    X, y = make("product:2").rows(20, "test", seeded(1))
    np.testing.assert_allclose(y[:, 0], X[:, 0] * X[:, 2] + X[:, 1] * X[:, 3])
    X, y = make("parity:3", 1).rows(4000, "test", seeded(1))
    signs = np.sign(X)
    found = [c for c in range(6) if abs((y[:, 0] * signs[:, c]).mean()) < 0.1]
    assert len(found) == 6  # no single input tells anything
    assert set(np.unique(y)) == {-1.0, 1.0}


def test_the_logistic_map_is_applied_as_often_as_the_label_says():
    X, y = make("iterated:2").rows(5, "test", seeded(1))
    m, r = (X[:, 0] + 1) / 2, 3.8 + 0.1 * X[:, 1]
    once = r * m * (1 - m)
    np.testing.assert_allclose(y[:, 0], r * once * (1 - once))


def test_a_gaussian_process_has_the_correlation_of_matern():
    values = []
    for draw in range(300):
        X = np.zeros((2, 4))
        X[1, 0] = 0.5

        class Fixed:
            def uniform(self, low, high, size, X=X):
                return X

        values.append(make.__wrapped__("gp", draw).rows(2, "test", Fixed())[1][:, 0])
    a = 5**0.5 * 0.5
    expected = (1 + a + a * a / 3) * np.exp(-a)
    assert np.corrcoef(np.array(values).T)[0, 1] == pytest.approx(expected, abs=0.06)


def test_shuffled_targets_are_the_same_numbers_and_say_nothing():
    X, y = make("shuffled/product:2").rows(4000, "test", seeded(1))
    Z, z = make("product:2").rows(4000, "test", seeded(1))
    np.testing.assert_array_equal(X, Z)
    np.testing.assert_array_equal(np.sort(y, 0), np.sort(z, 0))
    assert abs(np.corrcoef(y[:, 0], z[:, 0])[0, 1]) < 0.06


def test_held_out_combinations_are_never_shown_and_all_their_modules_are():
    for draw in range(20):
        shown, held = split(seeded(draw), 6, 2)
        assert not {tuple(s) for s in shown} & {tuple(s) for s in held}
        assert len(shown) + len(held) == 15
        assert shown.any(0).all()
    task = make("hyperteacher:6:2")
    sets = {
        part: {tuple(c > 0) for c in task.rows(500, part, seeded(1))[0][:, 4:]} for part in ("train", "held")
    }
    assert not sets["train"] & sets["held"]


def test_parts_of_a_table_do_not_overlap():
    task = make("digits")
    parts = [
        {tuple(row) for row in task.rows(5000, part, seeded(1))[0]} for part in ("train", "valid", "test")
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) > 1700


def test_the_formulas_of_the_paper_are_all_there_and_finite():
    assert len(FORMULAS) == 5 + 15 + 27
    for name in FORMULAS:
        assert np.isfinite(make(f"formula:{name}").rows(500, "test", seeded(name))[1]).all(), name


def test_some_formulas_against_other_ways_to_compute_them():
    x = np.linspace(-0.9, 0.9, 7)
    legendre = FORMULAS["lpmv0"].function(np.full(7, 2.0), x)
    np.testing.assert_allclose(legendre, (3 * x**2 - 1) / 2)
    harmonic = FORMULAS["sph_harm01"].function(x, x)
    np.testing.assert_allclose(harmonic, np.sqrt(3 / (4 * np.pi)) * np.cos(x))
    np.testing.assert_allclose(FORMULAS["toy-bessel"].function(x), special.jv(0, 20 * x), atol=1e-12)
    np.testing.assert_allclose(FORMULAS["ellipj"].function(x, 0 * x), np.sin(x), atol=1e-12)
    assert FORMULAS["I.16.6"].function(0.5, 0.5) == 0.8


@pytest.mark.parametrize(
    "label", ["nested", "nested:1", "nested:0:1", "nested:a:1", "trees:1", "formula:none", "gp:1"]
)
def test_a_label_that_is_none_is_said_so(label):
    with pytest.raises(InputError, match=r"choose|write one of"):
        make(label)
