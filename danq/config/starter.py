"""A starter configuration for one's own data: from one FASTA and BED files to a file that runs as it is."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from danq.errors import DanqError, first_few
from danq.files import staged
from danq.genome.contigs import resolve_contigs
from danq.genome.encode import Header, read_pieces
from danq.genome.intervals import parse_region
from danq.genome.tracks import read_intervals

BIN = 200
_HELD_OUT = 0.1
"""Part of the genome that validates, and part that tests."""
_LARGEST_HELD_OUT = 0.2
"""A contig that is a larger part of the genome than this is not held out whole."""
_SMALL_GENOME_BP = 100_000_000
_MANY_TRACKS = 50
_SUFFIXES = (".gz", ".bed", ".narrowPeak", ".broadPeak")


def write_starter(
    fasta: Path, tracks: Sequence[Path], out: Path, valid: Sequence[str] = (), test: Sequence[str] = ()
) -> Path:
    """Write ``config.yaml`` and ``targets.tsv`` for a genome and its tracks of labelled regions.

    Parameters
    ----------
    fasta : Path
        The genome.
    tracks : sequence of Path
        BED, narrowPeak or broadPeak files, one target each; the target is named for the file.
    out : Path
        Directory of the two files, which must not exist yet.
    valid, test : sequence of str
        Contigs or regions of the two held-out parts; chosen by length where there are none.

    Returns
    -------
    Path
        The configuration.

    Raises
    ------
    DanqError
        If a file cannot be read, no contig of a track is one of the genome's, two tracks have one name,
        a given contig is unknown, or a file to write exists.
    """
    config, targets = out / "config.yaml", out / "targets.tsv"
    for path in (config, targets):
        if path.exists():
            raise DanqError(f"{path}: exists already; expected a directory without it")
    lengths = read_lengths(fasta)
    names = _target_names(tracks)
    for region in (*valid, *test):
        if parse_region(region).contig not in lengths:
            raise DanqError(f"--valid, --test: expected a contig of {fasta}, received {region!r}")
    parts = choose_parts(lengths, _tracks_on(tracks, lengths), list(valid), list(test))
    rows = [f"{name}\t{_from(track, out)}" for name, track in zip(names, tracks, strict=True)]
    with staged(out) as directory:
        (directory / targets.name).write_text("\n".join(["target\tpath", *rows]) + "\n", encoding="utf-8")
        text = _text(fasta, targets, lengths, parts, len(tracks))
        (directory / config.name).write_text(text, encoding="utf-8")
    return config


def read_lengths(fasta: Path) -> dict[str, int]:
    """Length in bp of each record of a FASTA, in its order and in one pass."""
    lengths = dict[str, int]()
    name = ""
    for piece in read_pieces(fasta):
        if isinstance(piece, Header):
            name = piece.name
            lengths[name] = 0
        else:
            lengths[name] += len(piece.text) - piece.text.count(b"\n") - piece.text.count(b"\r")
    return lengths


def choose_parts(
    lengths: Mapping[str, int], tracks_on: Mapping[str, int], valid: list[str], test: list[str]
) -> tuple[list[str], list[str]]:
    """Choose what validates and what tests: whole contigs of about a tenth of the genome each.

    Contigs on which most tracks have regions go first. Where one contig makes most of the genome, as in
    bacteria, the end of the longest contig is cut into two regions instead.

    Parameters
    ----------
    lengths : mapping of str to int
        Length in bp of each contig, in the order of the genome.
    tracks_on : mapping of str to int
        For each contig the number of tracks with regions on it.
    valid, test : list of str
        Contigs or regions that are fixed already; an empty list is filled.

    Returns
    -------
    tuple of two lists of str
        Contigs or regions that validate, and that test.

    Raises
    ------
    DanqError
        If no contig is left for one of them, or the genome is too short.
    """
    taken = {parse_region(region).contig for region in (*valid, *test)}
    largest = _LARGEST_HELD_OUT * sum(lengths.values())
    free = [
        name
        for name, length in lengths.items()
        if name not in taken and tracks_on[name] and length <= largest
    ]
    # tracks that have no region on a held-out contig could not be scored there
    free.sort(key=lambda name: -tracks_on[name])
    test_part = test or _about_a_tenth(lengths, tracks_on, free)
    valid_part = valid or _about_a_tenth(lengths, tracks_on, [name for name in free if name not in test_part])
    if test_part and valid_part:
        return valid_part, test_part
    if valid or test:
        raise DanqError("--valid, --test: no further contig is fit to be held out; expected both to be given")
    return _ends(lengths)


def _about_a_tenth(
    lengths: Mapping[str, int], tracks_on: Mapping[str, int], candidates: list[str]
) -> list[str]:
    aim = _HELD_OUT * sum(lengths.values())
    most = max((tracks_on[name] for name in candidates), default=0)
    pool = [name for name in candidates if tracks_on[name] >= 0.9 * most]
    part, total = set[str](), 0
    while pool and total < 0.7 * aim:
        nearest = min(pool, key=lambda name: abs(lengths[name] - (aim - total)))
        pool.remove(nearest)
        part.add(nearest)
        total += lengths[nearest]
    return [name for name in lengths if name in part] if total >= 0.3 * aim else []


def _ends(lengths: Mapping[str, int]) -> tuple[list[str], list[str]]:
    genome = sum(lengths.values())
    name = max(lengths, key=lengths.__getitem__)
    length = lengths[name]
    size = int(min(_HELD_OUT * genome, 0.2 * length)) // BIN * BIN
    if size < 10 * BIN:
        raise DanqError(f"the genome is too short to hold parts of it out: {genome:,} bp")
    first, second = length // BIN * BIN - 2 * size, length // BIN * BIN - size
    return [f"{name}:{first + 1}-{second}"], [f"{name}:{second + 1}-{length}"]


def _target_names(tracks: Sequence[Path]) -> list[str]:
    names = dict[str, Path]()
    for track in tracks:
        if {suffix.lower() for suffix in track.suffixes} & {".gff", ".gff3", ".gtf"}:
            raise DanqError(
                f"{track}: expected BED, narrowPeak or broadPeak; name a GFF3 in targets.tsv instead"
            )
        name = track.name
        for suffix in _SUFFIXES:
            name = name.removesuffix(suffix)
        if name in names:
            raise DanqError(
                f"{track}: target {name!r} is that of {names[name]} already; targets must be unique"
            )
        names[name] = track
    return list(names)


def _tracks_on(tracks: Sequence[Path], lengths: Mapping[str, int]) -> dict[str, int]:
    """For each contig the number of tracks with regions on it."""
    contigs = tuple(lengths)
    tracks_on = dict.fromkeys(contigs, 0)
    for track in tracks:
        intervals = read_intervals(track)
        index = resolve_contigs(intervals.names, contigs, str(track)).index
        if not index:
            raise DanqError(
                f"{track}: expected contigs such as {', '.join(contigs[:3])}, "
                f"received {first_few(intervals.names, 3) or 'no region'}"
            )
        for contig in set(index.values()):
            tracks_on[contigs[contig]] += 1
    return tracks_on


def _from(track: Path, out: Path) -> str:
    return str(track) if track.is_absolute() else os.path.relpath(track.resolve(), out.resolve())


def _text(
    fasta: Path, targets: Path, lengths: Mapping[str, int], parts: tuple[list[str], list[str]], tracks: int
) -> str:
    genome = re.sub(r"[^A-Za-z0-9_.-]", "_", fasta.name.removesuffix(".gz").rpartition(".")[0] or fasta.name)
    valid, test = parts
    small = sum(lengths.values()) <= _SMALL_GENOME_BP
    return _TEMPLATE.format(
        genome=json.dumps(genome.lstrip(".-") or "genome"),
        fasta=json.dumps(str(fasta)),
        targets=json.dumps(str(targets)),
        bin=BIN,
        keep=_keep(small, tracks),
        valid=json.dumps(valid),
        test=json.dumps(test),
        valid_part=f"{_share(lengths, valid):.0%}",
        test_part=f"{_share(lengths, test):.0%}",
        run=_SMALL_RUN if small else _LARGE_RUN,
    )


def _keep(small: bool, tracks: int) -> str:
    if small:
        return "all                              # all training bins: the genome is small"
    if tracks < _MANY_TRACKS:
        return "{negatives_per_positive: 1.0, match: gc}   # training bins: positives and as many others"
    return "positive                         # training bins with at least one target"


def _share(lengths: Mapping[str, int], part: Sequence[str]) -> float:
    """Share of the genome that contigs or regions make up."""
    regions = [parse_region(text) for text in part]
    return sum((r.end or lengths[r.contig]) - r.start for r in regions) / sum(lengths.values())


_TEMPLATE = """\
# Written by `danq init`; every key is explained in config/README.md of danq.
# Check it with `danq config check THIS_FILE`, run it with `snakemake --cores all --configfile THIS_FILE`.
# Paths are relative to the directory where snakemake runs.
genomes:
  {genome}: {fasta}

datasets:
  regions:
    targets: {targets}
    window: 1000                           # bp seen by the model
    bin: {bin}                               # bp at its centre that are labelled
    min_overlap: 0.5                       # a bin is positive if more than this part of it is covered
    keep: {keep}
    split:                                 # whole contigs or regions; the rest trains
      valid: {valid}   # {valid_part} of the genome; decides when training stops
      test: {test}   # {test_part} of the genome; the report's figures

runs:
{run}
  kmer_logistic:                           # the baseline that a network has to beat
    model: kmer_logistic
    dataset: regions
"""

_SMALL_RUN = """\
  danq:                                    # a small DanQ: a small genome has few examples to learn from
    model: danq
    dataset: regions
    options: {filters: 96, kernel: 15, pool: 15, units: 48, dense: 96}
    train:
      optimizer: adam
      learning_rate: 0.002
      epochs: 12                           # passes over the training bins at most
      patience: 3
      reverse_complement: augment          # each bin is read on a random strand
"""

_LARGE_RUN = """\
  danq:                                    # DanQ as published
    model: danq
    dataset: regions
    train: {reverse_complement: augment, require_gpu: false}   # true: fail at once where there is no GPU
"""
