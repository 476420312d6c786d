"""Inputs placed where the workflow runs again, and what of the environment is another."""

import json
import platform
from pathlib import Path

import pytest

import danq
from danq.archives import write_zip
from danq.capsule import freeze, replay
from danq.capsule.manifest import CapsuleManifest, Input
from danq.capsule.replay import Replaying, other_versions
from danq.capsule.results import check_results, cores_of
from danq.capsule.workflow import workflow_folder
from danq.errors import DanqError
from danq.files import sha256, write_json
from danq.storage import sealed
from tests.unit.config.good_config import changed


@pytest.fixture
def capsule(tmp_path: Path) -> Path:
    for name in ("capsule/inputs/data/kept.bed", "mine/data/genome.fa", "mine/results/logs/train/x.log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(name)
    (tmp_path / "capsule" / "config.json").write_text("{}")
    (tmp_path / "out").mkdir()
    return tmp_path / "capsule"


def test_inputs_are_linked_but_where_the_workflow_writes(capsule: Path, tmp_path: Path) -> None:
    mine, out = tmp_path / "mine", tmp_path / "out"
    places = {
        "data/kept.bed": capsule / "inputs" / "data" / "kept.bed",
        "data/genome.fa": mine / "data" / "genome.fa",
        "results/logs/train/x.log": mine / "results" / "logs" / "train" / "x.log",
    }
    for _ in range(2):  # one that was interrupted leaves what is there as it is
        replay._place(capsule, places, out)
        times = {name: (out / name).lstat().st_ctime_ns for name in (*places, "replay.json")}
        assert {name for name in places if (out / name).is_symlink()} == {"data/genome.fa"}
        assert all((out / name).read_text() == place.read_text() for name, place in places.items())
        assert (out / "replay.json").read_text() == "{}"
    replay._place(capsule, places, out)
    assert {name: (out / name).lstat().st_ctime_ns for name in times} == times
    (out / "data" / "genome.fa").unlink()
    (out / "data" / "genome.fa").write_text("another")
    replay._place(capsule, places, out)
    assert (out / "data" / "genome.fa").is_symlink()
    (out / "replay.json").write_text('{"other": 1}')
    with pytest.raises(DanqError, match="expected an empty folder or one of this capsule's replay"):
        replay._place(capsule, places, out)


def test_a_copy_that_was_interrupted_goes_on(capsule: Path, tmp_path: Path) -> None:
    places = {"data/kept.bed": capsule / "inputs" / "data" / "kept.bed", "gone": capsule / "inputs" / "gone"}
    with pytest.raises(FileNotFoundError):
        replay._place(capsule, places, tmp_path / "out")
    places["gone"].write_text("back")
    replay._place(capsule, places, tmp_path / "out")
    assert (tmp_path / "out" / "gone").read_text() == "back"


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a")])
def test_inputs_in_each_others_place_are_refused(
    capsule: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    places = dict.fromkeys(names, tmp_path / "mine" / "data" / "genome.fa")
    with pytest.raises(DanqError, match="expected room for an input"):
        replay._place(capsule, places, tmp_path / "out")


def test_no_input_takes_the_name_of_the_configuration(capsule: Path) -> None:
    entry = Input(name="replay.json", sha256="0" * 64, size=1, kept=False, keys=())
    manifest = CapsuleManifest.model_construct(inputs=(entry,))
    with pytest.raises(DanqError, match=r"expected no input called replay\.json"):
        replay._places(capsule, capsule, manifest, Replaying())


def refused_configuration(out: Path, path: str, value: object, *names: str, table: str = "a.bed") -> str:
    """What is said of a configuration with one key changed, in a folder with its files, as a capsule's."""
    for name, text in (
        ("genome.fa", ">a\nA\n"),
        ("a.bed", ""),
        ("targets.tsv", f"target\tpath\na\t{table}\n"),
    ):
        (out / name).write_text(text)
    raw = changed(path, value)
    raw["datasets"]["marks"]["composition"] = False
    write_json(out / "replay.json", raw)
    known = [Input(name=name, sha256="0" * 64, size=1, kept=True, keys=()) for name in names]
    with pytest.raises(DanqError) as refused:
        replay._check_config(out, CapsuleManifest.model_construct(inputs=tuple(known)), out, [])
    return str(refused.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("genomes/yeast", "/etc/hostname"),
        ("genomes/yeast", "../genome.fa"),
        ("runs/small/train", {"init_from": "/home/ada/bundle"}),
        ("runs/small/options/motifs", "/dev/zero"),
        ("datasets/marks/exclude", ["data/.hidden.bed"]),
    ],
)
def test_a_configuration_leads_to_no_file_of_this_machine(capsule: Path, path: str, value: object) -> None:
    text = refused_configuration(capsule, path, value, "genome.fa", "a.bed", "targets.tsv")
    assert f"names files that are none of its inputs: {path.replace('/', '.')}" in text


def test_a_configuration_and_the_inputs_are_of_the_same_files(capsule: Path) -> None:
    names = ("genome.fa", "a.bed", "targets.tsv")
    text = refused_configuration(capsule, "genomes/yeast", "genome.fa", *names, "b.bed")
    assert text.endswith("inputs that its config.json does not name: b.bed")
    text = refused_configuration(capsule, "genomes/yeast", "genome.fa", *names[::2])
    assert text.endswith("none of its inputs: datasets.marks (a.bed)")
    (capsule.parent / "x.bed").touch()
    text = refused_configuration(capsule, "genomes/yeast", "genome.fa", *names[::2], table="../x.bed")
    assert text.endswith("none of its inputs: datasets.marks (outside/1/x.bed)")


@pytest.mark.parametrize("how", [Replaying(inputs=Path("none")), Replaying(trusted=[Path("none")])])
def test_files_and_folders_that_are_named_have_to_be_there(capsule: Path, how: Replaying) -> None:
    manifest = CapsuleManifest.model_construct(inputs=())
    with pytest.raises(DanqError, match="none: no such file or folder"):
        replay._places(capsule, capsule, manifest, how)


def test_another_state_of_the_same_version_is_told(tmp_path: Path) -> None:
    here = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    manifest = CapsuleManifest.model_construct(
        danq=danq.__version__, wheel="danq.whl", versions={}, files={}, **here
    )
    files = {"danq/errors.py": Path(danq.errors.__file__).read_bytes(), "danq-0.dist-info/METADATA": b""}
    files["danq/workflow/Snakefile"] = (workflow_folder() / "Snakefile").read_bytes()
    for more, lines in (
        ({}, []),
        ({"danq/gone.py": b"", "danq/workflow/rules/data.smk": b"x"}, ["danq/gone.py, danq/workflow/rules/"]),
    ):
        write_zip(tmp_path / "danq.whl", files | more, compressed=True)
        assert [line.split(": ")[1][:34] for line in other_versions(manifest, tmp_path)] == lines


def test_other_versions_and_machines_are_told() -> None:
    versions = {"numpy": "0.1", "no-such-library": "1.0"}
    manifest = CapsuleManifest.model_construct(
        danq="0.0.1", python="2.7.18", platform="Plan9 vax", versions=versions
    )
    danq, python, machine, libraries = other_versions(manifest, Path())
    assert danq.startswith("danq 0.0.1 in the capsule, ")
    assert python.startswith("Python 2.7.18 in the capsule, ")
    assert machine.startswith("the machine: Plan9 vax in the capsule, ")
    assert "numpy 0.1 (here " in libraries
    assert "no-such-library 1.0 (here none)" in libraries


@pytest.mark.parametrize(
    ("training", "scoring", "cores"),
    [
        (1, None, 1),
        (1, 1, 1),
        (1, 2, 2),
        (1, 3, 3),
        (2, None, 4),
        (2, 5, 5),
        (4, 8, 8),
        (8, 8, 16),
        (32, 8, 64),
    ],
)
def test_cores_are_told_by_the_threads_of_jobs(tmp_path: Path, training, scoring, cores) -> None:
    made = {}
    for name, threads in (("runs/x/bundle.json", training), ("scores/x/scores.json", scoring)):
        if threads is not None:
            made[name] = tmp_path / name.replace("/", "_")
            write_json(made[name], {"provenance": {"threads": threads}})
    assert cores_of(made) == cores


def test_damaged_results_are_not_frozen(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "x"
    folder.mkdir(parents=True)
    history, manifest = folder / "history.tsv", folder / "bundle.json"
    history.write_text("epoch\n1\n")
    made = {"runs/x/history.tsv": history, "runs/x/bundle.json": manifest}
    whole = sealed({"kind": "bundle", "provenance": {"outputs": {"history.tsv": sha256(history)}}})
    write_json(manifest, whole)
    check_results(made, {name: sha256(path) for name, path in made.items()})
    for text, problem in (
        (json.dumps(whole | {"kind": "x"}), "bundle.json: damaged"),
        ("{", "bundle.json: expected JSON"),
        (json.dumps(whole), "history.tsv: damaged"),
    ):
        manifest.write_text(text)
        history.write_text("epoch\n2\n" if problem.startswith("history") else "epoch\n1\n")
        with pytest.raises(DanqError, match=problem):
            check_results(made, {name: sha256(path) for name, path in made.items()})


def test_the_date_of_a_capsule_is_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert freeze._now() == "1970-01-01T00:00:00+00:00"
    for text in ("yesterday", "9" * 20):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
        with pytest.raises(DanqError, match="SOURCE_DATE_EPOCH: expected seconds since 1970"):
            freeze._now()
