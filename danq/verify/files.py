"""Files compared with the digests that were noted when they were written, block by block."""

import hashlib
import json
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from danq.capsule.manifest import CapsuleManifest
from danq.checks import Check
from danq.errors import DanqError
from danq.files import read_json_text
from danq.genome.fasta import GenomeManifest, contigs_table
from danq.npz import read_header
from danq.storage import SEAL, Manifest, sealed

Advance = Callable[[float], object]
"""Count bytes that were read."""
_BLOCK = 8 << 20
_OLD = "an earlier release wrote it, without a digest of its own"
_DAMAGED = "its SHA-256 is not the one that was noted when it was written"


class UnreadableError(Exception):
    """A file that cannot be compared, with the check that says so."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.reason)
        self.check = check


def file_digest(path: Path, advance: Advance) -> str:
    """Hexadecimal SHA-256 of a file, read block by block.

    Raises
    ------
    UnreadableError
        If it is missing, no file, may not be read, or goes while it is read.
    """
    with opened(path) as stream:
        return _part_digest(stream, None, advance)


def _part_digest(stream: BinaryIO, size: int | None, advance: Advance) -> str:
    """SHA-256 of the next bytes of a stream, so many or all."""
    total, left = hashlib.sha256(), size
    while block := stream.read(_BLOCK if left is None else min(_BLOCK, left)):
        total.update(block)
        advance(len(block))
        left = None if left is None else left - len(block)
    return total.hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to compare it; whatever the system says against it becomes `UnreadableError`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableError(Check(path, "damaged", reason="expected a file, found something else"))
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        leads = ", but a link that leads nowhere" if path.is_symlink() else ""
        raise UnreadableError(Check(path, "damaged", reason=f"missing: no such file{leads}")) from None
    except OSError as error:
        status = "unknown" if isinstance(error, PermissionError) else "damaged"
        raise UnreadableError(Check(path, status, reason=f"not readable ({error.strerror})")) from None


def refused(path: Path, error: DanqError, status: str = "damaged") -> Check:
    """Say why a file could not be read."""
    return Check(path, status, reason=str(error).removeprefix(f"{path}: "))


def check_file(path: Path, expected: str, advance: Advance) -> Check:
    """Compare a file with its SHA-256."""
    try:
        whole = file_digest(path, advance) == expected
    except UnreadableError as error:
        return error.check
    return Check(path, "intact") if whole else Check(path, "damaged", reason=_DAMAGED)


def check_manifest(kind: type[Manifest], path: Path) -> tuple[Check, Manifest | None]:
    """Read a manifest, comparing it with the digest of its own content; None where it cannot be read."""
    try:
        with opened(path):
            manifest = kind.read(path.parent)
        value = json.loads(read_json_text(path))
    except UnreadableError as error:
        return error.check, None
    except DanqError as error:
        return refused(path, error, "unknown" if _other_version(path, kind) else "damaged"), None
    if SEAL not in value:
        return Check(path, "unknown", reason=_OLD), manifest
    return Check(path, "intact"), manifest


def _other_version(path: Path, kind: type[Manifest]) -> bool:
    """Whether it is a manifest of another release, whole as that one wrote it as far as can be told."""
    try:
        value = json.loads(read_json_text(path))
    except (DanqError, ValueError, RecursionError):
        return False
    version = value.get("format_version") if isinstance(value, dict) else None
    whole = isinstance(value, dict) and (SEAL not in value or value == sealed(value))
    return whole and type(version) is int and version not in (kind.VERSION, *kind.ALSO)


def listed(manifest: Manifest) -> dict[str, str]:
    """SHA-256 of the files beside a manifest, of a capsule those below it, by their names."""
    if isinstance(manifest, CapsuleManifest):
        return dict(manifest.files)
    outputs = getattr(manifest, "provenance", {}).get("outputs", {})
    if not isinstance(outputs, dict):
        return {}
    return {name: str(value) for name, value in outputs.items() if Path(name).name == name}


def check_contigs(path: Path, manifest: GenomeManifest, advance: Advance) -> Check:
    """Compare the table of a genome's contigs with its manifest."""
    offsets = list(accumulate((contig.length for contig in manifest.contigs), initial=0))[:-1]
    table = contigs_table(manifest.contigs, offsets)
    return check_file(path, hashlib.sha256(table.encode()).hexdigest(), advance)


def check_codes(path: Path, manifest: GenomeManifest, advance: Advance) -> Check:
    """Compare the codes of a genome contig by contig."""
    try:
        with opened(path) as stream:
            wrong = _wrong_contig(stream, manifest, advance)
    except UnreadableError as error:
        return error.check
    return Check(path, "damaged", reason=wrong) if wrong else Check(path, "intact")


def _wrong_contig(stream: BinaryIO, manifest: GenomeManifest, advance: Advance) -> str:
    try:
        shape, _, dtype = read_header(stream)
    except (ValueError, EOFError) as error:
        return f"no NumPy array ({error})"
    if dtype != "uint8" or shape != (sum(contig.length for contig in manifest.contigs),):
        return f"{dtype} of shape {shape} are not the codes of its contigs"
    for contig in manifest.contigs:
        if _part_digest(stream, contig.length, advance) != contig.digest:
            return f"in {contig.name}: {_DAMAGED}"
    return "longer than its contigs" if stream.read(1) else ""
