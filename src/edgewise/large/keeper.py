"""The states of one run: when they are written, and whether a saved one belongs to it."""

import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgewise.engines import Engine
from edgewise.errors import CheckpointError, FitWarning
from edgewise.large.config import LargeConfig
from edgewise.large.sources import Source
from edgewise.large.state import State, newest, packed, parsed, read_state, write_state


class Keeper:
    """Keeps a run in ``folder``; without one it keeps nothing. Only the main process reads and writes."""

    def __init__(
        self,
        folder: Path | None,
        source: Source,
        validation: Source | None,
        config: LargeConfig,
        engine: Engine,
    ) -> None:
        self.folder, self.config, self.engine = folder, config, engine
        self.trouble: str | None = None
        self._head: dict[str, Any] = {}
        if folder is not None and engine.is_main:
            judges = {} if validation is None else validation.fingerprint()
            data = source.fingerprint() | {f"validation {name}": value for name, value in judges.items()}
            self._head = {"config": asdict(config), "data": data}
        self._written, self._at = -1, time.perf_counter()

    def saved(self) -> State | None:
        """The newest state, on all processes; None where a run begins.

        Raises ``CheckpointError`` when the folder holds a damaged state or one of other settings or data.
        """
        if self.folder is None:
            return None
        state = self._read() if self.engine.world == 1 else self._handed_round()
        self._written = -1 if state is None else state.numbers["step"]
        return state

    def due(self, step: int) -> bool:
        """Whether it is time for the next state."""
        limit = self.config.checkpoint_seconds
        late = limit is not None and time.perf_counter() - self._at >= limit
        return self.folder is not None and (late or step % self.config.checkpoint_every == 0)

    def begin(self, step: int, make: Callable[[], State]) -> None:
        """Writes the first state; a folder that cannot be written to ends the run before it has cost anything."""
        if self.folder is not None and step != self._written:
            self.engine.from_main(lambda: self._write(step, make()))

    def write(self, step: int, make: Callable[[], State]) -> None:
        """Writes a state; where that fails, warns and lets the run go on from memory."""
        if self.folder is None or step == self._written or not self.engine.is_main:
            return
        try:
            self._write(step, make())
        except CheckpointError as error:
            self.trouble = str(error)
            warnings.warn(f"{error}; training goes on", FitWarning, stacklevel=2)

    def safe(self) -> str:
        """Where a run that ends now can be taken up, in words."""
        step = None if self.folder is None else newest(self.folder)
        if step is None:
            return "nothing was kept: pass run='a folder' to be able to go on"
        return f"the state of step {step} in {self.folder} is whole: start the same command again to go on from there"

    def _write(self, step: int, state: State) -> bytes:
        assert self.folder is not None
        self._at = time.perf_counter()
        numbers = self._head | {"step": step} | state.numbers
        write_state(self.folder, step, State(state.tensors, numbers), self.config.keep)
        self._written, self.trouble = step, None
        return b""

    def _handed_round(self) -> State | None:
        def read() -> bytes:
            state = self._read()
            return b"" if state is None else packed(state)

        content = self.engine.from_main(read)
        return parsed(content) if content else None

    def _read(self) -> State | None:
        assert self.folder is not None
        state = read_state(self.folder)
        if state is None:
            return None
        try:
            difference = self.config.difference(state.numbers["config"])
            changed = _changed(state.numbers["data"], self._head["data"])
        except (KeyError, TypeError, AttributeError):
            raise CheckpointError(
                f"the state in {self.folder} lacks its settings; train in another folder"
            ) from None
        if difference:
            raise CheckpointError(
                f"{self.folder} holds a run of other settings: {difference}; use the same, or train in another folder"
            )
        if changed:
            raise CheckpointError(
                f"the table has changed since the run in {self.folder} began: {changed}; bring the old table back, or "
                "train in another folder"
            )
        return state


def _changed(was: dict[str, Any], now: dict[str, Any]) -> str | None:
    """The first difference between two fingerprints, in words."""
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            part = next(key for key in new if old.get(key) != new[key])
            if part == "sample":
                return f"{name} has other contents"
            return f"{part} of {name} was {old.get(part)} and is {new[part]}"
        return f"{name} was {_short(old)} and is {_short(new)}"
    return None


def _short(value: Any) -> str:
    if value is None or isinstance(value, dict):
        return "missing" if value is None else "there"
    return str(value)[:80]
