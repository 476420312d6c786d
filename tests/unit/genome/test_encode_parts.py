"""A FASTA encoded in parts is the FASTA encoded at once, wherever parts cut it; faults are told the same."""

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pysam
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from danq.errors import DanqError
from danq.genome import encode_parts, fasta_text
from danq.genome.encode import build_genome
from danq.genome.encode_parts import encode_in_parts
from danq.genome.fasta import GenomeManifest
from danq.parts import Shard

FILES = ("codes.npy", "contigs.tsv", "iupac.npy")


def small(patch: pytest.MonkeyPatch, part: int, piece: int = 7) -> None:
    """Cut into few bytes a part, and take no header for longer than the longest of these tests."""
    patch.setattr(encode_parts, "PART_BYTES", part)
    patch.setattr(encode_parts, "LONGEST_HEADER", 30)
    for module in (encode_parts, fasta_text):
        patch.setattr(module, "PIECE_BYTES", piece)


def packed(path: Path, text: bytes, kind: str) -> Path:
    if kind == "bgzip":
        with pysam.BGZFile(str(path), "wb") as stream:
            stream.write(text)
    else:
        path.write_bytes(gzip.compress(text) if kind == "gzip" else text)
    return path


def assert_same(one: Path, other: Path) -> None:
    for name in FILES:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    manifests = [GenomeManifest.read(path).model_dump(exclude={"provenance"}) for path in (one, other)]
    assert manifests[0] == manifests[1]


lines = st.lists(st.text("ACGTNacgtnRYk", max_size=60), min_size=1, max_size=5)


@given(
    st.lists(st.tuples(st.text("xyz >", max_size=20), lines), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 90),
    st.integers(1, 9),
    st.sampled_from(["plain", "gzip", "bgzip"]),
    st.booleans(),
)
@example([("", ["A" * 400])], "\n", 17, 3, "plain", False)
@example([(" >", ["A"])] * 9, "\n", 1, 2, "plain", True)
def test_any_fasta_in_parts_is_itself_at_once(records, line_end, part, shards, kind, end):
    text = "".join(
        f">c{number}{title}{line_end}A{line_end.join(rows)}{line_end}"
        for number, (title, rows) in enumerate(records)
    )
    text = text if end else text.rstrip("\r\n")
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        place = Path(name)
        fasta = packed(place / "g.fa.gz", text.encode(), kind)
        build_genome(fasta, place / "whole")
        small(patch, part)
        for shard in range(shards, 0, -2):
            encode_in_parts(fasta, None, place / "work", Shard(shard, shards), None)
        encode_in_parts(fasta, place / "out", place / "work", None, None)
        assert_same(place / "out", place / "whole")
        assert not (place / "work").exists()


