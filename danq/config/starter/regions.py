"""A starter configuration for one's own tracks: from one FASTA and BED files to a file that runs as it is."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.config.recipe import Counts, choose_keep, choose_recipe
from danq.config.starter.grains import Grains, cut, read_composition, stretches_of, without_data
from danq.config.starter.lengths import Fit, fit_to, look_at
from danq.config.starter.parts import FEWEST_POSITIVES, choose_parts
from danq.config.starter.text import (
    Starter,
    configuration_text,
    dataset_entry,
    refuse_existing,
    targets_table,
    write_checked,
)
from danq.config.starter.track_files import gather_tracks
from danq.data.manifest import SPLITS
from danq.data.options import SECONDARY_CONTIGS, DatasetOptions, Negatives, SplitOptions
from danq.data.regions.bins import bins_of
from danq.data.regions.contig_choice import contigs_taking_part
from danq.data.regions.making import LabelledBins, label_bins
from danq.data.regions.targets import Target
from danq.data.regions.tracks import positive_bins, why_no_positive
from danq.data.splits import TRAIN
from danq.errors import DanqError, first_few
from danq.evaluate.intervals import BLOCK_BP, FEWEST_BLOCKS
from danq.genome.fasta import Genome
from danq.genome.intervals import read_regions
from danq.genome.tracks import place_intervals
from danq.learn.gpu import gpu_possible
from danq.progress import progress
from danq.remnants import scratch

log = logging.getLogger("danq")

_HELD_OUT = ("valid", "test")
_MIN_OVERLAP = 0.5


@dataclass(frozen=True)
class Tracks:
    """What a starter configuration is made from.

    Attributes
    ----------
    fasta : Path
        The genome.
    places : sequence of str
        Tracks, folders of them and patterns.
    lists : sequence of Path
        Lists or tables of tracks.
    without : sequence of str
        Targets to leave out, by name or pattern.
    """

    fasta: Path
    places: Sequence[str] = ()
    lists: Sequence[Path] = ()
    without: Sequence[str] = ()


@dataclass(frozen=True)
class Choices:
    """What is not to be chosen: parts, bin and window in bp, and contigs of the data."""

    valid: Sequence[str] = ()
    test: Sequence[str] = ()
    bin: int | None = None
    window: int | None = None
    contigs: Sequence[str] = ()
    exclude_contigs: Sequence[str] = SECONDARY_CONTIGS

    def options(self, table: Path, fit: Fit) -> DatasetOptions:
        """Give the dataset that is to be made, as far as it is known, with every bin and no parts yet."""
        return DatasetOptions(
            targets=table,
            window=fit.window,
            bin=fit.bin,
            min_overlap=_MIN_OVERLAP,
            keep="all",
            contigs=list(self.contigs),
            exclude_contigs=list(self.exclude_contigs),
            # the parts are chosen later, and there are no options without any
            split=SplitOptions(folds=3),
        )


def write_starter(tracks: Tracks, out: Path, choices: Choices | None = None) -> Starter:
    """Write ``config.yaml`` and ``targets.tsv`` for a genome and its tracks of labelled regions.

    Where the tracks leave most of the genome empty, ``outside.bed`` excludes that from the dataset.

    The tracks label the bins of the genome as `danq dataset` does it, so that parts and recipe are chosen by
    what there will be.

    Parameters
    ----------
    out : Path
        Directory of the files, which must not exist yet.

    Raises
    ------
    DanqError
        If a file cannot be read, a track has no interval or none on the genome's contigs, two tracks have one
        name, a given part is none, the genome is too short, or a file to write exists.
    """
    choices = choices or Choices()
    config, table, excluded = (out / name for name in ("config.yaml", "targets.tsv", "outside.bed"))
    refuse_existing(config, table, excluded)
    targets = gather_tracks(tracks.places, tracks.lists, tracks.without, out)
    fit = fit_to(look_at(targets), targets, choices.bin, choices.window)
    targets = [
        replace(target, rule=rule, source=table, line=line)
        for line, (target, rule) in enumerate(zip(targets, fit.rules, strict=True), 2)
    ]
    genome, composition = read_composition(tracks.fasta, fit.bin, fit.window)
    options = choices.options(table, fit)
    taking = contigs_taking_part(options, genome, "--contig, --exclude-contig")
    grains = cut(genome, fit.bin, fit.window).within(taking)
    positives = _positives(genome, grains, targets, fit.bin, taking)
    split, empty = _split(genome, grains, positives, choices, taking)
    options = options.model_copy(update={"split": split})
    outside = [stretch[:3] for stretch in stretches_of(genome, grains, empty)]
    files = {table: targets_table(targets)} | ({excluded: _bed(outside)} if outside else {})
    made = _labelled(options, targets, genome, composition, outside)
    options, why = _keep(options.model_copy(update={"exclude": [*files][1:]}), made)
    if not any(target.counts["valid"] for target in made.labels.targets):
        names = first_few(target.name for target in made.labels.targets)
        raise DanqError(
            f"{names}: expected a positive bin in the part that validates, found none; name a part that "
            "holds some by --valid"
        )
    rows = _rows(options, made)
    recipe = choose_recipe(Counts(rows[TRAIN], len(targets), fit.window, gpu_possible()))
    parts = {part: _in_words(genome, fit.bin, made, part) for part in _HELD_OUT}
    dataset, reasons = dataset_entry(options, fit, parts, why, made.contigs_left_out(genome))
    if outside:
        reasons["exclude"] = _why_exclude(genome, outside)
    named = (_name_of(tracks.fasta), tracks.fasta)
    text = configuration_text(config, named, dataset, recipe, reasons, [f"Seen: {fit.reasons['seen']}."])
    write_checked({**files, config: text}, config)
    return Starter(config, dict(zip(SPLITS, rows, strict=True)), tuple(made.labels.targets), parts)


def _split(
    genome: Genome,
    grains: Grains,
    positives: NDArray[np.int64],
    choices: Choices,
    taking: NDArray[np.bool_],
) -> tuple[SplitOptions, NDArray[np.bool_]]:
    """Take the parts that are given and choose the others; mark the grains that nobody looked at."""
    fixed = {"valid": list(choices.valid), "test": list(choices.test)}
    regions = read_regions([*fixed["valid"], *fixed["test"]], genome, "--valid, --test")
    outside = without_data(grains, positives)
    # what a user holds out was looked at, and contigs that take no part are left out already
    taken = {genome.index(region.contig) for region in regions} | set(np.flatnonzero(~taking).tolist())
    for contig in taken:
        outside[grains.first[contig] : grains.first[contig + 1]] = False
    wanted = tuple(part for part in _HELD_OUT if not fixed[part])
    chosen = choose_parts(genome, grains, positives, outside, taken, wanted) if wanted else {}
    return SplitOptions(**(fixed | chosen)), outside


def _labelled(
    options: DatasetOptions,
    targets: list[Target],
    genome: Genome,
    composition: tuple[NDArray[np.int32], NDArray[np.float32]],
    outside: list[tuple[str, int, int]],
) -> LabelledBins:
    """Label the bins as `danq dataset` will, with nothing written but what is excluded, for as long."""
    with scratch() as folder:
        if outside:
            excluded = folder / "outside.bed"
            excluded.write_text(_bed(outside), encoding="utf-8")
            options = options.model_copy(update={"exclude": [excluded]})
        return label_bins(options, targets, genome, composition, "--valid, --test", lambda _: None)


def _bed(stretches: list[tuple[str, int, int]]) -> str:
    return "".join(f"{contig}\t{start}\t{end}\n" for contig, start, end in stretches)


def _why_exclude(genome: Genome, outside: list[tuple[str, int, int]]) -> str:
    """Say how much of the genome has no data, in the log, too."""
    empty, total = sum(end - start for _, start, end in outside), int(genome.lengths.sum())
    much = f"{empty / 1e6:,.1f} of {total / 1e6:,.1f} Mb lie far from any interval of any track"
    log.warning("%s and are excluded, as not looked at, by outside.bed", much)
    return f"{much}, as if not looked at; leave this line out if they were and are negatives"


def _positives(
    genome: Genome, grains: Grains, targets: list[Target], bin: int, taking: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Count the positive bins of each target in each grain: int64, shape (targets, grains)."""
    bins = bins_of(genome.lengths, bin)
    positives = np.zeros((len(targets), len(grains.bp)), np.int64)
    faults = list[str]()
    with progress("placing", len(targets), "tracks") as advance:
        for row, target in zip(positives, targets, strict=True):
            at = place_intervals(target.path, genome, None, target.feature).within(taking)
            row += grains.count(bins, positive_bins(target.rule, bins, at, _MIN_OVERLAP))
            if not row.any():
                reason = why_no_positive(target, bins, at, _MIN_OVERLAP, genome)
                faults.append(f"{target.path}: {reason}" if str(target.path) not in reason else reason)
            advance(1)
    if faults:
        more = f"; and {len(faults) - 1} more tracks without a positive bin" if len(faults) > 1 else ""
        raise DanqError(faults[0] + more)
    return positives


