"""How many threads compute: asked for, not found out, for their number decides how sums are rounded.

Left to themselves, TensorFlow and the libraries of matrix products take as many as there are cores that the
job may use, and the same command would give other bytes in a job that got fewer.
"""

import os

_VARIABLES = (
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"),
)
"""What the libraries read when they are loaded, and TensorFlow when it first computes."""


def usable_cores() -> int:
    """Cores that this process may use, where the system tells that apart from what the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Threads that compute: as asked for, otherwise as many as there are usable cores."""
    number = os.environ.get(_VARIABLES[0], "")
    return int(number) if number.isdigit() and int(number) else usable_cores()


def described_threads() -> dict[str, int]:
    """Threads that compute, and the cores that the process may use, as a record of them has both."""
    return {"threads": threads(), "usable_cores": usable_cores()}


def use_threads(number: int | None) -> int | None:
    """Compute in so many threads from now on, whatever cores there are; None leaves them to the libraries.

    To be called before TensorFlow computes.

    Returns
    -------
    int or None
        The number.
    """
    if number is not None:
        os.environ.update(dict.fromkeys(_VARIABLES, str(number)))
        # its library takes no more threads than there are cores from the variable, and any number afterwards
        import numpy as np  # noqa: F401
        from threadpoolctl import ThreadpoolController

        ThreadpoolController().limit(limits=number)
    return number
