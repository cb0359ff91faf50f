"""What ``benchmarks/formulas.py`` counts as recovered, and what it refuses."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sympy

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    import formula_data
    import formula_methods
    import formula_peers
    import formula_process
    import formula_score
    import formula_table
    import formulas
    import regression
    import regression_table
finally:
    sys.path.remove(str(BENCHMARKS))


def judge(expr, box=(0.5, 2.0), decoys=0, **variables):
    box = variables or dict.fromkeys("xy", box)
    known = {name: sympy.Symbol(name, real=True) for name in box}
    size = formula_score.nodes(sympy.sympify(expr, locals=known))
    task = formula_data.Task("test", "test", tuple((n, *b) for n, b in box.items()), expr, size)
    return formula_score.Judge(task, decoys)


@pytest.mark.parametrize("name", ["public", "special"])
def test_laws_parse_are_finite_and_have_the_nodes_written_beside_them(name):
    for task in formula_data.tasks(name):
        X, y, names = task.table(0.0, 0, 2)
        assert formula_score.nodes(task.expression) == task.nodes, task.id
        assert np.isfinite(y).all(), task.id
        assert y.std() > 0
        assert X.shape == (formula_data.ROWS, len(task.names) + 2)
        assert names[-1] == "decoy1"


def test_every_law_is_recovered_from_its_own_text():
    for task in formula_data.tasks("public"):
        row = formula_score.Judge(task).score(str(task.expression))
        assert (row["recovered"], row["how"]) == (True, "values"), task.id
        assert row["nodes"] == task.nodes


def test_tables_share_rows_across_noise_and_differ_across_seeds():
    task = formula_data.tasks("public")[0]
    X, y, _ = task.table(0.0, 0, 0)
    same, noisy, _ = task.table(0.1, 0, 0)
    other, _, _ = task.table(0.0, 1, 0)
    np.testing.assert_array_equal(X, same)
    assert np.std(noisy - y) == pytest.approx(0.1 * np.sqrt(np.mean(y**2)), rel=0.1)
    assert not np.isclose(X, other).any()


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("(x + y)/(1 + x*y)", "1/(1/(x + y) + x*y/(x + y))"),
        ("sin(2*(log(x) + log(y)))", "2*sin(log(x*y))*cos(log(x*y))"),
        ("x*(y - 1)", "x*y - 1.0*x"),
        ("x*(y - 1)", "0.99999999999*x*y - 1.00000000001*x + 3e-12"),
        ("cos(x) + y", "y + sin(x + 1.57079632679)"),
        ("sqrt(x**2*y**2)", "abs(x*y)"),
        ("exp(-x**2/2)/sqrt(2*pi)", "0.398942280401433*exp(-0.5*x*x)"),
        ("x**y", "exp(y*log(x))"),
    ],
)
def test_other_forms_of_the_law_are_recovered(expr, found):
    assert judge(expr).score(found)["recovered"]


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("x*y", "x*y + 0.0001*x"),
        ("x*y", "1.00001*x*y + 0.00001*y**2"),
        ("exp(x)", "exp(1.00001*x)"),
        ("cos(x)", "1 - x**2/2 + x**4/24 - x**6/720"),
        ("sin(x)*y", "sin(x)*y + 1e-5*sin(40*x)"),
        ("x**2", "x**2.00002"),
        ("log(x)*y", "log(x)"),
    ],
)
def test_near_misses_are_refused(expr, found):
    row = judge(expr).score(found)
    assert not row["recovered"]
    assert row["worst"] > formula_score.CLOSE


def test_a_formula_right_in_the_box_alone_is_refused():
    row = judge("x").score("x + 0*y + 1e-9*exp((x/2)**80)")
    assert not row["recovered"], "1e-9 in the box, more than 1e-4 around it"


def test_where_one_of_the_two_is_not_finite_around_the_box_does_not_count():
    assert judge("x + x*exp(x)", x=(0.0, 1.0)).score("x + sqrt(x)*sqrt(abs(x))*exp(x)")["recovered"]
    assert judge("sqrt(x)", x=(0.0, 1.0)).score("sqrt(abs(x))")["recovered"]


def test_a_formula_without_values_in_the_box_is_refused():
    row = judge("x", x=(-1.0, 1.0)).score("sqrt(x)*sqrt(abs(x))")
    assert not row["recovered"]
    assert row["nrmse"] == np.inf


def test_size_counts_unless_algebra_shows_that_all_the_rest_falls_away():
    truth = judge("x")
    assert truth.score("x*(sin(y)**2 + cos(y)**2)")["how"] == "algebra"
    extra = " + ".join(f"{{size}}*sin({k}*x*y)" for k in range(2, 9))
    assert truth.score("x + " + extra.format(size=1e-8))["how"] == "values", "rounded away"


def test_a_constant_apart_is_equivalent_as_in_srbench():
    row = judge("x*y").score("3*x*y")
    assert (row["recovered"], row["how"]) == (True, "algebra")
    assert row["worst"] > 1
    assert judge("x*y").score("x*y + 5")["how"] == "algebra"
    assert not judge("x*y").score("0")["recovered"]


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("2.5*exp(-x) + y", "2.47*exp(-1.02*x) + 0.99*y"),
        ("sin(3*x)*y", "0.98*sin(2.96*x + 0.01)*y"),
        ("x**2 + y/3", "1.01*x**2.03 + 0.32*y"),
        ("4*x/(1 + 1.7*y)", "5*x/(1 + 2*y)"),
    ],
)
def test_with_noise_constants_are_fitted_again(expr, found):
    truth = judge(expr)
    assert truth.score(found, noise=0.01)["recovered"]
    assert not truth.score(found)["recovered"]


@pytest.mark.parametrize("found", ["2.4*exp(-x**2) + y", "2.4*x + 0.99*y", "1.7"])
def test_with_noise_another_structure_is_refused(found):
    assert not judge("2.5*exp(-x) + y").score(found, noise=0.01)["recovered"]


def test_a_decoy_in_the_formula_is_a_mistake():
    truth = judge("x*y", decoys=3)
    assert truth.score("x*y")["recovered"]
    assert not truth.score("x*y + 0.01*decoy2")["recovered"]


@pytest.mark.parametrize("text", ["x +", "mathieuc(0, 1, x)", "__import__('os')", "x**1000", "z"])
def test_what_cannot_be_read_is_not_recovered(text):
    row = judge("x*y").score(text)
    assert not row["recovered"]
    assert "unreadable" in row


def test_smooth_functions_are_never_recovered_and_stay_the_same():
    first, again = (formula_data.tasks("smooth") for _ in range(2))
    assert len(first) == formula_data.SMOOTH
    for task, other in zip(first[:4], again[:4], strict=True):
        X, y, _ = task.table(0.0, 0, 0)
        np.testing.assert_array_equal(y, other.table(0.0, 0, 0)[1])
        assert X.shape[1] == len(task.names)
        assert not formula_score.Judge(task).score("x0")["recovered"]


@pytest.mark.parametrize(
    ("text", "digits", "expected"),
    [
        ("1.0000000001*x + 0.33333333333", 8, "x + 1/3"),
        ("2.718281828*x", 4, "2.718*x"),
        ("x + 1e-9", 8, "x"),
        ("6.674e-11*x", 12, "6.674e-11*x"),
    ],
)
def test_rounding(text, digits, expected):
    x = sympy.Symbol("x", real=True)
    found = formula_score.rounded(sympy.sympify(text, locals={"x": x}), digits)
    wanted = sympy.sympify(expected, locals={"x": x})
    assert formula_score.nodes(found) == formula_score.nodes(wanted)
    assert float(found.subs(x, 2)) == pytest.approx(float(wanted.subs(x, 2)), rel=1e-15)


@pytest.mark.skipif(not hasattr(formula_score.signal, "SIGALRM"), reason="needs an alarm")
def test_time_limits_nest():
    start = time.monotonic()
    with formula_score.limited(0.3):
        with formula_score.limited(10):
            time.sleep(5)
        with formula_score.limited(10):
            time.sleep(5)
    assert time.monotonic() - start < 2


def test_texts_of_peers_become_arithmetic():
    assert formula_peers.infix("add(mul(x, 0.5), log(sqrt(y)))") == "((x * 0.5) + log(abs(sqrt(abs(y)))))"
    X = np.random.default_rng(0).uniform(1, 2, (200, 2))
    table = formula_methods.Table(X, 2 * X[:, 0] + 1 / 3, ["x", "y"], ("x", "y"), 60.0, 0)
    text = formula_peers.in_double_precision("2.0000012*x + 0.333331", table)
    assert judge("2*x + 1/3").score(text)["worst"] < 1e-12


def cell(**changes):
    place = {"method": "edgewise", "set": "public", "formula": "P-toy-1", "noise": 0.0, "seed": 0}
    return formulas.Cell(**(place | {"limit": 10.0, "decoys": 0} | changes))


@pytest.mark.parametrize(
    ("found", "spent", "expected"),
    [
        ({}, 40.0, {"failed": "killed at 1.5 times its time", "seconds": 15.0, "overrun": True}),
        ({}, 3.0, {"failed": "code 1", "seconds": 3.0, "overrun": False}),
        ({"text": "x", "status": "exact", "seconds": 1.0}, 2.0, {"unscored": "code 1", "false_exact": True}),
        (
            {"text": "x", "status": "exact", "seconds": 10.2, "recovered": True, "worst": 1e-9, "nodes": 1},
            11.0,
            {"false_exact": False, "overrun": False},
        ),
        (
            {"text": "x", "status": "exact", "seconds": 11.0, "recovered": True, "worst": 0.1, "nodes": 1},
            12.0,
            {"false_exact": True, "overrun": True},
        ),
    ],
)
def test_what_is_concluded_from_what_a_search_left_behind(found, spent, expected):
    row = formulas.concluded(cell(), found, "code 1", spent)
    assert {key: row[key] for key in expected} == expected


def test_results_are_read_back_as_the_cells_they_came_from_and_make_a_page(tmp_path):
    file = tmp_path / "rows.jsonl"
    told = {"klass": "composite", "version": "1", "date": "2026-01-01T00:00:00", "machine": "here", "jobs": 1}
    ours = told | {"load": 1.0, **formulas.asdict(cell())}
    ours |= formulas.concluded(
        cell(), {"text": "x", "seconds": 1.0, "recovered": True, "how": "values", "nodes": 1}, "", 1.0
    )
    theirs = told | {"load": 1.0, **formulas.asdict(cell(method="pyoperon"))}
    theirs |= formulas.concluded(cell(method="pyoperon"), {}, "code 1", 2.0)
    for row in (ours, theirs):
        formula_process.append(file, row)
    rows = formula_process.read(file)
    assert [formulas.cell_of(row) for row in rows] == [cell(), cell(method="pyoperon")]
    page = formula_table.markdown(rows, "command")
    assert "| 0 | pyoperon | 0/1 (0 %) | +100 points of 1 searches |" in page
    assert "- noise 0, pyoperon, 1 of 1: P-toy-1 (0, code 1)" in page
    assert "recovered 1/1 (100 %)" in formula_table.summary(rows)


def test_regression_report_compares_the_same_tables_only():
    rows = []
    for method, formula, error in (
        ("edgewise", "P-toy-1", 1e-6),
        ("gp", "P-toy-1", 1e-5),
        ("edgewise", "P-toy-2", 1e-3),
        ("gp", "P-toy-2", 1e-4),
        ("gp", "P-toy-3", 1e-9),
        ("edgewise", "P-toy-4", 3e-16),
        ("gp", "P-toy-4", 1e-19),
    ):
        row = formulas.asdict(regression.Cell(method, formula, 0.0, 0, 60.0))
        rows.append(row | {"nrmse": error, "over_noise": None, "overrun": False})
    text = regression.report(rows)
    assert "| 0 | gp | 4 | 5.0e-06 | 1.0e-04 |  | 0 | 0 | 1 | 1 | 1 |" in text
    assert "lost to gp: P-toy-2 (1e-03 to 1e-04)" in text
    for row in rows:
        row |= {"date": "2026-01-01T00:00", "version": "1", "machine": "M", "jobs": 1, "load": None}
    page = regression_table.markdown(rows, "python regression.py")
    assert "Written by `python regression.py`" in page
    assert "edgewise 1, gp 1" in page
    assert "noise 0, edgewise: at most 1e-06 on 2 of 3" in page
    assert "| 0 | P-toy-3 | - | 1.0e-09 |" in page
