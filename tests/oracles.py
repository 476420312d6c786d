"""Slow, obvious versions of what danq computes fast: one base, one bin, one row at a time."""

from fractions import Fraction

Interval = tuple[int, int, int]  # contig, start, end; 0-based half-open


def bins_of(lengths: list[int], width: int) -> list[Interval]:
    """All whole bins in genome order."""
    return [
        (contig, start, start + width)
        for contig, length in enumerate(lengths)
        for start in range(0, length, width)
        if start + width <= length
    ]


def covered(interval: Interval, regions: list[Interval]) -> int:
    """Bases of one interval that lie in at least one region."""
    contig, start, end = interval
    return sum(
        any(other == contig and low <= base < high for other, low, high in regions)
        for base in range(start, end)
    )


def overlap_positives(lengths: list[int], width: int, regions: list[Interval], min_overlap: str) -> list[int]:
    """Numbers of the bins that are covered by strictly more than `min_overlap`."""
    return [
        number
        for number, each in enumerate(bins_of(lengths, width))
        if Fraction(covered(each, regions), width) > Fraction(min_overlap)
    ]


def summit_positives(lengths: list[int], width: int, summits: list[tuple[int, int]]) -> list[int]:
    """Numbers of the bins that hold a summit."""
    return [
        number
        for number, (contig, start, end) in enumerate(bins_of(lengths, width))
        if any(other == contig and start <= at < end for other, at in summits)
    ]


def window_of(each: Interval, window: int) -> tuple[int, int]:
    """First base and end of the window centred on a bin; may lie past the contig's ends."""
    _, start, end = each
    first = start + (end - start) // 2 - window // 2
    return first, first + window


def splits_of_bases(lengths: list[int], regions: dict[str, list[Interval]]) -> list[list[str]]:
    """Split of every base of every contig."""
    bases = [["train"] * length for length in lengths]
    for split, intervals in regions.items():
        for contig, start, end in intervals:
            bases[contig][start:end] = [split] * (end - start)
    return bases


def split_of_bin(each: Interval, window: int, bases: list[list[str]]) -> str:
    """The split of a bin, ``straddling`` or ``boundary``; neighbours of one split count as one region."""
    contig, start, end = each
    own = set(bases[contig][start:end])
    if len(own) > 1:
        return "straddling"
    first, last = window_of(each, window)
    seen = set(bases[contig][max(first, 0) : last])
    return "boundary" if seen != own else own.pop()


def composition(sequence: str, each: Interval, window: int) -> tuple[int, float]:
    """N and padding of a bin's window in bp, and the GC part of its known bases."""
    first, last = window_of(each, window)
    seen = "".join(sequence[i] if 0 <= i < len(sequence) else "N" for i in range(first, last))
    known = len(seen) - seen.count("N")
    return seen.count("N"), (seen.count("G") + seen.count("C")) / max(known, 1)


def placed(reference: str, alternate: str) -> tuple[int, int, str]:
    """Start, bases removed and inserted: the smallest edit that turns one into the other, the leftmost."""
    more = len(alternate) - len(reference)
    for removed in range(max(0, -more), len(reference) + 1):
        for start in range(len(reference) - removed + 1):
            end = start + removed
            if reference[:start] == alternate[:start] and reference[end:] == alternate[end + more :]:
                return start, removed, alternate[start : end + more]
    raise AssertionError("the whole haplotype can always be replaced")
