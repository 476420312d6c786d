"""Datasets of images: arrays, folders and Parquet tables, what is refused, and training from end to end."""

import io

import numpy as np
import polars as pl
import pytest
from bundles import manifest
from PIL import Image
from tiny_dataset import tiny_run

from danq.data.batches import TrainingBatches
from danq.data.dataset import open_dataset
from danq.data.examples.images import decode_png
from danq.data.examples.making import build_example_dataset
from danq.data.options import DatasetOptions
from danq.errors import DanqError
from danq.evaluate.evaluate import evaluate_predictions
from danq.learn.bundle import load_bundle
from danq.learn.predict.outputs import Output
from danq.learn.predict.predictor import Predictor, predict_source
from danq.learn.predict.sources import dataset_source, example_source
from danq.learn.train.run import train_run

FRACTIONS = {"valid": 0.25, "test": 0.25}
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (16, 6, 4)).astype(np.uint8)
LABELS = np.arange(16) % 2


def png(pixels, mode=None):
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def build(tmp_path):
    """Build a dataset of images of a file or folder, or of one a split, and open it."""

    def run(examples, split=FRACTIONS, **options):
        given = DatasetOptions(kind="image", examples=examples, split=split, **options)
        build_example_dataset(given, "mine", tmp_path / "out")
        return open_dataset(tmp_path / "out")

    return run


@pytest.fixture
def arrays(tmp_path):
    def write(name="a.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return write


def _all(dataset):
    return dataset.raw(np.arange(len(dataset)))


def test_arrays_of_one_file_are_split_by_class(build, arrays):
    dataset = build(arrays(x=GREY, y=LABELS))
    np.testing.assert_array_equal(_all(dataset), GREY[..., None])
    assert (dataset.kind, dataset.manifest.shape, dataset.window, dataset.task) == (
        "image",
        (6, 4, 1),
        0,
        "multilabel",
    )
    assert [len(dataset.rows(part)) for part in ("train", "valid", "test")] == [8, 4, 4]
    assert isinstance(dataset.images, np.memmap)


def test_arrays_that_name_their_split(build, arrays):
    path = arrays(x_train=GREY[:12], y_train=LABELS[:12, None], x_test=GREY[12:], y_test=LABELS[12:])
    dataset = build(path, split={"valid": 0.25})
    assert [len(dataset.rows(part)) for part in ("train", "valid", "test")] == [9, 3, 4]
    assert dataset.ids(dataset.rows("test")) == ["test:1", "test:2", "test:3", "test:4"]
    np.testing.assert_array_equal(dataset.raw(dataset.rows("test"))[..., 0], GREY[12:])


def test_a_file_a_split_and_several_columns_of_labels(build, arrays):
    labels = np.stack([LABELS, 1 - LABELS], axis=1).astype(float)
    files = {part: arrays(f"{part}.npz", x=GREY, y=labels) for part in ("train", "valid", "test")}
    dataset = build(files, split=None, label_columns=["even", "odd"])
    assert (dataset.targets, len(dataset)) == (("even", "odd"), 48)
    assert dataset.labels(np.arange(2)).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("nested", [False, True])
def test_folders_by_class(build, tmp_path, nested):
    for part in ("train", "dev", "test") if nested else ("",):
        for row, pixels in enumerate(GREY):
            folder = tmp_path / "png" / part / ("cat", "dog", "cow")[row % 3]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{row:02}.png").write_bytes(png(pixels))
    dataset = build(tmp_path / "png", split=None if nested else FRACTIONS)
    assert (dataset.targets, dataset.task) == (("cat", "cow", "dog"), "multiclass")
    assert len(dataset) == (48 if nested else 16)
    names = dataset.ids(np.arange(len(dataset)))
    assert names[:2] == ["cat/00.png", "cat/03.png"]
    np.testing.assert_array_equal(_all(dataset)[1, ..., 0], GREY[3])
    if nested:
        assert [len(dataset.rows(part)) for part in ("train", "valid", "test")] == [16, 16, 16]


@pytest.mark.parametrize(
    ("stray", "message"),
    [
        ("cat/photo.jpg", "photo.jpg: expected nothing but PNG images in a folder of images"),
        ("loose.PNG", "loose.PNG: expected images in a folder that is named for their class"),
        ("cow/.hidden", "cow: expected PNG images of the class 'cow', received none"),
    ],
)
def test_no_file_of_a_folder_is_passed_over(build, tmp_path, stray, message):
    for row, pixels in enumerate(GREY):
        file = tmp_path / "png" / ("cat", "dog")[row % 2] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(pixels))
    (tmp_path / "png" / stray).parent.mkdir(exist_ok=True)
    (tmp_path / "png" / stray).write_bytes(b"other")
    with pytest.raises(DanqError, match=message):
        build(tmp_path / "png", split=FRACTIONS)


