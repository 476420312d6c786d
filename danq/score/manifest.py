"""What ``scores.json`` and ``background.json`` say of scored variants and of a background."""

from typing import Annotated, Any

from pydantic import AfterValidator

from danq.data.manifest import Task
from danq.errors import counted
from danq.learn.manifest import UsedBundle
from danq.storage import Entry, Manifest
from danq.variants.alleles import REASONS


class UsedVariants(Entry):
    """A file of variants as it was named, and its SHA-256."""

    name: str
    sha256: str


class UsedGenome(Entry):
    """A genome: where it was found, and its digest."""

    path: str
    digest: str


def _known(reasons: dict[str, int]) -> dict[str, int]:
    if unknown := [reason for reason in reasons if reason not in REASONS]:
        raise ValueError(f"expected reasons of {', '.join(REASONS)}; received {unknown[0][:40]!r}")
    return reasons


Reasons = Annotated[dict[str, int], AfterValidator(_known)]
"""Numbers of alleles by the reason why they are not scored, a key of `REASONS`."""


class ScoreCounts(Entry):
    """What became of each allele: numbers in all, and of each reason and flag."""

    records: int
    alleles: int
    scored: int
    skipped: int
    reasons: Reasons
    flags: dict[str, int]

    def describe(self) -> str:
        """Say it in one line: `5 alleles: 3 scored, 2 skipped (star 1, ref_mismatch 1)`."""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.items())
        why = f" ({reasons})" if reasons else ""
        return f"{counted(self.alleles, 'allele')}: {self.scored:,} scored, {self.skipped:,} skipped{why}"


class HaplotypeCounts(Entry):
    """Windows of haplotypes as a whole: in all, with a score, without (``many_n``), and with each flag."""

    windows: int
    scored: int
    many_n: int
    flags: dict[str, int]

    def describe(self) -> str:
        """Say it in one line."""
        lacking = self.flags.get("incomplete", 0)
        without = f", {self.many_n:,} of mostly N not" if self.many_n else ""
        windows = f"{counted(self.scored, 'window')} of whole haplotypes scored{without}"
        return f"{windows}; lacking a carried allele: {lacking:,}"


class ContigNames(Entry):
    """Contigs of the variants: names → the genome's names where they differ, and those that it lacks."""

    renamed: dict[str, str]
    unknown: tuple[str, ...]


class ScoresManifest(Manifest):
    """``scores.json``.

    Attributes
    ----------
    background : str or None
        Digest of the background of the e-values.
    targets, target_index : tuple of str and int
        Targets with columns of their own, and their indices among the models' outputs.
    window : int
        bp of an input window.
    haplotypes : HaplotypeCounts or None
        Windows of ``haplotypes.parquet``; None without samples.
    indexed : bool
        Whether the annotated file has an index.
    truth : dict or None
        What is known of the variants: kind, n, positives, without_value, groups, without_group.
    variants_per_second : float or None
        Scored alleles a second.
    digest : str
        SHA-256 of everything that the scores depend on.
    """

    KIND, FILE = "scores", "scores.json"

    vcf: UsedVariants
    genome: UsedGenome
    bundles: tuple[UsedBundle, ...]
    background: str | None
    targets: tuple[str, ...]
    target_index: tuple[int, ...]
    task: Task
    window: int
    options: dict[str, Any]
    counts: ScoreCounts
    haplotypes: HaplotypeCounts | None = None
    contigs: ContigNames
    sorted: bool
    indexed: bool
    truth: dict[str, Any] | None
    seconds: float
    variants_per_second: float | None
    digest: str
    provenance: dict[str, Any]


class BackgroundManifest(Manifest):
    """``background.json``: `n` alleles, others by `reasons`, the digest of all that the values depend on."""

    KIND, FILE = "background", "background.json"

    vcf: UsedVariants
    genome: UsedGenome
    bundles: tuple[UsedBundle, ...]
    targets: tuple[str, ...]
    options: dict[str, Any]
    n: int
    reasons: Reasons
    digest: str
    provenance: dict[str, Any]
