"""The one exception that the command line turns into one line and exit status 2; names in messages."""

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path

CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Control characters, line breaks and what turns the direction of text, as a range of a pattern."""
_UNPRINTABLE = re.compile(rf"[{CONTROLS}\ud800-\udfff]")

WRITING = {
    errno.ENOSPC: "no space left on the device",
    errno.EDQUOT: "disk quota exceeded",
    errno.EFBIG: "larger than a file may be here (`ulimit -f`, or the file system)",
    errno.EACCES: "not writable (permission denied)",
    errno.EROFS: "not writable (read-only file system)",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EEXIST: "expected a directory, received a file",
}
"""Errors of writing that are a user's to mend → what to say."""
_MACHINE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG}
    | {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
    | {errno.EAGAIN, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EBUSY, errno.EXDEV}
)
"""Errors of the system that are no fault of danq, whatever it was at."""


class DanqError(Exception):
    """What the user gave cannot be used; the message says what, where, and expected against received.

    The message is one line without a trailing full stop and, for file contents, starts with ``path:line:``.
    Everything else that is raised is a bug of danq and shows its traceback.
    """

    def __str__(self) -> str:
        """Give the message, escaped where names out of files would break its line."""
        return printable(super().__str__())


class TrainingFailedError(DanqError):
    """These options cannot be trained on this data and device; a trial of a search then comes last."""


def reason_of_system(error: Exception) -> str | None:
    """Say in one line what the machine refused, which is the user's to mend; None for a fault of danq."""
    # a library whose file finds no room is "not found"
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and "map segment" in str(error)):
        return f"no memory is left for this job ({first_line(error)})"
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return "no more threads are allowed for this job (`ulimit -u` raises the limit)"
    if not isinstance(error, OSError) or error.errno not in _MACHINE:
        return None
    return f"{error.filename or 'standard output or a temporary file'}: {os.strerror(error.errno)}"


def refuse(problems: Iterable[str]) -> None:
    """Refuse all that is wrong at once, rather than one thing a run.

    Raises
    ------
    DanqError
        If there is any problem.
    """
    if message := "; ".join(problems):
        raise DanqError(message)


def first_few(names: Iterable[str], most: int = 5) -> str:
    """Join names for a message, of many only the first: ``chrI, chrII and 15 more``; of none ``""``."""
    listed = [printable(name) for name in names]
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def counted(n: int, what: str) -> str:
    """Count for a message: ``1 allele``, ``1,200 alleles``; `what` takes an s in the plural."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def first_line(error: BaseException) -> str:
    """Give the first line of what an exception says, or its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def shown(path: Path) -> Path:
    """Name a file from the working directory on, if its path goes up and down."""
    return Path(os.path.relpath(path.resolve())) if ".." in path.parts else path


def remedy(path: Path) -> str:
    """Say what to do about a damaged file of results: the end of a message."""
    return f"; remove {shown(path).parent} and make it again"


def is_printable(text: str) -> bool:
    """Whether a text has no character that breaks lines, columns or the terminal; a name must have none."""
    return _UNPRINTABLE.search(text) is None


def printable(text: str) -> str:
    """Escape, as Python writes them, the characters that break lines, columns or the terminal."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def check_name(name: str, where: object, what: str = "a name") -> str:
    """Give a name back; one that would break lines, columns or the terminal is refused.

    Raises
    ------
    DanqError
        The message begins with `where`, a file and line as a rule.
    """
    if not is_printable(name):
        raise DanqError(f"{where}: expected {what} of printable characters, received {ascii(name)[:60]}")
    return name
