"""Each diagnosis where it is right, and the near miss where it must not be made."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from results_tree import build, write_scores

from danq.evaluate.evaluate import evaluate_predictions
from danq.learn.predict.predictions import Predictions, write_predictions
from danq.report.diagnoses import ALIKE, BASELINE, COMPOSITION, DIAGNOSES, FEW, RATES
from danq.report.findings import Finding
from danq.report.results import read_results
from danq.report.runs import side_by_side
from danq.report.training_course import MISSING, TITLES
from danq.report.verdict import judge

TARGETS = ("a", "b", "c")
RISING = [0.021, 0.030, 0.036, 0.042, 0.047]
FLAT = [0.020, 0.045, 0.047, 0.046, 0.047]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that beats its baseline, with nothing the matter."""
    runs = {"net": ("y", "danq", 2.5, 1), "words": ("y", "kmer_logistic", 1.0, 2)}
    path = build(tmp_path_factory.mktemp("plain") / "results", runs, TARGETS)
    write_history(path, "net", FLAT)
    return path


@pytest.fixture
def results(plain: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(plain, tmp_path / "results"))


def write_history(
    results: Path, run: str, auprc: list[float], losses: tuple[float, float] = (0.2, 0.2)
) -> None:
    lines = ["epoch\ttrain_loss\tvalid_loss\tvalid_auroc\tvalid_auprc\tvalid_f1\tlearning_rate"]
    lines += [f"{n}\t{losses[0]}\t{losses[1]}\t0.8\t{area}\t\t0.001" for n, area in enumerate(auprc, 1)]
    (results / f"runs/{run}/history.tsv").write_text("\n".join(lines) + "\n")


def change(path: Path, **parts: object) -> None:
    """Change keys of a JSON file; a mapping is laid over what is there."""
    content = json.loads(path.read_text())
    for key, value in parts.items():
        content[key] = content[key] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(content))


def diagnoses(results: Path) -> dict[str, Finding]:
    (verdict,) = judge(read_results(results))
    return {finding.title: finding for finding in verdict.diagnoses}


def test_where_nothing_is_the_matter_nothing_is_diagnosed(results: Path):
    assert diagnoses(results) == {}
    assert judge(read_results(results))[0].level == "green"


def test_the_diagnoses_are_those_of_the_documentation(repository: Path):
    page = (repository / "docs/report.md").read_text()
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert headings == list(DIAGNOSES)


@pytest.mark.parametrize(("auprc", "told"), [(RISING, True), (FLAT, False)])
def test_stopped_while_rising(results: Path, auprc: list[float], told: bool):
    write_history(results, "net", auprc)
    change(results / "runs/net/bundle.json", train={"epochs": 5}, training={"epochs": 5, "ended": "epochs"})
    found = diagnoses(results)
    assert list(found) == [TITLES["rising"]] * told
    if told:
        finding = found[TITLES["rising"]]
        assert (finding.level, finding.key) == ("amber", "runs.net.train.epochs: 10")
        assert finding.figure == (
            "net: stopped at its last epoch, 5, with validation AUPRC still rising, from 0.030 to 0.047 in "
            "the last 4 epochs"
        )
    (verdict,) = judge(read_results(results))
    assert (verdict.findings[3].title == "Trained to its end") == (not told)


@pytest.mark.parametrize(("losses", "told"), [((0.04, 0.09), True), ((0.04, 0.06), False)])
def test_training_far_better_than_validation(results: Path, losses: tuple[float, float], told: bool):
    write_history(results, "net", FLAT, losses)
    change(results / "runs/net/bundle.json", training={"chance_loss": {"train": 0.1, "valid": 0.1}})
    assert list(diagnoses(results)) == [TITLES["overfit"]] * told


def test_a_diverged_training(results: Path):
    where = "the loss is nan in epoch 6, step 3"
    change(results / "runs/net/bundle.json", training={"ended": "diverged", "diverged": where})
    found = diagnoses(results)
    assert list(found) == [TITLES["diverged"]]
    assert found[TITLES["diverged"]].figure == f"net: {where}; the weights of epoch 2 are kept"
    assert found[TITLES["diverged"]].key == "runs.net.train.clip_norm: 1"
    assert where in str(side_by_side(read_results(results)))


@pytest.mark.parametrize(("auprc", "told"), [(0.1, True), (0.101, False)])
def test_a_run_that_learnt_nothing(results: Path, auprc: float, told: bool):
    change(results / "runs/net/bundle.json", best={"valid_auprc": auprc, "valid_prevalence": 0.1})
    found = diagnoses(results)
    assert list(found) == [TITLES["untrained"]] * told
    assert judge(read_results(results))[0].level == ("red" if told else "green")


