"""The alleles of a file of variants on a genome: every one placed, or with the reason why not."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from danq.errors import DanqError, first_few
from danq.genome.contigs import ContigMap, resolve_contigs
from danq.genome.fasta import Genome
from danq.progress import progress
from danq.variants.allele_checks import AlleleRules, Judge
from danq.variants.alleles import Allele
from danq.variants.lines import parse_line
from danq.variants.text import Line, VariantText

_MISMATCHED = frozenset({"ref_mismatch", "outside_contig"})
_UNCHECKED = frozenset(
    {"malformed", "unknown_contig", "outside_regions", "filtered", "missing", "star", "symbolic", "breakend"}
)
_STRIDE, _FEWEST, _EARLY = 1000, 10, 1000
_CONTIG = re.compile(r"##contig=<(?:.*,)?ID=([^,>]+)")


class Record(NamedTuple):
    """A line of the input and its alleles: one for each ALT, or one for a malformed line."""

    line: Line
    alleles: tuple[Allele, ...]


def read_alleles(
    variants: VariantText,
    genome: Genome,
    rules: AlleleRules,
    contigs: ContigMap,
    first: int = 0,
    last: int | None = None,
) -> Iterator[Record]:
    """Read the alleles of a file in its order, one record at a time.

    An allele without a `reason` is placed: trimmed to what differs, moved left, without an anchor base, so
    that all descriptions of one allele have equal `index`, `start`, `removed` and `inserted`. The first
    reason that applies is given, in this order: malformed, unknown_contig, outside_regions, filtered,
    missing, star, symbolic or breakend, outside_contig, ref_mismatch, ambiguous, same_as_ref, too_long.

    REF is compared without regard to case, and ambiguity letters in it match an N of the genome (which
    keeps its own ambiguity letters as N). ALT may hold them only where it shares them with REF.

    Parameters
    ----------
    variants : VariantText
        The file.
    genome : Genome
        The genome it refers to.
    rules : AlleleRules
        Which alleles are wanted.
    contigs : ContigMap
        Meaning of the file's contig names, as from `survey`.
    first, last : int, optional
        0-based half-open range of records; all of them where left out.

    Raises
    ------
    DanqError
        If the file is damaged, a region's contig is unknown, or REF is not in the genome and
        `rules.ref_mismatch` is ``error``.
    """
    judge = Judge(variants, genome, rules, contigs)
    for line in variants.lines(first, last):
        yield Record(line, judge.alleles(line))


@dataclass(frozen=True)
class Survey:
    """What a file of variants holds, and whether it fits a genome.

    Attributes
    ----------
    records, alleles : int
        Lines and alternate alleles (one for a malformed line).
    contigs : ContigMap
        Meaning of the contig names that its well-formed records have.
    sorted : bool
        Whether the records of each contig stand together with ascending positions, as an index needs.
    longest_end : int
        Largest 1-based last base of any record, and the length of the longest contig that records lie on.
    header_contigs : bool
        Whether the header declares contigs.
    checked, mismatched : int
        Records whose REF was compared with the genome, and those among them where the genome holds another
        sequence (with ``swap``: neither REF nor an ALT) or has no such position.
    reasons : dict of str to int
        Alleles by reason, those without a reason under ""; windows are not looked at, so ``many_n`` is not
        among them.
    swapped : int
        Alleles taken the other way round.
    """

    records: int
    alleles: int
    contigs: ContigMap
    sorted: bool
    longest_end: int
    header_contigs: bool
    checked: int
    mismatched: int
    reasons: dict[str, int]
    swapped: int


def survey(
    variants: VariantText, genome: Genome, rules: AlleleRules, aliases: Mapping[str, str] | None = None
) -> Survey:
    """Read a file of variants to its end before any of it is scored.

    Parameters
    ----------
    variants : VariantText
        The file.
    genome : Genome
        The genome it refers to.
    rules : AlleleRules
        Which alleles are wanted.
    aliases : mapping of str to str, optional
        Further contig names, as from `danq.genome.contigs.read_aliases`.

    Raises
    ------
    DanqError
        If the file is damaged, a contig name is ambiguous, the genome has none of the contigs of ten or more
        records, most of ten or more compared REF are not in the genome (told after the first thousand), or
        any is not and `rules.ref_mismatch` is ``error``.
    """
    outline = _outline(variants)
    contigs = _resolve(variants, list(outline.names), genome, aliases)
    _refuse_foreign(variants, genome, contigs, outline.names)
    lengths = [int(genome.lengths[index]) for index in contigs.index.values()]
    reasons: Counter[str] = Counter()
    checked = mismatched = swapped = 0
    with progress("checking variants", outline.records, "variants") as advance:
        for record in read_alleles(variants, genome, rules, contigs):
            found = [allele.reason for allele in record.alleles]
            reasons.update(found)
            turned = sum(allele.swapped for allele in record.alleles)
            swapped += turned
            checked += not _UNCHECKED.issuperset(found)
            mismatched += not turned and not _MISMATCHED.isdisjoint(found)
            if record.line.row % _STRIDE == 0:
                advance(_STRIDE)
            if checked == _EARLY:
                _refuse_wrong_build(variants, genome, rules, checked, mismatched)
    _refuse_wrong_build(variants, genome, rules, checked, mismatched)
    return Survey(
        records=outline.records,
        alleles=reasons.total(),
        contigs=contigs,
        sorted=outline.sorted,
        longest_end=max([outline.longest_end, *lengths]),
        header_contigs=any(line.startswith("##contig=") for line in variants.header),
        checked=checked,
        mismatched=mismatched,
        reasons=dict(reasons),
        swapped=swapped,
    )


class _Outline(NamedTuple):
    """What shows without a genome: records, records of each contig, order, largest 1-based last base."""

    records: int
    names: Counter[str]
    sorted: bool
    longest_end: int


def _outline(variants: VariantText) -> _Outline:
    records, ordered, longest, name, pos = 0, True, 0, "", 0
    names: Counter[str] = Counter()
    with progress(f"reading {variants.path.name}", None, "variants") as advance:
        for line in variants.lines():
            records += 1
            if records % _STRIDE == 0:
                advance(_STRIDE)
            fields = parse_line(line.text, variants.kind, variants.tabs)
            if fields is None:
                continue
            if fields.contig != name:
                ordered, name, pos = ordered and fields.contig not in names, fields.contig, 0
            names[name] += 1
            ordered, pos = ordered and pos <= fields.pos, fields.pos
            longest = max(longest, pos + len(fields.ref) - 1)
    return _Outline(records, names, ordered, longest)


def _resolve(
    variants: VariantText, names: list[str], genome: Genome, aliases: Mapping[str, str] | None
) -> ContigMap:
    source = str(variants.path)
    try:
        return resolve_contigs(names, genome.names, source, aliases)
    except DanqError as error:
        # what chrX means may show in the names that only the header has
        declared = [match[1] for line in variants.header if (match := _CONTIG.match(line))]
        try:
            known = resolve_contigs([*names, *declared], genome.names, source, aliases)
        except DanqError:
            raise error from None
    return ContigMap(
        {name: known.index[name] for name in names if name in known.index},
        tuple(name for name in names if name not in known.index),
        {name: known.renamed[name] for name in names if name in known.renamed},
    )


def _refuse_foreign(
    variants: VariantText, genome: Genome, contigs: ContigMap, names: Mapping[str, int]
) -> None:
    if contigs.index or sum(names.values()) < _FEWEST:
        return
    raise DanqError(
        f"{variants.path}: the genome looks wrong: it has none of the contigs {first_few(names)}; "
        f"its own are {first_few(genome.names)} (an alias table can match them)"
    )


def _refuse_wrong_build(
    variants: VariantText, genome: Genome, rules: AlleleRules, checked: int, mismatched: int
) -> None:
    # on a wrong genome a base fits by chance at every third or fourth position; REF or ALT, at every second
    bearable = checked / 4 if rules.ref_mismatch == "swap" else checked / 2
    if checked >= _FEWEST and mismatched > bearable:
        what = "neither REF nor ALT" if rules.ref_mismatch == "swap" else "another sequence than REF"
        raise DanqError(
            f"{variants.path}: the genome build looks wrong: {mismatched:,} of the first {checked:,} records "
            f"compared have {what} in the genome {genome.path}"
        )
