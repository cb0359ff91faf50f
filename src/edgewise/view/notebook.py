"""A network to edit in a notebook. The editor (and with it sympy) and anywidget are loaded when asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.train import TrainConfig
from edgewise.view.picture import checked_names

if TYPE_CHECKING:
    from edgewise.view.widget import Workbench


def edit(
    net: KAN,
    X: Any,
    y: Any = None,
    *,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    config: TrainConfig | None = None,
) -> "Workbench":
    """A widget for Jupyter: the network, and tools to fix, cut and free its edges, refit, undo and redo.

    Args:
        net: where to start; it stays as it is. The network being edited is the widget's ``network``.
        X, y, config: as for ``edgewise.editor.Editor``.
        feature_names, target_names: as for ``edgewise.view.picture``; a data frame's own without them.

    Raises ``InputError`` where anywidget is not installed: ``pip install 'edgewise[notebook]'``.
    """
    from edgewise.editor import Editor

    try:
        from edgewise.view.widget import Workbench
    except ModuleNotFoundError as error:
        if error.name != "anywidget":
            raise
        raise InputError(
            "the widget needs anywidget, which is not installed; type pip install 'edgewise[notebook]'"
        ) from None
    names = feature_names if feature_names is not None else getattr(X, "columns", None)
    inputs = checked_names("feature_names", names, net.in_features, "x", "inputs")
    outputs = checked_names("target_names", target_names, net.out_features, "y", "outputs")
    return Workbench(Editor(net, X, y, config=config), inputs, outputs)
