"""Looking at regions with one run: predictions along them and the tracks' peaks in them, into files."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from danq.data.options import DatasetOptions
from danq.data.regions.targets import read_targets
from danq.files import staged
from danq.genome.contigs import read_aliases
from danq.genome.fasta import Genome
from danq.genome.intervals import TrackRecords
from danq.genome.tracks import place_intervals, report_records
from danq.learn.manifest import BundleManifest, UsedBundle
from danq.learn.options import PredictOptions
from danq.learn.predict.predictions import Predictions, write_predictions, writing_npz
from danq.learn.predict.sequence_sources import interval_source
from danq.learn.predict.sources import check_dna, compare_genomes
from danq.progress import progress
from danq.provenance import provenance
from danq.tables import write_frame
from danq.views.manifest import PEAK_SCHEMA, PEAKS, PREDICTIONS, ViewEntry, ViewsManifest
from danq.views.places import Place

if TYPE_CHECKING:
    from danq.learn.predict.predictor import Predictor

log = logging.getLogger("danq")

_MOST_ROWS = 1_000
_FINEST = 10
"""Rows of a region at most, where neither bins nor sub-bins are finer; steps that a bin is predicted in."""


@dataclass(frozen=True)
class Looking:
    """Who looks at what.

    Attributes
    ----------
    bundle : Path
        Directory of the run's bundle.
    predict : PredictOptions
        How it predicts.
    name, dataset : str, DatasetOptions
        The dataset that it was trained on, whose tracks are shown.
    of_dataset : str or None
        Name of the genome that the tracks lie on; None where the dataset has none.
    genomes : dict of str to Genome
        Every genome of the places by its name.
    trusted : sequence of Path
        Files of models of one's own that may be run.
    """

    bundle: Path
    predict: PredictOptions
    name: str
    dataset: DatasetOptions
    of_dataset: str | None
    genomes: dict[str, Genome]
    places: Sequence[Place]
    trusted: Sequence[Path] = ()


def write_views(looking: Looking, out: Path) -> ViewsManifest:
    """Predict along each place and gather the peaks in it: views.json, predictions.npz, peaks.parquet.

    Raises
    ------
    DanqError
        If the model reads no DNA, a track cannot be read, or `out` cannot be written.
    """
    info = BundleManifest.read(looking.bundle)
    for genome in looking.genomes.values():
        compare_genomes(genome, info)
    check_dna(info, "view")
    peaks = _peaks(looking)
    with staged(out) as folder:
        if looking.places:
            # everything cheap has been checked before TensorFlow is loaded
            entries = tuple(_predict(_predictor(looking), looking, folder / PREDICTIONS))
        else:
            entries = ()
            write_predictions(folder / PREDICTIONS, _nothing(info))
        write_frame(folder / PEAKS, peaks)
        manifest = _manifest(looking, info, entries)
        manifest.write(folder)
    log.info("%s: %d regions, %d rows, %d peaks", out, len(entries), sum(e.rows for e in entries), len(peaks))
    return manifest


def _predictor(looking: Looking) -> "Predictor":
    from danq.learn.linear import open_bundle
    from danq.learn.predict.predictor import Predictor

    bundle, options = open_bundle(looking.bundle, looking.trusted), looking.predict
    return Predictor(bundle, options.batch_size, options.reverse_complement)


def _nothing(info: BundleManifest) -> Predictions:
    """Predictions without rows: of a callset no allele of which could be scored."""
    numbers, positions = np.empty((0, len(info.targets)), np.float32), np.empty(0, np.int64)
    names = np.empty(0, "<U1")
    return Predictions(
        names, numbers, numbers, np.array(info.targets), None, names, positions, positions, run=info.run
    )


def _predict(predictor: "Predictor", looking: Looking, path: Path) -> Iterator[ViewEntry]:
    info, first = predictor.bundle.info, 0
    with writing_npz(path) as append, progress("looking", len(looking.places), "regions") as advance:
        for place in looking.places:
            genome, region = looking.genomes[place.genome], place.region
            start, end = region.start, place.end
            stride = stride_of(info, end - start)
            contig = np.array([genome.index(region.contig)], np.int32)
            source = interval_source(
                genome, info, contig, np.array([start]), np.array([end]), None if info.step else stride
            )
            rows = 0
            for block in source.blocks():
                predicted = predictor.annotate(block, bin=source.bin)
                append(predicted)
                rows += len(predicted)
            yield ViewEntry(
                key=place.key,
                title=place.title,
                genome=place.genome,
                genome_digest=genome.digest,
                contig=region.contig,
                start=start,
                end=end,
                callset=place.callset,
                first=first,
                rows=rows,
                stride=stride,
                peaks=_has_tracks(looking, place),
            )
            first += rows
            advance()


def stride_of(info: BundleManifest, length: int) -> int:
    """Choose how far apart (bp) the bins lie that are predicted along a region of `length` bp.

    It divides the bin (the window, where there is none), so that the bins of `danq predict` are among them:
    a tenth of it where that gives at most 1,000 rows, or the next larger divisor. Of a model that classifies
    sub-bins it is their size.
    """
    if info.step:
        return info.step
    width = info.bin or info.window or 1
    divisors = [bp for bp in range(1, width + 1) if width % bp == 0 and bp * _FINEST >= width]
    return next((bp for bp in divisors if length <= bp * _MOST_ROWS), width)


def _has_tracks(looking: Looking, place: Place) -> bool:
    return looking.dataset.targets is not None and place.genome == looking.of_dataset


def _peaks(looking: Looking) -> pl.DataFrame:
    """Read each track once for all places: those of its intervals that share a base with one of them."""
    numbers = [n for n, place in enumerate(looking.places) if _has_tracks(looking, place)]
    frames = [pl.DataFrame(schema=PEAK_SCHEMA)]
    if numbers and looking.dataset.targets is not None:
        genome = looking.genomes[looking.of_dataset or ""]
        aliases = read_aliases(looking.dataset.aliases) if looking.dataset.aliases else None
        targets = read_targets(looking.dataset.targets)
        records = dict[str, TrackRecords]()
        with progress("reading tracks", len(targets), "tracks") as advance:
            for index, target in enumerate(targets):
                out_of_range = looking.dataset.out_of_range
                track = place_intervals(target.path, genome, aliases, target.feature, out_of_range)
                records[target.name] = track.records
                for number in numbers:
                    place = looking.places[number]
                    there = track.contig == genome.index(place.region.contig)
                    at = np.flatnonzero(there & (track.start < place.end) & (track.end > place.region.start))
                    columns = {"start": track.start[at], "end": track.end[at], "summit": track.summit[at]}
                    keys = {"view": np.full(len(at), number), "target": np.full(len(at), index)}
                    frames.append(pl.DataFrame(keys | columns, schema=PEAK_SCHEMA))
                advance()
        report_records("tracks", records)
    return pl.concat(frames).sort("view", "target", "start", "end", maintain_order=True)


def _manifest(looking: Looking, info: BundleManifest, entries: tuple[ViewEntry, ...]) -> ViewsManifest:
    table = looking.dataset.targets
    groups = {target.name: target.group for target in read_targets(table)} if table else {}
    digests = {name: genome.digest for name, genome in looking.genomes.items()}
    return ViewsManifest(
        run=info.run,
        bundle=UsedBundle(path=str(looking.bundle), run=info.run, digest=info.digest),
        dataset=looking.name,
        targets=info.targets,
        groups=tuple(groups.get(name, "") for name in info.targets),
        views=entries,
        provenance=provenance(digests | {str(looking.bundle): info.digest}, looking.predict.model_dump()),
    )
