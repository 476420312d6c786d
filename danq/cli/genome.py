"""``danq genome``: a FASTA becomes a genome directory."""

import logging
import time
from pathlib import Path
from typing import Annotated

import typer

from danq.cli.options import Receipt, ShardText, work_option
from danq.errors import DanqError
from danq.files import check_regular
from danq.parts import read_shard

log = logging.getLogger("danq")


def genome(
    fasta: Annotated[Path, typer.Argument(help="Plain, gzip or bgzip FASTA; it is only read.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the result: codes.npy, contigs.tsv, iupac.npy, genome.json; not needed with "
            "--shard."
        ),
    ] = None,
    work: Annotated[Path | None, work_option("none: an interrupted encoding begins anew")] = None,
    shard: ShardText = None,
    receipt: Receipt = None,
) -> None:
    """Encode a FASTA as one byte a base, so that later steps map it into memory instead of reading it.

    Soft-masked (lower-case) letters are read as their bases, IUPAC ambiguity letters as N; both are counted.
    """
    from danq.genome.encode import build_genome
    from danq.genome.encode_parts import encode_in_parts

    part = read_shard(shard, receipt, work)
    if out is None and part is None:
        raise DanqError("--out: expected a directory, received nothing")
    check_regular(fasta)
    started = time.monotonic()
    if work is not None:
        manifest = encode_in_parts(fasta, out, work, part, receipt)
    elif out is not None:
        manifest = build_genome(fasta, out)
    if manifest is None:
        return
    log.info(
        "%s: %s contigs, %s bp (%s soft-masked, %s IUPAC letters read as N) in %.1f s",
        out,
        f"{len(manifest.contigs):,}",
        f"{manifest.length:,}",
        f"{manifest.soft_masked:,}",
        f"{manifest.iupac_to_n:,}",
        time.monotonic() - started,
    )
