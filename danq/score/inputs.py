"""Genomes and variants however the user gives them: a FASTA instead of a directory, standard input."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.indexed import open_genome_or_fasta

STANDARD_INPUT = "-"


@contextmanager
def opened_genome(path: Path) -> Iterator[Genome]:
    """Open an encoded genome or a FASTA, as `danq.genome.indexed.open_genome_or_fasta` does."""
    yield open_genome_or_fasta(path)


@contextmanager
def regular_file(path: Path) -> Iterator[tuple[Path, str]]:
    """Give a file that can be read more than once, and what to call it.

    Parameters
    ----------
    path : Path
        A file, or ``-`` for standard input, which is copied into a temporary file.

    Yields
    ------
    Path, str
        The file; its name for messages.
    """
    if str(path) != STANDARD_INPUT:
        yield path, str(path)
        return
    with tempfile.TemporaryDirectory(prefix="danq-") as folder:
        copy = Path(folder) / "standard-input"
        with copy.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        try:
            yield copy, "standard input"
        except DanqError as error:
            # the copy's path would say nothing to the user
            raise DanqError(str(error).replace(str(copy), "standard input")) from error
