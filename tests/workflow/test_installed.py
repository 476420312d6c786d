"""danq installed from its wheel, without a checkout: the workflow comes with it and runs anywhere."""

import os
import shlex
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from zipfile import ZipFile

import pytest

from danq.cli.workflow import workflow
from danq.errors import DanqError
from tests.workflow.conftest import write_project
from tests.workflow.installed import Installed, build, install


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installed:
    return install(wheel, tmp_path_factory.mktemp("installed") / "environment")


def tracked(repository: Path, folder: str) -> set[str]:
    """Files of a folder of the repository, by their paths in it."""
    places = (path.relative_to(repository / folder) for path in (repository / folder).rglob("*"))
    return {str(place) for place in places if (repository / folder / place).is_file()}


def test_the_wheel_carries_every_file_of_the_workflow_and_of_the_profiles(repository: Path, wheel: Path):
    files = {name.removeprefix("danq/workflow/") for name in ZipFile(wheel).namelist()}
    assert tracked(repository, "workflow") - {"profiles"} <= files
    assert {f"profiles/{name}" for name in tracked(repository, "profiles")} <= files
    assert "Snakefile" in files


def test_the_source_archive_makes_the_same_wheel(repository: Path, wheel: Path, tmp_path: Path):
    with tarfile.open(build(repository, "sdist", tmp_path)) as archive:
        names = archive.getnames()
        archive.extractall(tmp_path, filter="data")
    assert len(set(names)) == len(names), "each file once"
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    again = build(source, "wheel", tmp_path)
    assert sorted(ZipFile(again).namelist()) == sorted(ZipFile(wheel).namelist())


def test_the_workflow_runs_from_any_directory(installed: Installed, tmp_path: Path, repository: Path):
    project = tmp_path / "a project"
    write_project(project)
    here = project / "config"
    snakefile = Path(installed.run("danq", "workflow", "--path", cwd=here).strip())
    profiles = Path(installed.run("danq", "workflow", "--profiles", cwd=here).strip())
    assert snakefile.is_file()
    assert snakefile.is_relative_to(installed.binaries.parent)
    assert {path.name for path in profiles.iterdir()} == {
        path.name for path in (repository / "profiles").iterdir()
    }
    (project / "config" / "config.yaml").rename(project / "mine.yaml")
    refused = installed.run("danq", "workflow", "--", "--cores", "1", cwd=project, status=2)
    assert "config/config.yaml: no such file; name a configuration with --configfile FILE" in refused
    done = installed.run(
        *("danq", "workflow", "--configfile", "mine.yaml", "--"),
        *("--cores", "2", "results/datasets/one/dataset.json"),
        cwd=project,
    )
    assert "workflow/profiles/default" in done, "the profile beside the Snakefile is read"
    assert (project / "results" / "genomes" / "first" / "codes.npy").is_file()
    # the same plan without the verb, from Snakemake alone, which has nothing to do again
    planned = installed.run(
        *("python", "-m", "snakemake", "--snakefile", str(snakefile), "--configfile", "mine.yaml"),
        *("--dry-run", "--cores", "2"),
        cwd=project,
    )
    assert "results/logs/train/net.log" in planned
    assert "results/logs/dataset/one.log" not in planned
    # the checkout of these tests, whose environment may hold the libraries
    for folder in ("danq", "workflow", "profiles", "Snakefile"):
        assert str(repository / folder) not in done + planned


def test_jobs_find_danq_where_its_python_is_elsewhere(installed: Installed, tmp_path: Path, monkeypatch):
    # as `pip install --user` puts it: called by its path, in a folder that no shell looks into
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    write_project(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    script = (installed.binaries / "danq").rename(tmp_path / "elsewhere" / "danq")
    try:
        wanted = "results/genomes/first/genome.json"
        options = ("--configfile", "config/config.yaml", "--", "--cores", "1", wanted)
        installed.run(str(script), "workflow", *options, cwd=tmp_path)
    finally:
        script.rename(installed.binaries / "danq")
    assert (tmp_path / wanted).is_file()


@pytest.mark.environment
@pytest.mark.slow
def test_what_init_prints_can_be_pasted_where_no_checkout_is(installed: Installed, tmp_path: Path):
    write_project(tmp_path)
    told = installed.run(
        *("danq", "init", "--fasta", "data/first.fa", "data/one.alpha.bed", "--out", "my project"),
        *("--valid", "chr2", "--test", "chr3"),
        cwd=tmp_path,
    )
    check, run = (shlex.split(line) for line in told.splitlines()[-2:])
    installed.run(*check, cwd=tmp_path)
    assert "train/danq.log" in installed.run(*run, "--dry-run", cwd=tmp_path)


def test_bad_configurations_are_refused_before_snakemake_starts(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text.yaml").write_text("runs: [")
    for name, problem in (
        ("absent.yaml", "^absent.yaml: no such file"),
        ("text.yaml", "^text.yaml:1: expected YAML"),
        (".", r"^\.: expected a readable YAML file"),
    ):
        with pytest.raises(DanqError, match=problem):
            workflow(configfile=[Path(name)])


def test_an_environment_without_snakemake_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "snakemake", None)
    with pytest.raises(DanqError, match=r"needs snakemake: pip install 'snakemake\[reports\]'"):
        workflow()


def test_what_stands_after_the_dashes_is_snakemake_s_and_so_is_its_exit_status(
    installed: Installed, tmp_path: Path
):
    told = installed.run("danq", "workflow", "--", "--no-such-option", cwd=tmp_path, status=2)
    assert "unrecognized arguments: --no-such-option" in told


@pytest.mark.environment
@pytest.mark.slow
def test_a_checkout_is_installed_as_it_is_or_to_be_worked_on(repository: Path, tmp_path: Path):
    for options, home in (([], tmp_path / "plain"), (["--editable"], repository)):
        there = install(repository, tmp_path / (options[0] if options else "plain"), *options)
        snakefile = Path(there.run("danq", "workflow", "--path", cwd=tmp_path).strip())
        assert snakefile.is_file()
        assert snakefile.is_relative_to(home)
        named = there.run("python", "-c", "import danq.cli; print(danq.cli.__file__)", cwd=tmp_path)
        assert Path(named.strip()).is_relative_to(home)


@pytest.mark.environment
@pytest.mark.slow
def test_everything_is_made_without_a_checkout_also_after_it_was_told_to_stop(
    installed: Installed, tmp_path: Path
):
    write_project(tmp_path)
    program = [str(installed.binaries / "danq"), "workflow", "--", "--cores", "2"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    job = subprocess.Popen(
        program, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    # nothing printed any more is a failure, not an endless wait
    alarm = threading.Timer(600, job.kill)
    alarm.start()
    for line in job.stdout:
        if "danq: train/net begins" in line:
            job.send_signal(signal.SIGTERM)
            break
    rest = job.stdout.read()
    job.stdout.close()
    status = job.wait()
    alarm.cancel()
    assert status == 1, rest
    assert not (tmp_path / "results" / "report.html").exists()
    done = installed.run("danq", "workflow", "--", "--cores", "2", cwd=tmp_path)
    assert "danq: the report is results/report.html" in done
    assert "Nothing to be done" in installed.run("danq", "workflow", "--", "--cores", "2", cwd=tmp_path)
