"""One row a record of a BED, centred on its midpoint or summit, and where the rows stand in tracks."""

import logging
import os
import threading

import numpy as np
import pytest
from bundles import manifest

from danq.errors import DanqError
from danq.genome.alphabet import decode
from danq.genome.encode import build_genome
from danq.genome.track_writer import writing_placed_tracks
from danq.learn.predict.record_sources import bed_source

INFO = manifest(window=20, bin=4, targets=("one", "two"))
RNG = np.random.default_rng(3)
CONTIGS = {name: "".join(RNG.choice(list("ACGT"), length)) for name, length in (("chrI", 90), ("chrII", 61))}


def window(contig, centre, length=20):
    sequence, start = CONTIGS[contig], centre - length // 2
    return "".join(sequence[i] if 0 <= i < len(sequence) else "N" for i in range(start, start + length))


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    fasta = folder / "genome.fa"
    fasta.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in CONTIGS.items()))
    build_genome(fasta, folder / "genome")
    return folder / "genome"


def write(path, text):
    path.write_text(text)
    return path


BED = (
    "chrII\t10\t21\tlate\n"  # not sorted; midpoint 15
    "chrI\t0\t9\tfirst\n"  # midpoint 4, padded
    "chrI\t40\t44\t.\n"
    "chrI\t0\t9\tfirst\n"  # the same again
    "chrI\t7\t7\tpoint\n"  # a place between two bases
    "plasmid\t0\t4\tnowhere\n"
    "chrII\t59\t70\tpast\n"  # midpoint 64 of 61
    "chrII\t50\t70\tacross\n"  # midpoint 60
)


def test_each_record_is_a_row_in_its_order_with_its_name(tmp_path, genome, monkeypatch, caplog):
    monkeypatch.setattr("danq.learn.predict.rows.BLOCK", 3)
    with caplog.at_level(logging.WARNING, "danq"):
        source = bed_source(write(tmp_path / "x.bed", BED), genome, INFO)
    blocks = list(source.blocks())
    joined = {
        name: [value for block in blocks for value in getattr(block, name)]
        for name in ("ids", "contig", "start", "end", "padded", "reason", "raw")
    }
    assert source.rows == len(joined["ids"]) == 8
    assert joined["ids"] == ["late", "first", "chrI:40-44", "first", "point", "nowhere", "past", "across"]
    assert joined["contig"] == ["chrII", "chrI", "chrI", "chrI", "chrI", "plasmid", "chrII", "chrII"]
    assert joined["start"] == [10, 0, 40, 0, 7, 0, 59, 50]
    assert joined["end"] == [21, 9, 44, 9, 7, 4, 70, 70]
    assert joined["reason"] == ["", "", "", "", "", "unknown_contig", "out_of_range", ""]
    centres = {
        0: ("chrII", 15),
        1: ("chrI", 4),
        2: ("chrI", 42),
        3: ("chrI", 4),
        4: ("chrI", 7),
        7: ("chrII", 60),
    }
    for row, place in centres.items():
        assert decode(joined["raw"][row]) == window(*place), row
    assert [bool(joined["padded"][row]) for row in centres] == [False, True, False, True, True, True]
    assert (
        "2 of 8 records cannot be predicted: 1 on contigs that the genome does not have (nowhere), 1 centred "
        "before or past the ends of their contigs (past); their rows hold no numbers, but the flag why"
    ) in caplog.text
    assert "1 of 8 records kept (reaching out of their contigs, centred as they stand)" in caplog.text


def test_records_that_are_not_taken_as_they_are_written_are_told(tmp_path, genome, caplog):
    bed = write(tmp_path / "x.bed", "1\t-5\t8\tearly\n1\t40\t44\n")
    with caplog.at_level(logging.INFO, "danq"):
        rows = next(iter(bed_source(bed, genome, INFO).blocks()))
    assert [decode(codes) for codes in rows.codes] == [window("chrI", 1), window("chrI", 42)]
    assert (rows.contig, rows.start.tolist(), rows.ids) == (
        ["chrI", "chrI"],
        [-5, 40],
        ["early", "chrI:40-44"],
    )
    assert [record.message for record in caplog.records if "x.bed" in record.message] == [
        f"1 contig names of {bed} differ from the genome's: 1 → chrI",
        f"{bed}: 1 of 2 records kept (with another number of columns than the first)",
        f"{bed}: 1 of 2 records kept (reaching out of their contigs, centred as they stand)",
    ]


def test_a_record_that_is_a_bin_has_the_window_of_the_bin(tmp_path, genome):
    rows = next(iter(bed_source(write(tmp_path / "x.bed", "chrI 40 44\n"), genome, INFO).blocks()))
    # window_start = start + bin // 2 - window // 2
    assert decode(rows.codes[0]) == CONTIGS["chrI"][32:52]


