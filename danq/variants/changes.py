"""What tells a haplotype from the genome, in one way however its variants are written."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np

from danq.genome.fasta import Bases
from danq.variants.alleles import Place, moved_left, trimmed

NEAR, ALIKE = 50, 16
"""bp: variants that lie closer are compared with the genome together; what agrees so long is no change."""

_LONGEST = 5_000
"""bp of a stretch with variants so close all along; in a longer one they are taken as they are written."""


class Change(NamedTuple):
    """Codes `inserted` in the place of the bases [start, end) of a contig."""

    start: int
    end: int
    inserted: bytes


def changes(bases: Bases, edits: Sequence[Change], floor: int, ceiling: int) -> list[Change]:
    """Compare a stretch of a haplotype with the genome.

    Variants less than `NEAR` apart are joined, trimmed to what differs and moved left (Tan, Abecasis & Kang
    2015, doi 10.1093/bioinformatics/btv112), and what is then long is split where it agrees with the genome.
    So variants that were shifted within a repeat, split or merged come out alike, but in stretches of more
    than 5,000 bp where all are so close. Where they undo each other nothing is left.

    Parameters
    ----------
    edits : sequence of Change
        The haplotype's variants on a stretch, which do not overlap, in their order.
    floor, ceiling : int
        0-based borders of the stretch, beyond which the haplotype has other variants.

    Returns
    -------
    list of Change
        In their order; together they make the same haplotype as the edits.
    """
    stretches: list[Change] = []
    members: list[list[Change]] = []
    for edit in edits:
        change, own = _tidied(bases, edit, _end(stretches, floor)), [edit]
        while stretches and change.start - stretches[-1].end < NEAR:
            change, own = _joined(bases, stretches.pop(), change), members.pop() + own
            if change.end - change.start <= _LONGEST:
                change = _tidied(bases, change, _end(stretches, floor))
        if change.start < change.end or change.inserted:
            stretches.append(change)
            members.append(own)
    parts: list[Change] = []
    for stretch, own in zip(stretches, members, strict=True):
        if len(own) > 1 and stretch.end - stretch.start > _LONGEST:
            for edit in own:
                parts.append(_tidied(bases, edit, _end(parts, floor)))
        else:
            _append(bases, stretch, parts, floor, ceiling)
    return [change for part in parts for change in _substitutions(bases, part)]


def _append(bases: Bases, stretch: Change, parts: list[Change], floor: int, ceiling: int) -> None:
    """Append the changes of a stretch to the parts before it."""
    for piece in _pieces(bases, stretch, _end(parts, floor), ceiling):
        part = _tidied(bases, piece, _end(parts, floor))
        # what is one insertion, deletion or base is not two changes
        while parts and part.start - parts[-1].end < NEAR:
            whole = _tidied(bases, _joined(bases, parts[-1], part), _end(parts[:-1], floor))
            if not _is_simple(whole):
                break
            part = whole
            parts.pop()
        if part.start < part.end or part.inserted:
            parts.append(part)


def _joined(bases: Bases, before: Change, after: Change) -> Change:
    between = bases[before.end : after.start].tobytes()
    return Change(before.start, after.end, before.inserted + between + after.inserted)


def _is_simple(change: Change) -> bool:
    """Whether it is an insertion, a deletion, one base for another, or nothing."""
    removed, inserted = change.end - change.start, len(change.inserted)
    return not (removed and inserted) or removed == inserted == 1


def _substitutions(bases: Bases, change: Change) -> list[Change]:
    """Take a change of equal length apart into the stretches in which every base differs."""
    start, end, inserted = change
    if end - start != len(inserted):
        return [change]
    new = np.frombuffer(inserted, np.uint8)
    borders = np.flatnonzero(np.diff(bases[start:end] != new, prepend=False, append=False)).tolist()
    return [
        Change(start + first, start + last, inserted[first:last])
        for first, last in zip(borders[::2], borders[1::2], strict=True)
    ]


def _end(changes: Sequence[Change], floor: int) -> int:
    return changes[-1].end if changes else floor


def _tidied(bases: Bases, change: Change, floor: int) -> Change:
    """Trim a change to what differs, from its right end first, and move it left."""
    start, old, new = trimmed(change.start, bases[change.start : change.end].tobytes(), change.inserted)
    start, removed, inserted = moved_left(bases, Place(start, len(old), new), floor)
    return Change(start, start + removed, inserted)


def _pieces(bases: Bases, change: Change, floor: int, ceiling: int) -> Iterator[Change]:
    """Split a change where the haplotype and the genome agree within it for `ALIKE` bp or more."""
    if _is_simple(change):
        yield change
        return
    # seen with what stands around it, which may fit to it better than what it holds
    start, end = max(change.start - NEAR, floor), min(change.end + NEAR, ceiling)
    before, after = bases[start : change.start].tobytes(), bases[change.end : end].tobytes()
    old, new = bases[start:end].tobytes(), before + change.inserted + after
    one, other = ([text[n : n + ALIKE] for n in range(len(text) - ALIKE + 1)] for text in (old, new))
    done, made = 0, 0
    for at, to, size in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        # stretches are counted in words, which overlap; the last one, of none, is the end of both texts
        length = size + ALIKE - 1 if size else 0
        at, to = (at, to) if size else (len(old), len(new))
        shared = max(done - at, made - to, 0)
        if shared and shared >= length:
            continue
        at, to = at + shared, to + shared
        if at > done or to > made:
            yield Change(start + done, start + at, new[made:to])
        done, made = at + length - shared, to + length - shared


def cut_long(change: Change, most: int) -> Iterator[Change]:
    """Cut a change of more than `most` bp on either side, in which nothing agrees, into equal pieces."""
    start, end, inserted = change
    n = -(-min(end - start, len(inserted)) // most)
    old = [start + (end - start) * piece // max(n, 1) for piece in range(n + 1)]
    new = [len(inserted) * piece // max(n, 1) for piece in range(n + 1)]
    if n < 2:
        yield change
    else:
        for piece in range(n):
            yield Change(old[piece], old[piece + 1], inserted[new[piece] : new[piece + 1]])
