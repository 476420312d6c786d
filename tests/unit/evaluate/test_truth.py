from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats
from sklearn import metrics as sk

from danq.errors import DanqError
from danq.evaluate.truth import COLUMNS, Truth, truth_key
from danq.score.measures import Columns
from danq.variants.text import VariantText

COLUMN_LINE = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def variants(kind="vcf", header=(COLUMN_LINE,)):
    return VariantText(Path("in.vcf"), kind, header, (), len(header), False)


def vcf(number, kind="Float"):
    text = f'##INFO=<ID=EFF,Number={number},Type={kind},Description="in, Number=7, <ID=NO>">'
    return variants(header=("##fileformat=VCFv4.3", text, COLUMN_LINE))


def line(info):
    return f"1\t5\t.\tA\tC,G\t.\t.\t{info}\tGT\t0/1"


@pytest.mark.parametrize(
    ("number", "info", "expected"),
    [
        ("A", "AC=3;EFF=1,-2.5e-1", [1.0, -0.25]),
        ("A", "EFF=1,.", [1.0, None]),
        ("A", "EFF=1", [None, None]),
        ("A", "EFF=1,2,3", [None, None]),
        ("R", "EFF=0,1,2", [1.0, 2.0]),
        ("R", "EFF=1,2", [None, None]),
        ("1", "EFF=1", [1.0, 1.0]),
        ("1", "EFF=1,2", [None, None]),
        (".", "EFF=1", [1.0, 1.0]),
        (".", "EFF=1,2", [1.0, 2.0]),
        (".", "EFF=1,2,3", [2.0, 3.0]),
        (".", "EFF=1,2,3,4", [None, None]),
        ("A", "EFF=high,nan", [None, None]),
        ("A", "EFF=inf,1_0", [None, None]),
        ("A", "EFF;X=1", [None, None]),
        ("A", "EFFECT=1,2;XEFF=1,2", [None, None]),
        ("A", ".", [None, None]),
        ("A", "EFF=,1", [None, 1.0]),
    ],
)
def test_values_of_info_keys(number, info, expected):
    assert truth_key(vcf(number), "EFF").values(line(info), 2) == expected


def test_a_header_without_info_keys_leaves_their_number_open():
    assert truth_key(variants(), "EFF").values(line("EFF=1,2"), 2) == [1.0, 2.0]
    assert truth_key(variants(), "EFF").values("1\t5\t.\tA\tC", 1) == [None]


def test_values_of_columns():
    key = truth_key(variants("tsv", ("variant", "gene", "label")), "label")
    assert key.values("1:5:A:C\tHO\t1", 1) == [1.0]
    assert key.values("1:5:A:C\tHO\tyes", 1) == [None]
    assert key.values("1:5:A:C\tHO", 1) == [None]


@pytest.mark.parametrize(
    ("given", "key", "message"),
    [
        (vcf("A"), "AC", "in.vcf: --truth AC: no such INFO key; the header has EFF"),
        (vcf("0", "Flag"), "EFF", "expected an INFO key with Number A, R or 1, received Number=0, Type=Flag"),
        (vcf("G"), "EFF", "received Number=G, Type=Float"),
        (variants("tsv", ("variant", "a")), "b", "--truth b: no such column; the file has a"),
        (variants("tsv"), "b", "no such column; the file has none"),
    ],
)
def test_a_key_that_is_not_there_is_refused(given, key, message):
    with pytest.raises(DanqError, match=message):
        truth_key(given, key)


def compared(folder, values, max_abs, l2, diffs, blocks=3):
    truth = Truth(truth_key(vcf("A"), "EFF"), Columns(("a", "b"), (0, 1)), folder / "rows")
    for part in np.array_split(np.arange(len(values)), blocks):
        rows = {
            "allele": np.ones(len(part), int),
            "reason": pa.array([""] * len(part), pa.string()),
            "max_abs_logit_diff": max_abs[part],
            "l2_logit_diff": l2[part],
            "logit_diff": pa.array(list(diffs[part]), pa.list_(pa.float32())),
        }
        texts = ["." if values[n] is None else f"EFF={values[n]!r}" for n in part]
        records = [(line(text), range(n, n + 1)) for n, text in enumerate(texts)]
        truth.add(records, pa.record_batch(rows))
    counts = truth.write(folder / "truth.tsv")
    return counts, pl.read_csv(folder / "truth.tsv", separator="\t")


