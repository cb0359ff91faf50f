r"""A sparse autoencoder: a few of many latents stand for each row.

    u = E(s (x - c)),    z = relu(u) where u is among its k largest, else 0,    y = z D + c,    rows of D of norm 1
    loss = |x - y|^2 / mean |x|^2  +  1/32 |e - z' D|^2 / |e|^2,    e = x - y

``z'`` are the ``width / 2`` largest of the *dead* latents, those that were 0 in all rows of the last so many steps:
they are taught to explain what is left, which revives them (AuxK). No gradient goes through ``e``. After every step
the directions in ``D`` are brought back to norm 1; their gradient along themselves is dropped before it. Gao et al.,
*Scaling and evaluating sparse autoencoders*, arXiv 2406.04093.

``E`` is the slot, for ``m`` latents of rows of ``d`` numbers:

========== ============================================ ==============================================
arm        ``E``                                        parameters
========== ============================================ ==============================================
linear     W x + b, started as D: the original's        d m + m
mlp        two layers with gelu between                 as kan's
learned    the same with a learned spline a node        as kan's
kan        one ``edgewise.KANLayer``, critical start    d m (G + 4)
kan-noise  the same from pykan's start                  as kan's
========== ============================================ ==============================================

One layer of functions on edges followed by the selection of the largest sums is a network of two levels, as the
perceptrons are; a KAN of two layers would have eight nodes between them, which 32 numbers do not pass.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.errors import InputError
from edgewise.layer import KANLayer
from edgewise.study.arms import Stack, build
from edgewise.study.layers import DEGREE, Dense
from edgewise.study.matching import matched

ARMS = ("linear", "mlp", "learned", "kan", "kan-noise")
INTERVALS = 5
AUXILIARY = 1 / 32
# what rows of mean square 1 are multiplied with: what the arms' initial weights are made for
SCALES = {"linear": 1.0, "mlp": 3**-0.5, "learned": 3**-0.5, "kan": 0.5, "kan-noise": 0.5}


class Autoencoder(nn.Module):
    """``(n, width)`` to the same over ``latents``, of which ``active`` at a time (all with None) are not 0."""

    idle: Tensor

    def __init__(self, arm: str, width: int, latents: int, active: int | None, seed: int) -> None:
        super().__init__()
        self.scale, self.active = _scale(arm), active
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(latents, width, generator=generator)
        self.directions = nn.Parameter(drawn / drawn.norm(dim=1, keepdim=True))
        self.centre = nn.Parameter(torch.zeros(width))
        self.encoder = encoder(arm, width, latents, seed, self.directions.detach())
        self.register_buffer("idle", torch.zeros(latents, dtype=torch.long))  # steps without being used

    def scores(self, x: Float[Tensor, "n width"]) -> Float[Tensor, "n latents"]:
        """``u``."""
        return self.encoder(self.scale * (x - self.centre))

    def code(self, x: Float[Tensor, "n width"]) -> Float[Tensor, "n latents"]:
        """``z``."""
        return self._selected(self.scores(x))

    def forward(self, x: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        return self.code(x) @ self.directions + self.centre

    def loss(self, x: Float[Tensor, "n width"], patience: int) -> Tensor:
        """Of a batch; counts which latents it used, and calls those dead that ``patience`` steps did not."""
        scores = self.scores(x)
        code = self._selected(scores)
        left = x - code @ self.directions - self.centre
        self.idle = torch.where((code > 0).any(0), 0, self.idle + 1)
        return left.square().mean() / x.square().mean() + self._auxiliary(scores, left.detach(), patience)

    def _auxiliary(self, scores: Tensor, left: Tensor, patience: int) -> Tensor | float:
        dead = self.idle >= patience
        if self.active is None or not dead.any():
            return 0.0
        awake = torch.where(dead, scores, -torch.inf)
        code = largest(awake, min(int(dead.sum()), self.directions.shape[1] // 2))
        return AUXILIARY * (left - code @ self.directions).square().mean() / left.square().mean()

    def _selected(self, scores: Tensor) -> Tensor:
        return scores.relu() if self.active is None else largest(scores, self.active)

    def along(self, gradient: Float[Tensor, "latents width"]) -> Float[Tensor, "latents width"]:
        """A gradient of the directions without the part along them, which the norm takes away again."""
        unit = self.directions.detach()
        return gradient - (gradient * unit).sum(1, keepdim=True) * unit

    def rescale(self) -> None:
        """Brings the directions back to norm 1, in place."""
        with torch.no_grad():
            self.directions /= self.directions.norm(dim=1, keepdim=True)


def largest(scores: Float[Tensor, "n latents"], count: int) -> Float[Tensor, "n latents"]:
    """The ``count`` largest of each row where above 0, and 0 elsewhere."""
    values, places = scores.topk(count, dim=1)
    return torch.zeros_like(scores).scatter(1, places, values.relu())


def encoder(arm: str, width: int, latents: int, seed: int, directions: Tensor) -> nn.Module:
    """A fresh slot; all arms but ``linear`` have the same number of parameters."""
    generator = torch.Generator().manual_seed(seed + 1)
    if arm in ("kan", "kan-noise"):
        start = "critical" if arm == "kan" else "noise"
        return KANLayer(
            width, latents, intervals=INTERVALS, init=start, generator=generator, dtype=torch.float32
        )
    if arm == "linear":
        layer = Dense(width, latents, 1.0, nn.Identity(), generator)
        with torch.no_grad():
            layer.weight.copy_(directions.T)
        return layer
    parameters = width * latents * (INTERVALS + DEGREE + 1)
    return build(matched(arm, width, latents, 1, parameters, INTERVALS), "plain", seed)


def trainable(encoder: nn.Module) -> int:
    """Parameters of a slot, without those of dropped edges."""
    return (
        encoder.living() if isinstance(encoder, Stack) else sum(part.numel() for part in encoder.parameters())
    )


def _scale(arm: str) -> float:
    if arm not in SCALES:
        raise InputError(f"arm {arm!r} is not known; choose one of: {', '.join(ARMS)}")
    return SCALES[arm]
