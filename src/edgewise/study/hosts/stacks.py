r"""Whole small networks for hosts that have no stream to put a slot into, under the slot's names of the arms.

``levels`` counts what is not linear on the way from inputs to outputs: a perceptron has as many hidden levels, a KAN as
many layers and so one hidden level less. All arms of a host have the same parameters within half an edge, see
``edgewise.study.matching``; inputs are expected in [-1, 1].
"""

from torch import nn

from edgewise.study.arms import Stack, build
from edgewise.study.hosts.slot import INTERVALS
from edgewise.study.matching import matched

ARMS = ("mlp", "learned", "rational", "kan", "kan-noise")


def stack(
    arm: str, inputs: int, outputs: int, levels: int, parameters: int, seed: int, form: str = "plain"
) -> Stack:
    """An untrained network; ``form`` as in ``edgewise.study.arms``.

    Example:
        >>> [layer.in_features for layer in stack("kan", 4, 1, 2, 900, 0).layers]
        [4, 20]
    """
    named = "kan-critical" if arm == "kan" else arm
    depth = levels - 1 if arm.startswith("kan") else levels
    return build(matched(named, inputs, outputs, depth, parameters, INTERVALS), form, seed)


def living(module: nn.Module) -> int:
    """Trainable parameters; those of edges that were dropped to match sizes do not count."""
    if isinstance(module, Stack):
        return module.living()
    return sum(living(child) for child in module.children()) + sum(
        parameter.numel() for parameter in module.parameters(recurse=False)
    )
