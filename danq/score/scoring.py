"""From the alleles of a file to their effects, in blocks that bound the memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from danq.errors import DanqError
from danq.genome.contigs import ContigMap, read_aliases
from danq.genome.fasta import Genome
from danq.genome.intervals import read_regions
from danq.score.effects import Effects, combine, effects
from danq.score.options import ScoreOptions
from danq.score.runner import Runner
from danq.variants.alleles import Allele
from danq.variants.haplotypes import Windows, haplotype_windows
from danq.variants.personal.windows import personal_windows
from danq.variants.records import AlleleRules, Record, read_alleles
from danq.variants.text import VariantText

PART = 2_000
"""Records of one part of the work. No block reaches across the border of two parts."""

_MOST_ALLELES, _FEWEST_ALLELES, _MOST_VALUES = 1_000, 50, 1_000_000


@dataclass(frozen=True, eq=False)
class ScoredBlock:
    """Some records in a row with the effects of their alleles.

    Attributes
    ----------
    records : tuple of Record
        The records in the order of the input.
    windows : Windows
        Their alleles, each with its windows or the reason why it has none.
    effects : Effects
        Of the alleles ``windows.scored``, in that order.
    """

    records: tuple[Record, ...]
    windows: Windows
    effects: Effects


def check_ensemble(runners: Sequence[Runner]) -> None:
    """Refuse models that cannot score together.

    Raises
    ------
    DanqError
        If windows, tasks or targets differ.
    """
    first = runners[0]
    for number, runner in enumerate(runners[1:], 2):
        for what in ("window", "task", "targets"):
            if getattr(runner, what) != getattr(first, what):
                raise DanqError(
                    f"model {number}: expected the {what} of model 1 ({_shown(getattr(first, what))}), "
                    f"received {_shown(getattr(runner, what))}"
                )


def allele_rules(options: ScoreOptions, window: int, genome: Genome) -> AlleleRules:
    """Give the rules by which alleles are read.

    Raises
    ------
    DanqError
        If a region is malformed or not of the genome, or the table of aliases cannot be read.
    """
    aliases = read_aliases(options.aliases) if options.aliases and options.regions else None
    regions = read_regions(options.regions, genome, "--region", aliases)
    return AlleleRules(window, options.ref_mismatch, regions, options.pass_only)


def scored_blocks(
    runners: Sequence[Runner],
    variants: VariantText,
    genome: Genome,
    options: ScoreOptions,
    contigs: ContigMap,
    first: int = 0,
    last: int | None = None,
) -> Iterator[ScoredBlock]:
    """Score the alleles of a range of records, block by block.

    How the blocks are cut depends on the input alone, so that a block is the same whatever range it is in,
    provided that the range begins at the border of a part.

    Parameters
    ----------
    runners : sequence of Runner
        The models; several are an ensemble.
    variants : VariantText
        The variants.
    genome : Genome
        The genome they refer to.
    options : ScoreOptions
        How they are read and scored.
    contigs : ContigMap
        Meaning of the file's contig names, as from `danq.genome.survey.survey`.
    first, last : int, optional
        0-based half-open range of records; all of them where left out.

    Raises
    ------
    DanqError
        As `read_alleles`.
    """
    check_ensemble(runners)
    for records, windows in window_blocks(
        len(runners[0].targets), runners[0].window, variants, genome, options, contigs, first, last
    ):
        yield ScoredBlock(records, windows, score_windows(runners, windows, options))


def score_windows(runners: Sequence[Runner], windows: Windows, options: ScoreOptions) -> Effects:
    """Run the models on the windows of a block.

    Raises
    ------
    DanqError
        If a model gives no numbers.
    """
    if not len(windows.alternate):
        nothing = [np.empty((0, len(runners[0].targets)), np.float32)] * 4
        return combine([Effects(*nothing)] * len(runners))
    models = []
    for number, runner in enumerate(runners, 1):
        logits = runner.logits(windows.reference, windows.alternate, windows.group)
        if not (np.isfinite(logits.reference).all() and np.isfinite(logits.alternate).all()):
            raise DanqError(f"model {number}: expected finite logits, received others; is it trained?")
        models.append(effects(logits, windows.group, runner.task, options.strands))
    return combine(models)


def window_blocks(
    targets: int,
    window: int,
    variants: VariantText,
    genome: Genome,
    options: ScoreOptions,
    contigs: ContigMap,
    first: int = 0,
    last: int | None = None,
) -> Iterator[tuple[tuple[Record, ...], Windows]]:
    """Cut the windows of a range of records, block by block; see `scored_blocks`.

    Parameters
    ----------
    targets : int
        Number of the models' targets: the more there are, the smaller are the blocks.
    window : int
        bp of a window.
    variants, genome, options, contigs, first, last
        As for `scored_blocks`.
    """
    most = min(_MOST_ALLELES, max(_FEWEST_ALLELES, _MOST_VALUES // targets))
    rules = allele_rules(options, window, genome)
    if options.samples:
        pieces = personal_windows(
            variants, genome, rules, contigs, options.samples, options.unphased, first, last
        )
        for block in _blocks(pieces, lambda windows: len(windows.alleles), most):
            yield tuple(record for record, _ in block), _joined([windows for _, windows in block])
        return
    records = read_alleles(variants, genome, rules, contigs, first, last)
    for read in _blocks(((record, record.alleles) for record in records), len, most):
        alleles = [allele for _, of_record in read for allele in of_record]
        yield tuple(record for record, _ in read), haplotype_windows(genome, alleles, window)


_Given = TypeVar("_Given", Windows, Sequence[Allele])


def _blocks(
    pieces: Iterable[tuple[Record, _Given]], alleles_of: Callable[[_Given], int], most: int
) -> Iterator[list[tuple[Record, _Given]]]:
    """Put records together until there are `most` alleles or a part of the work is over."""
    block: list[tuple[Record, _Given]] = []
    alleles = 0
    for record, given in pieces:
        block.append((record, given))
        alleles += alleles_of(given)
        if alleles >= most or record.line.row % PART == 0:
            yield block
            block, alleles = [], 0
    if block:
        yield block


def _joined(pieces: Sequence[Windows]) -> Windows:
    groups = np.cumsum([0, *(len(piece.reference) for piece in pieces)])
    alleles = np.cumsum([0, *(len(piece.alleles) for piece in pieces)])
    return Windows(
        reference=np.concatenate([piece.reference for piece in pieces]),
        alternate=np.concatenate([piece.alternate for piece in pieces]),
        group=np.concatenate([piece.group + first for piece, first in zip(pieces, groups, strict=False)]),
        alleles=tuple(allele for piece in pieces for allele in piece.alleles),
        scored=np.concatenate([piece.scored + first for piece, first in zip(pieces, alleles, strict=False)]),
    )


def _shown(value: object) -> str:
    return f"{len(value)} targets from {value[0]!r} on" if isinstance(value, tuple) else repr(value)
