import pickle

import numpy as np
import pytest

from edgewise.errors import InputError
from edgewise.symbolic import Formula
from edgewise.symbolic.known import Known

NAMES = ("g", "theta")


@pytest.mark.parametrize(
    "text", ["g*sin(theta) + ?", "g**2 * ?", "?", "theta - 2*g*?", "?/g", "(? + theta)*g", "-?"]
)
def test_the_whole_of_the_part_is_the_whole(text, rng):
    known, X = Known(text, NAMES), rng.uniform(0.5, 2, (30, 2))
    part = Formula("1.5*theta**2 + 0.25", NAMES)
    whole = known.whole(part)
    said = Formula(text.replace("?", f"({part.text})"), NAMES)
    np.testing.assert_allclose(whole(X), said(X))
    np.testing.assert_allclose(known.targets(X, whole(X)), part(X), rtol=1e-9, atol=1e-12)
    assert known.symbols == {name for name in NAMES if name in text}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("g + theta", "one '\\?'"),
        ("? + ?", "one '\\?'"),
        ("", "one '\\?'"),
        (None, "one '\\?'"),
        ("sin(?)", "stands alone"),
        ("g/?", "stands alone"),
        ("?**2", "stands alone"),
        ("0*?", "stands alone"),
        ("mass*?", "holds 'mass'; allowed are numbers, g, theta, "),
        ("g?", "cannot read"),
        ("g +* ?", "cannot read"),
    ],
)
def test_what_cannot_be_known_is_refused(text, said):
    with pytest.raises(InputError, match=said) as caught:
        Known(text, NAMES)
    assert "known=" in str(caught.value)
    assert "unknown_part" not in str(caught.value)


def test_rows_that_tell_nothing_are_named(rng):
    X = rng.uniform(0.5, 2, (10, 2))
    X[3, 0] = 0
    for text in ("g*?", "log(g) + ?"):
        with pytest.raises(InputError, match=r"in 1 of 10 rows, first in row 4"):
            Known(text, NAMES).targets(X, X[:, 1])


def test_a_column_may_be_called_like_the_unknown():
    known = Known("unknown_part_ + ?", ("unknown_part_",))
    assert known.whole(Formula("2*unknown_part_", ("unknown_part_",))).text == "3*unknown_part_"


def test_it_survives_pickling():
    known = Known("g*?", NAMES)
    again = pickle.loads(pickle.dumps(known))
    assert again.whole(Formula("theta", NAMES)).text == "g*theta"
