"""Which trials of a search go on, and which is the best: ties, values that are none, odd numbers."""

import csv
from pathlib import Path

import pytest

from danq.errors import DanqError
from danq.files import sha256
from danq.learn.trial_tables import read_trials, trials_of_rung, write_rung, write_trials
from danq.learn.trials import (
    BestTrial,
    TrialResult,
    ranked,
    read_rungs,
    that_go_on,
    trial_folder,
)


def result(
    trial: int, value: float | None, rung: int = 1, metric: str = "auprc", **keys: object
) -> TrialResult:
    given = {
        "status": "trained" if value is not None else "failed",
        "reason": None if value is not None else "training diverged: the loss is nan",
        "history": [{"epoch": 1}] * (2 * rung),
        "best_epoch": 1,
        **keys,
    }
    return TrialResult(
        search="net",
        trial=trial,
        rung=rung,
        model="danq",
        options={},
        train={},
        metric=metric,
        value=value,
        training={"seconds": 1.5},
        provenance={},
        **given,
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1, 0.4, 0.3, 0.2], [2, 3]),
        ([0.1], [1]),
        ([0.1, 0.2, 0.3], [2, 3]),
        ([0.2, 0.2, 0.2, 0.2], [1, 2]),
        ([None, 0.1, None, 0.3], [2, 4]),
        ([None, None, None, 0.3], [4]),
        ([float("nan"), 0.2, 0.1, float("inf")], [2, 3]),
        ([None, 0.1, 0.2, 0.3, None], [2, 3, 4]),
    ],
)
def test_the_better_half_goes_on_and_what_failed_never_does(values: list[float | None], expected: list[int]):
    assert that_go_on([result(number, value) for number, value in enumerate(values, 1)]) == expected


def test_of_losses_the_lowest_is_the_best():
    losses = [result(number, value, metric="loss") for number, value in enumerate((0.3, 0.1, 0.2), 1)]
    assert [each.trial for each in ranked(losses)] == [2, 3, 1]


def test_where_all_failed_one_line_says_why():
    with pytest.raises(DanqError) as refused:
        that_go_on([result(2, None, reason="another"), result(1, None)])
    assert str(refused.value) == (
        "search net: expected a trial that can be trained; all 2 failed in rung 1, the first of them "
        "(trial 1): training diverged: the loss is nan"
    )


def put(folder: Path, *results: TrialResult) -> None:
    for each in results:
        place = trial_folder(folder, each.rung, each.trial)
        place.mkdir(parents=True)
        each.write(place)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines(), delimiter="\t"))


def test_a_decision_is_read_back(tmp_path: Path):
    put(tmp_path, *(result(number, value) for number, value in enumerate((0.1, 0.4, None, 0.2), 1)))
    [first] = read_rungs(tmp_path, 4, 1)
    assert write_rung(tmp_path / "rung1.tsv", first) == trials_of_rung(tmp_path / "rung1.tsv") == [2, 4]
    rows = table(tmp_path / "rung1.tsv")
    assert [(row["trial"], row["status"]) for row in rows] == [
        ("2", "goes on"),
        ("4", "goes on"),
        ("1", "ended early"),
        ("3", "failed"),
    ]


def test_every_trial_is_told_and_the_best_is_that_of_the_last_rung(tmp_path: Path):
    put(tmp_path, *(result(number, value) for number, value in enumerate((0.1, 0.4, None, 0.2), 1)))
    # what went on in an earlier search of fewer trials, and no longer does, is not looked at
    put(tmp_path, result(2, 0.41, 2), result(4, 0.5, 2), result(1, 0.9, 2))
    parameters = {number: {"options.units": 10 * number, "options.k": [number]} for number in range(1, 5)}
    best = write_trials(tmp_path, read_rungs(tmp_path, 4, 2), parameters, "space")
    assert best == BestTrial.read(tmp_path)
    assert (best.trial, best.value, best.parameters) == (4, 0.5, {"options.units": 40, "options.k": [4]})
    rows = table(tmp_path / "trials.tsv")
    assert [(row["trial"], row["status"], row["rung"], row["epochs"]) for row in rows] == [
        ("4", "best", "2", "4"),
        ("2", "finished", "2", "4"),
        ("1", "ended early", "1", "2"),
        ("3", "failed", "1", "2"),
    ]
    assert rows[0]["options.units"] == "40"
    assert rows[3]["value"] == ""
    assert rows[3]["reason"] == "training diverged: the loss is nan"


def test_more_trials_leave_a_best_that_stays_the_best_byte_for_byte(tmp_path: Path):
    put(tmp_path, result(1, 0.5), result(2, 0.4))
    parameters = {number: {"options.units": number} for number in (1, 2, 3)}
    write_trials(tmp_path, read_rungs(tmp_path, 2, 1), parameters, "space")
    before = (tmp_path / "best.json").read_bytes()
    put(tmp_path, result(3, 0.45))
    write_trials(tmp_path, read_rungs(tmp_path, 3, 1), parameters, "space")
    assert (tmp_path / "best.json").read_bytes() == before


def test_a_missing_trial_is_refused(tmp_path: Path):
    put(tmp_path, result(1, 0.5))
    with pytest.raises(DanqError, match=r"rung1/trial2/trial\.json: no such file"):
        read_rungs(tmp_path, 2, 1)


@pytest.mark.parametrize("name", ["rung1.tsv", "trials.tsv"])
def test_a_damaged_table_is_refused(tmp_path: Path, name: str):
    results = [result(1, 0.5), result(2, 0.4)]
    write_rung(tmp_path / "rung1.tsv", results)
    write_trials(tmp_path, [results], {1: {"options.units": 3}, 2: {"options.units": 4}}, "space")
    path = tmp_path / name
    assert path.with_name(f"{name}.sha256").read_text().split() == [sha256(path), name]
    path.write_text(path.read_text().replace("0.5", "0.7"))
    with pytest.raises(DanqError, match=rf"{name}: damaged: .*; remove {tmp_path} and make it again"):
        trials_of_rung(path) if name == "rung1.tsv" else read_trials(tmp_path)
