"""Rows of a split, of a FASTA and of regions, beside naive loops over strings."""

import gzip
import logging

import numpy as np
import pytest
from bundles import manifest

from danq.data.dataset import open_dataset
from danq.data.options import DatasetOptions
from danq.data.regions.making import build_region_dataset
from danq.errors import DanqError
from danq.genome.alphabet import decode
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome
from danq.learn.predict import rows, sequence_sources
from danq.learn.predict.sequence_sources import fasta_source, tiled_bed_source
from danq.learn.predict.sources import dataset_source

INFO = manifest(window=20, bin=4, targets=("one", "two"))
RNG = np.random.default_rng(3)
CONTIGS = {name: "".join(RNG.choice(list("ACGT"), length)) for name, length in (("chrI", 90), ("chrII", 61))}


def trained_on(**digests):
    return INFO.model_copy(update={"dataset": INFO.dataset.model_copy(update=digests)})


def window(sequence, start, length=20):
    return "".join(sequence[i] if 0 <= i < len(sequence) else "N" for i in range(start, start + length))


def all_rows(source):
    blocks = list(source.blocks())
    ids = [name for block in blocks for name in block.ids]
    codes = [decode(row) for block in blocks for row in block.codes]
    padded = [bool(flag) for block in blocks for flag in block.padded]
    assert len(ids) == len(codes) == len(padded) == source.rows
    return dict(zip(ids, zip(codes, padded, strict=True), strict=True))


@pytest.fixture
def genome(tmp_path):
    fasta = tmp_path / "genome.fa"
    fasta.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in CONTIGS.items()))
    build_genome(fasta, tmp_path / "genome")
    return tmp_path / "genome"


@pytest.fixture
def small_blocks(monkeypatch):
    for module in (rows, sequence_sources):
        monkeypatch.setattr(module, "BLOCK", 3)


def write(path, text):
    path.write_text(text)
    return path


def test_short_records_are_centred_and_flagged(tmp_path, small_blocks):
    fasta = write(
        tmp_path / "x.fa", ">a some words\nACGT\n>b\n" + "G" * 20 + "\n>c\n" + "T" * 7 + "\n>d\nA\n"
    )
    assert all_rows(fasta_source(fasta, INFO)) == {
        "a": ("N" * 8 + "ACGT" + "N" * 8, True),
        "b": ("G" * 20, False),
        "c": ("N" * 7 + "T" * 7 + "N" * 6, True),
        "d": ("N" * 10 + "A" + "N" * 9, True),
    }


def test_gzip_is_read_and_case_and_line_width_do_not_matter(tmp_path):
    (tmp_path / "x.fa.gz").write_bytes(gzip.compress(b">a\r\nac\r\ngt\r\n"))
    assert all_rows(fasta_source(tmp_path / "x.fa.gz", INFO))["a"][0] == "N" * 8 + "ACGT" + "N" * 8


@pytest.mark.parametrize("bin", [4, None])
def test_tiles_cover_a_record(tmp_path, bin, small_blocks):
    text = "".join(f">{name}\n{sequence}\n" for name, sequence in CONTIGS.items())
    source = fasta_source(write(tmp_path / "x.fa", text), INFO.model_copy(update={"bin": bin}), tile=True)
    width, expected = bin or 20, {}
    for name, sequence in CONTIGS.items():
        for start in range(0, len(sequence), width):
            first = start + width // 2 - 10
            key = f"{name}:{start}-{min(start + width, len(sequence))}"
            expected[key] = (window(sequence, first), first < 0 or first + 20 > len(sequence))
    assert all_rows(source) == expected
    assert source.contigs == {"chrI": 90, "chrII": 61}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ">a\nACGT\n>b\n" + "A" * 21 + "\n",
            r"x\.fa:3: record 'b': .*window of 20 bp, received 21 bp; --tile",
        ),
        (">a\nACGT\n>a\nAC\n", r"x\.fa:3: record 'a' stands in the file already"),
        (">a\nACGT\n>b\n>c\nAC\n", r"x\.fa:3: record 'b' has no sequence"),
        (">a\nACGT\n>b\n", r"x\.fa:3: record 'b' has no sequence"),
        (">a\nMKVL\n", r"x\.fa:2: expected nucleotide letters"),
        ("", r"x\.fa: expected FASTA records"),
    ],
)
def test_a_fasta_that_cannot_be_predicted_is_refused_before_the_first_row(tmp_path, text, message):
    with pytest.raises(DanqError, match=message):
        fasta_source(write(tmp_path / "x.fa", text), INFO)


