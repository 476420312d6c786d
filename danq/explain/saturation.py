"""Effects of every single-base mutant, block by block: what the table, the tracks and the pictures show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danq.explain.mutants import ALTERNATES, Mutants, mutants
from danq.explain.regions import Stretches
from danq.genome.fasta import Genome
from danq.score.effects import Effects
from danq.score.options import ScoreOptions
from danq.score.runner import Runner
from danq.score.scoring import check_ensemble, score_windows
from danq.variants.haplotypes import Windows

_LETTERS = np.array(list(ALTERNATES))


@dataclass(frozen=True)
class Chosen:
    """Targets that are written: their numbers among the model's outputs, and ``<index>_<target>``."""

    index: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Mutated:
    """n positions of one or more stretches with the effects of their a mutants each on k targets.

    Attributes
    ----------
    mutants : Mutants
        The positions.
    diff, logit_diff : float32, shape (n, a, k)
        ALT minus REF of the probability and of the log-odds.
    """

    mutants: Mutants
    diff: NDArray[np.float32]
    logit_diff: NDArray[np.float32]

    def mean_of_substitutions(self) -> NDArray[np.float32]:
        """Mean `logit_diff` of each position's three substitutions: float32, shape (n, k)."""
        return self.logit_diff[:, :3].mean(axis=1, dtype=np.float64).astype(np.float32)

    def runs_of(self, keys: NDArray[np.integer]) -> Iterator[slice]:
        """Positions that follow one another with one key, such as their contig or stretch."""
        borders = [0, *(np.flatnonzero(np.diff(keys)) + 1), len(keys)]
        return (slice(int(first), int(last)) for first, last in pairwise(borders))


def saturate(
    runners: Sequence[Runner],
    genome: Genome,
    stretches: Stretches,
    longest: int,
    deletions: bool,
    options: ScoreOptions,
) -> Iterator[Mutated]:
    """Mutate every base of the stretches and compute what that changes.

    Parameters
    ----------
    runners : sequence of Runner
        The models; several are an ensemble, whose mean is taken.
    genome : Genome
        The genome.
    stretches : Stretches
        What is mutated.
    longest : int
        Most bp whose mutants share a window, as from `danq.explain.mutants.longest_piece`.
    deletions : bool
        Also delete each base.
    options : ScoreOptions
        How strands are combined.

    Raises
    ------
    DanqError
        If models cannot score together, or one gives no numbers.
    """
    check_ensemble(runners)
    targets = len(runners[0].targets)
    for block in mutants(genome, stretches, runners[0].window, longest, deletions, targets):
        windows = Windows(block.reference, block.alternate, block.group, (), np.arange(len(block.group)))
        found: Effects = score_windows(runners, windows, options)
        shape = (*block.alt.shape, targets)
        yield Mutated(block, found.diff.reshape(shape), found.logit_diff.reshape(shape))


def table_rows(block: Mutated | None, contigs: Sequence[str], chosen: Chosen) -> pa.Table:
    """One row a mutant: `contig`, `pos` (1-based), `ref`, `alt`, then two numbers of each chosen target.

    Parameters
    ----------
    block : Mutated or None
        The mutants; None gives the columns without a row.
    contigs : sequence of str
        Names of the genome's contigs.
    chosen : Chosen
        Whose numbers are written.
    """
    columns: dict[str, pa.Array] = {
        "contig": pa.array([], pa.string()),
        "pos": pa.array([], pa.int64()),
        "ref": pa.array([], pa.string()),
        "alt": pa.array([], pa.string()),
    }
    numbers = dict.fromkeys(("diff", "logit_diff"), np.empty((0, len(chosen.index)), np.float32))
    if block is not None:
        at, each = block.mutants, block.mutants.alt.shape[1]
        columns["contig"] = pa.array(contigs, pa.string()).take(pa.array(np.repeat(at.contig, each)))
        columns["pos"] = pa.array(np.repeat(at.position + 1, each))
        columns["ref"] = pa.array(np.repeat(_LETTERS[at.ref], each).tolist(), pa.string())
        columns["alt"] = pa.array(_LETTERS[at.alt.ravel()].tolist(), pa.string())
        index = list(chosen.index)
        for name in numbers:
            values = getattr(block, name)
            numbers[name] = values.reshape(-1, values.shape[-1])[:, index]
    for place, name in enumerate(chosen.names):
        for number, values in numbers.items():
            columns[f"{name}__{number}"] = pa.array(np.ascontiguousarray(values[:, place]))
    return pa.table(columns)
