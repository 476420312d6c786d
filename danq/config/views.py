"""Regions to look at, as a configuration names them: what is wrong with them, and which run looks at what."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from danq.config.expand import COMPOSITION
from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.fasta_text import Header, read_pieces
from danq.genome.intervals import Region, parse_region, read_regions
from danq.views.options import LONGEST, View, as_view

if TYPE_CHECKING:
    from danq.config import Config

log = logging.getLogger("danq")

_QUICKLY_READ = 200_000_000
"""Bytes of a FASTA that is read before any job, in about a second; a longer one needs its .fai for that."""


def view_problems(config: "Config") -> Iterator[str]:
    """Find regions that are none or too long, and runs that are not there or read no DNA."""
    for number, view in enumerate(map(as_view, config.views)):
        key = f"views.{number}"
        of_region = key if isinstance(config.views[number], str) else f"{key}.region"
        try:
            yield from _too_long(of_region, parse_region(view.region))
        except DanqError as error:
            yield f"{of_region}: {error}"
        yield from run_problems(config, f"{key}.runs", view.runs)
        if not view.runs and not runs_on_dna(config):
            yield f"{key}: expected a run on DNA that predicts it, received none"


def run_problems(config: "Config", key: str, runs: Sequence[str]) -> Iterator[str]:
    """Find, of runs that a key names, those that are not there, read no DNA, or are named again."""
    for place, run in enumerate(runs):
        dataset = config.datasets.get(config.runs[run].dataset) if run in config.runs else None
        if run not in config.runs:
            yield f"{key}.{place}: expected one of {', '.join(config.runs)}, received '{run}'"
        elif dataset is not None and dataset.kind != "dna":
            yield f"{key}.{place}: expected a run on DNA, received '{run}' on {dataset.kind}"
        elif run in runs[:place]:
            yield f"{key}.{place}: expected each run once, received '{run}' again"


def runs_on_dna(config: "Config") -> list[str]:
    """Names of the runs whose dataset is of DNA, but for those of base composition: it marks no place."""
    kinds = {name: dataset.kind for name, dataset in config.datasets.items()}
    return [
        name
        for name, run in config.runs.items()
        if kinds.get(run.dataset) == "dna" and run.model != COMPOSITION
    ]


def _too_long(key: str, region: Region) -> Iterator[str]:
    if region.end is not None and region.end - region.start > LONGEST:
        received = f"{region.end - region.start:,}"
        yield f"{key}: expected a region of at most {LONGEST:,} bp, received {received} bp"


def views_of(config: "Config", run: str) -> dict[str, View]:
    """Find the views of an expanded configuration that a run predicts, by their key."""
    views = {f"views.{number}": as_view(entry) for number, entry in enumerate(config.views)}
    all_runs = [] if all(view.runs for view in views.values()) else runs_on_dna(config)
    return {key: view for key, view in views.items() if run in (view.runs or all_runs)}


def callsets_viewed(config: "Config", run: str) -> list[str]:
    """Callsets of an expanded configuration around whose strongest variants a run predicts."""
    return [name for name, callset in config.callsets.items() if callset.views and run in callset.runs]


def genome_of_view(config: "Config", view: View) -> str:
    """Name of the genome that a view lies on."""
    return view.genome or next(iter(config.genomes))


def genomes_viewed(config: "Config", run: str) -> list[str]:
    """Name the genomes that a run looks at, each once."""
    names = [genome_of_view(config, view) for view in views_of(config, run).values()]
    names += [config.genome_of_callset(name) for name in callsets_viewed(config, run)]
    return list(dict.fromkeys(names))


def viewing_options(config: "Config", run: str) -> str:
    """Write down what the views of a run depend on: regions, numbers of places, how it predicts, peaks."""
    views = [view.model_dump_json(exclude={"runs"}) for view in views_of(config, run).values()]
    places = [f"{name} {config.callsets[name].views}" for name in callsets_viewed(config, run)]
    out_of_range = config.datasets[config.runs[run].dataset].out_of_range
    return "; ".join([*views, *places, config.runs[run].predict.model_dump_json(), out_of_range])


def viewing_runs(config: "Config") -> list[str]:
    """Name the runs of an expanded configuration that look at any region."""
    return [run for run in config.runs if views_of(config, run) or callsets_viewed(config, run)]


def misplaced_views(config: "Config") -> Iterator[str]:
    """Find regions that are not on their genome, where its contigs are quickly known."""
    contigs: dict[str, Genome | None] = {}
    for number, entry in enumerate(config.views):
        name = genome_of_view(config, as_view(entry))
        if name not in contigs:
            contigs[name] = _contigs(config.genome_source(name).fasta)
        if (genome := contigs[name]) is not None:
            try:
                placed_view(f"views.{number}", as_view(entry), genome)
            except DanqError as error:
                yield str(error)


def placed_view(key: str, view: View, genome: Genome) -> Region:
    """Find the region of a view on its genome, by the genome's name of the contig and with an end.

    Raises
    ------
    DanqError
        If it is no region of the genome, or too long; the message begins with `key`.
    """
    [region] = read_regions([view.region], genome, key)
    if problems := list(_too_long(key, region)):
        raise DanqError(problems[0])
    return region


def _contigs(fasta: Path) -> Genome | None:
    """Contigs of a FASTA without their bases; None where it would take long to know them."""
    index = fasta.with_name(f"{fasta.name}.fai")
    try:
        if fasta.stat().st_size <= _QUICKLY_READ:
            lengths = _read_lengths(fasta)
        elif index.is_file():
            lengths = _lengths_of_index(index.read_text(encoding="utf-8").splitlines())
        else:
            return None
    except (DanqError, OSError, ValueError):
        return None  # what is wrong with a FASTA is told by the job that reads all of it
    sizes = np.array(list(lengths.values()), np.int64)
    return Genome(fasta, tuple(lengths), np.cumsum(sizes) - sizes, sizes, (), "")


def _read_lengths(fasta: Path) -> dict[str, int]:
    name, lengths = "", dict[str, int]()
    for piece in read_pieces(fasta):
        if isinstance(piece, Header):
            name = piece.name
            lengths[name] = 0
        else:
            lengths[name] += len(piece.text) - piece.text.count(b"\n") - piece.text.count(b"\r")
    return lengths


def _lengths_of_index(lines: Iterable[str]) -> dict[str, int]:
    return {name: int(length) for name, length, *_ in (line.split("\t") for line in lines if line)}
