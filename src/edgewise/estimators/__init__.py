r"""The scikit-learn face: two networks and a formula finder that fit into pipelines, grids and clones.

========================== =============================================== ============================
class                      learns                                          hands back
========================== =============================================== ============================
``KANRegressor``           y = net(x), one or several targets              ``network_``, ``fit_result_``
``KANClassifier``          log-odds of classes = net(x)                    ``classes_``, ``network_``
``FormulaRegressor``       y = f(x), f written in the columns' own names   ``equations_``, ``report_``
========================== =============================================== ============================

All work in float64 and in the caller's units. ``random_state`` is an integer, a ``RandomState`` (which moves
on by one draw) or ``None``, which takes a fresh seed from the machine; the global generators of NumPy and torch
stay where they are.
"""

from edgewise.estimators.controls import controls, readable
from edgewise.estimators.formulas import FormulaRegressor, FormulaReport, checked_index, formula_values
from edgewise.estimators.networks import KANClassifier, KANRegressor, network_values

__all__ = [
    "FormulaRegressor",
    "FormulaReport",
    "KANClassifier",
    "KANRegressor",
    "checked_index",
    "controls",
    "formula_values",
    "network_values",
    "readable",
]
