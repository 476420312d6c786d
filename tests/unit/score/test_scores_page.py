"""docs/scores.md says what the code does: reasons, and the numbers of its examples."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from danq.evaluate.truth import COLUMNS
from danq.score.effects import effects
from danq.score.measures import key_reference
from danq.score.runner import Logits
from danq.variants.alleles import REASONS

PAGE = (Path(__file__).parents[3] / "docs" / "scores.md").read_text()


def table(heading: str) -> dict[str, str]:
    """First two cells of each row of the table under a line of column titles."""
    rows = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {row.split("|")[1].strip(" `"): row.split("|")[2].strip() for row in rows}


def test_the_reasons_are_those_of_the_ledger() -> None:
    written = {reason: text.replace("`", "") for reason, text in table("reason").items()}
    assert written == {reason: text.replace("`", "") for reason, text in REASONS.items()}


@pytest.mark.parametrize("of", ["target", "allele"])
def test_the_key_reference_is_that_of_the_table_of_measures(of: Literal["target", "allele"]) -> None:
    assert key_reference(of) in PAGE


def test_the_columns_of_the_comparison_are_those_of_its_table() -> None:
    line = re.search(r"`truth.tsv` has the columns (.*):", PAGE)
    assert line is not None
    assert tuple(re.findall(r"`(\w+)`", line[1])) == COLUMNS


@pytest.mark.parametrize(("rule", "shown"), [("scores", 1.0), ("predictions", 0.80), ("forward", 2.0)])
def test_the_example_of_two_strands_is_right(rule: str, shown: float) -> None:
    logits = Logits(np.zeros((2, 1, 1), np.float32), np.array([[[2.0]], [[0.0]]], np.float32))
    changes = effects(logits, np.array([0]), "multilabel", rule)  # type: ignore[arg-type]  # one of the rules
    assert changes.logit_diff[0, 0] == pytest.approx(shown, abs=0.005)
