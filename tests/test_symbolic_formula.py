import ctypes
import pickle
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy
import torch

from edgewise.catalogue import CATALOGUE, page
from edgewise.errors import InputError
from edgewise.symbolic import Formula
from edgewise.symbolic.formula import TARGETS

LAWS = pytest.mark.parametrize("law", CATALOGUE.values(), ids=lambda law: law.name)
SPECIAL = pytest.mark.parametrize("law", page("special"), ids=lambda law: law.name)
EXPONENT = 1.7
MIXED = "2.31*exp(-x**2)*sin(pi*y)/sqrt(x + 1) + abs(y)**(2/3) - 7/3"


def points(law):
    """Arguments inside the law's interval, on both sides of 0 where it reaches there."""
    grid = np.array([-1.9, -0.7, -0.3, -0.1, 0.1, 0.4, 0.8, 1.3, 1.9])
    return grid[(grid > law.low) & (grid < law.high)]


def as_written(law):
    return Formula(law.text, ("u", "p"))


def true_values(law):
    u = torch.tensor(points(law))
    return law.value(u, torch.tensor(EXPONENT, dtype=torch.float64)).numpy()


def executed(source):
    space = {}
    exec(source, space)
    return space["formula"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """All catalogue functions in one shared library of C functions ``f0, f1, ...``."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("c")
    sources = [as_written(law).code("c") for law in CATALOGUE.values()]
    sources.append(Formula(MIXED, ("x", "y")).code("c"))
    renamed = [source.replace("double formula(", f"double f{k}(") for k, source in enumerate(sources)]
    (folder / "all.c").write_text("\n".join(renamed), encoding="utf-8")
    command = [compiler, "-std=c99", "-Wall", "-Werror", "-shared", "-fPIC", "all.c", "-o", "all.so", "-lm"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    library = ctypes.CDLL(str(folder / "all.so"))
    functions = [getattr(library, f"f{k}") for k in range(len(sources))]
    for function in functions:
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * 2
    return dict(zip([*CATALOGUE, "mixed"], functions, strict=True))


@LAWS
def test_values_are_those_of_the_catalogue(law):
    u = points(law)
    values = as_written(law)(np.column_stack([u, np.full_like(u, EXPONENT)]))
    np.testing.assert_allclose(values, true_values(law), rtol=1e-13)


@LAWS
def test_numpy_code_computes_the_same(law):
    function = executed(as_written(law).code("numpy"))
    np.testing.assert_allclose(function(points(law), EXPONENT), true_values(law), rtol=1e-13)


@LAWS
def test_torch_code_computes_the_same_and_can_be_differentiated(law):
    u = torch.tensor(points(law), requires_grad=True)
    p = torch.tensor(EXPONENT, dtype=torch.float64)
    values = executed(as_written(law).code("torch"))(u, p)
    np.testing.assert_allclose(values.detach(), true_values(law), rtol=1e-13)
    (slope,) = torch.autograd.grad(values.sum(), u)
    np.testing.assert_allclose(slope, law.slope(u, p).detach(), rtol=1e-10)


@LAWS
def test_c_code_compiles_without_a_warning_and_computes_the_same(law, compiled):
    values = [compiled[law.name](u, EXPONENT) for u in points(law)]
    np.testing.assert_allclose(values, true_values(law), rtol=1e-13)


@SPECIAL
def test_special_functions_are_computed_and_written_in_numpy(law):
    u = points(law)
    formula = Formula(law.text, ("u",))
    np.testing.assert_allclose(formula(u[:, None]), true_values(law), rtol=1e-12)
    np.testing.assert_allclose(executed(formula.code("numpy"))(u), true_values(law), rtol=1e-12)


IN_TORCH = {"bessel i0", "bessel i1", "bessel k0", "bessel k1", "airy ai", "log gamma", "digamma"}
IN_C = {"gamma", "log gamma"}


@SPECIAL
def test_special_functions_are_written_in_torch_or_refused_by_name(law):
    formula = Formula(f"2*{law.text} + 1", ("u",))
    if law.name in IN_TORCH:
        values = executed(formula.code("torch"))(torch.tensor(points(law))).numpy()
        np.testing.assert_allclose(values, 2 * true_values(law) + 1, rtol=1e-11)
        return
    with pytest.raises(InputError, match=rf"no torch code for a formula with {law.text.split('(')[0]};"):
        formula.code("torch")


@SPECIAL
def test_special_functions_are_written_in_c_or_refused_by_name(law):
    formula = Formula(f"2*{law.text} + 1", ("u",))
    if law.name in IN_C:
        assert "gamma(u)" in formula.code("c")
        return
    name = "polygamma" if law.name == "digamma" else law.text.split("(")[0]
    with pytest.raises(InputError, match=f"no C code for a formula with {name};"):
        formula.code("c")


@pytest.mark.parametrize(
    "text", ["LambertW(x)", "loggamma(x)", "besselk(0, x)", "bessely(1, x)", "elliptic_k(-x)"]
)
def test_special_functions_are_nan_outside_their_domain(text):
    values = Formula(text, ("x",))(np.array([[-1.5], [0.7]]))
    assert np.isnan(values[0])
    assert np.isfinite(values[1])


def test_a_composed_formula_is_the_same_in_every_language(compiled, rng):
    x, y = rng.uniform(-0.9, 2, (2, 50))
    truth = 2.31 * np.exp(-(x**2)) * np.sin(np.pi * y) / np.sqrt(x + 1) + np.abs(y) ** (2 / 3) - 7 / 3
    formula = Formula(MIXED, ("x", "y"))
    in_torch = executed(formula.code("torch"))(torch.tensor(x), torch.tensor(y))
    in_c = [compiled["mixed"](*row) for row in zip(x, y, strict=True)]
    in_numpy = executed(formula.code("numpy"))(x, y)
    for values in (formula(np.column_stack([x, y])), in_numpy, in_torch, in_c):
        np.testing.assert_allclose(values, truth, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("number", ["0.12345678901234567", "3.3333333333333335", "1.2345678901234567e-7"])
def test_numbers_keep_all_their_digits(number):
    formula = Formula(f"{number}*x", ("x",))
    assert formula(np.ones((1, 1))) == float(number)
    for target in ("numpy", "torch"):
        assert executed(formula.code(target))(1.0) == float(number)


def test_short_numbers_stay_short():
    assert "return 0.1*x" in Formula("0.1*x", ("x",)).code("numpy")


@pytest.mark.parametrize("name", ["e", "arctan", "numpy", "torch", "scipy", "double", "k_0", "u", "p", "x0"])
def test_a_column_may_be_called_anything(name):
    formula = Formula(f"E*{name} + atan({name}) + sqrt({name})", (name,))
    truth = np.e * 0.3 + np.arctan(0.3) + np.sqrt(0.3)
    assert formula(np.full((2, 1), 0.3)) == pytest.approx(truth)


def test_a_column_called_like_a_word_of_c_is_renamed_in_c():
    assert "double formula(double double_) {\n    return 2.0*double_;" in Formula(
        "2*double", ("double",)
    ).code("c")


@pytest.mark.parametrize(
    ("text", "value"), [("2.5", 2.5), ("pi", np.pi), ("x - x", 0.0), ("sqrt(2)", 2**0.5)]
)
def test_a_constant_formula_has_a_value_for_every_row(text, value):
    np.testing.assert_array_equal(Formula(text, ("x",))(np.zeros((4, 1))), [value] * 4)


@pytest.mark.parametrize("text", ["2.5", "pi", "x - x", "sqrt(2)"])
def test_code_of_a_constant_has_a_value_for_every_row(text):
    formula = Formula(text, ("x", "y"))
    x = np.zeros(4)
    truth = formula(np.zeros((4, 2)))
    np.testing.assert_array_equal(executed(formula.code("numpy"))(x, x), truth)
    in_torch = executed(formula.code("torch"))(torch.tensor(x), torch.tensor(x))
    np.testing.assert_allclose(in_torch.numpy(), truth, rtol=1e-15)


def test_no_rows_give_no_values():
    assert Formula("sin(x)", ("x",))(np.zeros((0, 1))).shape == (0,)
    assert Formula("2", ("x",))(np.zeros((0, 1))).shape == (0,)


def test_values_can_be_written_to():
    X = np.ones((3, 1))
    Formula("x", ("x",))(X)[:] = 7.0
    Formula("2", ("x",))(X)[0] = 7.0
    assert (X == 1).all()


def test_whole_numbers_and_single_precision_are_fine():
    assert Formula("1/x", ("x",))(np.array([[2]])) == 0.5
    assert Formula("x/3", ("x",))(np.array([[1]], dtype=np.float32)) == 1 / 3


def test_columns_are_taken_by_place():
    X = np.array([[3.0, 4.0]])
    assert Formula("a - b", ("a", "b"))(X) == -1.0
    assert Formula("a - b", ("b", "a"))(X) == 1.0


@pytest.mark.parametrize(
    "text",
    ["log(x)", "sqrt(x)", "asin(x - 2)", "acosh(x)", "atanh(x + 4)", "x**1.5", "x**(-1/3)", "x*sqrt(-1)"],
)
def test_outside_the_domain_the_value_is_nan(text):
    assert np.isnan(Formula(text, ("x",))(np.array([[-0.5], [-2.0]]))).all()


def test_one_row_outside_the_domain_leaves_the_others_alone():
    values = Formula("log(x)", ("x",))(np.array([[1.0], [-1.0], [1.0]]))
    np.testing.assert_array_equal(values, [0.0, np.nan, 0.0])


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 3), (1, 3, 2), ()])
def test_an_array_of_another_shape_is_refused(shape):
    with pytest.raises(InputError, match="needs 2 columns, got an array of shape"):
        Formula("a + b", ("a", "b"))(np.zeros(shape))


def test_a_text_that_is_no_formula_is_refused_at_once():
    with pytest.raises(InputError, match="allowed are"):
        Formula("x.real", ("x",))


def test_an_unknown_language_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=f"'rust'; choose one of: {', '.join(TARGETS)}"):
        Formula("x", ("x",)).code("rust")


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("2", 1),
        ("pi", 1),
        ("7/3", 1),
        ("x", 1),
        ("-x", 2),
        ("x + y", 3),
        ("x - y", 4),
        ("2*x", 3),
        ("-2*x", 3),
        ("-2.5*x", 3),
        ("x/3", 3),
        ("1/x", 3),
        ("x*y*2", 5),
        ("x**2", 3),
        ("sin(x)", 2),
        ("sin(pi*x)", 4),
        ("exp(sin(pi*x) + y**2)", 9),
    ],
)
def test_complexity_counts_what_a_reader_takes_in(text, nodes):
    assert Formula(text, ("x", "y")).complexity == nodes


def test_latex_is_that_of_the_formula():
    assert Formula("sqrt(x)/2", ("x",)).latex() == r"\frac{\sqrt{x}}{2}"


def test_names_that_are_words_stand_upright_in_latex():
    made = Formula("mass_kg/x1 + theta", ("mass_kg", "x1", "theta")).latex()
    assert made == r"\frac{\mathrm{mass\_kg}}{x_{1}} + \theta"


def test_mathml_has_the_labels_and_no_entities_but_those_of_xml():
    formula = Formula("2*mass_kg*exp(-x1) + log(mass_kg)", ("mass_kg", "x1"))
    made = formula.mathml({"mass_kg": "<mass> & more"})
    root = ElementTree.fromstring(made)
    assert root.tag == "math"
    words = [element.text for element in root.iter("mi")]
    assert words.count("<mass> & more") == 2
    assert "log" in words
    assert root.find(".//msub") is not None  # x1
    assert [element.text for element in ElementTree.fromstring(formula.mathml()).iter("mi")].count(
        "mass_kg"
    ) == 2


def test_javascript_is_source_without_words_of_the_language():
    made = Formula("2*var**2 + sqrt(Math)", ("var", "Math")).code("javascript")
    assert made.startswith("function formula(var_, Math_) {\n  return ")
    assert "Math.sqrt(Math_)" in made
    with pytest.raises(InputError, match="no JavaScript code for a formula with erf"):
        Formula("erf(x)", ("x",)).code("javascript")


def test_sympy_gives_an_expression_in_real_symbols():
    x = sympy.Symbol("x", real=True)
    assert Formula("sin(x)**2", ("x",)).sympy() == sympy.sin(x) ** 2


def test_formulas_of_the_same_text_are_equal_and_survive_pickling(rng):
    formula, X = Formula("2*sin(x)", ("x",)), rng.uniform(size=(5, 1))
    values = formula(X)
    again = pickle.loads(pickle.dumps(formula))
    assert again == formula
    assert hash(again) == hash(Formula("2*sin(x)", ("x",)))
    np.testing.assert_array_equal(again(X), values)
