"""The dataset of a genome's bins: admit bins to splits, label them by tracks, choose, write."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.contents import unchanged
from danq.data.manifest import REASONS, SPLITS, DatasetManifest
from danq.data.options import DatasetOptions, SplitOptions
from danq.data.regions.admission import NOWHERE, Admission, admit, kept_bins, window_composition
from danq.data.regions.bins import Bins, any_sub_bin, bins_of, of_sub_bins
from danq.data.regions.contig_choice import contigs_taking_part
from danq.data.regions.targets import Target, read_targets
from danq.data.regions.tracks import Labels, label_tracks, packed_rows, report_tracks
from danq.data.splits import territories, with_contigs
from danq.data.writing import Contents, write_labels, write_manifest, write_windows
from danq.errors import DanqError
from danq.files import sha256, staged
from danq.genome.contigs import read_aliases, report_contigs
from danq.genome.fasta import Genome

log = logging.getLogger("danq")


def build_region_dataset(options: DatasetOptions, name: str, genome: Genome, out: Path) -> DatasetManifest:
    """Label the bins of a genome by tracks of regions and write the dataset.

    Parameters
    ----------
    options : DatasetOptions
        With `targets` and `split`.
    name : str
        Name of the dataset in the configuration.
    out : Path
        Directory of the dataset: ``windows.parquet``, ``labels.npy`` and ``dataset.json``.

    Raises
    ------
    DanqError
        If the table of targets, a track, the split or the exclusions cannot be used, a target labels no bin,
        or a split holds none.
    """
    if options.targets is None or options.split is None:
        raise DanqError(f"datasets.{name}: expected `targets` and `split`")
    targets = read_targets(options.targets)
    bins = bins_of(genome.lengths, options.bin)
    composition = window_composition(genome, bins, options.window)
    named = {options.targets, options.aliases, *options.exclude, *(target.path for target in targets)}
    paths = sorted(path for path in named if path is not None)
    with staged(out) as partial, unchanged(paths):
        scratch = partial / "columns"
        with scratch.open("wb") as stream:
            made = label_bins(options, targets, genome, composition, f"datasets.{name}", stream.write)
        kept = made.kept(options)
        _refuse_empty_splits(made.admission, options, genome, f"datasets.{name}", kept)
        each = bins.width // made.sub_bins.width
        shape = (-(-len(targets) // 8), len(made.sub_bins))
        columns = np.memmap(scratch, np.uint8, "r", shape=shape)
        packed = packed_rows(columns, len(targets), kept, bins, made.sub_bins)
        write_labels(partial, len(kept), each * len(targets), packed)
        scratch.unlink()
        write_windows(partial, genome, *bins.locate(kept), options.bin, made.split[kept])
        contents = Contents(
            task="multilabel",
            targets=made.labels.targets,
            split=made.split[kept],
            inputs={str(genome.path): genome.digest} | {str(path): sha256(path) for path in paths},
            origin=str(options.targets),
            left_out=made.admission.left_out | {"negatives_dropped": made.admission.admitted - len(kept)},
            of_kind={
                "contigs_left_out": made.contigs_left_out(genome),
                "exclude": made.admission.exclude,
                "renamed": made.labels.renamed,
                "unknown_contigs": made.labels.unknown,
            },
        )
        options = options.model_copy(update={"split": made.parts})
        manifest = write_manifest(partial, out, name, options, contents, genome)
    _report(manifest)
    return manifest


@dataclass(frozen=True, eq=False)
class LabelledBins:
    """All bins of a genome with their split and labels, before any is chosen as a row.

    Attributes
    ----------
    admission : Admission
        The split of each bin, and why others have none.
    taking : bool, shape (contigs,)
        Contigs that take part.
    sub_bins : Bins
        What is labelled: the bins themselves unless `steps` are.
    positive : bool, shape (bins,)
        Bins with at least one target.
    gc : float32, shape (bins,)
        G and C as a part of the known bases of their windows.
    parts : SplitOptions
        Validation and test; of folds with the names of their contigs.
    """

    admission: Admission
    taking: NDArray[np.bool_]
    sub_bins: Bins
    labels: Labels
    positive: NDArray[np.bool_]
    gc: NDArray[np.float32]
    parts: SplitOptions

    @property
    def split(self) -> NDArray[np.uint8]:
        """Index into `SPLITS`, or `NOWHERE`, of each bin: uint8, shape (bins,)."""
        return self.admission.split

    def contigs_left_out(self, genome: Genome) -> dict[str, int]:
        """Name the contigs that take no part, with their bp."""
        return {genome.names[i]: int(genome.lengths[i]) for i in np.flatnonzero(~self.taking).tolist()}

    def kept(self, options: DatasetOptions) -> NDArray[np.int64]:
        """Choose the bins that become rows by `keep` and `seed`: their numbers, int64 (n,), ascending."""
        return kept_bins(options, self.split, self.positive, self.gc)


def label_bins(
    options: DatasetOptions,
    targets: list[Target],
    genome: Genome,
    composition: tuple[NDArray[np.int32], NDArray[np.float32]],
    source: str,
    write: Callable[[memoryview], object],
) -> LabelledBins:
    """Admit the bins of a genome to their splits and label them by tracks; nothing of it needs its bases.

    Parameters
    ----------
    options : DatasetOptions
        With `split`; its `targets` are not read.
    composition : tuple of int32 and float32, shape (bins,)
        From `window_composition`.
    source : str
        Where the options stand, for messages.
    write : callable
        As for `label_tracks`.

    Raises
    ------
    DanqError
        If a track, the choice of contigs, the split, aliases or exclusions cannot be used, a split has no
        bin, or a target labels none.
    """
    parts = options.split or SplitOptions()
    unknown, gc = composition
    aliases = read_aliases(options.aliases) if options.aliases else None
    bins = bins_of(genome.lengths, options.bin)
    taking = contigs_taking_part(options, genome, source, aliases, report=True)
    placed = territories(parts, genome, bins, source, aliases, taking)
    admission = admit(options, placed, genome, bins, unknown, taking, aliases)
    sub_bins = bins if options.steps is None else bins_of(genome.lengths, options.steps)
    _refuse_empty_splits(admission, options, genome, source)
    of_each = of_sub_bins(admission.reason, bins, sub_bins, NOWHERE)
    labels = label_tracks(targets, genome, sub_bins, of_each, taking, options, aliases, write)
    report_contigs("tracks", labels.renamed, labels.unknown)
    report_tracks(labels.targets)
    positive = any_sub_bin(labels.positive, bins, sub_bins)
    parts = with_contigs(parts, genome, placed) if parts.folds else parts
    return LabelledBins(admission, taking, sub_bins, labels, positive, gc, parts)


def _refuse_empty_splits(
    admission: Admission,
    options: DatasetOptions,
    genome: Genome,
    source: str,
    kept: NDArray[np.int64] | None = None,
) -> None:
    """Refuse splits without any bin, or any of those that are kept, int64 (n,), with the reasons why."""
    bins = np.bincount(admission.split if kept is None else admission.split[kept], minlength=len(SPLITS))
    for part, number in zip(SPLITS, bins.tolist(), strict=False):
        if not number:
            lost = dict(admission.of_split[part])
            if kept is not None:
                # of training bins alone some are not kept
                lost["negatives_dropped"] = admission.admitted - len(kept)
            why = _why_no_row(lost, options, genome)
            raise DanqError(f"{source}: expected at least one row in the {part} split, found none; {why}")


def _why_no_row(counts: Mapping[str, int], options: DatasetOptions, genome: Genome) -> str:
    """Say why no bin of a split is a row: how many were left out for what, and what would help.

    `counts` are the bins of the split by the reason why they are left out.
    """
    lost = {reason: number for reason, number in counts.items() if number}
    if not lost:
        return f"its contigs or regions hold no whole bin of {options.bin:,} bp"
    why = ", ".join(f"{number:,} {REASONS.get(reason, reason)}" for reason, number in lost.items())
    if "too_many_n" in lost:
        longest = int(genome.lengths.max())
        every = f" is longer than every contig (the longest has {longest:,} bp), and"
        why += (
            f" (more than {options.max_n:.0%} of it); a window of {options.window:,} bp"
            f"{every if options.window > longest else ':'} what reaches past the end of a contig is N; "
            f"a smaller `window`, or a `max_n` above {options.max_n:g}, helps"
        )
    return f"all its {sum(lost.values()):,} bins are left out: {why}"


def _report(manifest: DatasetManifest) -> None:
    log.info("%-8s %12s %12s %10s", "split", "bins", "positives", "targets")
    for split in SPLITS:
        counts = [target.counts[split] for target in manifest.targets]
        log.info("%-8s %12d %12d %10d", split, manifest.n[split], sum(counts), sum(map(bool, counts)))
    dropped = ", ".join(f"{reason} {number}" for reason, number in manifest.left_out.items() if number)
    log.info("left out: %s", dropped or "none")
