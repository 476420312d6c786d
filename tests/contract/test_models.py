"""What every model of `MODELS` promises; a new model is tested by being listed."""

import importlib

import keras
import numpy as np
import pytest
from eager import computed
from pydantic import ValidationError
from tiny_dataset import MOTIFS, SMALL_OF, WINDOW, tiny_run, write_tiny_dataset

from danq.data.dataset import open_dataset
from danq.data.encoders import load_encoder
from danq.learn.bundle import load_bundle
from danq.learn.linear import CpuBundle, open_bundle, open_by_engine
from danq.learn.predict.predictor import Predictor
from danq.learn.train.run import train_run
from danq.models import MODELS, kinds_read, load_model_module
from danq.models.compatibility import make_encoder

TASKS = ("multilabel", "multiclass")
# classes once a model, on rows of its own kind: how labels are learned has nothing to do with the encoder
CASES = [
    (name, task, kind)
    for name in MODELS
    for kind in kinds_read(MODELS[name])
    for task in (TASKS if kind == MODELS[name].KIND else TASKS[:1])
]
STEPS = [name for name in MODELS if "output" in MODELS[name].Options.model_fields]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def trained(request, tmp_path_factory):
    """A model after one epoch on a tiny dataset: its module, its bundle read back, and the dataset."""
    name, task, kind = request.param
    folder = tmp_path_factory.mktemp(f"{name}-{task}-{kind}")
    dataset = write_tiny_dataset(folder / "data", task, kind=kind)
    strands = "augment" if kind == "dna" else "none"
    run = tiny_run(name, epochs=1, reverse_complement=strands)
    train_run(name, run, dataset, folder / name, folder)
    return MODELS[name], load_bundle(folder / name), open_dataset(dataset)


def _rows(dataset, count=None):
    return dataset.raw(dataset.rows("test")[:count])


def _others(dataset, row, number):
    """16 rows of which one is `row`, the others as unlike it as can be."""
    if dataset.kind == "text":
        return ["" if number else "no zebra"] * 3 + [row] + ["the " * 30] * 12
    others = np.full((16, *row.shape), 4 * number, np.uint8)
    others[3] = row
    return others


def _rebuilt(module, bundle, dataset):
    options = module.Options(**bundle.info.options)
    return module.build(options, bundle.encoder, len(dataset.targets), dataset.task)


def test_the_model_s_shape_follows_its_encoder_and_targets(trained):
    module, bundle, dataset = trained
    model = _rebuilt(module, bundle, dataset)
    assert set(model.input) == set(bundle.encoder.inputs)
    for name, (shape, dtype) in bundle.encoder.inputs.items():
        assert (model.input[name].shape[1:], model.input[name].dtype) == (shape, dtype)
    assert model.output.shape == (None, len(MOTIFS))
    assert model.output.dtype == "float32"
    assert model.layers[-1].name == "logits"


def test_arrays_of_the_encoder_are_what_it_declares(trained):
    _, bundle, dataset = trained
    encoded = bundle.encoder.encode(_rows(dataset))
    declared = {name: ((21, *shape), dtype) for name, (shape, dtype) in bundle.encoder.inputs.items()}
    assert {name: (array.shape, array.dtype.name) for name, array in encoded.items()} == declared
    assert load_encoder(bundle.encoder.state()) == bundle.encoder


def test_one_gradient_step_lowers_the_loss_of_its_batch(trained):
    module, bundle, dataset = trained
    keras.utils.set_random_seed(0)
    model = _rebuilt(module, bundle, dataset)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-3), loss, run_eagerly=True, jit_compile=False)
    rows = dataset.rows("train")[:32]
    inputs, labels = bundle.encoder.encode(dataset.raw(rows)), dataset.labels(rows)
    before = loss(labels, computed(model, inputs))
    model.train_on_batch(inputs, labels)
    assert loss(labels, computed(model, inputs)) < before


def test_a_saved_and_loaded_model_predicts_the_same(trained, tmp_path):
    module, bundle, dataset = trained
    inputs = bundle.encoder.encode(_rows(dataset))
    expected = computed(bundle.model, inputs)
    model = _rebuilt(module, bundle, dataset)
    model.set_weights(bundle.model.get_weights())
    np.testing.assert_array_equal(computed(model, inputs), expected)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(computed(loaded, inputs), expected)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]


