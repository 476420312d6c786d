"""Saturation mutagenesis from checked inputs to its files."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danq.data.manifest import Task
from danq.errors import DanqError
from danq.explain.figures import HeatMap, heat_map_svg
from danq.explain.mutants import DELETED, cut_pieces, longest_piece
from danq.explain.regions import Regions
from danq.explain.saturation import HeatMaps, OutputTargets, row_schema, saturate, table_rows
from danq.files import staged
from danq.genome.track_writer import TrackFormat, file_stem, writing_tracks
from danq.learn.manifest import UsedBundle, target_indices
from danq.progress import progress
from danq.provenance import provenance
from danq.score.manifest import UsedGenome
from danq.score.models import Models
from danq.score.options import ScoreOptions
from danq.storage import Entry, Manifest
from danq.tables import Format, writing_rows

log = logging.getLogger("danq")

PIECES = (
    "a stretch is cut into equal pieces of at most max(bin, window // 2) bp; all mutants of a piece are "
    "compared in the one window centred on it"
)


@dataclass(frozen=True)
class IsmOptions:
    """Strands, targets (none named: all), whether bases are also deleted, formats of table and tracks."""

    score: ScoreOptions
    deletions: bool = False
    form: Format = "parquet"
    track_format: TrackFormat = "bigwig"


class PieceEntry(Entry):
    """A piece as ``chr7:1001-1500`` (1-based), with the 0-based first base of its window."""

    piece: str
    window_start: int


class IsmManifest(Manifest):
    """``ism.json``: what was mutated, by which models, in which pieces, into which files."""

    KIND, FILE = "ism", "ism.json"

    genome: UsedGenome
    bundles: tuple[UsedBundle, ...]
    targets: tuple[str, ...]
    target_index: tuple[int, ...]
    task: Task
    window: int
    longest_piece: int
    piece_rule: str
    strands: str
    stretches: dict[str, Any]
    pieces: tuple[PieceEntry, ...]
    counts: dict[str, int]
    renamed_contigs: dict[str, str]
    provenance: dict[str, Any]
    files: tuple[str, ...]


def mutate_regions(models: Models, regions: Regions, options: IsmOptions, out: Path) -> IsmManifest:
    """Mutate every base of some regions and write the table, tracks, heat maps and manifest into `out`.

    Files of an earlier mutagenesis there are replaced.

    Raises
    ------
    DanqError
        If a target is unknown, no base is known, a model cannot be loaded or a file cannot be written.
    """
    chosen = target_indices(options.score.targets, models.targets, "--target")
    index = chosen or tuple(range(len(models.targets)))
    names = tuple(f"{number}_{models.targets[number]}" for number in index)
    targets = OutputTargets(index, names, named=bool(options.score.targets))
    with staged(out) as partial:
        counts = _write(models, regions, options, targets, partial)
        counts["unknown_bases"] = regions.bases - counts["positions"]
        counts["heat_maps"] = len(list(partial.glob("*.svg")))
        files = sorted(path.name for path in partial.iterdir())
        manifest = _manifest(models, regions, options, targets, counts, files)
        manifest.write(partial)
        _remove_earlier(out, files)
    mutants, n = counts["substitutions"] + counts["deletions"], counts["unknown_bases"]
    of = f"{counts['positions']:,} bases ({n:,} N left out)"
    log.info(f"%s: {mutants:,} mutants of {of}, {counts['heat_maps']} heat maps", out)
    return manifest


def _write(
    models: Models,
    regions: Regions,
    options: IsmOptions,
    targets: OutputTargets,
    folder: Path,
) -> Counter[str]:
    """Write the table, the tracks and the heat maps side by side, and count what was mutated."""
    runs = ", ".join(bundle.run for bundle in models.bundles)
    runs = f"run {runs}" if len(models.bundles) == 1 else f"mean of runs {runs}"
    genome, heat_maps = regions.genome, HeatMaps(regions, targets, runs)
    lengths = dict(zip(genome.names, genome.lengths.tolist(), strict=True))
    metadata = {"danq.bundles": " ".join(models.digests), "danq.strands": options.score.strands}
    schema = row_schema(targets).with_metadata(metadata)
    longest, counts = longest_piece(models.window, models.bin), Counter[str]()
    with (
        writing_tracks(folder, lengths, targets.names, options.track_format) as add_to_tracks,
        writing_rows(folder / f"ism.{options.form}", schema, options.form) as add_rows,
        progress("mutating", regions.bases, "bases") as advance,
    ):
        for block in saturate(models.open(), regions, longest, options.deletions, options.score):
            at, means = block.mutants, block.mean_of_substitutions()[:, list(targets.index)]
            add_rows(table_rows(block, genome.names, targets))
            for rows in block.runs_of(at.contig):
                position = at.position[rows]
                add_to_tracks(genome.names[at.contig[rows.start]], position, position + 1, means[rows])
            _draw(heat_maps.add(block), folder)
            deleted = int((at.alt == DELETED).sum())
            counts.update(positions=len(at.alt), substitutions=at.alt.size - deleted, deletions=deleted)
            advance(len(at.alt))
        _draw(heat_maps.last(), folder)
        if not counts["positions"]:
            raise DanqError(f"{genome.path}: expected a known base in the regions, found N alone")
    return counts


def _draw(heat_maps: Iterable[tuple[str, HeatMap]], folder: Path) -> None:
    for name, heat in heat_maps:
        (folder / f"{file_stem(name)}.svg").write_text(heat_map_svg(heat), encoding="utf-8")


def _remove_earlier(out: Path, files: Sequence[str]) -> None:
    """Remove what an earlier mutagenesis left in `out` and this one does not replace."""
    try:
        earlier = IsmManifest.read(out).files
    except DanqError:
        return
    for name in set(earlier) - set(files):
        (out / Path(name).name).unlink(missing_ok=True)


def _manifest(
    models: Models,
    regions: Regions,
    options: IsmOptions,
    targets: OutputTargets,
    counts: Counter[str],
    files: Sequence[str],
) -> IsmManifest:
    genome, longest = regions.genome, longest_piece(models.window, models.bin)
    inputs = {str(genome.path): genome.digest}
    inputs |= {bundle.path: bundle.digest for bundle in models.bundles}
    scoring = options.score
    depends_on = {"deletions": options.deletions, "strands": scoring.strands, "targets": scoring.targets}
    pieces = []
    for number in range(len(regions)):
        for piece in cut_pieces(regions, number, models.window, longest):
            place = f"{genome.names[piece.contig]}:{piece.start + 1}-{piece.end}"
            pieces.append(PieceEntry(piece=place, window_start=piece.window_start))
    return IsmManifest(
        genome=UsedGenome(path=str(genome.path), digest=genome.digest),
        bundles=models.bundles,
        targets=tuple(models.targets[number] for number in targets.index),
        target_index=tuple(targets.index),
        task=models.task,
        window=models.window,
        longest_piece=longest,
        piece_rule=PIECES,
        strands=scoring.strands,
        stretches={
            "given": regions.before_merging,
            "mutated": len(regions),
            "bases": regions.bases,
            "left_out": dict(regions.left_out),
            "regions": [regions.text(number) for number in range(len(regions))],
        },
        pieces=tuple(pieces),
        counts=dict(counts),
        renamed_contigs=regions.renamed,
        provenance=provenance(inputs, depends_on),
        files=tuple(files),
    )
