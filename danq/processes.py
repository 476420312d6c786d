"""Processes told apart across machines and time, and from when on a request to stop is not heard any more."""

import hashlib
import os
import signal
import socket
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FrameType
from typing import NamedTuple


class Process(NamedTuple):
    """A process, told apart from all others, also from later ones with its number.

    Attributes
    ----------
    host, machine : str, str
        Name of the machine, and a digest of that and of its installation, for names are given twice.
    boot, space : str, str
        Of the machine's present run, and of the container whose processes are numbered together.
    pid, start : int, str
        Number, and when it started, in ticks since the machine did; empty where the system does not tell.
    """

    host: str
    machine: str
    boot: str
    space: str
    pid: int
    start: str

    def gone(self) -> bool | None:
        """Whether it has ended; None where that cannot be seen from here."""
        own = this_process()
        if self.machine != own.machine:
            return None
        if self.boot != own.boot:
            return True
        if self.space != own.space:
            return None
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):  # no system counts as far
            return True
        except PermissionError:
            pass  # another user's, and there
        state, start = _state_and_start(self.pid)
        # a zombie waits to be counted by its parent and writes nothing any more
        return state in ("Z", "X") or (bool(start) and start != self.start)

    def __str__(self) -> str:
        return "_".join(map(str, self))


class Stopped(SystemExit):
    """A signal asks the process to end; its exit status tells which, as a shell does.

    Parameters
    ----------
    number : int
        The signal.
    told : bool
        Whether a line of the log says so, and from where the same command goes on.
    """

    def __init__(self, number: int, told: bool = False) -> None:
        super().__init__(128 + number)
        self.name, self.told = signal.Signals(number).name, told


def stop(number: int, frame: FrameType | None) -> None:
    """End the process as a signal asks, by an exception, so that it removes its unfinished files."""
    raise Stopped(number)


def finish_undisturbed() -> None:
    """Hear no more requests to stop, in a process whose signals `stop` handles: its results are complete.

    A workflow takes a job that ends with a signal for failed, and deletes what it finished.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGTERM) is stop:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def this_process() -> Process:
    """Tell who asks."""
    return _process(os.getpid())


@cache
def _process(pid: int) -> Process:
    boot = _text("/proc/sys/kernel/random/boot_id")[:8]
    host = socket.gethostname()
    # a machine whose installation has no name of its own is another one after each start
    installation = _text("/etc/machine-id") or boot
    machine = hashlib.sha256(f"{host} {installation}".encode()).hexdigest()[:8]
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    return Process(host, machine, boot, space, pid, _state_and_start(pid)[1])


def _state_and_start(pid: int) -> tuple[str, str]:
    # the program's name stands in brackets and may hold any letter
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else ("", "")


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
