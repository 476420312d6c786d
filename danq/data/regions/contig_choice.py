"""Which contigs of a genome take part in a dataset: those that are named, without those that are left out."""

import logging
from collections.abc import Mapping
from fnmatch import fnmatchcase
from glob import has_magic

import numpy as np
from numpy.typing import NDArray

from danq.data.options import SECONDARY_CONTIGS, DatasetOptions
from danq.errors import DanqError, first_few
from danq.genome.contigs import resolve_contigs
from danq.genome.fasta import Genome

log = logging.getLogger("danq")


def contigs_taking_part(
    options: DatasetOptions,
    genome: Genome,
    source: str,
    aliases: Mapping[str, str] | None = None,
    report: bool = False,
) -> NDArray[np.bool_]:
    """Mark the contigs that take part by `contigs` and `exclude_contigs`; `report` logs what is left out.

    An entry is a contig's name, in whatever style, or a pattern of the genome's own names (``*``, ``?`` and
    ``[…]``, in the case as written). A contig that `contigs` names letter for letter takes part even if a
    pattern leaves it out.

    `source` and `aliases` are as for `danq.data.splits.territories`.

    Returns
    -------
    bool, shape (contigs,)

    Raises
    ------
    DanqError
        If an entry of `contigs` matches no contig, or none is left.
    """
    entries = [*options.contigs, *options.exclude_contigs]
    styled = [entry for entry in entries if entry not in genome.names and not has_magic(entry)]
    known = resolve_contigs(styled, genome.names, f"{source}: contigs", aliases).index
    wanted = [_matches(entry, genome, known) for entry in options.contigs]
    for entry, match in zip(options.contigs, wanted, strict=True):
        if not match.any():
            raise DanqError(
                f"{source}: contigs: expected a contig of the genome ({first_few(genome.names)}) or a "
                f"pattern of such, received {entry!r}"
            )
    taking = np.logical_or.reduce(wanted) if wanted else np.ones(len(genome.names), bool)
    named = np.array(genome.names)[taking].tolist()
    excluded = np.zeros(len(genome.names), bool)
    for entry in options.exclude_contigs:
        excluded |= _matches(entry, genome, known)
    taking &= ~excluded | np.isin(genome.names, options.contigs)
    if not taking.any():
        raise DanqError(
            f"{source}: exclude_contigs: expected at least one contig to take part; all of "
            f"{first_few(named)} are left out; [] leaves none out"
        )
    if report:
        _report(options, genome, taking, known)
    return taking


def _matches(entry: str, genome: Genome, known: Mapping[str, int]) -> NDArray[np.bool_]:
    # names of HLA contigs hold a *, so that letter for letter comes first
    if entry not in genome.names and has_magic(entry):
        return np.array([fnmatchcase(name, entry) for name in genome.names])
    index = known.get(entry, -1) if entry not in genome.names else genome.index(entry)
    return np.arange(len(genome.names)) == index


def _report(
    options: DatasetOptions, genome: Genome, taking: NDArray[np.bool_], known: Mapping[str, int]
) -> None:
    """Log which contigs take no part, which do though they are secondary, and entries that leave none out."""
    left_out = [genome.names[index] for index in np.flatnonzero(~taking)]
    secondary = [
        name
        for name in np.array(genome.names)[taking].tolist()
        if name not in options.contigs and any(fnmatchcase(name, entry) for entry in SECONDARY_CONTIGS)
    ]
    if secondary and options.exclude_contigs:
        log.warning(
            "exclude_contigs: replaces its default, which would also leave out %s", first_few(secondary)
        )
    idle = [
        entry
        for entry in options.exclude_contigs
        if entry not in SECONDARY_CONTIGS and not _matches(entry, genome, known).any()
    ]
    if idle:
        log.warning("exclude_contigs: no contig of the genome is called %s", first_few(map(repr, idle)))
    if left_out:
        log.info(
            "%d of %d contigs take no part, %s of %s bp: %s (contigs, exclude_contigs; [] takes all)",
            len(left_out),
            len(taking),
            f"{genome.lengths[~taking].sum():,}",
            f"{genome.lengths.sum():,}",
            first_few(left_out),
        )
