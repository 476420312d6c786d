"""`danq predict` on a tiny model: each source, each format, and each refusal with status 2."""

import keras
import numpy as np
import polars as pl
import pybigtools
import pytest
from bundles import entries

from danq.data.encoders import CodesEncoder
from danq.data.options import DatasetOptions
from danq.data.regions.making import build_region_dataset
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome
from danq.learn.bundle import save_bundle
from danq.learn.predict.predictor import load
from danq.learn.predict.reading import read_predictions
from danq.models import danq as danq_model

WINDOW, BIN = 40, 8


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A genome of two contigs, a dataset of two targets, and an untrained model of its kind."""
    place = tmp_path_factory.mktemp("predict")
    rng = np.random.default_rng(0)
    contigs = {name: "".join(rng.choice(list("ACGT"), n)) for name, n in (("chrI", 400), ("chrII", 203))}
    (place / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    genome = open_genome_of(place)
    (place / "one.bed").write_text("chrI\t40\t80\nchrI\t304\t320\nchrII\t16\t24\n")
    (place / "two.bed").write_text("chrI\t0\t64\nchrI\t360\t376\nchrII\t16\t48\n")
    (place / "targets.tsv").write_text("target\tpath\nCTCF\tone.bed\nPol2\ttwo.bed\n")
    options = DatasetOptions(
        targets=place / "targets.tsv",
        window=WINDOW,
        bin=BIN,
        split={"valid": ["chrI:241-400"], "test": ["chrII"]},
    )
    build_region_dataset(options, "tiny", genome, place / "dataset")
    keras.utils.set_random_seed(0)
    sizes = danq_model.Options(filters=6, kernel=5, pool=4, units=4, dense=7)
    encoder = CodesEncoder(WINDOW)
    info = entries(
        options=sizes.model_dump(mode="json"),
        window=WINDOW,
        bin=BIN,
        dataset={"name": "tiny", "digest": "ab" * 32, "genome_digest": genome.digest},
    )
    (place / "model").mkdir()
    save_bundle(place / "model", danq_model.build(sizes, encoder, 2, "multilabel"), encoder, info)
    return place


def open_genome_of(place):
    build_genome(place / "genome.fa", place / "genome")
    return open_genome(place / "genome")


@pytest.fixture
def predict(place, tmp_path, danq):
    def run(*arguments, out="p.npz", model="model"):
        return danq("predict", "--model", place / model, "--out", tmp_path / out, *arguments)

    return run


def test_a_split_as_npz(place, tmp_path, predict, caplog):
    with caplog.at_level("INFO", "danq"):
        assert predict("--dataset", place / "dataset", "--split", "test") == 0
    assert "25 rows, 2 targets in" in caplog.text
    assert "rows/s) on " in caplog.text
    predictions = read_predictions(tmp_path / "p.npz")
    assert (predictions.run, predictions.split, predictions.bin) == ("tiny", "test", 8)
    assert predictions.ids[2] == "chrII:16-24"
    assert predictions.labels[2].tolist() == [1, 1]
    genome = open_genome(place / "genome")
    codes = genome.windows(np.ones(25, np.int32), predictions.start + BIN // 2 - WINDOW // 2, WINDOW)
    np.testing.assert_array_equal(predictions.logits, load(place / "model").logits(codes))


def test_two_runs_give_equal_bytes(place, tmp_path, predict):
    for name in ("a.npz", "b.npz", "a.parquet", "b.parquet", "a.tsv", "b.tsv"):
        assert predict("--dataset", place / "dataset", "--split", "valid", out=name) == 0
    for suffix in ("npz", "parquet", "tsv"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_the_formats_hold_the_same_numbers(place, tmp_path, predict):
    arguments = ("--dataset", place / "dataset", "--split", "test")
    assert [predict(*arguments, out=name) for name in ("p.npz", "p.parquet", "p.tsv")] == [0, 0, 0]
    predictions = read_predictions(tmp_path / "p.npz")
    for table in (pl.read_parquet(tmp_path / "p.parquet"), pl.read_csv(tmp_path / "p.tsv", separator="\t")):
        assert table["id"].to_list() == predictions.ids.tolist()
        for index, target in enumerate(("CTCF", "Pol2")):
            received = table[f"{target}__probability"].to_numpy().astype(np.float32)
            np.testing.assert_array_equal(received, predictions.probabilities[:, index])
            assert table[f"{target}__label"].to_list() == predictions.labels[:, index].tolist()


def test_regions_of_a_fasta_are_those_of_the_encoded_genome(place, tmp_path, predict):
    bed = tmp_path / "x.bed"
    bed.write_text("chrII\t190\t203\nchrI\t3\t20\n")
    for genome, name in ((place / "genome", "a.npz"), (place / "genome.fa", "b.npz")):
        assert predict("--bed", bed, "--tile", "--genome", genome, out=name) == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_regions_with_tracks(place, tmp_path, predict):
    bed = tmp_path / "x.bed"
    bed.write_text("chrII\t190\t203\nchrI\t3\t20\n")
    arguments = ("--bed", bed, "--tile", "--genome", place / "genome", "--tracks", tmp_path / "tracks")
    assert predict(*arguments, "--target", "Pol2", out="p.tsv") == 0
    table = pl.read_csv(tmp_path / "p.tsv", separator="\t")
    places = ["chrI:0-8", "chrI:8-16", "chrI:16-24", "chrII:184-192", "chrII:192-200", "chrII:200-203"]
    assert table["id"].to_list() == places
    assert "CTCF__probability" not in table.columns
    assert [path.name for path in (tmp_path / "tracks").iterdir()] == ["Pol2.bw"]
    with pybigtools.open(str(tmp_path / "tracks" / "Pol2.bw")) as track:
        values = [value for contig in ("chrI", "chrII") for _, _, value in track.records(contig)]
        assert list(track.records("chrII"))[-1][:2] == (200, 203)
    np.testing.assert_allclose(values, table["Pol2__probability"].to_numpy(), atol=1e-7)
    assert predict(*arguments, "--target", "Pol2", "--track-format", "bedgraph") == 0
    lines = [line.split("\t") for line in (tmp_path / "tracks" / "Pol2.bedgraph").read_text().splitlines()]
    assert [f"{contig}:{start}-{end}" for contig, start, end, _ in lines] == places
    np.testing.assert_allclose([float(line[3]) for line in lines], values, atol=1e-6)


def test_a_bed_gives_one_row_a_record_in_its_order(place, tmp_path, predict, caplog):
    bed = tmp_path / "x.bed"
    bed.write_text("chrII\t190\t203\tlate\nchrI\t3\t20\tearly\nplasmid\t1\t5\tnowhere\nchrI\t304\t312\t.\n")
    arguments = ("--bed", bed, "--genome", place / "genome", "--tracks", tmp_path / "tracks")
    for name in ("p.tsv", "p.parquet", "p.npz"):
        assert predict(*arguments, out=name) == 0
    lost = "1 of 4 records cannot be predicted: 1 on contigs that the genome does not have (nowhere)"
    assert lost in caplog.text
    for name in ("p.tsv", "p.parquet", "p.npz"):
        predictions = read_predictions(tmp_path / name)
        assert predictions.ids.tolist() == ["late", "early", "nowhere", "chrI:304-312"]
        assert predictions.flags.tolist() == ["padded", "padded", "unknown_contig", ""]
        for array in (predictions.logits, predictions.probabilities):
            assert np.isnan(array).any(axis=1).tolist() == [False, False, True, False], name
    columns = ["id", "contig", "start", "end", "flags"]
    for table in (pl.read_parquet(tmp_path / "p.parquet"), pl.read_csv(tmp_path / "p.tsv", separator="\t")):
        assert table.columns[:5] == columns
        assert table["start"].to_list() == [190, 3, 1, 304]
        assert table["CTCF__logit"].is_null().to_list() == [False, False, True, False]
        known = np.array([0, 1, 3])
        received = table["CTCF__logit"].to_numpy()[known].astype(np.float32)
        np.testing.assert_array_equal(received, predictions.logits[known, 0])
    # a record that is a bin is predicted as the bin is
    assert predict("--region", "chrI:305-312", "--genome", place / "genome", out="bin.npz") == 0
    bin = read_predictions(tmp_path / "bin.npz")
    np.testing.assert_allclose(predictions.logits[3], bin.logits[0], atol=1e-5)
    with pybigtools.open(str(tmp_path / "tracks" / "CTCF.bw")) as track:
        records = {contig: list(track.records(contig)) for contig in ("chrI", "chrII")}
    assert [record[:2] for record in records["chrI"]] == [(7, 15), (304, 312)]
    assert [record[:2] for record in records["chrII"]] == [(192, 200)]
    assert records["chrII"][0][2] == pytest.approx(float(predictions.probabilities[0, 0]), abs=1e-7)


def test_a_region_holds_the_bins_of_the_same_interval_of_a_bed(place, tmp_path, predict):
    (tmp_path / "x.bed").write_text("chrII\t190\t203\nchrI\t3\t20\n")
    assert predict("--bed", tmp_path / "x.bed", "--tile", "--genome", place / "genome", out="a.npz") == 0
    regions = ("--region", "chrII:191-203", "--region", "chrI:4-20")
    assert predict(*regions, "--genome", place / "genome", out="b.npz") == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    (tmp_path / "names.tsv").write_text("name\talias\nchrII\tsecond\n")
    renamed = ("--region", "second:191-203", "--region", "chrI:4-20", "--aliases", tmp_path / "names.tsv")
    assert predict(*renamed, "--genome", place / "genome", out="c.npz") == 0
    assert (
        read_predictions(tmp_path / "c.npz").ids.tolist() == read_predictions(tmp_path / "a.npz").ids.tolist()
    )


def test_a_stride_gives_every_bin_that_is_centred_in_a_region(place, tmp_path, predict):
    arguments = ("--region", "chrI:101-150", "--genome", place / "genome", "--stride", 2)
    assert predict(*arguments, "--tracks", tmp_path / "tracks") == 0
    fine = read_predictions(tmp_path / "p.npz")
    # 0-based 100 to 149: centres lie 4 bp behind the starts
    assert fine.start.tolist() == list(range(96, 146, 2))
    assert (fine.end - fine.start == BIN).all()
    assert predict("--region", "chrI:97-152", "--genome", place / "genome", out="bins.npz") == 0
    whole = read_predictions(tmp_path / "bins.npz")
    at = np.isin(fine.start, whole.start)
    assert whole.start[:6].tolist() == fine.start[at][:6].tolist() == [96, 104, 112, 120, 128, 136]
    np.testing.assert_allclose(fine.logits[at][:6], whole.logits[:6], atol=1e-5)
    with pybigtools.open(str(tmp_path / "tracks" / "CTCF.bw")) as track:
        records = list(track.records("chrI"))
    # 2 bp around each centre
    assert [record[:2] for record in records] == [(start + 3, start + 5) for start in fine.start.tolist()]
    np.testing.assert_allclose([record[2] for record in records], fine.probabilities[:, 0], atol=1e-7)


@pytest.mark.parametrize(
    ("region", "starts"),
    [("chrI:1-9", [0, 4]), ("chrI:1-1", [0]), ("chrI:399-400", [396]), ("chrI:31-31", [28])],
)
def test_a_stride_at_the_ends_of_a_contig_and_in_a_region_without_a_centre(
    place, tmp_path, predict, region, starts
):
    assert predict("--region", region, "--genome", place / "genome", "--stride", 4) == 0
    predictions = read_predictions(tmp_path / "p.npz")
    assert predictions.start.tolist() == starts
    assert predictions.end.tolist() == [min(start + BIN, 400) for start in starts]


def test_sequences_short_and_long(place, tmp_path, predict):
    fasta = tmp_path / "x.fa"
    fasta.write_text(">short\nACGTACGT\n>whole\n" + "ACGTT" * 8 + "\n")
    assert predict("--fasta", fasta, "--reverse-complement", "none", "--batch-size", 4) == 0
    predictions = read_predictions(tmp_path / "p.npz")
    assert predictions.ids.tolist() == ["short", "whole"]
    assert predictions.flags.tolist() == ["padded,many_n", ""]
    direct = load(place / "model", 4, "none").predict(["ACGTACGT", "ACGTT" * 8])
    np.testing.assert_array_equal(predictions.logits, direct.logits)
    fasta.write_text(">long\n" + "ACGTT" * 9 + "\n")
    assert predict("--fasta", fasta, "--tile") == 0
    tiles = ["long:0-8", "long:8-16", "long:16-24", "long:24-32", "long:32-40", "long:40-45"]
    assert read_predictions(tmp_path / "p.npz").ids.tolist() == tiles


REGION = ("--genome", "{place}/genome", "--region")
DATASET = ("--dataset", "{place}/dataset")
BED = ("--bed", "{place}/one.bed", "--genome", "{place}/genome")
REFUSALS = [
    ((), "--region and --examples, or --genome with --tile; received none"),
    (("--fasta", "a", "--bed", "b"), "received --fasta and --bed"),
    (DATASET, "--dataset: expected --split train, valid or test with it"),
    (("--fasta", "a", "--split", "test"), "--split: belongs to --dataset, received --fasta"),
    (("--bed", "a"), "--bed: expected --genome DIR or FASTA with it"),
    (
        ("--bed", "a", "--stride", "2", "--split", "test"),
        "--bed: expected --genome DIR or FASTA with it; --stride: expected --tile with it, or --region; "
        "--split: belongs to --dataset, received --bed",
    ),
    (
        ("--fasta", "a", "--genome", "b"),
        "--genome: belongs to --dataset or --bed or --region, received --fasta",
    ),
    (("--fasta", "a", "--aliases", "b"), "--aliases: belongs to --bed or --region, received --fasta"),
    (
        ("--fasta", "a", "--stride", "2"),
        "--stride: belongs to --bed or --region or --genome, received --fasta",
    ),
    (("--region", "chrI"), "--region: expected --genome DIR or FASTA with it"),
    ((*REGION, "chrI:500-510"), "--region: expected a region within chrI (400 bp), received 'chrI:500-510'"),
    ((*REGION, "chrX:1-10"), "--region: expected a contig of the genome (chrI, chrII), received 'chrX'"),
    (
        (*DATASET, "--split", "test", "--tile"),
        "--tile: belongs to --fasta or --bed or --genome, received --dataset",
    ),
    (("--fasta", "a", "--centre", "summit"), "--centre: belongs to --bed, received --fasta"),
    ((*BED, "--tile", "--centre", "midpoint"), "--centre: expected no --tile"),
    ((*BED, "--stride", "2"), "--stride: expected --tile with it, or --region"),
    ((*BED, "--centre", "summit"), "--centre summit: expected a narrowPeak, which has summits; received"),
    (("--fasta", "{place}/absent.fa"), "absent.fa: no such file"),
    (("--fasta", "{place}/genome.fa"), "--tile covers longer records"),
    (("--fasta", "{place}/genome.fa", "--target", "X"), "--target X: expected a target of the model"),
    (("--fasta", "a", "--target", "CTCF", "--target", "CTCF"), "--target CTCF: named twice"),
    (("--bed", "{place}/one.bed", "--genome", "{place}/dataset"), "is no danq genome"),
    (("--dataset", "{place}/genome", "--split", "test"), "is no danq dataset"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSALS)
def test_a_mistake_is_one_line_and_status_2(place, tmp_path, predict, capsys, arguments, message):
    assert predict(*(argument.format(place=place) for argument in arguments)) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert message in lines[-1]
    assert lines[-1].startswith("danq: ")
    assert list(tmp_path.iterdir()) == []


def test_unknown_suffixes_models_and_tracks_without_positions(place, tmp_path, predict, capsys):
    (place / "s.fa").write_text(">a\nACGT\n")
    assert predict("--fasta", place / "s.fa", out="p.csv") == 2
    assert "expected a name that ends in .npz, .parquet, .tsv, received '.csv'" in capsys.readouterr().err
    assert predict("--fasta", place / "s.fa", model="dataset") == 2
    assert "is no danq bundle" in capsys.readouterr().err
    assert predict("--fasta", place / "s.fa", "--tracks", tmp_path / "t") == 2
    assert "expected rows with positions" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
