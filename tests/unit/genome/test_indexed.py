"""A genome read straight from a FASTA, against the same FASTA encoded."""

import gzip
import os
import tempfile
from pathlib import Path

import numpy as np
import pysam
import pytest
from Bio import bgzf
from hypothesis import given, settings
from hypothesis import strategies as st

from danq import contents
from danq.errors import DanqError
from danq.genome import fasta_text, indexed
from danq.genome.alphabet import N
from danq.genome.encode import build_genome
from danq.genome.fasta import Genome, open_genome
from danq.genome.indexed import IndexedContig, open_genome_or_fasta

SEQUENCES = st.lists(st.text("ACGTNacgtnRykU", min_size=1, max_size=40), min_size=1, max_size=4)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, for files that were changed just now, as those of a test are."""
    monkeypatch.setattr(contents, "_SETTLED_NS", -1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "danq"


def written(path: Path, text: bytes, seconds: int = 60) -> Path:
    """A file that was changed some seconds ago."""
    path.write_bytes(text)
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    return path


def encoded(fasta: Path, folder: Path) -> Genome:
    build_genome(fasta, folder)
    return open_genome(folder)


def is_indexed(genome: Genome) -> bool:
    return isinstance(genome.contig(0), IndexedContig)


def assert_same(received: Genome, expected: Genome) -> None:
    assert (received.names, received.digest) == (expected.names, expected.digest)
    assert received.lengths.tolist() == expected.lengths.tolist()
    assert received.offsets.tolist() == expected.offsets.tolist()
    contigs = np.repeat(np.arange(len(expected.names)), 130)
    starts = np.tile(np.arange(-60, 70), len(expected.names))
    for length in (1, 7, 50):
        cut = received.windows(contigs, starts, length)
        assert cut.tobytes() == expected.windows(contigs, starts, length).tobytes()
    for index, length in enumerate(expected.lengths.tolist()):
        received_contig, expected_contig = received.contig(index), expected.contig(index)
        assert len(received_contig) == length
        assert received_contig[:].tobytes() == expected_contig[:].tobytes()
        for first in range(0, length, 5):
            assert received_contig[first : first + 9].tolist() == expected_contig[first : first + 9].tolist()
        assert received_contig[length:].tolist() == received_contig[3:3].tolist() == []
        assert received.ambiguity is not None
        assert expected.ambiguity is not None
        assert received.ambiguity.digest == expected.ambiguity.digest
        letters = [genome.ambiguity.reduced(index, 0, length) for genome in (received, expected)]
        unknown = np.flatnonzero(expected_contig[:] == N)
        assert [letters[0][place] for place in unknown] == [letters[1][place] for place in unknown]


@settings(max_examples=60)
@given(
    SEQUENCES,
    st.integers(1, 45),
    st.integers(1, 60),
    st.sampled_from([b"\n", b""]),
    st.booleans(),
)
def test_any_regular_fasta_equals_itself_encoded(
    sequences: list[str], width: int, piece: int, end: bytes, blank: bool
) -> None:
    records = [
        f">c{number} note >\n"
        + "\n".join(letters[at : at + width] for at in range(0, len(letters), width))
        + "\n" * blank
        for number, letters in enumerate(sequences)
    ]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta_text, "PIECE_BYTES", piece)
        fasta = written(Path(name) / "genome.fa", "\n".join(records).encode() + end)
        genome = open_genome_or_fasta(fasta)
        assert is_indexed(genome)
        assert genome.path == fasta
        assert_same(genome, encoded(fasta, Path(name) / "out"))


IRREGULAR = {
    "a short line within": b">a\nACGT\nACG\nACGT\n>b\nAC\n",
    "a long line": b">a\nACGT\nACGTA\n>b\nAC\n",
    "a long line without its end": b">b\nAC\n>a\nACGT\nACGTA",
    "a blank line within": b">a\nACGT\n\nACGT\n>b\nAC\n",
    "a blank line before": b">a\n\nACGT\nACGT\n>b\nAC\n",
    "CRLF": b">a\r\nACGT\r\nAC\r\n>b\r\nAC\r\n",
    "a mix of line ends": b">a\nACGT\r\nACGTA\nACGTA\n>b\nAC\n",
    "gzip": gzip.compress(b">a\nACGT\nAC\n>b\nAC\n"),
}


@pytest.mark.parametrize("case", IRREGULAR)
@pytest.mark.parametrize("piece", [1, 3, 1 << 20])
def test_what_no_index_describes_is_encoded_and_leaves_nothing(
    case: str, piece: int, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(fasta_text, "PIECE_BYTES", piece)
    fasta = written(tmp_path / "genome.fa", IRREGULAR[case])
    genome = open_genome_or_fasta(fasta)
    assert not is_indexed(genome)
    assert genome.path == fasta
    assert_same(genome, encoded(fasta, tmp_path / "out"))
    assert not list((tmp_path / "tmp").iterdir())
    assert not cache.exists()


def test_bgzip_is_read_across_its_blocks(tmp_path: Path, cache: Path) -> None:
    letters = np.frombuffer(b"ACGTacgtN", np.uint8)[
        np.random.default_rng(1).integers(0, 9, 300_000)
    ].tobytes()
    lines = b"\n".join(letters[at : at + 60] for at in range(0, len(letters), 60))
    plain = written(tmp_path / "plain.fa", b">a\n" + lines + b"\n>b\n" + lines[:5000] + b"\n")
    pysam.tabix_compress(str(plain), str(tmp_path / "blocks.fa.gz"))
    expected = encoded(plain, tmp_path / "out")
    os.utime(tmp_path / "blocks.fa.gz", (1, 1))
    for _ in ("indexed now", "indexed before"):
        genome = open_genome_or_fasta(tmp_path / "blocks.fa.gz")
        assert is_indexed(genome)
        assert_same(genome, expected)
        starts = np.arange(-10, 300_010, 997)
        contigs = np.zeros(len(starts), np.int64)
        windows = [each.windows(contigs, starts, 1000) for each in (genome, expected)]
        assert np.array_equal(*windows)
    assert len(list(cache.iterdir())) == 1
    assert not list(tmp_path.glob("*.fai")) + list(tmp_path.glob("*.gzi"))


def test_blocks_of_64_kib_which_pyfaidx_cannot_seek_in_are_encoded(tmp_path: Path) -> None:
    with bgzf.BgzfWriter(tmp_path / "blocks.fa.gz") as stream:
        stream.write(b">a\n" + b"ACGT" * 50_000 + b"\n")
    genome = open_genome_or_fasta(tmp_path / "blocks.fa.gz")
    assert not is_indexed(genome)
    assert genome.lengths.tolist() == [200_000]


@pytest.mark.parametrize("name", ["plain.fa.gz", "blocks.fa"])
def test_a_name_that_belies_the_compression_changes_nothing(name: str, tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.fa", b">a\nACGT\nAC\n")
    if name == "blocks.fa":
        pysam.tabix_compress(str(plain), str(tmp_path / name))
    else:
        (tmp_path / name).write_bytes(plain.read_bytes())
    assert_same(open_genome_or_fasta(tmp_path / name), encoded(plain, tmp_path / "out"))


def test_a_fasta_is_read_once_until_it_changes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[Path] = []

    def counted(fasta: Path) -> object:
        readings.append(fasta)
        return fasta_text.encoded_pieces(fasta)

    monkeypatch.setattr(indexed, "encoded_pieces", counted)
    folder = tmp_path / "in"
    folder.mkdir()
    fasta = written(folder / "g.fa", b">a\nACGT\nAC\n")
    first, again = open_genome_or_fasta(fasta), open_genome_or_fasta(fasta)
    assert readings == [fasta]
    assert_same(first, again)
    [kept] = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:-9])
    assert_same(open_genome_or_fasta(fasta), again)
    assert readings == [fasta, fasta]
    written(fasta, b">a\nTTTT\nAC\n", 40)
    assert open_genome_or_fasta(fasta).contig(0)[:].tolist() == [3, 3, 3, 3, 0, 1]
    assert readings == [fasta] * 3
    assert [path.name for path in folder.iterdir()] == ["g.fa"]
    assert len(list(cache.iterdir())) == 2


def test_a_time_of_change_to_come_is_no_matter(tmp_path: Path) -> None:
    assert is_indexed(open_genome_or_fasta(written(tmp_path / "g.fa", b">a\nACGT\n", -9999)))


def test_the_index_of_a_file_that_may_still_change_is_not_kept(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_SETTLED_NS", 60_000_000_000)
    assert is_indexed(open_genome_or_fasta(written(tmp_path / "g.fa", b">a\nACGT\n", 0)))
    assert not cache.exists()


def test_a_fasta_changed_in_place_with_its_old_time_is_read_again(tmp_path: Path, cache: Path) -> None:
    fasta = written(tmp_path / "g.fa", b">a\nACGT\nAC\n")
    before, then = open_genome_or_fasta(fasta), fasta.stat()
    with fasta.open("r+b") as stream:
        stream.write(b">a\nTTTT\nAC\n")
    os.utime(fasta, ns=(then.st_atime_ns, then.st_mtime_ns))
    after = open_genome_or_fasta(fasta)
    assert after.contig(0)[:].tolist() == [3, 3, 3, 3, 0, 1]
    assert after.digest != before.digest


@pytest.mark.parametrize("damage", [b'["a","b","c","d","e"]', b"[[],[]]", b"{", b"[" * 100_000])
def test_a_damaged_index_is_made_again(tmp_path: Path, cache: Path, damage: bytes) -> None:
    fasta = written(tmp_path / "g.fa", b">a\nACGT\nAC\n")
    expected = open_genome_or_fasta(fasta)
    [kept] = cache.iterdir()
    whole = kept.read_bytes()
    for bad in (damage, whole.replace(b"6", b"5", 1)):
        kept.write_bytes(bad)
        assert_same(open_genome_or_fasta(fasta), expected)
    assert kept.read_bytes() == whole


def test_bgzip_cut_between_two_blocks_is_refused(tmp_path: Path) -> None:
    fasta = tmp_path / "g.fa.gz"
    with pysam.BGZFile(str(fasta), "wb") as stream:
        stream.write(b">a\n" + b"ACGT\n" * 40_000)
    data = fasta.read_bytes()
    fasta.write_bytes(data[:-28])
    for reading in (open_genome_or_fasta, lambda path: build_genome(path, tmp_path / "out")):
        with pytest.raises(DanqError, match="truncated"):
            reading(fasta)


@pytest.mark.parametrize("home", ["a file", "none"])
def test_without_a_cache_a_fasta_is_read_each_time(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if home == "none":
        monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(written(tmp_path / "file", b"")))
    genome = open_genome_or_fasta(written(tmp_path / "g.fa", b">a\nACGT\n"))
    assert is_indexed(genome)
    assert genome.contig(0)[1:3].tolist() == [1, 2]


def test_a_file_that_changes_while_it_is_used_is_refused(tmp_path: Path) -> None:
    fasta = written(tmp_path / "g.fa", b">a\nACGT\nAC\n")
    genome = open_genome_or_fasta(fasta)
    with fasta.open("r+b") as stream:
        stream.truncate(5)
    with pytest.raises(DanqError, match=r"g\.fa: the file changed while it was read"):
        genome.contig(0)[0:6]


@pytest.mark.parametrize("name", ["g.fa", "g.fa.gz"])
def test_other_bases_of_the_same_length_are_refused_too(name: str, tmp_path: Path) -> None:
    texts = [b">a\n" + letters * 20 + b"\n" for letters in (b"ACGT", b"AGGT")]
    for text, file in zip(texts, ("g.fa", "other.fa"), strict=True):
        written(tmp_path / file, text)
        pysam.tabix_compress(str(tmp_path / file), str(tmp_path / f"{file}.gz"))
    fasta, other = tmp_path / name, tmp_path / name.replace("g.", "other.")
    genome = open_genome_or_fasta(fasta)
    assert genome.contig(0)[:4].tolist() == [0, 1, 2, 3]
    fasta.write_bytes(other.read_bytes())
    with pytest.raises(DanqError, match="the file changed while it was read"):
        genome.contig(0)[:4]


def test_what_cannot_be_read_is_refused_as_in_encoding(tmp_path: Path) -> None:
    with pytest.raises(DanqError, match="no such file"):
        open_genome_or_fasta(tmp_path / "absent.fa")
    with pytest.raises(DanqError, match="is no danq genome"):
        open_genome_or_fasta(tmp_path)
