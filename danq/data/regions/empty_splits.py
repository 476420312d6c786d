"""Splits without a row: refused with the reasons why their bins are left out, and with what would help."""

from collections.abc import Mapping

import numpy as np

from danq.data.manifest import REASONS, SPLITS
from danq.data.options import DatasetOptions
from danq.data.regions.admission import Admission
from danq.errors import DanqError
from danq.genome.fasta import Genome


def refuse_empty_splits(admission: Admission, options: DatasetOptions, genome: Genome, source: str) -> None:
    """Refuse a choice that leaves a split without any bin, before anything is labelled.

    Raises
    ------
    DanqError
        With the reasons, after `source`, the options' place.
    """
    bins = np.bincount(admission.split, minlength=len(SPLITS))
    for part, number in zip(SPLITS, bins.tolist(), strict=False):
        if not number:
            why = why_no_row(admission.of_split[part], options, genome)
            raise DanqError(f"{source}: expected at least one row in the {part} split, found none; {why}")


def why_no_row(counts: Mapping[str, int], options: DatasetOptions, genome: Genome) -> str:
    """Say why no bin of a split is a row: how many were left out for what, and what would help.

    `counts` are the bins of the split by the reason why they are left out.
    """
    lost = {reason: number for reason, number in counts.items() if number}
    if not lost:
        return f"its contigs or regions hold no whole bin of {options.bin:,} bp"
    why = ", ".join(f"{number:,} {REASONS.get(reason, reason)}" for reason, number in lost.items())
    if "too_many_n" in lost:
        longest = int(genome.lengths.max())
        every = f" is longer than every contig (the longest has {longest:,} bp), and"
        why += (
            f" (more than {options.max_n:.0%} of it); a window of {options.window:,} bp"
            f"{every if options.window > longest else ':'} what reaches past the end of a contig is N; "
            f"a smaller `window`, or a `max_n` above {options.max_n:g}, helps"
        )
    return f"all its {sum(lost.values()):,} bins are left out: {why}"
