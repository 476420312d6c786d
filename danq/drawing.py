"""Figures of matplotlib as SVG text: equal bytes every time, numbers under the pointer, text as text."""

import hashlib
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
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
    remarks: Mapping[str, str | Sequence[str]] | None = None,
    tight: bool = False,
) -> str:
    """Write a figure made within `own_settings`, as this is called, as an ``<svg>`` element in px.

    It needs no other file, and no styles: a page that forbids them shows it as well. Its ids occur in no
    other drawing.

    Parameters
    ----------
    title, description : str
        What a screen reader says of it.
    remarks : mapping of str to str or sequence of str, optional
        Text that is shown under the pointer, by the `gid` of an artist; of several, one for each marker of a
        line.
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
    root = re.sub(r'="([\d.]+)pt"', r'="\1"', root)
    root = root.replace("<svg", '<svg role="img" stroke-linejoin="round" stroke-linecap="butt"')
    named = f"<title>{escape(title)}</title>" + (f"<desc>{escape(description)}</desc>" if description else "")
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = _with_remarks(body, remarks or {})
    own = hashlib.sha256((root + named + body).encode()).hexdigest()[:10]
    body = re.sub(r"<[^<>]+>", lambda tag: _plain(tag[0], own), body)
    return root + named + re.sub(r">\s+<", "><", body)


def _with_remarks(body: str, remarks: Mapping[str, str | Sequence[str]]) -> str:
    """Put titles into the groups that have some; no ids but those that are referred to."""
    first, *parts = re.split(r'<g id="([^"]*)">', body)
    groups = zip(parts[::2], parts[1::2], strict=True)
    return first + "".join(f"<g>{_with_remark(part, remarks.get(id_, ''))}" for id_, part in groups)


def _with_remark(group: str, remark: str | Sequence[str]) -> str:
    if isinstance(remark, str):
        return f"<title>{escape(remark)}</title>{group}" if remark else group
    titles = iter(remark)
    marked = re.compile(r"(<use\b[^>]*?)\s*/>")
    return marked.sub(lambda use: f"{use[1]}><title>{escape(next(titles))}</title></use>", group)


def _plain(tag: str, own: str) -> str:
    """Make attributes of a tag's styles, hundredths of px of its numbers, and ids of this drawing."""
    tag = re.sub(r' transform="rotate\(-?0 [^"]*"', "", tag)
    tag = re.sub(r" ?\n", "", re.sub(r"(\d\.\d\d)\d+", r"\1", tag))
    tag = re.sub(r' id="|"#|\(#', lambda mark: f"{mark[0]}{own}-", tag)

    def attributes(style: re.Match[str]) -> str:
        # older versions of matplotlib write size and family of letters together
        parts = re.sub(r"font: (.*?)([\d.]+px) ", r"font-style: \1; font-size: \2; font-family: ", style[1])
        pairs = (part.partition(":") for part in parts.split(";") if part.strip())
        return "".join(f' {name.strip()}="{value.strip()}"' for name, _, value in pairs if value.strip())

    return re.sub(r' style="([^"]*)"', attributes, tag)


def shortened(name: str, most: int) -> str:
    """Leave out the middle of a name of more than `most` letters: similar names differ at their ends."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[len(name) - (most - 1) // 2 :]}"
