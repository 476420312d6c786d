"""The picture of a mutagenesis: what is drawn where, from the parts of the figure and from its SVG."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch

from danq.drawing import own_settings
from danq.explain.figures import COLOURS, HeatMap, draw, heat_map_svg, number
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
    """(colour bar, logos, cells): axes of the figure, a logo and a block of cells a line."""
    with own_settings():
        figure = draw(heat)
        # ticks are placed when a figure is drawn
        figure.draw_without_rendering()
    bar, *lines = figure.axes
    return bar, lines[::2], lines[1::2]


def letters(axes):
    """Box around all letters of each base: letter → (x0, y0, x1, y1)."""
    by_colour = {colour: base for base, colour in COLOURS.items()}
    patches = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    return {by_colour[to_hex(p.get_facecolor())]: p.get_path().get_extents().extents for p in patches}


def values_of(axes):
    (mesh,) = (part for part in axes.collections if isinstance(part, QuadMesh))
    return mesh, mesh.get_array().filled(np.nan)


def test_the_height_of_a_letter_is_minus_the_mean_effect():
    heat = heat_map("ACGT", [-3.0, -1.5, 1.0, 0.0])
    assert heat.contribution.tolist() == [3.0, 1.5, -1.0, 0.0]
    _, (logo,), _ = drawn(heat)
    assert logo.get_ylim() == (-1.0, 3.0)
    # each letter begins or ends at the zero line
    assert letters(logo) == {
        "A": pytest.approx([1000.54, 0, 1001.46, 3]),
        "C": pytest.approx([1001.54, 0, 1002.46, 1.5]),
        "G": pytest.approx([1002.54, -1, 1003.46, 0]),
    }


def test_a_letter_with_a_negative_contribution_is_upside_down():
    outlines = []
    for effect in (-1.0, 1.0):
        _, (logo,), _ = drawn(heat_map("A", [effect]))
        (patch,) = (part for part in logo.patches if isinstance(part, PathPatch))
        outlines.append(patch.get_path().vertices)
    np.testing.assert_allclose(outlines[0] * [1, -1], outlines[1], atol=1e-9)


def test_deletions_do_not_count_for_the_logo():
    heat = heat_map("AC", [-1.0, -1.0], deletions=True)
    heat.logit_diff[:, 4] = 50
    assert heat.contribution.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("deletions", [False, True])
def test_a_cell_for_every_mutant_and_the_base_of_the_genome_marked(deletions):
    sequence = "ACGTNTT"
    heat = heat_map(sequence, deletions=deletions)
    _, _, (cells,) = drawn(heat)
    mesh, values = values_of(cells)
    np.testing.assert_array_equal(values, heat.logit_diff.T)
    assert to_hex(mesh.cmap(np.ma.masked)) == "#dde1e6"
    assert [label.get_text() for label in cells.get_yticklabels()] == [*"ACGT", *["del"] * deletions]
    marks = [patch for patch in cells.patches if isinstance(patch, PathPatch)]
    boxes = np.array([patch.get_path().get_extents().intervaly for patch in marks])
    assert boxes == pytest.approx(np.arange(4)[:, None] + [-0.3, 0.3], abs=0.01)


def test_losses_are_blue_gains_are_red_and_the_scale_is_even():
    _, _, (cells,) = drawn(heat_map("AAA", [-2.0, 0.0, 2.0]))
    mesh, _ = values_of(cells)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (-2.0, 2.0)
    (loss_red, _, loss_blue, _), middle, (gain_red, _, gain_blue, _) = mesh.cmap(mesh.norm([-2.0, 0.0, 2.0]))
    assert loss_blue > loss_red
    assert gain_red > gain_blue
    assert middle[:3] == pytest.approx([0.97] * 3, abs=0.01)
    light = mesh.cmap(mesh.norm(np.linspace(0, 2, 9)))[:, :3].sum(axis=1)
    assert (np.diff(light) < 0).all()


def test_the_colour_bar_says_which_numbers_its_colours_are():
    bar, _, (cells,) = drawn(heat_map("AAA", [-0.5, 0.0, 0.72]))
    assert [label.get_text() for label in bar.get_xticklabels()] == ["−0.75", "−0.375", "0", "0.375", "0.75"]
    mesh, _ = values_of(bar)
    assert (mesh.norm.vmin, mesh.norm.vmax) == pytest.approx((-0.75, 0.75))
    assert values_of(cells)[0].norm.vmax == pytest.approx(0.75)


def test_positions_are_1_based_and_at_their_columns():
    _, (logo,), (cells,) = drawn(heat_map("ACGT" * 10, start=1_234_566))
    assert cells.get_xlim() == logo.get_xlim() == (1_234_566.5, 1_234_606.5)
    ticks = {
        label.get_text(): x for x, label in zip(cells.get_xticks(), cells.get_xticklabels(), strict=True)
    }
    assert ticks["1,234,570"] == 1_234_570
    inside = [text for text, x in ticks.items() if 1_234_567 <= x <= 1_234_606]
    assert inside == [f"{position:,}" for position in range(1_234_570, 1_234_607, 5)]
    edges = values_of(cells)[0].get_coordinates()[0, :, 0]
    assert edges[[3, 4]].tolist() == [1_234_569.5, 1_234_570.5]


def test_a_long_region_is_drawn_in_lines_of_one_scale():
    heat = heat_map("ACGTA" * 99, np.sin(np.arange(495)))
    _, logos, lines = drawn(heat)
    assert [np.diff(cells.get_xlim()).tolist() for cells in lines] == [[100], [100], [100], [100], [95]]
    assert len({logo.get_ylim() for logo in logos}) == 1
    assert len({values_of(cells)[0].norm.vmax for cells in lines}) == 1
    root = ElementTree.fromstring(heat_map_svg(heat))
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert titles[0] == "chrI:1,001–1,495: mutants, CTCF"
    remarks = sorted(titles[1:])
    assert len(remarks) == 495
    assert remarks[0].startswith("chrI:1,001 A; contribution 0; A>C 0; A>G 0; A>T 0")
    assert remarks[-1].startswith("chrI:1,495 A; contribution 0.696; A>C −0.696")


@pytest.mark.parametrize("length", [1, 2, 7, 119, 121, 1000])
@pytest.mark.parametrize("deletions", [False, True])
def test_everything_fits_into_the_figure(length, deletions):
    rng = np.random.default_rng(length)
    sequence = "".join(rng.choice(list("ACGTN"), length))
    with own_settings():
        figure = draw(heat_map(sequence, rng.normal(size=length), deletions, start=248_000_000))
        width, height = figure.bbox.size
        box = figure.get_tightbbox().extents * 72
    assert width <= 1200
    assert box[:2].min() >= 0
    assert box[2] <= width
    assert box[3] <= height


def test_long_names_are_cut_to_the_room():
    text = heat_map_svg(heat_map("ACGT", target="<b>&$x$" + "x" * 200))
    shown = [part.text for part in ElementTree.fromstring(text).iter(f"{SVG}text") if "<b>" in part.text]
    assert len(shown) == 1
    assert shown[0].startswith("<b>&$x$xx")
    assert "…" in shown[0]
    assert len(shown[0]) < 60


def test_the_picture_needs_nothing_but_itself():
    text = heat_map_svg(heat_map("ACGT" * 30, target="字"))
    assert not re.findall(r"src=|url\([^#]|@import|<image|<script|href=\"[^#]|<!DOCTYPE", text)
    words = {part.text for part in ElementTree.fromstring(text).iter(f"{SVG}text")}
    assert {"字", "position on chrI (bp, 1-based)", "contribution", "run toy"} <= words | {"run toy"}
    assert re.search(r"<desc>Logo: the height of a letter", text)


def test_equal_bytes_twice_and_in_another_process(tmp_path):
    heat = heat_map("ACGTN" * 30, deletions=True)
    text = heat_map_svg(heat)
    assert text == heat_map_svg(heat)
    np.savez(tmp_path / "heat.npz", ref=heat.ref, logit_diff=heat.logit_diff)
    program = (
        "import sys, numpy as np; from danq.explain.figures import HeatMap, heat_map_svg;"
        f"parts = np.load({str(tmp_path / 'heat.npz')!r});"
        "heat = HeatMap('CTCF', 'chrI', 'run toy', 1000, parts['ref'], parts['logit_diff']);"
        "sys.stdout.buffer.write(heat_map_svg(heat).encode())"
    )
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: red\n")
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=tmp_path)
    assert other.stdout.decode() == text


def test_regions_without_any_effect_or_base_are_drawn():
    for heat in (heat_map("ACGT", [0.0] * 4), heat_map("NNN")):
        _, (logo,), _ = drawn(heat)
        assert letters(logo) == {}
        heat_map_svg(heat)


def test_numbers_are_short():
    assert [number(value) for value in (0.0, -0.5, 1.25, 1e-5, -0.0, 1234.5)] == [
        *("0", "−0.5", "1.25", "1e−05", "0", "1.23e+03")
    ]
