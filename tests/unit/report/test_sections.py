"""What stands in the sections of the report, from a results directory of drawn numbers."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from page_reader import by_title, legend, prose, remarks, rows, tables, views
from results_tree import DRAWN_RUNS, DRAWN_TARGETS, build, build_three, bundle, history

from danq.errors import DanqError
from danq.evaluate.evaluate import evaluate_predictions
from danq.learn.predict.predictions import write_predictions
from danq.learn.predict.reading import read_predictions
from danq.report.compare import reference
from danq.report.content import Column, section, table
from danq.report.page import write_report
from danq.report.plots import Line, Plot, line_view
from danq.report.results import read_results
from danq.storage import sealed


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return build_three(tmp_path_factory.mktemp("tree") / "results")


def test_runs_stand_side_by_side_with_the_baseline_last(tree):
    found = rows(by_title(tree)["Runs"])
    assert list(found) == ["a_first", "danq", "baseline"]
    summary = json.loads((tree / "runs/danq/evaluation/summary.json").read_text())["splits"]["test"]
    danq = found["danq"]
    assert danq["AUROC Mean"] == f"{summary['auroc']['mean']:.4f}"
    assert danq["AUPRC Median"] == f"{summary['auprc']['median']:.4f}"
    assert danq["AUROC 95% interval"] == f"{summary['auroc']['low']:.3f}–{summary['auroc']['high']:.3f}"
    assert (danq["Scored"], danq["Best epoch"], danq["Parameters"]) == ("5 of 6", "2", "46,926,479")
    assert not any("Remark" in row for row in found.values())


def test_a_run_no_better_than_chance_is_called_not_trained_enough(tmp_path):
    build(tmp_path, {"danq": ("yeast", "danq", 1.0), "short": ("yeast", "danq", 0.1)}, DRAWN_TARGETS)
    for run, auprc in (("danq", 0.21), ("short", 0.2)):
        path = tmp_path / "runs" / run / "bundle.json"
        info = json.loads(path.read_text())
        info["best"] |= {"valid_auprc": auprc, "valid_prevalence": 0.2}
        path.write_text(json.dumps(sealed(info)))
    found = rows(by_title(tmp_path)["Runs"])
    assert found["short"]["Remark"] == "not trained enough: validation AUPRC 0.2000, of chance 0.2000"
    assert "Remark" not in found["danq"]


def test_the_comparison_is_paired_by_target_and_resample(tree):
    pairs = rows(by_title(tree)["Differences between runs"])
    assert list(pairs) == ["a_first − danq", "a_first − baseline", "danq − baseline"]
    mean = {run: json.loads((tree / f"runs/{run}/evaluation/summary.json").read_text()) for run in DRAWN_RUNS}
    areas = {run: found["splits"]["test"]["auroc"]["mean"] for run, found in mean.items()}
    row = pairs["danq − baseline"]
    assert row["Δ AUROC Higher on"] == "5 of 5"
    assert float(row["Δ AUROC Mean"]) == pytest.approx(areas["danq"] - areas["baseline"], abs=6e-5)
    low, high = map(float, row["Δ AUROC 95% interval"].split(" to "))
    assert low < areas["danq"] - areas["baseline"] < high


def test_a_target_without_positives_keeps_its_row_and_says_why(tree):
    found = rows(by_title(tree)["Targets"])
    assert found["never"]["Status"] == "not scored: no positives"
    assert "danq AUROC" not in found["never"]
    assert "Status" not in found["CDS"]
    assert set(found) == set(DRAWN_TARGETS)


def test_unknown_labels_are_counted(tmp_path):
    build(tmp_path, {"danq": ("yeast", "danq", 2.0)}, DRAWN_TARGETS[:3], resamples=0)
    assert "Unknown" not in rows(by_title(tmp_path)["Targets"])["CDS"]
    path = tmp_path / "runs/danq/predictions/test.npz"
    known = read_predictions(path)
    labels = known.labels.copy()
    labels[:70, 1] = -1
    write_predictions(path, replace(known, labels=labels))
    evaluate_predictions([path], tmp_path / "runs/danq/evaluation", resamples=0)
    manifest = tmp_path / "datasets/yeast/dataset.json"
    text = json.loads(manifest.read_text())
    text["targets"][1]["unknown"] = {"train": 5, "valid": 0, "test": 70}
    manifest.write_text(json.dumps(text | {"format_version": 2}))
    found = rows(by_title(tmp_path)["Targets"])
    assert found[DRAWN_TARGETS[1]]["Unknown"] == "70"
    assert "Unknown" not in found["CDS"]
    cells = by_title(tmp_path)["Data and splits"].html
    assert "Unknown labels, no part of training and metrics" in cells
    assert "75 of 13,800" in cells


def test_919_targets_stay_one_table_and_few_are_drawn(tmp_path):
    targets = tuple(f"target {index}" for index in range(919))
    build(tmp_path / "results", {"danq": ("big", "danq", 1.0)}, targets, n=40, resamples=0)
    found = by_title(tmp_path / "results")
    assert len(rows(found["Targets"])) == 919
    assert len(legend(views(found["Curves"])["danq"])) == 24
    assert "24 are drawn" in prose(found["Curves"])
    assert legend(views(found["Class balance"])["share"]) == ["training", "validation", "test"]


def test_several_datasets_get_a_table_each_and_full_names(tmp_path):
    runs = {"x": ("human", "danq", 1.0), "y": ("yeast", "danq", 1.0), "k": ("yeast", "kmer_logistic", 0.5)}
    build(tmp_path / "results", runs, ("a", "b"), resamples=5)
    found = by_title(tmp_path / "results")
    assert list(rows(found["Runs"])) == ["human · x", "yeast · y", "yeast · k"]
    assert len(tables(found["Targets"])) == 2
    assert found["Targets"].html.count("to be read against the prevalence") == 1


def test_runs_without_some_parts_are_shown_with_what_they_have(tmp_path):
    place = tmp_path / "results" / "runs" / "just trained"
    place.mkdir(parents=True)
    (place / "bundle.json").write_text(json.dumps(bundle("just trained", "gone", "danq", ("a",))))
    (place / "history.tsv").write_text(history().replace("0.5000", ""))
    found = by_title(tmp_path / "results")
    made = [title for title, section in found.items() if section.group != "verdict"]
    assert made == ["Runs", "Training", "Time of training", "Options", "Provenance"]
    told = [remark for remark in remarks(views(found["Training"])["Training"]) if "training, epoch" in remark]
    assert told == ["just trained, training, epoch 2: 0.25", "just trained, training, epoch 3: 0.1667"]
    write_report(tmp_path / "results", tmp_path / "report.html")
    assert "just trained" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_options_of_training_are_shown_of_models_that_take_them(tmp_path):
    for name, epochs in (("net", {}), ("own_fit", {"epochs": 1, "ended": None})):
        place = tmp_path / "results" / "runs" / name
        place.mkdir(parents=True)
        described = bundle(name, "yeast", "danq", ("a",))
        described["training"] |= epochs
        (place / "bundle.json").write_text(json.dumps(described))
    shown = rows(by_title(tmp_path / "results")["Options"])
    assert shown["train.epochs"] == {"net": "60"}
    assert shown["train.seed"] == {"net": "1337", "own_fit": "1337"}


def test_named_runs_are_shown_alone_and_missing_ones_refused(tree):
    everything = read_results(tree)
    name = everything.runs[0].name
    assert (
        [run.name for run in read_results(tree, [name]).runs] == [name] != [r.name for r in everything.runs]
    )
    with pytest.raises(DanqError, match="expected the run absent"):
        read_results(tree, [name, "absent"])


def test_runs_stand_in_the_order_in_which_they_are_named(tree):
    given = ["danq", "baseline", "a_first"]
    results = read_results(tree, given)
    assert [run.name for run in results.runs] == given
    assert reference(list(results.groups)).name == "baseline"
    names = ["a_first", "danq"]
    assert reference(list(read_results(tree, names[::-1]).groups)).name == "danq"


def test_many_runs_are_sorted_by_number_and_compared_with_reference_and_best(tmp_path):
    runs = {f"try{number}": ("yeast", "danq", 0.5 + number / 10) for number in range(1, 15)}
    build(tmp_path, runs, ("a", "b"), resamples=12)
    found = by_title(tmp_path)
    assert list(rows(found["Runs"])) == [f"try{number}" for number in range(1, 15)]
    mean = {run: row["AUROC Mean"] for run, row in rows(found["Runs"]).items()}
    best = max(mean, key=mean.get)
    others = [run for run in runs if run != "try1"]
    assert list(rows(found["Differences between runs"])) == [
        *(f"{best} − {run}" for run in others if run != best),
        *(f"{run} − try1" for run in others),
    ]
    assert "the 12 with the highest mean AUPRC" in prose(found["Target by target"])


def test_a_damaged_table_is_refused_by_its_name(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "results")
    (tmp_path / "results/runs/danq/evaluation/metrics.tsv").write_text("run\tsplit\nx\ty\tz\n")
    with pytest.raises(DanqError, match=r"metrics\.tsv: expected a table"):
        read_results(tmp_path / "results")
    (tmp_path / "results/runs/danq/evaluation/metrics.tsv").unlink()
    (tmp_path / "results/runs/danq/evaluation/curves.parquet").write_bytes(b"x")
    with pytest.raises(DanqError, match=r"curves\.parquet: expected a Parquet table"):
        read_results(tmp_path / "results")


def test_repeats_are_told_in_a_sentence(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "results")
    path = tmp_path / "results/runs/danq/evaluation/summary.json"
    summary = json.loads(path.read_text())
    area = {"mean": 0.8, "median": 0.8, "targets": 4}
    summary["splits"]["test"]["leakage"] = {
        "windows": 1000,
        "overlapping": 0,
        "repeats": 25,
        "left": 975,
        "word_bp": 24,
        "smallest_share": 0.5,
        "words_sampled": 1.0,
        "scored": 4,
        "auroc": area,
        "auprc": area,
    }
    path.write_text(json.dumps(sealed(summary)))
    repeats = by_title(tmp_path / "results")["Repeats of training rows"]
    assert "0 overlap a training window and 25 (2.5%) nearly repeat" in prose(repeats)
    assert rows(repeats)["danq"]["Mean AUROC Without repeats"] == "0.8000"
    assert rows(repeats)["danq"]["Scored"] == "4 of 6"


def test_classes_show_accuracy_in_place_of_f1_at_a_threshold(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "results")
    path = tmp_path / "results/runs/danq/evaluation/summary.json"
    summary = json.loads(path.read_text())
    summary["splits"]["test"]["classes"] = {
        "accuracy": 0.9,
        "macro_f1": 0.85,
        "micro_f1": 0.9,
        "binary_f1": None,
        "mcc": 0.8,
    }
    path.write_text(json.dumps(sealed(summary)))
    row = rows(by_title(tmp_path / "results")["Runs"])["danq"]
    shown = [row[f"Calls {name}"] for name in ("Accuracy", "Macro F1", "MCC")]
    assert shown == ["0.9000", "0.8500", "0.8000"]
    assert "Calls Mean F1" not in row


def test_calls_of_targets_are_shown_at_both_thresholds(tree):
    row = rows(by_title(tree)["Calls at thresholds"])["danq"]
    found = json.loads((tree / "runs/danq/evaluation/summary.json").read_text())["splits"]["test"]["calls"]
    titles = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "micro_f1": "Micro F1", "mcc": "MCC"}
    for at, head in (("chosen", "Threshold of validation"), ("half", "Threshold 0.5")):
        for metric, title in titles.items():
            assert row[f"{head} {title}"] == f"{found[at][metric]:.4f}"
    assert row["Targets called"] == "5 of 6"


def test_one_target_is_called_at_one_threshold_in_a_row(tmp_path):
    build(tmp_path, {"danq": ("yeast", "danq", 1.0)}, ("only",), resamples=0)
    found = json.loads((tmp_path / "runs/danq/evaluation/summary.json").read_text())["splits"]["test"]
    made = by_title(tmp_path)
    row = rows(made["Runs"])["danq"]
    assert "Calls Mean F1" not in row
    assert row["Calls F1 (0.5)"] == f"{found['calls']['half']['binary_f1']:.4f}"
    assert row["Calls MCC"] == f"{found['calls']['half']['mcc']:.4f}"
    chosen = rows(made["Calls at thresholds"])["danq"]["Threshold of validation F1"]
    assert chosen == f"{found['f1']['mean']:.4f}"


def test_many_renamed_contigs_are_shown_in_part(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "results")
    path = tmp_path / "results/datasets/yeast/dataset.json"
    manifest = json.loads(path.read_text()) | {"renamed": {f"c{i}": f"chr{i}" for i in range(40)}}
    path.write_text(json.dumps(sealed(manifest | {"unknown_contigs": {"chrUn": 1234}})))
    body = by_title(tmp_path / "results")["Data and splits"].html
    assert "c29 → chr29 and 10 more" in body
    assert "chrUn (1,234)" in body


def test_records_contigs_and_the_positive_class_are_told(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "results")
    path = tmp_path / "results/datasets/yeast/dataset.json"
    manifest = json.loads(path.read_text())
    track = {
        "format": "BED",
        "read": 9,
        "used": 6,
        "left_out": {"zero_length": 3},
        "adjusted": {"clipped": 2, "no_summit": 1},
    }
    manifest["targets"][0] |= {"track": track, "rule": "overlap"}
    manifest |= {"contigs_left_out": {"chr1_a_alt": 1500}, "classes": ["unbound", "bound"]}
    manifest |= {"exclude": {"black.bed": track}}
    path.write_text(json.dumps(sealed(manifest)))
    cells = by_title(tmp_path / "results")["Data and splits"].html
    name = manifest["targets"][0]["name"]
    for text in (
        "bound; negative: unbound",
        "Contigs that take no part (1,500 bp)",
        "chr1_a_alt",
        "Records of tracks left out: of zero length",
        f"{name} (3), black.bed (3)",
        "Records of tracks kept: clipped at the ends of contigs",
    ):
        assert text in cells, text
    summits = "Records of tracks kept: without a summit, for which the midpoint stands"
    assert summits not in cells, "rule overlap needs none"
    manifest["targets"][0]["rule"] = "summit"
    path.write_text(json.dumps(sealed(manifest)))
    assert summits in by_title(tmp_path / "results")["Data and splits"].html


def test_empty_parts_make_no_section():
    assert not table("Row", {"a": Column("A", "a")}, {"r": {"a": None}})
    assert not table("Row", {"a": Column("A", "a", 2)}, {"r": {"a": float("nan")}})
    assert line_view("x", [Plot("x", ("x", "y"), [Line("line", [])])]) is None
    assert section("x", "X", "good", "prose", table("Row", {}, {})) is None


def test_runs_on_equal_rows_are_compared_wherever_they_come_from(tmp_path):
    runs = {"short": ("windows_200", "danq", 1.0), "long": ("windows_1000", "danq", 2.0)}
    build(tmp_path, runs, ("a", "b"), resamples=30)
    made = by_title(tmp_path)
    assert list(read_results(tmp_path).comparable()) == ["windows_200, windows_1000"]
    (pair,) = rows(made["Differences between runs"])
    assert pair == "windows_1000 · long − windows_200 · short"
    assert views(made["AUROC target by target"])


def test_runs_on_other_rows_stand_apart(tmp_path):
    build(tmp_path, {"one": ("x", "danq", 1.0)}, ("a", "b"), resamples=0)
    build(tmp_path, {"other": ("y", "danq", 1.0)}, ("a", "b"), resamples=0, n=200)
    assert list(read_results(tmp_path).comparable()) == ["x", "y"]
    assert "Differences between runs" not in by_title(tmp_path)
