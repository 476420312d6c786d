"""Reference and alternate windows of alleles: what a model sees of the two haplotypes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import N
from danq.genome.fasta import Genome
from danq.variants.alleles import Allele


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a block of alleles.

    Attributes
    ----------
    reference : uint8, shape (g, window)
        Reference windows as codes; consecutive alleles with one reference window share it.
    alternate : uint8, shape (m, window)
        Alternate windows of the alleles that can be scored.
    group : int64, shape (m,)
        Index of each alternate's reference window; ascending.
    alleles : tuple of Allele
        All alleles in order; some have become `many_n` or are flagged ``padded`` now.
    scored : int64, shape (m,)
        Index in `alleles` of each alternate.
    """

    reference: NDArray[np.uint8]
    alternate: NDArray[np.uint8]
    group: NDArray[np.int64]
    alleles: tuple[Allele, ...]
    scored: NDArray[np.int64]


def haplotype_windows(genome: Genome, alleles: Sequence[Allele], window: int) -> Windows:
    """Cut the windows of alleles out of the genome and of the alternate haplotypes.

    The first changed base lies at index ``window // 2`` of both windows. Both start at the same base of the
    genome, so that inserted or missing bases are taken up at the right end. Past the ends of a contig the
    windows hold N, and the allele is flagged ``padded``. An allele whose reference window has more N than
    other bases, padding left aside, gets the reason `many_n` and no window.

    Of a swapped allele the reference window is that of the record's REF, which the genome does not hold, and
    the alternate window is the genome's.

    Alleles that have a reason already are passed through.
    """
    scored = np.array([n for n, allele in enumerate(alleles) if not allele.reason], np.int64)
    edits = _edits([alleles[n] for n in scored.tolist()])
    # neighbours that change the genome at one base share its window: it is cut once, for the first of them
    opens = _differs(edits.contig) | _differs(edits.start)
    unedited = genome.windows(edits.contig[opens], edits.start[opens] - window // 2, window)
    place = np.cumsum(opens) - 1
    edited = _edit(genome, edits, unedited[place])
    past, past_edited = _past_ends(genome, edits, window)

    # of a swapped allele the edited window is the reference, which is its own: it opens a group, and so does
    # the allele after it
    opens |= edits.swapped | _differs(edits.swapped)
    shown = np.where(edits.swapped[opens, None], edited[opens], unedited[place[opens]])
    unknown = np.count_nonzero(shown == N, axis=1)
    padding = np.where(edits.swapped, past_edited, past)[opens]
    usable = 2 * (unknown - padding) <= window - padding
    # what holds for a group's window holds for all of its alleles: each is repeated by the group's size
    kept = np.repeat(usable, np.diff(np.flatnonzero(np.append(opens, True))))
    alternate = np.where(edits.swapped[:, None], unedited[place], edited) if edits.swapped.any() else edited
    return Windows(
        reference=shown[usable],
        alternate=alternate[kept],
        group=np.cumsum(opens[kept]) - 1,
        alleles=_remarked(alleles, scored, kept, (past > 0) | (past_edited > 0)),
        scored=scored[kept],
    )


class _Edits(NamedTuple):
    """Placed alleles as columns: int64 (m,) but for swapped (bool) and the joined codes of inserted bases."""

    contig: NDArray[np.int64]
    start: NDArray[np.int64]
    removed: NDArray[np.int64]
    added: NDArray[np.int64]
    swapped: NDArray[np.bool_]
    inserted: NDArray[np.uint8]


def _edits(alleles: Sequence[Allele]) -> _Edits:
    rows = [(a.index, a.start, a.removed, len(a.inserted), a.swapped) for a in alleles]
    contig, start, removed, added, swapped = np.array(rows, np.int64).reshape(len(rows), 5).T
    inserted = np.frombuffer(b"".join([a.inserted for a in alleles]), np.uint8)
    return _Edits(contig, start, removed, added, swapped.astype(bool), inserted)


def _differs(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether a value differs from the one before it; the first one does."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def _edit(genome: Genome, edits: _Edits, windows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Carry out the edits in windows of the genome, in place."""
    length = windows.shape[1]
    middle = length // 2
    shift = edits.removed - edits.added
    moved = np.flatnonzero(shift)
    if len(moved):
        # where the length changes, all that follows the edit stands `shift` further left on the genome: the
        # right half is cut again from there, and the inserted bases then overwrite its begin
        starts = edits.start[moved] - middle + shift[moved]
        windows[moved, middle:] = genome.windows(edits.contig[moved], starts, length)[:, middle:]
    # the inserted bases of all alleles lie in one array: each base gets the row of its allele, and as its
    # column the middle plus its number among the bases of its own allele; what the window cannot hold is cut
    row = np.repeat(np.arange(len(windows)), edits.added)
    column = middle + np.arange(len(row)) - np.repeat(np.cumsum(edits.added) - edits.added, edits.added)
    inside = column < length
    windows[row[inside], column[inside]] = edits.inserted[inside]
    return windows


def _past_ends(genome: Genome, edits: _Edits, window: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bases of the unedited and of the edited windows that lie past the ends of their contig."""
    ends, right = genome.lengths[edits.contig], window - window // 2
    before = np.maximum(window // 2 - edits.start, 0)
    after = np.maximum(edits.start + right - ends, 0)
    after_edit = edits.start + edits.removed + np.maximum(right - edits.added, 0) - ends
    return before + after, before + np.maximum(after_edit, 0)


def _remarked(
    alleles: Sequence[Allele], scored: NDArray[np.int64], kept: NDArray[np.bool_], padded: NDArray[np.bool_]
) -> tuple[Allele, ...]:
    remarked = list(alleles)
    for row in np.flatnonzero(padded | ~kept).tolist():
        allele = remarked[scored[row]]
        flags = (*allele.flags, "padded") if padded[row] else allele.flags
        remarked[scored[row]] = replace(allele, flags=flags, reason="" if kept[row] else "many_n")
    return tuple(remarked)
