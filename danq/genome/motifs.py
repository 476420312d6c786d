"""Motif files (JASPAR, MEME, PFM and others) through Biopython, as plain arrays."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError, check_name
from danq.files import read_lines

_FORMATS = {"jaspar": "JASPAR", "minimal": "MEME", "meme": "MEME XML", "transfac": "TRANSFAC", "pfm": "PFM"}


@dataclass(frozen=True)
class Motif:
    """A motif, called by its identifier and the factor's name where the file has one.

    Attributes
    ----------
    probabilities : float32, shape (length, 4)
        Rows sum to 1; columns in the order A, C, G, T.
    """

    name: str
    probabilities: NDArray[np.float32]


def read_motifs(path: Path) -> list[Motif]:
    """Read every motif of a file whose format is told by its contents.

    JASPAR, MEME (text or XML), TRANSFAC, single PFM (four rows), and lists of matrices under ``>name``
    lines with four rows or four columns; plain or gzip. Lines that start with ``#`` are skipped.

    Raises
    ------
    DanqError
        If the file is missing, of no known format, empty, or a motif has a position without counts.
    """
    from Bio import motifs

    text = "".join(f"{line}\n" for _, line in read_lines(path) if not line.startswith("#"))
    if not text.strip():
        raise DanqError(f"{path}: expected motifs in JASPAR, MEME, TRANSFAC or PFM format, received no line")
    kind = _format(text)
    if kind == "minimal":
        text = _exact_meme(text)
    try:
        parsed = list(motifs.parse(io.BytesIO(text.encode()) if kind == "meme" else io.StringIO(text), kind))
    except Exception as error:  # Biopython's parsers raise whatever a broken line leads to
        problem = " ".join(str(error).split())
        raise DanqError(f"{path}: not readable as {_FORMATS.get(kind, kind)} motifs ({problem})") from error
    if not parsed:
        raise DanqError(f"{path}: expected {_FORMATS.get(kind, kind)} motifs, received none")
    return [
        Motif(name, _probabilities(motif.counts, f"{path}: motif {number} ({name})"))
        for number, motif in enumerate(parsed, 1)
        for name in [check_name(_name(motif, number), f"{path}: motif {number}")]
    ]


def _format(text: str) -> str:
    """Biopython's name of the format, by the first sign in the text."""
    signs = {
        "meme": r"\A\s*<",
        "minimal": "MEME version",
        "transfac": r"^P[0O]\s",
        "pfm": r"\A[^>]*\Z",
        "jaspar": r"\[",
    }
    kinds = (kind for kind, sign in signs.items() if re.search(sign, text, re.MULTILINE))
    return next(kinds, None) or _matrix_format(text)


def _matrix_format(text: str) -> str:
    """Tell matrices of four rows from matrices of four columns; 4 × 4 alone are rows, as JASPAR's."""
    blocks = [block.strip().splitlines()[1:] for block in text.split(">")[1:]]
    widths = {len(row.split()) for rows in blocks for row in rows if row.strip()}
    four_rows = all(sum(bool(row.strip()) for row in rows) == 4 for rows in blocks)
    return "pfm-four-columns" if widths == {4} and not four_rows else "pfm-four-rows"


def _name(motif: Any, number: int) -> str:
    """Join identifier and name, as far as the format has them; TRANSFAC motifs are dicts of fields."""
    fields = motif if isinstance(motif, dict) else {}
    names = (getattr(motif, "matrix_id", None), fields.get("AC"), fields.get("ID"), motif.name)
    parts = dict.fromkeys(str(part).strip() for part in names if part)
    return " ".join(parts) or f"motif_{number}"


def _probabilities(counts: Any, where: str) -> NDArray[np.float32]:
    matrix = np.array([counts["A"], counts["C"], counts["G"], counts["T"]], np.float64).T
    totals = matrix.sum(axis=1, keepdims=True)
    if not len(matrix) or (matrix < 0).any() or not (totals > 0).all():
        raise DanqError(f"{where}: expected positive counts at every position")
    return (matrix / totals).astype(np.float32)


def _exact_meme(text: str) -> str:
    """Ready MEME text for Biopython, which rounds to counts of `nsites` and insists on a background."""

    def statistics(line: re.Match[str]) -> str:
        width = re.search(r"w\s*=\s*(\d+)", line[0])
        return f"letter-probability matrix: alength= 4 {f'w= {width[1]} ' if width else ''}nsites= 1000000"

    text = re.sub(r"^letter-probability matrix:.*$", statistics, text, flags=re.MULTILINE)
    if "Background letter frequencies" not in text:
        text = text.replace("MOTIF", "Background letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n\nMOTIF", 1)
    return text
