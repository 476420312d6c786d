"""docs/scores.md says what the code does: reasons, and the numbers of its examples."""

import re
from pathlib import Path

import numpy as np
import pytest

from danq.score.effects import effects
from danq.score.info import score_fields
from danq.score.runner import Logits
from danq.score.truth import COLUMNS
from danq.variants.alleles import REASONS

PAGE = (Path(__file__).parents[2] / "docs" / "scores.md").read_text()


def table(heading: str) -> dict[str, str]:
    """First two cells of each row of the table under a line of column titles."""
    rows = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {row.split("|")[1].strip(" `"): row.split("|")[2].strip() for row in rows}


def test_the_reasons_are_those_of_the_ledger() -> None:
    written = {reason: text.replace("`", "") for reason, text in table("reason").items()}
    assert written == {reason: text.replace("`", "") for reason, text in REASONS.items()}


def test_the_info_keys_are_those_of_the_annotated_vcf() -> None:
    keys = [field.id for field in score_fields({7: "tRNA gene"}, functional_significance=True)]
    assert list(table("INFO key (`Number=A`)")) == [*keys[:-1], "danq_logit_diff_<index>_<target>"]
    assert keys[-1] == "danq_logit_diff_7_tRNA_gene"


def test_the_columns_of_the_comparison_are_those_of_its_table() -> None:
    line = re.search(r"`truth.tsv` has the columns (.*):", PAGE)
    assert line is not None
    assert tuple(re.findall(r"`(\w+)`", line[1])) == COLUMNS


@pytest.mark.parametrize(("rule", "shown"), [("scores", 1.0), ("predictions", 0.80), ("forward", 2.0)])
def test_the_example_of_two_strands_is_right(rule: str, shown: float) -> None:
    logits = Logits(np.zeros((2, 1, 1), np.float32), np.array([[[2.0]], [[0.0]]], np.float32))
    found = effects(logits, np.array([0]), "multilabel", rule)  # type: ignore[arg-type]  # one of the rules
    assert found.logit_diff[0, 0] == pytest.approx(shown, abs=0.005)
