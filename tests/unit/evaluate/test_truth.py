from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats
from sklearn import metrics as sk

from danq.errors import DanqError
from danq.evaluate.agreement import draw_alleles, resampled_pearson, resampled_spearman
from danq.evaluate.truth import COLUMNS, Truth, kind_of
from danq.evaluate.truth_keys import truth_key
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
        (".", "EFF=1,2,3", [None, None]),
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


def test_words_of_info_keys():
    key = truth_key(vcf("A", "String"), "EFF")
    assert key.words(line("EFF=exon,."), 2) == ["exon", None]
    assert truth_key(vcf("1", "String"), "EFF").words(line("EFF=GATA1"), 2) == ["GATA1"] * 2


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


def compared(folder, values, max_abs, l2, diffs, blocks=3, groups=None, apart=1_000_000):
    keys = [truth_key(vcf("A"), "EFF"), None if groups is None else truth_key(variants(), "GENE")]
    truth = Truth(keys[0], Columns(("a", "b"), (0, 1)), folder / "rows", group=keys[1])
    for part in np.array_split(np.arange(len(values)), blocks):
        rows = {
            "row": pa.array(part + 1, pa.int64()),
            "allele": pa.array([1] * len(part), pa.int32()),
            "sample": pa.array([""] * len(part), pa.string()),
            "haplotype": pa.array([0] * len(part), pa.int32()),
            "contig": pa.array(["c"] * len(part), pa.string()),
            "pos": pa.array(1 + part * apart, pa.int64()),
            "reason": pa.array([""] * len(part), pa.string()),
            "max_abs_logit_diff": max_abs[part],
            "l2_logit_diff": l2[part],
            "logit_diff": pa.array(list(diffs[part]), pa.list_(pa.float32())),
        }
        texts = ["X" if values[n] is None else f"EFF={values[n]!r}" for n in part]
        if groups is not None:
            texts = [f"{text};GENE={groups[n]}" for text, n in zip(texts, part, strict=True)]
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
        assert (row["truth"], row["group"], row["blocks"]) == ("label", None, 198)
        assert row["auroc"] == pytest.approx(sk.roc_auc_score(labels[known], column[known]), rel=1e-5)
        assert row["auprc"] == pytest.approx(
            sk.average_precision_score(labels[known], column[known]), rel=1e-5
        )
        assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
        assert row["pearson"] is row["spearman"] is None


def test_signed_effects_equal_scipy_and_unsigned_scores_meet_absolute_effects(tmp_path):
    max_abs, l2, diffs = scores(100)
    values = [*np.random.default_rng(2).normal(size=99).tolist(), None]
    counts, table = compared(tmp_path, values, max_abs, l2, diffs)
    assert counts == {"kind": "signed", "n": 99, "without_value": 1}
    effects = np.array(values[:99])
    expected = [
        ("max_abs_logit_diff", "absolute", max_abs, abs(effects)),
        ("l2_logit_diff", "absolute", l2, abs(effects)),
        ("abs_logit_diff", "absolute", abs(diffs[:, 0]), abs(effects)),
        ("logit_diff", "effect", diffs[:, 0], effects),
        ("abs_logit_diff", "absolute", abs(diffs[:, 1]), abs(effects)),
        ("logit_diff", "effect", diffs[:, 1], effects),
    ]
    assert table.select("score", "truth").rows() == [row[:2] for row in expected]
    for row, (*_, column, truth) in zip(table.iter_rows(named=True), expected, strict=True):
        assert row["pearson"] == pytest.approx(stats.pearsonr(truth, column[:99])[0], rel=1e-4)
        assert row["spearman"] == pytest.approx(stats.spearmanr(truth, column[:99])[0], rel=1e-4)
        assert row["pearson_low"] < row["pearson"] < row["pearson_high"]
        assert row["spearman_low"] < row["spearman"] < row["spearman_high"]
        assert (row["positives"], row["auroc"], row["status"]) == (None, None, "scored")
    kept = pl.read_parquet(tmp_path / "truth.parquet")
    assert kept.rows() == [(n + 1, 1, value) for n, value in enumerate(values[:99])]


def test_effects_without_a_sign_say_nothing_of_a_direction(tmp_path):
    max_abs, l2, diffs = scores(50)
    values = np.abs(max_abs + 0.1 * l2).tolist()
    counts, table = compared(tmp_path, values, np.abs(max_abs), l2, diffs)
    assert counts["kind"] == "unsigned"
    assert set(table["score"]) == {"max_abs_logit_diff", "l2_logit_diff", "abs_logit_diff"}
    assert set(table["truth"]) == {"absolute"}
    assert table["pearson"][0] > 0.9
    found = [kind_of(np.array(values, float)) for values in ([0, 1], [], [0, 2], [-1, 1], [0.5])]
    assert found == ["labels", "labels", "unsigned", "signed", "unsigned"]


