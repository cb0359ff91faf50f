"""The errors and warnings a user can meet, each with one meaning.

A message says what came, what was expected and what to type next, in one line.
"""


class EdgewiseError(Exception):
    """Base of every error this library raises on purpose."""


class InputError(ValueError, EdgewiseError):
    """The caller's data, names or settings cannot be used as they are."""


class CheckpointError(EdgewiseError):
    """A run folder or model file is missing, truncated or not ours."""


class ProcessError(EdgewiseError):
    """Another process of the same run has ended or cannot be reached."""


class EdgewiseWarning(UserWarning):
    """Base of every warning this library gives."""


class FitWarning(EdgewiseWarning):
    """A fit ended early, was rolled back or cannot be trusted as it stands."""
