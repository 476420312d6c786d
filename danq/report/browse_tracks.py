"""What a page of igv.js shows of a results directory: parts of sequence, predictions, peaks and variants."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import polars as pl
import pysam

from danq.files import read_lines
from danq.genome.alphabet import LETTERS
from danq.genome.fasta import Genome
from danq.genome.intervals import union
from danq.genome.track_writer import write_bigwig
from danq.remnants import scratch
from danq.report.callsets import Callset
from danq.report.locus import signed_effect
from danq.report.plots import PALETTE
from danq.score.measures import EFFECT, TARGET
from danq.variants.text import quiet_htslib
from danq.views.manifest import Viewed
from danq.views.places import variants_in

_ROOM = 200
"""bp of sequence beside each region."""
_HEIGHT, _EFFECTS = 50, 80
"""Heights of tracks in px."""
_VCF_HEAD = ("##fileformat=VCFv4.3", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
Track = dict[str, Any]
"""A track as the configuration of igv.js has it, its data in a ``data:`` URI."""


class Stretch(NamedTuple):
    """A part of a contig, 0-based half-open in bp."""

    contig: str
    start: int
    end: int


def stretches(viewed: Iterable[Viewed], genome: Genome) -> list[Stretch]:
    """Unite the regions that were looked at, with some room beside them."""
    entries = [each.entry for each in viewed]
    contig = np.array([genome.index(entry.contig) for entry in entries], np.int32)
    start = np.array([max(entry.start - _ROOM, 0) for entry in entries], np.int64)
    end = np.minimum([entry.end + _ROOM for entry in entries], genome.lengths[contig])
    united = zip(*union(contig, start, end), strict=True)
    return [Stretch(genome.names[index], int(low), int(high)) for index, low, high in united]


def reference(genome: Genome, parts: Sequence[Stretch]) -> dict[str, Any]:
    """Give the sequence of parts of a genome, at their places on contigs of full length."""
    lines = []
    for part in parts:
        index = genome.index(part.contig)
        bases = genome.contig(index)[part.start : part.end]
        letters = np.frombuffer(LETTERS.encode(), np.uint8)[bases].tobytes().decode()
        length = int(genome.lengths[index])
        lines.append(f">{shown(part.contig)}:{part.start + 1}-{part.end} @len={length}\n{letters}\n")
    uri = _uri("".join(lines).encode())
    return {"id": "danq", "fastaURL": uri, "indexed": False, "wholeGenomeView": False}


def predictions(
    viewed: Sequence[Viewed], targets: Mapping[str, str], lengths: Mapping[str, int]
) -> list[Track]:
    """Write the predictions of one run as a bigWig a target; `targets` are their colours by name."""
    parts = []
    for each in viewed:
        chosen = [each.targets.index(name) for name in targets]
        start = np.floor(each.centre).astype(np.int64) - each.entry.stride // 2
        frame = pl.DataFrame({"start": np.maximum(start, 0), "end": start + each.entry.stride})
        values = (pl.Series(str(n), each.probabilities[:, t]) for n, t in enumerate(chosen))
        parts.append(frame.with_columns(*values, contig=pl.lit(each.entry.contig)))
    # regions may overlap: a place has one value, which ends where the next one begins
    rows = pl.concat(parts).sort("contig", "start", "end").unique(["contig", "start"], maintain_order=True)
    following = pl.col("start").shift(-1).over("contig")
    rows = rows.with_columns(pl.min_horizontal("end", following, pl.col("contig").replace_strict(lengths)))
    # a bin that reaches past a short contig may have its centre there, too
    rows = rows.filter(pl.col("end") > pl.col("start"))
    return [
        {
            "name": shown(f"{name} · {viewed[0].run}"),
            "type": "wig",
            "format": "bigwig",
            "url": _uri(_bigwig(rows.select("contig", "start", "end", str(number)), lengths)),
            "color": colour,
            "height": _HEIGHT,
            "min": 0,
            "max": max(0.05, float(rows[str(number)].max() or 0)),  # type: ignore[arg-type]
            "autoscale": False,
        }
        for number, (name, colour) in enumerate(targets.items())
    ]


def _bigwig(rows: pl.DataFrame, lengths: Mapping[str, int]) -> bytes:
    with scratch() as folder:
        path = folder / "track.bw"
        named = {shown(name): lengths[name] for name in sorted(rows["contig"].unique())}
        records = ((shown(contig), *record) for contig, *record in rows.iter_rows())
        write_bigwig(path, named, records)
        return path.read_bytes()


def peaks(viewed: Sequence[Viewed], targets: Mapping[str, str]) -> list[Track]:
    """Write the tracks' intervals, one BED a target; `targets` are their colours by name."""
    tracks = []
    for name, colour in targets.items():
        intervals = set[Stretch]()
        for each in viewed:
            if name in each.targets:
                here = each.peaks.filter(pl.col("target") == each.targets.index(name))
                starts, ends = here["start"].to_list(), here["end"].to_list()
                intervals |= {Stretch(each.entry.contig, *at) for at in zip(starts, ends, strict=True)}
        lines = [f"{shown(at.contig)}\t{at.start}\t{at.end}\n" for at in sorted(intervals)]
        if lines:
            tracks.append(
                {
                    "name": shown(f"{name} · track"),
                    "type": "annotation",
                    "format": "bed",
                    "url": _uri("".join(lines).encode()),
                    "color": colour,
                    "height": 30,
                    "displayMode": "SQUISHED",
                }
            )
    return tracks


