"""How wide a name is when it is drawn, and how it is cut where there is no room for it."""

import re
from unicodedata import combining

NAME_PX = 200
"""Room for the name of a run in the head of a column."""
BUTTON_PX = 360
"""Room for a name on a button above a plot, and in the title that it sets."""
_NARROW, _WIDE = frozenset("fijlrtI.,;:'|!()[] "), frozenset("mwMW@%—…")


def width(name: str) -> float:
    """Width in px of a name in letters of 13 px: of common fonts the widest, so rather too much."""
    return sum(map(_letter, name))


def _letter(letter: str) -> float:
    if combining(letter):
        return 0.0
    if not letter.isascii() or letter in _WIDE:
        return 13.5
    if letter in _NARROW:
        return 5.5
    return 10.4 if letter.isupper() else 8.4


def cut(name: str, widest: float) -> str:
    """Leave out the middle of a name that is wider than `widest` px: similar names differ at their ends."""
    if width(name) <= widest:
        return name
    kept = min(len(name) - 1, int(widest // 5))
    while kept > 1:
        short = f"{name[: (kept + 1) // 2]}…{name[len(name) - kept // 2 :]}"
        if width(short) <= widest:
            return short
        kept -= 1
    return f"{name[:1]}…"


def natural(name: str) -> tuple[str | int, ...]:
    """Key that sorts numbers in names by their value: try2 before try10."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts))
