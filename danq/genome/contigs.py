"""Contig names of a file matched with those of a genome: chr1, 1, I, chrI, NC_000001.11; chrM, MT, Mito.

A name is matched by the user's alias table, else letter for letter, else by what it means. Most meanings are
plain; X is chromosome ten in yeast and a sex chromosome in man and worm, so the whole set of names decides,
and where it cannot, the name is refused instead of guessed.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from danq.errors import DanqError, check_name, first_few
from danq.files import read_lines
from danq.text_checks import separated

log = logging.getLogger("danq")

_PREFIX = re.compile(r"chr(?:omosome)?[_.]?(?=.)", re.IGNORECASE)
_ACCESSION = re.compile(r"(?:.*\|)?(NC_\d{6})(?:\.(\d+))?\|?")
_SEX = frozenset({"Y", "W", "Z"})
_MITOCHONDRION = frozenset({"m", "mt", "mito", "mtdna", "mitochondrion"})
_NUMERALS = {
    tens * "X" + units: 10 * tens + value
    for tens in range(4)
    for value, units in enumerate(("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"))
    if tens or value
}

_X = Literal["ten", "sex", "unclear"]


class _Meaning(NamedTuple):
    """A chromosome (`name`: Arabic number, letter, MT) or any other contig; species and release if known."""

    name: str
    species: str = ""
    release: str = ""


# From NCBI's assembly reports of GRCh38, GRCm39, GRCz11, WBcel235 and R64: the number of chromosome 1, from
# which they are numbered without gaps; the autosomes; the sex chromosomes; the mitochondrion.
_ACCESSIONS_OF = {
    "human": (1, 22, "XY", "NC_012920"),
    "mouse": (67, 19, "XY", "NC_005089"),
    "zebrafish": (7112, 25, "", "NC_002333"),
    "worm": (3279, 5, "X", "NC_001328"),
    "yeast": (1133, 16, "", "NC_001224"),
}
_ACCESSIONS = {
    accession: _Meaning(name, species)
    for species, (first, autosomes, sex, mitochondrion) in _ACCESSIONS_OF.items()
    for accession, name in (
        *((f"NC_{first + i:06d}", name) for i, name in enumerate([*map(str, range(1, autosomes + 1)), *sex])),
        (mitochondrion, "MT"),
    )
}
"""RefSeq accession without its version, which is the release → chromosome."""


@dataclass(frozen=True)
class ContigMap:
    """Which contig of a genome each name of a file means.

    Attributes
    ----------
    index : dict of str to int
        Name in the file → index of the genome's contig.
    unknown : tuple of str
        Names of contigs that the genome does not have.
    renamed : dict of str to str
        Name in the file → name in the genome, where the two differ.
    """

    index: dict[str, int]
    unknown: tuple[str, ...]
    renamed: dict[str, str]


class _Known(NamedTuple):
    """A genome's contigs by the name in their meaning, and what its X is (None: it has none)."""

    names: frozenset[str]
    meant: dict[str, list[tuple[str, _Meaning]]]
    x: _X | None


def resolve_contigs(
    names: Iterable[str], genome_names: Sequence[str], source: str, aliases: Mapping[str, str] | None = None
) -> ContigMap:
    """Match the contig names of one file, which messages call `source`, with those of a genome.

    Recognised are a leading ``chr``, Arabic and Roman numbers, the names of the mitochondrion, and RefSeq
    accessions of human, mouse, zebrafish, worm and yeast. `aliases` (alias → genome name, as from
    `read_aliases`) go before all of these. Plain names do not tell the release of a genome: a ``chr1`` of
    hg19 passes for that of hg38.

    Raises
    ------
    DanqError
        If a name could mean two contigs, is of another release than the genome's, or means the same contig as
        another name of the file; an alias table settles each of these.
    """
    listed = list(dict.fromkeys(names))
    table = {name: aliases[name] for name in listed if aliases and name in aliases}
    free = [name for name in listed if name not in table]
    known, x = _known(tuple(genome_names)), _x_of(map(_token, free), whole=False)
    matches = {name: match for name in free if (match := _match(name, x, known, source)) is not None}
    _refuse_shared(matches, source)
    matches |= {name: match for name, match in table.items() if match in known.names}
    positions = {name: index for index, name in enumerate(genome_names)}
    return ContigMap(
        index={name: positions[matches[name]] for name in listed if name in matches},
        unknown=tuple(name for name in listed if name not in matches),
        renamed={name: matches[name] for name in listed if matches.get(name, name) != name},
    )


def report_contigs(what: str, renamed: Mapping[str, str], unknown: Mapping[str, int]) -> None:
    """Log contig names of a file → the genome's where they differ, and the regions on contigs it lacks."""
    if renamed:
        pairs = first_few(f"{file} → {own}" for file, own in renamed.items())
        log.info("%d contig names of %s differ from the genome's: %s", len(renamed), what, pairs)
    if unknown:
        message = "%s: %d regions lie on contigs that the genome does not have (%s)"
        log.warning(message, what, sum(unknown.values()), first_few(unknown))


