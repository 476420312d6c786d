"""Callsets in the workflow: what is planned, what runs again, and that shards change nothing."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
import yaml

from tests.workflow.conftest import CONFIG, Project, inputs_kept, write_variants

# more records than two parts of the work hold, so that three shards each have some
RECORDS = 4_200
CALLSETS: dict[str, Any] = {
    # of a key that changes nothing here, or the one would take the other's finished scores
    "whole": {
        "vcf": "data/variants.vcf",
        "genome": "first",
        "runs": ["net"],
        "annotate": ["beta"],
        "regions": ["chr1"],
    },
    "cut": {
        "vcf": "data/variants.vcf",
        "genome": "first",
        "runs": ["net"],
        "annotate": ["beta"],
        "shards": 3,
        "views": 0,
    },
    "table": {"vcf": "data/alleles.tsv", "genome": "second", "runs": ["net", "words"], "truth": "effect"},
    "carried": {
        "vcf": "data/variants.vcf",
        "genome": "first",
        "runs": ["words"],
        "samples": ["s"],
        "views": 0,
    },
}
CUT = {f"score/cut.{shard}-of-3" for shard in (1, 2, 3)}
SCORES = {"score/whole", "score/cut", "score/table", "score/carried", *CUT}
VIEWS = {"view/net", "view/words"}


def configured(**changes: dict[str, Any]) -> str:
    """The project's configuration with callsets, of which some keys are changed; None leaves one out."""
    raw = yaml.safe_load(CONFIG)
    raw["callsets"] = {
        name: {key: v for key, v in (keys | changes.get(name, {})).items() if v is not None}
        for name, keys in CALLSETS.items()
    }
    return yaml.safe_dump(raw, sort_keys=False)


@pytest.fixture
def asked(project: Project) -> Project:
    """The project with callsets, before anything ran."""
    write_variants(project.path / "data", RECORDS)
    project.configure(configured())
    return project


def rule_of(stdout: str, log: str) -> str:
    return next(part for part in stdout.split("\n\n") if f"log: results/logs/{log}.log" in part)


def test_a_plan_of_every_callset(asked: Project):
    keys = {"regions": ["chr1:1-9,000", "chr2"], "pass_only": True, "ref_mismatch": "swap", "truth": "X"}
    asked.configure(configured(whole=keys | {"strands": "scores"}))
    done = asked.snakemake("--dry-run")
    assert done.returncode == 0, done.stdout
    planned = set(re.findall(r"^    log: results/logs/(\S+)\.log$", done.stdout, re.MULTILINE))
    assert {job for job in planned if job.startswith("score/")} == SCORES
    assert asked.files() == set(), "a dry run writes nothing"

    table = rule_of(done.stdout, "score/table")
    for file in (
        *("results/runs/net/model.keras", "results/runs/words/bundle.json"),
        *("results/genomes/second/codes.npy", "data/alleles.tsv"),
    ):
        assert file in table
    assert "annotated.vcf.gz" not in table, "a table of alleles has no VCF"

    whole = rule_of(done.stdout, "score/whole")
    assert "results/scores/whole/annotated.vcf.gz" in whole
    assert "danq score --config results/config.json --callset whole --threads " in whole
    assert " --work results/scores/whole/.work --out results/scores/whole 2> " in whole
    assert "--shard" not in whole

    shard, gathering = (rule_of(done.stdout, f"score/{name}") for name in ("cut.2-of-3", "cut"))
    assert "--shard 2/3 --work results/scores/cut/.work --receipt results/scores/cut/2-of-3.receipt" in shard
    assert "--shard" not in gathering
    assert "results/scores/cut/3-of-3.receipt.json" in gathering
    report = rule_of(done.stdout, "report")
    assert "--callset whole --callset cut --callset table --callset carried" in report
    assert "results/scores/table/scores.parquet" in report


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"vcf": "data/no.vcf"},
            "callsets.whole.vcf: expected a file, received 'data/no.vcf' (no such file)",
        ),
        ({"vcf": "data/one.alpha.bed"}, "callsets.whole.vcf: data/one.alpha.bed"),
        (
            {"annotate": ["gamma"]},
            "callsets.whole.annotate.0: expected a target (alpha, beta), received 'gamma'",
        ),
    ],
    ids=["missing", "no VCF", "target"],
)
def test_a_wrong_callset_is_refused_in_one_line_before_any_job(
    asked: Project, keys: dict[str, Any], expected: str
):
    asked.configure(configured(whole=keys))
    done = asked.snakemake("--cores", "1")
    assert done.returncode != 0
    said = [line for line in done.stdout.splitlines() if line.startswith("danq: ")]
    assert len(said) == 1
    assert expected in said[0]
    assert "Traceback" not in done.stdout
    assert asked.files() == set()


