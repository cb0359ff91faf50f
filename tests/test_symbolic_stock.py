"""The stock of a search: what waits, what is written out, and when it is enough."""

import numpy as np
import pytest
import torch

from edgewise.symbolic.config import SearchConfig
from edgewise.symbolic.findings import Table, law_finding
from edgewise.symbolic.laws import Law, Term
from edgewise.symbolic.opening import opened
from edgewise.symbolic.outputs import targets
from edgewise.symbolic.stock import MOST_WRITTEN, Stock
from edgewise.symbolic.views import whole
from edgewise.train.clock import Clock

NAMES = ("x", "y")


def made(noise=0.0, **settings):
    """A stock for ``2 x y + 1`` with the view its laws are of."""
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (300, 2))
    y = 2 * X[:, 0] * X[:, 1] + 1 + noise * rng.normal(size=300)
    inputs = torch.from_numpy(X)
    table = Table(inputs, torch.from_numpy(y)[:, None], inputs, NAMES, 0)
    return Stock(table, SearchConfig(**settings), Clock(60)), whole(X, y, NAMES)


def laws(view, *texts):
    """Laws of one plain term each."""
    columns = dict(zip(NAMES, view.u.T, strict=True))
    plain = next(targets(view.target, view.weight(), lambda name: True))
    for number, text in enumerate(texts):
        values = eval(text, {"np": np}, columns)
        yield Law(float(number), plain, (Term(text, values),), 3)


def test_the_shortest_description_waits_first():
    stock, view = made(noise=0.01)
    stock.judge(laws(view, "x", "x*y", "y"), view)
    assert stock.waiting[0].fitted.law.terms[0].text == "x*y"
    assert stock.waiting == sorted(stock.waiting)


def test_an_exact_law_is_written_out_and_known_as_exact():
    stock, view = made()
    stock.judge(laws(view, "x", "x*y"), view)
    assert stock.has_exact()
    assert stock.findings[0].formula.text == "2*x*y + 1"


def test_an_approximation_is_not_exact():
    stock, view = made()
    stock.judge(laws(view, "x", "y"), view)
    assert not stock.has_exact()


def test_noise_is_told_from_structure():
    stock, view = made(noise=0.1)
    stock.judge(laws(view, "x"), view)
    assert not stock.leaves_noise(None)
    stock.judge(laws(view, "x*y"), view)
    assert stock.leaves_noise(None)
    assert not stock.leaves_noise(0.01)


def test_no_more_than_a_few_are_written_and_none_twice():
    stock, view = made(noise=0.5)
    stock.judge(laws(view, "x", "y", "x**2", "y**2", "x*y", "x**3"), view)
    stock.write()
    assert len(stock.findings) == MOST_WRITTEN
    stock.write()
    texts = [finding.formula.text for finding in stock.findings]
    assert len(texts) > MOST_WRITTEN
    assert sum(one.done for one in stock.waiting) == len(texts)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [({}, True), ({"required": ("x",)}, False), ({"accept": lambda formula: False}, False)],
)
def test_conditions_decide_what_is_kept(settings, kept):
    stock, _ = made(**settings)
    assert stock.add(law_finding(opened("0.5*y + 1", NAMES), stock.table)) is kept
    assert len(stock.findings) == kept


def test_listeners_hear_of_every_finding():
    heard = []
    stock, view = made()
    stock.tell = lambda findings: heard.append(len(findings))
    stock.judge(laws(view, "x", "y", "x*y"), view)
    stock.write()
    assert heard == list(range(1, len(stock.findings) + 1))


def test_short_laws_are_loosened():
    stock, view = made()
    y = np.sin(2.3 * view.u[:, 0] + 0.2) * view.u[:, 1]
    table = Table(stock.table.X, torch.from_numpy(y)[:, None], stock.table.X, NAMES, 0)
    stock, view = Stock(table, SearchConfig(), Clock(60)), whole(view.u, y, NAMES)
    stock.judge(laws(view, "np.sin(2*x)*y"), view)
    near = next(laws(view, "np.sin(2*x)*y"))
    stock.waiting.clear()
    stock.judge([Law(0.0, near.target, (Term("sin(2*x)*y", near.terms[0].values),), 5)], view)
    stock.loosen()
    assert any(finding.exact for finding in stock.findings)


def test_what_short_laws_leave_is_a_target():
    stock, view = made()
    stock.judge(laws(view, "x", "x*y"), view)
    (residual,) = stock.residuals(view)
    assert np.abs(residual).max() < 1e-12
