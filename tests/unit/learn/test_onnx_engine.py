"""``--engine onnx``: predictions without TensorFlow, as the bundle's, and what is missing in one line."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from bundles import entries
from untrained import save_model

import danq as danq_package
from danq.data.encoders import CodesEncoder
from danq.learn.bundle import load_bundle, save_bundle
from danq.learn.linear import open_by_engine
from danq.learn.predict.predictor import Predictor
from danq.models import danq as danq_model

WITHOUT = "import sys; sys.modules.update(dict.fromkeys({missing})); from danq.cli import main; main()"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("engine")
    save_model(place / "net")
    bases = np.random.default_rng(0).choice(list("ACGTN"), (40, 40), p=[0.24, 0.24, 0.24, 0.24, 0.04])
    (place / "x.fa").write_text("".join(f">r{n}\n{''.join(row)}\n" for n, row in enumerate(bases)))
    return place


def _run(place, out, *options, missing=("tensorflow", "keras")):
    return _call(
        "predict",
        "--model",
        place / "net",
        "--fasta",
        place / "x.fa",
        "--out",
        out,
        *options,
        missing=missing,
    )


def _call(*verb, missing):
    code = WITHOUT.format(missing=missing)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, verb)], capture_output=True, text=True, check=False
    )


def test_predictions_need_no_tensorflow_and_say_what_computed(place, tmp_path):
    done = _run(place, tmp_path / "p.npz", "--engine", "onnx", "--threads", 1)
    assert done.returncode == 0, done.stderr
    predictions = danq_package.read_predictions(tmp_path / "p.npz")
    assert predictions.engine.startswith("ONNX Runtime 1.")
    expected = danq_package.load(place / "net")
    codes = ["".join(line.strip()) for line in (place / "x.fa").read_text().splitlines()[1::2]]
    others = expected.predict(codes)
    assert others.engine.startswith("TensorFlow ")
    for name in ("logits", "probabilities"):
        np.testing.assert_allclose(getattr(predictions, name), getattr(others, name), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("options", "missing", "words"),
    [
        (
            ("--engine", "onnx"),
            ("onnxruntime",),
            "expected ONNX Runtime for this model, which is not installed",
        ),
        (("--engine", "torch"), (), "'torch' is not one of"),
    ],
)
def test_what_is_missing_is_said_in_one_line(options, missing, words, place, tmp_path):
    done = _run(place, tmp_path / "p.tsv", *options, missing=missing)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_export_without_the_library_says_so_in_one_line(place, tmp_path):
    options = ("--format", "onnx", "--out", tmp_path / "net.onnx")
    done = _call("export", place / "net", *options, missing=("onnx",))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("danq: expected ONNX Runtime")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_sub_bins_of_both_strands_are_averaged_place_by_place(tmp_path):
    keras.utils.set_random_seed(0)
    options = danq_model.Options(
        filters=6, kernel=5, pool=2, units=4, dense=3, output="steps", bin=24, steps=8, bidirectional=True
    )
    encoder = CodesEncoder(40)
    info = entries(options=options.model_dump(mode="json"), bin=24, step=8)
    save_bundle(tmp_path, danq_model.build(options, encoder, 2, "multilabel"), encoder, info)
    codes = np.random.default_rng(0).integers(0, 4, (20, 40), dtype=np.uint8)
    opened = open_by_engine(tmp_path, (), "onnx")
    assert opened.outputs == (3, 2)
    values = Predictor(opened).scores(codes)
    np.testing.assert_allclose(values, Predictor(load_bundle(tmp_path)).scores(codes), atol=1e-5, rtol=0)
    assert np.ptp(values[0]) > 1e-3


def test_who_loads_a_model_keeps_the_smallest_numbers(place):
    code = "import sys, numpy, danq; danq.load(sys.argv[1], engine='onnx').predict(['ACGT' * 10]); "
    code += "print(numpy.array([5e-324]).sum() * 1.0 > 0, 1e-310 / 2 > 0)"
    done = subprocess.run(
        [sys.executable, "-c", code, place / "net"], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["True", "True"], done.stderr
