from pathlib import Path

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.regions import admission as composition
from danq.data.regions.admission import window_composition
from danq.data.regions.bins import bins_of
from danq.genome.alphabet import encode
from danq.genome.fasta import Genome


def genome(sequences: list[str]) -> Genome:
    lengths = np.array([len(text) for text in sequences], np.int64)
    names = tuple(f"s{i}" for i in range(len(sequences)))
    return Genome(Path("g"), names, np.cumsum(lengths) - lengths, lengths, encode("".join(sequences)), "")


@given(
    st.lists(st.text("ACGTN", min_size=1, max_size=90), min_size=1, max_size=3),
    st.integers(1, 20),
    st.integers(0, 60),
    st.sampled_from([1, 16, 40, 1 << 20]),
)
def test_composition_equals_a_naive_loop_in_whatever_stretches(
    sequences: list[str], width: int, margin: int, stretch: int
) -> None:
    made, window = genome(sequences), width + margin
    bins = bins_of(made.lengths, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composition, "_BASES_AT_ONCE", stretch)
        found = window_composition(made, bins, window)
    expected = [
        oracles.composition(sequences[each[0]], each, window)
        for each in oracles.bins_of([len(text) for text in sequences], width)
    ]
    assert found.unknown.tolist() == [unknown for unknown, _ in expected]
    assert np.allclose(found.gc, [gc for _, gc in expected])
