"""Bundles of every kind, searches and capsules as `danq verify` sees them."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from bundles import manifest
from tiny_dataset import OWN_LAYER, tiny_run, write_tiny_dataset

from danq.archives import write_zip
from danq.capsule.manifest import CapsuleManifest
from danq.checks import Check
from danq.errors import DanqError
from danq.files import sha256
from danq.learn.bundle import load_bundle, save_bundle
from danq.learn.ensemble import join_runs
from danq.learn.golden import golden_digest
from danq.learn.manifest import BundleManifest
from danq.learn.options import EnsembleOptions, PredictOptions
from danq.learn.train.run import train_run
from danq.learn.trial_tables import write_rung, write_trials
from danq.learn.trials import TrialResult, read_rungs, trial_folder
from danq.storage import sealed
from danq.verify.verify import verify

SMALL = {"filters": 6, "kernel": 6, "pool": 9, "units": 4, "dense": 5}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results directory of a network, a linear model, their mean, and a model of one's own."""
    results = tmp_path_factory.mktemp("made") / "results"
    data, runs = write_tiny_dataset(results / "datasets" / "tiny"), results / "runs"
    own = results.parent / "own.py"
    # under a name of its own: a layer that was registered once in a process is known to it
    own.write_text(OWN_LAYER.replace('"mine"', '"verified"'))
    train_run("net", tiny_run(epochs=1), data, runs / "net", runs)
    train_run("linear", tiny_run("kmer_logistic", {"k": [2], "c": [0.1]}), data, runs / "linear", runs)
    train_run("own", tiny_run(str(own), SMALL, epochs=1), data, runs / "own", runs)
    train_run("further", tiny_run(epochs=1, init_from="net"), data, runs / "further", runs)
    options = EnsembleOptions(members=["net", "linear"])
    join_runs("mean", options, PredictOptions(), data, runs / "mean", runs)
    return results


@pytest.fixture
def copied(results, tmp_path):
    shutil.copytree(results.parent, tmp_path / "copy")
    return tmp_path / "copy" / "results"


def golden(checks: list[Check]) -> dict[str, str]:
    """Status of the golden rows of each run."""
    return {check.path.parent.name: check.words() for check in of(checks, "golden.npz")}


def of(checks: list[Check], name: str) -> list[Check]:
    return [check for check in checks if check.path.name == name]


def test_all_kinds_of_bundles_score_their_golden_rows_as_at_their_training(copied):
    checks = verify([copied])
    assert not [check for check in checks if check.failed]
    assert golden(checks) == {
        **dict.fromkeys(("net", "linear", "mean", "further"), "equal"),
        "own": "unknown",
        "0": "intact",
        "1": "intact",
    }
    (reason,) = (
        check.reason for check in checks if check.status == "unknown" and check.path.name == "golden.npz"
    )
    assert "--trust-model-code" in reason
    origins = {
        (check.path.parent.name, check.reason.split()[2].rstrip(","))
        for check in checks
        if "made" in check.reason
    }
    assert {("further", f"{copied}/runs/net"), ("mean", f"{copied}/runs/linear")} <= origins
    trusted = verify([copied / "runs"], [copied.parent / "own.py"])
    assert golden(trusted)["own"] == "equal"
    with pytest.raises(DanqError, match="expected the very file"):
        verify([copied / "runs" / "net"], [copied.parent / "own.py"])