def test_a_run_without_a_model_is_interrupted_or_not_trained(results: Path):
    runs = {name: {"dataset": "y"} for name in ("net", "words", "begun", "never", "seeded")}
    (results / "config.json").write_text(json.dumps({"runs": runs}))
    (results / "runs/begun/.checkpoint").mkdir(parents=True)
    (results / "runs/net/.checkpoint").mkdir()
    shutil.copytree(results / "runs/net", results / "runs/seeded.seed2")
    found = diagnoses(results)
    assert list(found) == list(MISSING.values())
    assert found[MISSING["unfinished"]].figure == "a checkpoint, but no model: begun"
    assert found[MISSING["untrained"]].figure == "no model: never"
    assert judge(read_results(results, ["net", "words"]))[0].diagnoses == ()


def test_a_missing_run_is_told_once_with_its_dataset(tmp_path: Path):
    runs = {"net": ("y", "danq", 2.5), "other": ("z.fold2", "danq", 2.5)}
    path = build(tmp_path / "results", runs, TARGETS, resamples=0)
    configured = {"later": {"dataset": "z.fold2"}, "lost": {"dataset": "gone"}}
    (path / "config.json").write_text(json.dumps({"runs": configured}))
    told = {
        verdict.dataset: [each.figure for each in verdict.diagnoses if each.title in MISSING.values()]
        for verdict in judge(read_results(path))
    }
    assert told == {"y": ["no model: lost"], "z.fold2": ["no model: later"]}


@pytest.mark.parametrize(
    ("skills", "level"), [((0.5, 2.0), "red"), ((1.0, 1.15), "amber"), ((1.15, 1.0), None)]
)
def test_the_baseline_is_to_be_used_where_it_is_ahead(tmp_path: Path, skills: tuple, level: str | None):
    runs = {"net": ("y", "danq", skills[0], 1), "words": ("y", "kmer_logistic", skills[1], 1)}
    path = build(tmp_path / "results", runs, TARGETS, resamples=0 if level == "amber" else 50)
    write_history(path, "net", FLAT)
    finding = diagnoses(path).get(BASELINE)
    assert (finding and finding.level) == level
    if finding:
        assert finding.meaning.startswith("Use the baseline: words is ")
        assert "words" in finding.figure
        assert finding.key == "runs.net.train.reverse_complement: augment"
    assert judge(read_results(path))[0].headline.startswith("Use words") == (level == "red")


def test_the_next_try_is_the_training_that_was_cut_short_or_else_the_baseline_scores(tmp_path: Path):
    runs = {"net": ("y", "danq", 0.5, 1), "words": ("y", "kmer_logistic", 2.0, 1)}
    path = build(tmp_path / "results", runs, TARGETS)
    write_history(path, "net", FLAT)
    rows = [{"row": n, "allele": 1, "contig": "chrI", "pos": n, "ref": "A", "alt": "C"} for n in range(5)]
    bundles = [{"path": "results/runs/net", "run": "net", "digest": "01" * 32}]
    write_scores(path, "mine", TARGETS, rows, np.random.default_rng(0).normal(size=(5, 3)), bundles=bundles)
    assert diagnoses(path)[BASELINE].key == "callsets.mine.runs: [words]"
    write_history(path, "net", RISING)
    assert diagnoses(path)[BASELINE].key == "runs.net.train.monitor: auprc"


@pytest.mark.parametrize(("skill", "level"), [(0.4, "red"), (2.5, None)])
def test_no_better_than_composition(tmp_path: Path, skill: float, level: str | None):
    runs = {"net": ("y", "danq", skill, 1), "composition": ("y", "composition", 1.0, 1)}
    path = build(tmp_path / "results", runs, TARGETS)
    write_history(path, "net", FLAT)
    finding = diagnoses(path).get(COMPOSITION)
    assert (finding and finding.level) == level
    if finding:
        assert finding.key == "datasets.y.keep: {negatives_per_positive: 1, match: gc}"
    assert judge(read_results(path))[0].level == ("red" if level else "amber")


def write_alike(results: Path, shared: float, alike_labels: bool) -> None:
    """Evaluate predictions whose logits have a part `shared` of their variance in common between targets."""
    rng = np.random.default_rng(3)
    n = 300
    labels = np.broadcast_to(
        (rng.random((n, 1 if alike_labels else 3)) < 0.2).astype(np.uint8), (n, 3)
    ).copy()
    common = rng.normal(size=(n, 1)) + 2.5 * labels.mean(axis=1, keepdims=True)
    logits = (np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.normal(size=(n, 3))).astype(np.float32)
    for run in ("net", "words"):
        made = Predictions(
            ids=np.array([f"row{row}" for row in range(n)]),
            probabilities=1 / (1 + np.exp(-logits)),
            logits=logits if run == "net" else logits * rng.normal(1, 0.8, logits.shape).astype(np.float32),
            targets=np.array(TARGETS),
            labels=labels,
            run=run,
            split="test",
        )
        write_predictions(results / "test.npz", made)
        evaluate_predictions([results / "test.npz"], results / f"runs/{run}/evaluation", resamples=20)


