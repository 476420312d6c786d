"""A genome from FASTA, against pyfaidx and naive loops."""

import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
import pyfaidx
import pytest
from Bio import bgzf
from hypothesis import given, settings
from hypothesis import strategies as st

from danq.errors import DanqError
from danq.genome import fasta_text as records
from danq.genome.alphabet import decode
from danq.genome.encode import build_genome
from danq.genome.fasta import Genome, open_genome
from danq.genome.indexed import open_genome_or_fasta

SEQUENCES = st.lists(st.text("ACGTNacgtnRykU", min_size=1, max_size=40), min_size=1, max_size=4)


def fasta(sequences: list[str], width: int = 10, end: str = "\n") -> bytes:
    lines = []
    for number, sequence in enumerate(sequences, 1):
        lines.append(f">c{number} note {number}")
        lines += [sequence[at : at + width] for at in range(0, len(sequence), width)]
    return (end.join(lines) + end).encode()


def made(folder: Path, text: bytes, name: str = "genome.fa") -> Genome:
    (folder / name).write_bytes(text)
    build_genome(folder / name, folder / "out")
    return open_genome(folder / "out")


def read_as_n(sequence: str) -> str:
    """What a stretch of letters means, one letter at a time."""
    return "".join(
        "T" if letter == "U" else letter if letter in "ACGT" else "N" for letter in sequence.upper()
    )


def contigs(genome: Genome) -> dict[str, str]:
    return {name: decode(genome.contig(index)) for index, name in enumerate(genome.names)}


@settings(max_examples=50, deadline=None)
@given(SEQUENCES, st.integers(1, 50), st.sampled_from(["plain", "gzip", "bgzip"]))
def test_contigs_equal_those_that_pyfaidx_reads(sequences: list[str], width: int, kind: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = fasta(sequences, width)
        with bgzf.BgzfWriter(folder / "blocks.gz") as stream:
            stream.write(plain)
        (folder / "plain.fa").write_bytes(plain)
        data = {
            "plain": plain,
            "gzip": gzip.compress(plain),
            "bgzip": (folder / "blocks.gz").read_bytes(),
        }[kind]
        oracle_source = folder / ("blocks.gz" if kind == "bgzip" else "plain.fa")
        with pyfaidx.Fasta(oracle_source, indexname=folder / "index.fai") as oracle:
            expected = {record.name: read_as_n(str(record)) for record in oracle}
        assert contigs(made(folder, data)) == expected


@settings(max_examples=100, deadline=None)
@given(SEQUENCES, st.integers(1, 30), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]))
def test_pieces_of_any_size_give_the_same_genome(
    sequences: list[str], width: int, piece: int, end: str
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "PIECE_BYTES", piece)
        genome = made(Path(name), fasta(sequences, width, end))
        assert list(contigs(genome).values()) == [read_as_n(sequence) for sequence in sequences]


@settings(max_examples=50, deadline=None)
@given(SEQUENCES, st.integers(1, 40))
def test_counts_equal_those_over_letters(sequences: list[str], piece: int) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "PIECE_BYTES", piece)
        made(Path(name), fasta(sequences))
        manifest = json.loads((Path(name) / "out" / "genome.json").read_text())
    letters = "".join(sequences)
    assert manifest["soft_masked"] == sum(letter.islower() for letter in letters)
    assert manifest["iupac_to_n"] == sum(letter.upper() in "RYK" for letter in letters)
    for entry, sequence in zip(manifest["contigs"], map(read_as_n, sequences), strict=True):
        known = len(sequence) - sequence.count("N")
        assert (entry["length"], entry["n"]) == (len(sequence), sequence.count("N"))
        gc = (sequence.count("G") + sequence.count("C")) / known if known else None
        assert entry["gc"] == (None if gc is None else pytest.approx(gc))


def test_a_genome_directory_holds_what_the_formats_page_says(tmp_path: Path) -> None:
    genome = made(tmp_path, fasta(["ACGTN", "GGG"]))
    codes = np.load(tmp_path / "out" / "codes.npy")
    assert codes.dtype == np.uint8
    assert codes.tolist() == [0, 1, 2, 3, 4, 2, 2, 2]
    assert (tmp_path / "out" / "contigs.tsv").read_text() == "name\toffset\tlength\nc1\t0\t5\nc2\t5\t3\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "codes.npy",
        "contigs.tsv",
        "genome.json",
        "iupac.npy",
    ]
    assert isinstance(genome.codes, np.memmap)
    assert not genome.codes.flags.writeable
    assert genome.index("c2") == 1
    with pytest.raises(DanqError, match="no contig 'c3'; the genome has c1, c2"):
        genome.index("c3")


