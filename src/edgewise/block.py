r"""A block of two Kolmogorov-Arnold layers in the place of a transformer's MLP.

    y = L2(rms(L1(rms(x)))),     rms(h) = c + s h / rms(h), as in ``edgewise.joins``

Both layers get their inputs normed into their domain, so the block takes what a residual stream carries, whatever
its size, and needs no norm in front. Skips around it are the host's.
"""

from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.errors import InputError
from edgewise.joins import rms_normed
from edgewise.layer import KANLayer


@final
class KANBlock(nn.Module):
    """``(..., d_model)`` to ``(..., d_model)`` over ``d_hidden`` nodes.

    Args:
        d_model: width of the stream, at least 2.
        d_hidden: nodes between the two layers, at least 2.
        intervals, degree, domain, base, init, generator, device, dtype: as in ``KANLayer``.
        depth: Kolmogorov-Arnold layers in the whole stack, for the ``critical`` rule: two for every block.

    Example:
        >>> block = KANBlock(16, 8, depth=12)
        >>> block(torch.randn(2, 5, 16)).shape
        torch.Size([2, 5, 16])
    """

    def __init__(
        self,
        d_model: int,
        d_hidden: int,
        *,
        intervals: int = 5,
        degree: int = 3,
        domain: tuple[float, float] = (-1.0, 1.0),
        base: str | None = "silu",
        init: str = "critical",
        depth: int = 2,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("d_model", d_model), ("d_hidden", d_hidden)):
            if not isinstance(value, int) or value < 2:
                raise InputError(f"{name}={value!r}: expected a whole number of at least 2")
        settings: dict[str, Any] = {
            "intervals": intervals,
            "degree": degree,
            "domain": domain,
            "base": base,
            "init": init,
            "depth": depth,
            "generator": generator,
            "device": device,
            "dtype": dtype,
        }
        self.d_model, self.d_hidden = d_model, d_hidden
        self.up = KANLayer(d_model, d_hidden, **settings)
        self.down = KANLayer(d_hidden, d_model, **settings)
        self._centre, self._scale = (domain[0] + domain[1]) / 2, (domain[1] - domain[0]) / 4

    @classmethod
    def matching(
        cls,
        d_model: int,
        parameters: int,
        *,
        intervals: int = 5,
        degree: int = 3,
        base: str | None = "silu",
        **settings: Any,
    ) -> "KANBlock":
        """The widest block of at most so many parameters: those of the MLP or SwiGLU it takes the place of.

        An MLP ``d -> h -> d`` without biases has ``2 d h``, a SwiGLU ``3 d h``, a block
        ``2 d h (intervals + degree + 1)`` with a base.

        Example:
            >>> block = KANBlock.matching(64, 8 * 64**2)
            >>> block.d_hidden, sum(p.numel() for p in block.parameters())
            (28, 32256)
        """
        per_node = 2 * d_model * (intervals + degree + (base is not None))
        if parameters < 2 * per_node:
            raise InputError(
                f"parameters={parameters!r}: two hidden nodes of a block this fine take {2 * per_node}; "
                "take fewer intervals or more parameters"
            )
        hidden = parameters // per_node
        return cls(d_model, hidden, intervals=intervals, degree=degree, base=base, **settings)

    def forward(self, x: Float[Tensor, "*batch model"]) -> Float[Tensor, "*batch model"]:
        return self.down(self._normed(self.up(self._normed(x))))

    def _normed(self, h: Tensor) -> Tensor:
        return rms_normed(h, self._centre, self._scale)
