"""A starter configuration for one's own data: from one FASTA and BED files to a file that runs as it is."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from danq.errors import DanqError, first_few
from danq.files import staged
from danq.genome.contigs import resolve_contigs
from danq.genome.fasta_text import Header, read_pieces
from danq.genome.intervals import parse_region, read_intervals

BIN = 200
_HELD_OUT = 0.1
"""Part of the genome that validates, and part that tests."""
_LARGEST_HELD_OUT = 0.2
"""A contig that is a larger part of the genome than this is not held out whole."""
_SMALL_GENOME_BP = 100_000_000
_MANY_TRACKS = 50
_SUFFIXES = (".gz", ".bed", ".narrowPeak", ".broadPeak")


@dataclass(frozen=True)
class Contigs:
    """Contigs of a FASTA in its order: names, and lengths in bp."""

    names: tuple[str, ...]
    lengths: tuple[int, ...]

    @property
    def total(self) -> int:
        """Length of the genome in bp."""
        return sum(self.lengths)


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
    contigs = read_contigs(fasta)
    names = _target_names(tracks)
    seen = _contigs_with_regions(tracks, contigs)
    for text in (*valid, *test):
        if parse_region(text).contig not in contigs.names:
            raise DanqError(f"--valid, --test: expected a contig of {fasta}, received {text!r}")
    parts = choose_parts(contigs, seen, list(valid), list(test))
    rows = [f"{name}\t{_from(track, out)}" for name, track in zip(names, tracks, strict=True)]
    with staged(out) as directory:
        (directory / targets.name).write_text("\n".join(["target\tpath", *rows]) + "\n", encoding="utf-8")
        (directory / config.name).write_text(
            _text(fasta, targets, contigs, parts, len(tracks)), encoding="utf-8"
        )
    return config


def read_contigs(fasta: Path) -> Contigs:
    """Names and lengths (bp) of a FASTA's records, in one pass."""
    lengths = dict[str, int]()
    name = ""
    for piece in read_pieces(fasta):
        if isinstance(piece, Header):
            name = piece.name
            lengths[name] = 0
        else:
            lengths[name] += len(piece.text) - piece.text.count(b"\n") - piece.text.count(b"\r")
    return Contigs(tuple(lengths), tuple(lengths.values()))


def choose_parts(
    contigs: Contigs, seen: Sequence[int], valid: list[str], test: list[str]
) -> tuple[list[str], list[str]]:
    """Choose what validates and what tests: whole contigs of about a tenth of the genome each.

    Contigs on which most tracks have regions go first. Where one contig makes most of the genome, as in
    bacteria, the end of the longest contig is cut into two regions instead.

    Parameters
    ----------
    contigs : Contigs
        The genome.
    seen : sequence of int
        For each contig the number of tracks with regions on it.
    valid, test : list of str
        Contigs or regions that are given; an empty list is filled.

    Returns
    -------
    tuple of two lists of str
        Contigs or regions that validate, and that test.
    """
    taken = {parse_region(text).contig for text in (*valid, *test)}
    candidates = [
        index
        for index, name in enumerate(contigs.names)
        if name not in taken and seen[index] and contigs.lengths[index] <= _LARGEST_HELD_OUT * contigs.total
    ]
    # tracks that have no region on a held-out contig could not be scored there
    candidates.sort(key=lambda index: -seen[index] / max(seen))
    chosen = dict[str, list[str]]()
    for part, given in (("test", test), ("valid", valid)):
        chosen[part] = given or _about_a_tenth(contigs, seen, candidates)
        candidates = [index for index in candidates if contigs.names[index] not in chosen[part]]
    if chosen["test"] and chosen["valid"]:
        return chosen["valid"], chosen["test"]
    if valid or test:
        raise DanqError("--valid, --test: no further contig is fit to be held out; expected both to be given")
    return _ends(contigs)


def _about_a_tenth(contigs: Contigs, seen: Sequence[int], candidates: list[int]) -> list[str]:
    aim = _HELD_OUT * contigs.total
    best = max((seen[index] for index in candidates), default=0)
    pool = [index for index in candidates if seen[index] >= 0.9 * best]
    chosen, length = list[int](), 0
    while pool and length < 0.7 * aim:
        nearest = min(pool, key=lambda index: abs(contigs.lengths[index] - (aim - length)))
        pool.remove(nearest)
        chosen.append(nearest)
        length += contigs.lengths[nearest]
    return [contigs.names[index] for index in sorted(chosen)] if length >= 0.3 * aim else []


def _ends(contigs: Contigs) -> tuple[list[str], list[str]]:
    longest = int(np.argmax(contigs.lengths))
    name, length = contigs.names[longest], contigs.lengths[longest]
    size = int(min(_HELD_OUT * contigs.total, 0.2 * length)) // BIN * BIN
    if size < 10 * BIN:
        raise DanqError(f"the genome is too short to hold parts of it out: {contigs.total:,} bp")
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


def _contigs_with_regions(tracks: Sequence[Path], contigs: Contigs) -> list[int]:
    seen = [0] * len(contigs.names)
    for track in tracks:
        intervals = read_intervals(track)
        found = resolve_contigs(intervals.names, contigs.names, str(track))
        if not found.index:
            raise DanqError(
                f"{track}: expected contigs such as {first_few(contigs.names, 3)}, "
                f"received {first_few(intervals.names, 3) or 'no region'}"
            )
        for index in set(found.index.values()):
            seen[index] += 1
    return seen


def _from(track: Path, out: Path) -> str:
    return str(track) if track.is_absolute() else os.path.relpath(track.resolve(), out.resolve())


def _text(
    fasta: Path, targets: Path, contigs: Contigs, parts: tuple[list[str], list[str]], tracks: int
) -> str:
    genome = re.sub(r"[^A-Za-z0-9_.-]", "_", fasta.name.removesuffix(".gz").rpartition(".")[0] or fasta.name)
    valid, test = (json.dumps(part) for part in parts)
    small = contigs.total <= _SMALL_GENOME_BP
    return _TEMPLATE.format(
        genome=json.dumps(genome.lstrip(".-") or "genome"),
        fasta=json.dumps(str(fasta)),
        targets=json.dumps(str(targets)),
        bin=BIN,
        keep=_keep(small, tracks),
        valid=valid,
        test=test,
        valid_part=f"{_part(contigs, parts[0]):.0%}",
        test_part=f"{_part(contigs, parts[1]):.0%}",
        run=_SMALL_RUN if small else _LARGE_RUN,
    )


def _keep(small: bool, tracks: int) -> str:
    if small:
        return "all                              # all training bins: the genome is small"
    if tracks < _MANY_TRACKS:
        return "{negatives_per_positive: 1.0, match: gc}   # training bins: positives and as many others"
    return "positive                         # training bins with at least one target"


def _part(contigs: Contigs, parts: Sequence[str]) -> float:
    length = dict(zip(contigs.names, contigs.lengths, strict=True))
    regions = [parse_region(text) for text in parts]
    return sum((r.end or length[r.contig]) - r.start for r in regions) / contigs.total


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
