"""The rows of a study on disk: one SQLite file, one row a finished cell, each written in a transaction of its own.

The key is the cell's hash, so a cell can be there once or not at all, whoever is killed when. Only the process that
runs the study writes; workers hand their rows to it. Besides rows there are *facts*: numbers measured once that other
cells are made from, such as how much longer one arm takes than another.

A cell is a dataclass with a ``key``, a row the dataclass that the store is told; other studies bring their own.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgewise.errors import CheckpointError
from edgewise.study.measurement import Row

FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, cell TEXT NOT NULL, row TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value REAL NOT NULL);
"""


class Store:
    """An open file of rows; made when it is not there. ``CheckpointError`` when the file is something else.

    Example:
        >>> with Store(":memory:") as store:
        ...     len(store)
        0
    """

    def __init__(self, path: str | Path, row: type[Any] = Row) -> None:
        self.path, self._row = path, row
        try:
            self._database = sqlite3.connect(path, timeout=60)
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, FORMAT):
                raise CheckpointError(
                    f"{path} has rows of format {version}; this edgewise reads {FORMAT}: take another folder"
                )
            self._database.execute("PRAGMA synchronous = FULL")
            if version != FORMAT:
                self._database.executescript(f"{_TABLES} PRAGMA user_version = {FORMAT};")
        except sqlite3.Error as error:
            raise CheckpointError(f"{path} cannot be used for rows ({error}); take another folder") from None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def __len__(self) -> int:
        return self._database.execute("SELECT COUNT(*) FROM rows").fetchone()[0]

    def add(self, cell: Any, row: Any) -> bool:
        """Writes a row for good; False, and nothing written, where the cell has one already."""
        entry = (cell.key, _text(asdict(cell)), _text(asdict(row)))
        with self._database:
            return self._database.execute("INSERT OR IGNORE INTO rows VALUES (?, ?, ?)", entry).rowcount == 1

    def missing(self, cells: Iterable[Any]) -> list[Any]:
        """The cells without a row, each once, in the order of their keys, which is as good as random."""
        there = {key for (key,) in self._database.execute("SELECT key FROM rows")}
        return [cell for key, cell in sorted({cell.key: cell for cell in cells}.items()) if key not in there]

    def rows(self, cells: Iterable[Any]) -> dict[str, Any]:
        """The rows that there are of these cells, by key."""
        wanted = {cell.key for cell in cells}
        found = self._database.execute("SELECT key, row FROM rows")
        return {key: self._row(**json.loads(text)) for key, text in found if key in wanted}

    def fact(self, name: str, value: float) -> float:
        """The value that was first given under that name, which now is this one if there was none."""
        with self._database:
            self._database.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))
        return self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0]

    def facts(self) -> dict[str, float]:
        """All facts."""
        return dict(self._database.execute("SELECT name, value FROM facts"))


def _text(values: dict) -> str:
    return json.dumps(values, sort_keys=True, allow_nan=False)
