"""`danq trial`, `danq search` and `danq train --search`, by hand: the best trial's options are the run's."""

from pathlib import Path

import pytest
import yaml
from tiny_dataset import SMALL, write_tiny_dataset

from danq.learn.manifest import BundleManifest
from danq.learn.trials import BestTrial, TrialResult

PLACES = ("--dataset", "tiny", "--out", "out", "--work", "work")
SEARCH = {"trials": 2, "rungs": [0.5], "train": {"learning_rate": [0.01, 0.001], "batch_size": [16]}}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset and a configuration with a search, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_tiny_dataset(tmp_path / "tiny")
    Path("rows.csv").write_text("sequence,label\n")
    data = {"examples": "rows.csv", "window": 60, "split": {"valid": 0.2, "test": 0.2}, "composition": False}
    train = {"epochs": 2, "monitor": "auprc"}
    run = {"model": "danq", "dataset": "tiny", "options": SMALL, "train": train, "search": SEARCH}
    plain = {"model": "danq", "dataset": "tiny", "options": SMALL}
    config = {"datasets": {"tiny": data}, "runs": {"net": run, "plain": plain}}
    Path("config.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def trial(danq, number: int, rung: int) -> int:
    folder = f"search/rung{rung}/trial{number}"
    given = ("--config", "config.yaml", "--name", f"net.trial{number}", "--rung", rung, "--dataset", "tiny")
    return danq("trial", *given, "--out", folder, "--work", f"search/.work/{number}")


def search(danq, *rung: object) -> int:
    return danq("search", "--config", "config.yaml", "--name", "net", "--out", "search", *rung)


def train(danq, run: str, *given: object) -> int:
    return danq(
        "train", "--config", "config.yaml", "--run", run, "--dataset", "tiny", "--out", f"runs/{run}", *given
    )


def test_a_search_by_hand(place: Path, danq, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "danq")
    assert danq("config", "check", "config.yaml") == 0
    assert (
        "search net: 2 trials (1 end after epoch 1 of 2), of which the best is trained again once"
        in caplog.text
    )
    assert [trial(danq, number, 1) for number in (1, 2)] == [0, 0]
    assert search(danq, "--rung", 1) == 0
    assert "net: 1 of 2 trials go on after rung 1" in caplog.text
    [row] = [line for line in Path("search/rung1.tsv").read_text().splitlines() if "goes on" in line]
    number = int(row.split("\t")[0])
    assert trial(danq, number, 2) == 0
    assert search(danq) == 0
    best = BestTrial.read(place / "search")
    assert best.trial == number
    assert train(danq, "net", "--search", "search") == 0
    bundle = BundleManifest.read(place / "runs" / "net")
    assert bundle.search is not None
    assert (bundle.search.trial, bundle.search.parameters) == (number, best.parameters)
    assert bundle.train["learning_rate"] == best.parameters["train.learning_rate"]
    assert bundle.best["valid_auprc"] == best.value, "the same training, for it has the same seed"


def test_what_does_not_belong_together_is_refused(place: Path, danq, capsys: pytest.CaptureFixture[str]):
    def refused(status: int) -> str:
        assert status == 2
        return capsys.readouterr().err.splitlines()[-1]

    assert "--search: expected the directory of its search, for run 'net' has one" in refused(
        train(danq, "net")
    )
    assert "expected a run with a search; 'plain' has none" in refused(train(danq, "plain", "--search", "x"))
    assert "--rung: expected at most 2 for net.trial1, received 3" in refused(trial(danq, 1, 3))
    assert "expected --name of net.trial1, net.trial2; received 'net.trial3'" in refused(trial(danq, 3, 1))
    assert "--rung: expected at most 1 for net, received 2" in refused(search(danq, "--rung", 2))
    assert "search/rung1/trial1/trial.json: no such file" in refused(search(danq))


def test_a_search_whose_model_cannot_be_loaded_is_nothing_to_others(
    place: Path, danq, capsys: pytest.CaptureFixture[str]
):
    config = yaml.safe_load(Path("config.yaml").read_text())
    config["runs"]["mine"] = {"model": "gone.py", "dataset": "tiny", "search": SEARCH}
    Path("config.yaml").write_text(yaml.safe_dump(config))
    # no further than to what is wrong with what was asked for
    assert trial(danq, 1, 3) == 2
    assert "--rung: expected at most 2 for net.trial1" in capsys.readouterr().err
    assert danq("summary", "--config", "config.yaml", "--run", "net.trial1", "--dataset", "tiny") == 0
    assert danq("trial", "--config", "config.yaml", "--name", "mine.trial1", "--rung", 1, *PLACES) == 2
    assert "runs.mine.model: gone.py: no such file" in capsys.readouterr().err


def test_where_all_trials_fail_one_line_says_so(place: Path, danq, capsys: pytest.CaptureFixture[str]):
    for number in (1, 2):
        folder = place / f"search/rung1/trial{number}"
        folder.mkdir(parents=True)
        failed = {"status": "failed", "reason": "training diverged: the loss is nan", "history": []}
        more = {"metric": "auprc", "value": None, "best_epoch": None, "training": {}, "provenance": {}}
        head = {"search": "net", "trial": number, "rung": 1, "model": "danq", "options": {}, "train": {}}
        TrialResult(**head, **failed, **more).write(folder)
    assert search(danq, "--rung", 1) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith(
        "danq: search net: expected a trial that can be trained; all 2 failed in rung 1"
    )
    assert not (place / "search" / "rung1.tsv").exists()
