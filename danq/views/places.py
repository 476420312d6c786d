"""Where a run looks: regions of the configuration, and the surroundings of a callset's strongest variants."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from danq.errors import DanqError, printable
from danq.genome.fasta import Genome
from danq.genome.intervals import Region
from danq.parquet import check_parquet, refusing_damage
from danq.score.manifest import ScoresManifest
from danq.score.measures import EFFECT, TARGET, column_of
from danq.views.options import FLANK

NAMES = ("row", "allele", "contig", "pos", "id", "ref", "alt", "sample", "haplotype")
"""Columns that say which allele a row is about; the last two with samples only."""

_LOOKED_THROUGH = 5_000
"""Strongest alleles among which places are sought: those of one place stand close together."""


@dataclass(frozen=True)
class Place:
    """What is looked at: its key, title, genome's name, region (0-based half-open), callset if any."""

    key: str
    title: str
    genome: str
    region: Region
    callset: str | None = None

    @property
    def end(self) -> int:
        """End of the region, which has one: `read_regions` gives a number to every end."""
        return self.region.end or 0


def open_scores(folder: Path) -> pq.ParquetFile:
    """Open the table in a directory of scores, of which no more than a row group is to be read at a time.

    Raises
    ------
    DanqError
        If it is missing or damaged, would take too much memory, or lacks a column of every such table.
    """
    path = folder / "scores.parquet"
    if not path.exists():
        raise DanqError(f"{path}: no such file; {folder} holds no scores")
    check_parquet(path, by_group=True)
    with refusing_damage(path, "Parquet table"):
        file = pq.ParquetFile(path)
    _check_columns(path, file.schema_arrow)
    return file


def _check_columns(path: Path, schema: pa.Schema) -> None:
    kinds = dict.fromkeys(("row", "allele", "pos"), pa.types.is_integer)
    kinds |= dict.fromkeys(("contig", "ref", "alt"), _is_text)
    if EFFECT in schema.names:
        kinds |= {EFFECT: pa.types.is_floating, TARGET: _is_text}
    kinds |= {name: pa.types.is_floating for name in schema.names if "__" in name}
    for name, fits in kinds.items():
        if schema.names.count(name) != 1 or not fits(schema.field(name).type):
            received = schema.field(name).type if schema.names.count(name) == 1 else "none, or several"
            raise DanqError(f"{path}: expected a column {printable(name)} of scores, received {received}")


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def strongest_places(folder: Path, callset: str, name: str, genome: Genome, most: int) -> list[Place]:
    """Find where the strongest variants of a callset lie, the strongest first.

    A place reaches `FLANK` bp before and behind a variant's reference allele; further variants within it are
    no places of their own.

    Parameters
    ----------
    folder : Path
        Directory of the scores.
    name, genome : str, Genome
        The genome that they lie on.
    most : int
        Places at most.

    Raises
    ------
    DanqError
        If the scores are damaged.
    """
    manifest = ScoresManifest.read(folder)
    manifest.check(folder, "scores.parquet")
    with open_scores(folder) as file:
        if EFFECT not in file.schema_arrow.names:
            return []
    with refusing_damage(folder / "scores.parquet", "Parquet table"):
        table = pl.scan_parquet(folder / "scores.parquet")
        ranked = table.filter(pl.col(EFFECT) > 0).sort(
            EFFECT, "row", "allele", descending=[True, False, False]
        )
        top = ranked.select("contig", "pos", "ref", "alt").head(_LOOKED_THROUGH).collect(engine="streaming")
    renamed = manifest.contigs.renamed
    places: list[Place] = []
    for given, pos, ref, alt in top.iter_rows():
        contig = renamed.get(given, given)
        inside = (p.region.contig == contig and p.region.start < pos <= p.end for p in places)
        if len(places) == most:
            break
        if not any(inside):
            length = int(genome.lengths[genome.index(contig)])
            region = Region(
                contig, max(pos - 1 - FLANK, 0), min(pos - 1 + min(len(ref), FLANK) + FLANK, length)
            )
            title = f"{callset}: {given}:{pos} {shortened(ref)}>{shortened(alt)}"
            places.append(Place(f"callsets.{callset}", title, name, region, callset))
    return places


def variants_in(folder: Path, contig: str, start: int, end: int, targets: Iterable[int]) -> pl.DataFrame:
    """Read the scored alleles of a region.

    Parameters
    ----------
    folder : Path
        Directory of the scores.
    contig, start, end : str, int, int
        By the genome's name; 0-based half-open in bp. An allele lies where its first reference base does.
    targets : iterable of int
        Numbers of targets whose measures are wanted.

    Returns
    -------
    DataFrame
        The columns `NAMES` that there are, the largest effect and its target, and those of the wanted
        targets' p_ref, p_alt and logit_diff that were written, in the order of the input.

    Raises
    ------
    DanqError
        If the scores are damaged.
    """
    manifest = ScoresManifest.read(folder)
    names = [given for given, own in manifest.contigs.renamed.items() if own == contig] or [contig]
    by_index = dict(zip(manifest.target_index, manifest.targets, strict=True))
    measures = ("p_ref", "p_alt", "logit_diff")
    wanted = [column_of(t, by_index[t], m) for t in targets if t in by_index for m in measures]
    with open_scores(folder) as file:
        there = set(file.schema_arrow.names)
    if EFFECT not in there:
        return pl.DataFrame({"contig": []})
    with refusing_damage(folder / "scores.parquet", "Parquet table"):
        table = pl.scan_parquet(folder / "scores.parquet")
        here = pl.col("contig").is_in(names) & pl.col("pos").is_between(start + 1, end)
        kept = [column for column in (*NAMES, EFFECT, TARGET, *wanted) if column in there]
        rows = table.filter(here).select(kept).collect(engine="streaming")
    return rows.drop_nulls(EFFECT).sort("row", "allele", maintain_order=True)


def shortened(bases: str, most: int = 12) -> str:
    """Write an allele, a long one by its first bases and its length."""
    return bases if len(bases) <= most else f"{bases[: most - 4]}…({len(bases):,} bp)"
