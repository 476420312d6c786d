"""An ensemble is the weighted mean of its members' logits: predicted, scored, validated, refused."""

import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from eager import computed
from tiny_dataset import tiny_run, write_tiny_dataset

from danq.data.dataset import open_dataset
from danq.errors import DanqError
from danq.learn.bundle import load_bundle, rows_by_memory
from danq.learn.ensemble import choose_weights, join_runs
from danq.learn.export import Exporting, export_bundle, opened_bundles, write_archive
from danq.learn.linear import open_by_engine
from danq.learn.manifest import read_members
from danq.learn.options import EnsembleOptions, PredictOptions
from danq.learn.predict.predictor import Predictor
from danq.learn.train.run import train_run
from danq.score.runner import open_runner, open_runner_of
from danq.storage import sealed

MEMBERS = [["net.seed1", "net.seed2"], "kmers"]
WEIGHTS = {"net.seed1": 0.25, "net.seed2": 0.25, "kmers": 0.5}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    dataset = write_tiny_dataset(runs / "tiny")
    for seed in (1, 2):
        train_run(f"net.seed{seed}", tiny_run(epochs=1, seed=seed), dataset, runs / f"net.seed{seed}", runs)
    train_run("kmers", tiny_run("kmer_logistic", {"k": [2]}), dataset, runs / "kmers", runs)
    join(runs, "mean", MEMBERS)
    return runs


def join(runs, name, members, dataset="tiny", weights="equal"):
    options = EnsembleOptions(members=members, weights=weights)
    return join_runs(name, options, PredictOptions(), runs / dataset, runs / name, runs)


def expected_logits(runs, rows):
    return sum(
        weight * Predictor(load_bundle(runs / member)).logits(rows).astype(np.float64)
        for member, weight in WEIGHTS.items()
    )


def test_a_member_of_another_name_makes_the_same_ensemble(runs, tmp_path):
    digest = load_bundle(runs / "mean").info.digest
    shutil.copytree(runs, tmp_path / "runs")
    (tmp_path / "runs" / "kmers").rename(tmp_path / "runs" / "words")
    join(tmp_path / "runs", "renamed", [MEMBERS[0], "words"])
    assert load_bundle(tmp_path / "runs" / "renamed").info.digest == digest
    join(tmp_path / "runs", "fewer", [*MEMBERS[0]])
    assert load_bundle(tmp_path / "runs" / "fewer").info.digest != digest


def test_a_member_whose_logits_are_no_numbers_is_refused(runs, monkeypatch):
    logits = Predictor.logits

    def spoilt(predictor, raw):
        values = logits(predictor, raw)
        if predictor.bundle.info.run == "kmers":
            values[0, 1] = np.nan
        return values

    monkeypatch.setattr(Predictor, "logits", spoilt)
    with pytest.raises(DanqError, match=r"kmers: expected finite logits of the validation rows, received 1 "):
        join(runs, "spoilt", MEMBERS)
    assert not (runs / "spoilt").exists()


def test_onnx_runtime_computes_the_same_mean(runs):
    rows = open_dataset(runs / "tiny").codes(np.arange(20))
    predictors = [Predictor(open_by_engine(runs / "mean", (), engine)) for engine in ("keras", "onnx")]
    logits, others = (predictor.scores(rows) for predictor in predictors)
    np.testing.assert_allclose(logits, others, atol=1e-5, rtol=0)


def test_one_file_of_keras_computes_the_same_mean(runs, tmp_path):
    export_bundle(runs / "mean", tmp_path / "mean.keras", "keras", Exporting())
    mean = load_bundle(runs / "mean")
    inputs = mean.encoder.encode(open_dataset(runs / "tiny").codes(np.arange(20)))
    exported = keras.saving.load_model(tmp_path / "mean.keras")
    np.testing.assert_array_equal(computed(exported, inputs), computed(mean.model, inputs))


