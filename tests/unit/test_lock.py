"""The lock file holds the versions of the constraints, each with the digest of its wheel."""

import re


def test_the_lock_file_pins_what_the_constraints_pin(repository):
    pins = [line for line in (repository / "constraints.txt").read_text().splitlines() if "==" in line]
    locked = [
        line
        for line in (repository / "requirements.lock").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert [line.partition(" ")[0] for line in locked] == pins
    assert all(re.fullmatch(r"\S+ --hash=sha256:[0-9a-f]{64}", line) for line in locked)
