"""A request to stop that waits for the end of a step."""

import signal
import threading
from types import FrameType


class Stop:
    """Within the block, Ctrl-C and a polite kill set ``asked``; a second Ctrl-C is a ``KeyboardInterrupt`` again.

    Only the main thread hears signals; elsewhere ``asked`` stays False.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True
