"""``danq ism``: what every single-base change of a region does to a model's predictions."""

from pathlib import Path
from typing import Annotated

import typer

from danq.cli import options
from danq.errors import DanqError
from danq.score.options import ScoreOptions


def ism(
    model: options.Models,
    genome: options.GenomeOrFasta,
    out: Annotated[Path, typer.Option(help="Directory of the results.")],
    region: Annotated[
        list[str] | None, typer.Option(help="Region `chr7:1,001-2,000` (1-based); may be repeated.")
    ] = None,
    bed: Annotated[Path | None, typer.Option(help="BED or narrowPeak file of regions.")] = None,
    vcf: Annotated[
        Path | None, typer.Option(help="VCF, BCF or TSV of alleles whose surroundings are mutated.")
    ] = None,
    flank: Annotated[
        int | None,
        typer.Option(min=0, help="With --vcf: bp on both sides of each allele.  [default: 20]"),
    ] = None,
    deletions: Annotated[bool, typer.Option("--deletions", help="Also delete each base.")] = False,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            help="Write and draw this target only; may be repeated.  [default: all are written, and the 3 "
            "with the largest effect in a region drawn]",
        ),
    ] = None,
    strands: options.Strands = None,
    format: options.TableFormat = "parquet",
    track_format: options.TrackFormat = "bigwig",
    aliases: options.Aliases = None,
    batch_size: options.BatchSize = None,
    trust_model_code: options.Trusted = None,
    require_signature: options.Signers = None,
    threads: options.Threads = None,
) -> None:
    """Mutate every base of regions: a table, a track of each target, heat maps with sequence logos.

    A region is cut into equal pieces of at most the model's bin or half its window, whichever is longer.
    All mutants of a piece are compared with the reference in the one window centred on it, so that the
    work they have in common is shared exactly. The numbers are therefore those of that window, not of a
    window centred on each change: for these, use `danq score`. All differences are ALT minus REF.
    """
    if sum(map(bool, (region, bed, vcf))) != 1:
        raise DanqError("expected exactly one of --region, --bed and --vcf")
    if flank is not None and vcf is None:
        raise DanqError("--flank: belongs to --vcf")

    from danq.explain.ism import IsmOptions, mutate_regions
    from danq.explain.regions import regions_of_bed, regions_of_texts, regions_of_variants
    from danq.genome.indexed import open_genome_or_fasta
    from danq.learn.export import opened_bundles
    from danq.score.models import read_models

    score = ScoreOptions(**options.on_command_line(strands=strands, targets=target, batch_size=batch_size))
    opened = open_genome_or_fasta(genome)
    trusted = trust_model_code or []
    with opened_bundles(model, require_signature, trusted) as bundles:
        models = read_models(bundles, opened, score, threads, trusted, model)
        if bed is not None:
            regions = regions_of_bed(bed, opened, aliases)
        elif vcf is not None:
            bases = 20 if flank is None else flank
            regions = regions_of_variants(vcf, opened, models.window, bases, aliases)
        else:
            regions = regions_of_texts(region or [], opened, aliases)
        mutate_regions(models, regions, IsmOptions(score, deletions, format, track_format), out)
