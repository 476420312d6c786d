"""Figures of matplotlib as SVG text: equal bytes every time, numbers under the pointer, text as text."""

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, PALE = "#1f2933", "#66717d"
_SETTINGS: dict[str, Any] = {
    "svg.hashsalt": "danq",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.parse_math": False,
    "axes.linewidth": 0.8,
    "figure.dpi": 72,
    "text.color": INK,
} | dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), PALE)


@contextmanager
def own_settings() -> Iterator[None]:
    """Draw by these settings alone, whatever the user's matplotlibrc says; figures of 72 dots an inch."""
    log = logging.getLogger("matplotlib")
    level = log.level
    # what it says of its cache of fonts is no concern of who asked for a drawing
    log.setLevel(logging.ERROR)
    try:
        from matplotlib import style

        with style.context(["default", _SETTINGS]):
            yield
    finally:
        log.setLevel(level)


def svg(
    figure: "Figure",
    title: str,
    description: str = "",
    remarks: Mapping[str, str] | None = None,
    tight: bool = False,
) -> str:
    """Write a figure made within `own_settings`, as this is called, as an ``<svg>`` element in px.

    It needs no other file.

    Parameters
    ----------
    title, description : str
        What a screen reader says of it.
    remarks : mapping of str to str, optional
        Text that is shown under the pointer, by the `gid` of an artist.
    tight : bool
        Let the drawing take the room that its parts need, whatever the size of the figure.
    """
    stream = StringIO()
    with warnings.catch_warnings():
        # text is drawn by the fonts of who looks at it: letters that the measuring font lacks do not matter
        warnings.filterwarnings("ignore", "Glyph .* missing")
        # neither date nor version, and no addresses of vocabularies
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing, bbox_inches="tight" if tight else None)
    _, root, body = re.split(r"(<svg[^>]*>)", stream.getvalue(), maxsplit=1)
    root = re.sub(r'="([\d.]+)pt"', r'="\1"', root).replace("<svg", '<svg role="img"')
    titles = remarks or {}

    def group(tag: re.Match[str]) -> str:
        # no ids but those that are referred to: a page may hold several figures
        return f"<g><title>{escape(titles[tag[1]])}</title>" if tag[1] in titles else "<g>"

    named = f"{root}\n<title>{escape(title)}</title>\n"
    named += f"<desc>{escape(description)}</desc>" if description else ""
    return named + re.sub(r'<g id="([^"]*)">', group, body)


def shortened(name: str, most: int) -> str:
    """Leave out the middle of a name of more than `most` letters: similar names differ at their ends."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[len(name) - (most - 1) // 2 :]}"