def test_ambiguity_letters_are_kept_beside_the_codes(tmp_path: Path) -> None:
    genome = made(tmp_path, fasta(["ACrTNX", "yGGVn"], 2, "\r\n"))
    rows = np.load(tmp_path / "out" / "iupac.npy")
    assert [(int(position), chr(letter)) for position, letter in rows] == [(2, "R"), (6, "Y"), (9, "V")]
    assert genome.ambiguity is not None
    assert genome.ambiguity.reduced(0, 0, 6) == b"NNANNN"
    assert genome.ambiguity.reduced(1, 0, 5) == b"CNNAN"
    assert genome.ambiguity.reduced(1, 1, 2) == b"NN"
    for number, letter in enumerate("RYSWKMBDHV"):
        one = made(tmp_path, fasta([letter])).ambiguity
        assert one is not None
        assert one.reduced(0, 0, 1).decode() == "ACCAGACAAA"[number]
    none = made(tmp_path, fasta(["ACGTNX"])).ambiguity
    assert none is not None
    assert none.reduced(0, 1, 3) == b"NNN"


def test_letters_that_changed_on_disk_are_refused(tmp_path: Path) -> None:
    made(tmp_path, fasta(["ACRT"]))
    path = tmp_path / "out" / "iupac.npy"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"Y")
    with pytest.raises(DanqError, match=r"iupac.npy: damaged"):
        open_genome(tmp_path / "out")
    path.unlink()
    with pytest.raises(DanqError, match=r"iupac.npy: no such file"):
        open_genome(tmp_path / "out")


def test_the_digest_ignores_compression_line_width_and_case(tmp_path: Path) -> None:
    forms = {
        "wide.fa": fasta(["ACGTNACG", "GGG"], 60),
        "narrow.fa": fasta(["ACGTNACG", "GGG"], 3, "\r\n"),
        "soft.fa.gz": gzip.compress(fasta(["acGTNacg", "ggG"])),
    }
    digests = {made(tmp_path, text, name).digest for name, text in forms.items()}
    assert len(digests) == 1
    assert made(tmp_path, fasta(["ACGTNACT", "GGG"])).digest not in digests
    assert made(tmp_path, fasta(["GGG", "ACGTNACG"])).digest not in digests


