"""Time in one training run: seconds passed, the limit, and the progress line."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm


class Clock:
    """Counts seconds from its making; ``expired`` once ``limit`` seconds have passed."""

    def __init__(self, limit: float | None = None, progress: bool = False) -> None:
        self._start = time.perf_counter()
        self._limit, self.stopped = limit, False
        self._line = tqdm(desc="training", unit="step", leave=False) if progress else None

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @property
    def expired(self) -> bool:
        """Whether the limit has passed."""
        return self.stopped or (self._limit is not None and self.seconds >= self._limit)

    def left(self) -> float:
        """Seconds until the limit; infinite without one."""
        if self.stopped:
            return 0.0
        return float("inf") if self._limit is None else max(0.0, self._limit - self.seconds)

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Runs the block; Ctrl-C ends it and the time, so that what was found so far is kept."""
        try:
            yield
        except KeyboardInterrupt:
            self.stopped = True

    def tick(self, **facts: object) -> None:
        """Moves the progress line on by one step."""
        if self._line is not None:
            self._line.set_postfix(facts, refresh=False)
            self._line.update()

    def close(self) -> None:
        """Takes the progress line away."""
        if self._line is not None:
            self._line.close()
