"""Time in one training run: seconds passed, the limit, and the progress line."""

import time

from tqdm.auto import tqdm


class Clock:
    """Counts seconds from its making; ``expired`` once ``limit`` seconds have passed."""

    def __init__(self, limit: float | None = None, progress: bool = False) -> None:
        self._start = time.perf_counter()
        self._limit = limit
        self._line = tqdm(desc="training", unit="step", leave=False) if progress else None

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @property
    def expired(self) -> bool:
        """Whether the limit has passed."""
        return self._limit is not None and self.seconds >= self._limit

    def left(self) -> float:
        """Seconds until the limit; infinite without one."""
        return float("inf") if self._limit is None else max(0.0, self._limit - self.seconds)

    def tick(self, **facts: object) -> None:
        """Moves the progress line on by one step."""
        if self._line is not None:
            self._line.set_postfix(facts, refresh=False)
            self._line.update()

    def close(self) -> None:
        """Takes the progress line away."""
        if self._line is not None:
            self._line.close()