def test_entries_weigh_the_same_and_so_do_the_runs_of_an_entry(runs):
    assert {member.run: member.weight for member in load_bundle(runs / "mean").info.members} == WEIGHTS


@pytest.mark.parametrize(
    ("noise", "expected"), [((0.0, 9.0), [1, 0]), ((9.0, 0.0), [0, 1]), ((1.0, 1.0), [0.5, 0.5])]
)
def test_validation_chooses_the_weights(noise, expected):
    """Of a good and a bad entry the good one alone; of two with errors of their own the even mean."""
    generator = np.random.default_rng(0)
    labels = (generator.random((4000, 2)) < 0.2).astype(np.uint8)
    entries = [(labels + scale * generator.normal(size=labels.shape)).astype(np.float32) for scale in noise]
    assert choose_weights(entries, labels, "multilabel") == expected


def test_the_even_mean_is_taken_where_no_weight_is_better():
    labels = np.array([[0], [1]], np.uint8)
    same = labels.astype(np.float32)
    assert choose_weights([same, same], labels, "multilabel") == [0.5, 0.5]
    assert choose_weights([same, same], np.zeros_like(labels), "multilabel") == [0.5, 0.5]


def test_on_validation_it_is_no_worse_than_its_entries_or_their_even_mean(runs):
    made = join(runs, "chosen", MEMBERS, weights="validation")
    others = [join(runs, f"only{n}", [entry], weights="equal") for n, entry in enumerate(MEMBERS)]
    rivals = [info.best["valid_auprc"] for info in (*others, load_bundle(runs / "mean").info)]
    assert made.best["valid_auprc"] >= max(rivals)
    assert sum(member.weight for member in made.members) == pytest.approx(1)


def test_a_member_without_weight_is_left_out(runs, monkeypatch):
    monkeypatch.setattr("danq.learn.ensemble.choose_weights", lambda *_: [1.0, 0.0])
    made = join(runs, "networks", MEMBERS, weights="validation")
    assert {member.run: member.weight for member in made.members} == {"net.seed1": 0.5, "net.seed2": 0.5}
    assert len(list((runs / "networks" / "members").iterdir())) == 2


def test_it_predicts_the_weighted_mean_of_the_members_logits(runs):
    data = open_dataset(runs / "tiny")
    rows = data.codes(data.rows("valid"))
    logits = Predictor(load_bundle(runs / "mean")).logits(rows)
    np.testing.assert_allclose(logits, expected_logits(runs, rows), atol=1e-5)


def test_an_archive_of_it_is_the_same_ensemble(runs, tmp_path):
    write_archive(runs / "mean", tmp_path / "mean.zip", private=True)
    rows = open_dataset(runs / "tiny").codes(np.arange(4))
    with opened_bundles([tmp_path / "mean.zip"]) as (opened,):
        assert len(read_members(opened)) == len(read_members(runs / "mean"))
        logits = Predictor(load_bundle(opened)).logits(rows)
    np.testing.assert_array_equal(logits, Predictor(load_bundle(runs / "mean")).logits(rows))


def test_its_history_is_the_loss_of_the_mean_on_validation(runs):
    data = open_dataset(runs / "tiny")
    labels = data.labels(data.rows("valid"))
    logits = expected_logits(runs, data.codes(data.rows("valid")))
    info = load_bundle(runs / "mean").info
    assert info.best["valid_loss"] == pytest.approx(np.mean(np.logaddexp(0, logits) - labels * logits), 1e-5)
    assert (runs / "mean" / "history.tsv").read_text().splitlines()[1].startswith("1\t")
    assert [member.run for member in read_members(runs / "mean")] == list(WEIGHTS)


