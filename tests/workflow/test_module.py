"""The workflow as a module of another one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import CONFIG, Project, write_project, write_variants

SNAKEFILE = """\
configfile: "config/config.yaml"


rule mine:
    output:
        "mine/{{run}}.txt",
    shell:
        "echo {{wildcards.run}} > {{output}}"


module danq:
    snakefile:
        {snakefile}
    config:
        {config}
{prefix}

use rule * from danq as danq_*


rule after:
    output:
        "after/{{dataset}}.txt",
    shell:
        "echo {{wildcards.dataset}} > {{output}}"


rule all:
    default_target: True
    input:
        rules.danq_all.input,
        "mine/anything.txt",
        "after/anything.txt",
"""


# a run that a GPU may train, smaller than that of the project
NET = "{net: {model: danq, dataset: two, options: {filters: 8, units: 4, dense: 8}, train: {epochs: 2}}}"


class Foreign(Project):
    """A project with a Snakefile of its own, which uses the repository's workflow."""

    def write(self, config: str, prefix: str = "", snakefile: str = "") -> None:
        snakefile = snakefile or f'"{self.repository}/workflow/Snakefile"'
        text = SNAKEFILE.format(snakefile=snakefile, config=config, prefix=prefix)
        (self.path / "Snakefile").write_text(text)

    def fetch(self) -> set[str]:
        """Have a rule bring genome, tracks and variants, which are not there before; their paths."""
        table, config = self.path / "data" / "two.tsv", self.path / "config" / "config.yaml"
        table.write_text(table.read_text().replace("\ttwo", "\t../fetched/two"))
        text = config.read_text()
        for name in ("second.fa", "alleles.tsv"):
            text = text.replace(f"data/{name}", f"fetched/{name}")
        config.write_text(text)
        rule = 'rule fetch:\n    input:\n        "data/{name}",\n    output:\n        "fetched/{name}",\n'
        with (self.path / "Snakefile").open("a") as snakefile:
            snakefile.write(rule + '    shell:\n        "cp {input} {output}"\n')
        return {f"fetched/{name}" for name in ("second.fa", "alleles.tsv", "two.alpha.bed", "two.beta.bed")}

    def on_github(self, monkeypatch: pytest.MonkeyPatch) -> str:
        """Commit the workflow under a tag where git looks for GitHub; how a Snakefile names it."""
        origin = self.path.parent / "github" / "owner" / "danq"
        shutil.copytree(self.repository / "workflow", origin / "workflow")
        who = ("-c", "user.name=danq", "-c", "user.email=danq@example.org")
        for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "x"], ["tag", "v1"]):
            subprocess.run(["git", *who, *words], cwd=origin, check=True)
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{self.path.parent}/github/.insteadOf")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/")
        monkeypatch.setenv("XDG_CACHE_HOME", str(self.path.parent / "cache"))
        return 'github("owner/danq", path="workflow/Snakefile", tag="v1")'

    def snakemake(self, *arguments: str, timeout: float = 1200) -> subprocess.CompletedProcess[str]:
        return super().snakemake("--snakefile", "Snakefile", *arguments, timeout=timeout)


@pytest.fixture
def foreign(tmp_path: Path, repository: Path) -> Foreign:
    # beside it a place for what lies elsewhere
    tmp_path = tmp_path / "project"
    write_project(tmp_path)
    write_variants(tmp_path / "data", 20)
    ours = yaml.safe_load(CONFIG)
    for section, name in (("genomes", "first"), ("datasets", "one"), ("runs", "net")):
        del ours[section][name]
    ours["callsets"] = {"demo": {"vcf": "data/alleles.tsv", "runs": ["words"], "shards": 2}}
    ours["views"] = ["chr2:100-2000"]
    (tmp_path / "config" / "config.yaml").write_text(yaml.safe_dump({"samples": 3, "danq": ours, **ours}))
    return Foreign(tmp_path, repository)


@pytest.mark.slow
def test_a_module_with_a_prefix_makes_everything_below_it(foreign: Foreign):
    # of which a space is part: commands have it as one word
    foreign.write('config["danq"]', '    prefix:\n        "below/a place"\n')
    fetched = foreign.fetch()
    # what the command line says is the other workflow's, even if it sounds like ours
    done = foreign.snakemake("--cores", "2", "--config", "samples=4", "runs=5")
    assert done.returncode == 0, done.stdout
    made = foreign.files() - {"Snakefile"}
    assert {path for path in made if not path.startswith("below/a place/results/")} == {
        "mine/anything.txt",
        "after/anything.txt",
        *fetched,
    }
    inside = {path.removeprefix("below/a place/results/") for path in made}
    assert {"config.json", "report.html", "runs/words/evaluation/metrics.tsv"} <= inside
    assert {"scores/demo/scores.parquet", "views/words/views.json", "logs/train/words.log"} <= inside
    again = foreign.snakemake("--cores", "2", "--config", "samples=4", "runs=5")
    assert "Nothing to be done" in again.stdout
    assert foreign.files() - {"Snakefile"} == made


