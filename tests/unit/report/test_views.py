"""The section of the report about regions that were looked at."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from viewed_results import NAMES

from danq.report.results import Results, read_results
from danq.report.views import regions
from danq.storage import sealed


@pytest.fixture
def project(viewed_project: SimpleNamespace) -> SimpleNamespace:
    return viewed_project


def drawn(results: Results) -> str:
    section = regions(results)
    assert section is not None
    return str(section.html)


def test_every_region_is_drawn_with_what_lies_in_it(project: SimpleNamespace):
    body = drawn(read_results(project.path / "results"))
    assert body.count("<svg") == 4
    assert "chrI:101-200 of g. net: a value every 1 bp." in body
    # both callsets hold the alleles of the region of the configuration, one of them those around its own
    remarks = [line for line in body.split("<title>") if line.startswith("chrI:120 ")]
    assert len(remarks) >= 4
    assert "CTCF: chrI:91-101 (11 bp)" in body
    assert body.count("reference (hollow)") == 4


def test_names_of_targets_and_regions_are_text(project: SimpleNamespace):
    body = drawn(read_results(project.path / "results"))
    assert NAMES[1] not in body
    assert "<img" not in body
    assert "&lt;img" in body


def test_repeats_of_a_run_are_averaged(project: SimpleNamespace, tmp_path: Path):
    results = tmp_path / "results"
    shutil.copytree(project.path / "results", results)
    for folder in ("runs", "views"):
        (results / folder / "net").rename(results / folder / "net.seed1")
        shutil.copytree(results / folder / "net.seed1", results / folder / "net.seed2")
    for seed in (1, 2):
        for path in (
            results / "runs" / f"net.seed{seed}" / "bundle.json",
            results / "views" / f"net.seed{seed}" / "views.json",
        ):
            held = json.loads(path.read_text())
            held["run"] = f"net.seed{seed}"
            if "train" in held:
                held["train"]["seed"] = seed
            path.write_text(json.dumps(sealed(held)))
    read = read_results(results)
    assert [group.name for group in read.groups] == ["net"]
    body = drawn(read)
    assert body.count("<svg") == 4
    assert "net: mean of 2 trainings; a value every 1 bp." in body


def test_a_callset_on_another_genome_or_of_another_run_is_not_drawn(project: SimpleNamespace):
    read = read_results(project.path / "results")
    elsewhere = [
        replace(viewed, entry=viewed.entry.model_copy(update={"genome_digest": "other"}))
        for viewed in read.views[:1]
    ]
    assert "reference (hollow)" not in drawn(replace(read, views=tuple(elsewhere)))


def test_results_without_callsets_or_without_views(project: SimpleNamespace):
    read = read_results(project.path / "results")
    assert regions(replace(read, views=())) is None
    body = drawn(replace(read, callsets=()))
    assert body.count("<svg") == 4
    assert "reference (hollow)" not in body


def test_only_views_of_named_runs_are_read(project: SimpleNamespace):
    assert read_results(project.path / "results", ["net"]).views == ()
    assert len(read_results(project.path / "results", ["net"], viewing=["net"]).views) == 4
