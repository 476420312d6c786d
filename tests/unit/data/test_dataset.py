import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from danq.data.dataset import SPLITS, open_dataset
from danq.data.options import DatasetOptions
from danq.data.regions.making import build_region_dataset
from danq.data.writing import Contents, write_examples, write_manifest
from danq.errors import DanqError
from danq.files import staged
from danq.genome.alphabet import decode, encode
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome

SEQUENCES = {"chrI": "ACGTACGTAC" * 10, "chrII": "GGCCGGCCTT" * 4 + "ACG", "chrIII": "TTTTTGGGGG" * 4}


def make(
    folder: Path, sequences: dict[str, str], tracks: dict[str, list[tuple[str, int, int]]], **options: Any
) -> tuple[dict[str, Any], Path]:
    """Build a genome and a dataset of BED tracks below `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "g.fa").write_text("".join(f">{name}\n{text}\n" for name, text in sequences.items()))
    build_genome(folder / "g.fa", folder / "genome")
    lines = ["target\tpath"]
    for name, regions in tracks.items():
        (folder / f"{name}.bed").write_text("".join(f"{c}\t{s}\t{e}\n" for c, s, e in regions))
        lines.append(f"{name}\t{name}.bed")
    (folder / "targets.tsv").write_text("\n".join(lines) + "\n")
    given = {"targets": folder / "targets.tsv", "window": 20, "bin": 10, **options}
    manifest = build_region_dataset(
        DatasetOptions.model_validate(given), "d", open_genome(folder / "genome"), folder / "out"
    )
    return manifest, folder / "out"


TRACKS = {"A": [("chrI", 0, 6), ("chrII", 0, 43), ("chrIII", 12, 18)], "B": [("1", 90, 100), ("1", 40, 45)]}
SPLIT = {"valid": ["chrII"], "test": ["chrIII"]}


def test_a_dataset_by_eye(tmp_path: Path) -> None:
    manifest, out = make(tmp_path, SEQUENCES, TRACKS, split=SPLIT)
    dataset = open_dataset(out)
    expected = ["chrI:0-10", "chrI:90-100"]
    expected += [f"chrII:{start}-{start + 10}" for start in range(0, 40, 10)]
    expected += [f"chrIII:{start}-{start + 10}" for start in range(0, 40, 10)]
    rows = np.arange(len(dataset))
    assert dataset.ids(rows) == expected
    assert dataset.contig_names(rows[:3]) == ["chrI", "chrI", "chrII"]
    assert dataset.labels(rows).tolist() == [[1, 0], [0, 1], *[[1, 0]] * 4, [0, 0], [1, 0], [0, 0], [0, 0]]
    assert [dataset.rows(split).tolist() for split in SPLITS] == [[0, 1], [2, 3, 4, 5], [6, 7, 8, 9]]
    assert [dataset.counts(split).tolist() for split in SPLITS] == [[1, 1], [4, 0], [1, 0]]
    assert manifest.left_out == {
        "short_last_bin": 1,
        "contig": 0,
        "straddling": 0,
        "boundary": 0,
        "excluded": 0,
        "too_many_n": 0,
        "negatives_dropped": 8,
    }
    assert manifest.renamed == {"1": "chrI"}
    assert manifest.n == {"train": 2, "valid": 4, "test": 4}
    assert sorted(path.name for path in out.iterdir()) == ["dataset.json", "labels.npy", "windows.parquet"]
    table = pl.read_parquet(out / "windows.parquet")
    assert table.schema == {"contig": pl.String, "start": pl.Int64, "end": pl.Int64, "split": pl.String}


def test_windows_are_centred_and_padded(tmp_path: Path) -> None:
    dataset = open_dataset(make(tmp_path, SEQUENCES, TRACKS, split=SPLIT)[1])
    rows = np.array([0, 1, 5])
    shown = [decode(codes) for codes in dataset.codes(rows)]
    assert shown[0] == "NNNNN" + SEQUENCES["chrI"][:15]
    assert shown[1] == SEQUENCES["chrI"][85:] + "NNNNN"
    assert shown[2] == SEQUENCES["chrII"][25:43] + "NN"
    moved = dataset.codes(rows, np.array([5, -1, 0]))
    assert decode(moved[0]) == SEQUENCES["chrI"][:20]
    assert decode(moved[1]) == SEQUENCES["chrI"][84:] + "NNNN"


def test_opening_maps_and_reads_nothing_it_need_not(tmp_path: Path) -> None:
    dataset = open_dataset(make(tmp_path, SEQUENCES, TRACKS, split=SPLIT)[1])
    assert isinstance(dataset.packed, np.memmap)
    assert dataset.genome is not None
    assert isinstance(dataset.genome.codes, np.memmap)


@pytest.mark.parametrize("keep", ["all", {"negatives_per_positive": 1, "match": "gc"}])
def test_two_runs_are_byte_equal_and_the_digest_follows_the_content(tmp_path: Path, keep: Any) -> None:
    first, one = make(tmp_path / "a", SEQUENCES, TRACKS, split=SPLIT, keep=keep)
    again, two = make(tmp_path / "b", SEQUENCES, TRACKS, split=SPLIT, keep=keep)
    for name in ("labels.npy", "windows.parquet"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    assert first.digest == again.digest
    other, _ = make(tmp_path / "c", SEQUENCES, TRACKS, split=SPLIT, keep=keep, min_overlap=0.6)
    assert other.digest != first.digest


def test_targets_without_positives_in_a_split_are_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "danq"):
        make(tmp_path, SEQUENCES, TRACKS, split=SPLIT)
    assert "1 of 2 targets have no positive in valid: B" in caplog.text


@pytest.mark.parametrize(
    ("tracks", "options", "message"),
    [
        (
            {"A": [("chrI", 0, 5)]},
            {},
            "targets.tsv:2: target 'A': expected at least one positive bin; found none: none of its 1 "
            "intervals of 5 bp (median) covers more than 50% of a bin of 10 bp; `rule: summit` for it in ",
        ),
        (
            {"A": [("chrI", 0, 6)], "B": [("chrX", 0, 6)]},
            {},
            "targets.tsv:3: target 'B': no contig of",
        ),
        (
            {"A": [("chrI", 0, 6)]},
            {"split": {"valid": ["chrI:1-5", "chrII"], "test": ["chrIII"]}},
            "all its 1 positive bins are left out: 1 across the limit of two splits",
        ),
        ({"A": [("chrI", 0, 6)]}, {"split": {"valid": ["chrII:1-5"], "test": ["chrIII"]}}, "the valid split"),
        (
            {"A": [], "B": [("chrI", 0, 6)], "C": [("chrI", 0, 5)]},
            {},
            "A.bed, found none; no positive bin either: 'C' (line 4)",
        ),
    ],
)
def test_refusals_leave_nothing_behind(
    tmp_path: Path, tracks: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DanqError) as refused:
        make(tmp_path, SEQUENCES, tracks, **{"split": SPLIT, **options})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.glob("out/**/*"))


def test_another_genome_is_refused(tmp_path: Path) -> None:
    _, out = make(tmp_path, SEQUENCES, TRACKS, split=SPLIT)
    (tmp_path / "o.fa").write_text(">chrI\nACGT\n")
    build_genome(tmp_path / "o.fa", tmp_path / "other")
    with pytest.raises(DanqError, match=r"expected the genome genome with digest .*, received .*other"):
        open_dataset(out, tmp_path / "other")
    with pytest.raises(DanqError, match="no such directory; name its directory with --genome"):
        open_dataset(out, tmp_path / "nowhere")


def test_damaged_datasets_are_refused(tmp_path: Path) -> None:
    _, out = make(tmp_path, SEQUENCES, TRACKS, split=SPLIT)
    labels = (out / "labels.npy").read_bytes()
    (out / "labels.npy").write_bytes(labels[:-3])
    with pytest.raises(DanqError, match=r"labels.npy: expected a NumPy array, received a damaged file"):
        open_dataset(out)
    np.save(out / "labels.npy", np.zeros((3, 1), np.uint8))
    with pytest.raises(
        DanqError, match=r"labels.npy: expected uint8 of shape \(10, 1\), received uint8 of shape"
    ):
        open_dataset(out)
    (out / "labels.npy").write_bytes(labels)
    (out / "windows.parquet").write_bytes(b"PAR1")
    with pytest.raises(DanqError, match=r"windows.parquet: expected a Parquet table"):
        open_dataset(out)
    manifest = json.loads((out / "dataset.json").read_text())
    (out / "dataset.json").write_text(json.dumps(manifest | {"format_version": 99}))
    with pytest.raises(DanqError, match="format version"):
        open_dataset(out)


def test_examples_bring_their_own_sequences(tmp_path: Path) -> None:
    labels = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    split = np.array([0, 0, 1, 2], np.uint8)
    codes = np.stack([encode(text) for text in ("ACGT", "CCCC", "GGTN", "TTTT")])
    options = DatasetOptions.model_validate({"examples": "x.fa", "window": 4})
    with staged(tmp_path / "out") as partial:
        np.save(partial / "codes.npy", codes)
        targets = write_examples(partial, ["a", "b", "c", "d"], split, "xyz", [labels[:3], labels[3:]])
        contents = Contents("multiclass", targets, split, {"x.fa": "0"}, "x.fa")
        write_manifest(partial, tmp_path / "out", "d", options, contents)
    dataset = open_dataset(tmp_path / "out")
    rows = np.array([3, 0, 2])
    assert (dataset.task, dataset.bin, dataset.genome) == ("multiclass", None, None)
    assert dataset.ids(rows) == ["d", "a", "c"]
    assert np.array_equal(dataset.labels(rows), labels[rows])
    assert np.array_equal(dataset.codes(rows), codes[rows])
    assert [decode(c) for c in dataset.codes(rows, np.array([1, -2, 9]))] == ["TTTN", "NNAC", "NNNN"]
    assert dataset.counts("train").tolist() == [1, 1, 0]
    with pytest.raises(DanqError, match="expected bins of a genome"):
        dataset.contig_names(rows)
    with pytest.raises(DanqError, match="expected a split of train, valid, test; received 'dev'"):
        dataset.rows("dev")


def test_many_real_tracks_just_work(tmp_path: Path, real_data: Path) -> None:
    yeast = real_data / "yeast"
    tracks = sorted((yeast / "chipexo_many").glob("*.bed.gz"))
    contigs = sorted((yeast / "genome").glob("*.fa.gz"))
    if not tracks or not contigs:
        pytest.skip(f"no yeast tracks or genome below {yeast}")
    fasta = tmp_path / "yeast.fa.gz"
    fasta.write_bytes(b"".join(path.read_bytes() for path in contigs))
    build_genome(fasta, tmp_path / "genome")
    table = tmp_path / "targets.tsv"
    lines = [f"{path.name.removesuffix('.bed.gz')}\t{path}\tsummit\n" for path in tracks]
    table.write_text("target\tpath\trule\n" + "".join(lines))
    given = {"targets": table, "keep": "all", "split": {"valid": ["chrVII"], "test": ["chrIV"]}}
    genome = open_genome(tmp_path / "genome")
    # three of the files hold no peak at all
    empty = "'Kti12_CX': expected regions in .*, found none; no positive bin either: 'Rpa190_CX' .* 'Rsc2_CX'"
    with pytest.raises(DanqError, match=empty):
        build_region_dataset(DatasetOptions.model_validate(given), "many", genome, tmp_path / "out")
    options = DatasetOptions.model_validate(given | {"empty_targets": "keep"})
    manifest = build_region_dataset(options, "many", genome, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert len(dataset.targets) == len(tracks)
    assert manifest.renamed["chr4"] == "chrIV"
    counts = np.array([dataset.counts(split) for split in SPLITS])
    assert (counts == 0).sum(axis=1).tolist() == [9, 41, 23]
    assert (counts.sum(axis=0) == 0).sum() == 3
    total = sum(manifest.n.values()) + sum(manifest.left_out.values())
    assert total == int((-(-genome.lengths // 200)).sum())


def test_empty_targets_can_be_kept_but_not_tracks_of_another_genome(tmp_path: Path) -> None:
    tracks = {"A": [("chrI", 0, 6)], "B": [], "C": [("chrI", 0, 5)]}
    manifest, out = make(tmp_path, SEQUENCES, tracks, split=SPLIT, empty_targets="keep")
    assert [sum(target.counts.values()) for target in manifest.targets] == [1, 0, 0]
    assert open_dataset(out).labels(np.array([0])).tolist() == [[1, 0, 0]]
    with pytest.raises(DanqError, match=r"no contig of .* is in the genome"):
        make(tmp_path, SEQUENCES, tracks | {"D": [("chrX", 0, 6)]}, split=SPLIT, empty_targets="keep")


def test_windows_with_too_many_unknown_bases_and_excluded_bins_are_counted(tmp_path: Path) -> None:
    sequences = SEQUENCES | {"chrI": "A" * 30 + "N" * 20 + "C" * 50}
    (tmp_path / "black.bed").write_text("chrI\t89\t90\nchrZ\t0\t9\n")
    options = {"keep": "all", "max_n": 0.25, "exclude": [tmp_path / "black.bed"]}
    manifest, out = make(tmp_path, sequences, {"A": [("chrI", 0, 100)]}, split=SPLIT, **options)
    # windows of 20 around bins 20, 30, 40, 50 hold 5, 15, 15, 5 N; those at contig ends 5 of padding
    assert manifest.left_out["too_many_n"] == 2
    assert manifest.left_out["excluded"] == 1
    dataset = open_dataset(out)
    starts = [int(id_.partition(":")[2].partition("-")[0]) for id_ in dataset.ids(dataset.rows("train"))]
    assert starts == [0, 10, 20, 50, 60, 70, 90]


def test_exclusions_of_another_genome_are_refused(tmp_path: Path) -> None:
    (tmp_path / "black.bed").write_text("chrZ\t0\t9\n")
    with pytest.raises(DanqError, match=r"black.bed: no contig of it is in the genome; .* received chrZ"):
        make(tmp_path, SEQUENCES, TRACKS, split=SPLIT, exclude=[tmp_path / "black.bed"])
