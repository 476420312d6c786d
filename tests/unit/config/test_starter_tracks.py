"""Which tracks `danq init` takes: files, folders, patterns and lists; and what fits their intervals."""

import logging
from pathlib import Path

import pytest

from danq.config.starter.lengths import fit_to, look_at
from danq.config.starter.track_files import CHOSEN, gather_tracks
from danq.errors import DanqError

OUT = Path("my")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("CTCF.bed", "GATA 1.narrowPeak", "deep/CTCF.bed.gz", "deep/H3K4me3.broadPeak"):
        path = tmp_path / "peaks" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("chr1\t0\t1\n")
    for name in (".CTCF.bed", "notes.txt", "CTCF.bed.gz.tbi"):
        (tmp_path / "peaks" / name).write_text("")
    return tmp_path


def names(*places: str, **more: list[Path] | list[str]) -> list[str]:
    lists, without = more.get("lists", []), more.get("without", [])
    return [each.name for each in gather_tracks(places, list(map(Path, lists)), list(map(str, without)), OUT)]


def test_a_folder_gives_its_tracks_and_names_what_it_leaves_out(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.INFO, "danq"):
        assert names("peaks") == ["CTCF", "GATA 1"]
    expected = "left out, by their names no tracks: .CTCF.bed, CTCF.bed.gz.tbi, deep/, notes.txt"
    assert expected in caplog.text


def test_patterns_reach_into_folders_and_equal_names_are_told_apart(folder: Path):
    assert names("peaks/*.bed") == ["CTCF"]
    assert names("peaks/**/*", "peaks/CTCF.bed") == ["peaks_CTCF", "GATA 1", "deep_CTCF", "H3K4me3"]
    assert names("peaks/**/*", without=["*CTCF"]) == ["GATA 1", "H3K4me3"]


def test_files_of_one_name_are_told_apart_by_folders_or_suffixes(folder: Path):
    for name in ("a/x/CTCF.bed", "b/x/CTCF.bed", "b/x/CTCF.narrowPeak", "a/x/GATA.bed.gz", "a/x/GATA.BED"):
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("chr1\t0\t1\n")
    assert names("a/x/CTCF.bed", "b/x/CTCF.bed") == ["a_x_CTCF", "b_x_CTCF"]
    assert names("b/x") == ["CTCF.bed", "CTCF.narrowPeak"]
    assert names("a/x") == ["CTCF", "GATA.BED", "GATA.bed.gz"]
    assert names("peaks", "b/x") == ["peaks_CTCF.bed", "GATA 1", "x_CTCF.bed", "x_CTCF.narrowPeak"]


def test_a_link_keeps_its_name_and_is_its_file(folder: Path, caplog: pytest.LogCaptureFixture):
    (folder / "links").mkdir()
    (folder / "links" / "H3K4me3 of liver.bed").symlink_to(folder / "peaks" / "CTCF.bed")
    [target] = gather_tracks(["links"], [], [], OUT)
    assert (target.name, target.as_listed) == ("H3K4me3 of liver", "../links/H3K4me3 of liver.bed")
    with caplog.at_level(logging.INFO, "danq"):
        assert names("peaks/CTCF.bed", "links") == ["CTCF"]
    assert "named more than once, taken once: links/H3K4me3 of liver.bed" in caplog.text


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder: Path):
    (folder / "a[1].bed").write_text("chr1\t0\t1\n")
    assert names("a[1].bed") == ["a[1]"]


def test_lists_are_relative_to_themselves_and_tables_bring_names_and_rules(folder: Path):
    (folder / "peaks" / "list.txt").write_text("# mine\n\nCTCF.bed\ndeep/H3K4me3.broadPeak\n")
    (folder / "t.tsv").write_text(
        # with the byte-order mark that spreadsheets write
        "\ufefftarget\tpath\trule\tfeature\tgroup\ngenes\tx.gff3\tsummit\tgene\tG\nA\tpeaks/CTCF.bed\t\t\t\n"
    )
    (folder / "x.gff3").write_text("chr1\ts\tgene\t1\t9\t.\t+\t.\t.\n")
    targets = gather_tracks([], [Path("peaks/list.txt"), Path("t.tsv")], [], OUT)
    assert [(t.name, t.as_listed, t.rule, t.feature, t.group) for t in targets] == [
        ("CTCF", "../peaks/CTCF.bed", CHOSEN, None, ""),
        ("H3K4me3", "../peaks/deep/H3K4me3.broadPeak", CHOSEN, None, ""),
        ("genes", "../x.gff3", "summit", "gene", "G"),
        ("A", "../peaks/CTCF.bed", "overlap", None, ""),
    ]


