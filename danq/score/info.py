"""INFO keys of the scores: their declarations, and how their values are spelt."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Literal
from urllib.parse import quote

from danq.errors import DanqError

PREFIX = "danq_"
"""Begin of every INFO key that danq adds, unless the user says another."""

_KEY = re.compile(r"[A-Za-z_][0-9A-Za-z_.]*")
_DECLARED = re.compile(r"##INFO=<(?:.*,)?ID=([^,>]+)")
# all of printable ASCII but the blank and what VCF 4.3 reserves in values: `:`, `;`, `=`, `%`, `,`
_SAFE = "".join(letter for letter in map(chr, range(33, 127)) if letter not in ":;=%,")


@dataclass(frozen=True)
class Field:
    """One INFO key with a value for each ALT allele (``Number=A``).

    Attributes
    ----------
    id : str
        The key: a letter or underscore, then letters, digits, underscores and dots.
    type : {"Float", "String"}
        Type of the values; strings are percent-encoded when they are written.
    description : str
        What the value is, for the header.
    """

    id: str
    type: Literal["Float", "String"]
    description: str

    @property
    def declaration(self) -> str:
        """The ``##INFO`` line of the key."""
        text = self.description.replace("\\", "\\\\").replace('"', '\\"')
        return f'##INFO=<ID={self.id},Number=A,Type={self.type},Description="{text}">'


def score_fields(
    targets: Mapping[int, str], functional_significance: bool = False, prefix: str = PREFIX
) -> tuple[Field, ...]:
    """Fields of the scores: the largest effect, its target, the L2 norm, then what was asked for.

    Parameters
    ----------
    targets : mapping of int to str
        Index → name of each target whose logit difference is written as well.
    functional_significance : bool
        Whether a background was given.
    prefix : str
        Begin of every key.

    Returns
    -------
    tuple of Field
        max_abs_logit_diff, max_target, l2_logit_diff, functional_significance where there is one, and one
        ``logit_diff_<index>_<target>`` a target.

    Raises
    ------
    DanqError
        If the prefix makes no valid INFO key.
    """
    if not _KEY.fullmatch(f"{prefix}l2"):
        raise DanqError(
            f"--info-prefix {prefix!r}: expected a letter or underscore, then letters, digits, underscores "
            f"and dots"
        )
    whole = "natural-log odds, ALT minus REF, over all targets of the model"
    fields = [
        Field(f"{prefix}max_abs_logit_diff", "Float", f"Largest absolute logit difference ({whole})"),
        Field(f"{prefix}max_target", "String", "Target of the largest absolute logit difference"),
        Field(f"{prefix}l2_logit_diff", "Float", f"L2 norm of the logit differences ({whole})"),
    ]
    if functional_significance:
        text = "Geometric mean of the e-values of all targets (chromatin only)"
        fields.append(Field(f"{prefix}functional_significance", "Float", text))
    for index, target in targets.items():
        key = f"{prefix}logit_diff_{index}_{re.sub(r'[^0-9A-Za-z_.]', '_', target)}"
        fields.append(Field(key, "Float", f"Logit difference of target {index}: {target}"))
    return tuple(fields)


def header_line(digests: Sequence[str], strands: str, prefix: str = PREFIX, **more: str) -> str:
    """Give the header's ``##danq`` line: which bundles and rules the scores come from.

    Parameters
    ----------
    digests : sequence of str
        Digest of each bundle.
    strands : str
        How strands were combined: scores, predictions or forward.
    prefix : str
        Begin of the INFO keys, which tells two annotations of one file apart.
    **more : str
        Further entries, such as the digest of a background.
    """
    entries = {
        "Version": version("danq"),
        "Bundles": " ".join(digests),
        "Strands": strands,
        "Formulas": "logit_diff: logit(p_alt) - logit(p_ref); max_abs: max over targets of |logit_diff|; "
        "l2: sqrt of the sum of logit_diff^2 over targets",
        **more,
    }
    text = ",".join(f'{key}="{_quoted(value)}"' for key, value in entries.items())
    return f"##danq=<ID={prefix}scores,{text}>"


def check_fields(header: Sequence[str], fields: Sequence[Field]) -> None:
    """Refuse INFO keys that the input declares already, before long work rather than after it.

    Parameters
    ----------
    header : sequence of str
        Header lines of the input.
    fields : sequence of Field
        What would be added.

    Raises
    ------
    DanqError
        If a key is declared already.
    """
    declared = {match[1] for line in header if (match := _DECLARED.match(line))}
    for field in fields:
        if field.id in declared:
            raise clash(field.id, "declared in the header of the input")


@lru_cache(maxsize=4096)
def encoded(value: str) -> str:
    """Percent-encode what an INFO value must not hold: blanks, `:`, `;`, `=`, `%`, `,` and non-ASCII text."""
    return quote(value, safe=_SAFE)


def clash(key: str, where: str) -> DanqError:
    """Error that says which INFO key stands in the input already, and what helps."""
    return DanqError(
        f"INFO key {key!r} is {where} already; give another --info-prefix, or remove it first "
        f"(`bcftools annotate -x INFO/{key}`)"
    )


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