def _keep(options: DatasetOptions, made: LabelledBins) -> tuple[DatasetOptions, str]:
    """Choose which training bins are kept: the options with them, and why."""
    without = [target.name for target in made.labels.targets if not target.counts["train"]]
    if without:
        log.warning("train: no positive bin is left of %s", first_few(without, 8))
    rows, positive = _rows(options, made), _rows(options.model_copy(update={"keep": "positive"}), made)
    keep, why = choose_keep(rows[TRAIN], positive[TRAIN])
    return options if keep is None else options.model_copy(update={"keep": Negatives(**keep)}), why


def _rows(options: DatasetOptions, made: LabelledBins) -> list[int]:
    """Count the bins of each split that a dataset would have."""
    rows: list[int] = np.bincount(made.split[made.kept(options)], minlength=len(SPLITS)).tolist()
    return rows


def _in_words(genome: Genome, bin: int, made: LabelledBins, part: str) -> str:
    """Say how much a part holds, and warn where that is too little to tell much."""
    contig, start = bins_of(genome.lengths, bin).locate(np.flatnonzero(made.split == SPLITS.index(part)))
    blocks = len(np.unique(np.stack([contig, start // BLOCK_BP]), axis=1).T)
    share = len(start) * bin / int(genome.lengths[made.taking].sum())
    few = sorted((target.counts[part], target.name) for target in made.labels.targets)
    low = [f"{name} {number:,}" for number, name in few if number < FEWEST_POSITIVES]
    if blocks < FEWEST_BLOCKS:
        log.warning(
            "%s: %d block%s of 100 kb; the report gives no intervals for fewer than %d",
            *(part, blocks, "s" * (blocks != 1), FEWEST_BLOCKS),
        )
    if low:
        log.warning(
            "%s: %d of %d targets have fewer than %d positive bins: %s",
            *(part, len(low), len(few), FEWEST_POSITIVES, first_few(low, 8)),
        )
    fewest = f"at least {few[0][0]:,} positives a target ({few[0][1]})"
    much = f"{share:.0%}" if share >= 0.01 else f"{share:.2%}"
    return f"{much} of the genome, {blocks:,} block{'s' * (blocks != 1)} of 100 kb, {fewest}"


def _name_of(fasta: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", fasta.name.removesuffix(".gz").rpartition(".")[0] or fasta.name)
    return name.lstrip(".-") or "genome"
