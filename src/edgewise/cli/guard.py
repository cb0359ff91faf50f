"""What every command does with failures and warnings: one line on standard error, and an exit code."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import typer

from edgewise.errors import EdgewiseError

MISTAKE, INTERRUPTED = 2, 130


def guarded(run: Callable[[], Any]) -> int:
    """The exit code of a command, its failures told in one line on standard error."""
    try:
        with notes():
            code = run()
            sys.stdout.flush()
        # typer turns Ctrl-C into this exit code, and its elder versions into Abort.
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing was written", INTERRUPTED)
    except BrokenPipeError:
        # The reader went away, as in `edgewise predict ... | head`; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EdgewiseError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(
            f"{error.strerror or error}: {error.filename or 'no file'}; check the path and the space there"
        )
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return _fail(_usage(error))


def _usage(error: Any) -> str:
    """A mistake in the words of a command, with the way to its help."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "edgewise"
    return f"{error.format_message().rstrip('.')}; type: {command} --help"


def _fail(message: str, code: int = MISTAKE) -> int:
    typer.echo(f"edgewise: {_one_line(message)}", err=True)
    return code


def note(message: str) -> None:
    """A line on standard error that is no failure."""
    typer.echo(f"note: {_one_line(message)}", err=True)


@contextmanager
def notes() -> Iterator[None]:
    """Warnings as one-line notes on standard error, each told once."""
    told: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if str(message) not in told:
            told.add(str(message))
            note(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def _one_line(text: str) -> str:
    return " ".join(text.split())
