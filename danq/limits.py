"""How much a file may ask for: sizes that it declares are compared with limits before anything is read.

Each limit is a variable of the environment, so that whoever needs more can say so (docs/trust.md).
"""

import os
import re
from typing import Literal

from danq.errors import DanqError

_DEFAULTS = {
    "DANQ_MAX_MEMORY": 2 << 30,
    "DANQ_MAX_RATIO": 500,
    "DANQ_MAX_PIXELS": 64 << 20,
    "DANQ_MAX_NODES": 100_000,
    "DANQ_MAX_SECONDS": 10,
}
"""Bytes that one file may unfold to in memory; how many times its size a compressed stream may unfold to;
pixels of an image; values of a configuration, those behind aliases each time they are used; seconds in which
a pattern must have cut one text."""
_SIZE = re.compile(r"(\d+)([KMGT]?)(?:i?B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
Limit = Literal["DANQ_MAX_MEMORY", "DANQ_MAX_RATIO", "DANQ_MAX_PIXELS", "DANQ_MAX_NODES", "DANQ_MAX_SECONDS"]


def limit(name: Limit) -> int:
    """Most that is accepted, by the environment or by default.

    Raises
    ------
    DanqError
        If the environment holds no whole number, alone or with one of the letters K, M, G and T behind it.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return _DEFAULTS[name]
    match = _SIZE.fullmatch(text)
    if match is None:
        raise DanqError(f"{name}: expected a whole number, such as 4 or 4G, received {text!r}")
    return int(match[1]) << _POWERS[match[2].upper()]


def check_limit(name: Limit, where: object, what: str, received: float) -> None:
    """Refuse what a file declares if it is beyond a limit.

    Raises
    ------
    DanqError
        With the limit and the variable that raises it; the message begins with `where`, a file as a rule.
    """
    most = limit(name)
    if received > most:
        raise DanqError(
            f"{where}: expected at most {most:,} {what}, received {received:,.0f}; "
            f"the environment variable {name} raises the limit"
        )


def check_memory(where: object, size: float) -> None:
    """Refuse what would take more than ``DANQ_MAX_MEMORY`` bytes once it is read."""
    check_limit("DANQ_MAX_MEMORY", where, "bytes in memory", size)
