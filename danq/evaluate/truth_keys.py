"""Where a file of variants says what is known of them: an INFO key of a VCF, or a column of a table."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from danq.errors import DanqError, first_few
from danq.variants.text import VariantText

_INFO = re.compile(r"##INFO=<(.*)>\s*$")
_NUMBERS = ("A", "R", "1", ".")


@dataclass(frozen=True)
class TruthKey:
    """Where the value of each allele stands in a record line.

    Attributes
    ----------
    key : str
        INFO key, or name of the column.
    number : {"A", "R", "1", "."}
        How many values an INFO key has: one an ALT allele, one an allele with REF, one a record, or unsaid.
    column : int
        0-based column of a TSV; -1 for VCF.
    """

    key: str
    number: str
    column: int

    def values(self, text: str, n_alts: int) -> list[float | None]:
        """Read the values of a record line's ALT alleles; None where one is missing or no finite number.

        A single value counts for all alleles where the key's ``Number`` is 1 or not said.
        """
        return [None if word is None else _number(word) for word in self.words(text, n_alts)]

    def words(self, text: str, n_alts: int) -> list[str | None]:
        """Read what stands there for each ALT; None where nothing does, or another number of entries."""
        columns = text.split("\t")
        if self.column >= 0:
            return [_word(columns[self.column]) if self.column < len(columns) else None] * n_alts
        entries = columns[7].split(";") if len(columns) > 7 else []
        entry = next((entry for entry in entries if entry.startswith(f"{self.key}=")), None)
        if entry is None:
            return [None] * n_alts
        words = [_word(value) for value in entry[len(self.key) + 1 :].split(",")]
        if self.number == "1" or (self.number == "." and len(words) == 1):
            return words * n_alts if len(words) == 1 else [None] * n_alts
        if self.number == "R":
            words = words[1:]
        return words if len(words) == n_alts else [None] * n_alts


def truth_key(variants: VariantText, key: str, option: str = "--truth") -> TruthKey:
    """Find where a file of variants holds what an option asks for: an INFO key, or a column of a TSV.

    Raises
    ------
    DanqError
        If there is no such column, the header declares other keys only, or the key holds no values.
    """
    if variants.kind == "tsv":
        if key not in variants.columns:
            shown = ", ".join(variants.columns) or "none"
            raise DanqError(f"{variants.path}: {option} {key}: no such column; the file has {shown}")
        return TruthKey(key, "1", 1 + variants.columns.index(key))
    declared = _declared(variants.header)
    if not declared:
        return TruthKey(key, ".", -1)
    if key not in declared:
        shown = first_few(declared, 8)
        raise DanqError(f"{variants.path}: {option} {key}: no such INFO key; the header has {shown}")
    number, kind = declared[key]
    if number not in _NUMBERS or kind == "Flag":
        raise DanqError(
            f"{variants.path}: {option} {key}: expected an INFO key with Number A, R or 1, received "
            f"Number={number}, Type={kind}"
        )
    return TruthKey(key, number, -1)


def _declared(header: Sequence[str]) -> dict[str, tuple[str, str]]:
    """INFO keys of a header → (Number, Type)."""
    declared = {}
    for line in header:
        if match := _INFO.match(line):
            # the description, which may hold anything, is cut off
            entries = dict(re.findall(r"(\w+)=([^,]*)", match[1].partition("Description=")[0]))
            if "ID" in entries:
                declared[entries["ID"]] = (entries.get("Number", "."), entries.get("Type", ""))
    return declared


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    # Python reads 1_000 as a number, which no VCF means
    return value if math.isfinite(value) and "_" not in text else None


def _word(text: str) -> str | None:
    return None if text in ("", ".") else text
