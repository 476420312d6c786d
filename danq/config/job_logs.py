"""Progress of the jobs of a running workflow: lines of progress in their logs, repeated in its terminal.

Logs rather than messages between processes: a cluster's jobs write them, too, and a user may read the same
with ``tail``.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_LINE = re.compile(r"[\d:]{8} (?P<level>PROGRESS|DONE) (?P<message>.+)")
# between two lines of one job; times the jobs at work, so that many together say no more than one alone
_SECONDS = {"DONE": 5.0, "PROGRESS": 60.0}
_AT_WORK_SECONDS = 60.0
_LOOK_SECONDS = 1.0


@dataclass
class _Log:
    """Size and time of a log, how far it is read, what of it waits, when it had news and was repeated."""

    stamp: tuple[int, int] | None = None
    offset: int = 0
    waiting: dict[str, str] = field(default_factory=dict)
    news_at: float = float("-inf")
    repeated_at: float = float("-inf")

    def read(self, path: Path) -> str | None:
        """Read on by whole lines: keep what is done, by its first word; return progress if it came last."""
        with path.open("rb") as stream:
            if stream.seek(0, 2) < self.offset:
                # begun anew by another try
                self.offset, self.waiting = 0, {}
            stream.seek(self.offset)
            text = stream.read()
        text = text[: text.rfind(b"\n") + 1]
        self.offset += len(text)
        progress = None
        for line in text.decode(errors="replace").splitlines():
            match = _LINE.fullmatch(line)
            if match is None:
                continue
            progress = match["message"] if match["level"] == "PROGRESS" else None
            if match["level"] == "DONE":
                self.waiting[match["message"].split()[0]] = match["message"]
        return progress


class JobLogs:
    """Reads on in the logs below a directory and hands on their lines of progress, with the log's name.

    Between `start` and `stop` a thread does so, which ends with its process at the latest. Logs that were
    there before are of an earlier workflow until they change. Of lines that come faster than they are
    repeated the newest is kept, of what is done the newest of each kind.

    Parameters
    ----------
    directory : Path
        Where the logs are, or will be.
    say : callable
        Takes a line such as ``train/danq: epoch 3/24: …``.
    """

    def __init__(self, directory: Path, say: Callable[[str], None]) -> None:
        self._directory, self._say = directory, say
        self._logs: dict[Path, _Log] = {}
        self._thread = threading.Thread(target=self._run, name="job logs", daemon=True)
        self._over = threading.Event()

    def start(self) -> None:
        """Begin to follow, without what is there already."""
        self.skip()
        self._thread.start()

    def stop(self) -> None:
        """Hand on what still waits, and end."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
            self.look(time.monotonic(), last=True)

    def skip(self) -> None:
        """Take all logs as they are for read."""
        self._logs = {path: _Log(stamp) for path, stamp in self._stamps()}

    def look(self, now: float, last: bool = False) -> None:
        """Read what is new and hand on what is due at `now`, in seconds; at the last look, all that waits."""
        progress: dict[Path, str] = {}
        for path, stamp in self._stamps():
            job = self._logs.setdefault(path, _Log())
            if stamp != job.stamp:
                job.stamp = stamp
                # a log that vanishes, or that the file system cannot read now, has its turn at the next look
                with suppress(OSError):
                    line = job.read(path)
                    progress |= {path: line} if line else {}
                    job.news_at = now if line or job.waiting else job.news_at
        at_work = sum(now - job.news_at < _AT_WORK_SECONDS for job in self._logs.values())
        for path, job in self._logs.items():
            silent = float("inf") if last else now - job.repeated_at
            lines = []
            if silent >= _SECONDS["DONE"] * at_work:
                lines, job.waiting = list(job.waiting.values()), {}
            # a line of progress never waits: its job may have ended when its turn comes
            if not job.waiting and path in progress and silent >= _SECONDS["PROGRESS"] * at_work:
                lines.append(progress[path])
            for line in lines:
                job.repeated_at = now
                self._say(f"{path.relative_to(self._directory).with_suffix('')}: {line}")

    def _run(self) -> None:
        seconds = _LOOK_SECONDS
        while not self._over.wait(seconds):
            started = time.monotonic()
            self.look(started)
            # of thousands of logs on a slow file system: at most a twentieth of the time goes into looking
            seconds = max(_LOOK_SECONDS, 20 * (time.monotonic() - started))

    def _stamps(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for path in sorted(self._directory.rglob("*.log")):
            with suppress(OSError):
                status = path.stat()
                yield path, (status.st_size, status.st_mtime_ns)
