"""Sections of the report about scored variants, from directories of scores written here by hand."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from page_reader import by_title as made
from page_reader import descriptions, legend, prose, remarks, rows, tables, views
from results_tree import build, just_trained, write_scores

from danq.errors import DanqError
from danq.report.page import write_report
from danq.report.results import read_results
from danq.score.measures import MEASURES

TARGETS = ("CDS", "NFKB/p65", "ARS")
TITLES = {measure.name: measure.title for measure in MEASURES}


def alleles(n: int, contig: str = "chrI", step: int = 1, **more: Any) -> list[dict[str, Any]]:
    """Substitutions at every `step`-th position from 101 on, one a record."""
    return [
        {
            "row": i + 1,
            "allele": 1,
            "contig": contig,
            "pos": 101 + step * i,
            "id": ".",
            "ref": "A",
            "alt": "G",
        }
        | more
        for i in range(n)
    ]


def drawn(n: int, k: int = len(TARGETS), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, (n, k))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results directory with one run that has just been trained."""
    return just_trained(tmp_path / "results", TARGETS)


def drawn_points(view: ET.Element) -> list[tuple[str, int, float]]:
    """Name, position and effect of the points of a view, as they are told under the pointer."""
    told = [remark.rpartition(": ") for remark in remarks(view)]
    return [(name, int(name.split(":")[1].split()[0]), float(effect)) for name, _, effect in told]


def test_results_without_scores_have_no_such_section(results: Path):
    assert not {name for name in made(results) if "ariant" in name or "ffect" in name or "scores" in name}


def test_counts_of_callsets_stand_side_by_side(results: Path):
    differences = drawn(100)
    differences[:3] = np.nan
    counts = {"records": 98, "alleles": 100, "scored": 97, "skipped": 3, "flags": {"padded": 2}}
    counts["reasons"] = {"ref_mismatch": 2, "star": 1}
    write_scores(results, "demo", TARGETS, alleles(100), differences, counts=counts)
    write_scores(results, "clean", TARGETS, alleles(10), drawn(10))
    section = made(results)["Variant scores"]
    assert list(rows(section)) == ["clean", "demo"]
    assert rows(section)["demo"] == {
        "Records": "98",
        "Alleles": "100",
        "Scored": "97",
        "Not scored": "3",
        "ref mismatch": "2",
        "star": "1",
        "(padded)": "2",
        "Alleles/s": "322",
    }
    assert "star" not in rows(section)["clean"]
    assert "deleted by another record" in descriptions(section)["star"]


def test_the_histogram_counts_every_scored_allele(results: Path):
    differences = drawn(500)
    differences[::50] = np.nan
    write_scores(results, "demo", TARGETS, alleles(500), differences)
    view = views(made(results)["Distribution of effects"])["Effects"]
    assert legend(view) == ["demo"]
    told = [remark.split(": ") for remark in remarks(view) if ": " in remark]
    points = [(float(x.rpartition(" ")[2]), int(n)) for x, n in told]
    effects = np.abs(differences[~np.isnan(differences).any(axis=1)]).max(axis=1)
    width = effects.max() / 60
    start = next(number for number, (x, _) in enumerate(points) if x == 0)
    histogram, beyond = points[:start], points[start:]
    assert sum(n for _, n in histogram) == len(effects) == 490
    assert beyond[0] == (0.0, 490)
    assert all(n > 0 for _, n in histogram)
    for x, n in histogram:
        assert n == ((effects > x - width / 2) & (effects <= x + width / 2)).sum() or n <= 2
    for x, n in beyond[1:5]:
        assert n == (effects >= x - 1e-5).sum()


def test_scores_without_any_effect_can_be_drawn(results: Path):
    write_scores(results, "same", TARGETS, alleles(5), np.zeros((5, 3)))
    write_scores(results, "none", TARGETS, alleles(5), np.full((5, 3), np.nan))
    found = made(results)
    view = views(found["Distribution of effects"])["Effects"]
    assert legend(view) == ["same"]
    assert "same, largest |logit difference| 0: 5" in remarks(view)
    assert len(tables(found["Strongest variants"])) == 1
    assert ">chrI:101-105<" in found["Effects by position"].html


def test_an_empty_callset_shows_its_counts(results: Path):
    write_scores(results, "empty", TARGETS, alleles(1), np.full((1, 3), np.nan))
    path = results / "scores" / "empty" / "scores.parquet"
    pl.read_parquet(path).clear().write_parquet(path)
    found = made(results)
    assert rows(found["Variant scores"])["empty"]["Records"] == "1"
    assert "Strongest variants" not in found