def test_two_runs_write_equal_arrays_and_tables(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_bytes(fasta(["ACGTN", "GGG"]))
    for run in ("one", "two"):
        build_genome(tmp_path / "g.fa", tmp_path / run)
    for name in ("codes.npy", "contigs.tsv", "iupac.npy"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_damaged_table_of_contigs_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    made(tmp_path, fasta(["ACGT"]))
    (table,) = tmp_path.rglob("contigs.tsv")
    table.write_text(table.read_text().replace("c1", "c7"))
    with pytest.raises(DanqError, match=rf"received others; remove {table.parent} and make it again"):
        open_genome(table.parent)


def test_contigs_of_one_sequence_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.fa").write_text(">chrM\nACGTA\n>chr1\nACGTT\n>MT\nacg\nta\n>gap\nNN\n>other\nNN\n")
    build_genome(tmp_path / "a.fa", tmp_path / "out")
    assert "a.fa: 1 contigs have the sequence of another: MT = chrM; `exclude_contigs`" in caplog.text


def test_nothing_is_written_beside_the_input(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "g.fa"
    source.write_bytes(fasta(["ACGT"]))
    (tmp_path / "in").chmod(0o555)
    build_genome(source, tmp_path / "out")
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["g.fa"]


BAD = {
    "sequence before a header": (b"ACGT\n>c1\nACGT\n", ":1: expected a header that starts with `>`"),
    "blank lines, then no header": (b"\n\n ACGT\n", ":3: expected a header"),
    "contig twice": (b">c1\nACGT\n>c2\nAC\n>c1 again\nAC\n", ":5: contig 'c1' stands in line 1 already"),
    "contig without sequence": (b">c1\nACGT\n>c2\n\n>c3\nAC\n", ":3: contig 'c2' has no sequence"),
    "last contig without sequence": (b">c1\nACGT\n>c2", ":3: contig 'c2' has no sequence"),
    "header without a name": (b">c1\nACGT\n> c2\nAC\n", ":3: expected `>` and a name"),
    "protein": (b">p\nMKV\nLAE\n", ":3: expected nucleotide letters, received 'L' (a protein?)"),
    "gap": (b">c1\nACGT\n>c2\nAC-T\n", ":4: expected nucleotide letters, received '-'"),
    "header inside a line": (b">c1\nAC>c2\nAC\n", ":2: expected nucleotide letters, received '>'"),
    "binary after a header": (
        b">c1\nAC\nA\x00C\n",
        ":3: expected nucleotide letters, received the byte 0x00",
    ),
    "binary": (bytes(range(128, 256)) * 10, ":1: expected FASTA text, received binary data"),
    "binary header": (b">\xff\xfe\nACGT\n", ":1: expected a text header, received binary data"),
    "empty": (b"", ": expected FASTA records, received an empty file"),
    "blank": (b"\n \n", ": expected FASTA records, received an empty file"),
    "truncated gzip": (gzip.compress(fasta(["ACGT" * 1000]))[:-20], ": the compressed file is truncated"),
    "damaged gzip": (b"\x1f\x8b" + b"\x07" * 40, ": the compressed file is damaged"),
    "endless header": (b">" + b"A" * (3 << 20), ":1: expected lines that end with LF or CRLF"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_fasta_is_refused_with_its_line_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    source = tmp_path / "bad.fa"
    source.write_bytes(text)
    for read in (lambda: build_genome(source, tmp_path / "out"), lambda: open_genome_or_fasta(source)):
        with pytest.raises(DanqError) as refused:
            read()
        assert str(refused.value).startswith(f"{source}{message}")
        assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.fa"]


def test_a_bad_letter_far_into_a_file_is_named_by_its_line(tmp_path: Path) -> None:
    lines = [">c1"] + ["ACGT" * 15] * 50_000
    lines[40_000] = "ACGTACGZ"
    (tmp_path / "bad.fa").write_text("\n".join(lines))
    with pytest.raises(DanqError, match=r"bad\.fa:40001: expected nucleotide letters, received 'Z'"):
        build_genome(tmp_path / "bad.fa", tmp_path / "out")


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DanqError, match="no such file"):
        build_genome(tmp_path / "absent.fa", tmp_path / "out")
    with pytest.raises(DanqError, match="expected a file, received a directory"):
        build_genome(tmp_path, tmp_path / "out")


def test_windows_past_both_ends_are_padded_with_n(tmp_path: Path) -> None:
    genome = made(tmp_path, fasta(["ACGT", "GGGGGGG"]))
    cut = genome.windows(np.array([0, 0, 0, 0, 0, 1]), np.array([-2, 1, 3, -9, 9, 3]), 4)
    assert [decode(row) for row in cut] == ["NNAC", "CGTN", "TNNN", "NNNN", "NNNN", "GGGG"]


@settings(max_examples=100, deadline=None)
@given(
    SEQUENCES, st.lists(st.tuples(st.integers(0, 3), st.integers(-60, 60)), max_size=8), st.integers(1, 50)
)
def test_windows_equal_a_naive_loop(sequences: list[str], places: list[tuple[int, int]], length: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        genome = made(Path(name), fasta(sequences))
        places = [(contig % len(sequences), start) for contig, start in places]
        naive = [
            "".join(
                read_as_n(sequences[contig])[at] if 0 <= at < len(sequences[contig]) else "N"
                for at in range(start, start + length)
            )
            for contig, start in places
        ]
        where = np.array(places, np.int64).reshape(-1, 2)
        cut = genome.windows(where[:, 0], where[:, 1], length)
        assert cut.shape == (len(places), length)
        assert [decode(row) for row in cut] == naive


def test_a_window_without_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DanqError, match="window of at least 1 bp, received 0"):
        made(tmp_path, fasta(["ACGT"])).windows(np.array([0]), np.array([0]), 0)


def test_a_directory_that_is_no_whole_genome_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DanqError, match=r"no such file; .* is no danq genome"):
        open_genome(tmp_path)
    made(tmp_path, fasta(["ACGTACGT"]))
    codes, manifest = tmp_path / "out" / "codes.npy", tmp_path / "out" / "genome.json"
    whole = codes.read_bytes()
    codes.write_bytes(whole[:-3])
    with pytest.raises(DanqError, match="received a damaged file"):
        open_genome(tmp_path / "out")
    np.save(codes, np.zeros(5, np.uint8))
    with pytest.raises(DanqError, match=r"expected uint8 of shape \(8,\), received uint8 of shape \(5,\)"):
        open_genome(tmp_path / "out")
    codes.unlink()
    with pytest.raises(DanqError, match="is no complete genome"):
        open_genome(tmp_path / "out")
    codes.write_bytes(whole)
    manifest.write_text(manifest.read_text().replace('"format_version": 1', '"format_version": 99'))
    with pytest.raises(DanqError, match="expected genome format version 1, received 99"):
        open_genome(tmp_path / "out")


def test_yeast_has_the_known_lengths(real_data: Path, tmp_path: Path) -> None:
    """Lengths of sacCer3 (yeast/genome of the real data), from one gzip member a contig."""
    folder = real_data / "yeast" / "genome"
    whole = b"".join((folder / f"{name}.fa.gz").read_bytes() for name in ("chrI", "chrVII", "chrM"))
    genome = made(tmp_path, whole, "yeast.fa.gz")
    assert dict(zip(genome.names, genome.lengths.tolist(), strict=True)) == {
        "chrI": 230_218,
        "chrVII": 1_090_940,
        "chrM": 85_779,
    }
