"""The report of repeated runs: mean ± sd on a line of its own, differences paired by fold and seed."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from page_reader import Sections, by_title, parsed, prose, rows, views
from results_tree import build

from danq.evaluate.compare import difference
from danq.evaluate.evaluate import evaluate_predictions
from danq.evaluate.intervals import interval
from danq.learn.predict.predictions import write_predictions
from danq.learn.predict.reading import read_predictions
from danq.report.compare import reference
from danq.report.page import write_report
from danq.report.results import Results, read_results
from danq.storage import sealed

TARGETS = ("a", "b", "c", "never")
SKILLS = {(1, 1337): 2.0, (1, 1338): 1.8, (2, 1337): 2.2, (2, 1338): 1.9, (3, 1337): 1.7, (3, 1338): 2.1}
RUNS = {
    f"net.fold{fold}.seed{seed}": (f"y.fold{fold}", "danq", skill) for (fold, seed), skill in SKILLS.items()
} | {f"words.fold{fold}": (f"y.fold{fold}", "kmer_logistic", 1.0) for fold in (1, 2, 3)}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tree") / "results"
    return build(path, RUNS, TARGETS, without=(3,))


@pytest.fixture(scope="module")
def results(tree: Path) -> Results:
    return read_results(tree)


def areas(tree: Path, metric: str = "auroc") -> dict[str, float]:
    found = {run: json.loads((tree / f"runs/{run}/evaluation/summary.json").read_text()) for run in RUNS}
    return {run: each["splits"]["test"][metric]["mean"] for run, each in found.items()}


def resampled(tree: Path, run: str) -> np.ndarray:
    table = pl.read_parquet(tree / f"runs/{run}/evaluation/resamples.parquet").filter(split="test")
    return table["auroc"].to_numpy()


def test_trainings_are_found_together_by_name(results: Results):
    assert [(group.name, group.family, len(group.members)) for group in results.groups] == [
        ("net", "y", 6),
        ("words", "y", 3),
    ]
    assert results.groups[0].folds == (1, 2, 3)
    assert [run.name for run in results.groups[0].in_fold(2)] == ["net.fold2.seed1337", "net.fold2.seed1338"]


def test_a_name_that_its_bundle_contradicts_is_a_run_of_its_own(tree: Path, tmp_path: Path):
    build(
        tmp_path / "results", {"x.fold2": ("y", "danq", 1.0), "x": ("y", "danq", 1.0)}, TARGETS, resamples=0
    )
    path = tmp_path / "results/runs/x/bundle.json"
    (tmp_path / "results/runs/x.seed5").mkdir()
    (tmp_path / "results/runs/x.seed5/bundle.json").write_text(path.read_text())
    names = [group.name for group in read_results(tmp_path / "results").groups]
    assert names == ["x", "x.fold2", "x.seed5"]


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        ({"x.seed1": "danq", "x.seed2": "kmer_logistic"}, ["x.seed1", "x.seed2"]),
        ({"x": "danq", "x.seed1337": "danq", "x.seed1338": "danq"}, ["x", "x.seed1337", "x.seed1338"]),
        ({"x": "danq", "x.seed1338": "danq"}, ["x", "x.seed1338"]),
        ({"x.seed1": "danq", "x.seed2": "danq", "y.seed1": "danq"}, ["x", "y.seed1"]),
    ],
)
def test_a_name_alone_puts_no_trainings_together(tmp_path: Path, runs: dict[str, str], names: list[str]):
    drawn = {run: ("y", model, 1.0) for run, model in runs.items()}
    build(tmp_path / "results", drawn, TARGETS, resamples=0)
    assert sorted(group.name for group in read_results(tmp_path / "results").groups) == names


@pytest.mark.parametrize("change", [{"options": {"filters": 64}}, {"train": {"epochs": 3, "seed": 2}}])
def test_other_options_are_another_run(tmp_path: Path, change: dict):
    seeds = {f"x.seed{seed}": ("y", "danq", 1.0) for seed in (1, 2)}
    build(tmp_path / "results", seeds, TARGETS, resamples=0)
    path = tmp_path / "results/runs/x.seed2/bundle.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | change)))
    results = read_results(tmp_path / "results")
    assert [group.name for group in results.groups] == ["x.seed1", "x.seed2"]
    assert ">SD<" not in Sections(results)["Runs"].html


def seeded(path: Path, missing: str, ours: int = 3, theirs: int = 3) -> Results:
    """Two runs with several seeds, of which one training was not evaluated."""
    runs = {f"x.seed{seed}": ("y", "danq", 1.0 + seed / 5) for seed in range(1, ours + 1)}
    runs |= {f"z.seed{seed}": ("y", "kmer_logistic", 0.5 + seed / 9) for seed in range(1, theirs + 1)}
    build(path, runs, TARGETS)
    if missing:
        shutil.rmtree(path / f"runs/{missing}/evaluation")
    return read_results(path)


def test_a_training_that_was_not_evaluated_is_told_and_left_out(tmp_path: Path):
    results = seeded(tmp_path / "results", "x.seed3")
    found = Sections(results)
    single, runs = rows(found["Repeats of runs"]), rows(found["Runs"])
    ours, theirs = (
        [float(single[f"{run}.seed{seed}"]["AUROC Mean"]) for seed in range(1, n + 1)]
        for run, n in (("x", 2), ("z", 3))
    )
    assert single["x.seed3"]["Remark"] == "not evaluated"
    mean = float(runs["x, mean of 2 (1 of 3 not evaluated)"]["AUROC Mean"])
    assert mean == pytest.approx(np.mean(ours), abs=1e-4)
    row = rows(found["Differences between runs"])["x − z"]
    assert row["Trainings"] == "2 and 3"
    assert row["Δ AUROC 95% interval"]
    assert float(row["Δ AUROC Mean"]) == pytest.approx(np.mean(ours) - np.mean(theirs), abs=2e-4)
    deviation = np.sqrt(np.var(ours, ddof=1) + np.var(theirs, ddof=1))
    assert float(row["Δ AUROC SD"]) == pytest.approx(deviation, abs=2e-4)
    assert ">x (2 of 3)<" in found["Runs compared"].html


def test_a_run_of_which_no_training_was_evaluated_is_no_reference(tmp_path: Path):
    seeded(tmp_path / "results", "z.seed1", 2, 1)
    results = read_results(tmp_path / "results")
    assert reference(list(results.groups)).name == "x"
    assert list(rows(Sections(results)["Runs"]))[:2] == ["x, mean of 2", "z.seed1"]


def test_only_folds_that_both_have_are_compared_and_counted(tree: Path, tmp_path: Path):
    shutil.copytree(tree, tmp_path / "results")
    shutil.rmtree(tmp_path / "results/runs/words.fold3/evaluation")
    row = rows(by_title(tmp_path / "results")["Differences between runs"])["net − words"]
    area = areas(tree)
    each = [area[f"net.fold{f}.seed{s}"] - area[f"words.fold{f}"] for f, s in SKILLS if f != 3]
    assert float(row["Δ AUROC Mean"]) == pytest.approx(np.mean(each), abs=6e-5)
    assert (row["Folds"], row["Trainings"]) == ("2 of 3", "4 and 2")


def test_means_and_deviations_are_those_of_numpy(tree: Path, results: Results):
    runs = rows(Sections(results)["Runs"])
    assert list(runs) == ["net, mean of 6", "words, mean of 3"]
    assert next(iter(rows(Sections(results)["Repeats of runs"]))) == "net.fold1.seed1337"
    found = runs["net, mean of 6"]
    for metric in ("auroc", "auprc"):
        values = [area for run, area in areas(tree, metric).items() if run.startswith("net")]
        assert found[f"{metric.upper()} Mean"] == f"{np.mean(values):.4f}"
        assert found[f"{metric.upper()} SD"] == f"{np.std(values, ddof=1):.4f}"
    assert (found["Model"], found["Parameters"]) == ("danq", "46,926,479")


def test_differences_are_paired_by_fold(tree: Path, results: Results):
    ours, theirs = results.groups
    found = difference(ours, theirs, "auroc")
    assert found is not None
    area = areas(tree)
    each = [area[f"net.fold{fold}.seed{seed}"] - area[f"words.fold{fold}"] for fold, seed in SKILLS]
    np.testing.assert_allclose(found.single, each, atol=1e-12)
    assert found.mean == pytest.approx(np.mean(each), abs=1e-12)
    assert found.sd == pytest.approx(np.std(each, ddof=1), abs=1e-12)
    assert found.low < found.mean < found.high
    assert found.targets["target"].to_list() == ["a", "b", "c"]
    assert (found.targets["ours"] - found.targets["theirs"]).mean() == pytest.approx(found.mean, abs=1e-12)
    row = rows(Sections(results)["Differences between runs"])["net − words"]
    assert float(row["Δ AUROC Mean"]) == pytest.approx(found.mean, abs=6e-5)
    assert row["Δ AUROC Higher on"] == "3 of 3"


def test_the_interval_of_one_fold_is_that_of_the_differences(tree: Path, results: Results):
    ours, theirs = results.groups
    part = type(ours)(ours.name, ours.family, ours.in_fold(2))
    found = difference(part, theirs, "auroc")
    assert found is not None
    nets = np.mean([resampled(tree, f"net.fold2.seed{seed}") for seed in (1337, 1338)], axis=0)
    drawn = nets - resampled(tree, "words.fold2")
    assert [found.low, found.high] == interval(drawn, found.mean, (-1, 1)).tolist()


def test_the_table_of_targets_has_each_ones_difference(results: Results):
    section = Sections(results)["Target by target"]
    found = difference(*results.groups, "auroc")
    assert found is not None
    each = found.targets["ours"] - found.targets["theirs"]
    shown = [row["net − words Δ AUROC"] for row in rows(section).values()]
    assert shown == [f"{value:+.4f}" for value in each]
    assert list(rows(section)) == ["a", "b", "c"], "one is never scored"
    assert "by chance" in prose(section)


def test_three_folds_are_surer_than_one(results: Results):
    ours, theirs = results.groups
    widths = []
    for folds in ((1,), (1, 2, 3)):
        members = tuple(run for fold in folds for run in ours.in_fold(fold))
        found = difference(type(ours)(ours.name, ours.family, members), theirs, "auroc")
        assert found is not None
        widths.append(found.high - found.low)
    assert widths[1] < 0.8 * widths[0]


def test_other_resamples_give_no_interval(tree: Path, tmp_path: Path):
    build(tmp_path / "results", {"x": ("y", "danq", 1.0), "z": ("y", "danq", 2.0)}, TARGETS)
    path = tmp_path / "results/runs/x/evaluation/summary.json"
    told = json.loads(path.read_text())
    told["provenance"]["options"]["seed"] = 1
    path.write_text(json.dumps(sealed(told)))
    found = difference(*read_results(tmp_path / "results").groups, "auroc")
    assert found is not None
    assert np.isnan(found.low)
    assert np.isnan(found.sd)


def reordered(tree: Path, change: slice) -> Results:
    """Two runs, of which one was measured on the rows that a slice takes."""
    build(tree, {"x": ("y", "danq", 1.0), "z": ("y", "danq", 2.0)}, TARGETS)
    path = tree / "runs/x/predictions/test.npz"
    write_predictions(path, read_predictions(path).rows(change))
    shutil.rmtree(tree / "runs/x/evaluation")
    evaluate_predictions([path], tree / "runs/x/evaluation", resamples=50)
    return read_results(tree)


@pytest.mark.parametrize("change", [slice(None, None, -1), slice(1, None)])
def test_other_rows_or_another_order_are_not_compared(tmp_path: Path, change: slice):
    results = reordered(tmp_path / "results", change)
    assert difference(*results.groups, "auroc") is None
    found = Sections(results)
    assert "Differences between runs" not in found
    assert "Not compared" in prose(found["Runs compared"])


def test_targets_are_shown_once_for_all_trainings(tree: Path, results: Results):
    row = rows(Sections(results)["Targets"])
    assert set(row) == set(TARGETS)
    tables = [
        pl.read_csv(tree / f"runs/{run}/evaluation/metrics.tsv", separator="\t").filter(
            pl.col("split") == "test", pl.col("target") == "b"
        )
        for run in RUNS
        if run.startswith("net")
    ]
    values = [table["auroc"][0] for table in tables]
    assert row["b"]["net AUROC"] == f"{np.mean(values):.4f}"
    assert row["b"]["net AUROC SD"] == f"{np.std(values, ddof=1):.4f}"
    # folds test other rows, seeds the same
    assert int(row["b"]["Positives"]) == sum(table["positives"][0] for table in tables) / 2
    assert row["never"]["Status"] == "not scored: no positives"


def test_classes_are_compared_by_accuracy_and_correlation(tmp_path: Path):
    build(tmp_path / "results", {"x": ("y", "danq", 1.0), "z": ("y", "danq", 2.0)}, TARGETS)
    for run, accuracy in (("x", 0.8), ("z", 0.9)):
        path = tmp_path / f"results/runs/{run}/evaluation/summary.json"
        told = json.loads(path.read_text())
        classes = {"accuracy": accuracy, "macro_f1": accuracy / 2, "mcc": 0.5}
        classes |= {"micro_f1": accuracy, "binary_f1": None}
        told["splits"]["test"]["classes"] = classes
        path.write_text(json.dumps(sealed(told)))
    found = by_title(tmp_path / "results")
    row = rows(found["Differences between runs"])["z − x"]
    shown = [row[f"Δ {name} Value"] for name in ("accuracy", "macro F1", "MCC")]
    assert shown == ["+0.1000", "+0.0500", "+0.0000"]
    assert "Accuracy" in views(found["Runs compared"])


def test_called_classes_have_an_interval_of_their_difference(tmp_path: Path):
    build(tmp_path / "results", {"x": ("y", "danq", 0.5), "z": ("y", "danq", 3.0)}, ("only",))
    first, second = read_results(tmp_path / "results").groups
    tables = [
        pl.read_parquet(tmp_path / f"results/runs/{run}/evaluation/resamples.parquet").filter(split="test")
        for run in ("z", "x")
    ]
    for metric in ("accuracy", "macro_f1", "mcc"):
        found = difference(second, first, metric)
        assert found is not None
        drawn = tables[0][metric].to_numpy() - tables[1][metric].to_numpy()
        widest = 2 if metric == "mcc" else 1
        assert [found.low, found.high] == interval(drawn, found.mean, (-widest, widest)).tolist()
        assert found.low < found.mean < found.high


@pytest.mark.parametrize("number", [2, 8])
def test_the_drawing_has_a_line_a_run(tmp_path: Path, number: int):
    runs = {f"run<{index}>": ("y", "danq", 0.5 + index / 4) for index in range(number)}
    build(tmp_path / "results", runs, TARGETS, resamples=20)
    body = parsed(by_title(tmp_path / "results")["Runs compared"])
    drawings = list(body.iter("svg"))
    assert len(drawings) == 2, "AUROC and AUPRC"
    for drawing in drawings:
        labels = [each.text for each in drawing.iter("text") if each.text in runs]
        assert labels == list(runs)
        marks = {shown for title in drawing.iter("title") if ": " in (shown := title.text or "")}
        assert len(marks) == 2 * number - 1, "the reference has no difference from itself"


def test_the_page_is_drawn(tree: Path, tmp_path: Path):
    write_report(tree, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "2 runs on 1 dataset (y), 9 trainings." in page
    assert "net, mean of 6" in page