@pytest.fixture(scope="session")
def scored(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished project after its callsets were scored as well."""
    path = tmp_path_factory.mktemp("scored") / "project"
    shutil.copytree(finished.path, path)
    write_variants(path / "data", RECORDS)
    project = Project(path, finished.repository)
    project.configure(configured())
    assert project.planned() == SCORES | VIEWS | {"report"}, "what is there already is kept"
    done = project.snakemake("--cores", "2")
    assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def unchanged(scored: Project) -> Iterator[Project]:
    """The scored project; its data and configuration are put back after the test, with their times."""
    with inputs_kept(scored):
        yield scored


@pytest.mark.slow
def test_every_allele_is_accounted_for_and_nothing_is_left_over(scored: Project):
    for name, vcf in (("whole", True), ("cut", True), ("table", False)):
        place = scored.path / "results" / "scores" / name
        files = {"scores.parquet", "ledger.tsv", "scores.json"}
        files |= {"annotated.vcf.gz", "annotated.vcf.gz.tbi"} if vcf else {"truth.tsv", "truth.parquet"}
        assert {path.name for path in place.iterdir()} == files
        ledger = pl.read_csv(place / "ledger.tsv", separator="\t")
        counts = json.loads((place / "scores.json").read_text())["counts"]
        assert len(ledger) == counts["alleles"] == (RECORDS if vcf else 40)
        assert counts["scored"] == len(pl.read_parquet(place / "scores.parquet", columns=["row"]))
        assert counts["reasons"].get("ref_mismatch", 0) == (RECORDS // 50 if vcf else 0)
    assert (scored.path / "results" / "benchmarks" / "score" / "cut.3-of-3.tsv").is_file()


@pytest.mark.slow
def test_shards_change_no_byte(scored: Project):
    whole, cut = (scored.path / "results" / "scores" / name for name in ("whole", "cut"))
    for log in (scored.path / "results" / "logs" / "score").glob("*.log"):
        assert "finished scores of equal content are taken" not in log.read_text(), log.name
    for name in ("scores.parquet", "ledger.tsv", "annotated.vcf.gz", "annotated.vcf.gz.tbi"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name


@pytest.mark.slow
def test_the_report_shows_every_callset(scored: Project):
    text = (scored.path / "results" / "report.html").read_text()
    for head in ("Variant scores", "Strongest variants", "Agreement with known effects", "Regions"):
        assert f"<h3>{head}</h3>" in text
    assert "<h4>cut</h4>" in text
    assert "<h4>table</h4>" in text


@pytest.mark.slow
def test_a_second_run_has_nothing_to_do(unchanged: Project):
    assert unchanged.planned() == set()
    for name in ("variants.vcf", "alleles.tsv", "first.fa"):
        (unchanged.path / "data" / name).touch()
    assert unchanged.planned() == set(), "touched files"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("callset", "name"),
    [
        *(("table", name) for name in ("truth.tsv", "truth.parquet")),
        *(("carried", name) for name in ("haplotypes.parquet", "annotated.vcf.gz")),
    ],
)
def test_a_file_that_is_gone_is_made_again(unchanged: Project, callset: str, name: str):
    place = unchanged.path / "results" / "scores" / callset / name
    aside = place.rename(unchanged.path / name)
    try:
        expected = {f"score/{callset}"} | (VIEWS if callset == "table" else set())
        assert unchanged.planned() == {*expected, "report"}
    finally:
        aside.rename(place)


@pytest.mark.slow
def test_changed_variants_are_scored_again_and_nothing_else(unchanged: Project):
    path = unchanged.path / "data" / "alleles.tsv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert unchanged.planned() == {"score/table", *VIEWS, "report"}
    path = unchanged.path / "data" / "variants.vcf"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    os.utime(path, (0, 0))
    assert unchanged.planned() == SCORES | VIEWS | {"report"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"whole": {"strands": "forward"}}, {"score/whole", "view/net", "report"}),
        ({"cut": {"strands": "forward"}}, {"score/cut", *CUT, "report"}),
        ({"table": {"runs": ["net"]}}, {"score/table", "view/net", "report"}),
        ({"cut": {"views": 1}}, {"view/net", "report"}),
        # said or left out, a default is the same
        ({"whole": {"strands": "scores", "pass_only": False}}, set()),
    ],
    ids=["option", "option of shards", "runs", "views", "default"],
)
def test_a_changed_key_reruns_what_depends_on_it(
    unchanged: Project, changes: dict[str, Any], expected: set[str]
):
    unchanged.configure(configured(**changes))
    assert unchanged.planned() == expected


@pytest.mark.slow
def test_a_callset_that_is_no_longer_named_leaves_the_report(unchanged: Project):
    raw = yaml.safe_load(configured())
    del raw["callsets"]["table"]
    unchanged.configure(yaml.safe_dump(raw))
    assert unchanged.planned() == {"view/net", "report"}


@pytest.mark.slow
def test_a_retrained_run_is_followed_by_its_callsets(unchanged: Project):
    raw = yaml.safe_load(configured())
    raw["runs"]["words"]["options"]["k"] = [2]
    unchanged.configure(yaml.safe_dump(raw))
    planned = unchanged.planned()
    assert {job for job in planned if job.startswith("score/")} == {"score/table", "score/carried"}
