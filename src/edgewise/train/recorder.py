"""What training looked like on the way: networks kept at steps spread evenly over a run of unknown length."""

from typing import NamedTuple

from edgewise.errors import InputError
from edgewise.network import KAN
from edgewise.train.config import Step


class Frame(NamedTuple):
    """A network as it was after a number of accepted steps, in the user's units, and its loss where it is known."""

    number: int
    network: KAN
    loss: float | None


class Recorder:
    """Keeps at most ``most`` networks of a training run: pass it to ``train`` as ``watch``.

    Every network is kept at first; whenever there are ``most``, every second one goes and from then on half as many are
    kept. The last is always there: the network that ``train`` hands back. ``loss`` is the one on held-out rows.

    Example:
        >>> import torch
        >>> from edgewise.train import TrainConfig, train
        >>> recorder, X = Recorder(most=20), torch.linspace(-1, 1, 50)[:, None]
        >>> result = train(KAN([1, 1]), X, X**2, TrainConfig(max_seconds=5), watch=recorder)
        >>> recorder.frames[-1].network is result.network, len(recorder.frames) <= 20
        (True, True)
    """

    def __init__(self, most: int = 60) -> None:
        if not isinstance(most, int) or most < 4:
            raise InputError(f"most={most!r}: expected a whole number of at least 4")
        self.most = most
        self._kept: list[Frame] = []
        self._stride, self._steps = 1, 0
        self._last: Frame | None = None

    @property
    def frames(self) -> tuple[Frame, ...]:
        """What was kept, in order, the last network at the end."""
        last = self._last
        if last is None or (self._kept and self._kept[-1] is last):
            return tuple(self._kept)
        return (*self._kept, last)

    def __call__(self, step: Step, network: KAN) -> None:
        """Is told of one network after another; ``train`` does this."""
        self._last = Frame(self._steps, network, step.validation_loss)
        if self._steps % self._stride == 0:
            self._kept.append(self._last)
            if len(self._kept) >= self.most:
                self._kept, self._stride = self._kept[::2], 2 * self._stride
        self._steps += 1
