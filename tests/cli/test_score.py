"""`danq score` on a tiny network: every option, each refusal with status 2, and the call from Python."""

import io
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from phased import phased_vcf
from toy_models import write_vcf
from untrained import save_model

from danq.errors import DanqError
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome
from danq.learn.predict.predictor import load as load_predictor
from danq.score import load

WINDOW = 40
OTHER = {"A": "G", "G": "A", "C": "T", "T": "C"}
FILES = ("scores.parquet", "ledger.tsv", "annotated.vcf.gz")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A genome, variants with something of everything, and untrained models."""
    folder = tmp_path_factory.mktemp("score")
    rng = np.random.default_rng(0)
    contigs = {name: "".join(rng.choice(list("ACGT"), n)) for name, n in (("chrI", 400), ("chrII", 203))}
    (folder / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    build_genome(folder / "genome.fa", folder / "genome")
    genome = open_genome(folder / "genome")
    first = contigs["chrI"]
    lines = [f"chrI {p} {first[p - 1]} {OTHER[first[p - 1]]} PASS Y={p % 2}" for p in range(3, 390, 9)]
    lines += [
        f"chrI 392 {first[391]} {OTHER[first[391]]},{first[391]}TTT,* LowQual Y=0,1,0",
        f"chrI 393 {first[392:396]} {first[392]}",
        f"chrI 397 {OTHER[first[396]]} A",
        "chrIX 5 A G",
    ]
    write_vcf(folder / "v.vcf", lines, genome)
    save_model(folder / "model", genome_digest=genome.digest)
    save_model(folder / "second", seed=1, genome_digest="another")
    save_model(folder / "wide", window=48)
    save_model(folder / "others", targets=("CTCF", "H3K4me3"))
    return SimpleNamespace(path=folder, contigs=contigs, genome=genome)


def inputs_of(place):
    names = {"--model": "model", "--genome": "genome", "--vcf": "v.vcf"}
    return [text for option, name in names.items() for text in (option, place.path / name)]


@pytest.fixture
def score(place, tmp_path, danq):
    def run(*arguments, model="model", genome="genome", vcf="v.vcf", out="out"):
        where = ["--model", place.path / model, "--genome", place.path / genome]
        source = "-" if vcf == "-" else place.path / vcf
        return danq("score", *where, "--vcf", source, "--out", tmp_path / out, *arguments)

    return run


def table_of(folder):
    return pl.read_parquet(folder / "scores.parquet")


def test_scores_are_those_of_the_model_s_predictions(place, score, tmp_path, caplog):
    with caplog.at_level("INFO", "danq"):
        assert score() == 0
    assert "49 alleles: 46 scored, 3 skipped (" in caplog.text
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *FILES,
        *("annotated.vcf.gz.tbi", "scores.json"),
    }
    told = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert told["counts"]["reasons"] == {"ref_mismatch": 1, "star": 1, "unknown_contig": 1}
    assert told["bundles"][0]["run"] == "model"
    assert told["genome"]["digest"] == place.genome.digest
    assert told["provenance"]["command"].startswith("danq score --model")

    rows = table_of(tmp_path / "out").filter(
        pl.col("alt").str.len_bytes() + pl.col("ref").str.len_bytes() == 2
    )
    sequence = "N" * WINDOW + place.contigs["chrI"] + "N" * WINDOW
    references = [sequence[p - 1 + WINDOW // 2 : p - 1 + WINDOW + WINDOW // 2] for p in rows["pos"]]
    middle = WINDOW // 2
    alternates = [w[:middle] + alt + w[middle + 1 :] for w, alt in zip(references, rows["alt"], strict=True)]
    predictor = load_predictor(place.path / "model", reverse_complement="mean")
    both = [predictor.predict(windows) for windows in (references, alternates)]
    for index, target in enumerate(("CTCF", "Pol2")):
        p_ref, p_alt = (predictions.probabilities[:, index] for predictions in both)
        np.testing.assert_allclose(rows[f"{index}_{target}__p_ref"], p_ref, atol=1e-6)
        np.testing.assert_allclose(rows[f"{index}_{target}__p_alt"], p_alt, atol=1e-6)
        # DeepSEA's rule: the mean of both strands' logit differences
        expected = both[1].logits[:, index] - both[0].logits[:, index]
        np.testing.assert_allclose(rows[f"{index}_{target}__logit_diff"], expected, atol=1e-5)


def test_a_fasta_and_standard_input_change_nothing(place, score, tmp_path, monkeypatch):
    assert score() == 0
    variants = (place.path / "v.vcf").read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(variants)))
    before = sorted(place.path.iterdir())
    assert score(genome="genome.fa", vcf="-", out="other") == 0
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    told = json.loads((tmp_path / "other" / "scores.json").read_text())
    assert told["vcf"]["name"] == "standard input"
    assert told["genome"] == {"path": str(place.path / "genome.fa"), "digest": place.genome.digest}
    assert sorted(place.path.iterdir()) == before


def test_threads_and_batch_size_change_rounding_at_most(score, tmp_path):
    assert score() == 0
    assert score("--threads", 1, "--batch-size", 7, out="other") == 0
    one, other = (table_of(tmp_path / name).select(cs.float()).to_numpy() for name in ("out", "other"))
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=0)


def test_shards(place, score, tmp_path):
    assert score() == 0
    work = tmp_path / "work"
    for shard in ("1/2", "2/2"):
        receipt = tmp_path / f"{shard[0]}.json"
        assert score("--shard", shard, "--work", work, "--receipt", receipt, out="unused") == 0
        assert json.loads(receipt.read_text())["shards"] == 2
    assert not (tmp_path / "unused").exists()
    assert score("--work", work, out="gathered") == 0
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "gathered" / name).read_bytes()
    assert not work.exists()


def test_an_ensemble_with_its_spread(place, score, tmp_path, caplog):
    assert score("--model", place.path / "second", out="both") == 0
    assert "second: trained on another genome than" in caplog.text
    assert score() == 0
    assert score(model="second", out="second") == 0
    one, other, both = (table_of(tmp_path / name) for name in ("out", "second", "both"))
    column = "1_Pol2__logit_diff"
    np.testing.assert_allclose(both[column], (one[column] + other[column]) / 2, atol=1e-6)
    half = np.abs(one[column] - other[column]).to_numpy() / np.sqrt(2)
    np.testing.assert_allclose(both["1_Pol2__logit_diff_sd"], half, atol=1e-6)
    assert len(json.loads((tmp_path / "both" / "scores.json").read_text())["bundles"]) == 2


def test_options_of_what_is_read_and_written(place, score, tmp_path):
    asked = ["--target", "Pol2", "--annotate", "CTCF", "--region", "chrI:100-400", "--pass-only"]
    asked += ["--ref-mismatch", "swap", "--strands", "predictions", "--truth", "Y", "--long"]
    assert score(*asked, "--truth-group", "Y", "--format", "tsv", "--info-prefix", "x_") == 0
    table = pl.read_csv(tmp_path / "out" / "scores.tsv", separator="\t")
    assert set(table["target"]) == {"Pol2"}
    told = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert set(told["counts"]["reasons"]) >= {"outside_regions", "filtered"}
    assert told["options"]["strands"] == "predictions"
    assert (told["truth"]["kind"], told["truth"]["groups"]) == ("labels", 2)


def test_a_background_adds_e_values(place, score, danq, tmp_path):
    where = inputs_of(place)
    assert danq("background", *where, "--out", tmp_path / "background") == 0
    assert score("--background", tmp_path / "background") == 0
    table = table_of(tmp_path / "out")
    statistic = np.abs(
        table["0_CTCF__diff"].to_numpy().astype(float) * table["0_CTCF__logit_diff"].to_numpy()
    )
    n = len(statistic)
    expected = [max((statistic > value).sum(), 1) / n for value in statistic]
    np.testing.assert_allclose(table["0_CTCF__evalue"], expected, atol=1 / n + 1e-6)
    both = np.log(table.select("0_CTCF__evalue", "1_Pol2__evalue").to_numpy()).mean(axis=1)
    np.testing.assert_allclose(table["functional_significance"], np.exp(both), rtol=1e-5)


def test_samples(place, score, tmp_path, capsys):
    first = place.contigs["chrI"]
    lines = [
        f"chrI\t{p}\t.\t{first[p - 1]}\t{OTHER[first[p - 1]]}\t.\t.\t.\tGT\t0|1\t1|1" for p in (100, 105)
    ]
    phased_vcf(tmp_path / "phased.vcf", lines, ("ann", "bob"))
    assert score("--sample", "all", "--dry-run", vcf=tmp_path / "phased.vcf") == 0
    said = "6 alleles to score, and at most as many windows of whole haplotypes: at most about 0:0"
    assert capsys.readouterr().out.startswith(said)
    assert score("--sample", "bob", "--sample", "ann", vcf=tmp_path / "phased.vcf") == 0
    table = table_of(tmp_path / "out")
    carried = [("bob", 1), ("bob", 2), ("ann", 2)]
    assert table.select("sample", "haplotype").rows() == carried * 2
    whole = pl.read_parquet(tmp_path / "out" / "haplotypes.parquet")
    assert whole.select("sample", "haplotype", "alleles").rows() == [(*one, "1:1,2:1") for one in carried * 2]
    ledger = pl.read_csv(tmp_path / "out" / "ledger.tsv", separator="\t")
    assert ledger.columns[-2:] == ["sample", "haplotype"]
    # one haplotype carries the same on either sample
    numbers = table.drop("row", "sample", "haplotype").rows()
    assert numbers[0] == numbers[1] == numbers[2]


def test_a_dry_run_says_the_estimate_only(score, tmp_path, capsys):
    assert score("--dry-run") == 0
    assert "alleles to score: about 0:0" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


CALLSET = """
genomes: {{small: {path}/genome.fa}}
datasets: {{d: {{targets: {path}/targets.tsv, window: 40, bin: 20, split: {{valid: [chrI], test: [chrII]}}}}}}
runs: {{model: {{model: danq, dataset: d}}, second: {{model: danq, dataset: d}}}}
callsets:
  mine:
    {{vcf: {path}/v.vcf, runs: [model, second], regions: ["chrI:1-200", chrII], annotate: [Pol2], truth: Y}}
