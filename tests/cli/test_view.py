"""`danq view`: predictions and peaks of regions, places of strong variants, each refusal with status 2."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from viewed_results import NAMES, look

from danq.files import sha256
from danq.learn.bundle import load_bundle, model_weights
from danq.learn.manifest import bundle_digest
from danq.learn.predict.reading import read_predictions
from danq.score.manifest import ScoresManifest
from danq.storage import sealed
from danq.views.manifest import ViewsManifest, read_views
from danq.views.places import variants_in


@pytest.fixture
def project(viewed_project):
    return viewed_project


def views_of(project: SimpleNamespace) -> Path:
    return project.path / "results" / "views" / "net"


def changed(project: SimpleNamespace, folder: Path, **keys: object) -> SimpleNamespace:
    """The project with another configuration; its files are those of the other."""
    (folder / "config.json").write_text(json.dumps(project.config | keys))
    (folder / "results").symlink_to(project.path / "results")
    return SimpleNamespace(path=folder)


def test_predictions_are_those_of_danq_predict(project, danq, tmp_path):
    first, second, *_ = read_views(views_of(project))
    assert first.entry.place == "chrI:101-200"
    assert first.entry.stride == 1
    # bases 101 to 200, each the first one behind the centre of a bin
    assert first.centre.tolist() == list(range(100, 200))
    model, genome = project.path / "results" / "runs" / "net", project.path / "results" / "genomes" / "g"
    arguments = ("--model", model, "--genome", genome, "--out", tmp_path / "p.npz")
    assert danq("predict", *arguments, "--region", "chrI:93-208") == 0
    bins = read_predictions(tmp_path / "p.npz")
    assert np.diff(bins.start).tolist() == [8] * (len(bins) - 1)
    shared = np.isin(first.centre, bins.start + 4)
    assert shared.sum() == 13
    inside = np.isin(bins.start + 4, first.centre)
    np.testing.assert_allclose(first.probabilities[shared], bins.probabilities[inside], atol=1e-5)
    # 1,000 bp: at most 1,000 values
    assert (second.entry.title, second.entry.stride, second.entry.rows) == (NAMES[1], 1, 996)
    assert second.centre[0] == 4


def test_peaks_are_the_intervals_that_share_a_base_with_the_region(project):
    first, *_ = read_views(views_of(project))
    assert first.entry.peaks
    assert first.groups == ("left", "right")
    # the region is 100 to 200, 0-based half-open: an interval that ends at 100 or begins at 200 lies outside
    peaks = [tuple(row) for row in first.peaks.select("target", "start", "end").iter_rows()]
    assert peaks == [(0, 90, 101), (0, 199, 260), (1, 150, 151)]


def test_places_lie_around_the_strongest_variants_each_once(project):
    *_, first, second = views = read_views(views_of(project))
    assert len(views) == 4
    scores = pl.read_parquet(project.path / "results" / "scores" / "as_vcf" / "scores.parquet")
    ranked = scores.sort("max_abs_logit_diff", descending=True).to_dicts()
    expected: list[tuple[str, int]] = []
    for row in ranked:
        near = [c for c, pos in expected if c == row["contig"] and abs(pos - row["pos"]) <= 500]
        if not near and len(expected) < 2:
            expected.append((row["contig"], row["pos"]))
    assert [(v.entry.contig, v.entry.callset) for v in (first, second)] == [
        (contig, "as_vcf") for contig, _ in expected
    ]
    for viewed, (contig, pos) in zip((first, second), expected, strict=True):
        length = int(project.genome.lengths[project.genome.index(contig)])
        # 500 bp on either side of one base
        assert viewed.entry.start == max(pos - 1 - 500, 0)
        assert viewed.entry.end == min(pos + 500, length)


@pytest.mark.parametrize("callset", ["as_vcf", "as_tsv"])
def test_variants_of_a_region_by_their_first_base(project, callset):
    folder = project.path / "results" / "scores" / callset
    assert variants_in(folder, "chrI", 119, 130, [0])["pos"].to_list() == [120, 130]
    assert variants_in(folder, "chrI", 120, 129, [0])["pos"].to_list() == []
    rows = variants_in(folder, "chrII", 0, 1_000, [1])
    assert rows["pos"].to_list() == [600]
    assert f"1_{NAMES[1]}__logit_diff" in rows.columns
    assert f"0_{NAMES[0]}__logit_diff" not in rows.columns


def test_the_same_command_gives_the_same_bytes(project, tmp_path):
    assert look(project, tmp_path / "again") == 0
    for name in ("predictions.npz", "peaks.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (views_of(project) / name).read_bytes()


def test_the_report_shows_the_regions_of_the_run_that_is_named(project, danq, tmp_path, capsys):
    words = ("--results", project.path / "results", "--run", "net")
    shown = []
    for name, more in (("none", ()), ("some", ("--views", "net"))):
        assert danq("report", *words, *more, "--out", tmp_path / f"{name}.html") == 0
        shown.append("chrI:101-200" in (tmp_path / f"{name}.html").read_text())
    assert shown == [False, True]
    assert danq("report", *words, "--views", "gone", "--out", tmp_path / "gone.html") == 2
    assert "gone" in capsys.readouterr().err


def test_a_callset_without_scored_alleles_leaves_nothing_to_look_at(project, tmp_path):
    scores = tmp_path / "results" / "scores" / "as_vcf"
    shutil.copytree(project.path / "results", tmp_path / "results")
    pl.read_parquet(scores / "scores.parquet").clear().write_parquet(scores / "scores.parquet")
    ScoresManifest.read(scores).write(scores)
    keys = {"views": [], "callsets": {"as_vcf": project.config["callsets"]["as_vcf"]}}
    (tmp_path / "config.json").write_text(json.dumps(project.config | keys))
    assert look(SimpleNamespace(path=tmp_path), tmp_path / "out") == 0
    assert ViewsManifest.read(tmp_path / "out").views == ()
    assert read_views(tmp_path / "out") == ()


def test_a_model_of_ones_own_is_run_where_the_configuration_names_it(project, tmp_path):
    shutil.copytree(project.path / "results", tmp_path / "results")
    file, marker = tmp_path / "mine.py", tmp_path / "was_here"
    file.write_text(
        f"import pathlib\npathlib.Path({str(marker)!r}).touch()\nfrom danq.models.danq import *\n"
    )
    path = tmp_path / "results" / "runs" / "net" / "bundle.json"
    weights = model_weights(load_bundle(path.parent).model)
    held = json.loads(path.read_text()) | {"model": str(file), "model_file": sha256(file)}
    path.write_text(json.dumps(sealed(held | {"digest": bundle_digest(held, weights)})))
    run = project.config["runs"]["net"] | {"model": str(file)}
    (tmp_path / "config.json").write_text(json.dumps(project.config | {"runs": {"net": run}}))
    assert look(SimpleNamespace(path=tmp_path), tmp_path / "out") == 0
    assert marker.exists()
    again, before = (
        read_predictions(path / "predictions.npz") for path in (tmp_path / "out", views_of(project))
    )
    np.testing.assert_array_equal(again.logits, before.logits)


REFUSED = [
    ({"views": ["chrX:1-10"]}, "views.0: expected a contig of the genome (chrI, chrII), received 'chrX'"),
    ({"views": ["chrI", "chrII:1,000-1,204"]}, "views.1: expected a region within chrII (1,203 bp)"),
    ({"views": [], "callsets": {}}, "run 'net' looks at nothing; name regions under `views`"),
]


@pytest.mark.parametrize(("keys", "message"), REFUSED)
def test_a_mistake_is_one_line_and_status_2(project, tmp_path, capsys, keys, message):
    assert look(changed(project, tmp_path, **keys), tmp_path / "out") == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("danq: ")
    assert message in lines[-1]
    assert not (tmp_path / "out").exists()


def test_damaged_files_are_refused_by_name(project, tmp_path, danq, capsys):
    shutil.copytree(project.path / "results", tmp_path / "results")
    peaks = tmp_path / "results" / "views" / "net" / "peaks.parquet"
    peaks.write_bytes(peaks.read_bytes()[:50])
    assert danq("report", "--results", tmp_path / "results", "--out", tmp_path / "r.html") == 2
    assert f"danq: {peaks}: expected a Parquet table" in capsys.readouterr().err
