r"""From the bytes of a file to cells under unique names: text with separators, or Parquet.

What a file is shows in its first bytes, not in its extension. Whatever is no table raises ``InputError``.
"""

import csv
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgewise.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

HEAD = 1 << 16
SEPARATORS = (",", ";", "\t")
SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "an Excel workbook or ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1", "an Arrow file"),
)
MARKUP = re.compile(rb"<(\?xml|!doctype|html|svg)", re.IGNORECASE)
JSON = re.compile(rb"""\{\s*["}]|\[\s*([\[{"\d-]|\])""")
EXPECTED = "expected a CSV or Parquet table with a header; save it as CSV and type the new name"


def read_frame(path: str | Path) -> "tuple[pd.DataFrame, list[str]]":
    """All cells of a file under unique names, and notes; at least one row."""
    path = Path(path)
    head = _head(path)
    notes: list[str] = []
    try:
        frame = _read_parquet(path) if head.startswith(b"PAR1") else _read_text(path, head, notes)
    except MemoryError:
        raise InputError(
            f"{path} does not fit into memory ({path.stat().st_size / 1e9:.1f} GB): expected a smaller "
            "table; keep fewer rows or columns"
        ) from None
    unnamed = [k for k, name in enumerate(frame.columns) if not name]
    if unnamed:
        notes.append(f"{len(unnamed)} column{'s' * (len(unnamed) > 1)} without a name left out")
        frame = frame.iloc[:, [k for k, name in enumerate(frame.columns) if name]]
    if frame.empty:
        raise InputError(f"{path} has a header and no rows: expected numbers below it; add rows")
    return frame, notes


def _head(path: Path) -> bytes:
    """The first bytes of a regular, non-empty file."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: expected a CSV or Parquet file; type the name of a file in it")
    if not path.exists():
        raise InputError(
            f"{path} does not exist: expected a CSV or Parquet file; look with: ls {path.parent}"
        )
    if not path.is_file():
        raise InputError(f"{path} is not a regular file: expected CSV or Parquet; save it to a file first")
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip():
        raise InputError(f"{path} is empty: {EXPECTED}")
    return head


def _encoding(path: Path, head: bytes) -> str:
    """The encoding of a text file; raises for what is no text, or text of another kind."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if kind := _known_kind(start):
        raise InputError(f"{path} is {kind}: {EXPECTED}")
    if set(head) & (set(range(32)) - set(b"\t\n\r\f\x0b")):
        raise InputError(f"{path} is a binary file: {EXPECTED}")
    return "utf-8-sig"


def _known_kind(start: bytes) -> str:
    """What a file that is no table is, as far as its first bytes tell; "" if they do not."""
    if MARKUP.match(start):
        return "an HTML or XML page"
    if JSON.match(start):
        return "JSON"
    return next((kind for signature, kind in SIGNATURES if start.startswith(signature)), "")


def _read_text(path: Path, head: bytes, notes: list[str]) -> "pd.DataFrame":
    encoding = _encoding(path, head)
    try:
        return _parse_text(path, encoding)
    except UnicodeDecodeError:
        if encoding == "utf-16":
            raise InputError(f"{path} is cut off or no text: {EXPECTED}") from None
    notes.append("the file is not UTF-8; it was read as Latin-1")
    return _parse_text(path, "latin-1")


def _parse_text(path: Path, encoding: str) -> "pd.DataFrame":
    import pandas as pd

    names, separator = _header(path, encoding)
    blanks = separator == " "
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=r"\s+" if blanks else separator,
                encoding=encoding,
                index_col=False,
                low_memory=False,
                skipinitialspace=not blanks,
            )
    except pd.errors.ParserWarning:
        raise InputError(
            f"{path} has rows with more cells than the {len(names)} names in its header; add the others"
        ) from None
    except pd.errors.ParserError as error:
        raise InputError(f"{path} is no table: {_parser_words(error)}; mend that line") from None
    frame.columns = pd.Index(names)
    return frame


def _parser_words(error: Exception) -> str:
    """pandas' complaint without the name of its parser, such as "expected 3 cells in line 7, saw 4"."""
    words = str(error).removeprefix("Error tokenizing data.").strip().removeprefix("C error:").strip()
    return words.replace("fields", "cells").replace("Expected", "expected") or "its rows cannot be told apart"


def _header(path: Path, encoding: str) -> tuple[list[str], str]:
    """The checked names of the first line that is not blank, and what separates them."""
    with path.open(encoding=encoding, newline="") as file:
        first = next((line for line in file if line.strip()), "")
        second = next((line for line in file if line.strip()), "")
        separator = _separator(first, second)
        file.seek(0)
        lines = itertools.dropwhile(lambda line: not line.strip(), file)
        if separator == " ":
            names = first.split()
        else:
            names = next(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    return _checked_names([name.strip() for name in names], path), separator


def _separator(first: str, second: str) -> str:
    """The commonest separator of the first line outside quotes, else blanks if both agree, else comma."""
    bare = re.sub(r'"[^"]*"', "", first)
    best = max(SEPARATORS, key=bare.count)
    if bare.count(best):
        return best
    words = len(bare.split())
    return " " if words > 1 and len(second.split()) == words and '"' not in first else ","


def _checked_names(names: list[str], path: Path) -> list[str]:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise InputError(
            f"{path} has {listed(twice)} twice in its header: expected different names; rename them"
        )
    if names and all(_is_number(name) for name in names):
        raise InputError(
            f"{path} starts with numbers ({listed(names)}): expected a header; put names above the columns"
        )
    return names


def _read_parquet(path: Path) -> "pd.DataFrame":
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(f"{path} is Parquet, which needs pyarrow; type: pip install pyarrow") from None
    import pandas as pd

    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is a damaged Parquet file ({_one_line(error)}): write it again") from None
    # The index that pandas stores beside the columns is a row label, not a measurement.
    names = ["" if re.fullmatch(r"__index_level_\d+__", n) else n for n in table.column_names]
    _checked_names(names, path)
    columns = [table.column(k).to_pandas() for k in range(table.num_columns)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = pd.Index(names)
    return frame


def listed(names: Sequence[str], most: int = 8) -> str:
    """Quoted names joined by commas, the first ``most`` of them."""
    shown = ", ".join(short(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def short(value: object) -> str:
    """A cell or name in quotes, cut to 30 characters."""
    shown = repr(str(value))
    return shown if len(shown) <= 30 else f"{shown[:26]}...'"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _one_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].strip()[:120]
