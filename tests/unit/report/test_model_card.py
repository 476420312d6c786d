"""The model card: what it says, that it tells nothing of its maker, and how archives take it along."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml
from results_tree import build
from untrained import save_model

from danq.errors import DanqError
from danq.learn.export import CARD_FILE, Exporting, export_bundle, opened_bundles
from danq.learn.manifest import BundleManifest
from danq.report.model_card import card_of, model_card
from danq.storage import sealed

TARGETS = ("CTCF", "a|b *bold* <b>")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    runs = {"net": ("yeast", "danq", 1.5), "words": ("yeast", "kmer_logistic", 0.5)}
    return build(tmp_path_factory.mktemp("card") / "results", runs, TARGETS)


def _changed(path, **entries):
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | entries)))


def test_a_card_says_what_was_measured_and_of_what(tree):
    run = tree / "runs" / "net"
    card = model_card(run)
    summary = json.loads((run / "evaluation" / "summary.json").read_text())["splits"]["test"]
    for name in ("auroc", "auprc"):
        means = summary[name]
        assert f"{means['mean']:.4f} ({means['low']:.4f} to {means['high']:.4f})" in card
    info = BundleManifest.read(run)
    for words in (
        info.digest,
        info.dataset.digest,
        info.dataset.genome_digest,
        "Rows, training | 4,000",
        "3.15.1",
    ):
        assert words in card
    row = next(line for line in card.splitlines() if line.startswith("| CTCF"))
    assert row.split(" | ")[1:7] == ["annotation", "overlap", "100", "400", "40", "30"]
    assert "calibrated" in card
    assert "Leakage not looked for" in card
    assert "license: fill in" in card
    assert model_card(run) == card


def test_names_make_no_marks_and_the_first_lines_are_what_the_hub_reads(tree):
    card = model_card(tree / "runs" / "net")
    assert r"| a\|b \*bold\* \<b\> |" in card
    front = yaml.safe_load(card.split("---\n")[1])
    (model,) = front["model-index"]
    (result,) = model["results"]
    assert model["name"] == "net"
    assert set(result) == {"task", "dataset", "metrics"}
    assert {metric["type"] for metric in result["metrics"]} >= {"roc_auc", "average_precision"}
    assert all(isinstance(metric["value"], float) for metric in result["metrics"])
    assert {"type", "name"} <= set(result["dataset"])


def test_a_bundle_that_was_not_evaluated_says_so(tmp_path):
    save_model(
        tmp_path / "net", provenance={"command": "danq train /scratch/ada/x", "versions": {"danq": "1"}}
    )
    card = model_card(tmp_path / "net")
    assert "None: the bundle has not been evaluated." in card
    assert "Nothing was measured" in card
    assert "description of the dataset was not at hand" in card
    assert "model-index" not in card
    assert "ada" not in card


def test_a_card_reads_what_its_rule_names_alone(tree, tmp_path):
    rules = (Path(__file__).parents[3] / "workflow" / "rules" / "model.smk").read_text()
    named = re.findall(r'"(results/runs/{run}/\S+)",', rules.split("rule model_card:")[1].split("output:")[0])
    files = [name.format(run="net") for name in named]
    assert len(files) == 5
    for file in (*files, "results/datasets/yeast/dataset.json"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree.parent / file, tmp_path / file)
    assert model_card(tmp_path / "results" / "runs" / "net") == model_card(tree / "runs" / "net")


def test_options_with_paths_tell_names_alone(tree, tmp_path):
    build(tmp_path / "results", {"net": ("yeast", "danq", 1.0)}, TARGETS, resamples=0)
    run = tmp_path / "results" / "runs" / "net"
    _changed(run / "bundle.json", options={"motifs": "/home/ada/jaspar.txt"}, train={"init_from": "a/b/old"})
    card = model_card(run)
    assert "motifs: jaspar.txt" in card
    assert "ada" not in card
    assert "a/b" not in card


def test_an_evaluation_or_a_dataset_of_another_bundle_is_refused(tmp_path):
    build(tmp_path / "results", {"net": ("yeast", "danq", 1.0)}, TARGETS, resamples=0)
    run, dataset = tmp_path / "results" / "runs" / "net", tmp_path / "results" / "datasets" / "yeast"
    _changed(dataset / "dataset.json", digest="00" * 32)
    assert "not at hand" in model_card(run)
    with pytest.raises(
        DanqError, match=r"yeast: expected the dataset abababababab that .*net was trained on, received 0"
    ):
        model_card(run, dataset)
    path = run / "evaluation" / "summary.json"
    origin = json.loads(path.read_text())["provenance"]
    _changed(path, provenance=origin | {"inputs": {"bundle": "ff" * 32}})
    with pytest.raises(
        DanqError, match="expected the evaluation of the bundle 0123456789ab, received that of ffff"
    ):
        model_card(run)


def test_an_archive_takes_the_card_along_with_what_its_owner_wrote_into_it(tmp_path):
    bundle, archive = tmp_path / "net", tmp_path / "net.zip"
    save_model(bundle)
    card = card_of(bundle, None, packed=False, needed=False)
    export_bundle(bundle, archive, "archive", Exporting(card=card))
    with zipfile.ZipFile(archive) as opened:
        assert opened.read(CARD_FILE).decode() == card
    (bundle / CARD_FILE).write_text(card.replace("fill in, for example cc-by-4.0", "mit"))
    assert "license: mit" in card_of(bundle, None, packed=False, needed=False)
    assert "license: mit" not in card_of(bundle, None, packed=False, needed=True)
    (bundle / CARD_FILE).write_text("a card of an earlier training")
    assert card_of(bundle, None, packed=False, needed=False) == card
    with opened_bundles([archive]) as (place,):
        assert card_of(place, None, packed=True, needed=True) == card
