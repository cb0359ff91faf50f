"""The formulas of a search under way, in a file that is whole at every moment and tells whose data it is of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from edgewise.errors import CheckpointError, InputError
from edgewise.symbolic import Candidate
from edgewise.symbolic.parser import parse
from edgewise.view.writing import replacing

KIND = "edgewise search"
VERSION = 1


@dataclass(frozen=True)
class Progress:
    """A JSON file of formulas in ``symbols``, for the data of that ``fingerprint``.

    Whoever kills the search leaves the formulas written last; they are the guesses of the next fit to the same data.
    """

    path: Path
    fingerprint: str
    symbols: tuple[str, ...]

    def read(self) -> tuple[str, ...]:
        """The formulas so far, the simplest first; none if there is no file.

        Raises ``CheckpointError`` for a file that is damaged, of another kind or of other data.
        """
        if not self.path.parent.is_dir():
            raise InputError(
                f"checkpoint={str(self.path)!r}: the folder {str(self.path.parent)!r} does not exist; create it, or "
                "name another file"
            )
        if not self.path.exists():
            return ()
        advice = "delete it, or name another file"
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            known = found["kind"] == KIND and found["version"] == VERSION
            texts = tuple(str(row["equation"]) for row in found["formulas"])
            if not known:
                raise KeyError("kind")
            if found["data"] == self.fingerprint:
                for text in texts:
                    parse(text, self.symbols)
                return texts
        except (ValueError, KeyError, TypeError, OSError):
            raise CheckpointError(
                f"{self.path} is no checkpoint of a search, or a damaged one: expected JSON of an earlier fit; {advice}"
            ) from None
        raise CheckpointError(
            f"{self.path} is of other data: expected the rows, columns and known part of this fit; {advice}"
        )

    def write(self, candidates: Sequence[Candidate]) -> None:
        """Replaces the file at once."""
        rows = [
            {"equation": one.formula.text, "complexity": one.complexity, "loss": repr(one.loss)}
            for one in candidates
        ]
        content = {"kind": KIND, "version": VERSION, "data": self.fingerprint, "formulas": rows}
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


def fingerprint(X: np.ndarray, y: np.ndarray, symbols: Sequence[str], known: str | None) -> str:
    """A digest of everything that makes formulas comparable: rows, columns, the known part."""
    digest = sha256(json.dumps([list(X.shape), list(symbols), known]).encode())
    for part in (X, y):
        digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
    return digest.hexdigest()
