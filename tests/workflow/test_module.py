"""The workflow as a module of another one."""

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
        "{repository}/workflow/Snakefile"
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


class Foreign(Project):
    """A project with a Snakefile of its own, which uses the repository's workflow."""

    def write(self, config: str, prefix: str = "") -> None:
        text = SNAKEFILE.format(repository=self.repository, config=config, prefix=prefix)
        (self.path / "Snakefile").write_text(text)

    def snakemake(self, *arguments: str, timeout: float = 1200) -> subprocess.CompletedProcess[str]:
        return super().snakemake("--snakefile", "Snakefile", *arguments, timeout=timeout)


@pytest.fixture
def foreign(tmp_path: Path, repository: Path) -> Foreign:
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
    foreign.write('config["danq"]', '    prefix:\n        "below/here"\n')
    # what the command line says is the other workflow's, even if it sounds like ours
    done = foreign.snakemake("--cores", "2", "--config", "samples=4", "runs=5")
    assert done.returncode == 0, done.stdout
    made = foreign.files() - {"Snakefile"}
    assert {path for path in made if not path.startswith("below/here/results/")} == {
        "mine/anything.txt",
        "after/anything.txt",
    }
    inside = {path.removeprefix("below/here/results/") for path in made}
    assert {"config.json", "report.html", "runs/words/evaluation/metrics.tsv"} <= inside
    assert {"scores/demo/scores.parquet", "views/words/views.json", "logs/train/words.log"} <= inside
    again = foreign.snakemake("--cores", "2", "--config", "samples=4", "runs=5")
    assert "Nothing to be done" in again.stdout
    assert foreign.files() - {"Snakefile"} == made


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
