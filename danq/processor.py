"""Which of OpenBLAS's processor kernels NumPy multiplies matrices with."""

import os
import sys
from pathlib import Path

_FLAGS = Path("/proc/cpuinfo")
_WIDE = {"avx512f", "avx512dq", "avx512bw", "avx512vl"}
_UNEVEN = {"haswell", "zen", "excavator", "steamroller"}


def choose_matrix_kernels(flags: Path = _FLAGS) -> None:
    """Keep NumPy off the kernels that round a row of a product by its place among the rows.

    OpenBLAS's kernels for AVX2 (``Haswell``, ``Zen``) add up in two orders that alternate every six rows; a
    score would depend, in its last bit, on the variants beside it. Its kernels for AVX do not, nor do those for
    AVX-512, which processors that have it get anyway. Nothing is done once NumPy is loaded, nor to
    another choice in the variable ``OPENBLAS_CORETYPE``.

    Parameters
    ----------
    flags : Path
        Where the system lists what its processor can do.
    """
    if "numpy" in sys.modules:
        return
    chosen = os.environ.get("OPENBLAS_CORETYPE", "")
    if chosen.lower() in _UNEVEN or (not chosen and _has_avx2_at_most(flags)):
        os.environ["OPENBLAS_CORETYPE"] = "Sandybridge"


def _has_avx2_at_most(flags: Path) -> bool:
    try:
        lines = flags.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    found = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    return "avx2" in found and not found >= _WIDE