@pytest.mark.parametrize(
    ("shared", "alike_labels", "effects", "level"),
    [
        (0.99, False, None, "red"),
        (0.99, False, 0.99, "red"),
        (0.90, False, 0.99, "amber"),
        (0.90, False, 0.90, None),
        (0.99, True, 0.99, None),
    ],
)
def test_targets_predicted_alike(results: Path, shared, alike_labels, effects, level):
    write_alike(results, shared, alike_labels)
    change(results / "runs/net/bundle.json", train={"target_weight": "none"})
    if effects is not None:
        rng = np.random.default_rng(4)
        differences = np.sqrt(effects) * rng.normal(size=(90, 1)) + np.sqrt(1 - effects) * rng.normal(
            size=(90, 3)
        )
        rows = [
            {"row": n, "allele": 1, "contig": "chrI", "pos": n, "ref": "A", "alt": "C"} for n in range(90)
        ]
        bundles = [{"path": "results/runs/net", "run": "net", "digest": "01" * 32}]
        write_scores(results, "mine", TARGETS, rows, differences, bundles=bundles)
    finding = diagnoses(results).get(ALIKE)
    assert (finding and finding.level) == level
    if finding:
        assert finding.key == "runs.net.train.target_weight: rare"
        assert ("on the test rows" in finding.figure) == (shared == 0.99)
        assert ("of the variants in mine" in finding.figure) == (effects is not None)


@pytest.mark.parametrize(("n", "told"), [(60, True), (300, False)])
def test_too_few_positives_to_tell(tmp_path: Path, n: int, told: bool):
    runs = {"net": ("y", "danq", 2.5, 1), "words": ("y", "kmer_logistic", 1.0, 2)}
    path = build(tmp_path / "results", runs, TARGETS, n=n)
    write_history(path, "net", FLAT)
    finding = diagnoses(path).get(FEW)
    assert (finding is not None) == told
    if finding:
        assert re.search(r"[23] of 3 targets have fewer than 20 positive rows \(median \d+\)", finding.figure)
        assert re.search(r"about \d+ would tell an AUROC to ±0.05", finding.figure)
        assert finding.key == "datasets.y.split: {folds: 5}"


def test_how_many_positives_would_tell_a_difference(tmp_path: Path):
    runs = {"net": ("y", "danq", 1.5, 1), "words": ("y", "kmer_logistic", 1.4, 2)}
    path = build(tmp_path / "results", runs, TARGETS, resamples=200)
    write_history(path, "net", FLAT)
    finding = diagnoses(path)[FEW]
    match = re.search(
        r"([+-][\d.]+) \(95% interval ([+-][\d.]+) to ([+-][\d.]+)\): about ([\d.]+) times as many positives "
        r"\(([\d,]+) a target in place of ([\d.]+)\)",
        finding.figure,
    )
    assert match
    mean, low, high, times, needed, median = (float(number.replace(",", "")) for number in match.groups())
    assert low < 0 < high
    half = mean - low if mean > 0 else high - mean
    assert half / np.sqrt(times) == pytest.approx(abs(mean), rel=0.05)
    assert needed == pytest.approx(times * median, rel=0.05)


@pytest.mark.parametrize(
    ("split", "counts", "keep", "key"),
    [
        ("train", 400 * 3, "positive", "datasets.y.keep: all"),
        ("train", 400 * 3, "all", "datasets.y.split: {folds: 5}"),
        ("valid", 90, "positive", "datasets.y.split: {folds: 5}"),
        ("train", 500, "positive", None),  # not twice as frequent
    ],
)
def test_base_rates_that_differ_between_splits(
    results: Path, split: str, counts: int, keep: str, key: str | None
):
    path = results / "datasets/y/dataset.json"
    content = json.loads(path.read_text())
    for target in content["targets"]:
        target["counts"][split] = counts
    content["options"]["keep"] = keep
    path.write_text(json.dumps(content))
    finding = diagnoses(results).get(RATES)
    assert (finding and finding.key) == key
    if finding:
        assert finding.figure.startswith("3 of 3 targets are at least 2 times as frequent in ")


def test_rates_of_few_positives_differ_by_chance(results: Path):
    """Three times as frequent, but of 3 positives and 1."""
    path = results / "datasets/y/dataset.json"
    content = json.loads(path.read_text())
    for target in content["targets"]:
        target["counts"] = {"train": 13, "valid": 3, "test": 1}
    path.write_text(json.dumps(content))
    assert diagnoses(results) == {}