def scores(n, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in ((n,), (n,), (n, 2))]


def test_labels_equal_scikit_learn(tmp_path):
    max_abs, l2, diffs = scores(200)
    # ties as well
    max_abs = np.round(max_abs, 1)
    labels = np.random.default_rng(1).integers(0, 2, 200)
    values = [float(label) for label in labels]
    values[7] = values[150] = None
    known = np.delete(np.arange(200), [7, 150])
    counts, table = compared(tmp_path, values, max_abs, l2, diffs)
    assert counts == {"kind": "labels", "n": 198, "positives": labels[known].sum(), "without_value": 2}
    assert tuple(table.columns) == COLUMNS
    expected = {
        ("max_abs_logit_diff", None): max_abs,
        ("l2_logit_diff", None): l2,
        ("abs_logit_diff", "a"): abs(diffs[:, 0]),
        ("logit_diff", "a"): diffs[:, 0],
        ("abs_logit_diff", "b"): abs(diffs[:, 1]),
        ("logit_diff", "b"): diffs[:, 1],
    }
    assert [(row["score"], row["target"]) for row in table.iter_rows(named=True)] == list(expected)
    for row, column in zip(table.iter_rows(named=True), expected.values(), strict=True):
        assert (row["n"], row["positives"], row["status"]) == (198, labels[known].sum(), "scored")
        assert row["auroc"] == pytest.approx(sk.roc_auc_score(labels[known], column[known]), rel=1e-5)
        assert row["auprc"] == pytest.approx(
            sk.average_precision_score(labels[known], column[known]), rel=1e-5
        )
        assert row["pearson"] is row["spearman"] is None


def test_effects_equal_scipy(tmp_path):
    max_abs, l2, diffs = scores(100)
    values = [*np.random.default_rng(2).normal(size=99).tolist(), None]
    counts, table = compared(tmp_path, values, max_abs, l2, diffs)
    assert counts == {"kind": "effects", "n": 99, "without_value": 1}
    assert table["score"].to_list() == ["max_abs_logit_diff", "l2_logit_diff", "logit_diff", "logit_diff"]
    for row, column in zip(table.iter_rows(named=True), (max_abs, l2, *diffs.T), strict=True):
        assert row["pearson"] == pytest.approx(stats.pearsonr(values[:99], column[:99])[0], rel=1e-5)
        assert row["spearman"] == pytest.approx(stats.spearmanr(values[:99], column[:99])[0], rel=1e-5)
        assert (row["positives"], row["auroc"], row["status"]) == (None, None, "scored")


@pytest.mark.parametrize(
    ("values", "positives", "status"),
    [([1.0, 1.0, 1.0], 3, "no_negatives"), ([0.0] * 3, 0, "no_positives"), ([None] * 3, 0, "no_labels")],
)
def test_one_class_is_not_scored(tmp_path, values, positives, status):
    counts, table = compared(tmp_path, values, *scores(3))
    n = sum(value is not None for value in values)
    assert counts == {"kind": "labels", "n": n, "positives": positives, "without_value": 3 - n}
    assert set(zip(table["n"], table["positives"], table["auroc"], table["status"], strict=True)) == {
        (n, positives, None, status)
    }


@pytest.mark.parametrize(
    ("values", "status"),
    [([1.0, 2.0], "too_few"), ([2.0, 2.0, 2.0], "constant"), ([2.0, 3.0, 4.0], "scored")],
)
def test_correlations_that_mean_nothing_are_not_scored(tmp_path, values, status):
    max_abs, l2, diffs = scores(len(values))
    _, table = compared(tmp_path, values, max_abs, l2, diffs)
    assert set(table["status"]) == {status}
    if status == "scored":
        _, table = compared(tmp_path, values, np.full(3, 0.5), l2, diffs)
        assert table["status"].to_list() == ["constant", *["scored"] * 3]


def test_without_alleles_there_is_an_empty_comparison(tmp_path):
    counts, table = compared(tmp_path, [], *scores(0), blocks=1)
    assert counts["n"] == 0
    assert set(table["status"]) == {"no_labels"}
