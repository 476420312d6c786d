import numpy as np
import polars as pl
import pytest

from danq.errors import DanqError
from danq.learn.predict.predictions import Predictions
from danq.learn.predict.tables import writing_parquet, writing_tsv


def example(n=25, labels=True):
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(n, 2)).astype(np.float32)
    start = np.arange(n, dtype=np.int64) * 200
    return Predictions(
        ids=np.array([f"chrI:{s}-{s + 200}" for s in start]),
        probabilities=(1 / (1 + np.exp(-logits))).astype(np.float32),
        logits=logits,
        targets=np.array(["CTCF", "Pol II, ser2"]),
        labels=rng.integers(0, 2, (n, 2)).astype(np.uint8) if labels else None,
        contig=np.full(n, "chrI"),
        start=start,
        end=start + 200,
        flags=np.array(["padded"] + [""] * (n - 1)),
        run="danq",
        split="test",
    )


COLUMNS = ["id", "contig", "start", "end", "flags"]
WRITERS = {
    "parquet": (writing_parquet, pl.read_parquet),
    "tsv": (writing_tsv, lambda path: pl.read_csv(path, separator="\t")),
}


def write(writing, path, blocks):
    with writing(path) as append:
        for block in blocks:
            append(block)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("labels", [True, False])
def test_a_table_holds_every_number(tmp_path, kind, labels):
    writing, read = WRITERS[kind]
    predictions = example(labels=labels)
    write(writing, tmp_path / "p", [predictions])
    table = read(tmp_path / "p")
    titles = ["probability", "logit"] + ["label"] * labels
    assert table.columns == COLUMNS + [f"{t}__{title}" for t in predictions.targets for title in titles]
    assert table["id"].to_list() == predictions.ids.tolist()
    assert table["start"].to_list() == predictions.start.tolist()
    assert [flags or "" for flags in table["flags"]] == predictions.flags.tolist()
    for index, target in enumerate(predictions.targets):
        received = table[f"{target}__probability"].to_numpy().astype(np.float32)
        np.testing.assert_array_equal(received, predictions.probabilities[:, index])
        received = table[f"{target}__logit"].to_numpy().astype(np.float32)
        np.testing.assert_array_equal(received, predictions.logits[:, index])
        if labels:
            assert table[f"{target}__label"].to_list() == predictions.labels[:, index].tolist()


@pytest.mark.parametrize("kind", WRITERS)
def test_bytes_and_row_groups_do_not_depend_on_the_blocks(tmp_path, kind, monkeypatch):
    monkeypatch.setattr("danq.tables.ROW_GROUP", 10)
    writing, _ = WRITERS[kind]
    predictions = example()
    write(writing, tmp_path / "whole", [predictions])
    write(writing, tmp_path / "parts", [predictions.rows(slice(i, i + 3)) for i in range(0, 25, 3)])
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "parts").read_bytes()
    if kind == "parquet":
        import pyarrow.parquet as pq

        file = pq.ParquetFile(tmp_path / "parts")
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [10, 10, 5]
        assert file.schema_arrow.metadata[b"danq.run"] == b"danq"


@pytest.mark.parametrize("kind", WRITERS)
def test_no_rows_are_refused(tmp_path, kind):
    with pytest.raises(DanqError, match="at least one row"):
        write(WRITERS[kind][0], tmp_path / "p", [])
    assert list(tmp_path.iterdir()) == []
