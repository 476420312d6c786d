"""The section of the report about agreement with what is known of variants."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from page_reader import by_title as made
from page_reader import remarks, tables, views
from results_tree import just_trained, write_scores

from danq.errors import DanqError
from danq.evaluate.truth import COLUMNS

TARGETS = ("CDS", "NFKB/p65", "ARS")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results directory with one run that has just been trained."""
    return just_trained(tmp_path / "results", TARGETS)


def alleles(n: int) -> list[dict[str, object]]:
    names = {"contig": "chrI", "id": ".", "ref": "A", "alt": "G", "allele": 1}
    return [{"row": i + 1, "pos": 101 + i, **names} for i in range(n)]


def drawn(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.5, (n, len(TARGETS)))


def truth_table(*rows: dict[str, object]) -> str:
    lines = [[str(row.get(column, "")) for column in COLUMNS] for row in rows]
    return "".join("\t".join(line) + "\n" for line in [COLUMNS, *lines])


def agreement(score: str, target: str = "", **more: object) -> dict[str, object]:
    return {
        "score": score,
        "target": target,
        "truth": "label",
        "n": 10,
        "positives": 4,
        "status": "scored",
    } | more


TRUTH = truth_table(
    agreement("max_abs_logit_diff", auroc=0.75, auprc=0.5, auroc_low=0.6, auroc_high=0.8, blocks=12),
    agreement("max_abs_logit_diff", group="HBB", auroc=0.7, auprc=0.5, n=5),
    agreement("l2_logit_diff", auroc=0.7, auprc=0.45),
    agreement("abs_logit_diff", "CDS", auroc=0.6, auprc=0.4),
    agreement("abs_logit_diff", "ARS", auroc=0.9, auprc=0.8),
    agreement("abs_logit_diff", "none", n=0, positives=0, status="no_positives"),
)


def test_agreement_with_the_truth_puts_the_best_target_first(results: Path):
    known = {"kind": "labels", "n": 10, "without_value": 3, "groups": 1, "without_group": 2}
    place = write_scores(results, "demo", TARGETS, alleles(3), drawn(3), truth=known)
    (place / "truth.tsv").write_text(TRUTH)
    found = made(results)["Agreement with known effects"]
    shown, by_group = tables(found)
    assert list(shown) == [
        "max_abs_logit_diff",
        "l2_logit_diff",
        "ARS: abs_logit_diff",
        "CDS: abs_logit_diff",
        "none: abs_logit_diff",
    ]
    row = {"With": "the label", "Alleles": "10", "Positives": "4", "AUROC": "0.9000", "AUPRC": "0.8000"}
    assert shown["ARS: abs_logit_diff"] == row
    assert shown["max_abs_logit_diff"]["AUROC 95%"] == "0.600–0.800"
    assert shown["none: abs_logit_diff"]["Status"] == "not compared: no positives"
    assert by_group["HBB"]["AUROC"] == "0.7000"
    assert "10 scored alleles have one, 3 have none; 2 are of no group" in str(found.html)


def test_effects_are_drawn_against_the_scores(results: Path):
    differences = drawn(30)
    place = write_scores(
        results, "demo", TARGETS, alleles(30), differences, truth={"kind": "signed", "n": 30}
    )
    effects = differences[:, 0] * 2 + 0.1
    first = TARGETS[0]
    (place / "truth.tsv").write_text(
        truth_table(
            agreement("max_abs_logit_diff", truth="absolute", pearson=0.4, spearman=0.3),
            agreement("logit_diff", first, truth="effect", pearson=0.9, spearman=0.8),
        )
    )
    kept = pl.DataFrame({"row": range(1, 31), "allele": [1] * 30, "truth": effects})
    kept.cast({"row": pl.Int64, "allele": pl.Int32}).write_parquet(place / "truth.parquet")
    found = views(made(results)["Agreement with known effects"])
    assert list(found) == ["max_abs_logit_diff", f"{first}: logit_diff"]
    shown = remarks(found[f"{first}: logit_diff"])
    assert len(shown) == 30
    assert shown[0] == f"chrI:101 A>G, known {effects[0]:.4g}: {np.float32(differences[0, 0]):+.4f}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truth": ["high"] * 3}, "expected a Parquet table"),
        ({"row": None}, "it lacks the column row"),
        ({"sample": ["a"] * 3}, "expected a table of what is known of the scores beside it"),
        ({"truth": [None] * 3}, ""),
    ],
)
def test_what_is_known_is_of_its_types_or_refused(results: Path, changes: dict[str, Any], message: str):
    place = write_scores(results, "demo", TARGETS, alleles(3), drawn(3), truth={"kind": "signed", "n": 3})
    (place / "truth.tsv").write_text(truth_table(agreement("max_abs_logit_diff", truth="absolute")))
    known = {"row": range(1, 4), "allele": [1] * 3, "truth": [0.5] * 3} | changes
    table = pl.DataFrame({name: column for name, column in known.items() if column is not None})
    table.write_parquet(place / "truth.parquet")
    if message:
        with pytest.raises(DanqError, match=message):
            made(results)["Agreement with known effects"]
    else:
        assert "Agreement with known effects" in made(results)


def test_a_truth_left_by_an_earlier_scoring_is_not_shown(results: Path):
    place = write_scores(results, "demo", TARGETS, alleles(3), drawn(3))
    (place / "truth.tsv").write_text(TRUTH)
    assert "Agreement with known effects" not in made(results)
