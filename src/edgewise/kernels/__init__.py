"""The hot loop of every spline layer, ``y_o = sum_i phi_io(x_i)``: compiled where that can be, torch where not.

``EDGEWISE_KERNELS`` settles it by hand: ``torch``, ``compiled`` or ``auto`` (the default; compiled where it serves).
Compiled kernels serve tensors on the CPU in float32 or float64 and degrees 1 to 5; every other call takes the torch
path, and so do ``torch.func``, forward-mode derivatives and ``torch.export``, whose programs should run where edgewise
is not installed. ``which()`` says what an ordinary call does, and why.
"""

import functools
import os
from pathlib import Path

import torch
from torch import Tensor

from edgewise.errors import InputError
from edgewise.kernels import compiled, jets, torch_path

CHOICES = ("auto", "torch", "compiled")
DEGREES = range(1, 6)


def spline_sum(
    x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None
) -> Tensor:
    """``y_o = sum_i mask_io ( sum_m B_m(x_i) W_imo + b(x_i) W_i,last,o )``.

    Shapes: ``x (..., in)``, ``weight (in, features, out)``, ``mask (in, out)``, ``knots (in, knots)``, result
    ``(..., out)``. ``base`` is ``"silu"``, ``"identity"`` or None, which has no last row in ``weight``.

    Under ``torch.autocast`` the sum is one of the operations that keep full precision: ``x`` is taken in the type of
    ``weight``, which is the type of the result. Raises ``InputError`` for shapes that do not belong together.
    """
    _check_shapes(x, knots, degree, base, weight, mask)
    if torch.is_autocast_enabled(x.device.type):
        with torch_path.full_precision(x):
            return spline_sum(x.to(weight.dtype), weight, mask, knots, degree, base)
    path = compiled if _is_served(x, weight, mask, knots, degree, base) else torch_path
    return path.spline_sum(x, weight, mask, knots, degree, base)


def spline_jet(
    x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None, order: int
) -> list[Tensor]:
    """``spline_sum`` and, for ``d = 1 .. order``, every edge's derivative ``phi_io^(d)(x_i)``, ``(..., in, out)``.

    The sum is separable, so these are all its first and, with ``order`` 2, second derivatives by its inputs; beyond
    the domain the second of the spline is zero. Raises ``InputError`` for another order than 1 or 2.
    """
    if order not in (1, 2):
        raise InputError(f"order={order!r}: expected 1 or 2; the values alone are spline_sum's")
    _check_shapes(x, knots, degree, base, weight, mask)
    served = _is_served(x, weight, mask, knots, degree, base) and not _records(x, weight)
    return (jets if served else torch_path).spline_jet(x, weight, mask, knots, degree, base, order)


def spline_features(x: Tensor, knots: Tensor, degree: int, base: str | None, order: int) -> list[Tensor]:
    """Derivatives ``d = 0 .. order``, at most 2, of all basis functions of each input and, last, its base function.

    ``x (..., in)`` gives ``order + 1`` tensors ``(..., in, features)``, ``features`` as in ``spline_sum``. Raises
    ``InputError`` for another order.
    """
    if order not in (0, 1, 2):
        raise InputError(f"order={order!r}: expected 0, 1 or 2")
    _check_shapes(x, knots, degree, base)
    served = _is_served(x, knots, knots, knots, degree, base) and not _records(x)
    return (jets if served else torch_path).spline_features(x, knots, degree, base, order)


def _check_shapes(
    x: Tensor,
    knots: Tensor,
    degree: int,
    base: str | None,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
) -> None:
    """The kernels read raw memory: what does not fit must not get there."""
    inputs, count = knots.shape
    fits = x.shape[-1:] == knots.shape[:1] and count >= 2 * degree + 2
    if weight is not None and mask is not None:
        outputs, features = mask.shape[-1], count - degree - 1 + (base is not None)
        fits = fits and weight.shape == (inputs, features, outputs) and mask.shape == (inputs, outputs)
    if not fits:
        shapes = {"x": x, "weight": weight, "mask": mask, "knots": knots}
        found = ", ".join(f"{name} {tuple(t.shape)}" for name, t in shapes.items() if t is not None)
        raise InputError(
            f"splines of degree {degree} with base {base!r} got {found}; expected x (..., in), knots (in, knots), "
            f"weight (in, knots - {degree + 1 - (base is not None)}, out), mask (in, out)"
        )


def _records(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)


def which() -> tuple[str, str]:
    """The path of an ordinary call on the CPU, ``"compiled"`` or ``"torch"``, and the reason."""
    choice, trouble = os.environ.get("EDGEWISE_KERNELS", "") or "auto", _trouble(compiled.LIBRARY)
    if choice not in CHOICES:
        raise InputError(f"EDGEWISE_KERNELS={choice!r}: expected one of {', '.join(CHOICES)}")
    if choice == "torch":
        return "torch", "EDGEWISE_KERNELS=torch"
    if not trouble:
        return "compiled", f"instruction set {compiled.level()}, {torch.get_num_threads()} threads"
    if choice == "compiled":
        raise InputError(f"EDGEWISE_KERNELS=compiled, but {trouble}; type: unset EDGEWISE_KERNELS")
    return "torch", trouble


@functools.cache
def _trouble(library: Path) -> str | None:
    """Why there are no compiled kernels; None when there are."""
    if not library.exists():
        return f"{library.name} was not built; install a C++ compiler, then edgewise again"
    try:
        compiled.level()
    except (OSError, AttributeError) as error:
        return f"{library.name} does not load: {error}"
    return None


def _is_compiled() -> bool:
    return which()[0] == "compiled"


# What torch.compiler.assume_constant_result does: asked once while a program is compiled. Calling that here would
# import sympy and torch's whole compiler together with the first layer.
_is_compiled.__dict__["_dynamo_marked_constant"] = True


def _is_served(x: Tensor, weight: Tensor, mask: Tensor, knots: Tensor, degree: int, base: str | None) -> bool:
    if degree not in DEGREES or (base or "") not in compiled.BASES or weight.dtype not in compiled.DTYPES:
        return False
    tensors = (x, weight, mask, knots)
    if any(t.device.type != "cpu" or t.dtype != weight.dtype for t in tensors):
        return False
    return not (mask.requires_grad or knots.requires_grad or _is_transformed()) and _is_compiled()


def _is_transformed() -> bool:
    """Whether somebody looks inside: ``torch.func``, forward-mode derivatives, ``torch.export``."""
    if torch.compiler.is_compiling():
        return torch.compiler.is_exporting()
    return torch_path.is_transformed()
