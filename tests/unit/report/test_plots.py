"""Dots with intervals as SVG, names that are shortened, and how names of runs are sorted."""

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.drawing import shortened
from danq.report.forest import Mark, Panel, forest
from danq.report.plots import PALETTE, Line, Plot, bar_view, line_view, point_view

PANELS = [
    Panel("Mean AUROC", [Mark(0.9, 0.88, 0.92, [0.89, 0.91]), Mark(0.8)]),
    Panel("Difference from b", [Mark(0.1, 0.08, 0.12), None], zero=True),
]


def drawn(labels, panels):
    return parsed(forest(labels, panels))


def parsed(drawing):
    return ElementTree.fromstring(f'<div xmlns:xlink="x">{drawing}</div>')


def texts(root):
    return [part.text for part in root.iter("text")]


def titles(root):
    return [part.text for part in root.iter("title")]


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
    for group in root.iter("g"):
        title = group.find("title")
        if title is not None and ":" in title.text:
            marks.setdefault(title.text, []).extend(use.get("fill") for use in group.iter("use"))
    assert all(PALETTE[name[0] == "b"] in colours for name, colours in marks.items())
    dots = {name: len(colours) for name, colours in marks.items()}
    assert dots == {"a: 0.9000 (0.8800 to 0.9200)": 3, "b: 0.8000": 1, "a: 0.1000 (0.0800 to 0.1200)": 1}


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
        "from danq.report.forest import *; import sys;"
        "sys.stdout.buffer.write(forest(['a', 'b'], [Panel('x', [Mark(0.5, 0.4, 0.6), Mark(0.7)])]).encode())"
    )
    text = forest(["a", "b"], [Panel("x", [Mark(0.5, 0.4, 0.6), Mark(0.7)])])
    assert text == forest(["a", "b"], [Panel("x", [Mark(0.5, 0.4, 0.6), Mark(0.7)])])
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert other.stdout.decode() == text


def test_nothing_is_said_of_a_home_that_cannot_be_written(tmp_path):
    program = (
        "import logging; logging.basicConfig(level='INFO');"
        "from danq.report.forest import *; forest(['a'], [Panel('x', [Mark(0.5)])])"
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


def test_lines_of_all_plots_share_a_legend_and_tell_their_points():
    lines = [
        Line("a<", [(1, 0.5), (2, 0.25)], 0),
        Line("a<", [(1, 2.0)], 0, dashed=True),
        Line("b", [(1, 3)], 1),
    ]
    plots = [Plot("Loss", ("Epoch", ""), lines), Plot("AUROC", ("Epoch", ""), lines[:1])]
    view = line_view("all", plots)
    keys = [(key.name, key.colour, key.dashed) for key in view.legend]
    assert keys == [("a<", PALETTE[0], False), ("a<", PALETTE[0], True), ("b", PALETTE[1], False)]
    shown = titles(parsed(view.drawing))
    assert shown.count("a<, epoch 1: 0.5") == 2
    assert {"a<, epoch 2: 0.25", "a<, epoch 1: 2", "b, epoch 1: 3", "all: Loss, AUROC"} <= set(shown)


def test_epochs_are_whole_numbers_on_the_axis():
    points = [(epoch, 1 / epoch) for epoch in range(1, 41)]
    view = line_view("x", [Plot("Loss", ("Epoch", ""), [Line("run", points)], whole_steps=True)])
    ticks = texts(parsed(view.drawing))
    assert {"10", "20", "30", "40"} <= set(ticks)
    assert "2.5" not in ticks


def test_counts_on_a_logarithmic_axis_are_written_out():
    plot = Plot("x", ("x", "n"), [Line("run", [(0, 1), (1, 10_000)])], logarithmic=True)
    assert {"100", "10,000"} <= set(texts(parsed(line_view("x", [plot]).drawing)))


def test_many_lines_go_from_dark_to_light_and_few_keep_their_colours():
    lines = [Line(str(number), [(0, 0), (1, 1)], number) for number in range(12)]
    colours = [key.colour for key in line_view("x", [Plot("x", ("x", "y"), lines)]).legend]
    assert len(set(colours)) == 12


def test_every_bar_and_point_is_told_by_name():
    bars = bar_view("share", "%", {"a&b": {"training": 12.5, "test": 0}, "c": {"training": 1, "test": 2}})
    assert {"a&b, training: 12.5", "a&b, test: 0", "c, test: 2"} <= set(titles(parsed(bars.drawing)))
    points = point_view(
        "x", ("a", "b"), [(0.5, 0.75, "first"), (1.0, 1.0, "second"), (0.5, 0.75, "third")], True
    )
    assert titles(parsed(points.drawing))[1:] == ["first", "second", "third"]


def test_a_drawing_needs_no_style_and_has_ids_of_its_own():
    one, other = (
        line_view("x", [Plot("x", ("x", "y"), [Line("l", [(0, 0), (1, y)])])]).drawing for y in (1, 2)
    )
    ids = [{part.get("id") for part in parsed(each).iter() if part.get("id")} for each in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert "style" not in one
    assert "http" not in one
