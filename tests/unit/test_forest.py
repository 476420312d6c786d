import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.report.forest import Mark, Panel, forest, tick_values
from danq.report.lettering import cut, natural, width


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


def test_long_names_are_cut_in_the_middle_and_told_whole():
    names = [f"danq_filters320_kernel26_pool13_lstm320_try{number}" for number in (1, 2)]
    drawn = ET.fromstring(forest(names, [Panel(f"Difference from {names[0]}", [Mark(0.5), Mark(0.6)])]))
    shown = [each for each in drawn.findall("text") if each.get("text-anchor") == "end"]
    assert [label.find("title").text for label in shown] == names
    assert [label.text[:9] for label in shown] == ["danq_filt"] * 2
    assert [label.text[-4:] for label in shown] == ["try1", "try2"]
    title = next(each for each in drawn.findall("text") if each.get("font-weight"))
    assert title.text.startswith("Difference from d")
    assert title.text.endswith("_try1")
    assert title.find("title").text == f"Difference from {names[0]}"


@given(st.text(st.sampled_from("iWm@w Ж字aT_9"), min_size=1, max_size=90), st.integers(60, 300))
def test_nothing_is_wider_than_its_place(name: str, widest: int):
    short = cut(name, widest)
    assert width(short) <= widest
    assert (short == name) == (width(name) <= widest)


@pytest.mark.parametrize("name", ["W" * 12, "m" * 20, "字" * 40, "i" * 90])
def test_wide_letters_stay_within_the_drawing(name: str):
    drawn = ET.fromstring(forest([name], [Panel("x", [Mark(0.5)])]))
    label = next(each for each in drawn.findall("text") if each.get("text-anchor") == "end")
    # W, the widest letter of the common fonts, takes 0.99 of the size of 13 px
    pixels = {"W": 12.9, "m": 12.7, "字": 13, "i": 3.7, "…": 13}
    assert float(label.get("x")) >= sum(pixels[letter] for letter in label.text)


def test_numbers_in_names_sort_by_their_value():
    names = ["try10", "try2", "try", "Try3", "a9b10", "a9b9"]
    assert sorted(names, key=natural) == ["Try3", "a9b9", "a9b10", "try", "try2", "try10"]