@pytest.mark.parametrize("nested", [False, True])
def test_parquet_of_png_bytes(build, tmp_path, nested):
    data = [png(pixels) for pixels in GREY]
    images = [{"bytes": one, "path": None} for one in data] if nested else data
    table = pl.DataFrame({"picture": images, "label": LABELS, "name": [f"n{row}" for row in range(16)]})
    table.write_parquet(tmp_path / "a.parquet")
    dataset = build(tmp_path / "a.parquet", image_column="picture")
    np.testing.assert_array_equal(_all(dataset)[..., 0], GREY)
    assert dataset.ids(np.arange(2)) == ["n0", "n1"]


def test_kinds_of_png():
    colours = RNG.integers(0, 256, (5, 3, 3)).astype(np.uint8)
    np.testing.assert_array_equal(decode_png(png(colours), "x"), colours)
    assert decode_png(png(colours, "RGBA"), "x").shape == (5, 3, 4)
    assert decode_png(png(colours, "P"), "x").shape == (5, 3, 3)
    assert set(np.unique(decode_png(png(GREY[0], "1"), "x"))) <= {0, 255}
    with pytest.raises(DanqError, match=r"x: expected a PNG of 8-bit grey or colours, received mode I;16"):
        decode_png(png(np.zeros((3, 3), np.uint16)), "x")
    for damaged in (b"", b"\x89PNG", png(colours)[:50], b"GIF89a"):
        with pytest.raises(DanqError, match="x: expected a whole PNG image"):
            decode_png(damaged, "x")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": GREY}, "expected an array y of the labels of x, found none"),
        ({"images": GREY}, "expected arrays x and y, or x_train, y_train, x_test, y_test; received images"),
        ({"x": GREY, "y": LABELS[:3]}, r"as many labels in y as images in x \(16\), received 3"),
        ({"x": GREY / 255, "y": LABELS}, "x: expected pixels as whole numbers 0 to 255, received float64"),
        ({"x": GREY.astype(int) * 2, "y": LABELS}, "x: expected pixels as whole numbers 0 to 255"),
        ({"x": GREY[0], "y": LABELS}, r"expected images of shape \(n, height, width\)"),
        ({"x": GREY, "y": LABELS + 0.5}, "y: expected whole numbers or names as labels, received float64"),
        ({"x": GREY, "y": np.full(16, np.inf)}, "y: expected whole numbers or names as labels"),
        ({"x": GREY, "y": np.zeros(16)}, "expected at least two classes, received '0' alone"),
        ({"x": GREY, "y": np.eye(2)[LABELS]}, "y: expected 1 columns of labels as in label_columns"),
        ({"x": GREY, "y": LABELS, "x_tset": GREY}, "expected no arrays but x, y; received x_tset"),
        ({"x": np.array([None, 1]), "y": LABELS}, "Python objects, such as images of unequal sizes"),
        ({"x": GREY[:0], "y": LABELS[:0]}, "expected labelled images, received none"),
    ],
)  # fmt: skip
def test_unusable_arrays_are_refused(build, arrays, tmp_path, given, message):
    with pytest.raises(DanqError, match=message) as refused:
        build(arrays(**given))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_images_of_unequal_sizes_are_refused(build, tmp_path):
    for name, pixels in {"a/1.png": GREY[0], "b/1.png": GREY[1], "b/2.png": GREY[2, :5]}.items():
        (tmp_path / "png" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "png" / name).write_bytes(png(pixels))
    message = (
        r"b/2\.png: expected an image of 6 x 4 pixels and 1 channel as .*a/1\.png, received 5 x 4 pixels"
    )
    with pytest.raises(DanqError, match=message):
        build(tmp_path / "png", split={"valid": 0.3, "test": 0.3})
    (tmp_path / "png" / "b" / "2.png").write_bytes(b"no image")
    with pytest.raises(DanqError, match=r"b/2\.png: expected a whole PNG image"):
        build(tmp_path / "png", split={"valid": 0.3, "test": 0.3})


def test_other_files_are_refused(build, tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK damaged")
    (tmp_path / "b.txt").write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "classes" / "a" / "1.png").mkdir(parents=True)
    (tmp_path / "classes" / "b").mkdir()
    (tmp_path / "classes" / "b" / "1.png").write_bytes(png(GREY[0]))
    np.savez_compressed(tmp_path / "d.npz", x=np.repeat(GREY, 50, axis=0), y=np.repeat(LABELS, 50))
    data = bytearray((tmp_path / "d.npz").read_bytes())
    data[60:400] = b"\xff" * 340
    (tmp_path / "d.npz").write_bytes(data)
    pl.DataFrame({"image": ["a"], "label": [1]}).write_parquet(tmp_path / "c.parquet")
    for name, message in {
        "a.npz": "expected an .npz file of arrays",
        "classes": r"1\.png: expected a PNG image, received Is a directory",
        "d.npz": "expected an .npz file of arrays, received ",
        "b.txt": "expected an .npz file, a Parquet table or a folder of images",
        "c.parquet": "image: expected the bytes of PNG files, received String",
        "folder": "expected labelled images, received none",
        "none": "no such file or folder of images",
    }.items():
        with pytest.raises(DanqError, match=message):
            build(tmp_path / name)


