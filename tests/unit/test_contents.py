"""Digests by content: what changes them, and what is read again."""

import json
import os
from pathlib import Path

import pytest

from danq import contents
from danq.contents import Contents
from danq.errors import DanqError
from danq.genome import encode


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # the files of these tests are as new as can be
    monkeypatch.setattr(contents, "_SETTLED_NS", -1)
    return tmp_path / "cache" / "danq"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_contents_and_their_order_count_dates_and_names_do_not(tmp_path: Path):
    one, two = write(tmp_path / "one", "1"), write(tmp_path / "two", "2")
    digest = Contents().digest([one, two])
    assert Contents().digest([two, one]) != digest
    os.utime(one, (0, 0))
    assert Contents().digest([one.rename(tmp_path / "renamed"), two]) == digest


def test_an_older_file_of_the_same_length_is_noticed(tmp_path: Path):
    path = write(tmp_path / "peaks.bed", "chr1\t5\t6\n")
    digest = Contents().digest([path])
    older = write(tmp_path / "older", "chr1\t5\t7\n")
    os.utime(older, (0, 0))
    older.rename(path)
    assert Contents().digest([path]) != digest


def test_a_file_changed_in_place_with_its_old_time_is_noticed(tmp_path: Path):
    path = write(tmp_path / "peaks.bed", "chr1\t5\t6\n")
    before = path.stat()
    digest = Contents().digest([path])
    with path.open("r+") as stream:
        stream.write("chr2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert Contents().digest([path]) != digest


def test_what_was_read_is_not_read_again(tmp_path: Path, cache: Path):
    path = write(tmp_path / "genome.fa", ">a\nACGT\n")
    digest = Contents().digest([path])
    (kept,) = cache.iterdir()
    entries = json.loads(kept.read_text())
    assert list(entries) == [str(path.resolve())]
    entries[str(path.resolve())][-1] = "kept"
    kept.write_text(json.dumps(entries))
    assert Contents().digest([path]) != digest, "the kept digest is used"
    kept.write_text("{damaged")
    assert Contents().digest([path]) == digest


def test_files_that_are_gone_leave_the_cache(tmp_path: Path, cache: Path):
    paths = [write(tmp_path / name, name) for name in ("old", "new")]
    Contents().digest(paths[:1])
    paths[0].unlink()
    Contents().digest(paths[1:])
    (kept,) = cache.iterdir()
    assert list(json.loads(kept.read_text())) == [str(paths[1].resolve())]


def test_a_file_changed_a_moment_ago_is_not_kept(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Contents().digest([write(tmp_path / "new", "1")])
    assert not cache.exists()


def test_neither_a_missing_file_nor_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path, cache: Path):
    write(tmp_path / "cache", "a file where a folder should be")
    path = write(tmp_path / "one", "1")
    known = Contents()
    assert known.digest([path]) == known.digest([path])
    assert known.digest([tmp_path / "missing"]) == Contents().digest([tmp_path / "missing"])


def test_a_file_that_changes_while_it_is_read_leaves_nothing_behind(tmp_path, monkeypatch):
    fasta = tmp_path / "g.fa"
    fasta.write_text(">chrI\nACGT\n")
    digest = encode.sha256

    def changed(path):
        """The digest of what somebody wrote after the bases were read."""
        fasta.write_text(">chrI\nACGTT\n")
        return digest(path)

    monkeypatch.setattr(encode, "sha256", changed)
    with pytest.raises(DanqError, match=r"g\.fa: the file changed while it was read; start again"):
        encode.build_genome(fasta, tmp_path / "out")
    assert not (tmp_path / "out" / "genome.json").exists()
