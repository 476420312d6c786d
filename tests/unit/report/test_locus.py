"""The figure of a region: every number and every place drawn is that of the files."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from danq.drawing import own_settings
from danq.report.locus import MOST_TARGETS, Locus, choose_targets, draw, locus_svg
from danq.views.manifest import PEAK_SCHEMA, Viewed, ViewEntry


def entry(**changes: Any) -> ViewEntry:
    whole = {
        "key": "views.0",
        "title": "chrI:101-200",
        "genome": "g",
        "genome_digest": "cd" * 32,
        "contig": "chrI",
        "start": 100,
        "end": 200,
        "callset": None,
        "first": 0,
        "rows": 5,
        "stride": 20,
        "peaks": True,
    }
    return ViewEntry(**(whole | changes))


def viewed(targets: tuple[str, ...], probabilities: Any, peaks: Any = (), **changes: Any) -> Viewed:
    numbers = np.array(probabilities, np.float32)
    rows = [{"view": 0, "summit": start, "target": t, "start": start, "end": end} for t, start, end in peaks]
    groups = changes.pop("groups", ("",) * len(targets))
    centre = 110.0 + 20 * np.arange(len(numbers))
    return Viewed(
        entry(**changes), "net", "d", targets, groups, centre, numbers, pl.DataFrame(rows, schema=PEAK_SCHEMA)
    )


def variants(*rows: tuple[int, str, float, float, float]) -> pl.DataFrame:
    """Alleles A>G by position, target changed most, its logit difference, and its probabilities."""
    drawn = [
        {
            "row": n,
            "allele": 1,
            "contig": "chrI",
            "pos": pos,
            "ref": "A",
            "alt": "G",
            "max_abs_logit_diff": abs(effect),
            "max_target": target,
            "0_a__p_ref": before,
            "0_a__p_alt": after,
            "0_a__logit_diff": effect,
        }
        for n, (pos, target, effect, before, after) in enumerate(rows)
    ]
    return pl.DataFrame(drawn)


TWO = viewed(
    ("a", "b"),
    [[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6], [0.5, 0.5]],
    [(0, 90, 120), (1, 150, 151)],
    groups=("left", "right"),
)


def figure(locus: Locus) -> tuple[Any, dict[str, str]]:
    remarks: dict[str, str] = {}
    with own_settings():
        return draw(locus, remarks), remarks


def test_lines_are_the_predictions_and_bars_the_bases_of_the_peaks():
    locus = Locus(TWO, pl.DataFrame(), choose_targets(TWO, pl.DataFrame()))
    made, remarks = figure(locus)
    left, right = made.axes
    for number, axes in enumerate((left, right)):
        line = axes.lines[0]
        np.testing.assert_array_equal(line.get_ydata(), TWO.probabilities[:, number])
        # the centre of bases 101-120 (1-based) lies between 110 and 111
        np.testing.assert_array_equal(line.get_xdata(), [110.5, 130.5, 150.5, 170.5, 190.5])
        assert axes.get_xlim() == (100.5, 200.5)
    [bar], [single] = left.patches, right.patches
    # bases 91 to 120, each half a bp to both sides of its position
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == (90.5, 120.5)
    assert (single.get_x(), single.get_width()) == (150.5, 1)
    assert sorted(remarks.values()) == ["a: chrI:91-120 (30 bp)", "b: chrI:151-151 (1 bp)"]
    assert [axes.get_title("left") for axes in made.axes] == ["left", "right"]


def test_variants_stand_at_their_position_with_their_signed_effect():
    alleles = variants((150, "a", -2.0, 0.9, 0.1), (160, "b", 1.0, 0.5, 0.5))
    made, remarks = figure(Locus(TWO, alleles, choose_targets(TWO, alleles)))
    *_, effects, changes = made.axes
    points = {line.get_gid(): line for line in effects.lines if line.get_gid()}
    assert [float(points["variant-0"].get_xdata()[0]), float(points["variant-0"].get_ydata()[0])] == [150, -2]
    # no column of target b was written: its size
    assert float(points["variant-1"].get_ydata()[0]) == 1.0
    assert remarks["variant-0"] == "chrI:150 A>G: a -2.000"
    assert changes.lines[0].get_xdata().tolist() == [0.9, 0.1]
    assert [text.get_text() for text in changes.texts] == ["a  0.900 → 0.100"]


@pytest.mark.parametrize("peaks", [True, False])
def test_of_many_targets_those_of_the_strongest_variants_and_the_highest_are_drawn(peaks: bool):
    names = tuple(f"t{n}" for n in range(40))
    many = viewed(names, np.linspace(0, 0.5, 40)[None].repeat(3, axis=0), groups=("",) * 40)
    many = replace(many, entry=entry(peaks=peaks))
    alleles = variants((150, "t3", 1.0, 0.1, 0.2), (151, "gone", 0.9, 0.1, 0.2))
    chosen = choose_targets(many, alleles)
    assert chosen == {"": [3, *range(40 - MOST_TARGETS + 1, 40)]}
    made, _ = figure(Locus(many, alleles, chosen))
    assert len(made.axes) == 2
    assert (made.axes[0].get_ylim()[0] < 0) == peaks


def test_names_from_files_are_text():
    evil = "<img src=x onerror=alert(1)>"
    one = viewed((evil,), [[0.4]], [(0, 100, 105)], title=evil, contig="<b>", groups=(evil,))
    drawn = locus_svg(Locus(one, pl.DataFrame(), choose_targets(one, pl.DataFrame())))
    assert "<img" not in drawn
    assert "<b>" not in drawn
    assert "&lt;img" in drawn
    assert not re.search(r'id="[^"]*"[^>]*id=', drawn)


def test_equal_input_gives_equal_bytes():
    locus = Locus(TWO, pl.DataFrame(), choose_targets(TWO, pl.DataFrame()))
    assert locus_svg(locus) == locus_svg(locus)