def test_batches_bring_images_and_are_padded_with_black_ones(build, arrays):
    dataset = build(arrays(x=GREY, y=LABELS))
    batch = TrainingBatches(dataset, dataset.rows("train"), 5, 1).load(0, 1)
    assert batch.raw.shape == (5, 6, 4, 1)
    np.testing.assert_array_equal(batch.raw[:3], dataset.raw(batch.rows[:3]))
    assert not batch.raw[3:].any()
    assert batch.weight.tolist() == [1, 1, 1, 0, 0]


def test_a_model_learns_and_predicts_images(tmp_path):
    labels = np.arange(150) % 3
    images = RNG.integers(0, 100, (150, 8, 8)).astype(np.uint8)
    for row, label in enumerate(labels):
        images[row, 4 * (label // 2) : 4 * (label // 2) + 4, 4 * (label % 2) : 4 * (label % 2) + 4] += 120
    np.savez(tmp_path / "a.npz", x=images, y=labels)
    options = DatasetOptions(kind="image", examples=tmp_path / "a.npz", split=FRACTIONS)
    build_example_dataset(options, "a", tmp_path / "data")
    small = {"filters": [4], "pool": 1, "units": [8], "dense": 0}
    run = tiny_run("quadrant_lstm", small, epochs=6, learning_rate=0.01)
    train_run("q", run, tmp_path / "data", tmp_path / "run", tmp_path)
    bundle = load_bundle(tmp_path / "run")
    assert (bundle.info.data_kind, bundle.info.shape) == ("image", (8, 8, 1))
    predictor = Predictor(bundle)
    for split in ("valid", "test"):
        source = dataset_source(tmp_path / "data", split, bundle.info)
        predict_source(predictor, source, Output(tmp_path / f"{split}.npz"))
    paths = [tmp_path / "valid.npz", tmp_path / "test.npz"]
    summary = evaluate_predictions(paths, tmp_path / "evaluation", tmp_path / "data", 20)
    assert summary.splits["test"].classes.accuracy > 0.9
    assert summary.splits["test"].leakage.repeats == 0
    assert predictor.predict(images[:3, ..., None]).ids.tolist() == ["1", "2", "3"]
    with pytest.raises(
        DanqError, match=r"expected uint8 images of 8 x 8 x 1, received uint8 of shape \(3, 8, 8\)"
    ):
        predictor.predict(images[:3])
    with pytest.raises(
        DanqError, match="expected a dataset of kind text or dna for this model, received kind image"
    ):
        train_run("b", tiny_run("bilstm_conv2d", {}), tmp_path / "data", tmp_path / "b", tmp_path)


def test_images_without_labels(tmp_path):
    info = manifest(run="q", data_kind="image", window=None, bin=None, shape=(6, 4, 1))
    images = RNG.integers(0, 256, (3, 6, 4)).astype(np.uint8)
    np.savez(tmp_path / "a.npz", x=images)
    folder = tmp_path / "png"
    (folder / "b").mkdir(parents=True)
    for name, image in zip(("a.png", "b/c.png", "d.PNG"), images, strict=True):
        Image.fromarray(image).save(folder / name, format="PNG")
    files = [(folder / name).read_bytes() for name in ("a.png", "b/c.png", "d.PNG")]
    pl.DataFrame({"image": files}).write_parquet(tmp_path / "plain.parquet")
    named = {"photo": files, "name": ["u", "v", "w"], "split": ["new", "new", "old"]}
    pl.DataFrame(named).write_parquet(tmp_path / "named.parquet")
    for path, column, names in (
        ("a.npz", None, ["1", "2", "3"]),
        ("png", None, ["a.png", "b/c.png", "d.PNG"]),
        ("plain.parquet", None, ["1", "2", "3"]),
        ("named.parquet", "photo", ["u", "v", "w"]),
    ):
        source = example_source(tmp_path / path, info, column, None)
        [rows] = source.blocks()
        assert (rows.ids, source.rows, rows.labels) == (names, 3, None)
        np.testing.assert_array_equal(rows.raw, images[..., None])
    for broken, path, wanted, message in (
        ({"shape": (4, 6, 1)}, "png", None, "a.png: expected an image of 4 x 6 x 1 .* received 6 x 4 x 1"),
        (
            {},
            "named.parquet",
            None,
            "named.parquet: expected one column 'image', received columns photo, name",
        ),
        ({}, "absent", None, "absent: no such file or folder of images"),
        (
            {"data_kind": "dna"},
            "png",
            None,
            "--examples: expected a model of texts or images; run 'q' reads DNA",
        ),
        ({}, "png", "utf-8", "--encoding: belongs to texts"),
    ):
        with pytest.raises(DanqError, match=message):
            example_source(tmp_path / path, info.model_copy(update=broken), None, wanted)
    (folder / "notes.txt").write_text("x")
    with pytest.raises(DanqError, match=r"notes.txt: expected nothing but PNG images"):
        example_source(folder, info, None, None)
    np.savez(tmp_path / "b.npz", y=[1])
    with pytest.raises(DanqError, match=r"b.npz: expected an array x of images; received y"):
        example_source(tmp_path / "b.npz", info, None, None)
