"""Which contigs take part in a dataset, what is counted of the others, and why a split has no row."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danq.data.dataset import open_dataset
from danq.data.options import DatasetOptions
from danq.data.regions.contig_choice import contigs_taking_part
from danq.errors import DanqError
from danq.genome.fasta import Genome
from tests.unit.data.test_dataset import SEQUENCES, SPLIT, make

PRIMARY = ["chr1", "chr2", "chrX", "chrM", "chrUn_KI270742v1", "chr1_KI270706v1_random"]
SECONDARY = [
    *("chr6_GL000250v2_alt", "chr1_KN196472v1_fix", "chr6_apd_hap1", "chr17_ctg5_hap1"),
    *("CHR_HSCHR6_MHC_APD_CTG1", "CHR_HG1_PATCH", "HLA-A*01:01:01:01", "HLA:HLA00001"),
    *("chrUn_KN707606v1_decoy", "hs37d5", "chrEBV", "NC_007605.1"),
]


def genome(names: list[str]) -> Genome:
    lengths = np.full(len(names), 10, np.int64)
    return Genome(Path("g"), tuple(names), np.cumsum(lengths) - lengths, lengths, (), "")


def taking(names: list[str], **options: Any) -> list[str]:
    made = DatasetOptions.model_validate({"targets": "t.tsv", "split": SPLIT, **options})
    mask = contigs_taking_part(made, genome(names), "datasets.d")
    return [name for name, takes in zip(names, mask, strict=True) if takes]


def test_what_repeats_others_or_is_no_part_of_the_assembly_is_left_out_by_default():
    assert taking(PRIMARY + SECONDARY) == PRIMARY
    assert taking(PRIMARY + SECONDARY, exclude_contigs=[]) == PRIMARY + SECONDARY
    # two haplotypes of an assembly are no alternate loci
    assert taking(["chr1_hap1", "chr1_hap2", "h1tg000001l"]) == ["chr1_hap1", "chr1_hap2", "h1tg000001l"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"contigs": ["chr1", "chrX"]}, ["chr1", "chrX"]),
        ({"contigs": ["1", "MT"]}, ["chr1", "chrM"]),
        ({"contigs": ["chr[0-9]"]}, ["chr1", "chr2"]),
        ({"exclude_contigs": ["*_random", "chrUn_*", "MT"]}, ["chr1", "chr2", "chrX"]),
        ({"contigs": ["chr*"], "exclude_contigs": ["chrM", "*_*"]}, ["chr1", "chr2", "chrX"]),
    ],
)
def test_contigs_are_named_in_whatever_style_or_by_patterns(options: dict[str, Any], expected: list[str]):
    assert taking(PRIMARY, **options) == expected


def test_a_contig_that_is_named_takes_part_whatever_patterns_say():
    names = PRIMARY + SECONDARY
    assert taking(names, contigs=["chr2", "HLA-A*01:01:01:01"]) == ["chr2", "HLA-A*01:01:01:01"]
    assert taking(names, contigs=["chr6*"], exclude_contigs=["*_hap1"]) == ["chr6_GL000250v2_alt"]
    with pytest.raises(
        DanqError, match=r"to take part; all of chr6_GL\S+, chr6_apd_hap1 are left out; \[\] le"
    ):
        taking(names, contigs=["chr6*"])


def test_a_list_of_ones_own_is_told_of_what_it_lets_in_and_of_what_it_does_not_find(
    caplog: pytest.LogCaptureFixture,
):
    def report(**more: Any) -> list[str]:
        options = DatasetOptions.model_validate({"targets": "t.tsv", "split": SPLIT, **more})
        whole = genome([*PRIMARY, "chr1_x_alt", "chrEBV"])
        caplog.clear()
        contigs_taking_part(options, whole, "d", report=True)
        return [record.message for record in caplog.records]

    assert report(exclude_contigs=["MT", "chrZ", "*_ALT"], contigs=["chr*"]) == [
        "exclude_contigs: replaces its default, which would also leave out chr1_x_alt, chrEBV",
        "exclude_contigs: no contig of the genome is called 'chrZ', '*_ALT'",
    ]
    assert not report(exclude_contigs=["MT", "chrEBV"], contigs=["chr1_x_alt", "chr1"])
    assert not report(exclude_contigs=[])


def test_a_contig_that_is_not_there_is_refused():
    with pytest.raises(DanqError, match=r"datasets.d: contigs: expected a contig of the genome.*'chr9'"):
        taking(PRIMARY, contigs=["chr1", "chr9"])
    with pytest.raises(DanqError, match="all of chr1, chr2, chrX, chrM, chrUn_KI270742v1 and 1 more are"):
        taking(PRIMARY, exclude_contigs=["*"])


ALT = SEQUENCES | {"chrI_x_alt": SEQUENCES["chrI"]}
TRACKS = {"A": [("chrI", 0, 6), ("chrII", 0, 43), ("chrIII", 12, 18), ("chrI_x_alt", 0, 6)]}


def test_bins_and_records_on_contigs_left_out_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "danq"):
        manifest, out = make(tmp_path, ALT, TRACKS, split=SPLIT, keep="all")
    assert "1 of 4 contigs take no part, 100 of 283 bp: chrI_x_alt" in caplog.text
    assert "tracks: 1 of 4 records left out (on contigs that take no part): A 1" in caplog.text
    assert manifest.contigs_left_out == {"chrI_x_alt": 100}
    assert manifest.left_out["contig"] == 10
    assert manifest.n == {"train": 10, "valid": 4, "test": 4}
    track = manifest.targets[0].track
    assert track is not None
    assert (track.read, track.used, track.left_out) == (4, 3, {"contig_left_out": 1})
    assert manifest.targets[0].regions == 3
    assert not any("alt" in name for name in open_dataset(out).ids(np.arange(18)))
    whole, _ = make(tmp_path / "all", ALT, TRACKS, split=SPLIT, keep="all", exclude_contigs=[])
    assert (whole.n["train"], whole.contigs_left_out) == (20, {})


def test_folds_are_dealt_as_if_contigs_left_out_were_not_there(tmp_path: Path):
    folds = {"split": {"folds": 3, "fold": 1}, "keep": "all", "empty_targets": "keep"}
    without, one = make(tmp_path / "a", SEQUENCES, {"A": TRACKS["A"][:3]}, **folds)
    beside, two = make(tmp_path / "b", {"a_alt": "ACGT" * 50} | ALT, TRACKS, **folds)
    assert beside.n == without.n
    assert (two / "windows.parquet").read_bytes() == (one / "windows.parquet").read_bytes()


def test_a_split_of_contigs_that_take_no_part_is_refused(tmp_path: Path):
    split = {"valid": ["chrII"], "test": ["chrI_x_alt"]}
    with pytest.raises(
        DanqError, match=r"split.test: expected a contig that takes part, .*'chrI_x_alt', whi"
    ):
        make(tmp_path, ALT, TRACKS, split=split)
    tracks = TRACKS | {"B": [("chrI_x_alt", 0, 6)]}
    with pytest.raises(DanqError, match=r"'B': .* found none; left out: 1 on contigs that take no part"):
        make(tmp_path / "b", ALT, tracks, split=SPLIT)


def test_every_record_of_tracks_and_exclusions_is_accounted_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "black.bed").write_text("chrI\t95\t130\nchrI\t7\t7\nchrZ\t0\t9\n")
    tracks = {"A": [*TRACKS["A"][:3], ("chrI", 95, 200), ("chrI", 300, 400), ("chrI", 5, 5), ("chrQ", 0, 2)]}
    options = {"split": SPLIT, "keep": "all", "exclude": [tmp_path / "black.bed"]}
    with caplog.at_level(logging.INFO, "danq"):
        manifest, _ = make(tmp_path, SEQUENCES, tracks, **options)
    [target] = manifest.targets
    assert target.track is not None
    assert target.track.model_dump() == {
        "format": "BED",
        "read": 7,
        "used": 4,
        "left_out": {"out_of_range": 1, "unknown_contig": 1, "zero_length": 1},
        "adjusted": {"clipped": 1},
    }
    assert manifest.exclude[str(tmp_path / "black.bed")].adjusted == {"clipped": 1}
    assert "tracks: 1 of 7 records left out (of zero length): A 1" in caplog.text
    assert "exclude: 1 of 3 records kept (clipped at the ends of contigs)" in caplog.text
    assert "tracks read as BED 1\n" in caplog.text
    with pytest.raises(DanqError, match=r"A\.bed:4: expected an interval within 'chrI' of 100 bp"):
        make(tmp_path / "refused", SEQUENCES, tracks, split=SPLIT, out_of_range="refuse")
    skipped, _ = make(tmp_path / "skipped", SEQUENCES, tracks, split=SPLIT, out_of_range="skip")
    assert skipped.targets[0].regions == 3


def test_a_split_without_rows_says_why(tmp_path: Path):
    why = (
        r"expected at least one row in the train split, found none; all its 10 bins are left out: 10 "
        r"too many unknown bases \(N\) in the window \(more than 50% of it\); a window of 300 bp is "
        r"longer than every contig \(the longest has 100 bp\), and what reaches past the end of a contig is "
        r"N; a smaller `window`, or a `max_n` above 0.5, helps"
    )
    with pytest.raises(DanqError, match=why):
        make(tmp_path, SEQUENCES, {"A": TRACKS["A"][:3]}, split=SPLIT, window=300)
    # too long for the contigs of this split alone
    why = (
        r"the valid split, .*; a window of 90 bp: what reaches past .* is N; a smaller `window`, or a `max_n`"
    )
    with pytest.raises(DanqError, match=why):
        make(tmp_path, SEQUENCES, TRACKS, split=SPLIT, window=90)
    (tmp_path / "all.bed").write_text("chrII\t0\t43\n")
    with pytest.raises(DanqError, match=r"the valid split, found none; .*: 4 in an excluded region$"):
        make(tmp_path, SEQUENCES, TRACKS, split=SPLIT, exclude=[tmp_path / "all.bed"])
    sequences, split = SEQUENCES | {"tiny": "ACGTA"}, SPLIT | {"valid": ["tiny"]}
    with pytest.raises(DanqError, match="the valid split, found none; its contigs or regions hold no whole"):
        make(tmp_path, sequences, TRACKS, split=split)
    tracks = {"A": [("chrII", 0, 43), ("chrIII", 12, 18)]}
    with pytest.raises(DanqError, match=r"the train split, found none; .*: 10 training bins without a pos"):
        make(tmp_path, SEQUENCES, tracks, split=SPLIT)
    with pytest.raises(DanqError, match=r"all its 1 positive bins are left out: 1 across the limit of two"):
        make(
            tmp_path,
            SEQUENCES,
            {"A": [("chrI", 0, 6)]},
            split={"valid": ["chrI:1-5", "III"], "test": ["chrII"]},
        )
