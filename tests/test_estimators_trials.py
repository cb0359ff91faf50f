import numpy as np
import pytest

from edgewise.estimators.candidates import Candidate
from edgewise.estimators.trials import SplineTrial, Trial, best_of_shape, chosen, leaders, worth_thinning
from edgewise.network import KAN


class Ready:
    """A run that is over."""

    history = ()

    @property
    def best(self):
        return KAN([1, 1])

    def on_all_rows(self):
        pass


def noise(rows=200):
    return np.random.default_rng(0).normal(size=rows)


def formula(squares, size, met=False):
    return Trial(Ready(), size, 0, squares, met)


def spline(squares, size, widths=(1, 1), degree=3):
    return SplineTrial(Ready(), size, 1, squares, candidate=Candidate(widths, degree))


def test_the_smallest_that_rows_cannot_tell_from_the_best_is_taken():
    best, small = spline(noise() ** 2, 90), formula((noise() + 0.01 * np.cos(np.arange(200))) ** 2, 4)
    assert chosen([best, small]) is small
    worse = formula((noise() + 0.5) ** 2, 4)
    assert chosen([best, worse]) is best


def test_a_law_that_meets_every_row_is_taken_before_all():
    rounding = formula(np.full(200, 1e-31), 3, met=True)
    closer = spline(np.full(200, 1e-32), 2)
    assert rounding.is_exact
    assert chosen([closer, rounding]) is rounding


def test_shapes_lead_by_their_best_trial_of_any_degree():
    rough, fine, wide = (
        spline(noise() ** 2, 10),
        spline(noise() ** 2 / 9, 20, degree=5),
        spline(noise() ** 2, 40, (1, 5, 1)),
    )
    trials = [rough, formula(noise() ** 2 / 100, 3), wide, fine]
    assert leaders(trials) == [fine, wide]
    assert best_of_shape(trials, rough) is fine


@pytest.mark.parametrize(("error", "count"), [(1.2, 2), (3.0, 1)])
def test_only_what_comes_near_is_worth_thinning(error, count):
    best, other = spline(noise() ** 2, 90, (1, 5, 1)), spline((error * noise()) ** 2, 40)
    assert worth_thinning([best, other]) == [other, best][-count:]