def test_records_are_centred_on_their_summits(tmp_path, genome, caplog):
    peak = "chrI\t30\t60\tp\t0\t.\t5.5\t-1\t-1\t{}\n"
    bed = write(tmp_path / "x.narrowPeak", peak.format(3) + peak.format(-1) + peak.format(900))
    rows = next(iter(bed_source(bed, genome, INFO, centre="summit").blocks()))
    assert [decode(codes) for codes in rows.codes] == [window("chrI", centre) for centre in (33, 45, 45)]
    assert [record.message for record in caplog.records] == [
        f"{bed}: 1 of 3 records kept (with a summit outside of the interval, for which its midpoint stands)",
        f"{bed}: 1 of 3 records kept (without a summit, for which the midpoint stands)",
    ]
    rows = next(iter(bed_source(bed, genome, INFO).blocks()))
    assert {decode(codes) for codes in rows.codes} == {window("chrI", 45)}
    assert len(caplog.records) == 2, "midpoints need no summits"
    with pytest.raises(DanqError, match=r"--centre summit: expected a narrowPeak.*x\.bg, a bedGraph"):
        bed_source(write(tmp_path / "x.bg", "chrI\t30\t60\t1\n"), genome, INFO, centre="summit")


def test_records_are_read_from_a_pipe(tmp_path, genome):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # with the spaces only the plain reader copes
    writing = threading.Thread(target=write, args=(pipe, "chrI\t40\t44\ta\nchrI 30 60 b\n"))
    writing.start()
    rows = next(iter(bed_source(pipe, genome, INFO).blocks()))
    writing.join()
    assert rows.ids == ["a", "b"]


def test_files_without_a_record_to_predict_are_refused(tmp_path, genome):
    for text in ("", "plasmid\t0\t4\nchrI\t900\t950\n"):
        with pytest.raises(DanqError, match=r"x\.bed: expected at least one region on a contig of"):
            bed_source(write(tmp_path / "x.bed", text), genome, INFO)
    with pytest.raises(DanqError, match="--bed: expected --tile for a model that classifies steps of 2 bp"):
        bed_source(write(tmp_path / "x.bed", BED), genome, INFO.model_copy(update={"step": 2}))
    with pytest.raises(DanqError, match=r"x\.bed: expected a name of printable characters"):
        bed_source(write(tmp_path / "x.bed", "chrI\t1\t5\ta\x1bb\n"), genome, INFO)


def test_a_value_of_zero_is_a_record_like_any_other(tmp_path, genome):
    assert (
        bed_source(write(tmp_path / "x.bedGraph", "chrI\t0\t9\t0\nchrI\t9\t10\t2\n"), genome, INFO).rows == 2
    )


@pytest.mark.parametrize("bin", [4, 9, None])
def test_in_tracks_a_base_has_the_value_of_the_nearest_record(tmp_path, genome, bin):
    centres = RNG.integers(0, 90, 25).tolist()
    bed = write(
        tmp_path / "x.bed", "".join(f"chrI\t{at}\t{at + 1}\nchrII\t{at}\t{at + 1}\n" for at in centres)
    )
    places = bed_source(bed, genome, INFO.model_copy(update={"bin": bin})).places
    received = {}
    for row, contig, start, end in zip(places.rows, places.contig, places.start, places.end, strict=True):
        assert start < end
        for base in range(start, end):
            assert (contig, base) not in received
            received[contig, base] = centres[row // 2]
    width = bin or 20
    expected = {}
    for contig, sequence in CONTIGS.items():
        inside = [at for at in centres if at < len(sequence)]
        for base in range(len(sequence)):
            near = [at for at in inside if at - width // 2 <= base < at - width // 2 + width]
            if near:
                expected[contig, base] = min(near, key=lambda at: (abs(at - base), -at))
    assert received == expected


def test_placed_tracks_hold_each_row_where_it_lies(tmp_path, genome):
    places = bed_source(write(tmp_path / "x.bed", BED), genome, INFO).places
    with writing_placed_tracks(
        tmp_path / "t", {"chrI": 90, "chrII": 61}, ["a"], places, "bedgraph"
    ) as append:
        append(np.arange(5, dtype=np.float32)[:, None])
        append(np.arange(5, 8, dtype=np.float32)[:, None])
    assert (tmp_path / "t" / "a.bedgraph").read_text().splitlines() == [
        "chrI\t2\t6\t1.0",
        "chrI\t6\t9\t4.0",
        "chrI\t40\t44\t2.0",
        "chrII\t13\t17\t0.0",
        "chrII\t58\t61\t7.0",
    ]
