from dataclasses import replace

import numpy as np
import pybigtools
import pytest

from danq.errors import DanqError
from danq.learn.predict.predictions import Predictions
from danq.learn.predict.tracks import writing_tracks

CONTIGS = {"chrII": 100_000, "chrI": 50_000, "unused": 10}


def example(places, targets=("CTCF", "Pol II/ser2")):
    contig = np.array([contig for contig, _, _ in places])
    start = np.array([start for _, start, _ in places], np.int64)
    end = np.array([end for _, _, end in places], np.int64)
    values = (np.arange(len(places))[:, None] + [0.25, 0.5]).astype(np.float32) / 64
    return Predictions(
        ids=np.array([f"{c}:{s}-{e}" for c, s, e in places]),
        probabilities=values,
        logits=values,
        targets=np.array(targets),
        contig=contig,
        start=start,
        end=end,
    )


PLACES = [
    ("chrII", 200, 400),
    ("chrII", 400, 600),
    ("chrII", 1000, 1200),
    ("chrI", 0, 200),
    ("chrI", 49_800, 50_000),
]
EXPECTED = {
    "CTCF": {
        "chrI": [(0, 200, 3.25 / 64), (49_800, 50_000, 4.25 / 64)],
        "chrII": [(200, 400, 0.25 / 64), (400, 600, 1.25 / 64), (1000, 1200, 2.25 / 64)],
    },
}


def write(folder, kind, blocks):
    with writing_tracks(folder, CONTIGS, kind) as append:
        for block in blocks:
            append(block)


def test_bigwig_holds_each_bin_once(tmp_path):
    write(tmp_path, "bigwig", [example(PLACES)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CTCF.bw", "Pol II%2Fser2.bw"]
    with pybigtools.open(str(tmp_path / "CTCF.bw")) as track:
        assert track.chroms()["chrI"] == 50_000
        for contig, records in EXPECTED["CTCF"].items():
            assert list(track.records(contig)) == records
    with pybigtools.open(str(tmp_path / "Pol II%2Fser2.bw")) as track:
        assert [value for _, _, value in track.records("chrI")] == [3.5 / 64, 4.5 / 64]


def test_bedgraph_lines_are_sorted_by_contig_name(tmp_path):
    write(tmp_path, "bedgraph", [example(PLACES)])
    lines = (tmp_path / "CTCF.bedgraph").read_text().splitlines()
    assert lines[0] == f"chrI\t0\t200\t{3.25 / 64}"
    assert [line.split("\t")[:3] for line in lines] == [
        [contig, str(start), str(end)]
        for contig, records in EXPECTED["CTCF"].items()
        for start, end, _ in records
    ]


@pytest.mark.parametrize("kind", ["bigwig", "bedgraph"])
def test_bytes_do_not_depend_on_the_blocks(tmp_path, kind):
    whole = example(PLACES)
    write(tmp_path / "whole", kind, [whole])
    write(tmp_path / "parts", kind, [whole.rows(slice(i, i + 1)) for i in range(len(whole))])
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "parts" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ([("chrI", 0, 200), ("chrI", 100, 300)], "received chrI:100-300 after a row that ends at 200"),
        (
            [("chrI", 400, 600), ("chrII", 0, 200), ("chrI", 0, 200)],
            "received chrI:0-200 after a row that ends at 600",
        ),
    ],
)
def test_rows_that_make_no_track_are_refused(tmp_path, places, message):
    with pytest.raises(DanqError, match=message):
        write(tmp_path / "out", "bigwig", [example(places)])
    assert list(tmp_path.rglob("*.*")) == []


def test_rows_without_positions_are_refused(tmp_path):
    with pytest.raises(DanqError, match="positions on a genome"):
        write(tmp_path, "bigwig", [replace(example(PLACES), start=None)])


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(DanqError, match="at least one row"):
        write(tmp_path, "bigwig", [])
