"""Networks for other programs: equal logits, whole files or none, refusals in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from eager import computed
from untrained import save_model
from verbs import danq

from danq.learn.bundle import load_bundle
from danq.learn.export import FORMATS


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("exports") / "net"
    save_model(path)
    return path


@pytest.fixture(scope="module")
def expected(bundle):
    codes = np.random.default_rng(0).integers(0, 5, (5, 40), dtype=np.uint8)
    return codes, computed(load_bundle(bundle).model, {"codes": codes})


def test_a_keras_file_alone_predicts_what_the_bundle_does(bundle, expected, tmp_path):
    out = tmp_path / "net.keras"
    assert danq("export", bundle, "--format", "keras", "--out", out) == 0
    model = keras.saving.load_model(out)
    np.testing.assert_array_equal(computed(model, {"codes": expected[0]}), expected[1])


def test_a_saved_model_serves_the_same_logits(bundle, expected, tmp_path, capfd):
    out = tmp_path / "net"
    assert danq("export", bundle, "--format", "savedmodel", "--out", out) == 0
    loaded = tf.saved_model.load(str(out))
    logits = loaded.serve({"codes": tf.constant(expected[0])})
    np.testing.assert_allclose(logits, expected[1], atol=1e-6, rtol=0)
    assert capfd.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_in_the_way_is_refused(form, bundle, tmp_path, capsys):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes").write_text("mine")
    file = tmp_path / "notes"
    file.write_text("mine")
    assert danq("export", bundle, "--format", form, "--out", tmp_path / "there") == 2
    assert "expected a " in capsys.readouterr().err
    if form == "savedmodel":
        assert danq("export", bundle, "--format", form, "--out", file) == 2
        assert "expected a new or empty directory, received a file" in capsys.readouterr().err
        assert file.read_text() == "mine"
    assert danq("export", tmp_path / "there", "--format", form, "--out", tmp_path / "out") == 2
    assert "no such file" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes", "there"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "keras", "--private"], "--private: belongs to --format archive, received keras"),
        (["--format", "keras", "--dataset", "x"], "--dataset: belongs to --format card and archive"),
        (["--format", "torch"], "'torch' is not one of"),
        (
            ["--format", "keras", "--trust-model-code", "x.py"],
            "--trust-model-code x.py: expected the very file",
        ),
    ],
)
def test_options_that_belong_elsewhere_are_refused(options, words, bundle, tmp_path, capsys):
    assert danq("export", bundle, *options, "--out", tmp_path / "out") == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
