"""The work directory of a scoring: finished parts that outlive an interruption, bound to their inputs."""

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from danq.errors import DanqError
from danq.files import atomic
from danq.score.scoring import PART

log = logging.getLogger("danq")

PREFIX = ".work-"
"""Begin of the name of a work directory; 12 letters of its digest follow."""

_DIGEST, _SECONDS = b"danq.work", b"danq.seconds"
_LETTERS = 12


@dataclass(frozen=True)
class Work:
    """Parts of `PART` records each, one Arrow file a part, present only when whole.

    Attributes
    ----------
    path : Path
        The directory; made when the first part is written.
    digest : str
        SHA-256 over everything the parts depend on; part of the directory's name and of each file.
    records : int
        Records of the input.
    """

    path: Path
    digest: str
    records: int

    @property
    def parts(self) -> int:
        """Number of parts."""
        return -(-self.records // PART)

    def share(self, shard: int, shards: int) -> range:
        """Parts of one shard: shard 1 to `shards` have consecutive parts, as equal in number as can be."""
        return range(self.parts * (shard - 1) // shards, self.parts * shard // shards)

    def records_of(self, part: int) -> int:
        """Count the records of a part."""
        return min(self.records, (part + 1) * PART) - part * PART

    def missing(self, wanted: Iterable[int]) -> list[int]:
        """Those of the wanted parts that are not finished."""
        return [part for part in wanted if not self._file(part).is_file()]

    @contextmanager
    def writing(self, part: int, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch, float], None]]:
        """Write a part, batch by batch, each with the seconds that it took.

        Raises
        ------
        DanqError
            If the directory cannot be written to or the disk is full.
        """
        schema = schema.with_metadata({_DIGEST: self.digest})
        with (
            atomic(self._file(part)) as partial,
            pa.OSFile(str(partial), "wb") as sink,
            pa.ipc.new_file(sink, schema) as writer,
        ):
            yield lambda batch, seconds: writer.write_batch(batch, {_SECONDS: repr(seconds)})

    def read(self, part: int) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Read the batches of a finished part, one at a time, each with the seconds that it took.

        Raises
        ------
        DanqError
            If it is damaged or of other work.
        """
        path = self._file(part)
        try:
            with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
                if (reader.schema.metadata or {}).get(_DIGEST) != self.digest.encode():
                    raise DanqError(f"{path}: a part of another scoring; remove it and score again")
                for number in range(reader.num_record_batches):
                    batch, metadata = reader.get_batch_with_custom_metadata(number)
                    yield batch, float(metadata[_SECONDS])
        except (pa.ArrowInvalid, FileNotFoundError) as error:
            raise DanqError(f"{path}: damaged ({error}); remove it and score again") from None

    def tidy(self) -> None:
        """Remove the directory where it holds no part, as after a refusal at the first one."""
        with suppress(OSError):
            self.path.rmdir()

    def remove(self) -> None:
        """Remove the directory, and the one it lies in where that is then empty."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    def _file(self, part: int) -> Path:
        return self.path / f"part-{part:06d}.arrow"


def open_work(directory: Path, digest: str, records: int) -> Work:
    """Find the work directory that belongs to a digest of inputs and options.

    Parameters
    ----------
    directory : Path
        Each digest has a directory of its own in it: parts of other inputs or options are never mixed in.
    digest : str
        SHA-256 over everything the parts depend on.
    records : int
        Records of the input.
    """
    path = directory / f"{PREFIX}{digest[:_LETTERS]}"
    for other in sorted(directory.glob(f"{PREFIX}*")):
        if other != path and other.is_dir():
            log.warning("%s: unfinished scoring of other inputs or options; not used, may be removed", other)
    return Work(path, digest, records)