@pytest.mark.parametrize(
    "text",
    [
        b">one\nACGT\n>one\nACGT\n",
        b">one\nACGT\n>two\n>three\nACGT\n",
        b">one\nACGT\n>two\n",
        b">one\nACGT\n>two",
        b">one\n" + b"ACGT\n" * 20 + b"AC?GT\n" + b"ACGT\n" * 20,
        b"\n" * 40 + b"ACGT\n>one\nACGT\n",
        b">one\nACGT\n> two\nACGT\n",
        b">one\nACGTACGTACGTACGTACG>T\nACGT\n",
        b"",
        b"\x00\x01\x02" * 99,
    ],
)
def test_a_fault_is_told_as_without_parts(tmp_path, monkeypatch, text):
    fasta = packed(tmp_path / "g.fa", text, "plain")
    with pytest.raises(DanqError) as told:
        build_genome(fasta, tmp_path / "whole")
    small(monkeypatch, 10)
    with pytest.raises(DanqError) as in_parts:
        encode_in_parts(fasta, tmp_path / "out", tmp_path / "work", None, None)
    assert str(in_parts.value) == str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_huge_contig_and_thousands_of_small_ones_are_shared_evenly(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    huge = "".join(rng.choice(list("ACGT"), 40_000))
    small_ones = "".join(f">s{number}\nACGTACGTAC\n" for number in range(2_000))
    fasta = packed(tmp_path / "g.fa", f">huge\n{huge}\n{small_ones}".encode(), "plain")
    build_genome(fasta, tmp_path / "whole")
    small(monkeypatch, 1_000, 500)
    sizes = []
    for shard in range(1, 5):
        kept = len(list(tmp_path.glob("work/.work-*/part-*")))
        encode_in_parts(fasta, None, tmp_path / "work", Shard(shard, 4), None)
        sizes.append(len(list(tmp_path.glob("work/.work-*/part-*"))) - kept)
    assert max(sizes) - min(sizes) <= 1
    encode_in_parts(fasta, tmp_path / "out", tmp_path / "work", None, None)
    assert_same(tmp_path / "out", tmp_path / "whole")


def test_a_fasta_that_changed_has_other_parts(tmp_path, monkeypatch, caplog):
    small(monkeypatch, 10)
    fasta = packed(tmp_path / "g.fa", b">one\n" + b"ACGT\n" * 9, "plain")
    encode_in_parts(fasta, None, tmp_path / "work", Shard(1, 2), None)
    packed(fasta, b">one\n" + b"TCGT\n" * 9, "plain")
    encode_in_parts(fasta, tmp_path / "out", tmp_path / "work", None, None)
    assert "unfinished work of other inputs or options; not used" in caplog.text
    assert np.load(tmp_path / "out" / "codes.npy")[:2].tolist() == [3, 1]


def test_plain_text_is_not_read_from_its_start_by_each_shard(tmp_path, monkeypatch):
    small(monkeypatch, 100, 50)
    fasta = packed(tmp_path / "g.fa", b">one\n" + b"ACGT\n" * 2_000, "plain")
    read, passed = [], encode_parts._Text._passed
    monkeypatch.setattr(
        encode_parts._Text, "_passed", lambda self, text: read.append(len(text)) or passed(self, text)
    )
    encode_in_parts(fasta, None, tmp_path / "work", Shard(9, 9), None)
    assert sum(read) < 2_000


def test_another_number_of_shards_goes_on_with_the_same_parts_and_a_damaged_one_is_refused(
    tmp_path, monkeypatch
):
    small(monkeypatch, 10)
    fasta = packed(tmp_path / "g.fa", b">one\n" + b"ACGT\n" * 50, "plain")
    build_genome(fasta, tmp_path / "whole")
    for shard in (Shard(1, 2), Shard(2, 3), Shard(5, 5)):
        encode_in_parts(fasta, None, tmp_path / "work", shard, None)
    encode_in_parts(fasta, None, tmp_path / "work", Shard(1, 1), None)
    part = next(tmp_path.glob("work/.work-*/part-000003.arrow"))
    content = part.read_bytes()
    part.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
    with pytest.raises(DanqError, match=r"part-000003.arrow: damaged; remove .* and start again"):
        encode_in_parts(fasta, tmp_path / "out", tmp_path / "work", None, None)
    assert not (tmp_path / "out").exists()
    part.write_bytes(content)
    encode_in_parts(fasta, tmp_path / "out", tmp_path / "work", None, None)
    assert_same(tmp_path / "out", tmp_path / "whole")


@pytest.mark.parametrize("kept", ["40", "", "x", "40 x"])
def test_a_damaged_number_of_bytes_is_counted_again(tmp_path, monkeypatch, kept):
    small(monkeypatch, 40)
    fasta = packed(tmp_path / "g.fa.gz", b">a\n" + b"ACGT" * 40 + b"\n", "gzip")
    encode_in_parts(fasta, None, tmp_path / "work", Shard(1, 2), None)
    [note] = tmp_path.glob("work/.work-*/bytes")
    assert note.read_text().startswith("164 ")
    note.write_text(kept)
    encode_in_parts(fasta, tmp_path / "parts", tmp_path / "work", None, None)
    build_genome(fasta, tmp_path / "whole")
    assert_same(tmp_path / "parts", tmp_path / "whole")


def test_a_result_that_cannot_be_written_is_refused_before_anything_is_encoded(tmp_path):
    (tmp_path / "g.fa").write_text(">a\nACGT\n")
    (tmp_path / "out").touch()
    with pytest.raises(DanqError, match="out: expected a directory, received a file"):
        encode_in_parts(tmp_path / "g.fa", tmp_path / "out", tmp_path / "work", None, None)
    assert not list(tmp_path.glob("work/.work-*/part-*"))
