"""Text that is always there: source files of Python's own standard library, as bytes.

The files are those of ``NAMES``, which every CPython from 3.11 on has; a hash of what was read says whether it is the
text of the committed study (CPython 3.11.7). The split is by file and depends on nothing but the names, so that no
training of any seed ever sees a test file. Licence of the text: PSF.
"""

import functools
import hashlib
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from edgewise.study.tasks import seeded

_FILES = """
    _collections_abc _markupbase _pydecimal _pyio _strptime argparse ast base64 bdb calendar cmd codecs codeop
    compileall configparser contextlib copy copyreg csv dataclasses difflib dis doctest enum filecmp fileinput fnmatch
    fractions ftplib functools genericpath getopt getpass gettext glob graphlib gzip hashlib heapq hmac imaplib inspect
    ipaddress keyword linecache locale lzma mailbox mimetypes modulefinder netrc ntpath numbers opcode operator optparse
    os pdb pickle pickletools pkgutil platform plistlib poplib posixpath pprint profile pstats py_compile pyclbr pydoc
    queue quopri random reprlib rlcompleter runpy sched secrets selectors shelve shlex shutil site smtplib socket
    socketserver ssl stat statistics string stringprep subprocess symtable sysconfig tabnanny tarfile tempfile textwrap
    threading timeit token tokenize trace traceback tracemalloc types typing uuid warnings wave weakref webbrowser
    zipapp zipimport
"""
NAMES = tuple(_FILES.split())
TEST, VALID = 12, 8  # files
STUDIED = "3.11.7"


@dataclass(frozen=True)
class Corpus:
    """Bytes to train on, to choose by and to judge on; ``digest`` is a SHA-256 of names and contents."""

    train: UInt8[Tensor, " bytes"]
    valid: UInt8[Tensor, " bytes"]
    test: UInt8[Tensor, " bytes"]
    digest: str

    @property
    def guessing(self) -> float:
        """Bits per byte on test of who knows how often each byte occurs, and nothing else."""
        counts = torch.bincount(self.train.long(), minlength=256).double() + 1
        return float(-(counts / counts.sum()).log2()[self.test.long()].mean())


@functools.cache
def corpus(folder: Path | None = None) -> Corpus:
    """Reads the files of ``NAMES`` from a folder, the running Python's library unless given."""
    folder = folder or Path(sysconfig.get_path("stdlib"))
    texts = {name: (folder / f"{name}.py").read_bytes() for name in NAMES}
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name} {len(text)} ".encode() + text)
    train, valid, test = (_joined([texts[name] for name in part]) for part in split())
    return Corpus(train, valid, test, digest.hexdigest())


def split() -> tuple[list[str], list[str], list[str]]:
    """Names of the files to train on, to choose by and to judge on."""
    order = seeded("deep-thin", "files").permutation(len(NAMES))
    names = [NAMES[k] for k in order]
    return names[TEST + VALID :], names[TEST : TEST + VALID], names[:TEST]


def windows(text: UInt8[Tensor, " bytes"], starts: Int[np.ndarray, " batch"], length: int) -> Tensor:
    """``(batch, length + 1)`` bytes from each start on: as many to predict as ``length``."""
    return text[torch.from_numpy(starts)[:, None] + torch.arange(length + 1)].long()


def spread(text: UInt8[Tensor, " bytes"], count: int, length: int) -> Tensor:
    """At most ``count`` windows that do not overlap, evenly over a text."""
    room = (len(text) - 1) // length
    places = np.unique(np.linspace(0, room - 1, min(count, room)).round().astype(int))
    return windows(text, places * length, length)


def _joined(texts: list[bytes]) -> Tensor:
    return torch.frombuffer(bytearray(b"".join(texts)), dtype=torch.uint8)
