"""The one exception that the command line turns into one line and exit status 2; lists of names in it."""

from collections.abc import Iterable


class DanqError(Exception):
    """What the user gave cannot be used; the message says what, where, and expected against received.

    The message is one line without a trailing full stop and, for file contents, starts with ``path:line:``.
    Everything else that is raised is a bug of danq and shows its traceback.
    """


class TrainingFailedError(DanqError):
    """These options cannot be trained on this data and device; a trial of a search then comes last."""


def first_few(names: Iterable[str], most: int = 5) -> str:
    """Join names for a message, of many only the first: ``chrI, chrII and 15 more``; of none ``""``."""
    listed = list(names)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
