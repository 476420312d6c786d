"""The parts of a scoring, computed one after the other; a shard computes its own."""

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from danq.files import atomic, write_json
from danq.progress import progress
from danq.provenance import provenance
from danq.score.job import Job
from danq.score.parts import Work, open_work
from danq.score.runner import Runner
from danq.score.scoring import PART, ScoredBlock, scored_blocks
from danq.score.tables import rows, rows_schema

log = logging.getLogger("danq")

RECEIPT_KIND, RECEIPT_VERSION = "score-receipt", 1


def compute_parts(job: Job, work: Work, parts: Sequence[int], runners: Sequence[Runner]) -> None:
    """Score the records of the given parts; each part is kept as soon as it is finished.

    Parameters
    ----------
    job : Job
        What is scored.
    work : Work
        Where finished parts go.
    parts : sequence of int
        Ascending.
    runners : sequence of Runner
        The loaded models.

    Raises
    ------
    DanqError
        If the input is damaged or the disk is full.
    """
    total = sum(work.records_of(part) for part in parts)
    with progress("scoring", total, "variants") as advance:
        for first, last in _stretches(parts):
            blocks = scored_blocks(
                runners,
                job.variants,
                job.genome,
                job.options,
                job.survey.contigs,
                first * PART,
                min(last * PART, work.records),
            )
            began = time.perf_counter()
            for part, of_part in groupby(blocks, _part):
                with work.writing(part, rows_schema(job.columns)) as append:
                    for block in of_part:
                        batch = rows(block, job.columns, job.background)
                        now = time.perf_counter()
                        append(batch, now - began)
                        began = now
                        advance(len(block.records))


def compute_shard(job: Job, work: Path, shard: int, shards: int, receipt: Path | None) -> dict[str, Any]:
    """Compute what is missing of the parts of one shard.

    Parameters
    ----------
    job : Job
        What is scored.
    work : Path
        Directory that all shards share.
    shard, shards : int
        Number of this shard, from 1, and of all.
    receipt : Path, optional
        JSON file to write when all parts of the shard are there.

    Returns
    -------
    dict
        What the receipt holds.

    Raises
    ------
    DanqError
        If a model cannot be loaded, the input is damaged or the disk is full.
    """
    started = time.monotonic()
    opened = open_work(work, job.digest, job.survey.records)
    parts = opened.share(shard, shards)
    missing = opened.missing(parts)
    if missing:
        compute_parts(job, opened, missing, job.models.open())
    seconds = time.monotonic() - started
    records = sum(opened.records_of(part) for part in missing)
    said = {
        "kind": RECEIPT_KIND,
        "format_version": RECEIPT_VERSION,
        "shard": shard,
        "shards": shards,
        "parts": [parts.start, parts.stop],
        "records": sum(opened.records_of(part) for part in parts),
        "records_scored_now": records,
        "digest": job.digest,
        "seconds": round(seconds, 3),
        "variants_per_second": round(records / seconds, 1),
        "provenance": provenance({job.name: job.vcf_digest}, job.options.model_dump(mode="json")),
    }
    if receipt is not None:
        with atomic(receipt) as partial:
            write_json(partial, said)
    log.info(
        "shard %d of %d: %s records, of which %s were scored now",
        shard,
        shards,
        f"{said['records']:,}",
        f"{records:,}",
    )
    return said


def _part(block: ScoredBlock) -> int:
    return (block.records[0].line.row - 1) // PART


def _stretches(parts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Consecutive parts as half-open ranges, so that the input is read once for each of these."""
    starts = [part for part in parts if part - 1 not in parts]
    ends = [part + 1 for part in parts if part + 1 not in parts]
    return zip(starts, ends, strict=True)
