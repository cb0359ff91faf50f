"""What a run adds to a page, checked: wrong entries are refused in one line, and errors are what they are by hand."""

import numpy as np
import pytest
import torch

from edgewise.errors import InputError
from edgewise.train import Step
from edgewise.view.report import Formula, checked_report, errors


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"formula": 1}, "report has the key 'formula'; it may have: title, status"),
        ({"formulas": [{"text": "x"}]}, "expected a dict of: equation, latex"),
        ({"observed": [1.0, 2.0]}, "report lacks 'predicted'"),
        ({"observed": [1.0], "predicted": [1.0, 2.0]}, r"shape \(1, 1\) and 'predicted' of shape \(2, 1\)"),
        ({"observed": [[1.0, 2.0]], "predicted": [[1.0, 2.0]]}, "rows by 1 outputs"),
        ({"observed": [1.0], "predicted": [float("nan")]}, r"report\['predicted'\] holds NaN"),
        ({"observed": [1.0], "predicted": [1.0], "inputs": [[1.0], [2.0]]}, "'inputs' of 2 rows"),
        ({"observed": [1.0], "predicted": [1.0], "held": [False]}, "0 rows held out"),
        ({"observed": [1.0], "predicted": [1.0], "held": [True, True]}, r"'held' of shape \(2,\)"),
        ({"history": [3.0]}, r"report\['history'\] has the entry 3.0"),
    ],
)
def test_wrong_reports_are_one_line(report, message):
    with pytest.raises(InputError, match=message) as caught:
        checked_report(report, 1)
    assert "\n" not in str(caught.value)


def test_reports_may_hold_tensors_lists_and_nothing():
    made = checked_report({"observed": torch.ones(3), "predicted": [1.0, 2.0, 3.0], "status": None}, 1)
    assert made.observed is not None
    assert made.observed.shape == (3, 1)
    assert made.status == ""
    assert checked_report({"observed": [], "predicted": []}, 1).observed is None


def test_only_held_out_rows_judge():
    made = checked_report({"observed": [1.0, 2.0], "predicted": [9.0, 2.5], "held": [False, True]}, 1)
    assert made.judged is not None
    assert [part.tolist() for part in made.judged] == [[[2.0]], [[2.5]]]


def test_a_history_may_be_steps_or_dicts():
    steps = [Step(0.1, 5, 1.0, 2.0), {"seconds": 1.0, "loss": 0.5}]
    made = checked_report({"history": steps}, 1)
    assert made.history[0] == {"seconds": 0.1, "intervals": 5, "loss": 1.0, "validation_loss": 2.0}
    assert made.history[1] == {"seconds": 1.0, "loss": 0.5}


def test_the_right_side_of_an_equation():
    assert Formula("y = x**2").right_side == "x**2"
    assert Formula("x**2").right_side == "x**2"


def test_errors_by_hand():
    rmse, explained, worst = errors(np.array([0.0, 2.0]), np.array([1.0, 2.0]))
    assert (rmse, explained, worst) == pytest.approx((0.5**0.5, 0.5, 1.0))
    assert np.isnan(errors(np.ones(3), np.ones(3))[1])