"""


def test_a_callset_of_the_configuration(place, score, danq, tmp_path, capsys):
    (place.path / "config.yaml").write_text(CALLSET.format(path=place.path))
    results = tmp_path / "results"
    for folder, names in (("runs", ("model", "second")), ("genomes", ("small",))):
        (results / folder).mkdir(parents=True)
        for name in names:
            (results / folder / name).symlink_to(place.path / name.replace("small", "genome"))
    asked = ["--config", place.path / "config.yaml", "--callset", "mine", "--results", results]
    assert danq("score", *asked, "--out", tmp_path / "callset") == 0
    by_hand = ["--region", "chrI:1-200", "--region", "chrII", "--annotate", "Pol2", "--truth", "Y"]
    assert score("--model", place.path / "second", *by_hand) == 0
    for name in (*FILES, "truth.tsv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "callset" / name).read_bytes()
    manifests = [json.loads((tmp_path / name / "scores.json").read_text()) for name in ("out", "callset")]
    assert manifests[0]["options"] == manifests[1]["options"]

    refused = {
        "expected --callset of mine; received 'yours'": [*asked[:3], "yours"],
        "expected --config and --callset together": asked[:2],
        "--callset mine: the configuration says regions; expected no option for it": [
            *asked,
            "--region",
            "chrI",
        ],
        "expected --model, --genome and --vcf, or --config and --callset; received --vcf": ["--vcf", "v.vcf"],
    }
    for message, arguments in refused.items():
        assert danq("score", *arguments, "--out", tmp_path / "no") == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


REFUSED = {
    "a model that is none": ({"model": "genome"}, [], "bundle.json: no such file"),
    "a genome that is none": ({"genome": "v.vcf"}, [], "v.vcf:1:"),
    "a VCF that is none": ({"vcf": "genome.fa"}, [], "genome.fa:1: expected a VCF"),
    "no VCF": ({"vcf": "nowhere.vcf"}, [], "nowhere.vcf: no such file"),
    "a target that is not there": ({}, ["--target", "H3K4me3"], "--target H3K4me3: expected a target of the"),
    "no truth": ({}, ["--truth", "Z"], "--truth Z: no such INFO key"),
    "no group": ({}, ["--truth", "Y", "--truth-group", "Z"], "--truth-group Z: no such INFO key"),
    "groups of nothing": ({}, ["--truth-group", "Y"], "--truth-group: belongs to --truth"),
    "a phase of no sample": ({}, ["--unphased", "alone"], "--unphased: belongs to --sample"),
    "a sample of none": ({}, ["--sample", "ann"], "a file without samples"),
    "another window": ({}, ["--model", "wide"], r"expected the window of .*model \(40\), received 48"),
    "other targets": ({}, ["--model", "others"], "received others .target 1 is 'H3K4me3'."),
    "one model twice": ({}, ["--model", "model"], "received the same weights twice"),
    "a mismatch": ({}, ["--ref-mismatch", "error"], r"v.vcf:\d+: expected REF"),
    "a wrong shard": ({}, ["--shard", "3/2"], "--shard: expected I/N with I from 1 to N"),
    "a receipt of nothing": ({}, ["--receipt", "r.json"], "--receipt: belongs to --shard"),
    "a bad prefix": ({}, ["--info-prefix", "1_"], "--info-prefix '1_'"),
    "no background": ({}, ["--background", "nowhere"], "nowhere/background.json: no such file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(place, score, tmp_path, capsys, case, monkeypatch):
    where, arguments, message = REFUSED[case]
    monkeypatch.chdir(place.path)
    assert score(*arguments, **where) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("danq: ")
    assert re.search(message, said[-1]), said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"data_kind": "text"}, "expected a model of DNA, received one of data of kind text"),
        ({"step": 4}, "received one that classifies steps of 4 bp"),
    ],
)
def test_a_model_that_does_not_classify_windows_of_dna(score, tmp_path, capsys, more, expected):
    save_model(tmp_path / "other", **more)
    assert score(model=tmp_path / "other") == 2
    assert expected in capsys.readouterr().err


def test_a_model_that_cannot_be_read(place, score, tmp_path, capsys):
    broken = tmp_path / "broken"
    shutil.copytree(place.path / "model", broken)
    (broken / "weights.safetensors").write_text("no model")
    assert score(model=broken) == 2
    assert "broken/weights.safetensors: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_directory_for_the_results(place, danq, capsys):
    where = inputs_of(place)
    assert danq("score", *where) == 2
    assert "--out: expected a directory, received nothing" in capsys.readouterr().err
    assert danq("score", *where, "--shard", "1/2") == 2
    assert "--shard: expected --work DIR with it" in capsys.readouterr().err


def test_three_lines_of_python(place, score, tmp_path, caplog):
    assert score() == 0
    expected = table_of(tmp_path / "out").filter(pl.col("row") <= 20)
    scorer = load(place.path / "model", genome=place.path / "genome")
    variants = expected.select("contig", "pos", "ref", "alt").rows()
    assert scorer.score(variants).equals(expected)
    found = scorer.score([*variants[:2], ("chrI", 5, "N", "A"), ("chrV", 5, "A", "C")])
    assert found.equals(expected.head(2))
    assert "4 alleles: 2 scored, 2 skipped" in caplog.text
    assert scorer.ledger["status"].to_list() == ["scored", "scored", "skipped", "skipped"]
    assert scorer.score([]).height == 0
    assert scorer.score([]).columns == expected.columns
    with pytest.raises(
        DanqError, match=r"variant 1: expected \(contig, pos, ref, alt\), received \('chrI', 5\)"
    ):
        scorer.score([("chrI", 5)])
    several = load(
        [place.path / "model", str(place.path / "second")], place.path / "genome.fa", targets=["Pol2"]
    )
    assert several.score(variants).columns[-1] == "1_Pol2__logit_diff_sd"