def test_other_weights_are_told_by_how_much_they_differ(copied):
    bundle = load_bundle(copied / "runs" / "net")
    bundle.model.set_weights([1.5 * weight for weight in bundle.model.get_weights()])
    computed = {"kind", "format_version", "encoder", "parameters", "network", "network_file", "digest"}
    info = {key: value for key, value in bundle.info.content().items() if key not in computed}
    made = save_bundle(bundle.path, bundle.model, bundle.encoder, info)
    checks = {check.path.name: check for check in verify([bundle.path]) if check.failed}
    assert "expected golden rows of this bundle" in checks["golden.npz"].reason
    arrays = dict(np.load(bundle.path / "golden.npz")) | {"bundle_digest": np.array(made.digest)}
    del arrays["digest"]
    np.savez(bundle.path / "golden.npz", **arrays, digest=np.array(golden_digest(arrays)))
    made.write(bundle.path)
    (check,) = (check for check in verify([bundle.path]) if check.failed)
    assert check.words().startswith("differs by ")
    assert check.figure > 1e-3
    assert "row row" in check.reason
    # what was made from the bundle that was there differs, too
    stale = {
        check.path.parent.name
        for check in verify([copied])
        if check.failed and check.path.name == "bundle.json"
    }
    assert stale == {"further", "mean"}


def test_a_member_of_an_ensemble_is_part_of_it(copied):
    path = copied / "runs" / "mean" / "members" / "0" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    failed = {check.path: check.status for check in verify([copied / "runs" / "mean"]) if check.failed}
    assert failed[path] == "damaged"
    shutil.rmtree(path.parent)
    failed = {str(check.path): check.reason for check in verify([copied / "runs" / "mean"]) if check.failed}
    assert "missing" in failed[str(path.parent / "bundle.json")]


def trial(number: int, rung: int, value: float, digest: str) -> TrialResult:
    return TrialResult(
        search="net",
        trial=number,
        rung=rung,
        model="danq",
        options={},
        train={},
        status="trained",
        reason=None,
        metric="auprc",
        value=value,
        best_epoch=1,
        history=[{"epoch": 1}],
        training={},
        provenance={"inputs": {"dataset": digest}},
    )


def test_a_search_is_checked_trial_by_trial(copied):
    digest = json.loads((copied / "datasets" / "tiny" / "dataset.json").read_text())["digest"]
    search = copied / "searches" / "net"
    for number, rung, value in [(1, 1, 0.5), (2, 1, 0.25), (1, 2, 0.75)]:
        place = trial_folder(search, rung, number)
        place.mkdir(parents=True)
        trial(number, rung, value, digest).write(place)
    rungs = read_rungs(search, 2, 2)
    write_rung(search / "rung1.tsv", rungs[0])
    best = write_trials(search, rungs, {1: {"options.k": 3}, 2: {"options.k": 4}}, "space")
    searched = {"name": "net", "trial": 1, "parameters": best.parameters, "space": "space"}
    for run, changed in (("searched", {}), ("older", {"trial": 2})):
        (copied / "runs" / run).mkdir()
        manifest(search=searched | changed).write(copied / "runs" / run)
    checks = verify([search])
    assert Counter(check.status for check in checks) == {"intact": 10}
    assert {check.path.name for check in checks} == {"best.json", "trials.tsv", "rung1.tsv", "trial.json"}
    of_runs = {run: verify([copied / "runs" / run / "bundle.json"]) for run in ("searched", "older")}
    assert [check.status for check in of_runs["searched"] if "options" in check.reason] == ["intact"]
    assert [check.status for check in of_runs["older"] if "options" in check.reason] == ["differs"]
    trial(1, 2, 0.8, digest).write(trial_folder(search, 2, 1))
    (search / "rung1.tsv").write_text("")
    failed = {check.path.name: check.status for check in verify([search]) if check.failed}
    assert failed == {"best.json": "differs", "rung1.tsv": "damaged"}


