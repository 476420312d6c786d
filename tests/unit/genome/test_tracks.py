"""Intervals from files: the fast reader against the plain one and both against a naive parser."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danq.errors import DanqError
from danq.genome.encode import build_genome
from danq.genome.fasta import Genome, open_genome
from danq.genome.intervals import Intervals
from danq.genome.track_formats import BED, NARROW_PEAK
from danq.genome.track_readers import bed_frame, bed_records, gff_frame, gff_records
from danq.genome.tracks import place_intervals, read_intervals

GFF = """##gff-version 3
# a comment
chrI\tsgd\tgene\t1\t10\t.\t+\t.\tID=1
###
chrI\tsgd\tCDS\t3\t8\t.\t+\t0\tID=2
chrII\tsgd\tCDS\t5\t5\t.\t-\t0\tID=3;Note=a#b
##FASTA
>chrI
ACGT
"""


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Genome:
    folder = tmp_path_factory.mktemp("genome")
    (folder / "g.fa").write_text(f">chrI\n{'ACGT' * 25}\n>chrII\n{'ACGT' * 5}\n")
    build_genome(folder / "g.fa", folder / "out")
    return open_genome(folder / "out")


def rows(intervals: Intervals) -> list[tuple[str, int, int, int]]:
    columns = (intervals.contig, intervals.start, intervals.end, intervals.summit)
    return [(intervals.names[c], s, e, m) for c, s, e, m in zip(*(a.tolist() for a in columns), strict=True)]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


ACCEPTED = {
    "three columns": "chrI\t1\t5\nchrII\t0\t3\n",
    "no last line end": "chrI\t1\t5\nchrII\t0\t3",
    "windows line ends": "chrI\t1\t5\r\nchrII\t0\t3\r\n",
    "headers": "browser position chrI:1-5\ntrack name=a\n#a\tb\nchrI\t1\t5\n#b\ntrack name=b\nchrII\t0\t3\n",
    "blank lines": "\nchrI\t1\t5\n\n  \nchrII\t0\t3\n\n\n",
    "spaces": "chrI  1   5\nchrII 0 3\n",
    "tabs and spaces": "chrI\t1\t5\nchrII 0 3\n",
    "signs": "chrI\t+1\t5\nchrII\t0\t 3\n",
    "six columns": "chrI\t1\t5\tpeak #1\t0\t+\nchrII\t0\t3\t\t0\t-\n",
    "nine columns": "chrI\t1\t5\ta\t0\t+\t1\t5\t0\nchrII\t0\t3\tb\t0\t-\t0\t3\t0\n",
    "twelve columns": "chrI\t1\t5\ta\t0\t+\t1\t5\t0\t1\t4\t0\nchrII\t0\t3\tb\t0\t-\t0\t3\t0\t1\t3\t0\n",
    "quotes": 'chrI\t1\t5\t"a\nchrII\t0\t3\tb"\n',
}


@pytest.mark.parametrize("case", ACCEPTED)
@pytest.mark.parametrize("compressed", [False, True])
def test_bed_in_every_form(case: str, compressed: bool, tmp_path: Path) -> None:
    text = ACCEPTED[case].encode()
    path = written(tmp_path / f"a.bed{'.gz' * compressed}", gzip.compress(text) if compressed else text)
    assert rows(read_intervals(path)) == [("chrI", 1, 5, 3), ("chrII", 0, 3, 1)]


def test_arrays_have_the_promised_types(tmp_path: Path) -> None:
    for text in (ACCEPTED["three columns"], ACCEPTED["spaces"], ""):
        read = read_intervals(written(tmp_path / "a.bed", text))
        types = [array.dtype for array in (read.contig, read.start, read.end, read.summit)]
        assert types == [np.int32, np.int64, np.int64, np.int64]


@pytest.mark.parametrize("text", ["", "\n", "track name=a\n# nothing\n"])
def test_a_file_without_intervals_is_empty(text: str, tmp_path: Path, genome: Genome) -> None:
    path = written(tmp_path / "a.bed", text)
    read = read_intervals(path)
    assert read.names == ()
    assert rows(read) == []
    assert len(place_intervals(path, genome).contig) == 0


def test_summits_of_narrow_peaks(tmp_path: Path) -> None:
    peaks = "chrI\t10\t20\tp\t0\t.\t1.5\t-1\t3e-2\t{}\n"
    text = peaks.format(0) + peaks.format(9) + peaks.format(-1)
    for name in ("a.narrowPeak", "a.narrowPeak.gz", "a.bed", "a.NARROWPEAK"):
        data = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
        assert read_intervals(written(tmp_path / name, data)).summit.tolist() == [10, 19, 15]


def test_broad_peaks_have_their_midpoint(tmp_path: Path) -> None:
    path = written(tmp_path / "a.broadPeak", "chrI\t10\t21\tp\t0\t.\t1.5\t-1\t3e-2\n")
    assert read_intervals(path).summit.tolist() == [15]


BAD = {
    "start after end": ("chrI\t1\t5\n#\nchrI\t9\t8\n", ":3: expected start <= end, received 9 and 8"),
    "start no integer": ("chrI\t1.0\t8\n", ":1: expected an integer start, received '1.0'"),
    "end no integer": ("chrI\t1\t5\nchrI\t1\tx\n", ":2: expected an integer end, received 'x'"),
    "end empty": ("chrI\t1\t\n", ":1: expected an integer end, received ''"),
    "other digits": ("chrI\t١\t8\n", ":1: expected an integer start, received '١'"),
    "too long a number": ("chrI\t1\t9999999999999999999\n", ":1: expected an integer end"),
    "no contig": ("\t1\t5\n", ":1: expected a contig in column 1"),
    "two columns": ("chrI\t1\n", ":1: expected at least 3 columns (BED), received 2"),
    "commas": ("chrI,1,5\n", ":1: expected at least 3 columns (BED), received 1"),
    "header of columns": (
        "chrom\tstart\tend\nchrI\t1\t5\n",
        ":1: expected an integer start, received 'start'",
    ),
    "binary": (b"\x89HDF\r\n\x1a\n\xff\xfe", ":1: expected UTF-8 text"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_named(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    path = written(tmp_path / "a.bed", text)
    with pytest.raises(DanqError) as refused:
        read_intervals(path)
    assert str(refused.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(("name", "columns"), [("a.narrowPeak", 10), ("a.broadPeak.gz", 9)])
def test_peak_files_have_their_number_of_columns(name: str, columns: int, tmp_path: Path) -> None:
    whole = "chrI\t1\t5" + "\t3" * (columns - 3) + "\n"
    path = written(tmp_path / name, whole + "chrI\t1\t5\n")
    with pytest.raises(
        DanqError, match=rf":2: expected at least {columns} columns \({name[2:11]}.*received 3"
    ):
        read_intervals(path)


def test_a_missing_file_a_directory_and_a_truncated_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DanqError, match="no such file"):
        read_intervals(tmp_path / "absent.bed")
    with pytest.raises(DanqError, match="received a directory"):
        read_intervals(tmp_path)
    whole = gzip.compress(b"".join(b"chrI\t%d\t%d\n" % (i * i, i * i + 7) for i in range(1000)))
    with pytest.raises(DanqError, match="truncated"):
        read_intervals(written(tmp_path / "a.bed.gz", whole[:-30]))


CONTIGS = st.sampled_from(["chrI", "II", "NC_1.1", "scaffold#3"])
PLACES = st.tuples(CONTIGS, st.integers(0, 10**9), st.integers(1, 10**6), st.integers(-1, 10))


def line(place: tuple[str, int, int, int], columns: int) -> str:
    contig, start, length, offset = place
    offset = min(offset, length - 1)
    fields = [contig, start, start + length, "n a#m'e\"", 960, "+", 1.5, -1, "0,0,0", offset, "3,4", "0,9"]
    return "\t".join(map(str, fields[:columns]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(PLACES, max_size=20), st.sampled_from([3, 4, 5, 6, 8, 9, 10, 12]), st.booleans(), st.booleans()
)
def test_both_readers_equal_a_naive_parser(
    tmp_path_factory: pytest.TempPathFactory,
    places: list[tuple[str, int, int, int]],
    columns: int,
    comment: bool,
    narrow: bool,
) -> None:
    form = NARROW_PEAK if narrow and columns >= 10 else BED
    text = "".join(line(place, columns) + "\n" + "# comment\n" * comment for place in places)
    name = "naive.narrowPeak" if form is NARROW_PEAK else "naive.bed"
    path = written(tmp_path_factory.getbasetemp() / name, text)
    naive, offsets = [], []
    for contig, start, length, offset in places:
        offset = min(offset, length - 1) if form is NARROW_PEAK else -1
        summit = start + offset if offset >= 0 else (start + start + length) // 2
        naive.append((contig, start, start + length, summit))
        offsets.append((contig, start, start + length, offset))
    assert [tuple(record[1:5]) for record in bed_records(path, form, path.read_bytes())] == offsets
    assert rows(read_intervals(path)) == naive
    fast = bed_frame(text.encode(), form)
    if places:
        assert fast is not None, "the fast reader must cope with regular files"
        assert fast.select("contig", "start", "end", "offset").rows() == offsets


FIELD = st.sampled_from(
    ["chrI", "5", "7", "12", "-1", "+3", " 4", "5 ", "", "x", "1e3", "#", "track", "9" * 19]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(FIELD, min_size=1, max_size=4).map("\t".join), max_size=4),
    st.sampled_from(["\n", "\r\n"]),
)
def test_the_fast_reader_never_accepts_what_the_plain_one_refuses(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str
) -> None:
    path = written(tmp_path_factory.getbasetemp() / "odd.bed", end.join(lines))
    fast = bed_frame("\n".join(lines).encode(), BED)
    try:
        plain = [tuple(record[1:5]) for record in bed_records(path, BED, path.read_bytes())]
    except DanqError:
        assert fast is None
        return
    assert fast is None or fast.rows() == plain


def test_gff_becomes_zero_based_and_half_open(tmp_path: Path) -> None:
    for name, data in (("a.gff3", GFF.encode()), ("a.gff.gz", gzip.compress(GFF.encode()))):
        path = written(tmp_path / name, data)
        assert rows(read_intervals(path, "CDS")) == [("chrI", 2, 8, 5), ("chrII", 4, 5, 4)]
        assert rows(read_intervals(path, "gene")) == [("chrI", 0, 10, 5)]


def test_gff_without_or_with_an_absent_type_lists_the_types(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gff3", GFF)
    with pytest.raises(DanqError, match=r"a\.gff3: a GFF file needs `feature`.*it has CDS, gene"):
        read_intervals(path)
    with pytest.raises(DanqError, match=r"a\.gff3: expected features of type 'tRNA', received CDS, gene"):
        read_intervals(path, "tRNA")
    with pytest.raises(DanqError, match="`feature` 'CDS' is for GFF files"):
        read_intervals(written(tmp_path / "a.bed", "chrI\t1\t5\n"), "CDS")


BAD_GFF = {
    "start after end": ("chrI\ts\tCDS\t9\t7\t.\t+\t0\tI", ":2: expected start <= end, received 9 and 7"),
    "no integer": ("chrI\ts\tCDS\ta\t8\t.\t+\t0\tI", ":2: expected an integer start, received 'a'"),
    "columns": ("chrI\ts\tCDS\t1\t8\t.\t+", ":2: expected at least 8 tab-separated columns, received 7"),
    "no contig": ("\ts\tCDS\t1\t8\t.\t+\t0\tI", ":2: expected a contig in column 1"),
}


@pytest.mark.parametrize("case", BAD_GFF)
def test_a_bad_line_of_gff_is_named(case: str, tmp_path: Path) -> None:
    text, message = BAD_GFF[case]
    path = written(tmp_path / "a.gff3", f"##gff-version 3\n{text}\n")
    with pytest.raises(DanqError) as refused:
        read_intervals(path, "CDS")
    assert str(refused.value).startswith(f"{path}{message}")


def test_contigs_of_gff_may_be_escaped(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gff3", "chr%20I\ts\tCDS\t1\t8\t.\t+\t0\tI\n")
    assert read_intervals(path, "CDS").names == ("chr I",)


def test_both_gff_readers_agree_on_a_real_annotation(real_data: Path) -> None:
    """Ensembl's GFF3 of yeast (yeast/annotation of the real data)."""
    path = real_data / "yeast" / "annotation" / "Saccharomyces_cerevisiae.R64-1-1.99.gff3.gz"
    fast = gff_frame(gzip.decompress(path.read_bytes()), "CDS")
    assert fast is not None
    assert fast.rows() == [tuple(record[1:5]) for record in gff_records(path, "CDS")]
    assert fast.height > 6000


