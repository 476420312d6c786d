"""Reading whatever the compression; writing that is whole or absent, however a job ends."""

import errno
import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from Bio import bgzf

from danq.errors import DanqError
from danq.files import atomic, digest, open_binary, read_lines, sha256, staged, write_json


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def fail_half_way(path: Path) -> None:
    path.write_text("half")
    raise ZeroDivisionError


@pytest.mark.parametrize("kind", ["plain", "gzip", "two gzip members", "bgzip"])
def test_text_is_read_whatever_its_compression(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    if kind == "bgzip":
        with bgzf.BgzfWriter(path) as stream:
            stream.write(b"one\r\ntwo\n")
    else:
        members = {"plain": b"one\r\ntwo\n", "gzip": gzip.compress(b"one\r\ntwo\n")}
        members["two gzip members"] = gzip.compress(b"one\r\n") + gzip.compress(b"two\n")
        path.write_bytes(members[kind])
    assert list(read_lines(path)) == [(1, "one"), (2, "two")]


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    cases = {
        "empty.gz": (gzip.compress(b"a" * 999)[:-9], "truncated"),
        "odd.gz": (b"\x1f\x8b\x99", "truncated|damaged"),
        "latin.txt": (b"ok\n\xe9t\xe9\n", r"latin\.txt:2: expected UTF-8 text"),
    }
    for name, (data, message) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DanqError, match=message) as refused:
            list(read_lines(tmp_path / name))
        assert "\n" not in str(refused.value)
    with pytest.raises(DanqError, match="no such file"), open_binary(tmp_path / "absent"):
        pass
    with pytest.raises(DanqError, match="expected a file, received a directory"), open_binary(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "a").chmod(0)
    with pytest.raises(DanqError, match="not readable"), open_binary(tmp_path / "a"):
        pass


def test_a_staged_directory_appears_whole(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with staged(out) as partial:
        (partial / "a.npy").write_text("array")
        (partial / "sub").mkdir()
        (partial / "sub" / "b.tsv").write_text("table")
        write_json(partial / "a.json", {})
        assert visible(out) == []
    assert visible(out) == ["a.json", "a.npy", "sub"]
    assert (out / "sub" / "b.tsv").read_text() == "table"
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def test_the_manifest_is_moved_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    monkeypatch.setattr(os, "replace", lambda source, target: moved.append(Path(target).name))
    with staged(tmp_path) as partial:
        for name in ("a.json", "z.npy", "b.tsv"):
            (partial / name).write_text("")
    assert moved[-1] == "a.json"
    assert len(moved) == 3


def test_a_failed_job_leaves_older_results_alone_and_nothing_new(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ZeroDivisionError), staged(out) as partial:
        fail_half_way(partial / "a.npy")
    assert not out.exists()
    out.mkdir()
    (out / "a.npy").write_text("old")
    with pytest.raises(ZeroDivisionError), staged(out) as partial:
        fail_half_way(partial / "a.npy")
    assert [path.name for path in out.iterdir()] == ["a.npy"]
    assert (out / "a.npy").read_text() == "old"


def test_an_atomic_file_appears_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.tsv"
    with atomic(path) as partial:
        partial.write_text("new")
        assert partial.suffix == ".tsv"
        assert not path.exists()
    assert path.read_text() == "new"
    with pytest.raises(ZeroDivisionError), atomic(path) as partial:
        fail_half_way(partial)
    assert path.read_text() == "new"
    assert [found.name for found in path.parent.iterdir()] == ["a.tsv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("writing", [staged, atomic])
def test_a_full_disk_is_one_clear_line(writing: type, tmp_path: Path) -> None:
    target = tmp_path / "out"
    with (
        pytest.raises(DanqError, match=r"out: no space left on the device$"),
        writing(target),
        Path("/dev/full").open("wb") as full,
    ):
        full.write(b"a" * 100_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writing", [staged, atomic])
def test_a_target_below_a_file_is_one_clear_line(writing: type, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = r"a part of the path is a file|received a file"
    with pytest.raises(DanqError, match=message), writing(tmp_path / "file" / "out"):
        pass


def test_an_output_directory_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(DanqError, match="expected a directory, received a file"), staged(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "mine"


def test_an_output_file_that_is_a_directory_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    with (
        pytest.raises(DanqError, match=r"report: expected a file to write, received a directory"),
        atomic(tmp_path / "report") as partial,
    ):
        partial.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_other_errors_of_the_system_keep_their_traceback(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"), staged(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


KILLED = """
import signal, sys, time
from pathlib import Path
from danq.files import atomic, staged
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
with staged(Path(sys.argv[1])) as partial, atomic(Path(sys.argv[1]) / "one.tsv") as single:
    (partial / "codes.npy").write_text("half")
    single.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_job_leaves_no_final_file(how: signal.Signals, tmp_path: Path) -> None:
    job = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert job.stdout is not None
    assert job.stdout.readline() == b"ready\n"
    job.send_signal(how)
    job.wait()
    job.stdout.close()
    assert job.returncode != 0
    assert visible(tmp_path) == []
    with staged(tmp_path) as partial:
        (partial / "codes.npy").write_text("whole")
    assert visible(tmp_path) == ["codes.npy"]


def test_digests_do_not_depend_on_key_order(tmp_path: Path) -> None:
    assert digest({"a": 1, "b": [2, 3]}) == digest({"b": [2, 3], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_what_a_killed_job_left_is_named(tmp_path, caplog):
    (tmp_path / ".partial-left").mkdir()
    with caplog.at_level("WARNING", "danq"), staged(tmp_path):
        pass
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}/.partial-left: of a job that runs now or was killed; in the latter case remove it"
    ]


def test_an_old_manifest_goes_before_new_arrays_come(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text("old")
    replace = os.replace

    def watched(source, target):
        assert not (tmp_path / "a.json").exists()
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    with staged(tmp_path) as partial:
        (partial / "a.json").write_text("new")
        (partial / "b.npy").write_text("array")
    assert (tmp_path / "a.json").read_text() == "new"
