r"""From a file of measurements to checked columns of numbers.

A table is a header of unique names and rows of numbers, in whatever form ``readers`` can read.

What cannot be used raises ``InputError``: one line with what came, what was expected and what to type next.
What was left out on the way is told in ``Table.notes``:

- text, true/false and date columns that nobody asked for, and columns without a name or without a value;
- constant columns, which say nothing about the target. A constant *target* stays: its formula is a number.
"""

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from edgewise.data import LARGEST
from edgewise.errors import InputError
from edgewise.readers import listed, read_frame, short

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

DECIMAL_COMMA = re.compile(r"'[+-]?\d+,\d+([eE][+-]?\d+)?'")


@dataclass(frozen=True)
class Table:
    """Numbers to learn from: ``X (n, features)`` and ``y (n,)`` in float64, and their columns' names."""

    X: "NDArray[np.float64]"
    y: "NDArray[np.float64]"
    names: tuple[str, ...]
    target: str
    notes: tuple[str, ...] = ()


def read_table(path: str | Path, target: str, features: Sequence[str] | None = None) -> Table:
    r"""The target and the features of a file; without ``features``, every other column of numbers.

    Raises ``InputError`` for a file that is no table, a header without unique names, a column that is missing
    or not numeric, empty or infinite cells, numbers beyond 1e150, fewer than two rows, or no varying feature.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "falling.csv")
        ...     _ = path.write_text("time,height\n0,10\n1,5.1\n")
        ...     read_table(path, "height").X.tolist()
        [[0.0], [1.0]]
    """
    frame, notes = read_frame(path)
    _check_asked(frame, path, target, features)
    y = _numbers(_column(frame, target), path, "the target", "choose another with --target")
    if len(y) < 2:
        raise InputError(f"{path} has 1 row: expected at least 2, and better 20 or more; add rows")
    if features:
        columns = _asked(frame, path, features, "leave it out of --features")
    else:
        columns = _numeric_columns(frame, path, target, notes)
    varying = {name: column for name, column in columns.items() if np.ptp(column) > 0}
    notes += _left_out("no variation", [name for name in columns if name not in varying])
    if not varying:
        raise InputError(
            f"{path} has no column of varying numbers besides {target!r}: expected at least one feature; "
            "add one, or choose another with --target"
        )
    if np.ptp(y) == 0:
        notes.append(f"the target {target!r} is constant: the formula is that number")
    return Table(np.column_stack(list(varying.values())), y, tuple(varying), target, tuple(notes))


def read_inputs(path: str | Path, names: Sequence[str]) -> "NDArray[np.float64]":
    """The named columns of a file as float64 ``(n, len(names))``, in that order; others are ignored."""
    frame, _ = read_frame(path)
    _check_present(frame, path, names, "column")
    return np.column_stack(list(_asked(frame, path, names, "give one row per prediction").values()))


def _check_asked(
    frame: "pd.DataFrame", path: str | Path, target: str, features: Sequence[str] | None
) -> None:
    _check_present(frame, path, [target], "target", "--target")
    if features is None:
        return
    twice = [name for name, count in Counter(features).items() if count > 1]
    if not features or twice:
        came = f"names {listed(twice)} twice" if twice else "is empty"
        raise InputError(f"--features {came}: expected different names; type for instance --features a,b")
    if target in features:
        raise InputError(
            f"{target!r} is the target and among --features: expected one or the other; drop it there"
        )
    _check_present(frame, path, features, "feature", "--features")


def _check_present(
    frame: "pd.DataFrame", path: str | Path, names: Sequence[str], role: str, option: str = ""
) -> None:
    known = [str(name) for name in frame.columns]
    missing = [name for name in names if name not in known]
    if not missing:
        return
    near = difflib.get_close_matches(missing[0], known, n=1)
    if option:
        advice = f"type {option} {near[0] if near else 'with one of these'}"
    else:
        advice = f"rename {near[0]!r} to {missing[0]!r}" if near else "add it to the file"
    raise InputError(f"{path} has no {role} {listed(missing)}; its columns are {listed(known)}; {advice}")


def _asked(
    frame: "pd.DataFrame", path: str | Path, names: Sequence[str], advice: str
) -> "dict[str, NDArray[np.float64]]":
    return {name: _numbers(_column(frame, name), path, "column", advice) for name in names}


def _numeric_columns(
    frame: "pd.DataFrame", path: str | Path, target: str, notes: list[str]
) -> "dict[str, NDArray[np.float64]]":
    """Every column of numbers but the target; the others end in ``notes``."""
    found, others = {}, defaultdict(list)
    for name in frame.columns:
        column = _column(frame, name)
        if name == target:
            continue
        if kind := "nothing" if _is_empty(column) else _other_kind(column):
            others[kind].append(name)
        else:
            found[str(name)] = _numbers(column, path, "column", "leave the column out with --features")
    for kind, names in others.items():
        notes += _left_out(kind, names)
    return found


def _left_out(kind: str, names: Sequence[str]) -> list[str]:
    """One note for all columns of a kind, none if there are none."""
    if not names:
        return []
    if len(names) == 1:
        return [f"column {listed(names)} holds {kind} and was left out"]
    return [f"{len(names)} columns hold {kind} and were left out: {listed(names)}"]


def _other_kind(column: "pd.Series") -> str:
    """What a column holds if not numbers: "text", "true/false", "dates"; "" for numbers, even damaged."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        return "true/false"
    if kind.startswith(("date", "time", "period", "interval")):
        return "dates"
    if kind == "complex":
        return "complex numbers"
    values = _parsed(column)
    present = column.notna().to_numpy()
    if np.isnan(values[present]).sum() * 2 <= present.sum() or DECIMAL_COMMA.fullmatch(_sample(column)):
        return ""
    return "text"


def _column(frame: "pd.DataFrame", name: str) -> "pd.Series":
    return cast("pd.Series", frame[name])


def _is_empty(column: "pd.Series") -> bool:
    return not column.notna().to_numpy().any()


def _parsed(column: "pd.Series") -> "NDArray[np.float64]":
    """Cells as float64, NaN where empty or no number."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    cells = column.astype(object)
    return np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)


def _numbers(column: "pd.Series", path: str | Path, role: str, advice: str) -> "NDArray[np.float64]":
    """A column as finite float64; raises with the first offending row, counted from 1 below the header."""
    label = f"{path}: {role} {column.name!r}"
    if not _is_empty(column) and (kind := _other_kind(column)):
        raise InputError(f"{label} holds {kind}, such as {_sample(column)}: expected numbers; {advice}")
    values, present = _parsed(column), column.notna().to_numpy()
    text = present & np.isnan(values)
    if text.any():
        where = int(np.argmax(text))
        raise InputError(
            f"{label} holds text in {_cells(text)}, first {short(column.iloc[where])} in row {where + 1}: "
            f"expected numbers with a decimal point; mend those cells, or {advice}"
        )
    bad = ~np.isfinite(values)
    if bad.any():
        raise InputError(
            f"{label} has NaN, infinity or nothing in {_cells(bad)}, first in row {int(np.argmax(bad)) + 1}: "
            f"expected a number in every row; fill or drop those rows, or {advice}"
        )
    if np.abs(values).max() > LARGEST:
        raise InputError(
            f"{label} reaches {np.abs(values).max():.3g}: expected at most {LARGEST:g}; use other units"
        )
    return values


def _cells(bad: "NDArray[np.bool_]") -> str:
    return f"{int(bad.sum())} of {len(bad)} cells"


def _sample(column: "pd.Series") -> str:
    return short(column.dropna().iloc[0])
