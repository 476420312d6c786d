"""Alleles on the haplotypes of samples: each with and without it, the haplotype's other variants in place."""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import N
from danq.genome.contigs import ContigMap
from danq.genome.fasta import Bases, Genome
from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import Allele
from danq.variants.haplotypes import Windows
from danq.variants.lookback import Start, sorted_lines, start_of
from danq.variants.personal.carriers import Carriers, Row, Site
from danq.variants.personal.genotypes import choose_samples
from danq.variants.personal.neighbours import edit_from, left_flank, right_flank
from danq.variants.records import Record
from danq.variants.text import VariantText


def personal_windows(
    variants: VariantText,
    genome: Genome,
    rules: AlleleRules,
    contigs: ContigMap,
    samples: Sequence[str],
    unphased: Literal["refuse", "alone"],
    first: int = 0,
    last: int | None = None,
) -> Iterator[tuple[Record, Windows]]:
    """Cut the windows of alleles out of the haplotypes that carry them.

    An allele is compared with REF on the haplotype of a sample: both windows hold the haplotype's other
    variants. These are the alleles of sequence that it carries and whose REF the genome holds, also those
    that are not scored because they are too long or outside the asked-for regions; alleles that a filter
    leaves out are not in place. An allele that overlaps an earlier one of its haplotype is left out with the
    reason ``overlaps``, by the rule of ``bcftools consensus`` (see
    `danq.variants.personal.neighbours.Haplotype`).

    The first changed base lies at index ``window // 2`` of both windows. It is found as without samples,
    except that an insertion or deletion within a repeat is moved left no further than to the haplotype's
    variant before it, because beyond that it would be another change.

    Where a record is ``swapped``, haplotypes that carry its REF differ from the genome, and do so in the
    windows of their neighbours.

    Parameters
    ----------
    variants : VariantText
        A VCF with phased genotypes: contigs in one piece each, positions ascending.
    genome : Genome
        The genome it refers to.
    rules : AlleleRules
        Which alleles are wanted.
    contigs : ContigMap
        Meaning of the file's contig names, as from `danq.variants.records.survey`.
    samples : sequence of str
        Names of samples, or ``all``.
    unphased : {"refuse", "alone"}
        An allele of a heterozygous genotype that is not phased: an error, or taken on the genome alone, once,
        with haplotype 0 and the flag ``unphased``; it is then not in place for others.
    first, last : int, optional
        0-based half-open range of records that are given; those around them are read as well, so that a
        range gives the same as the same part of the whole. Memory does not grow with the file.

    Returns
    -------
    iterator of (Record, Windows)
        A record's alleles are one for each ALT, sample (in the given order) and haplotype that carries it;
        an ALT that none carries is given once, with the reason ``not_carried`` unless it has another one.
        Flag ``phase_sets``: variants in the windows belong to different phase sets (PS), so that they may lie
        on different haplotypes.

    Raises
    ------
    DanqError
        If a sample is unknown, a genotype cannot be used (see
        `danq.variants.personal.genotypes.read_calls`) or is not phased, or the records are not sorted; see
        also `danq.variants.records.read_alleles`.
    """
    carriers = Carriers(variants, genome, rules, contigs, choose_samples(variants, samples), unphased)
    return _whatever_is_needed(carriers, first, last)


def _whatever_is_needed(carriers: Carriers, first: int, last: int | None) -> Iterator[tuple[Record, Windows]]:
    done = first
    try:
        # half a window, and as much again for what deletions and repeats add
        start = start_of(carriers.variants, first, carriers.rules.window)
        for record, windows in _personal_windows(carriers, start, first, last):
            yield record, windows
            done = record.line.row
    except _UnreadError:
        # rare: deletions or a repeat that reach further left than what was read, so everything is read
        yield from _personal_windows(carriers, Start(0, 0), done, last)


def _personal_windows(
    carriers: Carriers, start: Start, first: int, last: int | None
) -> Iterator[tuple[Record, Windows]]:
    """Give the windows of a range of records, each once all its neighbours are read."""
    waiting: deque[Site] = deque()
    contig, origin = None, start.origin
    carriers.haplotypes.clear()
    for line, fields in sorted_lines(carriers.variants, start.record):
        if fields is not None and fields.contig != contig:
            yield from _complete(waiting, sys.maxsize, carriers, origin)
            carriers.haplotypes.clear()
            contig, origin = fields.contig, start.origin if contig is None else 0
        elif fields is not None:
            yield from _complete(waiting, fields.pos - 1, carriers, origin)
        if last is not None and line.row > last and not waiting:
            return
        site = carriers.site(line)
        if line.row <= first:
            _forget(site, carriers)
        elif last is None or line.row <= last:
            waiting.append(site)
    yield from _complete(waiting, sys.maxsize, carriers, origin)


