"""Kolmogorov-Arnold networks: networks whose weights are learnable one-dimensional functions on the edges.

The public names live here and are imported when first used, so ``from edgewise import KANLayer`` loads torch
and nothing heavier.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "KAN": "edgewise.network",
    "KANBlock": "edgewise.block",
    "KANLayer": "edgewise.layer",
    "KANRegressor": "edgewise.estimators",
    "KANClassifier": "edgewise.estimators",
    "FormulaRegressor": "edgewise.estimators",
    "TrainConfig": "edgewise.train",
    "train": "edgewise.train",
    "prune": "edgewise.prune",
    "save": "edgewise.checkpoint",
    "load": "edgewise.checkpoint",
    "InputError": "edgewise.errors",
}

__all__ = [
    "KAN",
    "FormulaRegressor",
    "InputError",
    "KANBlock",
    "KANClassifier",
    "KANLayer",
    "KANRegressor",
    "TrainConfig",
    "__version__",
    "load",
    "prune",
    "save",
    "train",
]

if TYPE_CHECKING:
    from edgewise.block import KANBlock
    from edgewise.checkpoint import load, save
    from edgewise.errors import InputError
    from edgewise.estimators import FormulaRegressor, KANClassifier, KANRegressor
    from edgewise.layer import KANLayer
    from edgewise.network import KAN
    from edgewise.prune import prune
    from edgewise.train import TrainConfig, train


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgewise' has no name {name!r}; it has: {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This package, on which ``train`` and ``prune`` stay functions.

    Importing a submodule binds it on its package, so ``edgewise.train`` would be the function or the module,
    whichever was asked for first. The modules stay in reach: ``from edgewise.train import FitResult``.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
