"""A job that fails says why and leaves nothing under a final name."""

import pytest

from tests.workflow.conftest import Project

pytestmark = pytest.mark.slow


def test_a_failing_job_shows_its_line_and_leaves_no_output(project: Project):
    (project.path / "data" / "one.beta.bed").write_text("chr1\t0\t60\nchr1\t9\t5\n")
    done = project.snakemake(
        "--cores", "2", "--keep-going", "--retries", "2", "results/datasets/one/dataset.json"
    )
    assert done.returncode != 0
    assert "danq: data/one.beta.bed:2: " in done.stdout, "the job's log is shown"
    assert done.stdout.count("\nlocalrule dataset:") == 1, "what the user must mend is not tried again"
    log = "results/logs/dataset/one.log"
    assert f"danq: dataset/one begins; tail -F {log}\n" in done.stdout
    # the one line that matters, near the end
    last = [line for line in done.stdout.splitlines()[-6:] if line.startswith("danq: ")]
    assert len(last) == 1
    assert last[0].startswith("danq: dataset/one failed: data/one.beta.bed:2: ")
    assert last[0].endswith(f"; its log: {log}")
    assert "Traceback" not in done.stdout
    assert {path for path in project.files() if path.startswith("results/datasets")} == set()
    assert "results/genomes/first/genome.json" in project.files()


def test_what_failed_runs_after_it_was_mended(project: Project):
    track = project.path / "data" / "one.beta.bed"
    good = track.read_text()
    track.write_text("chr1\t9\t5\n")
    target = "results/datasets/one/dataset.json"
    assert project.snakemake("--cores", "2", target).returncode != 0
    track.write_text(good)
    assert project.planned(target) == {"dataset/one"}
    done = project.snakemake("--cores", "2", target)
    assert done.returncode == 0, done.stdout
    assert (project.path / target).is_file()