def _complete(
    waiting: deque[Site], position: int, carriers: Carriers, origin: int
) -> Iterator[tuple[Record, Windows]]:
    """Give the records whose windows end before `position`, up to which all variants are known."""
    while waiting and waiting[0].reach <= position:
        cut = _cut(waiting[0], carriers, origin)
        if cut.reach > position:
            # deletions in the window have made it reach further
            waiting[0].reach = cut.reach
            return
        site = waiting.popleft()
        _forget(site, carriers)
        yield Record(site.line, cut.windows.alleles), cut.windows


def _forget(site: Site, carriers: Carriers) -> None:
    for haplotype in site.changed:
        haplotype.forget(site.line.row, carriers.rules.window // 2)


class _Cut(NamedTuple):
    """Windows of one record, and the 0-based position on the reference that they reach."""

    windows: Windows
    reach: int


def _cut(site: Site, carriers: Carriers, origin: int) -> _Cut:
    window, reach = carriers.rules.window, -1
    alleles, scored = [row.allele for row in site.rows], []
    references: list[NDArray[np.uint8]] = []
    alternates, group = [], []
    for number, row in enumerate(site.rows):
        if row.allele.reason:
            continue
        pair = _pair(row, carriers.genome.contig(row.allele.index), window)
        if row.haplotype is not None and pair.left < origin:
            raise _UnreadError
        reach = max(reach, pair.right) if row.haplotype is not None else reach
        alleles[number] = pair.allele
        if pair.allele.reason:
            continue
        if not references or not np.array_equal(references[-1], pair.reference):
            references.append(pair.reference)
        alternates.append(pair.alternate)
        group.append(len(references) - 1)
        scored.append(number)
    windows = Windows(
        reference=np.array(references, np.uint8).reshape(-1, window),
        alternate=np.array(alternates, np.uint8).reshape(-1, window),
        group=np.array(group, np.int64),
        alleles=tuple(alleles),
        scored=np.array(scored, np.int64),
    )
    return _Cut(windows, reach)


class _UnreadError(Exception):
    """A window reaches further left than the records that were read."""


class _Pair(NamedTuple):
    """The windows of one row: without (reference) and with the allele; what they span on the genome."""

    allele: Allele
    reference: NDArray[np.uint8]
    alternate: NDArray[np.uint8]
    left: int
    right: int


def _pair(row: Row, bases: Bases, window: int) -> _Pair:
    allele, half = row.allele, window // 2
    before = row.haplotype.before(allele.row) if row.haplotype else []
    after = row.haplotype.after(allele.row) if row.haplotype else []
    edit = edit_from(allele, bases, before[-1].end if before else 0)
    inserted = np.frombuffer(edit.inserted, np.uint8)[: window - half]
    left = left_flank(bases, before, edit.start, half)
    unedited = right_flank(bases, after, edit.start, window - half)
    edited = right_flank(bases, after, edit.end, window - half - len(inserted))
    # a swapped allele is the genome's own base, and the edit leads back to the record's REF
    shown, other = (edited, unedited) if allele.swapped else (unedited, edited)
    pair = [
        np.concatenate((left.codes, unedited.codes)),
        np.concatenate((left.codes, inserted, edited.codes)),
    ]
    reference, alternate = reversed(pair) if allele.swapped else pair
    padding = left.padding + shown.padding
    many_n = 2 * (np.count_nonzero(reference == N) - padding) > window - padding
    seen = {row.phase_set, *(e.phase_set for flank in (left, unedited, edited) for e in flank.edits)}
    flags = (
        *allele.flags,
        *(["padded"] if padding or other.padding else []),
        *(["phase_sets"] if len(seen - {None}) > 1 else []),
    )
    allele = replace(allele, flags=flags, reason="many_n" if many_n else "")
    return _Pair(allele, reference, alternate, max(left.edge, 0), max(unedited.edge, edited.edge))
