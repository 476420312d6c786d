"""The ledger: one row for every allele of the input, scored or why not, and what its rows add up to."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa

from danq.files import atomic
from danq.score.manifest import ScoreCounts
from danq.variants.alleles import REASONS

COLUMNS = ("row", "allele", "contig", "pos", "id", "ref", "alt", "status", "reason", "flags")
SAMPLE_COLUMNS = ("sample", "haplotype")


@dataclass
class Counts:
    """Alleles by what became of them.

    Attributes
    ----------
    reasons : Counter of str
        Alleles that were not scored, by reason.
    flags : Counter of str
        Alleles by flag; one allele may have several.
    scored : int
        Alleles that were scored.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    scored: int = 0

    @property
    def skipped(self) -> int:
        """Alleles that were not scored."""
        return self.reasons.total()

    @property
    def alleles(self) -> int:
        """All alleles."""
        return self.scored + self.skipped

    def add(self, reasons: list[str], flags: list[str]) -> None:
        """Count alleles by their columns `reason` and `flags`."""
        found = Counter(reasons)
        self.scored += found.pop("", 0)
        self.reasons.update(found)
        self.flags.update(flag for text in flags if text for flag in text.split(","))

    def of(self, records: int) -> ScoreCounts:
        """Give the counts for the manifest; reasons in the order of `danq.variants.alleles.REASONS`."""
        return ScoreCounts(
            records=records,
            alleles=self.alleles,
            scored=self.scored,
            skipped=self.skipped,
            reasons={reason: self.reasons[reason] for reason in REASONS if self.reasons[reason]},
            flags=dict(sorted(self.flags.items())),
        )

    def describe(self) -> str:
        """Say the counts in one line: `5 alleles: 3 scored, 2 skipped (star 1, ref_mismatch 1)`."""
        reasons = ", ".join(
            f"{reason} {self.reasons[reason]:,}" for reason in REASONS if self.reasons[reason]
        )
        why = f" ({reasons})" if reasons else ""
        return f"{self.alleles:,} alleles: {self.scored:,} scored, {self.skipped:,} skipped{why}"


def ledger_frame(batch: pa.RecordBatch, samples: bool) -> pl.DataFrame:
    """Rows of the ledger.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Rows of `danq.score.tables.rows`.
    samples : bool
        Whether the columns `sample` and `haplotype` are added.
    """
    present = [name for name in (*COLUMNS, *SAMPLE_COLUMNS) if name in batch.schema.names]
    frame = pl.DataFrame(pl.from_arrow(pa.table({name: batch.column(name) for name in present})))
    status = pl.when(pl.col("reason") == "").then(pl.lit("scored")).otherwise(pl.lit("skipped"))
    return frame.with_columns(status.alias("status")).select(COLUMNS + (SAMPLE_COLUMNS if samples else ()))


@contextmanager
def writing_ledger(path: Path, counts: Counts, samples: bool) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Write ``ledger.tsv`` batch by batch and count.

    Parameters
    ----------
    path : Path
        File to write.
    counts : Counts
        Added to.
    samples : bool
        As for `ledger_frame`.

    Raises
    ------
    DanqError
        If the file cannot be written.
    """
    with atomic(path) as partial, partial.open("wb") as stream:
        stream.write(("\t".join(COLUMNS + (SAMPLE_COLUMNS if samples else ())) + "\n").encode())

        def append(batch: pa.RecordBatch) -> None:
            frame = ledger_frame(batch, samples)
            counts.add(frame["reason"].to_list(), frame["flags"].to_list())
            # as text first: written by polars itself, a full disk would lack the system's reason
            text = frame.write_csv(separator="\t", include_header=False, quote_style="never")
            stream.write(text.encode())

        yield append
