import os
import subprocess
import sys

import pytest

VERBS = ("score", "background", "ism")
CHOOSE = """
import os, sys
from pathlib import Path
from danq.processor import choose_matrix_kernels
choose_matrix_kernels(Path(sys.argv[1]))
print(os.environ.get("OPENBLAS_CORETYPE", "none"))
"""
AVX2 = "flags\t\t: fpu sse2 avx avx2 fma"
AVX512 = AVX2 + " avx512f avx512dq avx512bw avx512vl"


def chosen(tmp_path, flags, asked, first=""):
    listing = tmp_path / "cpuinfo"
    listing.write_text(f"processor\t: 0\n{flags}\n")
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
    if asked:
        environment["OPENBLAS_CORETYPE"] = asked
    command = [sys.executable, "-c", first + CHOOSE, str(listing)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("flags", "asked", "expected"),
    [
        (AVX2, "", "Sandybridge"),
        (AVX2, "Haswell", "Sandybridge"),
        (AVX512, "", "SkylakeX"),
        (AVX512, "ZEN", "SkylakeX"),
        (AVX512, "Nehalem", "Nehalem"),
        ("flags : fpu sse2", "", "none"),
        ("Features : neon asimd", "", "none"),
    ],
)
def test_no_kernel_rounds_rows_by_their_place(tmp_path, flags, asked, expected):
    assert chosen(tmp_path, flags, asked) == expected


def test_nothing_is_done_once_numpy_is_loaded(tmp_path):
    assert chosen(tmp_path, AVX2, "", first="import numpy\n") == "none"


KERNELS = (
    "import numpy as np\n"
    "from danq.models.recurrent_numpy import rows_are_independent\n"
    "from threadpoolctl import threadpool_limits\n"
    "matrix = np.random.default_rng(1).standard_normal((320, 640)).astype('f')\n"
    "with threadpool_limits(1): print(rows_are_independent(matrix))"
)


def told(program):
    environment = os.environ | {"OPENBLAS_CORETYPE": "Haswell"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    "statement", [*(f"import danq.cli.{verb}" for verb in VERBS), "from danq.score import load"]
)
def test_scoring_chooses_before_numpy_is_loaded(statement):
    assert told(f"{statement}\n{KERNELS}") == "True"


@pytest.mark.parametrize("module", ["danq", "danq.config.settle", "danq.score.options", "danq.provenance"])
def test_what_starts_other_programs_leaves_their_environment_alone(module):
    assert told(f"import os, {module}; print(os.environ['OPENBLAS_CORETYPE'])") == "Haswell"