def test_many_real_tracks_find_their_contigs(real_data: Path) -> None:
    """394 tracks named chr1 … chr16 on a genome named chrI … chrXVI (yeast/chipexo_many)."""
    lengths = {"I": 230218, "II": 813184, "III": 316620, "IV": 1531933, "V": 576874, "VI": 270161}
    lengths |= {"VII": 1090940, "VIII": 562643, "IX": 439888, "X": 745751, "XI": 666816, "XII": 1078177}
    lengths |= {"XIII": 924431, "XIV": 784333, "XV": 1091291, "XVI": 948066}
    names, sizes = tuple(f"chr{numeral}" for numeral in lengths), np.array(list(lengths.values()))
    genome = Genome(Path(), names, np.cumsum(sizes) - sizes, sizes, np.zeros(0, np.uint8), "")
    tracks = sorted((real_data / "yeast" / "chipexo_many").glob("*.bed.gz"))
    assert len(tracks) == 394
    for path in tracks[::20]:
        read = read_intervals(path)
        placed = place_intervals(path, genome)
        assert placed.unknown == {}
        numbers = [int(read.names[index].removeprefix("chr")) for index in read.contig]
        assert placed.contig.tolist() == [number - 1 for number in numbers]


def test_intervals_are_placed_on_the_contigs_of_a_genome(tmp_path: Path, genome: Genome) -> None:
    path = written(tmp_path / "a.bed", "2\t0\t20\nchr3\t1\t2\n1\t98\t100\nchr3\t5\t9\n")
    placed = place_intervals(path, genome)
    assert placed.contig.dtype == np.int32
    assert placed.contig.tolist() == [1, 0]
    assert placed.start.tolist() == [0, 98]
    assert placed.end.tolist() == [20, 100]
    assert placed.summit.tolist() == [10, 99]
    assert placed.unknown == {"chr3": 2}
    assert placed.renamed == {"2": "chrII", "1": "chrI"}


def test_user_aliases_place_unknown_names(tmp_path: Path, genome: Genome) -> None:
    path = written(tmp_path / "a.bed", "second\t0\t20\n")
    assert place_intervals(path, genome, {"second": "chrII"}).contig.tolist() == [1]
