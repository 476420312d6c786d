"""Finished parts put together: table of scores, ledger, annotated VCF, comparison with the truth."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from danq.errors import DanqError
from danq.progress import progress
from danq.score.annotate import Append as AppendLine
from danq.score.annotate import Field, info_texts, writing_annotated
from danq.score.ledger import Counts, writing_ledger
from danq.score.measures import EFFECT, LOGIT_DIFF, Columns
from danq.score.parts import Work
from danq.score.tables import is_scored, matrix, writing_table
from danq.score.truth import Truth, TruthKey
from danq.tables import Format
from danq.variants.lines import parse_line
from danq.variants.text import Line, VariantText

ANNOTATED_FILE, LEDGER_FILE, TRUTH_FILE = "annotated.vcf.gz", "ledger.tsv", "truth.tsv"


@dataclass(frozen=True)
class Files:
    """What is written of the parts.

    Attributes
    ----------
    long : bool
        Tidy rows, one an allele and target, instead of one an allele.
    format : {"parquet", "tsv"}
        Format of the table of scores.
    metadata : dict of str to str
        Kept in a Parquet file.
    fields : tuple of Field
        INFO keys of the annotated VCF; of a table of alleles there is none.
    header : tuple of str
        Further header lines of the annotated VCF.
    truth : TruthKey or None
        Where the input holds what the scores are compared with.
    """

    long: bool
    format: Format
    metadata: dict[str, str]
    fields: tuple[Field, ...]
    header: tuple[str, ...]
    truth: TruthKey | None

    @property
    def table(self) -> str:
        """Name of the table of scores."""
        return f"scores.{self.format}"


@dataclass(frozen=True)
class Gathered:
    """What the parts added up to.

    Attributes
    ----------
    counts : Counts
        Alleles by what became of them.
    seconds : float
        Time that scoring took, over all parts.
    truth : dict or None
        Summary of the comparison with truth, if there is one.
    """

    counts: Counts
    seconds: float
    truth: dict[str, Any] | None


def gather(work: Work, variants: VariantText, columns: Columns, files: Files, out: Path) -> Gathered:
    """Write the results of finished parts in the order of the input; memory does not grow with them.

    Parameters
    ----------
    work : Work
        Where all parts are finished.
    variants : VariantText
        The input they came from.
    columns : Columns
        What the parts hold.
    files : Files
        What is written.
    out : Path
        Existing directory, usually that of `danq.files.staged`.

    Raises
    ------
    DanqError
        If a part is damaged or a file cannot be written.
    """
    counts = Counts()
    with ExitStack() as stack:
        table = writing_table(out / files.table, columns, files.long, files.format, files.metadata)
        ledger = writing_ledger(out / LEDGER_FILE, counts, columns.samples)
        appends = [stack.enter_context(table), stack.enter_context(ledger)]
        take_records: list[_TakeRecords] = []
        if variants.kind == "vcf":
            annotated = writing_annotated(out / ANNOTATED_FILE, variants.header, files.fields, files.header)
            take_records.append(_annotating(stack.enter_context(annotated), variants, columns))
        truth = None
        if files.truth is not None:
            waiting = out / "truth.waiting"
            stack.callback(waiting.unlink, missing_ok=True)
            truth = Truth(waiting, columns.compared, [columns.targets[index] for index in columns.chosen])
            take_records.append(_comparing(truth, files.truth, variants, columns))
        seconds = _read(work, variants, appends, take_records)
        return Gathered(counts, seconds, truth.write(out / TRUTH_FILE) if truth is not None else None)


_TakeRecords = Callable[[Sequence[tuple[Line, range]], pa.RecordBatch], None]
"""Takes lines of the input, each with the range of its alleles in the batch."""


def _read(
    work: Work,
    variants: VariantText,
    appends: Sequence[Callable[[pa.RecordBatch], None]],
    take_records: Sequence[_TakeRecords],
) -> float:
    lines = variants.lines() if take_records else iter(())
    total = 0.0
    with progress("writing", work.records, "variants") as advance:
        for part in range(work.parts):
            for batch, seconds in work.read(part):
                total += seconds
                for append in appends:
                    append(batch)
                if take_records:
                    records = list(_records(variants, lines, batch))
                    for take in take_records:
                        take(records, batch)
            advance(work.records_of(part))
    return total


def _records(
    variants: VariantText, lines: Iterator[Line], batch: pa.RecordBatch
) -> Iterator[tuple[Line, range]]:
    """Read the lines up to that of the batch's last allele."""
    rows = batch.column("row").to_pylist()
    first = 0
    while first < len(rows):
        line = next(lines, None)
        if line is None:
            raise DanqError(f"{variants.path}: became shorter while it was scored")
        last = first
        while last < len(rows) and rows[last] == line.row:
            last += 1
        yield line, range(first, last)
        first = last


def _annotating(append: AppendLine, variants: VariantText, columns: Columns) -> _TakeRecords:
    nothing = (".",) * len(columns.info)

    def take(records: Sequence[tuple[Line, range]], batch: pa.RecordBatch) -> None:
        texts = info_texts(batch, columns)
        numbers = batch.column("allele").to_pylist()
        sizes = batch.column(EFFECT).to_pylist()
        for line, place in records:
            fields = parse_line(line.text, variants.kind, variants.tabs)
            if fields is None:
                # would make the file unreadable; it stands in the ledger
                continue
            values, largest = [nothing] * len(fields.alts), [-1.0] * len(fields.alts)
            for row in place:
                number = numbers[row] - 1
                # on samples' haplotypes an allele may have several rows: the largest effect is shown
                if sizes[row] is not None and sizes[row] > largest[number]:
                    values[number], largest[number] = texts[row], sizes[row]
            append(line.text, values)

    return take


def _comparing(truth: Truth, key: TruthKey, variants: VariantText, columns: Columns) -> _TakeRecords:
    def take(records: Sequence[tuple[Line, range]], batch: pa.RecordBatch) -> None:
        numbers = batch.column("allele").to_pylist()
        scored = is_scored(batch)
        known: list[float | None] = []
        for line, place in records:
            fields = parse_line(line.text, variants.kind, variants.tabs)
            if fields is not None:
                values = key.values(line.text, len(fields.alts))
                known += [values[numbers[row] - 1] for row in place if scored[row]]
        of_alleles = [batch.column(name).drop_null().to_numpy() for name in columns.compared]
        of_targets = matrix(batch, LOGIT_DIFF, len(columns.chosen))
        truth.add(known, np.column_stack([*of_alleles, of_targets]))

    return take
