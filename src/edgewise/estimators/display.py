"""Fitted estimators in a notebook: scikit-learn's diagram, and below it the network (and the formula)."""

from html import escape
from typing import Any

from edgewise.network import KAN
from edgewise.view.snippet import snippet


class Shown:
    """Adds the picture of ``network_`` to whatever scikit-learn shows of a fitted estimator."""

    network_: KAN

    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + self._fitted_html()  # pyright: ignore[reportAttributeAccessIssue]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**kwargs)  # pyright: ignore[reportAttributeAccessIssue]
        if "text/html" in bundle:
            bundle["text/html"] += self._fitted_html()
        return bundle

    def _fitted_html(self) -> str:
        """Nothing before ``fit``; no picture of a network too large for one."""
        if not hasattr(self, "network_"):
            return ""
        formula = getattr(self, "report_", None)
        words = f"<p><code>{escape(formula.rows[formula.chosen][3])}</code></p>" if formula else ""
        return words + (snippet(self.network_, self._columns()) or "")

    def _columns(self) -> list[str] | None:
        """Names of the columns; those without are called as formulas call them, where there is a formula."""
        names = getattr(self, "feature_names_in_", None)
        if names is None and hasattr(self, "report_"):
            return [f"x{k}" for k in range(self.network_.in_features)]
        return None if names is None else [str(name) for name in names]
