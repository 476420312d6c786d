"""Steps: labels of stretches of a bin beside naive loops, and training and prediction of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_dataset import tiny_run

from danq.data.batches import TrainingBatches
from danq.data.dataset import open_dataset
from danq.data.options import DatasetOptions
from danq.data.regions.bins import any_sub_bin, bins_of, of_sub_bins
from danq.data.regions.making import build_region_dataset
from danq.data.regions.tracks import packed_rows
from danq.data.writing import pack_labels
from danq.errors import DanqError
from danq.evaluate.evaluate import evaluate_predictions
from danq.genome.alphabet import reverse_complement
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome
from danq.learn.bundle import load_bundle
from danq.learn.predict.in_parts import Prediction, predict_in_parts
from danq.learn.predict.outputs import Output
from danq.learn.predict.predictor import Predictor, predict_source
from danq.learn.predict.reading import read_predictions
from danq.learn.predict.sequence_sources import fasta_source, tiled_bed_source
from danq.learn.predict.sources import dataset_source
from danq.learn.train.monitor import Monitor
from danq.learn.train.optimization import row_loss
from danq.learn.train.run import train_run
from danq.models.danq import Options

CONTIGS = {"chrI": 830, "chrII": 300, "chrIII": 345}
TRACKS = {
    "A": [("chrI", 45, 130), ("chrII", 0, 31), ("chrIII", 100, 345)],
    "B": [("chrI", 200, 420), ("chrII", 95, 105), ("chrIII", 20, 28)],
}
STEP, BIN, WINDOW = 10, 40, 60
SMALL = {"filters": 5, "kernel": 5, "padding": "same", "pool": 5, "units": 4, "dense": 0, "output": "steps"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A genome, tracks and a dataset with steps of 10 bp in bins of 40 bp."""
    folder = tmp_path_factory.mktemp("steps")
    random = np.random.default_rng(1)
    contigs = {name: "".join(random.choice(list("ACGT"), length)) for name, length in CONTIGS.items()}
    (folder / "g.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    build_genome(folder / "g.fa", folder / "genome")
    for name, regions in TRACKS.items():
        (folder / f"{name}.bed").write_text("".join("\t".join(map(str, region)) + "\n" for region in regions))
    (folder / "targets.tsv").write_text("target\tpath\nA\tA.bed\nB\tB.bed\n")
    build(folder, "data")
    return folder


def build(folder, name, **options):
    given = {"window": WINDOW, "bin": BIN, "steps": STEP, "keep": "all", **options}
    split = {"valid": ["chrII"], "test": ["chrIII"]}
    made = DatasetOptions(targets=folder / "targets.tsv", split=split, **given)
    build_region_dataset(made, name, open_genome(folder / "genome"), folder / name)
    return open_dataset(folder / name)


def naive(contig, start):
    """Labels of one bin's steps: more than half of a step is covered."""
    result = []
    for first in range(start, start + BIN, STEP):
        covered = [
            sum(any(c == contig and a <= p < b for c, a, b in regions) for p in range(first, first + STEP))
            for regions in TRACKS.values()
        ]
        result.append([int(2 * one > STEP) for one in covered])
    return result


def test_labels_equal_a_naive_loop(folder):
    dataset = open_dataset(folder / "data")
    assert (dataset.sub_bin, dataset.sub_bins) == (10, 4)
    assert dataset.labelled("valid").tolist() == [4 * len(dataset.rows("valid"))] * 2
    rows = np.arange(len(dataset))
    labels = dataset.labels(rows)
    assert labels.shape == (len(dataset), 4, 2)
    for row, contig, start in zip(labels, dataset.contig_names(rows), dataset.start.tolist(), strict=True):
        assert row.tolist() == naive(contig, start)
    for split in ("train", "valid", "test"):
        found = labels[dataset.rows(split)].sum(axis=(0, 1))
        assert dataset.counts(split).tolist() == found.tolist()
    assert dataset.label_ids(rows[:1]) == ["chrI:0-10", "chrI:10-20", "chrI:20-30", "chrI:30-40"]


def test_only_training_bins_with_a_positive_step_are_kept(folder):
    everything = open_dataset(folder / "data")
    positive = build(folder, "positive", keep="positive")
    rows = everything.rows("train")
    expected = everything.start[rows[everything.labels(rows).any(axis=(1, 2))]]
    assert positive.start[positive.rows("train")].tolist() == expected.tolist()
    assert 0 < len(expected) < len(rows)


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 11),
)
def test_values_of_bins_and_their_steps(lengths, width, each, targets):
    lengths = np.array(lengths)
    bins, steps = bins_of(lengths, width * each), bins_of(lengths, width)
    random = np.random.default_rng(int(lengths.sum()))
    inside = of_sub_bins(np.arange(len(bins), dtype=np.uint8), bins, steps, 255)
    assert [(inside == row).sum() for row in range(len(bins))] == [each] * len(bins)
    flags = random.random(len(steps)) < 0.3
    assert any_sub_bin(flags, bins, steps).tolist() == [
        bool(flags[inside == row].any()) for row in range(len(bins))
    ]
    labels = random.integers(0, 2, (len(steps), targets))
    chosen = np.flatnonzero(random.random(len(bins)) < 0.7)
    parts = list(packed_rows(pack_labels(labels).T, targets, chosen, bins, steps))
    expected = [pack_labels(labels[inside == row].reshape(1, -1))[0].tolist() for row in chosen]
    assert [row.tolist() for part in parts for row in part] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 30}, r"divide the bin of 40 bp \(1, 2, 4, 5, 8, 10, 20, 40\), received 30"),
        ({"steps": 10, "window": 61}, "a window and a bin that are both even or both odd"),
    ],
)
def test_sizes_that_cannot_align_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        build(folder, "refused", **options)
    with pytest.raises(ValueError, match="expected `targets`, received `examples`"):
        DatasetOptions(examples="a.fa", steps=10)


