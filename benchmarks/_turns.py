"""Contestants in processes of their own that take turns, so that other work meets all alike."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]

KERNEL_CHOICES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables by which a shell sets OpenBLAS's kernels, rather than the processor."""

AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}
"""Keeps NumPy, TensorFlow and PyTorch to the instructions of processors without AVX-512."""


def environment(settings: Mapping[str, str], inherit_kernels: bool = False) -> dict[str, str]:
    """Environment of a contestant: no GPU, the processor's own kernels unless the shell's are asked for."""
    inherited = {
        name: value for name, value in os.environ.items() if inherit_kernels or name not in KERNEL_CHOICES
    }
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    fixed = {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return inherited | fixed | dict(settings)


class Contestant:
    """A process that prepares itself once and then does a round whenever it is told so.

    Parameters
    ----------
    command : sequence of str
        Starts the process, which calls `serve`.
    settings : dict
        Its environment.
    log : Path
        Where its standard error goes.
    """

    def __init__(self, command: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=settings
            )

    def answer(self) -> Any:
        """Wait for the next answer; the first tells of the process itself."""
        line = self._process.stdout.readline()
        if not line:
            sys.exit(
                f"a contestant ended with status {self._process.wait()}:\n{self._log.read_text()[-2000:]}"
            )
        return json.loads(line)

    def round(self, argument: str = "") -> Any:
        """Do one round; its ``seconds``, ``processor_seconds`` and ``result``."""
        self._process.stdin.write(argument + "\n")
        self._process.stdin.flush()
        return self.answer()

    def end(self) -> None:
        """Let the process end."""
        self._process.stdin.close()
        self._process.wait()


def serve(run: Callable[[str], Any], report: Callable[[str, Any], Any], versions: dict[str, str]) -> None:
    """Say that this process is ready; then do one timed round for each line read.

    Parameters
    ----------
    run : callable
        Does the round that a line asks for; timed.
    report : callable
        Makes of that line and the round's result what JSON can say; not timed.
    versions : dict
        Of packages, told with the process's kernels.
    """
    write({"kernels": kernels(), "versions": versions})
    for line in sys.stdin:
        started, busy = time.perf_counter(), processor_seconds()
        result = run(line.strip())
        spent = {"seconds": time.perf_counter() - started, "processor_seconds": processor_seconds() - busy}
        write({**spent, "result": report(line.strip(), result)})


def processor_seconds() -> float:
    """Processor time of this process and of those that it ran and that have ended."""
    return sum(os.times()[:4])


def write(answer: dict[str, Any]) -> None:
    """Answer with one line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def kernels() -> list[str]:
    """Name the kernels of the matrix products of NumPy in this process."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return sorted({info["architecture"] for info in threadpool_info() if "architecture" in info})
