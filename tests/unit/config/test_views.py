"""Regions to look at, as a configuration names them."""

import copy
from pathlib import Path
from typing import Any

import pytest

from danq.config import parse_config, unused
from danq.config.views import (
    callsets_viewed,
    genomes_viewed,
    misplaced_views,
    viewing_options,
    viewing_runs,
    views_of,
)
from danq.errors import DanqError
from danq.views.options import View
from tests.unit.config.good_config import GOOD, changed, with_callset


def viewing(*views: Any, **keys: Any) -> dict[str, Any]:
    return copy.deepcopy(GOOD) | {"views": list(views)} | keys


def test_a_region_alone_is_looked_at_by_every_run():
    config = parse_config(viewing("chrI:1-20", {"region": "chrI:5-", "title": "end"}), "c.yaml")
    assert config.views == [View(region="chrI:1-20"), View(region="chrI:5-", title="end")]
    assert list(views_of(config, "small")) == ["views.0", "views.1"]
    assert viewing_runs(config) == ["small"]
    assert genomes_viewed(config, "small") == ["yeast"]
    assert [view.name for view in views_of(config, "small").values()] == ["chrI:1-20", "end"]


def test_runs_named_and_repeated_look_alone():
    raw = viewing({"region": "chrI:1-20", "runs": ["more"]})
    raw["runs"]["more"] = raw["runs"]["small"] | {"repeats": 2}
    config = parse_config(raw, "c.yaml")
    assert viewing_runs(config) == ["more.seed1337", "more.seed1338"]
    assert parse_config(config.model_dump(mode="json"), "c.yaml") == config


def test_callsets_have_their_strongest_variants_looked_at():
    config = parse_config(with_callset(), "c.yaml")
    assert config.callsets["demo"].views == 5
    assert callsets_viewed(config, "other") == ["demo"]
    assert viewing_runs(config) == ["small", "other"]
    without = parse_config(with_callset(views=0), "c.yaml")
    assert viewing_runs(without) == []


def test_what_a_job_depends_on_names_regions_and_places():
    first, second = (parse_config(viewing(region), "c.yaml") for region in ("chrI:1-20", "chrI:1-21"))
    assert viewing_options(first, "small") != viewing_options(second, "small")
    raw = viewing({"region": "chrI:1-20", "runs": ["small"]})
    assert viewing_options(parse_config(raw, "c.yaml"), "small") == viewing_options(first, "small")


def test_a_genome_that_is_only_looked_at_is_used():
    raw = viewing({"region": "chrI:1-20", "genome": "other"}, genomes={"yeast": "a.fa", "other": "b.fa"})
    raw["datasets"]["marks"]["genome"] = "yeast"
    assert unused(parse_config(raw, "c.yaml")) == []


REFUSED = [
    (["chrI:20-1"], "views.0: expected a contig or a region such as"),
    (["chrI:1-10", "chrI:1-50,001"], "views.1: expected a region of at most 50,000 bp, received 50,001 bp"),
    ([{"region": "chrI:0-9"}], "views.0.region: expected a contig or a region"),
    ([{"region": "chrI", "runs": ["big"]}], "views.0.runs.0: expected one of small, received 'big'"),
    ([{"region": "chrI", "runs": ["small", "small"]}], "views.0.runs.1: expected each run once"),
    ([{"region": "chrI", "genome": "hg19"}], "views.0.genome: expected one of yeast, received 'hg19'"),
    ([{"place": "chrI"}], "views.0.region: expected this key, received nothing"),
    ([{"region": "chrI", "width": 3}], "unknown key; expected one of genome, region, runs, title"),
    ([7], "views.0: expected text (in quotes where it is a number, or yes or no)"),
    ("chrI", 'views: expected a list, received "chrI"'),
]


@pytest.mark.parametrize(("views", "expected"), REFUSED)
def test_refusals_name_the_key(views: Any, expected: str):
    with pytest.raises(DanqError) as refused:
        parse_config(changed("views", views), "c.yaml")
    assert expected in str(refused.value)


def test_texts_and_images_cannot_be_looked_at(tmp_path: Path):
    raw = viewing("chrI:1-2")
    raw["datasets"] = {"reviews": {"kind": "text", "examples": "r.csv", "split": {"valid": 0.1, "test": 0.1}}}
    raw["runs"] = {"words": {"model": "bilstm_conv2d", "dataset": "reviews"}}
    with pytest.raises(DanqError, match=r"views\.0: expected a run on DNA that predicts it, received none"):
        parse_config(raw, "c.yaml")


def test_a_region_off_the_genome_is_found_before_any_job(tmp_path: Path):
    fasta = tmp_path / "g.fa"
    fasta.write_text(">chrI\nACGTACGTAC\n>chrII\n" + "A" * 60_000 + "\n")
    views = ("chrI:1-10", "chrI:5-11", "chrX:1-2", "chrII", "1:2-3")
    config = parse_config(viewing(*views, genomes={"yeast": str(fasta)}), "c.yaml")
    assert list(misplaced_views(config)) == [
        "views.1: expected a region within chrI (10 bp), received 'chrI:5-11'",
        "views.2: expected a contig of the genome (chrI, chrII), received 'chrX'",
        "views.3: expected a region of at most 50,000 bp, received 60,000 bp",
    ]


def test_contigs_of_a_long_fasta_come_from_its_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("danq.config.views._QUICKLY_READ", 3)
    fasta = tmp_path / "g.fa"
    fasta.write_text(">chrI\nACGT\n")
    config = parse_config(viewing("chrI:1-9", genomes={"yeast": str(fasta)}), "c.yaml")
    assert list(misplaced_views(config)) == []
    fasta.with_name("g.fa.fai").write_text("chrI\t4\t6\t4\t5\n")
    assert list(misplaced_views(config)) == [
        "views.0: expected a region within chrI (4 bp), received 'chrI:1-9'"
    ]