def test_a_prediction_depends_on_its_row_alone(trained):
    _, bundle, dataset = trained
    rows = _rows(dataset, 16)
    whole = computed(bundle.model, bundle.encoder.encode(rows))
    order = np.random.default_rng(0).permutation(16).tolist()
    shuffled = computed(bundle.model, bundle.encoder.encode(dataset.raw(dataset.rows("test")[order])))
    np.testing.assert_allclose(shuffled, whole[order], atol=1e-5, rtol=0)
    for number in (0, 1):
        others = bundle.encoder.encode(_others(dataset, rows[3], number))
        np.testing.assert_allclose(computed(bundle.model, others)[3], whole[3], atol=1e-5, rtol=0)
    predictor = Predictor(bundle, batch_size=32)
    np.testing.assert_allclose(predictor.logits(rows[5:7]), predictor.logits(rows)[5:7], atol=1e-5, rtol=0)


@pytest.mark.parametrize("strands", ["mean", "none"])
def test_numpy_predicts_what_the_model_does_where_it_can(trained, strands):
    module, bundle, dataset = trained
    opened = open_bundle(bundle.path)
    assert isinstance(opened, CpuBundle) == hasattr(module, "logits")
    if isinstance(opened, CpuBundle):
        rows = _rows(dataset)
        values = Predictor(opened, 16, strands).scores(rows)
        expected = Predictor(bundle, 16, strands).scores(rows)
        np.testing.assert_allclose(values, expected, atol=1e-5, rtol=0)
        assert values[0].dtype == np.float32


def test_onnx_runtime_predicts_what_the_model_does(trained):
    _, bundle, dataset = trained
    rows, opened = _rows(dataset), open_by_engine(bundle.path, (), "onnx")
    values = np.stack(Predictor(opened, 16).scores(rows))
    np.testing.assert_allclose(values, Predictor(bundle, 16).scores(rows), atol=1e-5, rtol=0)
    assert values.dtype == np.float32
    np.testing.assert_allclose(Predictor(opened, 64).scores(rows[3:7]), values[:, 3:7], atol=1e-5, rtol=0)


@pytest.mark.parametrize("merge", ["concat", "none"])
@pytest.mark.parametrize("name", STEPS)
def test_steps_are_classified_one_by_one_and_the_model_still_loads(name, merge, tmp_path):
    module = MODELS[name]
    kind = "image" if module.KIND == "image" else "dna"
    stretches = {} if kind == "image" else {"bin": 36, "steps": 9}
    sizes = {
        **SMALL_OF.get(name, {}),
        "bidirectional": True,
        "merge_mode": merge,
        "output": "steps",
        **stretches,
    }
    if name == "danq":
        sizes |= {"pool": 3}
    data = open_dataset(write_tiny_dataset(tmp_path / "data", kind=kind))
    options = module.Options(**sizes)
    encoder = make_encoder(module, options, kind).fit([_rows(data)])
    model = module.build(options, encoder, 3, "multilabel")
    assert model.output.shape == (None, 4, 3)
    assert model.layers[-1].name == "logits"
    inputs = encoder.encode(_rows(data))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(computed(loaded, inputs), computed(model, inputs))


def test_mixed_precision_leaves_float32_logits(trained):
    module, bundle, dataset = trained
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = _rebuilt(module, bundle, dataset)
    finally:
        keras.config.set_dtype_policy("float32")
    model.set_weights(bundle.model.get_weights())
    inputs = bundle.encoder.encode(_rows(dataset))
    logits = computed(model, inputs)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, computed(bundle.model, inputs), atol=0.1)


def test_options_have_descriptions_and_refuse_unknown_keys(trained):
    module = trained[0]
    assert kinds_read(module)[0] == module.KIND
    for name, field in module.Options.model_fields.items():
        assert field.description, f"{module.__name__}: option {name} has no description"
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        module.Options(no_such_option=1)


def test_names_lead_to_the_files_of_the_models():
    for name, module in MODELS.items():
        assert module.KIND in ("dna", "text", "image")
        assert load_model_module(name) is module is importlib.import_module(f"danq.models.{name}")
    assert WINDOW == 60
