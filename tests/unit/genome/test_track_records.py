"""What becomes of each record of a track: formats by their shape, and records that have no place."""

from pathlib import Path

import numpy as np
import pytest

from danq.errors import DanqError
from danq.genome.alphabet import encode
from danq.genome.fasta import Genome
from danq.genome.intervals import TrackRecords
from danq.genome.tracks import place_intervals, read_intervals, report_records

IDR = "chrI\t{}\t{}\t.\t540\t.\t12.5\t-1\t-1\t{}\t2.71\t3.1\t{}\t{}\t9.1\t30\t{}\t{}\t8.0\t25\n"
NARROW = "chrI\t10\t30\tp\t600\t.\t7.5\t4.1\t2.2\t3\n"


def genome() -> Genome:
    lengths = np.array([100, 20], np.int64)
    return Genome(Path("g"), ("chrI", "chrII"), np.array([0, 100]), lengths, encode("ACGT" * 30), "")


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


SHAPES = {
    # name: (file, text, format, summits)
    "idr of narrow peaks": (
        "reproducible.bed",
        IDR.format(10, 30, 3, 9, 31, 11, 29) + IDR.format(40, 60, 19, 40, 60, 40, 60),
        "narrowPeak",
        [13, 59],
    ),
    "idr by its name": ("a.narrowPeak", IDR.format(10, 30, 3, 9, 31, 11, 29), "narrowPeak", [13]),
    "narrow peaks and a gene": ("a.bed", NARROW.replace("\n", "\tGENE\n"), "narrowPeak", [13]),
    "nine and a count": ("a.bed", "chrI\t10\t30\tp\t0\t+\t10\t30\t255,0,0\t5\n", "BED", [20]),
    "nine in black and a count": ("a.bed", "chrI\t10\t30\tp\t0\t+\t12\t28\t0\t5\n", "BED", [20]),
    "six and four numbers of another kind": ("a.bed", "chrI\t10\t30\tp\t0\t+\t1\tx\t0\t5\n", "BED", [20]),
    "a count larger than the interval": (
        "a.bed",
        "chrI\t10\t30\tp\t0\t+\t1.5\t2\t3\t500\n" * 3,
        "BED",
        [20] * 3,
    ),
    "track line": ("a.bed", "track type=narrowPeak name=a\n" + NARROW, "narrowPeak", [13]),
    "track line of another type": ("a.bed", 'track name=a type="bed"\n' + NARROW, "BED", [20]),
    "twelve": ("a.bed", "chrI\t10\t30\tp\t0\t+\t0\t0\t0\t2\t5,5,\t0,15,\n", "BED", [20]),
    "gapped peaks": (
        "a.gappedPeak",
        "chrI\t10\t30\tp\t0\t.\t10\t30\t0\t1\t20\t0\t5.5\t4\t3\n",
        "gappedPeak",
        [20],
    ),
    "idr of broad peaks": (
        "a.bed",
        "chrI\t10\t30\tp\t0\t.\t12.5\t-1\t-1\t2.7\t3.1\t10\t30\t9\t10\t30\t8\n",
        "BED",
        [20],
    ),
    "nine without a thick part and a count": ("a.bed", "chrI\t10\t30\tp\t0\t+\t0\t0\t0\t5\n", "BED", [20]),
    "joined with what it overlaps": ("a.bed", "1\t10\t30\tp\t0\t+\t1\t20\t35\t10\n", "BED", [20]),
    "joined with what is nearest": ("a.bed", "1\t10\t30\tp\t0\t+\t1\t35\t38\t5\n", "BED", [20]),
    "a signal that is like the contig's name": (
        "a.bed",
        "1\t10\t30\tp\t0\t+\t1\t35\t20\t3\n",
        "narrowPeak",
        [13],
    ),
    "cut narrow peaks": ("a.narrowPeak", "chrI\t10\t30\tp\t600\t.\n" * 2, "BED", [20, 20]),
    "cut track line": ("a.bed", "track type=broadPeak\nchrI\t10\t30\n", "BED", [20]),
    "no p values": ("a.bed", NARROW.replace("4.1\t2.2", "NA\tInf"), "narrowPeak", [13]),
    "spaces": ("a.bed", NARROW.replace("\t", "  "), "narrowPeak", [13]),
    "value 0 is no region": ("a.bedGraph", "chrI\t0\t10\t0\nchrI\t10\t30\t2.5\n", "bedGraph", [5, 20]),
    "bedGraph by its track line": (
        "a.bed",
        "track type=bedGraph\nchrI\t0\t10\t0\nchrI\t10\t30\t-1\n",
        "bedGraph",
        [5, 20],
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_file_is_read_as_what_it_shows_itself_to_be(case: str, tmp_path: Path) -> None:
    name, text, form, summits = SHAPES[case]
    read = read_intervals(written(tmp_path / name, text))
    assert (read.format, read.summit.tolist()) == (form, summits)
    # the same with line ends that only the plain reader copes with
    slow = read_intervals(written(tmp_path / name, text.replace("\n", "\r\n") + " \r"))
    assert (slow.format, slow.summit.tolist()) == (form, summits)


def test_a_table_of_macs_is_refused_as_what_it_is(tmp_path: Path) -> None:
    text = "# by MACS2\n\nchr\tstart\tend\tlength\tabs_summit\nchrI\t11\t30\t20\t14\n"
    with pytest.raises(DanqError, match="received a table of MACS, whose positions are 1-based"):
        read_intervals(written(tmp_path / "a_peaks.xls", text))


ODD = (
    "chrI\t-5\t5\n"  # begins before its contig
    "chrI\t90\t110\n"  # ends past it
    "chrI\t100\t120\n"  # lies past it
    "chrI\t-9\t-2\n"
    "chrII\t7\t7\n"  # covers nothing
    "chrZ\t1\t2\nchrZ\t3\t3\n"
    "chrII\t0\t20\n"
)


def test_records_without_a_place_are_counted_and_the_others_used(tmp_path: Path) -> None:
    placed = place_intervals(written(tmp_path / "a.bed", ODD), genome())
    places = np.stack([placed.contig, placed.start, placed.end, placed.summit], axis=1)
    # the midpoint of the whole interval moves to the nearest base within
    assert places.tolist() == [[0, 0, 5, 0], [0, 90, 100, 99], [1, 0, 20, 10]]
    assert placed.unknown == {"chrZ": 2}
    assert placed.records == TrackRecords(
        format="BED",
        read=8,
        used=3,
        left_out={"out_of_range": 2, "unknown_contig": 2, "zero_length": 1},
        adjusted={"clipped": 2},
    )


def test_records_out_of_range_are_skipped_or_refused_by_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.bed", "# head\n" + ODD)
    records = place_intervals(path, genome(), out_of_range="skip").records
    assert (records.used, records.left_out["out_of_range"], records.adjusted) == (1, 4, {})
    with pytest.raises(DanqError, match=r"a\.bed:2: .*within 'chrI' of 100 bp, received one that begins at"):
        place_intervals(path, genome(), out_of_range="refuse")
    path = written(tmp_path / "b.bed", "chrII\t0\t20\nchrII\t0\t21\n")
    with pytest.raises(DanqError, match=r"b\.bed:2: .*ends at 21; `out_of_range` clip or skip allows it"):
        place_intervals(path, genome(), out_of_range="refuse")


def test_a_summit_outside_of_its_peak_is_its_midpoint(tmp_path: Path) -> None:
    path = written(tmp_path / "a.narrowPeak", NARROW + NARROW.replace("\t3\n", "\t20\n"))
    placed = place_intervals(path, genome())
    assert placed.summit.tolist() == [13, 20]
    assert placed.records.adjusted == {"summit_outside": 1}


def test_a_summit_that_is_none_is_the_midpoint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "".join(NARROW.replace("\t3\n", f"\t{summit}\n") for summit in (3, -1, ".", "NA", "7.5"))
    placed = place_intervals(written(tmp_path / "a.narrowPeak", text), genome())
    assert placed.summit.tolist() == [13, 20, 20, 20, 20]
    assert placed.records.adjusted == {"no_summit": 4}
    report_records("tracks", {"A": placed.records, "B": placed.records}, {"A"})
    words = "tracks: 4 of 10 records kept (without a summit, for which the midpoint stands): A 4"
    assert [record.message for record in caplog.records] == [words]


def test_positions_are_read_as_r_writes_them(tmp_path: Path) -> None:
    path = written(tmp_path / "a.bed", "chrI\t1e+01\t3e1\nchrI\t1.2E+01\t13\n")
    read = read_intervals(path)
    assert list(zip(read.start.tolist(), read.end.tolist(), strict=True)) == [(10, 30), (12, 13)]
    for text in ("1.25e+01", "1e-1", "1e+99999", "10.0"):
        with pytest.raises(DanqError, match=r"a\.bed:1: expected an integer start, received '1"):
            read_intervals(written(path, f"chrI\t{text}\t30\n"))
    with pytest.raises(DanqError, match=r"received 'start' \(a line of column names begins with #\)"):
        read_intervals(written(path, "chrom\tstart\tend\nchrI\t10\t30\n"))


def test_records_of_gff_are_treated_alike(tmp_path: Path) -> None:
    line = "chrI\ts\t{}\t{}\t{}\t.\t+\t.\tID=1\textra\n"
    places = [("CDS", 0, 8), ("CDS", 3, 8), ("CDS", 9, 8), ("CDS", 95, 130), ("gene", 9, 2)]
    text = "".join(line.format(*place) for place in places)
    placed = place_intervals(written(tmp_path / "a.gff3", text), genome(), feature="CDS")
    assert list(zip(placed.start.tolist(), placed.end.tolist(), strict=True)) == [(0, 8), (2, 8), (94, 100)]
    assert placed.records.left_out == {"zero_length": 1}
    assert placed.records.adjusted == {"clipped": 2}
    assert placed.records.read == 4


def test_zero_is_counted_in_a_bedgraph(tmp_path: Path) -> None:
    path = written(tmp_path / "a.bdg", "chrI\t0\t10\t0.0\nchrI\t10\t30\t2.5\nchrI\t30\t40\tnan\n")
    records = place_intervals(path, genome()).records
    assert (records.read, records.used, records.left_out) == (3, 1, {"no_signal": 2})
    path.write_text(path.read_text() + "chrI\t40\t50\tNA\nchrI\t50\t60\t.\n")
    records = place_intervals(path, genome()).records
    assert (records.read, records.used, records.left_out) == (5, 1, {"no_signal": 4})
    with pytest.raises(DanqError, match=r"b\.bdg:1: expected a number in column 4, received 'x'"):
        read_intervals(written(tmp_path / "b.bdg", "chrI\t0\t10\tx\n"))


def test_records_with_more_or_fewer_columns_are_read_by_the_leading_ones(tmp_path: Path) -> None:
    text = "chrI\t1\t5\ta\t0\nchrI\t7\t9\t\nchrI\t11\t15\nchrI\t1\t2\tb\t0\t+\t1\nchrI\t3\t4\tc\t1\n"
    placed = place_intervals(written(tmp_path / "a.bed", text), genome())
    assert placed.start.tolist() == [1, 7, 11, 1, 3]
    assert placed.records.adjusted == {"ragged": 3}
    with pytest.raises(DanqError, match=r"a\.bed:2: expected at least 3 columns \(BED\), received 2"):
        read_intervals(written(tmp_path / "a.bed", "chrI\t1\t5\nchrI\t7\n"))
    with pytest.raises(DanqError, match=r":2: expected at least 10 columns \(narrowPeak\), received 3"):
        read_intervals(written(tmp_path / "a.narrowPeak", NARROW + "chrI\t1\t5\n"))


def test_names_are_kept_on_request(tmp_path: Path) -> None:
    path = written(tmp_path / "a.bed", "chrI\t1\t5\tpeak 1\nchrI\t7\t7\t.\n")
    assert read_intervals(path, names=True).labels == ["peak 1", "."]
    assert read_intervals(written(path, "chrI 1 5 one\n"), names=True).labels == ["one"]
    assert read_intervals(written(path, "chrI\t1\t5\n"), names=True).labels == [""]
    assert read_intervals(path).labels is None


def test_what_was_left_out_is_told_once_for_all_files(caplog: pytest.LogCaptureFixture) -> None:
    made = {
        "A": TrackRecords(format="BED", read=10, used=7, left_out={"zero_length": 2, "out_of_range": 1}),
        "B": TrackRecords(format="BED", read=5, used=4, left_out={"zero_length": 1}, adjusted={"clipped": 3}),
    }
    report_records("tracks", made)
    assert [record.message for record in caplog.records] == [
        "tracks: 3 of 15 records left out (of zero length): A 2, B 1",
        "tracks: 1 of 15 records left out (past the ends of contigs (of another build?)): A 1",
        "tracks: 3 of 15 records kept (clipped at the ends of contigs): B 3",
    ]
