"""The lock file holds the versions of the constraints, each with the digest of its wheel."""

import re
import subprocess
import sys


def test_the_lock_file_pins_what_the_constraints_pin(repository):
    pins = [line for line in (repository / "constraints.txt").read_text().splitlines() if "==" in line]
    locked = [
        line
        for line in (repository / "requirements.lock").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert [line.partition(" ")[0] for line in locked] == pins
    assert all(re.fullmatch(r"\S+ --hash=sha256:[0-9a-f]{64}", line) for line in locked)


def test_versions_known_as_bad_are_found_without_a_network(repository, tmp_path):
    (tmp_path / "bad").write_text("numpy<1.0\nNumPy>=1.0  # CVE-0000-1: example\n\n# nothing\nabsent>0\n")
    command = [sys.executable, "tests/audit.py", "constraints.txt", tmp_path / "bad"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert re.match(r"NumPy==\S+: >=1.0 CVE-0000-1: example", done.stdout)
    for text, refusal in (("numpy<1.0\nx y\n", "bad:2: expected a requirement"), (None, "bad: no such file")):
        (tmp_path / "bad").unlink() if text is None else (tmp_path / "bad").write_text(text)
        done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert refusal in done.stderr
    (tmp_path / "bad").write_text("numpy<1.0\n")
    assert subprocess.run(command, cwd=repository, check=False).returncode == 0
    pins = tmp_path / "pins"
    pins.write_text('numpy==0.9; python_version == "3.11"\nkeras; python_version == "3.11"\n')
    command[2] = pins
    assert subprocess.run(command, cwd=repository, check=False).returncode == 1