def test_labels_turn_with_their_strand(folder):
    dataset = open_dataset(folder / "data")
    rows = dataset.rows("train")
    batch = TrainingBatches(dataset, rows, len(rows), 1, reverse_complement=True).load(0, 0)
    turned = 0
    for codes, labels, row in zip(batch.raw, batch.labels, batch.rows, strict=True):
        original, known = dataset.codes(np.array([row]))[0], dataset.labels(np.array([row]))[0]
        if not np.array_equal(codes, original):
            original, known, turned = reverse_complement(original), known[::-1], turned + 1
        assert np.array_equal(codes, original)
        assert np.array_equal(labels, known)
    assert 0 < turned < len(rows)
    padded = TrainingBatches(dataset, rows[:3], 5, 1).load(0, 0)
    assert padded.labels.shape == (5, 4, 2)
    assert not padded.labels[3:].any()


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_the_loss_of_a_row_is_the_mean_of_its_steps(task):
    random = np.random.default_rng(0)
    logits = random.normal(size=(3, 4, 2)).astype(np.float32)
    labels = np.eye(2, dtype=np.uint8)[random.integers(0, 2, (3, 4))]
    weights = np.array([2, 0.5], np.float32)
    loss = row_loss(task, weights)
    each = np.asarray(loss(labels.reshape(12, 2), logits.reshape(12, 2))).reshape(3, 4)
    np.testing.assert_allclose(loss(labels, logits), each.mean(axis=1), rtol=1e-6)


def test_validation_scores_each_step():
    random = np.random.default_rng(0)
    logits = random.normal(size=(6, 4, 2)).astype(np.float32)
    labels = random.integers(0, 2, (6, 4, 2)).astype(np.uint8)
    losses, weight = random.random(6).astype(np.float32), np.array([1, 1, 1, 1, 0, 1], np.float32)
    steps, flat = Monitor(24, 2, "multilabel"), Monitor(24, 2, "multilabel")
    steps.add(logits, labels, losses, weight)
    kept = weight > 0
    flat.add(
        logits[kept].reshape(-1, 2),
        labels[kept].reshape(-1, 2),
        np.repeat(losses[kept], 4),
        np.ones(20, np.float32),
    )
    found, expected = steps.metrics(), flat.metrics()
    assert (found.auroc, found.auprc, found.f1) == (expected.auroc, expected.auprc, expected.f1)
    assert found.loss == pytest.approx(expected.loss)


@pytest.fixture(scope="module")
def trained(folder):
    # a configuration fills in the defaults of a model's options before it is trained
    options = Options(**SMALL).model_dump(mode="json")
    run = tiny_run("danq", options, reverse_complement="augment")
    train_run("s", run, folder / "data", folder / "run", folder)
    return load_bundle(folder / "run")


