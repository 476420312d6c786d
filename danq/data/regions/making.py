"""The dataset of a genome's bins: admit bins to splits, label them by tracks, choose, write."""

import logging
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.data.folds import fold_territories, with_contigs
from danq.data.manifest import SPLITS, DatasetManifest
from danq.data.options import DatasetOptions, Negatives
from danq.data.regions.composition import Composition, window_composition
from danq.data.regions.labels import Bins, bins_of, covered_bins
from danq.data.regions.negatives import draw_negatives
from danq.data.regions.targets import Target, read_targets
from danq.data.regions.tracks import Tracks, label_tracks
from danq.data.splits import TRAIN, Territory, assign, territories
from danq.data.sub_bins import gather, packed_steps, spread
from danq.data.writing import TargetRow, write_labels, write_manifest, write_windows
from danq.errors import DanqError, first_few
from danq.files import sha256, staged
from danq.genome.contigs import read_aliases
from danq.genome.fasta import Genome
from danq.genome.tracks import place_intervals

log = logging.getLogger("danq")

_NOWHERE = 255
_BINS_A_PART = 1 << 16


def build_region_dataset(options: DatasetOptions, name: str, genome: Genome, out: Path) -> DatasetManifest:
    """Label the bins of a genome by tracks of regions and write the dataset.

    Parameters
    ----------
    options : DatasetOptions
        With `targets` and `split`.
    name : str
        Name of the dataset in the configuration.
    genome : Genome
        The genome the tracks lie on.
    out : Path
        Directory of the dataset: ``windows.parquet``, ``labels.npy`` and ``dataset.json``.

    Returns
    -------
    DatasetManifest
        What ``dataset.json`` holds.

    Raises
    ------
    DanqError
        If the table of targets, a track, the split or the exclusions cannot be used, a target labels no bin,
        or a split holds none.
    """
    if options.targets is None or options.split is None:
        raise DanqError(f"datasets.{name}: expected `targets` and `split`")
    targets = read_targets(options.targets)
    aliases = read_aliases(options.aliases) if options.aliases else None
    bins = bins_of(genome.lengths, options.bin)
    composition = window_composition(genome, bins, options.window)
    source, given = f"datasets.{name}", options.split
    if given.folds:
        placed = fold_territories(given, genome, bins, source)
        options = options.model_copy(update={"split": with_contigs(given, genome, placed)})
    else:
        placed = territories(given, genome, source, aliases)
    split, left_out = _admit(options, placed, genome, bins, composition, aliases)
    with staged(out) as partial:
        scratch = partial / "columns"
        steps = bins if options.steps is None else bins_of(genome.lengths, options.steps)
        of_steps = spread(split, bins, steps, _NOWHERE)
        tracks = label_tracks(targets, genome, steps, of_steps, options, aliases, scratch)
        chosen = _chosen(options, split, gather(tracks.positive, bins, steps), composition.gc)
        left_out["negatives_dropped"] = int((split != _NOWHERE).sum()) - len(chosen)
        contig, start = bins.locate(chosen)
        if options.steps is None:
            write_labels(partial, len(chosen), len(targets), _packed(tracks.columns, chosen))
        else:
            packed = packed_steps(tracks.columns, len(targets), chosen, bins, steps)
            write_labels(partial, len(chosen), options.bin // options.steps * len(targets), packed)
        scratch.unlink()
        write_windows(partial, genome, contig, start, options.bin, split[chosen])
        manifest = write_manifest(
            partial,
            out,
            name,
            options,
            "multilabel",
            [_row(target, regions) for target, regions in zip(targets, tracks.regions, strict=True)],
            tracks.counts,
            split[chosen],
            left_out,
            _inputs(options, targets, genome),
            genome,
            options.genome or "",
            {"renamed": tracks.renamed, "unknown_contigs": tracks.unknown},
        )
    _report(manifest, tracks)
    return manifest


def _admit(
    options: DatasetOptions,
    placed: dict[int, Territory],
    genome: Genome,
    bins: Bins,
    composition: Composition,
    aliases: Mapping[str, str] | None,
) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """Give each bin its split, or 255 and a count under the first reason to leave it out."""
    assigned = assign(bins, genome.lengths, placed, options.window)
    most = Fraction(str(options.max_n))
    allowed = options.window * most.numerator // most.denominator
    reasons = {
        "straddling": assigned.straddling,
        "boundary": assigned.boundary,
        "excluded": _excluded(options.exclude, genome, bins, aliases),
        "too_many_n": composition.unknown > allowed,
    }
    split = assigned.split.copy()
    left_out = {"short_last_bin": bins.short}
    for reason, where in reasons.items():
        left_out[reason] = int((where & (split != _NOWHERE)).sum())
        split[where] = _NOWHERE
    return split, left_out


def _excluded(
    paths: list[Path], genome: Genome, bins: Bins, aliases: Mapping[str, str] | None
) -> NDArray[np.bool_]:
    """Mark bins of which at least one base is excluded; the rest of their windows does not matter."""
    excluded = np.zeros(len(bins), bool)
    for path in paths:
        regions = place_intervals(path, genome, aliases)
        excluded[covered_bins(bins, regions.contig, regions.start, regions.end)[0]] = True
        if not regions.unknown:
            continue
        unknown = first_few(regions.unknown, 3)
        if not len(regions.start):
            raise DanqError(
                f"{path}: no contig of it is in the genome; "
                f"expected names such as {first_few(genome.names, 3)}; received {unknown}"
            )
        log.warning("%s: left out regions on contigs that the genome does not have: %s", path, unknown)
    return excluded


def _chosen(
    options: DatasetOptions, split: NDArray[np.uint8], positive: NDArray[np.bool_], gc: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Numbers of the bins to keep, ascending: all of validation and test, training bins as `keep` says."""
    if options.keep == "all":
        return np.flatnonzero(split != _NOWHERE)
    kept = (split != _NOWHERE) & ((split != TRAIN) | positive)
    if isinstance(options.keep, Negatives):
        training = split == TRAIN
        pool = np.flatnonzero(training & ~positive)
        kept[draw_negatives(options.keep, np.flatnonzero(training & positive), pool, gc, options.seed)] = True
    return np.flatnonzero(kept)


def _packed(columns: NDArray[np.uint8], chosen: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    """Turn columns of all bins into rows of the chosen ones, part by part."""
    for low in range(0, columns.shape[1], _BINS_A_PART):
        part = np.asarray(columns[:, low : low + _BINS_A_PART])
        first, last = np.searchsorted(chosen, [low, low + _BINS_A_PART])
        yield part[:, chosen[first:last] - low].T


def _row(target: Target, regions: int) -> TargetRow:
    return TargetRow(target.name, target.group, target.rule, target.given, regions, target.origin)


def _inputs(options: DatasetOptions, targets: list[Target], genome: Genome) -> dict[str, str]:
    paths = {options.targets, options.aliases, *options.exclude, *(target.path for target in targets)}
    digests = {str(path): sha256(path) for path in sorted(path for path in paths if path is not None)}
    return {str(genome.path): genome.digest, **digests}


def _report(manifest: DatasetManifest, tracks: Tracks) -> None:
    if tracks.renamed:
        pairs = first_few(f"{file} → {own}" for file, own in tracks.renamed.items())
        log.info("%d contig names of tracks differ from the genome's: %s", len(tracks.renamed), pairs)
    if tracks.unknown:
        log.warning(
            "%d regions lie on contigs that the genome does not have: %s",
            sum(tracks.unknown.values()),
            first_few(tracks.unknown),
        )
    log.info("%-8s %12s %12s %10s", "split", "bins", "positives", "targets")
    for index, split in enumerate(SPLITS):
        counts = tracks.counts[index]
        log.info("%-8s %12d %12d %10d", split, manifest.n[split], counts.sum(), (counts > 0).sum())
    dropped = ", ".join(f"{reason} {number}" for reason, number in manifest.left_out.items() if number)
    log.info("left out: %s", dropped or "none")
