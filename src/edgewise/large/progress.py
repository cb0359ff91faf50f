"""The progress line of a long run: steps, loss, and how much of the time went into waiting for data."""

from tqdm.auto import tqdm


class Line:
    """On standard error, and only where it is ``wanted``."""

    def __init__(self, wanted: bool, steps: int, done: int) -> None:
        self._line = (
            tqdm(desc="training", unit="step", total=steps, initial=done, leave=False) if wanted else None
        )

    def tick(self, loss: float, waiting: float) -> None:
        """Moves on by one step."""
        if self._line is not None:
            self._line.set_postfix(loss=f"{loss:.2e}", waiting=f"{waiting:.0%}", refresh=False)
            self._line.update()

    def close(self) -> None:
        """Takes the line away."""
        if self._line is not None:
            self._line.close()
