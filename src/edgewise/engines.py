r"""One process or many behind one small face: ``Local`` and ``Accelerated``.

Every process holds the same network and works on its share of the rows. What they must agree on is a weighted mean,

    mean(v, w) = sum_r w_r v_r / sum_r w_r      over the processes r,

of losses and gradients with row counts as weights, so that many processes climb the same hill as one. The other
calls gather rows, and hand out what the main process made. Nothing is pickled: only tensors travel.

``engine()`` picks by the environment that ``torchrun`` sets, so one script serves one process and many:

    torchrun --nproc_per_node=2 script.py
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from jaxtyping import Shaped
from torch import Tensor

from edgewise.errors import InputError, ProcessError

Value = TypeVar("Value", float, Tensor)
_FAILED = -1


class Engine(ABC):
    """What training needs to know about the other processes.

    ``rank`` counts from 0 to ``world - 1``; rank 0 ``is_main`` and is the one that writes files.
    """

    def __init__(self, rank: int, world: int, device: torch.device) -> None:
        self.rank, self.world, self.device = rank, world, device

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    @abstractmethod
    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces every tensor by its sum over the processes, in place, in one message."""

    @abstractmethod
    def mean(self, value: Value, weight: float) -> Value:
        """The weighted mean over the processes; a process of weight 0 does not count, whatever its value."""

    @abstractmethod
    def gathered(self, rows: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "m ..."]:
        """All rows of all processes, in the order of their ranks; each may bring another number."""

    @abstractmethod
    def from_main(self, make: Callable[[], bytes]) -> bytes:
        """What ``make`` returns on the main process, which alone calls it, on every process."""

    @abstractmethod
    def barrier(self) -> None:
        """Waits for all processes."""


class Local(Engine):
    """One process on its own: everything is there already."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(0, 1, torch.device(device))

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Leaves the tensors as they are."""

    def mean(self, value: Value, weight: float) -> Value:
        """The value itself."""
        return value

    def gathered(self, rows: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "m ..."]:
        """The rows themselves."""
        return rows

    def from_main(self, make: Callable[[], bytes]) -> bytes:
        """What ``make`` returns."""
        return make()

    def barrier(self) -> None:
        """Returns at once."""


class Accelerated(Engine):
    """Many processes by Hugging Face Accelerate: one machine or several, as ``torchrun`` started them.

    The CPU uses gloo. A process that can no longer reach the others raises ``ProcessError``; without the package
    there is an ``InputError`` with the line to type.
    """

    def __init__(self) -> None:
        try:
            from accelerate import Accelerator
        except ImportError:
            raise InputError(
                "several processes need Hugging Face Accelerate: pip install accelerate"
            ) from None
        made = Accelerator(cpu=not torch.cuda.is_available())
        super().__init__(made.process_index, made.num_processes, made.device)
        self._accelerator = made

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """One flat tensor goes round and is laid back into its parts."""
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        total = self._talk(lambda: self._accelerator.reduce(flat, "sum"))
        with torch.no_grad():
            for tensor, part in zip(tensors, total.split([t.numel() for t in tensors]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def mean(self, value: Value, weight: float) -> Value:
        """Sums ``w v`` and ``w`` in one message, in float64."""
        mine = torch.as_tensor(value, dtype=torch.float64).detach()
        weighed = mine * weight if weight else torch.zeros_like(mine)
        message = torch.cat([weighed.flatten(), weighed.new_tensor([weight])]).to(self.device)
        self.add_up([message])
        found: Any = (message[:-1] / message[-1]).view(mine.shape)
        return found.to(value) if isinstance(value, Tensor) else found.item()

    def gathered(self, rows: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "m ..."]:
        """Pads to the longest, gathers, and takes the padding out again."""
        counts = self._gather(torch.tensor([len(rows)], device=self.device)).tolist()
        padded = rows.new_zeros((max(counts), *rows.shape[1:]), device=self.device)
        padded[: len(rows)] = rows
        parts = self._gather(padded).split(max(counts)) if max(counts) else ()
        kept = [part[:count] for part, count in zip(parts, counts, strict=False)]
        return torch.cat(kept).to(rows.device) if kept else rows

    def from_main(self, make: Callable[[], bytes]) -> bytes:
        """Sends the number of bytes, then the bytes; a failure of ``make`` reaches every process."""
        made, trouble = b"", None
        if self.is_main:
            try:
                made = make()
            except Exception as error:  # told to the others before it is raised here
                trouble = error
        size = self._broadcast(torch.tensor([_FAILED if trouble else len(made)], device=self.device)).item()
        if trouble is not None:
            raise trouble
        if size == _FAILED:
            raise ProcessError("the main process could not go on; its own message says why")
        content = torch.frombuffer(bytearray(made or bytes(int(size) or 1)), dtype=torch.uint8)
        return bytes(self._broadcast(content.to(self.device)).cpu().numpy())[: int(size)]

    def barrier(self) -> None:
        """Waits for all processes."""
        self._talk(self._accelerator.wait_for_everyone)

    def _gather(self, tensor: Tensor) -> Tensor:
        return self._talk(lambda: self._accelerator.gather(tensor))

    def _broadcast(self, tensor: Tensor) -> Tensor:
        from accelerate.utils import broadcast

        return self._talk(lambda: broadcast(tensor))

    def _talk(self, say: Callable[[], Any]) -> Any:
        try:
            return say()
        except RuntimeError as error:
            reason = str(error).splitlines()[0][:120]
            raise ProcessError(
                f"process {self.rank} of {self.world} has lost the others; one of them has ended ({reason})"
            ) from None


def engine() -> Engine:
    """``Accelerated`` where ``torchrun`` started several processes, ``Local`` otherwise.

    Example:
        >>> engine().world
        1
    """
    said = os.environ.get("WORLD_SIZE", "1")
    if not said.isdigit() or said == "0":
        raise InputError(f"WORLD_SIZE={said!r}: expected a positive number; start with torchrun, or unset it")
    return Local() if said == "1" else Accelerated()


def agreed(engine: Engine, verdict: bool) -> bool:
    """Whether any process says yes; the same answer on all of them."""
    return engine.mean(float(verdict), 1.0) > 0.0


__all__ = ["Accelerated", "Engine", "Local", "agreed", "engine"]
