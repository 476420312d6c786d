"""Inputs placed where the workflow runs again, and what of the environment is another."""

from pathlib import Path

import pytest

from danq.capsule import replay
from danq.capsule.manifest import CapsuleManifest, Input
from danq.capsule.replay import Replaying, other_versions
from danq.capsule.results import cores_of
from danq.errors import DanqError
from danq.files import write_json


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
    for _ in range(2):  # an interrupted replay begins in the same way
        replay._place(capsule, places, out)
        assert {name for name in places if (out / name).is_symlink()} == {"data/genome.fa"}
        assert all((out / name).read_text() == place.read_text() for name, place in places.items())
        assert (out / "replay.json").read_text() == "{}"
    (out / "replay.json").write_text('{"other": 1}')
    with pytest.raises(DanqError, match="expected an empty folder or one of this capsule's replay"):
        replay._place(capsule, places, out)


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


@pytest.mark.parametrize("how", [Replaying(inputs=Path("none")), Replaying(trusted=[Path("none")])])
def test_files_and_folders_that_are_named_have_to_be_there(capsule: Path, how: Replaying) -> None:
    manifest = CapsuleManifest.model_construct(inputs=())
    with pytest.raises(DanqError, match="none: no such file or folder"):
        replay._places(capsule, capsule, manifest, how)


def test_other_versions_and_machines_are_told() -> None:
    versions = {"numpy": "0.1", "no-such-library": "1.0"}
    manifest = CapsuleManifest.model_construct(
        danq="0.0.1", python="2.7.18", platform="Plan9 vax", versions=versions
    )
    danq, python, machine, libraries = other_versions(manifest)
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
