"""The picture of a mutagenesis: what is drawn where, read back from the SVG."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.explain.heatmap import HeatMap, svg
from danq.explain.layout import FOOTER, HEADER, LEFT, LOGO, ROW, lay_out
from danq.explain.letters import COLOURS, OUTLINES
from danq.explain.scales import diverging, number, round_up, ticks
from danq.genome.alphabet import N, encode

SVG = "{http://www.w3.org/2000/svg}"


def heat_map(sequence, effects=None, deletions=False, target="CTCF", start=1000):
    """Every mutant of a position has the effect of the position."""
    ref = encode(sequence)
    effects = np.linspace(-1, 1, len(ref)) if effects is None else np.array(effects, float)
    values = np.repeat(effects[:, None], 5 if deletions else 4, axis=1)
    values[np.arange(len(ref)), np.minimum(ref, 3)] = np.nan
    values[ref == N] = np.nan
    return HeatMap(target, "chrI", "run toy", start, ref, values.astype(np.float32))


def drawn(heat):
    return ElementTree.fromstring(svg(heat))


def boxes(root):
    """Colour → (x, y) of its cells, over all lines."""
    found = {}
    for path in root.iter(f"{SVG}path"):
        if "fill" in path.attrib and re.fullmatch(r"(M\d+ \d+h\d+v14h-\d+z)+", path.attrib["d"]):
            places = [tuple(map(int, place)) for place in re.findall(r"M(\d+) (\d+)h", path.attrib["d"])]
            found.setdefault(path.attrib["fill"], []).extend(places)
    return found


def letters(root, css_class):
    """(letter, x, y, width, height) of the letters in groups of a class."""
    found = []
    for group in root.iter(f"{SVG}g"):
        if group.get("class") == css_class:
            for use in group:
                numbers = re.findall(r"-?[\d.]+(?:e-?\d+)?", use.get("transform"))
                assert group.get("fill") == COLOURS[use.get("href")[-1]]
                found.append((use.get("href")[-1], *map(float, numbers)))
    return sorted(found, key=lambda letter: letter[1])


def test_the_height_of_a_letter_is_minus_the_mean_effect():
    heat = heat_map("ACGT", [-3.0, -1.5, 1.0, 0.0])
    assert heat.contribution.tolist() == [3.0, 1.5, -1.0, 0.0]
    found = letters(drawn(heat), "logo")
    unit, zero = LOGO / 4, LOGO * 3 / 4
    assert [letter for letter, *_ in found] == ["A", "C", "G"]
    assert [height for *_, height in found] == pytest.approx([3 * unit, 1.5 * unit, -unit])
    # each letter begins or ends at the zero line; a negative height turns it upside down
    assert [y + height for *_, y, _, height in found] == pytest.approx([zero] * 3)
    assert [x for _, x, *_ in found] == pytest.approx([28 * (n + 0.04) for n in range(3)])


def test_deletions_do_not_count_for_the_logo():
    heat = heat_map("AC", [-1.0, -1.0], deletions=True)
    heat.logit_diff[:, 4] = 50
    assert heat.contribution.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("deletions", [False, True])
def test_a_cell_for_every_mutant_and_the_base_of_the_genome_marked(deletions):
    sequence = "ACGTNTT"
    root = drawn(heat_map(sequence, deletions=deletions))
    cells = boxes(root)
    places = [place for some in cells.values() for place in some]
    assert len(places) == len(set(places)) == len(sequence) * (5 if deletions else 4)
    rows = sorted({y for _, y in places})
    empty = {(x // 28, rows.index(y)) for x, y in cells["#e9ecef"]}
    unknown = {(4, row) for row in range(len(rows))}
    assert empty == unknown | {(n, "ACGT".index(base)) for n, base in enumerate(sequence) if base != "N"}
    marks = next(group for group in root.iter(f"{SVG}g") if group.get("fill") == "#9aa5b1")
    assert [use.get("href") for use in marks] == [f"#danq-{base}" for base in sequence if base != "N"]
    assert ("del" in [text.text for text in root.iter(f"{SVG}text")]) == deletions


def test_losses_are_blue_gains_are_red_and_the_scale_is_even():
    cells = boxes(drawn(heat_map("AAA", [-2.0, 0.0, 2.0])))
    by_column = {x // 28: colour for colour, some in cells.items() for x, _ in some if colour != "#e9ecef"}
    assert by_column == {0: diverging(-1), 1: diverging(0), 2: diverging(1)}
    red, blue = (int(diverging(1)[1:3], 16), int(diverging(1)[5:], 16))
    assert red > blue
    red, blue = (int(diverging(-1)[1:3], 16), int(diverging(-1)[5:], 16))
    assert blue > red


def test_positions_are_1_based_and_at_their_columns():
    root = drawn(heat_map("ACGT" * 10, start=1_234_566))
    axis = next(group for group in root.iter(f"{SVG}g") if group.get("class") == "axis")
    # column 3 holds the 0-based position 1,234,569
    cell = 1080 // 40
    at = {text.text: float(text.get("x")) for text in axis}
    assert at["1,234,570"] == 3.5 * cell - 0.5
    assert list(at) == [f"{position:,}" for position in range(1_234_570, 1_234_607, 5)]
    assert "position on chrI (bp, 1-based)" in [text.text for text in root.iter(f"{SVG}text")]


def test_a_long_stretch_is_drawn_in_lines_of_one_scale():
    sequence = "ACGTA" * 100
    heat = heat_map(sequence, np.sin(np.arange(500)))
    layout = lay_out(heat.contribution, heat.logit_diff)
    assert (layout.columns, layout.cell) == (100, 10)
    root = drawn(heat)
    lines = [g for g in root if g.get("transform", "").startswith(f"translate({LEFT},")]
    assert len(lines) == 5
    assert int(root.get("height")) == HEADER + 5 * layout.line + FOOTER
    hovered = [title.text for title in root.iter(f"{SVG}title")][1:]
    assert len(hovered) == 500
    assert hovered[0].startswith("chrI:1,001 A; contribution 0")
    assert hovered[-1].startswith("chrI:1,500 A; contribution −0.491; A>C 0.491")
    axes = [[text.text for text in line.iter(f"{SVG}text") if text.get("dy")] for line in lines]
    assert axes == [["−0.5", "0", "0.5"]] * 5


@pytest.mark.parametrize("length", [1, 2, 7, 20, 39, 119, 120, 121, 500, 1000])
@pytest.mark.parametrize("deletions", [False, True])
def test_everything_fits_into_the_figure(length, deletions):
    rng = np.random.default_rng(length)
    sequence = "".join(rng.choice(list("ACGTN"), length))
    heat = heat_map(sequence, rng.normal(size=length), deletions, start=248_000_000)
    layout = lay_out(heat.contribution, heat.logit_diff)
    root = drawn(heat)
    width, height = (int(root.get(side)) for side in ("width", "height"))
    assert layout.columns * layout.cell + LEFT < width <= 1200
    assert layout.cell >= 9
    assert layout.row(layout.rows - 1) + ROW < layout.line
    for line in range(-(-length // layout.columns)):
        assert HEADER + (line + 1) * layout.line + FOOTER <= height
    for *_, y, _, tall in letters(root, "logo"):
        assert min(y, y + tall) >= -0.01
        assert max(y, y + tall) <= LOGO + 0.01


def test_names_are_escaped_and_cut_to_the_room():
    root = drawn(heat_map("ACGT", target="<b>&" + "x" * 200))
    title = next(text for text in root.iter(f"{SVG}text") if text.get("font-size") == "17")
    assert title.text.startswith("<b>&xxx")
    assert title.text.endswith("…")
    assert len(title.text) < 60


def test_the_picture_needs_nothing_but_itself():
    text = svg(heat_map("ACGT" * 30))
    assert not re.findall(r"src=|url\(|xlink|@import|<image|<script|<style|href=\"[^#]", text)
    assert set(re.findall(r'href="#danq-(\w)"', text)) == set(OUTLINES)
    assert all(f'id="danq-{base}"' in text for base in OUTLINES)
    assert text == svg(heat_map("ACGT" * 30))


def test_stretches_without_any_effect_or_base_are_drawn():
    for heat in (heat_map("ACGT", [0.0] * 4), heat_map("NNN")):
        root = drawn(heat)
        assert letters(root, "logo") == []
        assert "1" in [text.text for text in root.iter(f"{SVG}text")]


@given(st.floats(1e-30, 1e30))
def test_round_limits_are_close_above(value):
    limit = round_up(value)
    assert value * (1 - 1e-8) <= limit <= value * 1.34
    assert len(f"{limit:.12e}".split("e")[0].rstrip("0").replace(".", "")) <= 2


@given(st.floats(-1e6, 0), st.floats(0, 1e6), st.integers(2, 8))
def test_ticks_are_few_round_and_hold_zero(low, high, most):
    if high - low < 1e-6:
        return
    found = ticks(low, high, most)
    assert 1 <= len(found) <= most
    assert min(abs(tick) for tick in found) == 0
    margin = 1e-6 * (high - low)
    assert low - margin <= found[0] <= found[-1] <= high + margin
    assert all(math.isclose(b - a, found[1] - found[0], rel_tol=1e-6) for a, b in pairwise(found))


def test_numbers_of_the_axes():
    assert [number(value) for value in (0.0, -0.5, 1.25, 1e-5, -0.0, 1234.5)] == [
        *("0", "−0.5", "1.25", "1e−05", "0", "1.23e+03")
    ]


def test_colours_become_lighter_towards_zero():
    def light(colour):
        return sum(int(colour[at : at + 2], 16) for at in (1, 3, 5))

    for side in (-1, 1):
        shades = [light(diverging(side * step / 32)) for step in range(33)]
        assert shades == sorted(shades, reverse=True)
        assert len(set(shades)) == 33
    assert diverging(7.0) == diverging(1.0)