def test_a_row_of_predictions_is_a_step(folder, trained):
    assert (trained.info.step, trained.info.bin, trained.info.options["steps"]) == (10, 40, 10)
    dataset = open_dataset(folder / "data")
    for split in ("valid", "test"):
        source = dataset_source(folder / "data", split, trained.info)
        predict_source(Predictor(trained), source, Output(folder / f"{split}.npz", tracks=folder / "tracks"))
    asked = Prediction(trained.info, source, Output(folder / "parts.npz"), {}, "", lambda: Predictor(trained))
    predict_in_parts(asked, folder / "work", None, None)
    assert (folder / "parts.npz").read_bytes() == (folder / "test.npz").read_bytes()
    found, rows = read_predictions(folder / "test.npz"), dataset.rows("test")
    assert found.ids.tolist() == dataset.label_ids(rows)
    assert (found.bin, set((found.end - found.start).tolist())) == (10, {10})
    np.testing.assert_array_equal(found.labels, dataset.labels(rows).reshape(-1, 2))
    np.testing.assert_array_equal(found.logits, Predictor(trained).logits(dataset.codes(rows)).reshape(-1, 2))
    assert sorted(path.name for path in (folder / "tracks").iterdir()) == ["A.bw", "B.bw"]
    paths = [folder / "valid.npz", folder / "test.npz"]
    summary = evaluate_predictions(paths, folder / "evaluation", folder / "data", 0)
    assert summary.splits["test"].n == 4 * len(rows)
    assert summary.splits["test"].leakage.windows == len(rows)


def test_both_strands_give_a_sub_bin_the_same(folder, trained):
    dataset = open_dataset(folder / "data")
    codes = dataset.codes(dataset.rows("test"))
    forward, backward = (Predictor(trained).logits(one) for one in (codes, reverse_complement(codes)))
    assert forward.shape == (len(codes), 4, 2)
    np.testing.assert_allclose(forward, backward[:, ::-1], atol=1e-5, rtol=0)


def test_regions_tiles_and_sequences_are_annotated_step_by_step(folder, trained):
    predictor = Predictor(trained)
    (folder / "r.bed").write_text("chrIII\t30\t50\nchrIII\t344\t345\n")
    found = [
        predictor.annotate(rows)
        for rows in tiled_bed_source(folder / "r.bed", folder / "genome", trained.info).blocks()
    ]
    assert found[0].ids.tolist() == [
        *(f"chrIII:{first}-{first + 10}" for first in range(0, 80, 10)),
        "chrIII:320-330",
        "chrIII:330-340",
        "chrIII:340-345",
    ]
    tiles = [
        predictor.annotate(rows) for rows in fasta_source(folder / "g.fa", trained.info, tile=True).blocks()
    ]
    assert (len(tiles[0]), tiles[0].ids[-1]) == (83 + 30 + 35, "chrIII:340-345")
    assert found[0].logits.tolist() == tiles[0].logits[113:][[*range(8), *range(32, 35)]].tolist()
    with pytest.raises(
        DanqError, match="--fasta: expected --tile for a model that classifies steps of 10 bp"
    ):
        fasta_source(folder / "g.fa", trained.info)
    short = predictor.predict(["ACGTACGTACGTACG", "A" * 60])
    assert short.ids.tolist()[:3] == ["1:0-7", "1:7-15", "2:10-20"]
    assert len(short) == 2 + 4


@pytest.mark.parametrize(
    ("model", "options", "train", "message"),
    [
        ("danq", SMALL | {"output": "sequence"}, {}, r"x\.options: output: expected .* \(output: steps\)"),
        ("danq", SMALL | {"pool": 4}, {}, "pool: expected a size that divides the labelled steps of 10 bp"),
        ("danq", SMALL | {"steps": 20}, {}, r"options\.steps: expected 10 bp .*received 20"),
        ("danq", SMALL | {"steps": 10, "bin": 20}, {}, r"options\.bin: expected 40 bp .*, received 20"),
        ("danq", SMALL, {"shift": 2}, "train.shift: expected 0 for a dataset of labelled steps, received 2"),
        ("kmer_logistic", {}, {}, "expected one label a target and row for this model, received 4 s"),
    ],
)  # fmt: skip
def test_a_run_that_does_not_fit_the_steps_is_refused(folder, tmp_path, model, options, train, message):
    with pytest.raises(DanqError, match=message):
        train_run("x", tiny_run(model, options, **train), folder / "data", tmp_path / "x", tmp_path)


def test_a_model_of_steps_refuses_rows_and_other_steps(folder, trained, tmp_path):
    whole = build(folder, "whole", steps=None)
    message = r"expected a model that classifies whole rows \(output: sequence\)"
    with pytest.raises(DanqError, match=message):
        train_run(
            "x", tiny_run("danq", SMALL | {"steps": 10, "bin": 40}), whole.path, tmp_path / "x", tmp_path
        )
    with pytest.raises(
        DanqError, match="expected labelled steps of 10 as run 's' was trained, received None"
    ):
        dataset_source(whole.path, "test", trained.info)
