"""A genome read for what labels need: names and lengths of contigs, and what the windows of its bins hold."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.data.regions.admission import contig_composition
from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.fasta_text import encoded_pieces


def read_composition(
    fasta: Path, bin: int, window: int
) -> tuple[Genome, tuple[NDArray[np.int32], NDArray[np.float32]]]:
    """Read a FASTA once, with one contig at a time in memory and nothing written.

    Returns
    -------
    genome : Genome
        Without its bases.
    composition : tuple of int32 and float32, shape (bins,)
        Of each bin's window, as `danq.data.regions.admission.window_composition` counts it.

    Raises
    ------
    DanqError
        If it is no FASTA of nucleotides, a contig comes twice or has no sequence.
    """
    if fasta.is_dir():
        raise DanqError(
            f"{fasta}: expected one FASTA file, received a directory; `cat` joins several, .gz too"
        )
    lengths = dict[str, int]()
    unknown, gc = list[NDArray[np.int32]](), list[NDArray[np.float32]]()

    def finish(name: str, codes: bytearray) -> None:
        if codes:
            lengths[name] = len(codes)
            of_contig = contig_composition(np.frombuffer(codes, np.uint8), bin, window)
            unknown.append(of_contig[0])
            gc.append(of_contig[1])

    name, codes = "", bytearray()
    for piece in encoded_pieces(fasta):
        if piece.header.name != name:
            finish(name, codes)
            name, codes = piece.header.name, bytearray()
        codes += piece.codes
    finish(name, codes)
    each = np.array(list(lengths.values()), np.int64)
    genome = Genome(fasta, tuple(lengths), np.cumsum(each) - each, each, (), "")
    return genome, (np.concatenate(unknown), np.concatenate(gc))
