"""Digests of files by content, kept in the user's cache while a file's place, size, inode and times hold.

So that a workflow of many gigabytes learns within seconds what changed, whatever the dates of files say.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from danq.errors import DanqError
from danq.files import atomic, digest, sha256

_SETTLED_NS = 2_000_000_000


def file_state(path: Path) -> tuple[str, int, int, int, int]:
    """Give what tells a changed file from the one that was read, last its time of change in ns.

    That is when its content, name or owner changed last (ctime): of its two times the one that no program
    sets back, as tar, rsync and cp -p do with the other.
    """
    stat = path.stat()
    return str(path.resolve()), stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


@contextmanager
def unchanged(paths: Iterable[Path]) -> Iterator[None]:
    """Refuse files that change while they are read: their digest would be that of something else.

    Raises
    ------
    DanqError
        At the end, if one of the files there were is no longer what it was.
    """
    before = {path: file_state(path) for path in paths if path.is_file()}
    yield
    for path, state in before.items():
        if not path.is_file() or file_state(path) != state:
            raise DanqError(f"{path}: the file changed while it was read; start again")


def settled(state: tuple[str, int, int, int, int]) -> bool:
    """Whether a state may be kept: what changed a moment ago could change again and look the same."""
    return time.time_ns() - state[-1] > _SETTLED_NS


def user_cache() -> Path | None:
    """Folder of the user's cache; None where there is no home."""
    folder = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(folder) if os.path.isabs(folder) else Path.home() / ".cache") / "danq"
    except RuntimeError:
        return None


class Contents:
    """Digests of files, those read before in this working directory out of the user's cache."""

    def __init__(self) -> None:
        cache = user_cache()
        self._kept = cache / f"contents-{digest(str(Path.cwd()))}.json" if cache else None
        self._digests: dict[str, list[object]] | None = None

    def digest(self, paths: Iterable[Path]) -> str:
        """SHA-256 over the contents of files in this order; one that cannot be read counts as unreadable."""
        if self._digests is None:
            self._digests = _read(self._kept)
        fresh: dict[str, list[object]] = {}
        parts = [_digest(path, self._digests, fresh) for path in paths]
        if fresh:
            self._digests |= fresh
            self._keep()
        return digest(parts)

    def _keep(self) -> None:
        if self._kept is None or self._digests is None:
            return
        # another process may have read other files meanwhile
        known = _read(self._kept) | self._digests
        present = {path: entry for path, entry in known.items() if os.path.exists(path)}
        try:
            with atomic(self._kept) as partial:
                partial.write_text(json.dumps(present), encoding="utf-8")
        except (DanqError, OSError):
            # a cache that cannot be written costs time and nothing else
            self._kept = None


def _digest(path: Path, known: Mapping[str, list[object]], fresh: dict[str, list[object]]) -> str:
    try:
        state = file_state(path)
        place, *rest = state
        entry = known.get(place)
        if entry is not None and entry[:-1] == rest:
            return str(entry[-1])
        value = sha256(path)
        if settled(state) and file_state(path) == state:
            fresh[place] = [*rest, value]
    except OSError:
        # the job that reads it says so
        return "unreadable"
    return value


def _read(path: Path | None) -> dict[str, list[object]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    entries = value.items() if isinstance(value, dict) else ()
    return {place: entry for place, entry in entries if isinstance(entry, list) and len(entry) == 5}
