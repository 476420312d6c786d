"""Dots with intervals as SVG, names that are shortened, and how names of runs are sorted."""

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.drawing import shortened
from danq.report.plots import PALETTE, Mark, Panel, Tab, forest, line_plot

SVG = "{http://www.w3.org/2000/svg}"
PANELS = [
    Panel("Mean AUROC", [Mark(0.9, 0.88, 0.92, [0.89, 0.91]), Mark(0.8)]),
    Panel("Difference from b", [Mark(0.1, 0.08, 0.12), None], zero=True),
]


def drawn(labels, panels):
    return ElementTree.fromstring(forest(labels, panels))


def texts(root):
    return [part.text for part in root.iter(f"{SVG}text")]


def titles(root):
    return [part.text for part in root.iter(f"{SVG}title")]


def test_nothing_to_draw_is_nothing():
    assert forest(["a"], [Panel("x", [None])]) == ""


def test_panels_without_marks_are_left_out():
    assert titles(drawn(["a"], [Panel("x", [Mark(1.0)]), Panel("y", [None], zero=True)]))[0] == "x"


def test_every_number_is_told_under_the_pointer():
    root = drawn(["<a>", "b"], PANELS)
    remarks = {"<a>: 0.9000 (0.8800 to 0.9200)", "b: 0.8000", "<a>: 0.1000 (0.0800 to 0.1200)"}
    assert set(titles(root)) == {"Mean AUROC and Difference from b", "<a>", "b"} | remarks
    assert {"<a>", "b", "Mean AUROC", "Difference from b", "0.00"} <= set(texts(root))


def test_every_mark_is_drawn_in_the_colour_of_its_line():
    root = drawn(["a", "b"], PANELS)
    marks = {}
    for group in root.iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None and ":" in title.text:
            styles = [part.get("style") for part in group.iter() if "style" in part.attrib]
            marks.setdefault(title.text, []).extend(
                style for style in styles if "stroke-width: 0" not in style
            )
            uses = len(list(group.iter(f"{SVG}use")))
            marks[title.text] += [f"dot {PALETTE[title.text[0] == 'b']}"] * uses
    assert all(PALETTE[name[0] == "b"] in style for name, styles in marks.items() for style in styles)
    dots = {name: sum(style.startswith("dot") for style in styles) for name, styles in marks.items()}
    assert dots == {"a: 0.9000 (0.8800 to 0.9200)": 3, "b: 0.8000": 1, "a: 0.1000 (0.0800 to 0.1200)": 1}


def test_the_letters_follow_the_page_from_light_to_dark():
    text = forest(["a"], [Panel("x", [Mark(0.5)])])
    assert "fill: currentColor" in text
    assert "fill: #ffffff" not in text


def test_long_names_are_cut_in_the_middle_and_told_whole():
    names = [f"danq_filters320_kernel26_pool13_lstm320_try{number}" for number in (1, 2)]
    root = drawn(names, [Panel(f"Difference from {names[0]}", [Mark(0.5), Mark(0.6)])])
    labels = [text for text in texts(root) if text.startswith("danq")]
    assert [label[:9] + label[-4:] for label in labels] == ["danq_filttry1", "danq_filttry2"]
    assert set(names) <= set(titles(root))
    assert any(text.startswith("Difference from d") and text.endswith("_try1") for text in texts(root))


@pytest.mark.parametrize("name", ["W" * 12, "m" * 40, "字" * 40, "$x$_{2}"])
def test_names_of_any_letters_are_drawn(name):
    assert shortened(name, 36) in texts(drawn([name], [Panel("x", [Mark(0.5)])]))


def test_equal_bytes_twice_and_in_another_process():
    program = (
        "from danq.report.plots import *; import sys;"
        "sys.stdout.buffer.write(forest(['a', 'b'], [Panel('x', [Mark(0.5, 0.4, 0.6), Mark(0.7)])]).encode())"
    )
    text = forest(["a", "b"], [Panel("x", [Mark(0.5, 0.4, 0.6), Mark(0.7)])])
    assert text == forest(["a", "b"], [Panel("x", [Mark(0.5, 0.4, 0.6), Mark(0.7)])])
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert other.stdout.decode() == text


def test_nothing_is_said_of_a_home_that_cannot_be_written(tmp_path):
    program = (
        "import logging; logging.basicConfig(level='INFO');"
        "from danq.report.plots import *; forest(['a'], [Panel('x', [Mark(0.5)])])"
    )
    (tmp_path / "file").touch()
    home = {"HOME": str(tmp_path / "file"), "MPLCONFIGDIR": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    drawing = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, env=os.environ | home
    )
    assert drawing.stderr == b""


@given(st.text(min_size=1, max_size=90), st.integers(3, 60))
def test_names_are_shortened_to_their_ends(name, most):
    short = shortened(name, most)
    assert len(short) == min(len(name), most)
    if len(name) > most:
        first, _, last = short.partition("…") if "…" not in name else (name[: most // 2], "", "")
        assert name.startswith(first)
        assert name.endswith(last)


def test_steps_of_a_curve_are_kept_apart_within_the_axes():
    points = [(0, 0), (0, 0.5), (1, 0.5), (1, 1)]
    plot = line_plot("x", "X", "", ("x", "y"), [Tab("t", {"l": points})], "", True)
    xs = [x for x, _ in plot.data[0]["l"]]
    assert xs == sorted(set(xs))
    assert xs[0] >= 0
    assert xs[-1] <= 1


def test_long_names_of_lines_leave_room_for_the_plot():
    names = ["a" * 90 + "1", "a" * 90 + "2"]
    short = line_plot("x", "X", "", ("x", "y"), [Tab("t", {key: [(0, 0)] for key in names}, (names[0],))])
    assert [len(name) < 50 and name[-1] for name in short.data[0]] == ["1", "2"]
    assert list(short.config["pconfig"]["dash_styles"]) == [next(iter(short.data[0]))]
    names = [f"{'a' * 60}{middle}{'a' * 60}" for middle in "12"]
    whole = line_plot("x", "X", "", ("x", "y"), [Tab("t", {key: [(0, 0)] for key in names})])
    assert list(whole.data[0]) == names