def test_groups_are_compared_beside_all_alleles_together(tmp_path, caplog):
    caplog.set_level("INFO")
    max_abs, l2, diffs = scores(60)
    values = np.random.default_rng(3).normal(size=60).tolist()
    values[5] = None
    groups = [("HBB", "MYC", ".")[n % 3] for n in range(60)]
    counts, table = compared(tmp_path, values, max_abs, l2, diffs, groups=groups)
    assert counts == {"kind": "signed", "n": 59, "without_value": 1, "groups": 2, "without_group": 19}
    first = table.filter(pl.col("score") == "max_abs_logit_diff")
    assert first.select("group", "n").rows() == [(None, 59), ("HBB", 20), ("MYC", 20)]
    of_myc = first.row(2, named=True)
    rows = np.arange(1, 60, 3)
    truth = np.abs(np.array(values)[rows].astype(float))
    assert of_myc["pearson"] == pytest.approx(stats.pearsonr(truth, max_abs[rows])[0], rel=1e-4)
    assert of_myc["blocks"] == 20
    (message,) = [record.getMessage() for record in caplog.records if "--truth EFF" in record.getMessage()]
    said = "--truth EFF: signed effects of 59 alleles (1 without a number, 2 groups); max_abs_logit_diff with"
    assert message.startswith(f"{said} the absolute effect: Pearson ")
    assert "logit_diff of " in message
    assert ", best of 2 targets: Pearson " in message


def test_a_key_with_a_name_for_each_allele_makes_no_groups(tmp_path, caplog):
    values = np.random.default_rng(3).normal(size=1_200).tolist()
    counts, table = compared(tmp_path, values, *scores(1_200), groups=[f"rs{n}" for n in range(1_200)])
    assert counts["groups"] == 0
    assert set(table["group"]) == {None}
    assert "1200 groups of alleles, of which at most 1000 are compared: none is" in caplog.text


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
    [([1.0, -2.0], "too_few"), ([-2.0, -2.0, -2.0], "constant"), ([-2.0, 3.0, 4.0], "scored")],
)
def test_correlations_that_mean_nothing_are_not_scored(tmp_path, values, status):
    max_abs, l2, diffs = scores(len(values))
    _, table = compared(tmp_path, values, max_abs, l2, diffs)
    assert set(table["status"]) == {status}
    if status == "scored":
        _, table = compared(tmp_path, values, np.full(3, 0.5), l2, diffs)
        assert table["status"].to_list() == ["constant", *["scored"] * 5]


def test_values_that_are_no_numbers_are_shown(tmp_path, caplog):
    caplog.set_level("INFO")
    compared(tmp_path, [None, *[float("inf"), float("nan")] * 6], *scores(13))
    compared(tmp_path, [None, float("nan"), *[1.5, -2.0] * 6], *scores(14))
    warned, told = caplog.records
    none = "none of 13 scored alleles has a number there, but for example 'inf': nothing is compared"
    assert (warned.levelname, warned.getMessage()) == ("WARNING", f"--truth EFF: {none}")
    assert "signed effects of 12 alleles (2 without a number, such as 'nan')" in told.getMessage()


def test_without_alleles_there_is_an_empty_comparison(tmp_path):
    counts, table = compared(tmp_path, [], *scores(0), blocks=1)
    assert counts["n"] == 0
    assert set(table["status"]) == {"no_labels"}


def test_resampled_correlations_are_those_of_the_rows_drawn():
    rng = np.random.default_rng(4)
    one, other = np.round(rng.normal(size=(2, 80)), 1)
    drawn = draw_alleles(np.array(["c"] * 40 + ["d"] * 40), np.repeat(np.arange(40), 2) * 1_000_000, 0)
    pearson, spearman = (f(one, other, drawn) for f in (resampled_pearson, resampled_spearman))
    for number in range(0, 1000, 97):
        rows = np.repeat(np.arange(80), drawn.counts[drawn.block, number])
        assert pearson[number] == pytest.approx(stats.pearsonr(one[rows], other[rows])[0])
        assert spearman[number] == pytest.approx(stats.spearmanr(one[rows], other[rows])[0])


def test_what_is_resampled():
    contig = np.array(["c"] * 60)
    # in one stretch of the genome positions are drawn, whose three alleles belong together
    drawn = draw_alleles(contig, np.repeat(np.arange(20), 3), 0)
    assert len(drawn.counts) == 20
    assert drawn.block.tolist() == np.repeat(np.arange(20), 3).tolist()
    assert len(draw_alleles(contig, np.arange(60) * 50_000, 0).counts) == 30
    assert draw_alleles(contig[:27], np.repeat(np.arange(9), 3), 0) is None
