"""`danq ism` on a tiny network: regions from each source, every file, each refusal with status 2."""

import json
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import polars as pl
import polars.selectors as cs
import pybigtools
import pytest
from toy_models import write_vcf
from untrained import save_model

from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome

WINDOW, BIN = 40, 8


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A genome and untrained models."""
    folder = tmp_path_factory.mktemp("ism")
    rng = np.random.default_rng(0)
    contigs = {name: "".join(rng.choice(list("ACGT"), n)) for name, n in (("chrI", 400), ("chrII", 203))}
    contigs["chrII"] = contigs["chrII"][:100] + "NNN" + contigs["chrII"][103:]
    (folder / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    build_genome(folder / "genome.fa", folder / "genome")
    save_model(folder / "model")
    save_model(folder / "second", seed=1)
    save_model(folder / "others", targets=("CTCF", "H3K4me3"))
    (folder / "r.bed").write_text("chrII\t95\t110\nchrI\t0\t5\n")
    (folder / "empty.bed").write_text("# no region\n")
    (folder / "beyond.bed").write_text("chrI\t400\t401\nchrI\t-3\t0\n")
    (folder / "broken.bed").write_text("chrI\t7\t6\n")
    genome = open_genome(folder / "genome")
    snv = f"chrI 50 {contigs['chrI'][49]} {'A' if contigs['chrI'][49] != 'A' else 'C'}"
    write_vcf(folder / "v.vcf", [snv], genome)
    return SimpleNamespace(path=folder, contigs=contigs)


@pytest.fixture
def ism(place, tmp_path, danq):
    def run(*arguments, model="model", genome="genome", out="out"):
        where = ["--model", place.path / model, "--genome", place.path / genome, "--out", tmp_path / out]
        return danq("ism", *where, *arguments)

    return run


def test_numbers_of_one_base_are_those_of_danq_score(place, ism, danq, tmp_path):
    """The window of a piece of one base is that of a variant there."""
    position, ref = 123, place.contigs["chrI"][122]
    assert ism("--region", f"chrI:{position}-{position}", "--format", "tsv") == 0
    mutants = pl.read_csv(tmp_path / "out" / "ism.tsv", separator="\t")
    assert mutants["alt"].to_list() == [base for base in "ACGT" if base != ref]
    alts = ",".join(mutants["alt"])
    genome = open_genome(place.path / "genome")
    vcf = write_vcf(tmp_path / "one.vcf", [f"chrI {position} {ref} {alts}"], genome)
    where = ["--model", place.path / "model", "--genome", place.path / "genome", "--out", tmp_path / "scores"]
    assert danq("score", *where, "--vcf", vcf, "--format", "tsv") == 0
    scores = pl.read_csv(tmp_path / "scores" / "scores.tsv", separator="\t")
    names = [f"{target}__{number}" for target in ("0_CTCF", "1_Pol2") for number in ("diff", "logit_diff")]
    assert mutants.columns == ["contig", "pos", "ref", "alt", *names]
    assert mutants.select("contig", "pos", "ref", "alt", *names).equals(
        scores.select("contig", "pos", "ref", "alt", *names)
    )


def test_every_file_of_a_bed_with_deletions(place, ism, tmp_path, caplog):
    with caplog.at_level("INFO", "danq"):
        assert ism("--bed", place.path / "r.bed", "--deletions") == 0
    out = tmp_path / "out"
    pictures = [
        f"{target}.{region}.svg" for target in ("0_CTCF", "1_Pol2") for region in ("chrI_1-5", "chrII_96-110")
    ]
    assert {path.name for path in out.iterdir()} == {
        *("ism.json", "ism.parquet", "0_CTCF.bw", "1_Pol2.bw"),
        *pictures,
    }
    table = pl.read_parquet(out / "ism.parquet")
    assert len(table) == 4 * (15 - 3 + 5)
    assert table["contig"].to_list() == ["chrI"] * 20 + ["chrII"] * 48
    for contig, pos, ref, alt in table.select("contig", "pos", "ref", "alt").iter_rows():
        assert place.contigs[contig][pos - 1] == ref != alt
    means = (
        table.filter(pl.col("alt") != "-", pl.col("contig") == "chrII")
        .group_by("pos", maintain_order=True)
        .agg(pl.mean("1_Pol2__logit_diff"))
    )
    with pybigtools.open(str(out / "1_Pol2.bw")) as track:
        assert [(start + 1, value) for start, _, value in track.records("chrII")] == [
            (pos, pytest.approx(mean, abs=1e-6)) for pos, mean in means.iter_rows()
        ]
    for name in pictures:
        assert "chrI" in ElementTree.parse(out / name).getroot()[0].text
    told = json.loads((out / "ism.json").read_text())
    assert told["counts"]["unknown_bases"] == 3
    assert [bundle["run"] for bundle in told["bundles"]] == ["model"]
    assert told["provenance"]["command"].startswith("danq ism --model")
    assert "68 mutants of 17 bases (3 N left out), 4 heat maps" in caplog.text


def test_a_fasta_changes_nothing_and_batches_and_threads_rounding_at_most(ism, tmp_path):
    region = ("--region", "chrII:90-120", "--region", "chrI:200-260", "--deletions")
    assert ism(*region) == 0
    assert ism(*region, genome="genome.fa", out="other") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".json")
    assert len(names) == 7
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert ism(*region, "--batch-size", 7, "--threads", 1, out="batches") == 0
    one, other = (pl.read_parquet(tmp_path / name / "ism.parquet") for name in ("out", "batches"))
    assert one.select("contig", "pos", "ref", "alt").equals(other.select("contig", "pos", "ref", "alt"))
    numbers = (table.select(cs.float()).to_numpy() for table in (one, other))
    np.testing.assert_allclose(*numbers, atol=1e-5, rtol=0)


def test_strands_are_combined_as_asked(ism, tmp_path):
    numbers = {}
    for strands in ("scores", "forward"):
        assert ism("--region", "chrI:200-204", "--strands", strands, out=strands) == 0
        assert json.loads((tmp_path / strands / "ism.json").read_text())["strands"] == strands
        numbers[strands] = pl.read_parquet(tmp_path / strands / "ism.parquet")["1_Pol2__logit_diff"]
    assert not np.allclose(numbers["scores"], numbers["forward"], atol=1e-6)


def test_around_variants_for_one_target_of_an_ensemble_as_bedgraph(place, ism, tmp_path):
    more = ("--model", place.path / "second", "--target", "Pol2", "--track-format", "bedgraph")
    assert ism("--vcf", place.path / "v.vcf", *more) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"ism.json", "ism.parquet", "1_Pol2.bedgraph", "1_Pol2.chrI_30-70.svg"}
    both = pl.read_parquet(tmp_path / "out" / "ism.parquet")
    alone = []
    for model in ("model", "second"):
        assert ism("--vcf", place.path / "v.vcf", "--target", "Pol2", model=model, out=model) == 0
        alone.append(pl.read_parquet(tmp_path / model / "ism.parquet"))
    for column in ("1_Pol2__diff", "1_Pol2__logit_diff"):
        mean = (alone[0][column].cast(pl.Float64) + alone[1][column].cast(pl.Float64)) / 2
        np.testing.assert_allclose(both[column], mean, rtol=1e-6, atol=1e-9)
    assert ism("--vcf", place.path / "v.vcf", "--flank", 0, out="bare") == 0
    assert pl.read_parquet(tmp_path / "bare" / "ism.parquet")["pos"].to_list() == [50] * 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected exactly one of --region, --bed and --vcf"),
        (["--region", "chrI:1-5", "--bed", "r.bed"], "expected exactly one of --region, --bed and --vcf"),
        (["--region", "chrI:1-5", "--flank", "3"], "--flank: belongs to --vcf"),
        (["--region", "chrI:390-401"], "within chrI (400 bp), received 'chrI:390-401'"),
        (["--region", "chrIX:1-5"], "expected a contig of the genome (chrI, chrII), received 'chrIX'"),
        (["--region", "chrI:9-8"], "received 'chrI:9-8'"),
        (["--region", "chrII:101-103"], "found N alone"),
        (["--region", "chrI:1-5", "--target", "Sox2"], "--target Sox2: expected a target of the model"),
        (["--bed", "empty.bed"], "empty.bed: expected at least one region on a contig"),
        (["--bed", "beyond.bed"], "beyond.bed: expected at least one region on a contig"),
        (["--bed", "broken.bed"], "broken.bed:1: expected start <= end, received 7 and 6"),
        (["--bed", "absent.bed"], "absent.bed: no such file"),
        (["--vcf", "absent.vcf"], "absent.vcf: no such file"),
        (["--vcf", "v.vcf", "--aliases", "absent.tsv"], "absent.tsv: no such file"),
        (["--region", "chrI:1-5", "--model", "others"], "expected the targets of"),
        (["--region", "chrI:1-5", "--model", "genome"], "bundle.json: no such file"),
    ],
)
def test_mistakes_give_one_line_and_status_2(place, ism, tmp_path, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(place.path)
    assert ism(*arguments) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("danq: ")
    assert said in told
    assert not (tmp_path / "out").exists()
