"""Tracks of numbers along a genome, read back by other programs' libraries."""

import os
import subprocess
from itertools import groupby
from pathlib import Path

import numpy as np
import pybigtools
import pytest

from danq.errors import DanqError
from danq.genome.track_writer import TrackFormat, write_bigwig, writing_tracks

CONTIGS = {"chrII": 100_000, "chrI": 50_000, "unused": 10}
PLACES = [
    ("chrII", 200, 400),
    ("chrII", 400, 600),
    ("chrII", 1000, 1200),
    ("chrI", 0, 200),
    ("chrI", 49_800, 50_000),
]
EXPECTED = {
    "chrI": [(0, 200, 3.25 / 64), (49_800, 50_000, 4.25 / 64)],
    "chrII": [(200, 400, 0.25 / 64), (400, 600, 1.25 / 64), (1000, 1200, 2.25 / 64)],
}


def write(folder: Path, kind: TrackFormat, places: list[tuple[str, int, int]], at_once: int = 9) -> None:
    """Write two tracks whose values tell the number of the row."""
    numbered = list(enumerate(places))
    with writing_tracks(folder, CONTIGS, ["CTCF", "Pol II/ser2"], kind) as append:
        for contig, group in groupby(numbered, lambda row: row[1][0]):
            rows = list(group)
            for first in range(0, len(rows), at_once):
                part = rows[first : first + at_once]
                start, end = (np.array([place[side] for _, place in part], np.int64) for side in (1, 2))
                values = np.add.outer([number for number, _ in part], [0.25, 0.5]) / 64
                append(contig, start, end, values.astype(np.float32))


def test_bigwig_holds_each_row_once(tmp_path: Path) -> None:
    write(tmp_path, "bigwig", PLACES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CTCF.bw", "Pol II%2Fser2.bw"]
    with pybigtools.open(str(tmp_path / "CTCF.bw")) as track:
        assert track.chroms()["chrI"] == 50_000
        for contig, records in EXPECTED.items():
            assert list(track.records(contig)) == records
    with pybigtools.open(str(tmp_path / "Pol II%2Fser2.bw")) as track:
        assert [value for _, _, value in track.records("chrI")] == [3.5 / 64, 4.5 / 64]


def test_bedgraph_lines_are_sorted_by_contig_name(tmp_path: Path) -> None:
    write(tmp_path, "bedgraph", PLACES)
    lines = (tmp_path / "CTCF.bedgraph").read_text().splitlines()
    assert lines[0] == f"chrI\t0\t200\t{3.25 / 64}"
    assert [line.split("\t")[:3] for line in lines] == [
        [contig, str(start), str(end)] for contig, records in EXPECTED.items() for start, end, _ in records
    ]


@pytest.mark.parametrize("kind", ["bigwig", "bedgraph"])
def test_bytes_do_not_depend_on_the_blocks(tmp_path: Path, kind: TrackFormat) -> None:
    write(tmp_path / "whole", kind, PLACES)
    write(tmp_path / "parts", kind, PLACES, at_once=1)
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
        ([], "at least one row"),
    ],
)
def test_rows_that_make_no_track_are_refused(
    tmp_path: Path, places: list[tuple[str, int, int]], message: str
) -> None:
    with pytest.raises(DanqError, match=message):
        write(tmp_path / "out", "bigwig", places)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kilobytes", [20, 60, 104, 148])
def test_a_bigwig_that_the_disk_has_no_room_for_is_no_result(tmp_path, kilobytes):
    """Its writer ends in a panic, or without a word, with the file cut short."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounts are not allowed here")
    starts = np.arange(20_000) * 10
    values = np.random.default_rng(0).random(len(starts)).astype(np.float32)
    rows = (("a", at, at + 10, value) for at, value in zip(starts.tolist(), values.tolist(), strict=True))
    try:
        with pytest.raises(OSError, match="not written to its end"):
            write_bigwig(disk / "x.bw", {"a": 200_000}, rows)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
