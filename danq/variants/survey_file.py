"""The file of a survey: every allele of the input with its place, or the reason why it has none."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import starmap
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from danq.genome.contigs import ContigMap
from danq.tables import reading_batches
from danq.variants.alleles import Allele
from danq.variants.carriers import Edit

ALLELES_FILE, EDITS_FILE = "alleles.arrow", "edits.arrow"
ALLELES = pa.schema(
    [
        *(("row", pa.int64()), ("allele", pa.int32()), ("contig", pa.string()), ("pos", pa.int64())),
        *(("id", pa.string()), ("ref", pa.string()), ("alt", pa.string()), ("reason", pa.string())),
        *(("flags", pa.list_(pa.string())), ("index", pa.int32()), ("start", pa.int64())),
        *(("removed", pa.int64()), ("inserted", pa.binary()), ("swapped", pa.bool_())),
    ]
)
"""Columns of ``alleles.arrow``: the fields of `Allele` in their order, but for those of samples."""
CARRIED_ALLELES = pa.schema(
    [*ALLELES, ("sample", pa.string()), ("haplotype", pa.int32()), ("phase_set", pa.string())]
)
"""Those of samples as well."""
EDITS = pa.schema(
    [
        *(("row", pa.int64()), ("allele", pa.int32()), ("id", pa.string()), ("first", pa.int64())),
        *(("contig", pa.int32()), ("sample", pa.string()), ("haplotype", pa.int32())),
        *(("start", pa.int64()), ("end", pa.int64()), ("inserted", pa.binary())),
        *(("phase_set", pa.string()), ("in_place", pa.bool_())),
    ]
)
"""Columns of ``edits.arrow``: the fields of `Edit` in their order."""

_SUMMARY = b"danq.summary"
_BATCH, _TAKEN = 10_000, 1_000


@dataclass(frozen=True)
class Survey:
    """What a file of variants holds, whether it fits a genome, and where its alleles are kept.

    Attributes
    ----------
    folder : Path
        Directory of ``alleles.arrow`` and, with samples, ``edits.arrow``.
    digest : str
        SHA-256 over everything that they depend on.
    records, alleles : int
        Lines and alternate alleles (one for a malformed line), whatever the samples.
    sorted : bool
        Whether the records of each contig stand together with ascending positions, as an index needs.
    longest_end : int
        Largest 1-based last base of any record, and the length of the longest contig that records lie on.
    header_contigs : bool
        Whether the header declares contigs.
    checked, mismatched : int
        Records whose REF was compared with the genome, and those among them where the genome holds another
        sequence (with ``swap``: neither REF nor an ALT) or has no such position.
    reasons : dict of str to int
        Alleles by reason, those without a reason under ""; windows are not looked at, so ``many_n`` is not
        among them.
    swapped, part : int
        Alleles taken the other way round; records of a part.
    first_malformed : (int, str) or None
        Line of the file that is no record, the first one, and why it is none.
    batches, edit_batches : tuple of int
        Number of the first Arrow batch of each part in the two files, and of all.
    ends : tuple of (int, int)
        With samples, after each part: contig of the last edit so far, and the largest end of its edits.
    info_keys : tuple of str
        INFO keys of records that hold one of the marks looked for.
    genotypes : dict of str to int
        Genotypes for which alleles are skipped, by reason.
    first_genotype : (int, str) or None
        Line of the first of them, and what is wrong with it.
    scorable : tuple of int
        Rows without a reason, of each part.
    """

    folder: Path
    digest: str
    records: int
    alleles: int
    contigs: ContigMap
    sorted: bool
    longest_end: int
    header_contigs: bool
    checked: int
    mismatched: int
    reasons: dict[str, int]
    swapped: int
    first_malformed: tuple[int, str] | None
    part: int
    batches: tuple[int, ...]
    edit_batches: tuple[int, ...] = ()
    ends: tuple[tuple[int, int], ...] = ()
    info_keys: tuple[str, ...] = ()
    genotypes: dict[str, int] = field(default_factory=dict)
    first_genotype: tuple[int, str] | None = None
    scorable: tuple[int, ...] = ()

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.records // self.part)

    def records_of(self, parts: Iterable[int]) -> int:
        """Count the records of some parts."""
        return sum(min(self.records, (part + 1) * self.part) - part * self.part for part in parts)

    def alleles_of(self, part: int) -> Iterator[Allele]:
        """Read the alleles of a part in the order of the input, some at a time."""
        with reading_batches(self.folder / ALLELES_FILE, self.digest, check=False) as reader:
            for number in range(self.batches[part], self.batches[part + 1]):
                for values in _rows(reader[number]):
                    yield Allele(*(*values[:8], tuple(values[8]), *values[9:]))

    def edits_from(self, part: int) -> Iterator[Edit]:
        """Read the edits of haplotypes from a part on, as far as they are asked for."""
        with reading_batches(self.folder / EDITS_FILE, self.digest, check=False) as reader:
            for number in range(self.edit_batches[part], self.edit_batches[-1]):
                yield from starmap(Edit, _rows(reader[number]))

    def edits_before(self, part: int, contig: int, after: int, upto: int) -> Iterator[Edit]:
        """Read the edits of earlier parts on a contig whose end lies in (after, upto], in their order."""
        first = part
        while first and self.ends[first - 1][0] == contig and self.ends[first - 1][1] > after:
            first -= 1
        with reading_batches(self.folder / EDITS_FILE, self.digest, check=False) as reader:
            for number in range(self.edit_batches[first], self.edit_batches[part]):
                batch = reader[number]
                end = batch.column("end")
                wanted = pc.and_(pc.greater(end, after), pc.less_equal(end, upto))
                wanted = pc.and_(wanted, pc.equal(batch.column("contig"), contig))
                yield from starmap(Edit, _rows(batch.filter(wanted)))


@dataclass
class PartWriter:
    """Writes one file of a survey, part by part; memory does not grow with it.

    `batches` are the number of the first batch of each part, and of the one to come.
    """

    schema: pa.Schema
    _writer: pa.RecordBatchFileWriter
    batches: list[int] = field(default_factory=lambda: [0])
    _waiting: list[Any] = field(default_factory=list)
    _written: int = 0

    def extend(self, rows: Sequence[Any]) -> None:
        """Add rows, whose attributes are the columns, to the current part."""
        self._waiting += rows
        if len(self._waiting) >= _BATCH:
            self._flush()

    def end_part(self) -> None:
        """Let the next row begin another part."""
        self._flush()
        self.batches.append(self._written)

    def finish(self, survey: Survey) -> None:
        """Write what `open_survey` makes the survey of again; nothing follows."""
        summary = {name: value for name, value in asdict(survey).items() if name != "folder"}
        nothing = pa.RecordBatch.from_pylist([], self.schema)
        self._writer.write_batch(nothing, {_SUMMARY: json.dumps(summary)})

    def _flush(self) -> None:
        if self._waiting:
            columns = [
                pa.array(list(map(attrgetter(column.name), self._waiting)), column.type)
                for column in self.schema
            ]
            self._writer.write_batch(pa.record_batch(columns, schema=self.schema))
            self._waiting, self._written = [], self._written + 1


def open_survey(folder: Path, digest: str) -> Survey | None:
    """Open the survey with this digest that lies in a directory; None if there is none, or not all of it.

    Raises
    ------
    DanqError
        If it is damaged or of other inputs.
    """
    path, edits = folder / ALLELES_FILE, folder / EDITS_FILE
    if not path.is_file():
        return None
    with reading_batches(path, digest) as reader:
        _, metadata = reader.with_metadata(len(reader) - 1)
        survey = TypeAdapter(Survey).validate_python({"folder": folder, **json.loads(metadata[_SUMMARY])})
    if survey.edit_batches:
        if not edits.is_file():
            return None
        with reading_batches(edits, digest):
            pass  # its bytes are those that were written
    return survey


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    # some at a time: as Python objects a whole batch would take many times its size
    for start in range(0, len(batch), _TAKEN):
        columns = [column.to_pylist() for column in batch.slice(start, _TAKEN).columns]
        yield from zip(*columns, strict=True)
