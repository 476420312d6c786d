"""Which of OpenBLAS's processor kernels NumPy multiplies matrices with."""

import os
import sys
from pathlib import Path

_FLAGS = Path("/proc/cpuinfo")
_WIDE = {"avx512f", "avx512dq", "avx512bw", "avx512vl"}
_UNEVEN = {"haswell", "zen", "excavator", "steamroller"}


def choose_matrix_kernels(processor: Path = _FLAGS) -> None:
    """Keep NumPy off the kernels that round a row of a product by its place among the rows.

    OpenBLAS's kernels for AVX2 (``Haswell``, ``Zen``) add up in two orders that alternate every six rows; a
    score would depend, in its last bit, on the variants beside it. Those for AVX and AVX-512 do not. Of these
    the widest the processor has is chosen, by the variable ``OPENBLAS_CORETYPE``, wherever an AVX2 kernel
    is asked for or would be taken. Another choice in that variable is left alone, and nothing is done once
    NumPy is loaded. To be called by programs that score and by no module on import: child processes inherit
    the variable, and those of a cluster may run on other processors.

    Parameters
    ----------
    processor : Path
        Where the system lists what its processor can do.
    """
    asked = os.environ.get("OPENBLAS_CORETYPE", "").lower()
    if "numpy" in sys.modules or (asked and asked not in _UNEVEN):
        return
    flags = _flags(processor)
    if flags >= _WIDE:
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
    elif "avx" in flags:
        os.environ["OPENBLAS_CORETYPE"] = "Sandybridge"


def _flags(processor: Path) -> set[str]:
    try:
        lines = processor.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
