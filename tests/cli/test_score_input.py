"""`danq score` on odd files of variants: what is skipped, and what is refused before a model is loaded."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from phased import phased_vcf
from untrained import save_model

from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome

OTHER = {"A": "G", "G": "A", "C": "T", "T": "C"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A genome with an ambiguity letter and a model of it."""
    folder = tmp_path_factory.mktemp("input")
    letters = np.random.default_rng(0).choice(list("ACGT"), 400)
    letters[99] = "R"
    (folder / "genome.fa").write_text(f">chrX\n{''.join(letters)}\n")
    build_genome(folder / "genome.fa", folder / "genome")
    save_model(folder / "model", genome_digest=open_genome(folder / "genome").digest)
    return SimpleNamespace(path=folder, text="".join(letters))


@pytest.fixture
def score(place, tmp_path, danq):
    def run(vcf, *arguments, genome="genome"):
        where = ["--model", place.path / "model", "--genome", place.path / genome, "--vcf", vcf]
        return danq("score", *where, "--out", tmp_path / "out", *arguments)

    return run


@pytest.fixture
def no_model(monkeypatch):
    """Fail where a model is loaded."""
    monkeypatch.setattr("danq.score.models.open_runner", lambda *_: pytest.fail("loaded a model"))


def male(place, path, last="0/1"):
    """Genotypes of a man's X, of which the last one is odd."""
    rows = [(30, "1"), (100, "1"), (160, "0|1|1|0"), (190, "1/1"), (240, "1/."), (300, last)]
    lines = []
    for pos, genotype in rows:
        ref = "A" if pos == 100 else place.text[pos - 1]
        lines.append(f"chrX\t{pos}\t.\t{ref}\t{OTHER[ref]}\t.\t.\t.\tGT\t{genotype}")
    return phased_vcf(path, lines, contigs={"chrX": place.text}).path


def test_odd_genotypes_are_skipped_with_a_reason(score, place, tmp_path, caplog):
    assert score(male(place, tmp_path / "v.vcf"), "--sample", "A") == 0
    ledger = pl.read_csv(tmp_path / "out" / "ledger.tsv", separator="\t", infer_schema=False)
    rows = ledger.select("pos", "haplotype", "reason", "flags").fill_null("").rows()
    assert rows == [
        ("30", "1", "", ""),
        ("100", "1", "", "iupac"),
        ("160", "2", "", ""),
        ("160", "3", "", ""),
        ("190", "1", "", ""),
        ("190", "2", "", ""),
        ("240", "0", "half_missing", ""),
        ("300", "0", "unphased", ""),
    ]
    assert "half_missing 1, unphased 1; the first is in line 9: expected a phased or a whole" in caplog.text


@pytest.mark.parametrize(
    ("last", "options", "message"),
    [
        ("0/1", ["--unphased", "refuse"], "v.vcf:10: expected a phased genotype such as 0|1, received '0/1'"),
        ("7", ["--strict"], "v.vcf:9: expected a phased or a whole genotype such as 0|1, received '1/.'"),
        (
            "7",
            ["--strict", "--unphased", "alone"],
            "v.vcf:10: expected a genotype such as 0|1 of alleles",
        ),
    ],
)
def test_what_is_refused_is_refused_before_a_model_is_loaded(
    score, place, tmp_path, capsys, no_model, last, options, message
):
    assert score(male(place, tmp_path / "v.vcf", last), "--sample", "A", *options) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "the first of " in errors
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("made", ["no header", "spaces", "only spaces", "no columns", "utf-16", "old mac"])
def test_a_file_of_which_no_line_can_be_read_ends_with_2(score, place, tmp_path, capsys, no_model, made):
    path = male(place, tmp_path / "v.vcf")
    text = path.read_text()
    rows = "".join(line for line in text.splitlines(keepends=True) if line[0] != "#")
    header = text.removesuffix(rows)
    data, message = {
        "no header": (rows.encode(), ":1: expected the header of a VCF"),
        "spaces": (
            (header + rows.replace("\t", " ")).encode(),
            ":5: expected 10 tab-separated columns",
        ),
        "only spaces": (text.replace("\t", " ").encode(), "(separated by spaces?)"),
        "no columns": (
            (header + "x\ny\n").encode(),
            ":5: expected 10 tab-separated columns",
        ),
        "utf-16": (text.encode("utf-16"), ":1: expected UTF-8 text"),
        "old mac": (text.replace("\n", "\r").encode(), "received line ends of CR alone"),
    }[made]
    path.write_bytes(data)
    assert score(path) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_symbolic_and_empty_alleles_have_the_scores_of_what_they_mean(score, place, tmp_path):
    text = place.text
    vcf = tmp_path / "v.vcf"
    head = "##fileformat=VCFv4.4\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    symbolic = [(150, "<DEL>", "END=160"), (170, "<DUP:TANDEM>", "SVLEN=9"), (190, "<INV>", "END=203")]
    rows = "".join(f"chrX\t{p}\t.\t{text[p - 1]}\t{alt}\t.\t.\t{info}\n" for p, alt, info in symbolic)
    vcf.write_text(head + rows)
    assert score(vcf, "--format", "tsv") == 0
    one = (tmp_path / "out" / "scores.tsv").read_text().splitlines()
    turned = text[190:203][::-1].translate(str.maketrans("ACGT", "TGCA"))
    table = [
        f"chrX:151:{text[150:160]}:-",
        f"chrX:171:-:{text[170:179]}",
        f"chrX:191:{text[190:203]}:{turned}",
    ]
    (tmp_path / "v.tsv").write_text("\n".join(table) + "\n")
    assert score(tmp_path / "v.tsv", "--format", "tsv") == 0
    other = (tmp_path / "out" / "scores.tsv").read_text().splitlines()
    assert len(one) == len(other) == 4
    assert [line.split("\t")[7:] for line in one] == [line.split("\t")[7:] for line in other]


def test_contigs_of_other_names_are_scored_by_a_table_of_them(score, place, tmp_path):
    (tmp_path / "names.tsv").write_text("name\talias\nchrX\tthe man's\n")
    ref = place.text[29]
    (tmp_path / "v.tsv").write_text(f"variant\nthe man's:30:{ref}:{OTHER[ref]}\n")
    assert score(tmp_path / "v.tsv") == 0
    assert "unknown_contig" in (tmp_path / "out" / "ledger.tsv").read_text()
    assert score(tmp_path / "v.tsv", "--aliases", tmp_path / "names.tsv") == 0
    assert pl.read_parquet(tmp_path / "out" / "scores.parquet")["contig"].to_list() == ["the man's"]


def test_a_fasta_gives_what_its_encoded_genome_gives(score, place, tmp_path):
    vcf = male(place, tmp_path / "v.vcf")
    written = []
    for genome in ("genome", "genome.fa"):
        assert score(vcf, "--sample", "A", genome=genome) == 0
        written.append([(tmp_path / "out" / name).read_bytes() for name in ("ledger.tsv", "scores.parquet")])
    assert written[0] == written[1]
