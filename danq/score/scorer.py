"""Variants scored from Python: a list of alleles in, a table out."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow as pa

from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.indexed import open_genome_or_fasta
from danq.remnants import scratch
from danq.score.job import open_job
from danq.score.models import Models, read_models
from danq.score.options import ScoreOptions, Strands
from danq.score.runner import Runner
from danq.score.tables import Counts, ledger_table, no_rows, rows, wide_table

log = logging.getLogger("danq")


class Scorer:
    """Models ready to score variants on a genome.

    Attributes
    ----------
    ledger : polars.DataFrame
        The columns of ``ledger.tsv``, one row for every allele that was scored last, or was not.
    """

    def __init__(self, models: Models, genome: Genome, options: ScoreOptions) -> None:
        self._models, self._genome, self._options = models, genome, options
        self._runners: Sequence[Runner] = models.open()
        self.ledger = pl.DataFrame()

    def score(self, variants: Iterable[tuple[str, int, str, str]]) -> pl.DataFrame:
        """Score variants, each by itself.

        Parameters
        ----------
        variants : iterable of (contig, pos, ref, alt)
            `pos` is 1-based. Several ALT may be joined by commas.

        Returns
        -------
        polars.DataFrame
            The columns of ``scores.parquet``, one row for each allele that could be scored; `row` is the
            number of the variant from 1. Of the others the log says how many and why, and `ledger` which.

        Raises
        ------
        DanqError
            If a variant holds a tab or a line end, or most of ten or more REF are not what the genome holds.
        """
        with scratch() as folder:
            path = folder / "variants.tsv"
            _write(variants, path)
            job = open_job(self._models, self._genome, path, self._options, "variants")
            survey = job.survey(folder)
            blocks = job.scored_blocks(survey, self._runners, range(survey.parts))
            batches = [rows(block.windows, block.effects, job.columns) for block in blocks]
        batches = batches or [no_rows(job.columns)]
        ledger = pa.concat_tables([ledger_table(batch, job.columns.samples) for batch in batches])
        self.ledger = pl.DataFrame(pl.from_arrow(ledger))
        counts = Counts()
        counts.add(ledger)
        if (summary := counts.of(survey.records)).skipped:
            log.warning("%s", summary.describe())
        tables = [wide_table(batch, job.columns) for batch in batches]
        return pl.DataFrame(pl.from_arrow(pa.concat_tables(tables)))


def load(
    model: str | Path | Sequence[str | Path],
    genome: str | Path,
    strands: Strands = "scores",
    ref_mismatch: Literal["skip", "error", "swap"] = "skip",
    targets: Sequence[str] = (),
    aliases: str | Path | None = None,
    background: str | Path | None = None,
    batch_size: int | None = None,
    threads: int | None = None,
    trusted: Sequence[str | Path] = (),
) -> Scorer:
    """Load models for scoring.

    Parameters
    ----------
    model : path, or sequence of paths
        Directory of a bundle, for example ``results/runs/danq``; several are an ensemble.
    genome : path
        Directory of an encoded genome, or a FASTA.
    targets : sequence of str
        Targets with columns of their own; all of them where empty.
    strands, ref_mismatch, aliases, background, batch_size, threads
        As the options of ``danq score``; see docs/scores.md.
    trusted : sequence of path
        Python files of models of one's own that may be run, as ``--trust-model-code``.

    Raises
    ------
    DanqError
        If a model or the genome cannot be used, or an option names what is not there.
    """
    options = ScoreOptions(
        strands=strands,
        ref_mismatch=ref_mismatch,
        targets=list(targets),
        aliases=None if aliases is None else Path(aliases),
        background=None if background is None else Path(background),
        batch_size=batch_size,
    )
    paths = [model] if isinstance(model, str | Path) else model
    opened = open_genome_or_fasta(Path(genome))
    files = [Path(file) for file in trusted]
    models = read_models([Path(path) for path in paths], opened, options, threads, files)
    return Scorer(models, opened, options)


def _write(variants: Iterable[tuple[str, int, str, str]], path: Path) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write("variant\n")
        for number, variant in enumerate(variants, 1):
            line = ":".join(map(str, variant))
            if len(variant) != 4 or isinstance(variant, str) or set(line) & set("\t\r\n"):
                raise DanqError(f"variant {number}: expected (contig, pos, ref, alt), received {variant!r}")
            stream.write(f"{line}\n")