def test_the_strongest_variants_are_those_of_a_full_sort(results: Path):
    differences = drawn(300)
    variants = alleles(300)
    variants[7] |= {"id": "rs7", "ref": "A" * 40, "flags": "padded,swapped"}
    differences[7, 1] = -9.5
    write_scores(results, "demo", TARGETS, variants, differences)
    shown = rows(made(results)["Strongest variants"])
    order = np.argsort(-np.abs(differences.astype(np.float32)).max(axis=1), kind="stable")[:50]
    expected = [f"chrI:{variants[i]['pos']} A>G" for i in order]
    expected[0] = "chrI:108 AAAAAAAA…(40 bp)>G"
    assert list(shown) == expected
    first = shown[expected[0]]
    assert (first["ID"], first["Target"], first["Flags"]) == ("rs7", "NFKB/p65", "padded,swapped")
    assert (float(first["Largest |logit difference|"]), float(first["Logit difference"])) == (9.5, -9.5)
    for i, name in zip(order, expected, strict=True):
        top = np.abs(differences[i]).argmax()
        assert float(shown[name]["Logit difference"]) == pytest.approx(differences[i, top], abs=6e-4)


def test_targets_that_were_not_written_leave_their_numbers_out(results: Path):
    differences = np.array([[0.1, 2.0, 0.1], [1.0, 0.2, 0.3]])
    write_scores(results, "demo", TARGETS, alleles(2), differences, written=(0,))
    first, second = rows(made(results)["Strongest variants"]).values()
    assert (first["Target"], float(first["Largest |logit difference|"])) == ("NFKB/p65", 2.0)
    assert "Logit difference" not in first
    assert float(second["Logit difference"]) == 1.0


def test_evalues_spread_and_significance_are_shown_where_there_are_any(results: Path):
    extra = {"functional_significance": [3.21e-5], "0_CDS__evalue": [1e-6], "0_CDS__logit_diff_sd": [0.125]}
    differences = np.array([[1.0, 0.2, 0.3]])
    write_scores(results, "demo", TARGETS, alleles(1), differences, extra=extra)
    row = rows(made(results)["Strongest variants"])["chrI:101 A>G"]
    assert {"1e-06", "3.2e-05"} <= set(row.values())
    assert float(row[TITLES["logit_diff_sd"]]) == pytest.approx(0.125, abs=5e-4)


def test_records_given_twice_and_samples_keep_rows_of_their_own(results: Path):
    write_scores(results, "twice", TARGETS, alleles(2, pos=500), drawn(2))
    own = [row | {"sample": "NA1", "haplotype": h} for row in alleles(1) for h in (1, 2)]
    own[1]["flags"] = "unphased"
    own[0]["flags"] = ""
    write_scores(results, "personal", TARGETS, own, drawn(2))
    personal, twice = tables(made(results)["Strongest variants"])
    assert len(twice) == 2
    assert any("(record " in name for name in twice)
    assert set(personal) == {f"chrI:101 A>G · NA1 haplotype {h}" for h in (1, 2)}
    assert personal["chrI:101 A>G · NA1 haplotype 2"]["Flags"] == "unphased"
    assert "Flags" not in personal["chrI:101 A>G · NA1 haplotype 1"]


def test_a_short_region_is_drawn_target_by_target(results: Path):
    differences = drawn(200)
    differences[9] = 0.1, -5.0, 7.0
    write_scores(results, "demo", TARGETS, alleles(200, step=3), differences)
    found = views(made(results)["Effects by position"])
    assert list(found) == ["ARS", "NFKB/p65", "CDS"]
    for index, view in zip((2, 1, 0), found.values(), strict=True):
        points = drawn_points(view)
        assert len(points) == 200
        assert ("chrI:104 A>G", 104, pytest.approx(differences[1, index], abs=6e-5)) in points


def test_of_many_targets_those_with_the_largest_effects_are_drawn(results: Path):
    targets = tuple(f"t{i}" for i in range(30))
    differences = drawn(90, 30) * 0.01
    for target, size in ((3, 1.0), (29, -3.0), (11, 2.0)):
        differences[80, target] = size
    write_scores(results, "demo", targets, alleles(90), differences)
    section = made(results)["Effects by position"]
    assert len(views(section)) == 8
    assert list(views(section))[:3] == ["t29", "t11", "t3"]
    assert "the 8 with the largest" in prose(section)