def read_aliases(path: Path) -> dict[str, str]:
    """Read further contig names, alias → name: a tab-separated table with the columns `name` and `alias`.

    Raises
    ------
    DanqError
        If a column is missing, a line has another number of columns, or an alias has two names.
    """
    aliases: dict[str, str] = {}
    columns: list[str] = []
    for number, line in read_lines(path):
        fields = line.split("\t")
        if not line.strip() or (line.startswith("#") and columns):
            continue
        if not columns:
            columns = [field.lstrip("#").strip() for field in fields]
            if not {"name", "alias"} <= set(columns):
                raise DanqError(
                    f"{path}:{number}: expected the columns `name` and `alias`, separated by a tab, received "
                    f"{', '.join(columns)}{separated(line, 2)}"
                )
        elif len(fields) != len(columns):
            raise DanqError(f"{path}:{number}: expected {len(columns)} columns, received {len(fields)}")
        else:
            name, alias = (fields[columns.index(column)].strip() for column in ("name", "alias"))
            check_name(name + alias, f"{path}:{number}", "names")
            if aliases.setdefault(alias, name) != name:
                raise DanqError(f"{path}:{number}: alias {alias!r} means {aliases[alias]!r} already")
    return aliases


def _match(name: str, x: _X, known: _Known, source: str) -> str | None:
    """Name of the genome's contig that `name` of a file means, or None."""
    two = "chromosome ten and a sex chromosome"
    if _token(name) == "X":
        if known.x is None and x == "unclear" and "10" in known.meant and not known.meant.keys() & _SEX:
            raise _ambiguous(source, name, two)
        if {x, known.x} == {"ten", "sex"}:
            raise _ambiguous(source, name, f"{two}: the names beside it say {x}, the genome says {known.x}")
    if name in known.names:
        return name
    meaning = _meaning(name, known.x or x)
    matches = [
        contig
        for contig, other in known.meant.get(meaning.name, [])
        if _same(meaning, other, name, contig, source)
    ]
    if len(matches) > 1:
        raise _ambiguous(source, name, " and ".join(map(repr, matches)))
    if not matches and meaning.name == "10" and known.x == "unclear":
        raise _ambiguous(source, name, f"the genome's X, which could be {two}")
    return matches[0] if matches else None


def _same(meaning: _Meaning, other: _Meaning, name: str, contig: str, source: str) -> bool:
    if meaning.species and other.species and meaning.species != other.species:
        return False
    if meaning.release and other.release and meaning.release != other.release:
        raise DanqError(f"{source}: contig {name!r} is of another release than the genome's {contig!r}")
    return True


def _token(name: str) -> str:
    return name[match.end() :] if (match := _PREFIX.match(name)) else name


def _meaning(name: str, x: _X) -> _Meaning:
    if (accession := _ACCESSION.fullmatch(name)) and accession[1] in _ACCESSIONS:
        return _ACCESSIONS[accession[1]]._replace(release=accession[2] or "")
    token = _token(name)
    if token.lower() in _MITOCHONDRION:
        return _Meaning("MT")
    if token.isascii() and token.isdecimal():
        return _Meaning(str(int(token)))
    if token in _NUMERALS and (token != "X" or x == "ten"):
        return _Meaning(str(_NUMERALS[token]))
    return _Meaning(token)


def _x_of(tokens: Iterable[str], whole: bool) -> _X:
    """Tell what X means beside these names; `whole` if they are all the contigs of a genome."""
    present = set(tokens)
    numbers = {_NUMERALS[token] for token in present - {"X"} if token in _NUMERALS}
    ten = any(number > 5 for number in numbers)
    # a worm has I to V and X; a file may lack VI to IX for want of peaks, a genome does not
    worm = whole and numbers == {1, 2, 3, 4, 5}
    sex = worm or bool(present & _SEX) or any(token.isdecimal() for token in present)
    return "unclear" if ten == sex else "ten" if ten else "sex"


@lru_cache(maxsize=4)
def _known(genome_names: tuple[str, ...]) -> _Known:
    tokens = set(map(_token, genome_names))
    x = _x_of(tokens, whole=True)
    meant = defaultdict(list)
    for name in genome_names:
        meaning = _meaning(name, x)
        meant[meaning.name].append((name, meaning))
    return _Known(frozenset(genome_names), dict(meant), x if "X" in tokens else None)


def _refuse_shared(matches: Mapping[str, str], source: str) -> None:
    first: dict[str, str] = {}
    for name, match in matches.items():
        if match in first:
            raise DanqError(
                f"{source}: contigs {first[match]!r} and {name!r} both mean {match!r} of the genome; "
                f"an alias table (columns name, alias) says which is meant"
            )
        first[match] = name


def _ambiguous(source: str, name: str, choices: str) -> DanqError:
    return DanqError(
        f"{source}: contig {name!r} could mean {choices}; an alias table (columns name, alias) settles it"
    )
