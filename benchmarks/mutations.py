"""Mutations of every format that is read: none may end in a traceback, a hang or gigabytes of memory.

Run by hand, for it takes half an hour: ``python benchmarks/mutations.py``. A mutation of a
small good file flips, removes, doubles or inserts bytes, cuts the file, or puts another number or text in the
place of one, in the file or in what it holds compressed or signed; or it gives a value, a column or an array
another type, name or size. They are read in another process; to be read, or refused in one line,
is well.
"""

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _good_files import good_files
from _structured import structured

SECONDS, MEMORY = 10, 2 << 30
WORDS = (
    b"0",
    b"-1",
    b"9" * 25,
    b"1e999",
    b"nan",
    b"\x00",
    b"\xff\xfe",
    b"\n",
    b"\t",
    b"\x1b[2J",
    b"{",
    b"]",
    b'"',
    b"<",
    b"%s",
)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """One to eight changes of the bytes of a file."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 8))):
        at = draw.randrange(len(changed) + 1)
        length = min(draw.choice((1, 1, 2, 4, 30, 300)), len(changed) - at)
        match draw.randrange(7):
            case 0 if length:
                changed[at] ^= 1 << draw.randrange(8)
            case 1:
                del changed[at : at + length]
            case 2:
                changed[at:at] = changed[at : at + length] * draw.choice((1, 2, 50))
            case 3:
                changed[at : at + length] = draw.choice(WORDS)
            case 4:
                changed[at:at] = draw.choice(WORDS)
            case 5:
                changed[at : at + length] = draw.randbytes(length)
            case _:
                if draw.random() < 0.3:
                    del changed[at:]
    return bytes(changed)


def changed(name: str, data: bytes, draw: random.Random) -> bytes:
    """Change a file's bytes, or what they mean."""
    if draw.random() < 0.5:
        return mutated(data, draw)
    try:
        return structured(name, data, draw, lambda part: mutated(part, draw))
    except Exception:  # what a library would not write
        return mutated(data, draw)


def outcome_of(path: Path, read: Callable[[Path], object]) -> str:
    """Read a file: ``read``, ``refused`` in one line, or what went wrong."""
    from danq.errors import DanqError

    try:
        read(path)
        return "read"
    except DanqError as error:
        return "refused" if "\n" not in str(error) else f"two lines: {error}"
    except MemoryError:
        return "MemoryError"
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        place = ([frame for frame in frames if "/danq/" in frame.filename] or frames)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return f"{type(error).__name__}: {str(error)[:80]!r} at {where}"


def _work(pipe: object, folder: Path) -> None:
    """Read one mutation after the other: what became of each goes back."""
    os.environ["PYTHONWARNINGS"] = "ignore"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    made = good_files(folder)
    pipe.send("ready")
    while (job := pipe.recv()) is not None:
        name, data = job
        path, read = made[name]
        path.write_bytes(data)
        pipe.send((outcome_of(path, read), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


class Worker:
    """A process that reads mutations; after a hang, or what killed it, another one is started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Any = None

    def read(self, name: str, data: bytes) -> tuple[str, int]:
        """Give what became of a file, and the most bytes that the process has taken so far."""
        if self._process is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, other = context.Pipe()
            self._process = context.Process(target=_work, args=(other, self._folder), daemon=True)
            self._process.start()
            other.close()
            self._pipe.recv()
        self._pipe.send((name, data))
        try:
            if not self._pipe.poll(SECONDS):
                raise TimeoutError
            outcome, memory = self._pipe.recv()
        except (TimeoutError, EOFError, OSError) as error:
            self.stop()
            return ("hang" if isinstance(error, TimeoutError) else "the process died"), 0
        if memory > MEMORY:
            self.stop()
        return outcome, memory

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def fuzz(name: str, path: Path, number: int, folder: Path, worker: Worker) -> Counter[str]:
    """Try `number` mutations of one format, whose good file is at `path`: how many ended how.

    What ended badly is kept in `folder`.
    """
    outcomes: Counter[str] = Counter()
    draw = random.Random(f"{name} 7")
    original = path.read_bytes()
    for _ in range(number):
        data = changed(name, original, draw)
        outcome, memory = worker.read(name, data)
        if outcome not in ("read", "refused"):
            (folder / f"failed-{outcomes.total()}-{name}").write_bytes(data)
        outcomes[outcome] += 1
        if memory > MEMORY:
            outcomes["more than 2 GB"] += 1
    path.write_bytes(original)
    return outcomes


def main() -> None:
    """Try every format and print what became of the mutations; exit status 1 if one ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--formats", nargs="*", default=None)
    parser.add_argument("--keep", type=Path, default=None, help="folder for what failed")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="danq-mutations-"))
    place = folder / "files"
    place.mkdir(parents=True, exist_ok=True)
    made = good_files(place)
    if unknown := set(options.formats or ()) - made.keys():
        parser.error(f"--formats: expected some of {' '.join(made)}; received {' '.join(sorted(unknown))}")
    bad, worker = 0, Worker(place)
    for name in options.formats or made:
        started = time.monotonic()
        outcomes = fuzz(name, made[name][0], options.mutations, folder, worker)
        bad += sum(count for outcome, count in outcomes.items() if outcome not in ("read", "refused"))
        print(f"{name}\t{time.monotonic() - started:.0f} s\t{dict(outcomes.most_common())}", flush=True)
    worker.stop()
    if options.keep is None:
        shutil.rmtree(folder)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