def test_of_files_that_no_rule_makes_snakemake_says_so(foreign: Foreign):
    foreign.write('config["danq"]')
    (foreign.path / "data" / "second.fa").unlink()
    done = foreign.snakemake("--dry-run")
    assert done.returncode == 1
    assert re.search(r"Missing input files for rule danq_genome:.*data/second.fa", done.stdout, re.DOTALL)
    # what is read to plan the jobs is refused as ever
    (foreign.path / "data" / "two.tsv").unlink()
    refused = foreign.snakemake("--dry-run").stdout
    assert "datasets.two.targets: expected a file, received 'data/two.tsv' (no such file)" in refused


def test_rules_of_a_module_are_changed_and_left_out_as_snakemake_has_it(foreign: Foreign):
    foreign.write('config["danq"]')
    text = (foreign.path / "Snakefile").read_text()
    # whoever changes resources names all of them
    changed = "use rule predict from danq as danq_predict with:\n    resources:\n        mem_mb=1234\n"
    changed += changed.replace("predict", "train")
    for without in ("", " exclude predict, train"):
        used = f"use rule * from danq{without} as danq_*\n"
        (foreign.path / "Snakefile").write_text(
            text.replace("use rule * from danq as danq_*\n", used + changed)
        )
        planned = foreign.snakemake("-np", "--config", f"danq={{runs: {NET}}}").stdout.split("\n\n")
        for job, log in (("predict", "net.test"), ("train", "net")):
            (block,) = (part for part in planned if f"log: results/logs/{job}/{log}.log" in part)
            assert "mem_mb=1234" in block
            assert f"Shell command: danq {job} " in block


def test_a_module_without_a_prefix_lies_where_the_workflow_alone_does(foreign: Foreign):
    ours = yaml.safe_load((foreign.path / "config" / "config.yaml").read_text())["danq"]
    (foreign.path / "config" / "config.yaml").write_text(yaml.safe_dump(ours))
    foreign.write("config")
    done = foreign.snakemake("-np", "--config", "runs={words: {options: {c: [0.1]}}}")
    assert done.returncode == 0, done.stdout
    assert "danq report --results results --run words" in done.stdout
    assert foreign.files() == {"Snakefile"}, "a dry run writes nothing"
    # and there what the command line says of a key counts
    assert "runs.words.options.cc: unknown key" in (
        foreign.snakemake("--dry-run", "--config", "runs={words: {options: {cc: [0.1]}}}").stdout
    )


@pytest.mark.slow
def test_a_job_of_a_module_that_fails_says_its_line_and_is_not_tried_again(foreign: Foreign):
    foreign.write('config["danq"]', '    prefix:\n        "below/here"\n')
    (foreign.path / "data" / "two.beta.bed").write_text("chr1\t9\t5\n")
    done = foreign.snakemake("--cores", "2", "--retries", "2", "below/here/results/datasets/two/dataset.json")
    assert done.returncode != 0
    assert done.stdout.count("danq: dataset/two begins") == 1
    assert "danq: dataset/two failed: data/two.beta.bed:1: " in done.stdout


@pytest.mark.slow
@pytest.mark.environment
def test_a_module_from_github_needs_no_copy_of_the_workflow(
    foreign: Foreign, monkeypatch: pytest.MonkeyPatch
):
    """What git would fetch from there lies on this machine; the rest is Snakemake's own way."""
    foreign.write('config["danq"]', '    prefix:\n        "below"\n', foreign.on_github(monkeypatch))
    done = foreign.snakemake("--cores", "2", "below/results/runs/words/evaluation/metrics.tsv")
    assert done.returncode == 0, done.stdout
    assert "Cloning github.com/owner/danq" in done.stdout
    # captions of Snakemake's own report, which lie in the repository as well
    report = foreign.snakemake("--report", "report.zip", "below/results/runs/words/evaluation/metrics.tsv")
    assert report.returncode == 0, report.stdout
    assert (foreign.path / "report.zip").stat().st_size > 0


@pytest.mark.slow
@pytest.mark.environment
def test_a_module_without_a_prefix_or_a_copy_makes_results(foreign: Foreign, monkeypatch: pytest.MonkeyPatch):
    foreign.write('config["danq"]', "", foreign.on_github(monkeypatch))
    done = foreign.snakemake("--cores", "2", "results/runs/words/bundle.json", "mine/anything.txt")
    assert done.returncode == 0, done.stdout
    made = {path for path in foreign.files() if not path.startswith("results/")}
    assert made == {"Snakefile", "mine/anything.txt"}
    assert "results/config.json" in foreign.files()
    # of another tag than there is, git says so
    foreign.write('config["danq"]', "", 'github("owner/danq", path="workflow/Snakefile", tag="v2")')
    assert foreign.snakemake("--dry-run").returncode != 0
