"""Saturation mutagenesis from checked inputs to its files."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danq.data.manifest import Task
from danq.errors import DanqError
from danq.explain.figures import HeatMap, heat_map_svg
from danq.explain.mutants import DELETED, cut_pieces, longest_piece
from danq.explain.regions import Regions
from danq.explain.saturation import HeatMaps, Mutated, OutputTargets, row_schema, saturate, table_rows
from danq.files import check_writable, staged
from danq.genome.fasta import Genome
from danq.genome.track_writer import TrackFormat, file_stem, writing_tracks
from danq.learn.manifest import UsedBundle
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
    """What is computed and written.

    Attributes
    ----------
    score : ScoreOptions
        Strands, and the targets that are written (all where none is named).
    deletions : bool
        Also delete each base.
    form, track_format
        Formats of the table and of the tracks.
    """

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


def mutate_regions(
    models: Models, genome: Genome, regions: Regions, options: IsmOptions, out: Path
) -> IsmManifest:
    """Mutate every base of some regions and write the table, tracks, heat maps and manifest.

    Parameters
    ----------
    models, genome, regions
        What scores, and what is mutated.
    options : IsmOptions
        What is computed and written.
    out : Path
        Directory of the results; files of an earlier mutagenesis in it are replaced.

    Returns
    -------
    IsmManifest
        As in ``ism.json``.

    Raises
    ------
    DanqError
        If a target is unknown, no base is known, a model cannot be loaded or a file cannot be written.
    """
    targets = _targets(models, options)
    longest = longest_piece(models.window, models.bin)
    check_writable(out)
    runners = models.open()
    counts: Counter[str] = Counter()
    with staged(out) as partial:
        with (
            _Writing(partial, models, genome, regions, options, targets) as writing,
            progress("mutating", regions.bases, "bases") as advance,
        ):
            for block in saturate(runners, genome, regions, longest, options.deletions, options.score):
                writing.add(block)
                counts["positions"] += len(block.mutants.position)
                counts["substitutions"] += int((block.mutants.alt != DELETED).sum())
                counts["deletions"] += int((block.mutants.alt == DELETED).sum())
                advance(len(block.mutants.position))
            writing.draw(writing.heat_maps.last())
            if not counts["positions"]:
                raise DanqError(f"{genome.path}: expected a known base in the regions, found N alone")
        counts["unknown_bases"] = regions.bases - counts["positions"]
        counts["heat_maps"] = len(list(partial.glob("*.svg")))
        files = sorted(path.name for path in partial.iterdir())
        manifest = _manifest(models, genome, regions, options, targets, counts, files)
        manifest.write(partial)
        _remove_earlier(out, files)
    log.info(
        "%s: %s mutants of %s bases (%s N left out), %d heat maps",
        out,
        f"{counts['substitutions'] + counts['deletions']:,}",
        f"{counts['positions']:,}",
        f"{counts['unknown_bases']:,}",
        counts["heat_maps"],
    )
    return manifest


def _targets(models: Models, options: IsmOptions) -> OutputTargets:
    index = models.choose(options.score.targets, "--target") or tuple(range(len(models.targets)))
    names = tuple(f"{number}_{models.targets[number]}" for number in index)
    return OutputTargets(index, names, named=bool(options.score.targets))


class _Writing(ExitStack):
    """The table, the tracks and the heat maps, written side by side."""

    def __init__(
        self,
        folder: Path,
        models: Models,
        genome: Genome,
        regions: Regions,
        options: IsmOptions,
        targets: OutputTargets,
    ) -> None:
        super().__init__()
        runs = ", ".join(bundle.run for bundle in models.bundles)
        runs = f"run {runs}" if len(models.bundles) == 1 else f"mean of runs {runs}"
        self.heat_maps = HeatMaps(genome, regions, targets, runs)
        self._folder, self._contigs, self._targets = folder, genome.names, targets
        lengths = dict(zip(genome.names, genome.lengths.tolist(), strict=True))
        metadata = {"danq.bundles": " ".join(models.digests), "danq.strands": options.score.strands}
        schema = row_schema(targets).with_metadata(metadata)
        self._track = self.enter_context(writing_tracks(folder, lengths, targets.names, options.track_format))
        self._rows = self.enter_context(writing_rows(folder / f"ism.{options.form}", schema, options.form))

    def add(self, block: Mutated) -> None:
        """Take the next mutants."""
        self._rows(table_rows(block, self._contigs, self._targets))
        means, at = block.mean_of_substitutions()[:, list(self._targets.index)], block.mutants
        for rows in block.runs_of(at.contig):
            position = at.position[rows]
            self._track(self._contigs[at.contig[rows.start]], position, position + 1, means[rows])
        self.draw(self.heat_maps.add(block))

    def draw(self, heat_maps: Iterable[tuple[str, HeatMap]]) -> None:
        """Write heat maps that are complete."""
        for name, heat in heat_maps:
            (self._folder / f"{file_stem(name)}.svg").write_text(heat_map_svg(heat), encoding="utf-8")


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
    genome: Genome,
    regions: Regions,
    options: IsmOptions,
    targets: OutputTargets,
    counts: Counter[str],
    files: Sequence[str],
) -> IsmManifest:
    longest = longest_piece(models.window, models.bin)
    inputs = {str(genome.path): genome.digest}
    inputs |= {bundle.path: bundle.digest for bundle in models.bundles}
    scoring = options.score
    depends_on = {"deletions": options.deletions, "strands": scoring.strands, "targets": scoring.targets}
    pieces = (
        PieceEntry(
            piece=f"{genome.names[piece.contig]}:{piece.start + 1}-{piece.end}",
            window_start=piece.window_start,
        )
        for number in range(len(regions))
        for piece in cut_pieces(regions, number, models.window, longest)
    )
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
            "regions": [regions.text(genome, number) for number in range(len(regions))],
        },
        pieces=tuple(pieces),
        counts=dict(counts),
        renamed_contigs=regions.renamed,
        provenance=provenance(inputs, depends_on),
        files=tuple(files),
    )
