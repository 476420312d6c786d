"""`danq predict` of whole genomes and in parts: shards, interruptions and refusals, on a tiny model."""

import json

import keras
import numpy as np
import pybigtools
import pytest
from bundles import entries

from danq.data.encoders import CodesEncoder
from danq.genome.encode import build_genome
from danq.learn.bundle import save_bundle
from danq.learn.predict import in_parts, rows
from danq.learn.predict.predictor import Predictor
from danq.learn.predict.reading import read_predictions
from danq.models import danq as danq_model
from danq.processes import Stopped

WINDOW, BIN = 40, 8
LENGTHS = {"huge": 8_003, **{f"small{number}": 9 + number % 40 for number in range(60)}}
ROWS = sum(-(-length // BIN) for length in LENGTHS.values())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A genome of one long contig and many short ones, and an untrained model of its kind."""
    place = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(0)
    texts = {name: "".join(rng.choice(list("ACGT"), length)) for name, length in LENGTHS.items()}
    (place / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in texts.items()))
    build_genome(place / "genome.fa", place / "genome")
    (place / "regions.bed").write_text("".join(f"huge\t{at}\t{at + 30}\n" for at in range(0, 7_900, 20)))
    keras.utils.set_random_seed(0)
    sizes, encoder = danq_model.Options(filters=6, kernel=5, pool=4, units=4, dense=7), CodesEncoder(WINDOW)
    info = entries(options=sizes.model_dump(mode="json"), window=WINDOW, bin=BIN)
    (place / "model").mkdir()
    save_bundle(place / "model", danq_model.build(sizes, encoder, 2, "multilabel"), encoder, info)
    return place


assert in_parts.PART % rows.BLOCK == 0, "rows keep their neighbours in a batch"


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    """Few rows a part, so that a small genome has several."""
    monkeypatch.setattr(rows, "BLOCK", 128)
    monkeypatch.setattr(in_parts, "PART", 256)


@pytest.fixture
def predict(place, danq):
    return lambda *arguments: danq("predict", "--model", place / "model", *arguments)


@pytest.fixture(scope="module")
def whole(place):
    return ("--genome", place / "genome", "--tile")


def test_every_bin_of_a_genome_as_tracks_without_a_file(place, tmp_path, predict, whole):
    assert predict(*whole, "--tracks", tmp_path / "tracks", "--target", "CTCF") == 0
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["CTCF.bw"]
    with pybigtools.open(str(tmp_path / "tracks" / "CTCF.bw")) as track:
        assert track.chroms() == LENGTHS
        ends = {name: max(end for _, end, _ in track.records(name)) for name in LENGTHS}
    assert ends == LENGTHS
    for number, arguments in enumerate(
        (whole, ("--fasta", place / "genome.fa", "--tile"), ("--genome", place / "genome.fa", "--tile"))
    ):
        assert predict(*arguments, "--out", tmp_path / f"{number}.npz") == 0
    assert len({(tmp_path / f"{number}.npz").read_bytes() for number in range(3)}) == 1
    assert len(read_predictions(tmp_path / "0.npz")) == ROWS


@pytest.mark.parametrize(("form", "numbers"), [("npz", (1, 3)), ("parquet", (9,))])
def test_shards_give_the_same_bytes(place, tmp_path, predict, whole, form, numbers):
    assert predict(*whole, "--out", tmp_path / f"whole.{form}", "--tracks", tmp_path / "whole") == 0
    for shards in numbers:
        work, tracks, receipts = tmp_path / "work", tmp_path / f"tracks{shards}", []
        for shard in range(shards, 0, -1):
            path = tmp_path / f"{shard}.json"
            done = predict(*whole, "--work", work, "--shard", f"{shard}/{shards}", "--receipt", path)
            assert done == 0
            receipts.append(json.loads(path.read_text()))
        assert sum(receipt["rows"] for receipt in receipts) == ROWS
        assert {receipt["rows_computed_now"] == receipt["rows"] for receipt in receipts} == {True}
        sizes = [stop - start for start, stop in (receipt["parts"] for receipt in receipts)]
        assert max(sizes) - min(sizes) <= 1
        out = tmp_path / f"{shards}.{form}"
        assert predict(*whole, "--work", work, "--out", out, "--tracks", tracks) == 0
        assert out.read_bytes() == (tmp_path / f"whole.{form}").read_bytes()
        for track in tracks.iterdir():
            assert track.read_bytes() == (tmp_path / "whole" / track.name).read_bytes()
        assert not work.exists()


def test_shards_of_a_bed_and_of_short_records(place, tmp_path, predict):
    fasta = tmp_path / "short.fa"
    fasta.write_text("".join(f">r{number}\n{'ACGTT' * (1 + number % 8)}\n" for number in range(600)))
    bed = ("--bed", place / "regions.bed", "--genome", place / "genome")
    for name, arguments in (("bed", bed), ("fasta", ("--fasta", fasta))):
        assert predict(*arguments, "--out", tmp_path / f"{name}.npz") == 0
        for shard in ("2/2", "1/2"):
            assert predict(*arguments, "--work", tmp_path / "work", "--shard", shard) == 0
        assert predict(*arguments, "--work", tmp_path / "work", "--out", tmp_path / "parts.npz") == 0
        assert (tmp_path / "parts.npz").read_bytes() == (tmp_path / f"{name}.npz").read_bytes()


def test_an_interrupted_prediction_goes_on(tmp_path, predict, whole, monkeypatch, caplog):
    assert predict(*whole, "--out", tmp_path / "whole.npz") == 0
    annotate, calls = Predictor.annotate, []

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 6:
            raise Stopped(15)
        return annotate(self, *arguments)

    arguments = (*whole, "--work", tmp_path / "work", "--out", tmp_path / "p.npz")
    monkeypatch.setattr(Predictor, "annotate", interrupted)
    assert predict(*arguments) == 128 + 15
    assert "stopped by SIGTERM after 2 of 5 parts; the same command goes on from" in caplog.text
    assert not (tmp_path / "p.npz").exists()
    calls[:] = [1] * 6
    assert predict(*arguments) == 0
    assert len(calls) == 6 + -(-ROWS // 128) - 4, "what was finished is not predicted again"
    assert (tmp_path / "p.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_finished_parts_are_put_together_without_a_model(tmp_path, predict, whole, monkeypatch):
    work = ("--work", tmp_path / "work")
    assert predict(*whole, *work, "--shard", "1/1") == 0
    monkeypatch.setattr("danq.learn.linear.open_bundle", lambda *_: pytest.fail("loaded the model"))
    assert predict(*whole, *work, "--out", tmp_path / "p.npz") == 0


def test_shards_that_are_not_done_are_named_and_made_up_for(tmp_path, predict, whole, caplog):
    work = ("--work", tmp_path / "work")
    for shard in ("1/4", "3/4"):
        assert predict(*whole, *work, "--shard", shard) == 0
    assert predict(*whole, *work, "--out", tmp_path / "p.npz") == 0
    assert "shards that are not done: 2/4, 4/4; their parts are computed now" in caplog.text
    assert predict(*whole, "--out", tmp_path / "whole.npz") == 0
    assert (tmp_path / "p.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


@pytest.mark.parametrize(
    "changed",
    [("--target", "CTCF"), ("--batch-size", "64"), ("--reverse-complement", "none"), ("--stride", "4")],
)
def test_parts_of_other_options_are_not_used(tmp_path, predict, whole, changed, caplog):
    assert predict(*whole, "--work", tmp_path / "work", "--shard", "1/1") == 0
    assert predict(*whole, *changed, "--work", tmp_path / "work", "--shard", "1/2") == 0
    assert "unfinished work of other inputs or options; not used" in caplog.text
    assert len(list((tmp_path / "work").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--shard", "0/4", "--work", "w"),
            "--shard: expected I/N with I from 1 to N, such as 2/8; received",
        ),
        (
            ("--shard", "5/4", "--work", "w"),
            "--shard: expected I/N with I from 1 to N, such as 2/8; received",
        ),
        (
            ("--shard", "1-4", "--work", "w"),
            "--shard: expected I/N with I from 1 to N, such as 2/8; received",
        ),
        (("--shard", "1/4"), "--shard: expected --work DIR with it"),
        (("--receipt", "r.json", "--out", "p.npz"), "--receipt: belongs to --shard"),
        ((), "expected --out FILE or --tracks DIR, or --shard; received none of them"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    tmp_path, predict, whole, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    assert predict(*whole, *arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_part_is_refused(tmp_path, predict, whole, capsys):
    assert predict(*whole, "--work", tmp_path / "work", "--shard", "1/1") == 0
    part = next((tmp_path / "work").rglob("part-000001.arrow"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    assert predict(*whole, "--work", tmp_path / "work", "--out", tmp_path / "p.npz") == 2
    assert "part-000001.arrow: damaged; remove" in capsys.readouterr().err
    assert not (tmp_path / "p.npz").exists()
