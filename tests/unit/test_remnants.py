"""Hidden directories that cannot be made, or have no room."""

import tempfile
from pathlib import Path

import pytest

from danq.errors import DanqError
from danq.files import check_writable
from danq.remnants import scratch


def test_a_folder_in_which_none_can_be_made_is_refused():
    with pytest.raises(DanqError, match="/proc: no directory can be created in this one"):
        check_writable(Path("/proc"))


def test_no_room_for_temporary_files_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    message = r"no space left on the device for temporary files; TMPDIR names another place"
    with pytest.raises(DanqError, match=message), scratch(), open("/dev/full", "w") as full:
        full.write("a" * 10_000)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/none"])
    with (
        pytest.raises(DanqError, match="no directory can be written to; TMPDIR names another place"),
        scratch(),
    ):
        pass