def test_files_folders_patterns_lists_and_tables_may_be_mixed_and_are_taken_once(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    (folder / "list.txt").write_text("peaks/deep\npeaks/*.narrowPeak\n./peaks/../peaks/CTCF.bed\n")
    (folder / "targets.tsv").write_text("target\tpath\nA\tpeaks/CTCF.bed\n")
    with caplog.at_level(logging.INFO, "danq"):
        found = names("targets.tsv", str(folder / "peaks/CTCF.bed"), "list.txt", "peaks/*.bed")
    assert found == ["peaks_CTCF", "deep_CTCF", "H3K4me3", "GATA 1", "A"]
    assert "named more than once, taken once: peaks/CTCF.bed, peaks/../peaks/CTCF.bed" in caplog.text
    # intervals are no paths, whatever the file is called
    (folder / "intervals.txt").write_text("chr1\t0\t1\n")
    assert names("intervals.txt") == ["intervals.txt"]


@pytest.mark.parametrize(
    ("places", "more", "message"),
    [
        ([], {}, "expected at least one track, received none"),
        (["nowhere/*.bed"], {}, "the pattern 'nowhere/*.bed' matches nothing in "),
        (["nowhere.bed"], {}, "nowhere.bed: expected a track, a folder of tracks or a pattern; no such file"),
        (
            ["empty"],
            {},
            "the folder empty: expected tracks (.bed, .narrowPeak or .broadPeak, plain or .gz), ",
        ),
        (
            ["peaks/*.txt"],
            {},
            "the pattern 'peaks/*.txt': expected tracks (.bed, .narrowPeak or .broadPeak, ",
        ),
        ([], {"lists": ["bad.txt"]}, "bad.txt:2: expected a track file, found none at gone.bed; paths are r"),
        (["bad.txt"], {}, "bad.txt:2: expected a track file, found none at gone.bed"),
        (
            [],
            {"lists": ["comments.txt"]},
            "comments.txt: expected paths of tracks, one a line, received comments",
        ),
        (["commas.csv"], {}, "commas.csv:1: expected tab-separated columns target, path and optionally rule"),
        ([], {"lists": ["empty.txt"]}, "empty.txt: expected paths of tracks, one a line, received an empty"),
        (["twice.tsv", "peaks/CTCF.bed"], {}, "peaks/CTCF.bed: target 'CTCF' is that of peaks/CTCF.bed alr"),
        (["peaks"], {"without": ["X*"]}, "--without: expected a target (CTCF, GATA 1), received 'X*'"),
        (["peaks"], {"without": ["*"]}, "--without: expected at least one target to be left, found none"),
        (["a\tb.bed"], {}, "expected a file name that can name a target, received 'a\\tb.bed'"),
    ],
)
def test_refusals(folder: Path, places: list[str], more: dict[str, list[str]], message: str):
    (folder / "empty").mkdir()
    (folder / "bad.txt").write_text("peaks/CTCF.bed\ngone.bed\n")
    (folder / "comments.txt").write_text("# peaks/CTCF.bed\n")
    (folder / "empty.txt").write_text("\n")
    (folder / "a\tb.bed").write_text("chr1\t0\t1\n")
    (folder / "commas.csv").write_text("target,path\nCTCF,peaks/CTCF.bed\n")
    (folder / "twice.tsv").write_text("target\tpath\nCTCF\tpeaks/CTCF.bed\n")
    with pytest.raises(DanqError) as refused:
        names(*places, **more)
    assert message in str(refused.value)


NARROW = "chr1\t{0}\t{1}\t.\t0\t.\t1\t-1\t-1\t{2}\n"


@pytest.mark.parametrize(
    ("lines", "rules", "bin_and_window", "reason"),
    [
        ({"a.bed": [1, 1, 1]}, ["summit"], (200, 600), "holds the midpoint is positive"),
        ({"a.narrowPeak": [150, 150]}, ["summit"], (200, 600), "holds the summit is positive"),
        ({"a.bed": [199, 199, 3000]}, ["summit"], (200, 600), "rule summit for all"),
        ({"a.bed": [200]}, ["overlap"], (200, 1000), "rule overlap: median lengths are at least the bin's"),
        ({"a.bed": [1], "b.bed": [5000]}, ["summit", "overlap"], (200, 1000), "rule summit for 1 of 2"),
        ({"a.bed": [2000], "b.bed": [9000]}, ["overlap"] * 2, (500, 2500), "rule overlap"),
    ],
)
def test_rule_bin_and_window_follow_the_lengths(
    tmp_path: Path,
    lines: dict[str, list[int]],
    rules: list[str],
    bin_and_window: tuple[int, int],
    reason: str,
):
    for name, lengths in lines.items():
        form = NARROW if name.endswith("narrowPeak") else "chr1\t{0}\t{1}\n"
        text = "".join(form.format(100, 100 + bp, bp // 3) for bp in lengths)
        (tmp_path / name).write_text(text)
    targets = gather_tracks([str(tmp_path)], [], [], OUT)
    fit = fit_to(look_at(targets), targets, None, None)
    assert list(fit.rules) == rules
    assert (fit.bin, fit.window) == bin_and_window
    assert reason in fit.reasons["targets"]


def test_given_bin_and_window_are_taken_and_checked(tmp_path: Path):
    (tmp_path / "a.bed").write_text("chr1\t0\t150\n")
    targets = gather_tracks([str(tmp_path)], [], [], OUT)
    fit = fit_to(look_at(targets), targets, 100, None)
    assert (fit.bin, fit.window, fit.rules) == (100, 500, ("overlap",))
    with pytest.raises(DanqError, match="--window: expected at least the bin's 200 bp, received 100"):
        fit_to(look_at(targets), targets, None, 100)


def test_all_empty_tracks_are_named_with_the_option_that_leaves_them_out(tmp_path: Path):
    for name, text in (("a.bed", "chr1\t0\t1\n"), ("b.bed", ""), ("c.bed", "# nothing\n")):
        (tmp_path / name).write_text(text)
    with pytest.raises(DanqError, match=r"found none in .*b\.bed, .*c\.bed; --without 'b', --without 'c'"):
        look_at(gather_tracks([str(tmp_path)], [], [], OUT))
