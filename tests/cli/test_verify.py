"""`danq verify`: what is whole, damaged, made from something else, scored otherwise, unknown."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from whole_project import PREDICT, SCORE, TRAIN, flip_a_byte

from danq.checks import Check
from danq.learn.golden import golden_digest
from danq.learn.manifest import BundleManifest
from danq.storage import Manifest, sealed
from danq.verify.bundles import compare_numbers
from danq.verify.finding import MANIFESTS
from danq.verify.verify import verify

ALL = ("results", "background", "table.parquet")
RUN = Path("results/runs/words")


@pytest.fixture
def project(whole_project, tmp_path, monkeypatch):
    """A copy of every kind of results, in which the test runs."""
    shutil.copytree(whole_project, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def verified(*paths: str) -> list[Check]:
    return verify([Path(path) for path in paths or ALL])


def failed(*paths: str) -> dict[str, str]:
    return {str(check.path): check.words() for check in verified(*paths) if check.failed}


def stored_files() -> list[Path]:
    files = sorted(path for name in ALL for path in [Path(name), *Path(name).rglob("*")] if path.is_file())
    return [path for path in files if not any(part.startswith(".") for part in path.parts)]


def test_what_was_just_made_is_intact_and_nothing_is_written(project, danq, capsys):
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in project.rglob("*")}
    assert danq("verify", *ALL) == 0
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in project.rglob("*")} == before
    *lines, counts = capsys.readouterr().out.splitlines()
    for path in stored_files():
        assert any(line.startswith("intact ") and line.split()[1] == str(path) for line in lines), path
    checked = "table.parquet  (its values, by their checksums)"
    assert f"intact             {checked}" in lines
    assert f"equal              {RUN}/golden.npz  (logits of 64 golden rows)" in lines
    assert counts == f"{len(lines) - 1} intact, 1 equal"
    origins = [line for line in lines if "made from" in line]
    for manifest, origin in [
        ("results/genomes/g/genome.json", "genome.fa"),
        ("results/datasets/d/dataset.json", "results/genomes/g"),
        ("results/datasets/d/dataset.json", "a.bed"),
        (f"{RUN}/bundle.json", "results/datasets/d"),
        (f"{RUN}/predictions/test.npz", str(RUN)),
        (f"{RUN}/predictions/test.npz", "results/datasets/d"),
        (f"{RUN}/evaluation/summary.json", f"{RUN}/predictions/test.npz"),
        ("results/scores/demo/scores.json", str(RUN)),
        ("results/scores/demo/scores.json", "alleles.tsv"),
        ("results/views/words/views.json", "results/genomes/g"),
        ("background/background.json", str(RUN)),
        ("table.parquet", "results/datasets/d"),
    ]:
        assert f"intact             {manifest}  (made from {origin}, as it is)" in origins


def test_one_byte_changed_anywhere_is_damage(project):
    for path in stored_files():
        content = path.read_bytes()
        flip_a_byte(path)
        assert failed(str(path)).get(str(path)) == "damaged", path
        path.write_bytes(content)
    codes = Path("results/genomes/g/codes.npy")
    codes.write_bytes(codes.read_bytes() + b"\0")
    assert failed() == {str(codes): "damaged"}


def test_a_figure_changed_in_a_manifest_is_damage(project):
    manifests = [path for path in stored_files() if path.name in MANIFESTS]
    assert len(manifests) == 7
    for path in manifests:
        text = path.read_text()
        changed = re.sub(r": (\d+)(,?\n)", lambda found: f": {int(found[1]) + 1}{found[2]}", text)
        assert changed != text
        path.write_text(changed)
        assert failed(str(path)) == {str(path): "damaged"}
        path.write_text(text)


def test_files_that_are_missing_no_files_or_lead_elsewhere_are_told(project):
    history, golden, metrics = RUN / "history.tsv", RUN / "golden.npz", RUN / "evaluation/metrics.tsv"
    moved = shutil.move(history, project / "history")
    history.symlink_to(moved)
    assert not failed(), "a link to the same bytes"
    history.unlink()
    history.symlink_to("nowhere")
    golden.unlink()
    metrics.unlink()
    os.mkfifo(metrics)
    reasons = {str(check.path): check.reason for check in verified("results") if check.failed}
    assert reasons == {
        str(history): "missing: no such file, but a link that leads nowhere",
        str(golden): "missing: no such file",
        str(metrics): "expected a file, found something else",
    }
    (project / "results/runs/loop").symlink_to(project / "results")
    assert len(verified("results")) == len(reasons) + len([c for c in verified("results") if not c.failed])


def test_a_manifest_that_is_gone_is_damage(project):
    manifests = [path for path in stored_files() if path.name in MANIFESTS]
    for path in manifests:
        path.rename("kept")
        file = next(each for each in path.parent.iterdir() if each.is_file())
        for place in (path.parent, file):
            assert failed(str(place)) == {str(path): "damaged"}
        Path("kept").rename(path)


def test_results_made_from_something_else_than_is_there_now_differ(project, danq):
    config = json.loads(Path("c.json").read_text())
    config["runs"]["words"]["options"]["c"] = [1.0]
    Path("other.json").write_text(json.dumps(config))
    assert danq(*TRAIN[:2], "other.json", *TRAIN[3:-1], str(RUN)) == 0
    stale = failed()
    assert set(stale.values()) == {"differs"}
    expected = ("predictions/test.npz", "predictions/valid.npz", "evaluation/summary.json")
    assert stale.keys() == {
        *(f"{RUN}/{name}" for name in expected),
        "results/scores/demo/scores.json",
        "results/views/words/views.json",
        "background/background.json",
    }
    shutil.copytree("results", "../results")
    # away from what they were made from, results are not known to differ
    shutil.rmtree("../results/datasets")
    shutil.rmtree("../results/genomes")
    told = {(check.status, check.path.name) for check in verified("../results/runs/words/bundle.json")}
    assert told == {("intact", "bundle.json"), ("unknown", "bundle.json")}
    Path("a.bed").write_text("chr1\t0\t30\n")
    dataset = "results/datasets/d/dataset.json"
    assert failed("results/datasets") == {dataset: "differs"}
    shutil.rmtree("results/genomes")
    assert {check.status for check in verified(dataset) if "genomes/g" in check.reason} == {"unknown"}


def change_golden(change: float) -> None:
    """As if another machine had trained the bundle: its logits differ by so much."""
    arrays = dict(np.load(RUN / "golden.npz"))
    del arrays["digest"]
    arrays["logits"][3, 0] += np.float32(change)
    np.savez(RUN / "golden.npz", **arrays, digest=np.array(golden_digest(arrays)))
    BundleManifest.read(RUN).write(RUN)


def test_golden_rows_of_another_machine_are_equal_within_a_tolerance_or_differ(project, danq, capsys):
    change_golden(1.1e-6)
    assert danq("verify", RUN) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("equal within"))
    assert re.match(
        r"equal within 1e-5  results/runs/words/golden.npz  \(at most 1\.\d+e-06, in row chr3:", line
    )
    change_golden(3.2e-3)
    assert danq("verify", f"{RUN}/golden.npz") == 1
    out = capsys.readouterr().out
    assert re.search(
        r"^differs by 0\.0032  results/runs/words/golden\.npz  \(at most 0\.0032, in row ", out, re.M
    )
    assert "target a; computed on CPU (NumPy " in out


def test_numbers_are_compared_by_bytes_then_by_value():
    numbers = np.array([[0.5, np.nan, np.inf]], np.float32)
    path = Path("x")
    assert compare_numbers(path, numbers, numbers.copy()) == Check(path, "equal")
    assert compare_numbers(path, numbers, numbers[:, :2]).words() == "differs"
    assert compare_numbers(path, numbers, np.nan_to_num(numbers)).words() == "differs"
    zeros = np.zeros(2, np.float32)
    assert compare_numbers(path, zeros, -zeros).words() == "equal within 1e-5"
    near = numbers + np.float32(1e-6)
    assert compare_numbers(path, numbers, near).words() == "equal within 1e-5"
    assert compare_numbers(path, numbers, numbers + np.float32(0.25)).words() == "differs by 0.25"


def test_bundles_of_earlier_releases_are_unknown_where_they_say_nothing(project, danq, capsys):
    info = json.loads((RUN / "bundle.json").read_text())
    del info["manifest_sha256"], info["provenance"]["outputs"]
    (RUN / "bundle.json").write_text(json.dumps(info))
    (RUN / "golden.npz").unlink()
    assert danq("verify", RUN, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["format_version"], told["failed"]) == ("verification", 1, False)
    assert told["counts"]["damaged"] == told["counts"]["equal"] == 0
    assert sum(told["counts"].values()) == len(told["checks"])
    unknown = {Path(each["path"]).name for each in told["checks"] if each["status"] == "unknown"}
    assert unknown >= {"bundle.json", "golden.npz", "history.tsv", "model.keras"}
    assert set(told["checks"][0]) == {"path", "status", "figure", "reason"}
    (RUN / "bundle.json").write_text(json.dumps(info | {"format_version": 2}))
    (check, *_) = verified(str(RUN / "bundle.json"))
    assert (check.status, "format version 1, received 2" in check.reason) == ("unknown", True)
    # of a later release, which seals its manifests, too
    later = sealed(info | {"format_version": 2})
    for run, status in ((info["run"], "unknown"), ("another", "damaged")):
        (RUN / "bundle.json").write_text(json.dumps(later | {"run": run}))
        assert [check.status for check in verified(str(RUN / "bundle.json"))] == [status]


def test_an_archive_is_checked_as_its_directory(project, danq, capsys):
    assert danq("export", RUN, "--out", "net.zip") == 0
    assert danq("verify", "net.zip") == 0
    out = capsys.readouterr().out
    assert "equal              net.zip/golden.npz" in out
    assert "/tmp" not in out
    content = Path("net.zip").read_bytes()
    place = content.index(b"train_loss")
    Path("net.zip").write_bytes(content[:place] + b"T" + content[place + 1 :])
    assert danq("verify", "net.zip") == 1
    Path("net.zip").write_bytes(content[:-40])
    assert [check.status for check in verified("net.zip")] == ["damaged"]


def test_one_file_is_checked_by_itself(project):
    (RUN / "history.tsv").write_text("")
    assert failed(f"{RUN}/history.tsv") == {f"{RUN}/history.tsv": "damaged"}
    assert [str(check) for check in verified(f"{RUN}/model.keras")] == [
        f"intact             {RUN}/model.keras"
    ]
    assert [check.status for check in verified("results/genomes/g/codes.npy")] == ["intact"]
    (RUN / "notes.txt").write_text("mine")
    (check,) = verified(f"{RUN}/notes.txt")
    assert (check.status, check.reason) == ("unknown", "its manifest has no digest of it")


def test_what_is_not_there_or_no_result_is_refused(project, danq, capsys):
    Path("empty").mkdir()
    for path, message in [
        ("gone", "gone: no such file or directory"),
        ("empty", "empty: expected results of danq"),
        ("a.bed", "a.bed: expected results of danq"),
        ("c.json", "c.json: expected results of danq"),
    ]:
        assert danq("verify", "results", path) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
    assert danq("verify", RUN, "--trust-model-code", "c.json") == 2
    assert "--trust-model-code c.json: expected the very file" in capsys.readouterr().err


def test_scores_with_a_background_and_of_a_fasta_know_what_they_were_made_from(project, danq):
    options = ("--model", RUN, "--genome", "genome.fa", "--vcf", "alleles.tsv", "--background", "background")
    assert danq("score", *options, "--out", "results/scores/evalues") == 0
    reasons = [check.reason for check in verified("results/scores/evalues/scores.json") if not check.failed]
    assert {"made from genome.fa, as it is", "made from background, as it is"} <= set(reasons)
    Path("genome.fa").write_text(Path("genome.fa").read_text().replace("chr3", "chr4"))
    assert failed("results/scores/evalues") == {"results/scores/evalues/scores.json": "differs"}


def test_every_kind_of_manifest_is_known():
    kinds = {kind.__name__ for kind in Manifest.__subclasses__() if kind.__module__.startswith("danq.")}
    # the network is part of a bundle
    assert kinds - {"Network"} == {kind.__name__ for kind in MANIFESTS.values()}


def test_predictions_and_scores_elsewhere_find_their_origin_by_its_digest(project, danq):
    assert danq(*PREDICT[:-1], "elsewhere.npz") == 0
    assert danq(*SCORE[:-1], "elsewhere") == 0
    reasons = [check.reason for check in verified("elsewhere.npz", "elsewhere", "results/runs")]
    assert f"made from {RUN}, as it is" in reasons
    assert not failed("elsewhere.npz", "elsewhere")