def write_capsule(folder):
    """Describe the files of a folder as those of a capsule."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    files = {name: sha256(folder / name) for name in names if "/." not in name}
    head = {"created": "now", "ended": "now", "danq": "1", "python": "3", "platform": "x", "versions": {}}
    more = {"unhashed": (), "cores": 1, "wheel": "danq.whl", "inputs": (), "results": (), "files": files}
    (folder / "capsule.json").write_text(json.dumps(sealed(CapsuleManifest(**head, **more).content())))


def test_a_capsule_is_checked_file_by_file(tmp_path):
    folder, archive = tmp_path / "capsule", tmp_path / "c.zip"
    file = folder / "results" / "runs" / "net" / "history.tsv"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    write_capsule(folder)
    assert [(check.status, check.path.name) for check in verify([folder])] == [
        ("intact", "capsule.json"),
        ("intact", "history.tsv"),
    ]
    file.write_text("{ }")
    assert [check.path for check in verify([folder]) if check.failed] == [file]
    names = ["capsule.json", "results/runs/net/history.tsv"]
    write_zip(archive, {name: folder / name for name in names})
    assert [check.path for check in verify([archive]) if check.failed] == [archive / names[1]]
    archive.write_bytes(archive.read_bytes()[:-30])
    (check,) = verify([archive])
    assert (check.path, check.status, check.reason[:9]) == (archive, "damaged", "cut short")
    file.unlink()
    write_zip(archive, {names[0]: folder / names[0]})
    assert [check.path for check in verify([archive]) if check.failed] == [archive / names[1]]


def test_bundles_in_a_capsule_score_their_golden_rows(copied):
    capsule = copied.parent / "capsule"
    for name in ("linear", "net", "mean"):
        shutil.copytree(copied / "runs" / name, capsule / "results" / "runs" / name)
    # too large to be frozen
    (capsule / "results" / "runs" / "net" / "model.keras").unlink()
    write_capsule(capsule)
    checks = verify([capsule])
    assert not [check for check in checks if check.failed]
    assert [(check.path.parent.name, check.status) for check in checks if check.status != "intact"] == [
        *(("linear", "equal"), ("mean", "equal"), ("net", "unknown"))
    ]


def test_what_may_not_be_read_is_unknown(copied, monkeypatch):
    path = copied / "runs" / "linear" / "history.tsv"
    others = [copied / "logs" / name for name in ("x.log", "x.tsv")]
    others[0].parent.mkdir()
    for other in others:
        other.touch()
    opening = Path.open

    def refusing(self, *arguments, **options):
        if self in (path, *others):
            raise PermissionError(13, "Permission denied", str(self))
        return opening(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    (check,) = verify([path])
    assert (check.status, check.reason) == ("unknown", "not readable (Permission denied)")
    with pytest.raises(DanqError, match="expected results of danq"):
        verify([others[0].parent])


def test_private_archives_have_no_golden_rows(copied, danq, capsys):
    assert danq("export", copied / "runs" / "net", "--private", "--out", copied / "net.zip") == 0
    assert danq("verify", copied / "net.zip") == 0
    assert "net.zip/golden.npz  (no golden rows" in capsys.readouterr().out
    assert BundleManifest.read(copied / "runs" / "net").run == "net"


def test_many_inputs_are_told_in_one_line_and_pipes_keep_nobody_waiting(copied):
    path = copied / "datasets" / "tiny"
    content = json.loads((path / "dataset.json").read_text())
    names = [*(f"image{number}.png" for number in range(11)), "~no_such_user.png"]
    for name in names:
        (copied.parent / name).write_text(name)
    inputs = {name: sha256(copied.parent / name) for name in names}
    content["provenance"]["inputs"] = inputs | {"gone.png": "ab" * 32}
    (path / "dataset.json").write_text(json.dumps(sealed(content)))
    (copied.parent / names[3]).write_text("another")
    os.mkfifo(path / "pipe.npz")
    made = {check.status: check.reason for check in verify([path / "dataset.json"]) if "made" in check.reason}
    assert made["intact"].endswith("and 6 more, as they are")
    assert made["unknown"].startswith("made from gone.png (abababababab)")
    assert made["differs"].startswith(f"made from {copied.parent / names[3]} with digest ")
    with pytest.raises(DanqError, match="expected results of danq"):
        verify([os.mkfifo(copied.parent / "pipe") or copied.parent / "pipe"])
