"""Alleles as rows."""

import numpy as np
from toy_models import WINDOW

from danq.score.effects import Effects
from danq.score.measures import Columns
from danq.score.tables import matrix, rows, wide_table
from danq.variants.alleles import Allele
from danq.variants.haplotypes import Windows

COLUMNS = Columns(targets=("a", "b", "c"), chosen=(2, 0), annotated=(1,), ensemble=True)


def test_rows_hold_every_allele_and_the_numbers_of_those_scored():
    alleles = [Allele(1, 1, "chrI", 5, "rs\ufffd", "A", "C"), Allele(1, 2, "chrI", 5, ".", "A", "*", "star")]
    alleles.append(Allele(2, 1, "chrI", 7, ".", "A", "T", flags=("padded", "swapped")))
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    none = np.zeros((3, WINDOW), np.uint8)
    windows = Windows(none[:2], none[:2], np.array([0, 1]), tuple(alleles), np.array([0, 2]))
    effects = Effects(values, values + 10, values + 20, values - 3, values / 2)
    batch = rows(windows, effects, COLUMNS)
    assert batch.column("reason").to_pylist() == ["", "star", ""]
    assert batch.column("flags").to_pylist() == ["", "", "padded,swapped"]
    assert batch.column("id").to_pylist() == ["rs\ufffd", ".", "."]
    assert batch.column("l2_logit_diff").null_count == 1
    assert batch.column("max_target").to_pylist() == [0, None, 2]
    np.testing.assert_array_equal(matrix(batch, "p_alt", 2), [[12, 10], [15, 13]])
    np.testing.assert_array_equal(matrix(batch, "annotated logit_diff", 1), [[-2], [1]])
    table = wide_table(batch, COLUMNS)
    assert table.column("2_c__logit_diff_sd").to_pylist() == [1.0, 2.5]
    assert table.column("max_target").to_pylist() == ["a", "c"]
    assert table.column("row").to_pylist() == [1, 2]