def test_it_scores_each_member_in_its_fastest_way_and_to_the_same_numbers(runs):
    data = open_dataset(runs / "tiny")
    reference = data.codes(data.rows("valid"))[:3]
    alternate = reference.copy()
    alternate[:, reference.shape[1] // 2] = (reference[:, reference.shape[1] // 2] + 1) % 4
    group = np.arange(3)
    scored = open_runner(runs / "mean").logits(reference, alternate, group)
    whole = Predictor(load_bundle(runs / "mean"), reverse_complement="none").logits
    np.testing.assert_allclose(scored.reference[0], whole(reference), atol=1e-5)
    np.testing.assert_allclose(scored.alternate[0], whole(alternate), atol=1e-5)
    composed = open_runner_of(load_bundle(runs / "mean")).logits(reference, alternate, group)
    np.testing.assert_allclose(scored.alternate, composed.alternate, atol=1e-5)


def test_fewer_of_its_rows_fit_into_a_memory_than_of_a_member_s(runs):
    limit = 1 << 24
    ensemble, network = (
        rows_by_memory(load_bundle(runs / run), limit, 1 << 20) for run in ("mean", "net.seed1")
    )
    assert 0 < ensemble < network


def test_on_a_cpu_it_scores_without_tensorflow(runs):
    program = (
        "import sys; from pathlib import Path; from danq.score.runner import open_runner; "
        "made = open_runner(Path(sys.argv[1])); "
        "kinds = [type(member).__name__ for _, member in made._members]; "
        "sys.exit('tensorflow' in sys.modules or kinds != ['SharedWork', 'SharedWork', 'WholeWindows'])"
    )
    done = subprocess.run([sys.executable, "-c", program, runs / "mean"], check=False)
    assert done.returncode == 0


def test_a_member_put_in_another_s_place_is_refused(runs, tmp_path):
    shutil.copytree(runs / "mean", tmp_path / "mean")
    shutil.rmtree(tmp_path / "mean" / "members" / "0")
    shutil.copytree(runs / "mean" / "members" / "1", tmp_path / "mean" / "members" / "0")
    for use in (load_bundle, open_runner):
        with pytest.raises(DanqError, match=r"members/0: expected the bundle that .* was made of"):
            use(tmp_path / "mean")


def test_other_weights_in_the_manifest_are_refused(runs, tmp_path):
    shutil.copytree(runs / "mean", tmp_path / "mean")
    manifest = tmp_path / "mean" / "bundle.json"
    changed = json.loads(manifest.read_text().replace('"weight": 0.5', '"weight": 0.75'))
    manifest.write_text(json.dumps(sealed(changed)))
    for use in (load_bundle, open_runner):
        with pytest.raises(DanqError, match="members are not those that the ensemble was made of"):
            use(tmp_path / "mean")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("targets", ["only"], "members/0: expected the targets of"),
        ("window", 7, "members/0: expected the window of"),
        ("encoder", {"name": "codes", "window": 60}, "expected the encoders of its members"),
    ],
)
def test_a_manifest_that_says_other_things_than_its_members_is_refused(runs, tmp_path, key, value, message):
    shutil.copytree(runs / "mean", tmp_path / "mean")
    manifest = tmp_path / "mean" / "bundle.json"
    manifest.write_text(json.dumps(sealed(json.loads(manifest.read_text()) | {key: value})))
    for use in (load_bundle, open_runner):
        with pytest.raises(DanqError, match=message):
            use(tmp_path / "mean")


@pytest.mark.parametrize(
    ("members", "dataset", "message"),
    [
        (["mean"], "tiny", "mean: expected a run with a model of its own, received an ensemble"),
        (["kmers"], "other", "kmers: expected a run trained on .*other, received one on other rows"),
        (["absent"], "tiny", "absent/bundle.json: no such file"),
    ],
)
def test_what_it_cannot_be_made_of_is_refused_and_nothing_is_left(runs, members, dataset, message):
    if dataset == "other" and not (runs / "other").exists():
        write_tiny_dataset(runs / "other", seed=5)
    with pytest.raises(DanqError, match=message):
        join(runs, "refused", members, dataset)
    assert not (runs / "refused").exists()
