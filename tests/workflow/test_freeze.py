"""A finished run of the workflow as a capsule, and what a replay refuses before anything runs."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from rocrate.rocrate import ROCrate
from verbs import danq

from danq.capsule.compare import compare_results
from danq.capsule.manifest import CapsuleManifest
from danq.files import sha256
from danq.storage import sealed
from tests.workflow.conftest import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def capsule(tmp_path_factory: pytest.TempPathFactory, finished: Project, wheel: Path) -> Path:
    """The finished project as a capsule without its inputs; tests leave it as it is."""
    out = tmp_path_factory.mktemp("frozen") / "capsule"
    assert danq("freeze", finished.path / "results", "--out", out, "--wheel", wheel, "--without-hashes") == 0
    return out


@pytest.fixture
def copy(capsule: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(capsule, tmp_path / "copy"))


def rewritten(capsule: Path, **changed: object) -> None:
    """Change the manifest as somebody would who knows how it is made: digests are those of the files."""
    path = capsule / "capsule.json"
    content = json.loads(path.read_text()) | changed
    content.pop("manifest_sha256", None)
    content["files"] = {name: sha256(capsule / name) for name in content["files"]}
    path.write_text(json.dumps(content))


def test_a_capsule_holds_what_a_replay_needs_and_no_input(
    capsule: Path, finished: Project, wheel: Path
) -> None:
    manifest = CapsuleManifest.read(capsule)
    files = {
        path.relative_to(capsule).as_posix(): sha256(path) for path in capsule.rglob("*") if path.is_file()
    }
    del files["capsule.json"]
    assert manifest.files == files
    assert (capsule / wheel.name).read_bytes() == wheel.read_bytes()
    assert {"workflow/Snakefile", "config.json", "README.md", "requirements.txt"} <= files.keys()
    inputs = {each.name: each for each in manifest.inputs}
    beds = {f"data/{table}.{name}.bed" for table in ("one", "two") for name in ("alpha", "beta")}
    assert inputs.keys() == {"data/first.fa", "data/second.fa", "data/one.tsv", "data/two.tsv", *beds}
    assert all(each.sha256 == sha256(finished.path / name) for name, each in inputs.items())
    assert {name for name, each in inputs.items() if each.kept} == {"data/one.tsv", "data/two.tsv"}
    assert not [name for name in files if name.endswith((".bed", ".fa", "codes.npy", "labels.npy"))]
    kept = {each.name for each in manifest.results if each.kept}
    needed = ["bundle.json", "golden.npz", "evaluation/metrics.tsv", "predictions/test.npz"]
    assert {f"runs/{run}/{name}" for run in ("net", "words") for name in needed} <= kept
    assert {"datasets/one/dataset.json", "report.html"} <= kept
    pins = (capsule / "requirements.txt").read_text().splitlines()[1:]
    assert {pin.partition(" ")[0] for pin in pins} == {f"{n}=={v}" for n, v in manifest.versions.items()}
    assert {"numpy", "tensorflow", "snakemake"} <= manifest.versions.keys()


def test_no_folder_of_this_machine_is_named(capsule: Path, finished: Project, repository: Path) -> None:
    places = [str(finished.path), str(repository), os.path.expanduser("~") + "/"]
    for path in capsule.rglob("*"):
        if path.is_file() and path.suffix != ".whl":
            assert not [place for place in places if place.encode() in path.read_bytes()], path


def test_equal_results_give_equal_capsules_whatever_their_form(
    capsule: Path, finished: Project, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    options = (
        "--wheel",
        wheel,
        "--without-hashes",
        "--with-inputs",
        "--license",
        "CC-BY-4.0",
        "--largest",
        "inf",
    )
    for name in ("a.zip", "b.zip", "folder"):
        assert danq("freeze", finished.path / "results", "--out", tmp_path / name, *options) == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "folder" / name).read_bytes()
    for name in ("data/first.fa", "data/one.alpha.bed"):
        copied = tmp_path / "folder" / "inputs" / name
        assert copied.read_bytes() == (finished.path / name).read_bytes()
    first, second = (CapsuleManifest.read(folder).content() for folder in (capsule, tmp_path / "folder"))
    assert second["created"] == "1970-01-01T00:00:01+00:00"
    differing = {key for key in first if first[key] != second[key]}
    assert differing == {"created", "inputs", "files"}


def test_the_crate_is_one_that_its_library_reads(capsule: Path) -> None:
    crate = ROCrate(capsule)
    assert crate.mainEntity.id == "workflow/Snakefile"
    assert crate.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    run = crate.root_dataset["mentions"]
    assert run.type == "CreateAction"
    assert run["instrument"] == crate.mainEntity
    assert {entity.id for entity in run["object"]} >= {"inputs/data/one.tsv", "#input/data/first.fa"}
    assert "results/runs/net/golden.npz" in {entity.id for entity in run["result"]}
    files = {path.relative_to(capsule).as_posix() for path in capsule.rglob("*") if path.is_file()}
    described = {entity.id for entity in crate.data_entities if "File" in entity.type}
    assert described == files - {"ro-crate-metadata.json"}
    for entity in crate.data_entities:
        if "File" in entity.type and entity.id != "capsule.json":
            assert entity["sha256"] == sha256(capsule / entity.id)


def test_results_are_compared_with_the_capsule(capsule: Path, finished: Project, tmp_path: Path) -> None:
    manifest, results = CapsuleManifest.read(capsule), tmp_path / "results"
    shutil.copytree(finished.path / "results", results, ignore=shutil.ignore_patterns(".finished"))
    compared = compare_results(capsule, manifest, results, 1e-5)
    assert {each.status for each in compared} == {"equal"}
    assert "runs/net/golden.npz" in {str(each.path) for each in compared}
    path = results / "runs" / "net" / "predictions" / "test.npz"
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {"logits": arrays["logits"] + np.float32(0.5)})
    (results / "runs" / "words" / "predictions" / "test.npz").unlink()
    changed = {str(each.path): each.words(1e-5) for each in compare_results(capsule, manifest, results, 1e-5)}
    assert changed["runs/net/predictions/test.npz"] == "differs by 0.5"
    assert changed["runs/words/predictions/test.npz"] == "missing"


def test_missing_and_changed_inputs_are_all_named_before_anything_runs(
    capsule: Path, finished: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished.path / "data", tmp_path / "mine" / "data")
    (tmp_path / "mine" / "data" / "one.beta.bed").unlink()
    with (tmp_path / "mine" / "data" / "second.fa").open("a") as stream:
        stream.write("A\n")
    out = tmp_path / "out"
    assert danq("replay", capsule, "--out", out, "--inputs", tmp_path / "mine") == 2
    printed = capsys.readouterr()
    rows = [line.split()[:2] for line in printed.out.splitlines()]
    assert rows == [["inputs/data/one.beta.bed", "missing"], ["inputs/data/second.fa", "changed"]]
    assert "of 8 inputs 1 missing, 1 changed" in printed.err
    assert not out.exists()
    assert danq("replay", capsule, "--out", out, "--json") == 2
    told = json.loads(capsys.readouterr().out)["checks"]
    assert len(told) == 6  # the tables of targets are in the capsule
    assert {each["status"] for each in told} == {"missing"}


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert danq(*arguments) == 2
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.startswith("danq: ")]
    assert len(lines) == 1, printed.err
    return lines[0]


@pytest.mark.parametrize(
    "change",
    [
        {"genomes": {"first": "/etc/hostname", "second": "data/second.fa"}},
        {"genomes": {"first": "../first.fa", "second": "data/second.fa"}},
        {"genomes": {"first": "data/other.fa", "second": "data/second.fa"}},
    ],
)
def test_a_configuration_that_names_other_files_is_refused(
    copy: Path, change: dict, finished: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = json.loads((copy / "config.json").read_text()) | change
    (copy / "config.json").write_text(json.dumps(config))
    rewritten(copy)
    text = refusal(capsys, "replay", copy, "--out", tmp_path / "out", "--inputs", finished.path)
    assert "genomes.first" in text
    assert not (tmp_path / "out").exists()


def test_code_of_a_capsule_runs_only_where_it_is_trusted(
    copy: Path, finished: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit(77)\n")
    config = json.loads((copy / "config.json").read_text())
    config["runs"]["words"]["model"] = "mine.py"
    (copy / "config.json").write_text(json.dumps(config))
    inputs = json.loads((copy / "capsule.json").read_text())["inputs"]
    rewritten(copy)
    replayed = ("replay", copy, "--out", tmp_path / "out", "--inputs", finished.path)
    # one that is not even listed
    assert "files that are none of its inputs: runs.words.model" in refusal(capsys, *replayed)
    entry = {"name": "mine.py", "sha256": sha256(tmp_path / "mine.py"), "size": 9, "kept": False, "keys": []}
    rewritten(copy, inputs=[*inputs, entry])
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    assert "code of its own, mine.py: read it" in refusal(capsys, *replayed)
    other = tmp_path / "other.py"
    other.write_text("")
    assert "code of its own" in refusal(capsys, *replayed, "--trust-model-code", other)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_frozen_is_said_and_nothing_is_written(
    finished: Project, wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, out = tmp_path / "project", tmp_path / "out"
    shutil.copytree(finished.path, project, ignore=shutil.ignore_patterns(".*"))
    frozen = ("freeze", project / "results", "--out", out, "--wheel", wheel, "--without-hashes")
    assert "found no config.json" in refusal(capsys, "freeze", project, "--out", out)
    track = project / "data" / "one.beta.bed"
    content = track.read_text()
    track.write_text(content + "chr1\t1\t2\n")
    assert "inputs that changed since results were made of them: data/one.beta.bed" in refusal(
        capsys, *frozen
    )
    track.unlink()
    assert "data/one.beta.bed" in refusal(capsys, *frozen)
    track.write_text(content)
    summary = project / "results" / "runs" / "net" / "evaluation" / "summary.json"
    text = summary.read_text()
    summary.unlink()
    assert "found no runs/net/evaluation/summary.json; run it to its end" in refusal(capsys, *frozen)
    summary.symlink_to(project / "data" / "one.tsv")
    assert "received links" in refusal(capsys, *frozen)
    summary.unlink()
    summary.write_text(text.replace("auroc", "AUROC", 1))
    assert f"{summary}: damaged" in refusal(capsys, *frozen)
    summary.write_text(text[:-9])
    assert f"{summary}: expected JSON" in refusal(capsys, *frozen)
    summary.write_text(text)
    assert not out.exists()
    out.mkdir()
    (out / "mine").touch()
    assert "expected no folder, or an empty one" in refusal(capsys, *frozen)
    assert [path.name for path in out.iterdir()] == ["mine"]


@pytest.fixture
def elsewhere(finished: Project, tmp_path: Path) -> Path:
    """The results of a configuration whose inputs lie in folders of other people."""
    project, home = tmp_path / "project", tmp_path / "ada" / "secret"
    shutil.copytree(finished.path, project, ignore=shutil.ignore_patterns(".*"))
    home.mkdir(parents=True)
    (project / "data" / "first.fa").rename(home / "first.fa")
    (project / "data" / "one.alpha.bed").rename(home / "one.alpha.bed")
    table = project / "data" / "one.tsv"
    table.write_text(table.read_text().replace("one.alpha.bed", str(home / "one.alpha.bed")))
    for name in (
        "results/config.json",
        "results/datasets/one/dataset.json",
        "results/genomes/first/genome.json",
    ):
        path = project / name
        text = path.read_text().replace("data/first.fa", str(home / "first.fa"))
        text = text.replace("data/one.alpha.bed", str(home / "one.alpha.bed"))
        noted = json.loads(text)
        noted.get("provenance", {}).get("inputs", {}).pop("data/one.tsv", None)
        path.write_text(json.dumps(sealed(noted) if "manifest_sha256" in noted else noted))
    return project


def test_inputs_that_lie_elsewhere_have_names_of_their_own(
    elsewhere: Path, wheel: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    frozen = ("freeze", elsewhere / "results", "--out", out, "--wheel", wheel, "--without-hashes")
    assert danq(*frozen, "--with-inputs") == 0
    names = {each.name for each in CapsuleManifest.read(out).inputs}
    assert {"outside/1/first.fa", "outside/1/one.alpha.bed", "data/one.beta.bed"} <= names
    config = json.loads((out / "config.json").read_text())
    assert config["genomes"]["first"] == "outside/1/first.fa"
    assert "alpha\t../outside/1/one.alpha.bed\toverlap" in (out / "inputs/data/one.tsv").read_text()
    manifest = json.loads((out / "results/datasets/one/dataset.json").read_text())
    assert "outside/1/one.alpha.bed" in manifest["provenance"]["inputs"]
    assert manifest["genome"]["path"] == "../../genomes/first"
    assert sealed(manifest) == manifest
    for path in out.rglob("*"):
        if path.is_file() and path.suffix != ".whl":
            assert b"/secret" not in path.read_bytes(), path
