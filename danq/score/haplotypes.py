"""Haplotypes of samples as a whole: their windows scored against the genome."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from danq.parts import key_of_part
from danq.score.effects import Effects
from danq.score.job import Job
from danq.score.runner import Runner
from danq.score.tables import OF_HAPLOTYPE, measured, rows_schema
from danq.tables import reading_batches, writing_batches
from danq.variants.combined_windows import CombinedWindow, combined_windows
from danq.variants.genotypes import choose_samples
from danq.variants.haplotypes import Windows
from danq.variants.survey_file import Survey


def compute_haplotypes(folder: Path, job: Job, survey: Survey, runners: Sequence[Runner], part: int) -> None:
    """Score the windows of haplotypes that belong to a part, and keep them in the directory of the work.

    The rows have the schema of `danq.score.tables.rows_schema`; windows that are ``many_n`` have no measures.

    Raises
    ------
    DanqError
        If a model gives no numbers, the survey is damaged, or the disk is full.
    """
    names = {index: name for name, index in survey.contigs.index.items()}
    samples = tuple(choose_samples(job.variants, job.options.samples))
    window = job.models.window
    apart, regions = reach(job.models.bin, window), job.rules.regions
    pieces = combined_windows(job.genome, survey, window, apart, samples, part, regions)
    schema = rows_schema(job.columns, haplotypes=True)
    with writing_batches(_file(folder, part), schema, key_of_part(job.digest, part)) as writer:
        while block := list(islice(pieces, job.most_alleles)):
            effects = job.effects(runners, _windows(block, window))
            writer.write_batch(_rows(block, effects, job, names))


def read_haplotypes(folder: Path, job: Job, part: int) -> Iterator[pa.RecordBatch]:
    """Read what `compute_haplotypes` has kept of a finished part.

    Raises
    ------
    DanqError
        If it is damaged or of other work.
    """
    with reading_batches(_file(folder, part), key_of_part(job.digest, part)) as reader:
        for number in range(len(reader)):
            yield reader[number]


def _file(folder: Path, part: int) -> Path:
    return folder / f"haplotypes-{part:06d}.arrow"


def reach(bin: int, window: int) -> int:
    """How far apart the changes of a window may begin, in bp: half of the labelled bin, or of the window."""
    return (bin or window) - (bin or window) // 2


def _windows(block: Sequence[CombinedWindow], window: int) -> Windows:
    """Stack windows; neighbours with one reference window share it."""
    scored = [piece for piece in block if not piece.reason]
    places = [(piece.contig, piece.start) for piece in scored]
    opens = [number for number, place in enumerate(places) if not number or place != places[number - 1]]
    group = np.searchsorted(opens, np.arange(len(scored)), side="right") - 1
    return Windows(
        reference=np.array([scored[number].reference for number in opens], np.uint8).reshape(-1, window),
        alternate=np.array([piece.alternate for piece in scored], np.uint8).reshape(-1, window),
        group=group.astype(np.int64),
        alleles=(),
        scored=np.arange(len(scored)),
    )


def _rows(
    block: Sequence[CombinedWindow], effects: Effects, job: Job, names: dict[int, str]
) -> pa.RecordBatch:
    rows = [
        {
            **piece._asdict(),
            "contig": names[piece.contig],
            "n": len(piece.edits),
            "alleles": ",".join(f"{edit.row}:{edit.allele}" for edit in piece.edits),
            "ids": ",".join(edit.id for edit in piece.edits),
            "flags": ",".join(piece.flags),
        }
        for piece in block
    ]
    arrays = [pa.array([row[each.name] for row in rows], each.type) for each in OF_HAPLOTYPE]
    present = np.array([not piece.reason for piece in block], bool)
    arrays += measured(present, effects, job.columns)
    return pa.record_batch(arrays, schema=rows_schema(job.columns, haplotypes=True))
