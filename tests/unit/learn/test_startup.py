"""What TensorFlow says at its start is kept back, but never what ends a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from danq.learn.startup import LEVEL, held_back, quiet

# others look for TensorFlow without loading it
_START = (
    "import danq.learn, importlib.util; importlib.util.find_spec('tensorflow')\n"
    "import keras, tensorflow; tensorflow.config.list_physical_devices('GPU')\n"
    "from danq.learn.devices import prepare_gpus; prepare_gpus(); tensorflow.transpose([[True]])"
)


def python(code: str, *paths: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != LEVEL} | variables
    folders = [*map(str, paths), os.environ.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.slow
def test_tensorflow_starts_without_a_word():
    quiet = python(_START)
    assert (quiet.returncode, quiet.stderr) == (0, "")


@pytest.mark.slow
def test_a_user_who_wants_to_hear_tensorflow_does():
    done = python("import sys; sys.argv[1:] = ['--verbose', 'doctor']; import danq.cli; danq.cli.main()")
    assert done.returncode == 0
    assert "oneDNN" in done.stderr or "cpu_feature_guard" in done.stderr


def test_what_is_no_number_keeps_nothing_back(monkeypatch: pytest.MonkeyPatch):
    for level in ("0", "1", "", "info", "-1", "2.5"):
        monkeypatch.setenv(LEVEL, level)
        assert not quiet()
    for level in ("2", "3", " 2"):
        monkeypatch.setenv(LEVEL, level)
        assert quiet()
    monkeypatch.delenv(LEVEL)
    assert quiet()


def test_an_import_that_fails_shows_what_was_said(tmp_path: Path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'libx.so is missing')\nraise ImportError('no libx')\n"
    )
    done = python("import danq.learn\nimport tensorflow\n", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("libx.so is missing")
    assert "ImportError: no libx" in done.stderr


def test_what_a_dying_process_said_is_shown():
    done = python(
        "import os\nfrom danq.learn.startup import held_back\n"
        "with held_back():\n    os.write(2, b'this CPU lacks AVX')\n    os._exit(3)\n"
    )
    assert (done.returncode, done.stderr) == (3, "this CPU lacks AVX")


def test_only_the_block_is_kept_back(capfd: pytest.CaptureFixture[str]):
    with held_back():
        os.write(2, b"within")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
