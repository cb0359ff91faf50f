"""Tables larger than memory, read a block at a time: arrays and memory maps by NumPy, Parquet files by pyarrow.

A source knows how many rows each of its blocks has and reads any one of them. What order they come in, and what is
done with them, is not its business.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edgewise.errors import InputError

Block = tuple[np.ndarray, np.ndarray]
SAMPLES = 64
SAMPLE_BYTES = 4096


class Source(ABC):
    """Rows ``X (n, features)`` and ``y (n, targets)`` in blocks."""

    block_rows: tuple[int, ...]
    features: int
    targets: int

    @property
    def rows(self) -> int:
        """Rows of all blocks."""
        return sum(self.block_rows)

    @abstractmethod
    def read(self, block: int) -> Block:
        """One block as two matrices that are the caller's own."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Names, sizes, row counts and a hash of a sample: what tells a table from one that was changed.

        Plain JSON values. The sample is 64 places, so a single changed cell can escape it.
        """


class ArraySource(Source):
    """NumPy arrays, memory maps, or ``.npy`` files, which are opened as memory maps.

    Args:
        X: ``(n, features)``, or the path of such an array. Whole numbers stay so (token numbers, classes).
        y: ``(n,)`` or ``(n, targets)``, or its path.
        block_rows: rows read at a time.

    Example:
        >>> source = ArraySource(np.zeros((10, 3)), np.ones(10), block_rows=4)
        >>> source.block_rows, source.features, source.targets
        ((4, 4, 2), 3, 1)
    """

    def __init__(self, X: Any, y: Any, *, block_rows: int = 16384) -> None:
        if type(block_rows) is not int or block_rows < 1:
            raise InputError(f"block_rows={block_rows!r}: expected a whole number of at least 1")
        self.X, self.y = _opened(X, "X"), _opened(y, "y")
        if self.X.ndim != 2 or self.y.ndim not in (1, 2) or 0 in (*self.X.shape, *self.y.shape):
            raise InputError(
                f"X has shape {self.X.shape}, y {self.y.shape}: expected (n, columns) with n > 0"
            )
        if len(self.X) != len(self.y):
            raise InputError(f"X has {len(self.X)} rows and y has {len(self.y)}: every row needs its target")
        self.features, self.targets = self.X.shape[1], 1 if self.y.ndim == 1 else self.y.shape[1]
        self._block = block_rows
        full, rest = divmod(len(self.X), block_rows)
        self.block_rows = (block_rows,) * full + ((rest,) if rest else ())

    def read(self, block: int) -> Block:
        """A copy of the block's rows."""
        rows = slice(block * self._block, (block + 1) * self._block)
        y = np.array(self.y[rows])
        return np.array(self.X[rows]), y.reshape(len(y), self.targets)

    def fingerprint(self) -> dict[str, Any]:
        """Shapes, number types and a hash of evenly spread rows."""
        return {name: _array_fingerprint(a) for name, a in (("X", self.X), ("y", self.y))}


class ParquetSource(Source):
    """One or more Parquet files; a block is a row group, so that is what must fit into memory, a few at a time.

    Args:
        paths: a file, a folder of ``*.parquet`` files, or several files.
        target: name of the target column, or names.
        features: names of the input columns; all others but the target by default.
    """

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        target: str | Sequence[str],
        features: Sequence[str] | None = None,
    ) -> None:
        self.paths = _parquet_paths(paths)
        self._files = [_parquet_file(path) for path in self.paths]
        columns = self._files[0].schema_arrow.names
        self.target_names = [target] if isinstance(target, str) else list(target)
        others = [name for name in columns if name not in self.target_names]
        self.feature_names = others if features is None else list(features)
        for path, file in zip(self.paths, self._files, strict=True):
            self._check(path, file.schema_arrow)
        self.features, self.targets = len(self.feature_names), len(self.target_names)
        self._places = [
            (file, group)
            for file in self._files
            for group in range(file.metadata.num_row_groups)
            if file.metadata.row_group(group).num_rows
        ]
        self.block_rows = tuple(file.metadata.row_group(group).num_rows for file, group in self._places)
        if not self.block_rows:
            raise InputError(f"{self.paths[0]} holds no rows: nothing to learn from")

    def read(self, block: int) -> Block:
        """One row group, decoded by one thread."""
        file, group = self._places[block]
        try:
            table = file.read_row_group(group, [*self.feature_names, *self.target_names], use_threads=False)
        except MemoryError:
            rows = self.block_rows[block]
            raise InputError(
                f"a row group of {rows} rows does not fit into memory: write the Parquet file with fewer rows a group"
            ) from None
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0][:160]
            raise InputError(
                f"row group {group} of a Parquet file cannot be read ({reason}); write it again"
            ) from None
        return _matrix(table, self.feature_names), _matrix(table, self.target_names)

    def fingerprint(self) -> dict[str, Any]:
        """Of each file its name, bytes, rows, and a hash of its footer and of evenly spread places."""
        names = {"features": self.feature_names, "targets": self.target_names}
        return names | {path.name: _file_fingerprint(path) for path in self.paths}

    def _check(self, path: Path, schema: pa.Schema) -> None:
        for name in [*self.feature_names, *self.target_names]:
            if name not in schema.names:
                shown = ", ".join(schema.names[:8])
                raise InputError(f"{path} has no column {name!r}; it has: {shown}")
            kind = schema.field(name).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                raise InputError(
                    f"column {name!r} of {path} is {kind}: expected numbers; leave it out of features"
                )
        if not self.feature_names or not self.target_names:
            raise InputError(f"{path}: expected at least one feature and one target; name them")

    @cached_property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(path.stat().st_size for path in self.paths)


def _opened(values: Any, name: str) -> np.ndarray:
    if isinstance(values, (str, Path)):
        try:
            values = np.load(values, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{values} cannot be opened as an .npy array: {str(error).splitlines()[0]}"
            ) from None
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} is an array of {array.dtype}: expected numbers")
    return array


def _array_fingerprint(array: np.ndarray) -> dict[str, Any]:
    places = np.unique(np.linspace(0, len(array) - 1, SAMPLES).astype(np.int64))
    sample = hashlib.sha256(np.ascontiguousarray(array[places]).tobytes()).hexdigest()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "sample": sample}


def _parquet_paths(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    given = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
    found = [file for path in given for file in (sorted(path.glob("*.parquet")) if path.is_dir() else [path])]
    if not found:
        raise InputError(f"{paths} holds no *.parquet file; name the files")
    return found


def _parquet_file(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: expected a Parquet file; check the path") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path} is no whole Parquet file ({str(error).splitlines()[0][:160]}); write it again"
        ) from None


def _file_fingerprint(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    sample = hashlib.sha256()
    with path.open("rb") as file:
        for place in np.linspace(0, max(size - SAMPLE_BYTES, 0), SAMPLES).astype(np.int64):
            file.seek(int(place))
            sample.update(file.read(SAMPLE_BYTES))
    return {"bytes": size, "rows": pq.read_metadata(path).num_rows, "sample": sample.hexdigest()}


def _matrix(table: pa.Table, names: list[str]) -> np.ndarray:
    """Columns side by side; whole numbers stay so when all are, an empty cell becomes NaN."""
    columns = [table.column(name).to_numpy() for name in names]
    kind = np.result_type(*columns)
    matrix = np.empty((table.num_rows, len(names)), dtype=kind if kind.kind in "fiu" else np.float64)
    for place, column in enumerate(columns):
        matrix[:, place] = column
    return matrix
