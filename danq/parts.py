"""Work cut into parts that outlive an interruption: one file a part, in a directory that shards share."""

import logging
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from danq.errors import DanqError, counted, first_few
from danq.files import check_writable, published, write_json
from danq.jobs import check_claim, made, refuse_claimed, sole_writer, writing
from danq.progress import telling_where_stopped
from danq.provenance import provenance
from danq.remnants import scratch

log = logging.getLogger("danq")

_PREFIX, _LETTERS = ".work-", 12
_SHARD = re.compile(r"([1-9]\d{0,8})/([1-9]\d{0,8})")
_CUT = ".cut-into-"


class Shard(NamedTuple):
    """One of some jobs that share work: its number, from 1 on, and how many there are."""

    number: int
    shards: int

    def share(self, parts: int) -> range:
        """Numbers of its parts, of so many in all: consecutive ones, as equal in number as can be."""
        return range(parts * (self.number - 1) // self.shards, parts * self.number // self.shards)

    def __str__(self) -> str:
        return f"{self.number}/{self.shards}"


def read_shard(text: str | None, receipt: Path | None, place: Path | None) -> Shard | None:
    """Read ``--shard``, which needs a `place` for what is done; None where there is none.

    Raises
    ------
    DanqError
        If it is no I/N with I from 1 to N, has no place, or a receipt is asked for without one or where it
        cannot be written.
    """
    if text is None:
        if receipt is not None:
            raise DanqError("--receipt: belongs to --shard")
        return None
    match = _SHARD.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise DanqError(f"--shard: expected I/N with I from 1 to N, such as 2/8; received {text!r}")
    if place is None:
        raise DanqError("--shard: expected --work DIR with it")
    if receipt is not None:
        # before long work, not after it
        check_writable(receipt.parent)
    return Shard(int(match[1]), int(match[2]))


def key_of_part(digest: str, part: int) -> str:
    """Tell a part of the work of a digest from all others."""
    return f"{digest} {part}"


@dataclass(frozen=True, eq=False)
class Parts:
    """So many parts of the work of a digest, in a directory; the file of each is present only when whole."""

    path: Path
    digest: str
    number: int

    def file(self, part: int) -> Path:
        """Where a finished part lies."""
        return self.path / f"part-{part:06d}.arrow"

    def key(self, part: int) -> str:
        """Say what the file of a part is bound to: the work, and its own number."""
        return key_of_part(self.digest, part)

    def missing(self, parts: Iterable[int]) -> list[int]:
        """Those of some parts that are not finished."""
        return [part for part in parts if not self.file(part).is_file()]

    def left(self) -> list[int]:
        """Parts that are not finished when all are to be put together; shards that lack some are named."""
        missing = self.missing(range(self.number))
        if len(missing) < self.number:
            log.info("%d of %d parts are there already", self.number - len(missing), self.number)
        undone = {shard for shards in self._cuts() for shard in self._lacking(missing, shards)}
        if undone:
            names = [str(shard) for shard in sorted(undone, key=lambda shard: shard[::-1])]
            log.warning("shards that are not done: %s; their parts are computed now", first_few(names, 8))
        return missing

    def _cuts(self) -> list[int]:
        """Each number of shards that was begun here."""
        return [int(path.name.removeprefix(_CUT)) for path in self.path.glob(f"{_CUT}*")]

    def _lacking(self, missing: Sequence[int], shards: int) -> Iterator[Shard]:
        """Shards that missing parts belong to: of each part the first one whose share reaches behind it."""
        for part in missing:
            yield Shard(-(-shards * (part + 1) // self.number), shards)

    def compute(self, parts: Sequence[int], write: Callable[[int], object]) -> None:
        """Have parts written one by one; where that is stopped, say how many are kept and where."""
        for done, part in enumerate(parts):
            with telling_where_stopped(done, len(parts), self.path):
                write(part)

    def remove(self) -> None:
        """Remove the directory, and the one it lies in where that is then empty."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            self.path.parent.rmdir()


@contextmanager
def opened_work(
    digest: str,
    directory: Path | None,
    shared: bool = False,
    dry: bool = False,
    shard: Shard | None = None,
) -> Iterator[Path]:
    """Open the directory of all that is done of the work of a digest, as its only job or as a shard.

    Parameters
    ----------
    digest : str
        SHA-256 over everything that the parts depend on. Each digest has a directory of its own: parts of
        other inputs or options are never mixed in.
    directory : Path or None
        What that directory lies in. None: a temporary one.
    shared : bool
        Other jobs may be at work there: the directory stays, even if no part has been finished.
    dry : bool
        Only look at what has been done in `directory`, and leave nothing there.
    shard : Shard, optional
        Which shard works there, beside the others; None: the job that puts all together.

    Raises
    ------
    DanqError
        If the directory cannot be written to, or the same work is being done already.
    """
    path = directory / f"{_PREFIX}{digest[:_LETTERS]}" if directory is not None else None
    if directory is None or path is None or dry:
        with scratch() as folder:
            yield path if path is not None and path.is_dir() else folder
        return
    for other in sorted(directory.glob(f"{_PREFIX}*")):
        if other != path and other.is_dir():
            log.warning("%s: unfinished work of other inputs or options; not used, may be removed", other)
    with made(directory):
        try:
            with _claimed(path, shard):
                try:
                    yield path
                finally:
                    # finished parts are kept for the next attempt; without any, nothing is left behind
                    if not shared and not any(path.glob("part-*")):
                        shutil.rmtree(path, ignore_errors=True)
        finally:
            with suppress(OSError):
                path.rmdir()


@contextmanager
def _claimed(path: Path, shard: Shard | None) -> Iterator[None]:
    """Do one's part of the work in a directory as the only job: a shard, or all that is left of it."""
    if shard is None:
        with sole_writer(path):
            for lock in path.glob(".shard-*"):
                refuse_claimed(lock, path)
            yield
        return
    with sole_writer(path / f"shard-{shard.number}-of-{shard.shards}", folder=False):
        check_claim(path, folder=True)
        # the job that puts all together names the shards that are not done
        mark = path / f"{_CUT}{shard.shards}"
        with writing(path):
            mark.touch()
        try:
            yield
        finally:
            if not any(path.glob("part-*")):
                mark.unlink(missing_ok=True)


class Receipt(NamedTuple):
    """A JSON file that says that all parts of a shard are there, if it is asked for; see `provenance`."""

    path: Path | None
    verb: str
    inputs: Mapping[str, str]
    options: Mapping[str, Any]


def compute_shard(
    parts: Parts,
    shard: Shard,
    compute: Callable[[Sequence[int]], object],
    rows: Callable[[Sequence[int]], int],
    words: tuple[str, str],
    receipt: Receipt,
    done: bool = False,
) -> None:
    """Compute what is missing of the parts of one shard, in a directory that all share.

    Parameters
    ----------
    compute, rows : callable
        Compute some parts; count their rows.
    words : tuple of str
        What a row is called, and what was done with it.
    done : bool
        Whether the whole is done elsewhere, and nothing left to compute.
    """
    began, share = time.monotonic(), shard.share(parts.number)
    missing = [] if done else parts.missing(share)
    compute(missing)
    computed = rows(missing)
    if receipt.path is not None:
        with published(receipt.path) as partial:
            write_json(
                partial,
                {
                    "kind": f"{receipt.verb}-receipt",
                    "format_version": 1,
                    "shard": shard.number,
                    "shards": shard.shards,
                    "parts": [share.start, share.stop],
                    "rows": rows(share),
                    "rows_computed_now": computed,
                    "digest": parts.digest,
                    "seconds": round(time.monotonic() - began, 3),
                    "provenance": provenance(dict(receipt.inputs), dict(receipt.options)),
                },
            )
    row, verb = words
    log.info("shard %d of %d: %s, %s %s now", *shard, counted(rows(share), row), f"{computed:,}", verb)
