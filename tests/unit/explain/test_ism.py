"""Saturation mutagenesis: every file written, with numbers that toys make known."""

from dataclasses import replace

import polars as pl
import pybigtools
import pytest
from small_genome import genome_of
from toy_models import ToyRunner, gc, motif, toy_models

from danq.errors import DanqError
from danq.explain.ism import IsmManifest, IsmOptions, mutate_regions
from danq.explain.regions import regions_of_texts
from danq.score.options import ScoreOptions

DEFAULTS = IsmOptions(ScoreOptions())

SEQUENCE = "ACGTTGCATGTCGCATGATNNATGAGAGCTACGATCGATCGGGATATTACCA"


@pytest.fixture
def genome():
    return genome_of(chrI=SEQUENCE, chrII="TTTTACGTACGT")


TARGETS = {
    "CTCF": gc,
    "Pol II/ser2": motif("GATCG"),
    "none": lambda codes: 0 * gc(codes),
    "tRNA": lambda codes: -2 * gc(codes),
    "low": lambda codes: 0.5 * gc(codes),
}


def run(genome, out, *regions, options=DEFAULTS, bin=0):
    runner = ToyRunner(TARGETS)
    models = replace(toy_models(runner), bin=bin)
    return mutate_regions(models, regions_of_texts(regions, genome), options, out), runner


def test_the_files_of_a_mutagenesis(genome, tmp_path):
    told, _ = run(
        genome, tmp_path, "chrI:15-34", "chrII:2-5", options=IsmOptions(ScoreOptions(), deletions=True)
    )
    drawn = [
        "0_CTCF.chrI_15-34.svg",
        "3_tRNA.chrI_15-34.svg",
        "1_Pol II%2Fser2.chrI_15-34.svg",
        "0_CTCF.chrII_2-5.svg",
        "3_tRNA.chrII_2-5.svg",
        "4_low.chrII_2-5.svg",
    ]
    tracks = ["0_CTCF.bw", "1_Pol II%2Fser2.bw", "2_none.bw", "3_tRNA.bw", "4_low.bw"]
    assert {path.name for path in tmp_path.iterdir()} == {"ism.json", "ism.parquet", *tracks, *drawn}
    table = pl.read_parquet(tmp_path / "ism.parquet")
    assert table.columns[:6] == ["contig", "pos", "ref", "alt", "0_CTCF__diff", "0_CTCF__logit_diff"]
    assert len(table.columns) == 4 + 2 * len(TARGETS)
    assert table.schema["0_CTCF__diff"] == pl.Float32
    assert table["contig"].to_list() == ["chrI"] * 72 + ["chrII"] * 16
    assert table["pos"].unique(maintain_order=True).to_list() == [
        *(pos for pos in range(15, 35) if pos not in (20, 21)),
        *range(2, 6),
    ]
    assert table["alt"][:4].to_list() == [*(base for base in "ACGT" if base != SEQUENCE[14]), "-"]
    with pybigtools.open(str(tmp_path / "3_tRNA.bw")) as track:
        first = list(track.records("chrI"))
        assert [start for start, _, _ in first] == [*range(14, 19), *range(21, 34)]
        substitutions = table.filter(pl.col("alt") != "-", pl.col("contig") == "chrI")
        means = substitutions.group_by("pos", maintain_order=True).agg(pl.mean("3_tRNA__logit_diff"))
        assert [value for _, _, value in first] == pytest.approx(means["3_tRNA__logit_diff"].to_list())
    assert told == IsmManifest.read(tmp_path)
    assert (told.KIND, told.VERSION) == ("ism", 1)
    assert told.counts == {
        "positions": 22,
        "substitutions": 66,
        "deletions": 22,
        "unknown_bases": 2,
        "heat_maps": 6,
    }
    assert told.stretches["regions"] == ["chrI:15-34", "chrII:2-5"]
    assert [piece.model_dump() for piece in told.pieces] == [
        {"piece": "chrI:15-24", "window_start": 9},
        {"piece": "chrI:25-34", "window_start": 19},
        {"piece": "chrII:2-5", "window_start": -7},
    ]
    assert told.bundles[0].digest == "0" * 64
    assert set(told.files) == {"ism.parquet", *tracks, *drawn}


def test_equal_bytes_every_time_in_either_format(genome, tmp_path):
    for form, kind in (("parquet", "bigwig"), ("tsv", "bedgraph")):
        for out in "ab":
            options = IsmOptions(ScoreOptions(), form=form, track_format=kind)
            run(genome, tmp_path / out, "chrI", options=options)
        for path in (tmp_path / "a").iterdir():
            if path.suffix != ".json":
                assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    lines = (tmp_path / "a" / "ism.tsv").read_text().splitlines()
    assert lines[0].split("\t")[:5] == ["contig", "pos", "ref", "alt", "0_CTCF__diff"]
    assert lines[1].split("\t")[:4] == ["chrI", "1", "A", "C"]
    assert len(lines) == 1 + 3 * 50
    track = (tmp_path / "a" / "3_tRNA.bedgraph").read_text().splitlines()
    contig, start, end, value = track[0].split("\t")
    assert (contig, start, end) == ("chrI", "0", "1")
    assert float(value) == pytest.approx(-4 / 3)
    # what the first run left in other formats is gone
    assert not (tmp_path / "a" / "ism.parquet").exists()


def test_chosen_targets_alone_are_written_and_all_of_them_drawn(genome, tmp_path):
    options = IsmOptions(ScoreOptions(targets=["none", "CTCF"]))
    told, _ = run(genome, tmp_path, "chrII", options=options)
    names = {path.name for path in tmp_path.iterdir()}
    drawn = {"2_none.chrII_1-12.svg", "0_CTCF.chrII_1-12.svg"}
    assert names == {"ism.json", "ism.parquet", "2_none.bw", "0_CTCF.bw", *drawn}
    assert pl.read_parquet(tmp_path / "ism.parquet").columns[4:] == [
        *("2_none__diff", "2_none__logit_diff", "0_CTCF__diff", "0_CTCF__logit_diff")
    ]
    assert told.targets == ("none", "CTCF")


def test_work_is_shared_within_a_piece(genome, tmp_path):
    _, runner = run(genome, tmp_path, "chrII:1-10")
    # one reference and 30 mutants, on both strands
    assert runner.windows == 2 * 31
    _, runner = run(genome, tmp_path / "bin", "chrI:25-40", bin=16)
    assert runner.windows == 2 * 49


def test_long_regions_are_not_drawn(tmp_path, caplog):
    genome = genome_of(long="ACGT" * 300, short="ACGTA")
    with caplog.at_level("INFO", "danq"):
        told, _ = run(genome, tmp_path, "long", "short", options=IsmOptions(ScoreOptions(targets=["CTCF"])))
    assert [path.name for path in tmp_path.glob("*.svg")] == ["0_CTCF.short_1-5.svg"]
    assert "1 regions are longer than 1,000 bp and not drawn" in caplog.text
    assert told.counts["positions"] == 1205


def test_a_region_without_a_known_base_is_refused_and_leaves_nothing(genome, tmp_path):
    with pytest.raises(DanqError, match="found N alone"):
        run(genome, tmp_path / "out", "chrI:20-21")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_target_is_refused(genome, tmp_path):
    with pytest.raises(DanqError, match=r"--target Sox2: expected a target of the model \(CTCF"):
        run(genome, tmp_path, "chrII", options=IsmOptions(ScoreOptions(targets=["Sox2"])))
