"""Whole haplotypes: their table, by hand."""

import polars as pl
import pytest
from phased import phased_vcf
from small_genome import genome_of
from toy_models import ToyRunner, gc, motif
from toy_scoring import job_of, score

from danq.score.haplotypes import reach

SEQUENCE = "TATTTAATTATATTTATATAATTATTTATATTAATTTATTATATAATTTATTATAATTATAT"
PLACE = ["sample", "haplotype", "contig", "start", "end", "n", "alleles", "ids", "lacking", "flags"]


def line(pos, name, ref, alt, *genotypes, contig="1"):
    return "\t".join((contig, str(pos), name, ref, alt, ".", ".", ".", "GT", *genotypes))


@pytest.fixture
def job(tmp_path):
    """GTTC is made by the first two records together; the third's haplotype lacks one beside it."""
    lines = [
        line(21, "rs1", "A", "G", "1|0", "1|1"),
        line(24, ".", SEQUENCE[23], "C", "1|0", "0|1"),
        line(50, "rs3", SEQUENCE[49], "G", "0|1", "0|0"),
        line(52, ".", SEQUENCE[51], "C", "0/1", "0|0"),
        line(31, "n", "A", "C", "1|1", "0|0", contig="2"),
    ]
    variants = phased_vcf(tmp_path / "v.vcf", lines, ("ann", "bob")).path
    genome = genome_of(chr1=SEQUENCE, chr2="N" * 30 + "A" + "N" * 30)
    runner = ToyRunner({"gc": gc, "GTTC": motif("GTTC")})
    return lambda **more: job_of(
        variants, runner, genome=genome, **{"samples": ["bob", "ann"], "strands": "forward", **more}
    )


def test_a_row_a_window_against_the_genome(job, tmp_path):
    manifest = score(job(), tmp_path / "out")
    table = pl.read_parquet(tmp_path / "out" / "haplotypes.parquet")
    assert table.columns[: len(PLACE)] == PLACE
    assert table.select(PLACE).rows() == [
        ("bob", 1, "1", 20, 21, 1, "1:1", "rs1", 0, ""),
        ("bob", 2, "1", 20, 24, 2, "1:1,2:1", "rs1,.", 0, ""),
        ("ann", 1, "1", 20, 24, 2, "1:1,2:1", "rs1,.", 0, ""),
        ("ann", 2, "1", 49, 50, 1, "3:1", "rs3", 1, "incomplete"),
    ]
    assert table["1_GTTC__logit_diff"].to_list() == [0.0, 1.0, 1.0, 0.0]
    assert table["0_gc__logit_diff"].to_list() == [1.0, 2.0, 2.0, 1.0]
    assert table["max_abs_logit_diff"].to_list() == [1.0, 2.0, 2.0, 1.0]
    scores = pl.read_parquet(tmp_path / "out" / "scores.parquet")
    assert table.columns[len(PLACE) :] == [
        name for name in scores.columns if "__" in name or "max" in name or "l2" in name
    ]
    # an allele's own effect is another question: without either of the two there is no GTTC
    own = scores.filter(pl.col("sample") == "ann", pl.col("haplotype") == 1)
    assert own["1_GTTC__logit_diff"].to_list() == [1.0, 1.0]
    assert manifest.haplotypes.model_dump() == {
        "windows": 6,
        "scored": 4,
        "many_n": 2,
        "flags": {"incomplete": 1},
    }
    ledger = pl.read_csv(tmp_path / "out" / "ledger.tsv", separator="\t")
    assert ledger.filter(pl.col("flags") == "incomplete")["row"].to_list() == [3]
    said = manifest.haplotypes.describe()
    assert said.startswith(
        "4 windows of whole haplotypes scored, 2 of mostly N not; lacking a carried allele: 1"
    )


def test_text_tidy_and_nothing_without_samples(job, tmp_path):
    out = tmp_path / "out"
    score(job(), out, long=True, form="tsv")
    table = pl.read_csv(out / "haplotypes.tsv", separator="\t")
    assert table.columns == [*PLACE, "target_index", "target", "p_ref", "p_alt", "diff", "logit_diff"]
    assert table.height == 8
    assert not (out / "haplotypes.parquet").exists()
    score(job(samples=[]), out)
    assert not list(out.glob("haplotypes.*"))


def test_only_windows_within_the_regions_are_written(job, tmp_path):
    score(job(regions=["chr1:22-30"]), tmp_path / "out")
    table = pl.read_parquet(tmp_path / "out" / "haplotypes.parquet")
    # the window begins before the region, and one of its changes lies within
    assert table.select("sample", "start", "alleles").rows() == [
        ("bob", 20, "1:1,2:1"),
        ("ann", 20, "1:1,2:1"),
    ]


def test_what_is_interrupted_goes_on(job, tmp_path):
    score(job(), tmp_path / "whole")
    again = job()
    again.models.open()[0].logits, logits = None, again.models.open()[0].logits
    with pytest.raises(TypeError):
        score(again, tmp_path / "out")
    again.models.open()[0].logits = logits
    score(again, tmp_path / "out")
    names = ("haplotypes.parquet", "scores.parquet", "ledger.tsv")
    assert all((tmp_path / "out" / n).read_bytes() == (tmp_path / "whole" / n).read_bytes() for n in names)


def test_a_window_reaches_over_half_of_what_is_labelled():
    assert [reach(200, 1000), reach(0, 1000), reach(1, 20), reach(0, 7)] == [100, 500, 1, 4]
