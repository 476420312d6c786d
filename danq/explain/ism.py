"""Saturation mutagenesis from checked inputs to its files."""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danq.errors import DanqError
from danq.explain.mutants import DELETED, cut_pieces, longest_piece
from danq.explain.pictures import Pictures
from danq.explain.regions import Stretches
from danq.explain.saturation import Chosen, Mutated, saturate, table_rows
from danq.files import check_writable, read_manifest, staged, write_json
from danq.genome.fasta import Genome
from danq.learn.predict.tracks import TrackFormat, writing_values
from danq.progress import progress
from danq.provenance import provenance
from danq.score.models import Models
from danq.score.options import ScoreOptions
from danq.score.tables import Format, writing_rows

log = logging.getLogger("danq")

KIND, FORMAT_VERSION = "ism", 1
MANIFEST_FILE = "ism.json"
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
    form : {"parquet", "tsv"}
        Format of the table.
    track_format : {"bigwig", "bedgraph"}
        Format of the tracks.
    """

    score: ScoreOptions
    deletions: bool = False
    form: Format = "parquet"
    track_format: TrackFormat = "bigwig"


def mutate_stretches(
    models: Models,
    genome: Genome,
    stretches: Stretches,
    options: IsmOptions,
    out: Path,
) -> dict[str, Any]:
    """Mutate every base of some stretches and write the table, tracks, heat maps and manifest.

    Parameters
    ----------
    models : Models
        What scores.
    genome : Genome
        The genome.
    stretches : Stretches
        What is mutated.
    options : IsmOptions
        What is computed and written.
    out : Path
        Directory of the results; files of an earlier mutagenesis in it are replaced.

    Returns
    -------
    dict
        The manifest, as in ``ism.json``.

    Raises
    ------
    DanqError
        If a target is unknown, no base is known, a model cannot be loaded or a file cannot be written.
    """
    asked = options.score.targets
    index = models.choose(asked, "--target") or tuple(range(len(models.targets)))
    chosen = Chosen(index, tuple(f"{number}_{models.targets[number]}" for number in index))
    longest = longest_piece(models.window, models.bin)
    check_writable(out)
    runners = models.open()
    counts: Counter[str] = Counter()
    with staged(out) as partial:
        with _Writing(partial, models, genome, stretches, options, chosen) as writing:
            bases = int((stretches.end - stretches.start).sum())
            with progress("mutating", bases, "bases") as advance:
                blocks = saturate(runners, genome, stretches, longest, options.deletions, options.score)
                for block in blocks:
                    writing.add(block)
                    counts["positions"] += len(block.mutants.position)
                    counts["substitutions"] += int((block.mutants.alt != DELETED).sum())
                    counts["deletions"] += int((block.mutants.alt == DELETED).sum())
                    advance(len(block.mutants.position))
            writing.pictures.finish()
            if not counts["positions"]:
                raise DanqError(f"{genome.path}: expected a known base in the regions, found N alone")
        counts["unknown_bases"] = bases - counts["positions"]
        counts["heat_maps"] = writing.pictures.drawn
        manifest = _manifest(models, genome, stretches, options, chosen, longest, counts)
        manifest["files"] = sorted(path.name for path in partial.iterdir())
        write_json(partial / MANIFEST_FILE, manifest)
        _remove_earlier(out, manifest["files"])
    log.info(
        "%s: %s mutants of %s bases (%s N left out), %d heat maps",
        out,
        f"{counts['substitutions'] + counts['deletions']:,}",
        f"{counts['positions']:,}",
        f"{counts['unknown_bases']:,}",
        counts["heat_maps"],
    )
    return manifest


class _Writing(ExitStack):
    """The table, the tracks and the heat maps, written side by side."""

    def __init__(
        self,
        folder: Path,
        models: Models,
        genome: Genome,
        stretches: Stretches,
        options: IsmOptions,
        chosen: Chosen,
    ) -> None:
        super().__init__()
        runs = ", ".join(bundle["run"] for bundle in models.bundles)
        runs = f"run {runs}" if len(models.bundles) == 1 else f"mean of runs {runs}"
        asked = bool(options.score.targets)
        self.pictures = Pictures(folder, genome, stretches, chosen, asked, runs)
        self._genome, self._chosen = genome, chosen
        lengths = dict(zip(genome.names, genome.lengths.tolist(), strict=True))
        metadata = {"danq.bundles": " ".join(models.digests), "danq.strands": options.score.strands}
        empty = table_rows(None, genome.names, chosen)
        self._track = self.enter_context(writing_values(folder, lengths, chosen.names, options.track_format))
        self._rows = self.enter_context(
            writing_rows(folder / f"ism.{options.form}", empty, options.form, metadata)
        )

    def add(self, block: Mutated) -> None:
        """Take the next mutants."""
        names, index = self._genome.names, list(self._chosen.index)
        self._rows(table_rows(block, names, self._chosen))
        means, at = block.mean_of_substitutions()[:, index], block.mutants
        for rows in block.runs_of(at.contig):
            position = at.position[rows]
            self._track(names[at.contig[rows.start]], position, position + 1, means[rows])
        self.pictures.add(block)


def _remove_earlier(out: Path, files: Sequence[str]) -> None:
    """Remove what an earlier mutagenesis left in `out` and this one does not replace."""
    try:
        earlier = read_manifest(out / MANIFEST_FILE, KIND, FORMAT_VERSION).get("files", [])
    except DanqError:
        return
    for name in set(earlier) - set(files):
        (out / Path(name).name).unlink(missing_ok=True)


def _manifest(
    models: Models,
    genome: Genome,
    stretches: Stretches,
    options: IsmOptions,
    chosen: Chosen,
    longest: int,
    counts: Counter[str],
) -> dict[str, Any]:
    inputs = {str(genome.path): genome.digest}
    inputs |= {bundle["path"]: bundle["digest"] for bundle in models.bundles}
    said = {
        "deletions": options.deletions,
        "strands": options.score.strands,
        "targets": options.score.targets,
    }
    return {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "genome": {"path": str(genome.path), "digest": genome.digest},
        "bundles": list(models.bundles),
        "targets": [models.targets[number] for number in chosen.index],
        "target_index": list(chosen.index),
        "task": models.task,
        "window": models.window,
        "longest_piece": longest,
        "piece_rule": PIECES,
        "strands": options.score.strands,
        "stretches": {
            "given": stretches.given,
            "mutated": len(stretches),
            "bases": int((stretches.end - stretches.start).sum()),
            "left_out": stretches.left_out,
            "regions": [stretches.text(genome, number) for number in range(len(stretches))],
        },
        "pieces": _pieces(genome, stretches, models.window, longest),
        "counts": dict(counts),
        "renamed_contigs": stretches.renamed,
        "provenance": provenance(inputs, said),
    }


def _pieces(genome: Genome, stretches: Stretches, window: int, longest: int) -> list[dict[str, Any]]:
    """Pieces as ``chr7:1001-1500`` (1-based) with the 0-based first base of their window."""
    return [
        {
            "piece": f"{genome.names[piece.contig]}:{piece.start + 1}-{piece.end}",
            "window_start": piece.window_start,
        }
        for number in range(len(stretches))
        for piece in cut_pieces(stretches, number, window, longest)
    ]