def test_of_too_many_alleles_the_strongest_of_each_stretch_is_drawn(results: Path):
    differences = drawn(2400, 1)
    variants = [row | {"pos": 101 + i // 3} for i, row in enumerate(alleles(2400))]
    write_scores(results, "demo", ("one",), variants, differences)
    section = made(results)["Effects by position"]
    points = drawn_points(views(section)["one"])
    strongest = np.abs(differences.astype(np.float32).reshape(800, 3)).max(axis=1)
    assert [at for _, at, _ in points] == list(range(101, 901))
    assert np.abs([effect for _, _, effect in points]) == pytest.approx(strongest, abs=6e-5)
    assert "strongest of each of 1,000 equal stretches" in prose(section)


def test_contigs_get_a_view_each_in_the_order_of_the_input(results: Path):
    variants = alleles(1500, "chrII", step=1000) + alleles(20, "chrI", step=7)
    variants = [row | {"row": i + 1} for i, row in enumerate(variants)]
    differences = drawn(1520)
    write_scores(results, "demo", TARGETS, variants, differences)
    found = views(made(results)["Effects by position"])
    assert list(found) == ["chrII", "chrI"]
    effects = np.abs(differences.astype(np.float32)).max(axis=1)
    second = drawn_points(found["chrI"])
    assert len(second) == 20
    assert second[1] == ("chrI:108 A>G", 108, pytest.approx(effects[1501], abs=6e-5))
    positions = [at for _, at, _ in drawn_points(found["chrII"])]
    assert 700 < len(positions) <= 1000
    pieces = (np.arange(1500) * 1000) // -(-(1499 * 1000 + 1) // 1000)
    best = [np.flatnonzero(pieces == p)[effects[:1500][pieces == p].argmax()] for p in np.unique(pieces)]
    assert positions == [101 + 1000 * i for i in best]


def test_of_many_contigs_those_with_the_most_alleles_are_drawn(results: Path):
    variants = [row for i in range(40) for row in alleles(1 + (i % 30), f"scaffold{i}")]
    variants = [row | {"row": i + 1} for i, row in enumerate(variants)]
    write_scores(results, "demo", TARGETS, variants, drawn(len(variants)))
    found = views(made(results)["Effects by position"])
    assert len(found) == 24
    assert "scaffold29" in found
    assert "scaffold0" not in found


def test_windows_of_whole_haplotypes_are_counted(results: Path):
    whole = {"windows": 9, "scored": 8, "many_n": 1, "flags": {"incomplete": 3, "padded": 1}}
    write_scores(results, "family", TARGETS, alleles(3), drawn(3), haplotypes=whole)
    shown = rows(made(results)["Variant scores"])["family"]
    assert (shown["Whole haplotypes"], shown["Incomplete"]) == ("8", "3")
    write_scores(results, "other", TARGETS, alleles(3), drawn(3))
    assert "Whole haplotypes" not in rows(made(results)["Variant scores"])["other"]


def test_the_tidy_form_shows_its_counts(results: Path):
    write_scores(results, "long", TARGETS, alleles(3), drawn(3))
    path = results / "scores" / "long" / "scores.parquet"
    pl.read_parquet(path).drop("max_abs_logit_diff").write_parquet(path)
    found = made(results)
    assert rows(found["Variant scores"])["long"]["Scored"] == "3"
    assert "Distribution of effects" not in found
    path.rename(path.with_suffix(".tsv"))
    assert rows(made(results)["Variant scores"])["long"]["Scored"] == "3"


def test_named_callsets_are_shown_alone(results: Path):
    for name in ("one", "two"):
        write_scores(results, name, TARGETS, alleles(3), drawn(3))
    names = lambda *given: [c.name for c in read_results(results, *given).callsets]  # noqa: E731
    assert names() == ["one", "two"]
    assert names((), ["two"]) == ["two"]
    assert names(["danq"]) == []
    assert names(["danq"], ["one"]) == ["one"]
    with pytest.raises(DanqError, match=r"expected the callset three \(scores/three/scores\.json\), found"):
        read_results(results, (), ["one", "three"])


def test_damaged_scores_are_refused_by_their_name(results: Path):
    place = write_scores(results, "demo", TARGETS, alleles(3), drawn(3))
    whole = (place / "scores.parquet").read_bytes()
    (place / "scores.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DanqError, match=r"demo/scores\.parquet: expected a Parquet table"):
        read_results(results)
    (place / "scores.parquet").unlink()
    with pytest.raises(DanqError, match=r"demo/scores\.parquet: no such file"):
        read_results(results)


def test_the_page_shows_the_scores(tmp_path: Path):
    results = build(tmp_path / "results", {"danq": ("yeast", "danq", 1.0)}, TARGETS, resamples=0)
    variants = [row | {"id": "<i>x</i>"} for row in alleles(60)]
    write_scores(results, "demo", TARGETS, variants, drawn(60))
    out = tmp_path / "report.html"
    write_report(results, out)
    page = out.read_text(encoding="utf-8")
    for head in (
        *("Variant scores", "Distribution of effects", "Strongest variants"),
        *("Effects by position", "Provenance of the scores"),
    ):
        assert f">{head}</h3>" in page
    assert "demo.vcf.gz" in page
    assert "<i>x" not in page
