"""The making of a background: common variants are scored and only the sizes of their effects kept."""

import logging
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from danq.errors import DanqError
from danq.files import digest, sha256, staged
from danq.progress import progress
from danq.provenance import provenance
from danq.score.background import VALUES_FILE
from danq.score.chunks import Work, opened_work, scored_blocks
from danq.score.job import Job
from danq.score.manifest import BackgroundManifest, UsedGenome, UsedVariants
from danq.storage import RowSpool, write_array

log = logging.getLogger("danq")

ENOUGH = 10_000
"""Alleles below which the making of a background warns."""
_OPTIONS = {"strands", "ref_mismatch", "regions", "pass_only"}


def build_background(job: Job, out: Path) -> BackgroundManifest:
    """Score common variants and keep, sorted for each target, how large their effects are.

    Every allele that can be scored counts once. Memory grows neither with the alleles nor with the targets,
    beyond two columns of them.

    Parameters
    ----------
    job : Job
        The bundles (several are an ensemble, whose mean effects count), the genome and the common variants.
    out : Path
        Directory of the result: ``background.npy`` and ``background.json``.

    Returns
    -------
    BackgroundManifest
        As in ``background.json``.

    Raises
    ------
    DanqError
        If no allele can be scored, or `out` cannot be written.
    """
    started = time.monotonic()
    with staged(out) as partial:
        with tempfile.TemporaryDirectory(dir=partial) as folder:
            spool = RowSpool(Path(folder) / "rows", np.float32)
            with opened_work(job, None) as work:
                reasons = _score(work, spool)
            write_array(partial / VALUES_FILE, spool.shape[::-1], np.float32, map(np.sort, spool.columns()))
        manifest = _manifest(job, len(spool), reasons, sha256(partial / VALUES_FILE))
        manifest.write(partial)
    log.info(
        "%s: background of %s alleles (%s not scored), %d targets, in %.1f s",
        out,
        f"{len(spool):,}",
        f"{sum(reasons.values()):,}",
        len(job.models.targets),
        time.monotonic() - started,
    )
    if len(spool) < ENOUGH:
        log.warning("%s: no e-value can go below 1/%d, the number of its alleles", out, len(spool))
    return manifest


def _score(work: Work, spool: RowSpool) -> dict[str, int]:
    """Fill the spool and count the reasons of alleles that are not scored."""
    job, survey = work.job, work.survey
    if not survey.records:
        raise DanqError(f"{job.name}: expected variants, received an empty file")
    reasons = Counter[str]()
    runners = job.models.open()
    with progress("scoring the background", survey.records, "variants") as advance:
        for block in scored_blocks(work, runners, range(survey.parts)):
            spool.append(block.effects.statistic())
            reasons.update(allele.reason for allele in block.windows.alleles if allele.reason)
            advance(block.records)
    if not len(spool):
        counts = ", ".join(f"{name} {count:,}" for name, count in reasons.items())
        raise DanqError(f"{job.name}: expected an allele that can be scored, received none ({counts})")
    return dict(sorted(reasons.items()))


def _manifest(job: Job, n: int, reasons: dict[str, int], values_digest: str) -> BackgroundManifest:
    options = job.options.model_dump(mode="json", include=_OPTIONS)
    targets = list(job.models.targets)
    made = {"bundles": job.models.digests, "targets": targets, "options": options, "values": values_digest}
    inputs = {job.name: job.vcf_digest, str(job.genome.path): job.genome.digest}
    return BackgroundManifest(
        vcf=UsedVariants(name=job.name, sha256=job.vcf_digest),
        genome=UsedGenome(path=str(job.genome.path), digest=job.genome.digest),
        bundles=job.models.bundles,
        targets=tuple(targets),
        options=options,
        n=n,
        reasons=reasons,
        digest=digest(made),
        provenance=provenance(inputs, options),
    )
