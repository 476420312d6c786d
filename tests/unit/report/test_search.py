"""The section on searches: every trial in the table and in a plot a parameter; folds that chose otherwise."""

import json
from pathlib import Path

import pytest
from page_reader import by_title, legend, parsed, remarks, rows, shown, views
from results_tree import build

from danq.errors import DanqError
from danq.learn.trial_tables import BEST, EARLY, FAILED, WHOLE, read_trials
from danq.report.page import write_report
from danq.report.results import read_results

HEAD = ("trial", "status", "rung", "epochs", "best_epoch", "metric", "value", "seconds", "reason")
KEYS = ("options.units", "train.learning_rate", "train.schedule.kind", "options.k")
ROWS = (
    (3, BEST, 2, 24, 20, "auprc", 0.5, 31.0, "", 64, 0.003, "cosine", "[3]"),
    (1, WHOLE, 2, 24, 24, "auprc", 0.4, 30.0, "", 32, 0.1, "constant", "[3, 4]"),
    (4, EARLY, 1, 6, 6, "auprc", 0.2, 9.0, "", 128, 0.0001, "cosine", "[3]"),
    (2, FAILED, 1, 0, "", "auprc", "", "", "training diverged: the loss is nan", 32, 0.2, "constant", "[4]"),
)


def chosen(tree: Path, run: str, search: str, **parameters: object) -> None:
    """Say in a run's bundle that a search chose its options."""
    path = tree / "runs" / run / "bundle.json"
    bundle = json.loads(path.read_text())
    for key, value in parameters.items():
        bundle["options"][key] = value
    drawn = {f"options.{key}": value for key, value in parameters.items()}
    bundle["search"] = {"name": search, "trial": 3, "parameters": drawn, "space": "x"}
    path.write_text(json.dumps(bundle))


def write_trials(tree: Path, search: str) -> Path:
    folder = tree / "searches" / search
    folder.mkdir(parents=True)
    lines = ["\t".join(map(str, line)) for line in ((*HEAD, *KEYS), *ROWS)]
    (folder / "trials.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = build(tmp_path / "results", {"net": ("y", "danq", 2.0)}, ("a", "b"))
    write_trials(path, "net")
    chosen(path, "net", "net", units=64)
    return path


def test_every_trial_is_in_the_table(tree: Path):
    table = rows(by_title(tree)["Search"])
    assert list(table) == ["trial 3", "trial 1", "trial 4", "trial 2"]
    assert table["trial 3"] | {"Seconds": ""} == {
        "Status": "best",
        "units": "64",
        "learning_rate": "0.003",
        "schedule.kind": "cosine",
        "k": "[3]",
        "Epochs": "24",
        "Validation AUPRC": "0.5000",
        "Seconds": "",
    }
    assert table["trial 2"]["Reason"] == "training diverged: the loss is nan"
    assert "Validation AUPRC" not in table["trial 2"]


def test_each_parameter_has_a_plot_with_every_trial_that_has_a_value(tree: Path):
    section = by_title(tree)["Search"]
    assert section.group == "compared"
    (view,) = views(section).values()
    assert legend(view) == [EARLY, WHOLE, BEST]
    told = remarks(view)
    assert len(told) == 3 * len(KEYS)
    drawn = "units 128, learning_rate 0.0001, schedule.kind cosine, k [3]"
    assert told[0] == f"trial 4: {drawn}; validation AUPRC 0.2000 after 6 epochs, ended early"
    assert [each.rsplit(", ", 1)[1] for each in told[:3]] == [EARLY, WHOLE, BEST]
    assert "4 trials, of which 1 ended early, 1 failed. The best: trial 3, validation AUPRC 0.5000." in shown(
        parsed(section)
    )


def test_a_report_without_searches_has_no_such_section(tree: Path):
    (tree / "searches" / "net" / "trials.tsv").unlink()
    assert "Search" not in by_title(tree), "a bundle that came without its search is shown as it is"
    write_report(tree, tree / "report.html")


def test_a_damaged_table_of_trials_is_refused(tree: Path):
    path = tree / "searches" / "net" / "trials.tsv"
    path.write_text(path.read_text().replace("0.4", "high"))
    with pytest.raises(
        DanqError, match=r"trials\.tsv: expected a table of trials \(could not convert string"
    ):
        read_trials(path.parent)


def test_folds_whose_searches_chose_other_options_are_one_run(tmp_path: Path):
    runs = {f"net.fold{fold}": (f"y.fold{fold}", "danq", 2.0) for fold in (1, 2, 3)}
    tree = build(tmp_path / "results", runs, ("a", "b"))
    assert len(read_results(tree).groups) == 1
    for fold in (1, 2, 3):
        chosen(tree, f"net.fold{fold}", f"net.fold{fold}", filters=100 * fold)
        write_trials(tree, f"net.fold{fold}")
    results = read_results(tree)
    assert [group.name for group in results.groups] == ["net"]
    assert list(results.searches) == ["net.fold1", "net.fold2", "net.fold3"]
    heads = [shown(head) for head in parsed(by_title(tree)["Search"]).iter("h4")]
    assert heads == ["net.fold1", "net.fold2", "net.fold3"]
    chosen(tree, "net.fold2", "net.fold2", kernel=9)
    assert len(read_results(tree).groups) == 3, "what was not drawn must be the same"