def variants(callset: Callset, parts: Sequence[Stretch], targets: Sequence[str]) -> list[Track]:
    """Give a callset's effects as points and its alleles as VCF, from the annotated one where there is one.

    `targets` are those of its models.
    """
    points, records = [], []
    for part in parts:
        for row in variants_in(callset.path, *part, range(len(targets))).iter_rows(named=True):
            effect = signed_effect(row, targets)
            points.append((shown(part.contig), row["pos"] - 1, row["pos"], round(effect, 5)))
            info = f"danq_max_abs={row[EFFECT]:.5g};danq_max_target={quote(row[TARGET], safe='')}"
            allele = f"{row['id'] or '.'}\t{row['ref']}\t{row['alt']}"
            records.append(f"{shown(part.contig)}\t{row['pos']}\t{allele}\t.\t.\t{info}")
    if not points:
        return []
    # of alleles at one position the strongest
    strongest = {point[:2]: point for point in sorted(points, key=lambda point: abs(point[3]))}
    graph = "".join("\t".join(map(str, point)) + "\n" for point in sorted(strongest.values()))
    annotated = callset.path / "annotated.vcf.gz"
    lines = _annotated(callset, annotated, parts) if annotated.is_file() else [*_VCF_HEAD, *records]
    name, text = shown(callset.name), "".join(f"{line}\n" for line in lines)
    effects = {"name": f"{name} · effect", "type": "wig", "format": "bedgraph", "height": _EFFECTS}
    effects |= {"url": _uri(graph.encode()), "graphType": "points", "autoscale": True, "color": PALETTE[1]}
    alleles = {"name": f"{name} · variants", "type": "variant", "format": "vcf", "height": _EFFECTS}
    return [effects, alleles | {"url": _uri(text.encode()), "indexed": False}]


def _annotated(callset: Callset, path: Path, parts: Sequence[Stretch]) -> Iterator[str]:
    """Give the header and the lines within some parts of an annotated VCF, without samples."""
    renamed = callset.manifest.contigs.renamed
    for line in _lines(path, renamed, parts):
        if line.startswith("##"):
            yield line
            continue
        contig, *fields = line.split("\t")[:8]
        yield "\t".join([contig if contig == "#CHROM" else shown(renamed.get(contig, contig)), *fields])


def _lines(path: Path, renamed: Mapping[str, str], parts: Sequence[Stretch]) -> Iterator[str]:
    if any(path.with_name(path.name + suffix).is_file() for suffix in (".tbi", ".csi")):
        with quiet_htslib(), pysam.TabixFile(str(path), encoding="utf-8") as file:
            yield from file.header
            for part in parts:
                names = [name for name, own in renamed.items() if own == part.contig] or [part.contig]
                for name in set(names) & set(file.contigs):
                    for line in file.fetch(name, part.start, part.end):
                        # a long allele may reach into a part from before it
                        if int(line.split("\t", 2)[1]) > part.start:
                            yield line
        return
    for _, line in read_lines(path):
        fields = line.split("\t", 2)
        here = (renamed.get(fields[0], fields[0]), int(fields[1]) - 1) if line[:1] != "#" else None
        if here is None or any(p.contig == here[0] and p.start <= here[1] < p.end for p in parts):
            yield line


def shown(name: str) -> str:
    """Write a name for igv.js, which takes names for HTML and a colon for the end of a contig's name."""
    return name.translate(str.maketrans("<>:\t\n", "‹›_  "))


def _uri(data: bytes) -> str:
    return f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"
