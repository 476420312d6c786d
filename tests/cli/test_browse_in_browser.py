"""`danq browse` in a real browser: the page shows the numbers of the files and asks no network."""

import numpy as np
import polars as pl
import pytest
from chromium import Page, opened
from verbs import danq
from viewed_results import NAMES

from danq.report.browse_tracks import shown
from danq.views.manifest import read_views

READY = """new Promise((done, failed) => {
  const wait = () => document.documentElement.dataset.tracks ? done() : setTimeout(wait, 50);
  setTimeout(() => failed(document.getElementById("state").textContent), 40000);
  wait();
})"""
LOOK = """(async () => {
  const at = {chr: "chrI", start: 100, end: 200, bpPerPixel: 0.1, viewport: {}};
  const tracks = {};
  for (const view of browser.trackViews) {
    const track = view.track;
    if (!track.config || !track.config.url) continue;
    const features = await track.getFeatures(at.chr, at.start, at.end, at.bpPerPixel);
    const canvas = view.viewports[0].canvas;
    const drawn = canvas && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    tracks[track.name] = {
      features: features.map(f => [f.start, f.end, f.value ?? null, f.alternateBases ?? null]),
      pixels: drawn ? drawn.some(value => value) : false,
      places: (await track.getFeatures("chrI", 0, 3000, 1)).length,
    };
  }
  const sequence = await browser.genome.getSequence("chrI", 100, 200);
  return {tracks, sequence: typeof sequence === "string" ? sequence : String.fromCharCode(...sequence)};
})()"""


@pytest.fixture(scope="module")
def page(viewed_project, chromium, tmp_path_factory):
    place = tmp_path_factory.mktemp("browse")
    out = place / "browse.html"
    assert danq("browse", viewed_project.path / "results", "--out", out) == 0
    with opened(chromium, out.as_uri(), place / "profile") as page:
        page.run(READY)
        yield page


@pytest.mark.slow
def test_tracks_show_the_numbers_of_the_files(page: Page, viewed_project):
    seen = page.run(LOOK)
    first, *_ = read_views(viewed_project.path / "results" / "views" / "net")
    assert seen["sequence"] == viewed_project.contigs["chrI"][100:200]
    predicted = seen["tracks"]["CTCF · net"]["features"]
    inside = [record for record in predicted if 100 <= record[0] < 200]
    assert [record[:2] for record in inside] == [[at, at + 1] for at in range(100, 200)]
    np.testing.assert_allclose([record[2] for record in inside], first.probabilities[:, 0], atol=1e-6)
    of_track = [record[:2] for record in seen["tracks"]["CTCF · track"]["features"]]
    # the interval 80 to 100 lies in a wider region that was looked at as well
    assert [record for record in of_track if record[1] > 100 and record[0] < 200] == [[90, 101], [199, 260]]


@pytest.mark.slow
def test_variants_of_an_annotated_vcf_and_of_a_table_lie_at_their_bases(page: Page, viewed_project):
    seen = page.run(LOOK)
    alleles = [(pos, alt) for contig, pos, _, alt in viewed_project.alleles if (contig, pos) < ("chrI", 200)]
    for callset in ("as_vcf", "as_tsv"):
        variants = seen["tracks"][f"{callset} · variants"]
        here = [record for record in variants["features"] if 100 <= record[0] < 200]
        assert [(record[0] + 1, record[3]) for record in here] == alleles
        assert variants["pixels"]
        effects = seen["tracks"][f"{callset} · effect"]["features"]
        scores = pl.read_parquet(viewed_project.path / "results" / "scores" / callset / "scores.parquet")
        wanted = {
            row["pos"]: row["max_abs_logit_diff"] for row in scores.to_dicts() if row["contig"] == "chrI"
        }
        for start, end, value, _ in effects:
            assert end == start + 1
            assert abs(value) == pytest.approx(wanted[end], abs=1e-4)


@pytest.mark.slow
def test_everything_is_drawn_and_nothing_is_asked_for(page: Page, viewed_project):
    seen = page.run(LOOK)
    named = {shown(name) for name in NAMES}
    assert {f"{name} · net" for name in named} | {f"{name} · track" for name in named} <= set(seen["tracks"])
    assert all(track["places"] for track in seen["tracks"].values())
    assert seen["tracks"]["CTCF · net"]["pixels"]
    page.run("region.selectedIndex = region.options.length - 1; region.dispatchEvent(new Event('change'))")
    page.run("new Promise(done => setTimeout(done, 1500))")
    *_, last = read_views(viewed_project.path / "results" / "views" / "net")
    place = page.run("(f => [f.chr, f.start, f.end])(browser.referenceFrameList[0])")
    assert place == [last.entry.contig, last.entry.start, last.entry.end]
    outside = [address for address in page.requests if not address.startswith(("file:", "data:", "blob:"))]
    assert outside == []
    # what igv.js and the reading of pixels above are warned of
    known = ("index file not specified", "willReadFrequently")
    assert [each for each in page.complaints if not any(phrase in each for phrase in known)] == []
    assert page.run("document.querySelectorAll('img[src=x]').length") == 0
