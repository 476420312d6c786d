"""Finished scores of equal content, taken in place of new ones whatever callset and runs are called."""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from danq.files import digest, staged
from danq.kept import FOLDER, find_kept, keep, put_back
from danq.score.job import Job
from danq.score.manifest import ScoresManifest, UsedGenome, UsedVariants

if TYPE_CHECKING:
    from danq.score.write import Files

log = logging.getLogger("danq")


def kept_scores(job: Job, files: "Files", beside: Path) -> Path | None:
    """Find finished results of equal content among those kept beside a callset's; None if there are none."""
    return find_kept(scores_key(job, files), (beside.parent / FOLDER).glob("*"))


def scores_key(job: Job, files: "Files") -> str:
    """Digest of all that the files of a scoring depend on; no names of files, runs or callsets."""
    options = job.options.model_dump(mode="json", exclude={"aliases", "background"})
    return digest([job.digest, options, files.long, files.format, files.header])


def _label(folder: Path, job: Job) -> None:
    """Call what was scored by the names that it has now."""
    manifest = ScoresManifest.read(folder)
    names = {
        "vcf": UsedVariants(name=job.name, sha256=job.vcf_digest),
        "genome": UsedGenome(path=str(job.genome.path), digest=job.genome.digest),
        "bundles": job.models.bundles,
    }
    manifest.model_copy(update=names).write(folder)


def take_over(job: Job, files: "Files", out: Path) -> ScoresManifest | None:
    """Put finished results of equal content in place, where there are some and none here."""
    if (out / ScoresManifest.FILE).exists():
        return None
    kept = kept_scores(job, files, out)
    if kept is None:
        return None
    with staged(out) as folder:
        put_back(kept, folder, partial(_label, job=job))
        keep(folder, out, scores_key(job, files), out.parent / FOLDER / out.name)
    log.info("%s: finished scores of equal content are taken; remove %s to score anew", out, kept)
    return ScoresManifest.read(out)
