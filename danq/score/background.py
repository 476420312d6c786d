"""A background, how large the effects of common variants are: its making, and e-values against it."""

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError, counted, first_few
from danq.files import digest, sha256, staged
from danq.progress import progress
from danq.provenance import provenance
from danq.score.manifest import BackgroundManifest, UsedGenome, UsedVariants
from danq.spool import RowSpool
from danq.storage import load_array, write_array

if TYPE_CHECKING:
    from danq.score.job import Job

log = logging.getLogger("danq")

VALUES_FILE = "background.npy"
SMALLEST = 1e-6
"""No e-value is below this: that of DeepSEA's million variants."""
ENOUGH = 10_000
"""Alleles below which the making of a background warns."""
_OPTIONS = {"strands", "ref_mismatch", "regions", "pass_only"}


@dataclass(frozen=True)
class Background:
    """The statistic |diff · log2 odds difference| of n common alleles for each of k `targets`.

    `digest` is the SHA-256 over the values and what they were made with.
    """

    path: Path
    targets: int
    digest: str

    def values(self, target: int) -> NDArray[np.float32]:
        """Statistics of a target, ascending: float32, shape (n,), memory-mapped for as long as it is held."""
        # a map of its own, so that pages are given back: those of all targets outgrow a job's memory
        return np.asarray(np.load(self.path / VALUES_FILE, mmap_mode="r")[target])

    def evalues(self, statistic: NDArray[np.floating]) -> NDArray[np.float32]:
        """Compare statistics with those of their targets: float, shape (m, k) → e-values float32, (m, k)."""
        columns = [shares_above(self.values(target), statistic[:, target]) for target in range(self.targets)]
        return np.stack(columns, axis=1)


def shares_above(values: NDArray[np.float32], statistic: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute e-values as DeepSEA defines them, 1 − ECDF: ``max(#(values > x) / n, 1 / n, 1e-6)``.

    `values`, shape (n,), are a background, ascending; `statistic`, shape (m,), is compared as float32.
    """
    n = len(values)
    above = n - np.searchsorted(values, np.asarray(statistic, np.float32), side="right")
    return np.maximum(above / n, max(1 / n, SMALLEST)).astype(np.float32)


def open_background(
    path: Path, digests: Sequence[str], targets: Sequence[str], strands: str = "scores"
) -> Background:
    """Open a background that was made with the same bundles, in any order, targets and strands rule.

    Raises
    ------
    DanqError
        If it is no background, damaged, or was made otherwise.
    """
    manifest = BackgroundManifest.read(path)
    for what, wanted, made in (
        ("bundles", sorted(digests), sorted(bundle.digest for bundle in manifest.bundles)),
        ("targets", list(targets), list(manifest.targets)),
        ("strands rule", [strands], [str(manifest.options.get("strands"))]),
    ):
        if wanted != made:
            shown = [first_few((name[:12] for name in names), 3) for names in (wanted, made)]
            raise DanqError(
                f"{path}: expected a background of the same {what} ({shown[0]}), received one of {shown[1]}; "
                f"make one with `danq background`"
            )
    load_array(path / VALUES_FILE, (len(targets), manifest.n), np.float32, "background")
    manifest.check(path, VALUES_FILE)
    return Background(path, len(targets), manifest.digest)


def build_background(job: "Job", out: Path) -> BackgroundManifest:
    """Score common variants and keep, sorted for each target, how large their effects are.

    Every allele that can be scored counts once. Memory grows neither with the alleles nor with the targets,
    beyond two columns of them. `out` becomes a directory with ``background.npy`` and ``background.json``.

    Raises
    ------
    DanqError
        If no allele can be scored, or `out` cannot be written.
    """
    started = time.monotonic()
    with staged(out) as partial:
        with tempfile.TemporaryDirectory(dir=partial) as folder:
            spool = RowSpool(Path(folder) / "rows", np.float32)
            reasons = _score(job, Path(folder), spool)
            job.refuse_changed_input()
            write_array(partial / VALUES_FILE, spool.shape[::-1], np.float32, map(np.sort, spool.columns()))
        manifest = _manifest(job, len(spool), reasons, sha256(partial / VALUES_FILE))
        manifest.write(partial)
    log.info(
        "%s: background of %s (%s not scored), %s, in %.1f s",
        out,
        counted(len(spool), "allele"),
        f"{sum(reasons.values()):,}",
        counted(len(job.models.targets), "target"),
        time.monotonic() - started,
    )
    if len(spool) < ENOUGH:
        log.warning("%s: no e-value can go below 1/%d, the number of its alleles", out, len(spool))
    return manifest


def _score(job: "Job", folder: Path, spool: RowSpool) -> dict[str, int]:
    """Fill the spool and count the reasons of alleles that are not scored."""
    survey = job.survey(folder)
    if not survey.records:
        raise DanqError(f"{job.name}: expected variants, received an empty file")
    reasons = Counter[str]()
    with progress("scoring the background", survey.records, "variants") as advance:
        for block in job.scored_blocks(survey, job.models.open(), range(survey.parts)):
            spool.append(block.effects.statistic())
            reasons.update(allele.reason for allele in block.windows.alleles if allele.reason)
            advance(block.records)
    if not len(spool):
        counts = ", ".join(f"{name} {count:,}" for name, count in reasons.items())
        raise DanqError(f"{job.name}: expected an allele that can be scored, received none ({counts})")
    return dict(sorted(reasons.items()))


def _manifest(job: "Job", n: int, reasons: dict[str, int], values_digest: str) -> BackgroundManifest:
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
