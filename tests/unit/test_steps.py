"""Steps of a network shared out among labelled stretches: an oracle over positions, and sizes that cannot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.errors import DanqError
from danq.models.sub_bins import Span, StepOptions, Steps, span


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(0, 5), st.integers(1, 12))
def test_a_stretch_gets_the_steps_whose_centres_lie_in_it(stride, each, stretches, flank, width):
    step = stride * each
    bin, window = step * stretches, step * (stretches + 2 * flank)
    number = (window - width) // stride + 1 if window >= width else 0
    options = StepOptions(bin=bin, steps=step)
    wanted = [
        [i for i in range(-99, 199) if begin * 2 <= 2 * i * stride + width < (begin + step) * 2]
        for begin in range(flank * step, flank * step + bin, step)
    ]
    assert {len(steps) for steps in wanted} == {each}
    flat = [i for steps in wanted for i in steps]
    if min(flat) < 0 or max(flat) >= number:
        with pytest.raises(DanqError, match=rf"window: expected at least .* received {window}"):
            span(options, window, Steps(number, stride, width, "stride"))
    else:
        assert span(options, window, Steps(number, stride, width, "stride")) == (min(flat), each, stretches)


def test_the_window_that_is_asked_for_is_long_enough():
    options = StepOptions(bin=60, steps=20)
    with pytest.raises(DanqError, match="window: expected at least 72 bp for the 60 labelled bp"):
        span(options, 60, Steps(49, 1, 12, "stride"))
    assert span(options, 72, Steps(61, 1, 12, "stride")) == Span(0, 20, 3)


def test_without_stretches_every_step_is_one():
    assert span(StepOptions(), 7, Steps(5, 3, 1, "pool")) == Span(0, 1, 5)


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
        span(StepOptions(bin=bin, steps=steps), 60, Steps(60 // stride, stride, stride, "pool"))
