"""Predictions as tables and as genome tracks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from danq.errors import DanqError
from danq.learn.predict.outputs import writing_probabilities, writing_table
from danq.learn.predict.predictions import Predictions


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
READERS = {"parquet": pl.read_parquet, "tsv": lambda path: pl.read_csv(path, separator="\t")}


def write(path, blocks):
    with writing_table(path) as append:
        for block in blocks:
            append(block)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("labels", [True, False])
def test_a_table_holds_every_number(tmp_path, kind, labels):
    predictions = example(labels=labels)
    write(tmp_path / f"p.{kind}", [predictions])
    table = READERS[kind](tmp_path / f"p.{kind}")
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


@pytest.mark.parametrize("kind", READERS)
def test_bytes_and_row_groups_do_not_depend_on_the_blocks(tmp_path, kind, monkeypatch):
    monkeypatch.setattr("danq.tables.ROW_GROUP", 10)
    predictions = example()
    whole, parts = (tmp_path / f"{name}.{kind}" for name in ("whole", "parts"))
    write(whole, [predictions])
    write(parts, [predictions.rows(slice(i, i + 3)) for i in range(0, 25, 3)])
    assert whole.read_bytes() == parts.read_bytes()
    if kind == "parquet":
        import pyarrow.parquet as pq

        file = pq.ParquetFile(parts)
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [10, 10, 5]
        assert file.schema_arrow.metadata[b"danq.run"] == b"danq"


@pytest.mark.parametrize("kind", READERS)
def test_no_rows_are_refused(tmp_path, kind):
    with pytest.raises(DanqError, match="at least one row"):
        write(tmp_path / f"p.{kind}", [])
    assert list(tmp_path.iterdir()) == []


ROWS = Predictions(
    ids=np.array(["a", "b", "c"]),
    probabilities=np.array([[0.25], [0.5], [0.75]], np.float32),
    logits=np.zeros((3, 1), np.float32),
    targets=np.array(["CTCF"]),
    contig=np.array(["chrII", "chrI", "chrI"]),
    start=np.array([0, 0, 200]),
    end=np.array([200, 200, 400]),
)


def test_each_target_has_a_track_of_its_probabilities(tmp_path: Path) -> None:
    with writing_probabilities(tmp_path, {"chrI": 400, "chrII": 400}, "bedgraph") as append:
        append(ROWS.rows(slice(0, 2)))
        append(ROWS.rows(slice(2, 3)))
    lines = ["chrI\t0\t200\t0.5", "chrI\t200\t400\t0.75", "chrII\t0\t200\t0.25"]
    assert (tmp_path / "CTCF.bedgraph").read_text().splitlines() == lines


def test_rows_without_positions_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(DanqError, match="positions on a genome"),
        writing_probabilities(tmp_path, {"chrI": 400}) as append,
    ):
        append(replace(ROWS, start=None))
