"""The dataset of a genome's bins: admit bins to splits, label them by tracks, choose, write."""

import logging
from pathlib import Path

from danq.data.manifest import SPLITS, DatasetManifest
from danq.data.options import DatasetOptions
from danq.data.regions.admission import NOWHERE, admit, kept_bins, window_composition
from danq.data.regions.bins import any_sub_bin, bins_of, of_sub_bins
from danq.data.regions.tracks import Target, label_tracks, packed_rows, read_targets
from danq.data.splits import territories, with_contigs
from danq.data.writing import Contents, write_labels, write_manifest, write_windows
from danq.errors import DanqError, first_few
from danq.files import sha256, staged
from danq.genome.contigs import read_aliases
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
    aliases = read_aliases(options.aliases) if options.aliases else None
    bins = bins_of(genome.lengths, options.bin)
    unknown, gc = window_composition(genome, bins, options.window)
    placed = territories(options.split, genome, bins, f"datasets.{name}", aliases)
    if options.split.folds:
        options = options.model_copy(update={"split": with_contigs(options.split, genome, placed)})
    split, left_out = admit(options, placed, genome, bins, unknown, aliases)
    with staged(out) as partial:
        scratch = partial / "columns"
        sub_bins = bins if options.steps is None else bins_of(genome.lengths, options.steps)
        of_each = of_sub_bins(split, bins, sub_bins, NOWHERE)
        labels = label_tracks(targets, genome, sub_bins, of_each, options, aliases, scratch)
        kept = kept_bins(options, split, any_sub_bin(labels.positive, bins, sub_bins), gc)
        left_out["negatives_dropped"] = int((split != NOWHERE).sum()) - len(kept)
        columns = bins.width // sub_bins.width * len(targets)
        packed = packed_rows(labels.columns, len(targets), kept, bins, sub_bins)
        write_labels(partial, len(kept), columns, packed)
        scratch.unlink()
        write_windows(partial, genome, *bins.locate(kept), options.bin, split[kept])
        contents = Contents(
            task="multilabel",
            targets=labels.targets,
            split=split[kept],
            inputs=_inputs(options, targets, genome),
            origin=str(options.targets),
            left_out=left_out,
            of_kind={"renamed": labels.renamed, "unknown_contigs": labels.unknown},
        )
        manifest = write_manifest(partial, out, name, options, contents, genome)
    _report(manifest)
    return manifest


def _inputs(options: DatasetOptions, targets: list[Target], genome: Genome) -> dict[str, str]:
    paths = {options.targets, options.aliases, *options.exclude, *(target.path for target in targets)}
    digests = {str(path): sha256(path) for path in sorted(path for path in paths if path is not None)}
    return {str(genome.path): genome.digest, **digests}


def _report(manifest: DatasetManifest) -> None:
    renamed, unknown = manifest.renamed, manifest.unknown_contigs
    if renamed:
        pairs = first_few(f"{file} → {own}" for file, own in renamed.items())
        log.info("%d contig names of tracks differ from the genome's: %s", len(renamed), pairs)
    if unknown:
        regions, contigs = sum(unknown.values()), first_few(unknown)
        log.warning("%d regions lie on contigs that the genome does not have: %s", regions, contigs)
    log.info("%-8s %12s %12s %10s", "split", "bins", "positives", "targets")
    for split in SPLITS:
        counts = [target.counts[split] for target in manifest.targets]
        log.info("%-8s %12d %12d %10d", split, manifest.n[split], sum(counts), sum(map(bool, counts)))
    dropped = ", ".join(f"{reason} {number}" for reason, number in manifest.left_out.items() if number)
    log.info("left out: %s", dropped or "none")
