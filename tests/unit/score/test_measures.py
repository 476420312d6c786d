"""The table of measures: formulas known by hand, and a new entry that is found in every file."""

import gzip
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pysam
import pytest
from small_genome import genome_of
from toy_models import ToyRunner, gc, motif, toy_models, write_vcf
from toy_scoring import score

from danq.score.effects import Effects
from danq.score.job import open_job
from danq.score.measures import (
    EFFECT,
    LOGIT_DIFF,
    MEASURES,
    TARGET,
    Columns,
    Measure,
    key_reference,
    targets_of,
)
from danq.score.options import ScoreOptions

LOGIT_DIFFS = np.array([[0.5, -2.0, 1.0], [3.0, -3.0, 0.0], [0, 0, 0]], np.float32)
EVALUES = np.array([[0.1, 0.001, 0.01], [1.0, 1.0, 1.0], [1e-6, 1e-6, 1e-6]], np.float32)
EFFECTS = Effects(*[LOGIT_DIFFS / 10] * 3, LOGIT_DIFFS, LOGIT_DIFFS / 5, EVALUES)


def value(name, effects=EFFECTS):
    (measure,) = (measure for measure in MEASURES if measure.name == name)
    return measure.formula(effects)


def test_measures_of_an_allele_are_over_all_targets():
    assert value(EFFECT).tolist() == [2, 3, 0]
    # the first one of equals
    assert value(TARGET).tolist() == [1, 0, 0]
    np.testing.assert_allclose(value("l2_logit_diff"), [math.sqrt(5.25), math.sqrt(18), 0], rtol=1e-7)


def test_functional_significance_is_the_geometric_mean():
    np.testing.assert_allclose(value("functional_significance"), [0.01, 1.0, 1e-6], rtol=1e-5)
    # a product of 919 e-values of 1e-6 would underflow
    many = replace(EFFECTS, evalue=np.full((1, 919), 1e-6, np.float32))
    assert value("functional_significance", many)[0] == pytest.approx(1e-6, rel=1e-5)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_every_measure_has_one_value_an_allele_or_an_allele_and_target(measure):
    shape = (3, 3) if measure.of == "target" else (3,)
    assert measure.formula(EFFECTS).shape == shape
    none = Effects(*[np.empty((0, 3), np.float32)] * 6)
    assert len(measure.formula(none)) == 0


def test_what_exists_depends_on_models_and_background():
    names = lambda columns, of: [measure.name for measure in columns.of(of)]  # noqa: E731
    alone = Columns(("a", "b"), (0,), annotated=(1, 0))
    assert names(alone, "target") == ["p_ref", "p_alt", "diff", "logit_diff"]
    assert names(alone, "allele") == ["max_abs_logit_diff", "max_target", "l2_logit_diff"]
    assert [(m.name, index) for m, index in alone.info[3:]] == [("logit_diff", 1), ("logit_diff", 0)]
    everything = replace(alone, ensemble=True, background=True)
    assert names(everything, "target")[4:] == ["logit_diff_sd", "evalue"]
    assert names(everything, "allele")[3:] == ["functional_significance"]


def test_targets_are_found_by_their_columns():
    assert targets_of(["row", "3_a__b__logit_diff", "3_a__b__diff", "10_c__logit_diff"]) == {
        3: "a__b",
        10: "c",
    }


TOYS = (
    Measure(
        name="mean_abs_logit_diff",
        of="allele",
        formula=lambda effects: np.abs(effects.logit_diff).mean(axis=1),
        notation="mean_i |logit_diff_i|",
        range="≥ 0",
        meaning="mean absolute logit difference of all targets",
        info="Mean absolute logit difference",
        header="mean_abs: mean over targets of |logit_diff|",
        compared=True,
    ),
    Measure(
        name="fold",
        of="target",
        formula=lambda effects: effects.logit_diff / math.log(2),
        notation="logit_diff / ln 2",
        range="finite",
        meaning="log2 fold change of the odds",
        info="Fold change",
    ),
)


def test_a_new_measure_is_one_entry(tmp_path):
    sequence = "ATATATATATGATATATATATATATAT"
    genome = genome_of(chrI=sequence * 3)
    lines = [f"chrI {pos} {(sequence * 3)[pos - 1]} C PASS Y={pos % 2}" for pos in (30, 31, 32, 33)]
    vcf = write_vcf(tmp_path / "v.vcf", lines, genome)
    models = toy_models(ToyRunner({"gc": gc, "GC": motif("GC")}))
    job = open_job(models, genome, vcf, ScoreOptions(annotate=["gc"], truth="Y"))
    columns = replace(job.columns, table=(*MEASURES, *TOYS))
    job = replace(job, columns=columns)
    score(job, tmp_path / "out")

    table = pl.read_parquet(tmp_path / "out" / "scores.parquet")
    diffs = table.select(f"{n}_{target}__{LOGIT_DIFF}" for n, target in enumerate(models.targets)).to_numpy()
    assert table.schema["mean_abs_logit_diff"] == table.schema["1_GC__fold"] == pl.Float32
    mean = np.abs(diffs).mean(axis=1)
    np.testing.assert_allclose(table["mean_abs_logit_diff"], mean)
    np.testing.assert_allclose(table["1_GC__fold"], diffs[:, 1] / math.log(2), rtol=1e-6)

    text = gzip.decompress((tmp_path / "out" / "annotated.vcf.gz").read_bytes()).decode()
    assert '##INFO=<ID=danq_mean_abs_logit_diff,Number=A,Type=Float,Description="Mean absolute' in text
    assert "; mean_abs: mean over targets of |logit_diff|" in text
    with pysam.VariantFile(str(tmp_path / "out" / "annotated.vcf.gz")) as records:
        infos = [dict(record.info) for record in records]
    order = [*("max_abs_logit_diff", "max_target", "l2_logit_diff", "mean_abs_logit_diff")]
    order += ["logit_diff_0_gc", "fold_0_gc"]
    assert [key.removeprefix("danq_") for key in infos[0]][1:] == order
    assert [info["danq_mean_abs_logit_diff"][0] for info in infos] == pytest.approx(mean, rel=1e-5)
    folds = [info["danq_fold_0_gc"][0] for info in infos]
    assert folds == pytest.approx(diffs[:, 0] / math.log(2), rel=1e-5)

    compared = pl.read_csv(tmp_path / "out" / "truth.tsv", separator="\t")["score"].to_list()
    assert compared[:3] == ["max_abs_logit_diff", "l2_logit_diff", "mean_abs_logit_diff"]
    assert "| `mean_abs_logit_diff` | float32 |" in key_reference("allele", columns.table)
    assert "| `danq_fold_<index>_<target>` |" in key_reference("target", columns.table)


def test_long_tables_and_text_have_a_new_measure_too(tmp_path):
    genome = genome_of(chrI="ATATATATATGATATATATATATATAT")
    vcf = write_vcf(tmp_path / "v.vcf", ["chrI 11 G A"], genome)
    job = open_job(toy_models(ToyRunner({"gc": gc})), genome, vcf, ScoreOptions())
    job = replace(job, columns=replace(job.columns, table=(*MEASURES, *TOYS)))
    score(job, tmp_path / "out", long=True, form="tsv")
    row = pl.read_csv(tmp_path / "out" / "scores.tsv", separator="\t").row(0, named=True)
    assert row["fold"] == pytest.approx(-1 / math.log(2))