def test_regions_give_each_bin_once_in_genome_order(tmp_path, genome, small_blocks):
    bed = write(tmp_path / "x.bed", "chrII\t58\t61\nchrI\t5\t6\nchrI\t0\t9\nchrI\t40\t44\nchrI\t7\t8\n")
    source = tiled_bed_source(bed, genome, INFO)
    assert source.contigs == {"chrI": 90, "chrII": 61}
    rows = all_rows(source)
    assert list(rows) == ["chrI:0-4", "chrI:4-8", "chrI:8-12", "chrI:40-44", "chrII:56-60", "chrII:60-61"]
    for name, (codes, padded) in rows.items():
        contig, _, place = name.partition(":")
        first = int(place.split("-")[0]) + 2 - 10
        assert codes == window(CONTIGS[contig], first)
        assert padded == (first < 0 or first + 20 > len(CONTIGS[contig]))


def test_regions_on_unknown_contigs_are_counted(tmp_path, genome, caplog):
    bed = write(tmp_path / "x.bed", "chrI\t0\t4\nscaffold_9\t0\t4\nscaffold_9\t8\t9\n")
    with caplog.at_level(logging.WARNING, "danq"):
        assert tiled_bed_source(bed, genome, INFO).rows == 1
    assert "2 regions lie on contigs that the genome does not have (scaffold_9)" in caplog.text
    with pytest.raises(DanqError, match=r"y\.bed: expected at least one region on a contig"):
        tiled_bed_source(write(tmp_path / "y.bed", "scaffold_9\t0\t4\n"), genome, INFO)


def test_aliases_are_followed(tmp_path, genome):
    bed = write(tmp_path / "x.bed", "first\t0\t4\n")
    table = write(tmp_path / "aliases.tsv", "name\talias\nchrI\tfirst\n")
    assert list(all_rows(tiled_bed_source(bed, genome, INFO, table))) == ["chrI:0-4"]


def test_another_genome_is_allowed_with_a_warning(tmp_path, genome, caplog):
    bed = write(tmp_path / "x.bed", "chrI\t0\t4\n")
    with caplog.at_level(logging.WARNING, "danq"):
        tiled_bed_source(bed, genome, trained_on(genome_digest=open_genome(genome).digest))
        assert caplog.text == ""
        tiled_bed_source(bed, genome, trained_on(genome_digest="00" * 32))
    assert "is not the genome that run 'tiny' was trained on" in caplog.text


@pytest.fixture
def dataset(tmp_path, genome):
    write(tmp_path / "one.bed", "chrI\t4\t8\nchrI\t48\t60\nchrII\t20\t24\nchrII\t57\t60\n")
    write(tmp_path / "two.bed", "chrI\t8\t16\nchrI\t72\t76\nchrII\t20\t28\n")
    table = write(tmp_path / "targets.tsv", "target\tpath\none\tone.bed\ntwo\ttwo.bed\n")
    options = DatasetOptions(
        targets=table, window=20, bin=4, split={"valid": ["chrI:61-90"], "test": ["chrII"]}, keep="all"
    )
    build_region_dataset(options, "yeast", open_genome(genome), tmp_path / "dataset")
    return tmp_path / "dataset"


def test_a_split_is_given_with_labels_and_flags(dataset, small_blocks):
    source = dataset_source(dataset, "test", INFO)
    assert (source.split, source.bin, source.contigs) == ("test", 4, {"chrI": 90, "chrII": 61})
    assert len(source.dataset_digest) == 64
    labels = np.concatenate([block.labels for block in source.blocks()])
    rows = all_rows(source)
    assert list(rows) == [f"chrII:{start}-{start + 4}" for start in range(0, 60, 4)]
    assert labels.tolist() == [[int(start in (20, 56)), int(start in (20, 24))] for start in range(0, 60, 4)]
    for name, (codes, padded) in rows.items():
        first = int(name.split(":")[1].split("-")[0]) + 2 - 10
        assert codes == window(CONTIGS["chrII"], first)
        assert padded == (first < 0 or first + 20 > 61)


def test_rows_that_may_have_trained_the_model_are_warned_of(dataset, caplog):
    digest = open_dataset(dataset).digest
    dataset_source(dataset, "test", trained_on(digest=digest))
    assert not caplog.records
    dataset_source(dataset, "test", trained_on(digest="of another fold"))
    assert "which may have been trained on rows of this test split" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 40}, r"dataset\.json: expected window 40 as run 'tiny' was trained, received 20"),
        ({"task": "multiclass"}, "expected task multiclass"),
        ({"targets": ["one"]}, "expected the 1 targets of run 'tiny', received 2"),
        ({"targets": ["two", "one"]}, "expected target 0 to be 'two' as in run 'tiny', received 'one'"),
    ],
)
def test_a_dataset_of_another_kind_is_refused(dataset, change, message):
    with pytest.raises(DanqError, match=message):
        dataset_source(dataset, "test", INFO.model_copy(update=change))
