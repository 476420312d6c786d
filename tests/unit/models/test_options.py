"""Positions of a network shared out among sub-bins: an oracle over positions, and sizes that cannot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.errors import DanqError
from danq.models.options import Positions, SubBinOptions, SubBins, share_out


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(0, 5), st.integers(1, 12))
def test_a_sub_bin_gets_the_positions_whose_centres_lie_in_it(stride, each, number, flank, width):
    size = stride * each
    bin, window = size * number, size * (number + 2 * flank)
    positions = (window - width) // stride + 1 if window >= width else 0
    options = SubBinOptions(bin=bin, steps=size)
    wanted = [
        [i for i in range(-99, 199) if begin * 2 <= 2 * i * stride + width < (begin + size) * 2]
        for begin in range(flank * size, flank * size + bin, size)
    ]
    assert {len(own) for own in wanted} == {each}
    flat = [i for own in wanted for i in own]
    if min(flat) < 0 or max(flat) >= positions:
        with pytest.raises(DanqError, match=rf"window: expected at least .* received {window}"):
            share_out(options, window, Positions(positions, stride, width, "stride"))
    else:
        assert share_out(options, window, Positions(positions, stride, width, "stride")) == (
            min(flat),
            each,
            number,
        )


def test_the_window_that_is_asked_for_is_long_enough():
    options = SubBinOptions(bin=60, steps=20)
    with pytest.raises(DanqError, match="window: expected at least 72 bp for the 60 labelled bp"):
        share_out(options, 60, Positions(49, 1, 12, "stride"))
    assert share_out(options, 72, Positions(61, 1, 12, "stride")) == SubBins(0, 20, 3)


def test_without_a_size_every_position_is_a_sub_bin():
    assert share_out(SubBinOptions(), 7, Positions(5, 3, 1, "pool")) == SubBins(0, 1, 5)


@pytest.mark.parametrize(
    ("bin", "steps", "stride", "message"),
    [
        (60, 20, 3, "pool: .* divides the labelled steps of 20 bp, 1, 2, 4, 5, 10, 20; received 3"),
        (60, 25, 5, "steps: expected a size that divides the bin of 60 bp, 1, 2, .*; received 25"),
        (61, 61, 1, "bin: expected at most the window's 60 bp, received 61"),
    ],
)
def test_sizes_that_cannot_align_name_those_that_can(bin, steps, stride, message):
    with pytest.raises(DanqError, match=message):
        share_out(SubBinOptions(bin=bin, steps=steps), 60, Positions(60 // stride, stride, stride, "pool"))
