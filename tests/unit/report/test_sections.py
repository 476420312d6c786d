"""What stands in the sections of the report, from a results directory of drawn numbers."""

import json
import shutil
from pathlib import Path

import pytest
from results_tree import build, bundle, history

from danq.errors import DanqError
from danq.report.compare import reference
from danq.report.content import Column, table, text
from danq.report.page import sections, write_report
from danq.report.plots import Tab, line_plot
from danq.report.results import read_results

TARGETS = ("CDS", "NFKB/p65", "tRNA <b>x</b>", "ARS, 100%", "M", "never")
RUNS = {
    "danq": ("yeast", "danq", 2.0),
    "a_first": ("yeast", "danq", 1.5),
    "baseline": ("yeast", "kmer_logistic", 1.0),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tree") / "results"
    build(path, RUNS, TARGETS, without=(5,))
    jobs = path / "benchmarks" / "train"
    jobs.mkdir(parents=True)
    (jobs / "danq.tsv").write_text("s\th:m:s\tmax_rss\tmean_load\n12.5\t0:00:12\t812.3\t150.0\n")
    return path


def by_title(path: Path) -> dict:
    return {section.config["section_name"]: section for section in sections(read_results(path))}


def test_runs_stand_side_by_side_with_the_baseline_last(tree):
    rows = by_title(tree)["Runs side by side"].data
    assert list(rows) == ["a_first", "danq", "baseline"]
    summary = json.loads((tree / "runs/danq/evaluation/summary.json").read_text())["splits"]["test"]
    danq = rows["danq"]
    assert danq["auroc"] == summary["auroc"]["mean"]
    assert danq["auprc_median"] == summary["auprc"]["median"]
    assert danq["auroc_interval"] == f"{summary['auroc']['low']:.3f}–{summary['auroc']['high']:.3f}"
    assert (danq["scored"], danq["epoch"], danq["parameters"]) == ("5 of 6", 2, 46926479)
    assert not any("remark" in row for row in rows.values())


def test_a_run_no_better_than_chance_is_called_not_trained_enough(tmp_path):
    build(tmp_path, {"danq": ("yeast", "danq", 1.0), "short": ("yeast", "danq", 0.1)}, TARGETS)
    for run, auprc in (("danq", 0.21), ("short", 0.2)):
        path = tmp_path / "runs" / run / "bundle.json"
        info = json.loads(path.read_text())
        info["best"] |= {"valid_auprc": auprc, "valid_prevalence": 0.2}
        path.write_text(json.dumps(info))
    rows = by_title(tmp_path)["Runs side by side"].data
    assert rows["short"]["remark"] == "not trained enough: validation AUPRC 0.2000, of chance 0.2000"
    assert "remark" not in rows["danq"]


def test_the_comparison_is_paired_by_target_and_resample(tree):
    rows = by_title(tree)["Differences between runs"].data
    assert list(rows) == ["a_first − danq", "a_first − baseline", "danq − baseline"]
    mean = {run: json.loads((tree / f"runs/{run}/evaluation/summary.json").read_text()) for run in RUNS}
    areas = {run: found["splits"]["test"]["auroc"]["mean"] for run, found in mean.items()}
    row = rows["danq − baseline"]
    assert row["auroc_better"] == "5 of 5"
    assert float(row["auroc_mean"]) == pytest.approx(areas["danq"] - areas["baseline"], abs=6e-5)
    low, high = map(float, row["auroc_interval"].split(" to "))
    assert low < areas["danq"] - areas["baseline"] < high


def test_a_target_without_positives_keeps_its_row_and_says_why(tree):
    rows = by_title(tree)["Targets"].data
    assert rows["never"]["status"] == "not scored: no positives"
    assert "r0_auroc" not in rows["never"]
    assert "status" not in rows["CDS"]
    assert set(rows) == {text(target) for target in TARGETS}


def test_919_targets_stay_one_table_and_few_are_drawn(tmp_path):
    targets = tuple(f"target {index}" for index in range(919))
    build(tmp_path / "results", {"danq": ("big", "danq", 1.0)}, targets, n=40, resamples=0)
    found = by_title(tmp_path / "results")
    assert len(found["Targets"].data) == 919
    assert len(found["ROC curves"].data[1]) == 24
    assert "24 are drawn" in found["ROC curves"].config["description"]
    assert found["Class balance"].config["plot_type"] == "linegraph"


def test_several_datasets_get_a_table_each_and_full_names(tmp_path):
    runs = {"x": ("human", "danq", 1.0), "y": ("yeast", "danq", 1.0), "k": ("yeast", "kmer_logistic", 0.5)}
    build(tmp_path / "results", runs, ("a", "b"), resamples=5)
    found = by_title(tmp_path / "results")
    assert list(found["Runs side by side"].data) == ["human · x", "yeast · y", "yeast · k"]
    assert {"Targets of human", "Targets of yeast"} <= set(found)
    assert list(found["Differences between runs"].data) == ["yeast · y − k"]


def test_runs_without_some_parts_are_shown_with_what_they_have(tmp_path):
    place = tmp_path / "results" / "runs" / "just trained"
    place.mkdir(parents=True)
    (place / "bundle.json").write_text(json.dumps(bundle("just trained", "gone", "danq", ("a",))))
    (place / "history.tsv").write_text(history().replace("0.5000", ""))
    found = by_title(tmp_path / "results")
    assert list(found) == ["Runs side by side", "Training", "Throughput", "Options", "Provenance"]
    assert found["Training"].data[0]["just trained, training"] == [[2, 0.25], [3, pytest.approx(0.1667)]]
    write_report(tmp_path / "results", tmp_path / "report.html")
    assert "just trained" in (tmp_path / "report.html").read_text(encoding="utf-8")


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
    assert list(found["Runs side by side"].data) == [f"try{number}" for number in range(1, 15)]
    mean = {run: row["auroc"] for run, row in found["Runs side by side"].data.items()}
    best = max(mean, key=mean.get)
    others = [run for run in runs if run != "try1"]
    assert list(found["Differences between runs"].data) == [
        *(f"{best} − {run}" for run in others if run != best),
        *(f"{run} − try1" for run in others),
    ]
    assert "the 12 with the highest mean AUROC" in found["Target by target"].config["description"]


def test_long_names_are_cut_in_heads_and_told_whole(tmp_path):
    run = "danq_" + "filters_" * 20 + "end"
    build(tmp_path, {run: ("yeast", "danq", 1.0)}, ("a",), resamples=0)
    heads = by_title(tmp_path)["Targets"].config["headers"]
    assert len(heads["r0_auroc"]["title"]) < 50
    assert heads["r0_auroc"]["title"].endswith("end: AUROC")
    assert heads["r0_auroc"]["description"].startswith(run)


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
    path.write_text(json.dumps(summary))
    section = by_title(tmp_path / "results")["Repeats of training rows"]
    assert "0 overlap a training window and 25 (2.5%) nearly repeat" in section.config["description"]
    assert section.data["danq"]["auroc_left"] == 0.8
    assert section.data["danq"]["scored"] == "4 of 6"


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
    path.write_text(json.dumps(summary))
    row = by_title(tmp_path / "results")["Runs side by side"].data["danq"]
    assert (row["accuracy"], row["macro_f1"], row["mcc"]) == (0.9, 0.85, 0.8)
    assert "f1" not in row


def test_calls_of_targets_are_shown_at_both_thresholds(tree):
    rows = by_title(tree)["Calls at thresholds"].data
    found = json.loads((tree / "runs/danq/evaluation/summary.json").read_text())["splits"]["test"]["calls"]
    for at in ("chosen", "half"):
        for metric in ("accuracy", "macro_f1", "micro_f1", "mcc"):
            assert rows["danq"][f"{at}_{metric}"] == found[at][metric]
    assert rows["danq"]["called"] == "5 of 6"
    titles = [head["title"] for head in by_title(tree)["Calls at thresholds"].config["headers"].values()]
    assert {"Accuracy (validation)", "Accuracy (0.5)", "Micro F1 (validation)"} <= set(titles)


def test_one_target_is_called_at_one_threshold_in_a_row(tmp_path):
    build(tmp_path, {"danq": ("yeast", "danq", 1.0)}, ("only",), resamples=0)
    found = json.loads((tmp_path / "runs/danq/evaluation/summary.json").read_text())["splits"]["test"]
    sections_ = by_title(tmp_path)
    row = sections_["Runs side by side"].data["danq"]
    assert "f1" not in row
    assert row["binary_f1"] == found["calls"]["half"]["binary_f1"]
    assert row["mcc"] == found["calls"]["half"]["mcc"]
    assert sections_["Runs side by side"].config["headers"]["binary_f1"]["title"] == "F1 (0.5)"
    assert sections_["Calls at thresholds"].data["danq"]["chosen_binary_f1"] == found["f1"]["mean"]


def test_many_renamed_contigs_are_shown_in_part(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "results")
    path = tmp_path / "results/datasets/yeast/dataset.json"
    manifest = json.loads(path.read_text()) | {"renamed": {f"c{i}": f"chr{i}" for i in range(40)}}
    path.write_text(json.dumps(manifest | {"unknown_contigs": {"chrUn": 1234}}))
    body = by_title(tmp_path / "results")["Data and splits"].data
    assert "c29 → chr29 and 10 more" in body
    assert "chrUn (1,234)" in body


def test_empty_parts_make_no_section():
    assert table("x", "X", "", "Row", {"a": Column("A", "a")}, {"r": {"a": None}}) is None
    assert table("x", "X", "", "Row", {"a": Column("A", "a", 2)}, {"r": {"a": float("nan")}}) is None
    assert line_plot("x", "X", "", ("x", "y"), [Tab("t", {"line": []})]) is None
