"""``danq genome``: a FASTA becomes a genome directory."""

import logging
import time
from pathlib import Path
from typing import Annotated

import typer

log = logging.getLogger("danq")


def genome(
    fasta: Annotated[Path, typer.Argument(help="Plain, gzip or bgzip FASTA; it is only read.")],
    out: Annotated[
        Path, typer.Option(help="Directory of the result: codes.npy, contigs.tsv, iupac.npy, genome.json.")
    ],
) -> None:
    """Encode a FASTA as one byte a base, so that later steps map it into memory instead of reading it.

    Soft-masked (lower-case) letters are read as their bases, IUPAC ambiguity letters as N; both are counted.
    """
    from danq.genome.encode import build_genome

    started = time.monotonic()
    manifest = build_genome(fasta, out)
    log.info(
        "%s: %s contigs, %s bp (%s soft-masked, %s IUPAC letters read as N) in %.1f s",
        out,
        f"{len(manifest.contigs):,}",
        f"{manifest.length:,}",
        f"{manifest.soft_masked:,}",
        f"{manifest.iupac_to_n:,}",
        time.monotonic() - started,
    )
