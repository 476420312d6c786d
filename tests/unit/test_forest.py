import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.evaluate.forest import Mark, Panel, forest, tick_values


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.61, 0.93, [0.6, 0.7, 0.8, 0.9, 1.0]),
        (0.0, 0.08, [0.0, 0.02, 0.04, 0.06, 0.08]),
        (-0.013, 0.004, [-0.015, -0.01, -0.005, 0.0, 0.005]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]):
    assert tick_values(low, high) == pytest.approx(expected)


@given(st.floats(-1, 1), st.floats(0, 1))
def test_ticks_enclose_what_they_are_for(low: float, span: float):
    ticks = tick_values(low, low + span)
    assert 3 <= len(ticks) <= 8
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= low + span - 1e-9
    assert (np.diff(ticks) > 0).all()


def test_nothing_to_draw_is_nothing():
    assert forest(["a"], [Panel("x", [None])]) == ""


def test_long_names_are_cut_and_told_whole():
    drawn = forest(["r" * 80], [Panel("x", [Mark(0.5)])])
    assert f"<title>{'r' * 80}</title>" in drawn
    assert f">{'r' * 33}…<" in drawn
