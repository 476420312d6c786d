"""Which parts of a genome are mutated: from text, BED and VCF; what has no place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_genome import genome_of, record, vcf_of

from danq.errors import DanqError
from danq.explain.regions import regions_of_bed, regions_of_texts, regions_of_variants

SEQUENCE = "ACGTTGCATGTCGCATGATNNATGAGAGCTACGATCGATCGGGATATTACCA"


@pytest.fixture
def genome():
    return genome_of(chrI=SEQUENCE, chrII="TTTTACGTACGT")


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 8)), min_size=1, max_size=12))
def test_merged_regions_hold_every_base_once(regions):
    genome = genome_of(c0="A" * 38, c1="C" * 38, c2="G" * 38)
    merged = regions_of_texts([f"c{c}:{start + 1}-{start + n}" for c, start, n in regions], genome)
    bases = [
        (c, base)
        for c, low, high in zip(merged.contig, merged.start, merged.end, strict=True)
        for base in range(low, high)
    ]
    assert bases == sorted({(c, base) for c, s, n in regions for base in range(s, s + n)})
    # regions that only touch stay apart
    for one in range(len(merged)):
        inside = [(s, s + n) for c, s, n in regions if merged.contig[one] == c and merged.start[one] <= s]
        inside = [place for place in inside if place[1] <= merged.end[one]]
        assert (
            all(
                any(s < border < e for s, e in inside)
                for border in range(merged.start[one] + 1, merged.end[one])
            )
            or len(inside) == 1
        )


def test_regions_are_read_as_text_and_merged(genome, caplog, tmp_path):
    with caplog.at_level("INFO", "danq"):
        regions = regions_of_texts(["chrII:3-6", "1:11-20", "1:15-30", "1:31-33"], genome)
    assert [regions.text(n) for n in range(len(regions))] == ["chrI:11-30", "chrI:31-33", "chrII:3-6"]
    assert regions.before_merging == 4
    assert regions.renamed == {"1": "chrI"}
    assert "4 regions overlap: merged into 3" in caplog.text
    aliases = tmp_path / "aliases.tsv"
    aliases.write_text("name\talias\nchrII\tzwei\n")
    assert regions_of_texts(["zwei"], genome, aliases).text(0) == "chrII:1-12"


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("chrI:40-53", r"within chrI \(52 bp\)"),
        ("chrI:60-70", r"within chrI \(52 bp\)"),
        ("chrX:1-2", "received 'chrX'"),
        ("chrI:9-8", "received 'chrI:9-8'"),
        ("chrI:0-8", "received 'chrI:0-8'"),
        ("", "received ''"),
    ],
)
def test_regions_that_have_no_place_are_refused(genome, region, message):
    with pytest.raises(DanqError, match=f"--region: .*{message}") as refused:
        regions_of_texts([region], genome)
    assert "\n" not in str(refused.value)


def test_a_bed_gives_its_regions_and_counts_those_elsewhere(genome, tmp_path, caplog):
    bed = tmp_path / "r.bed"
    bed.write_text("II\t2\t6\nchrI\t0\t3\nplasmid\t0\t9\nchrI\t2\t4\n")
    regions = regions_of_bed(bed, genome)
    assert [regions.text(n) for n in range(len(regions))] == ["chrI:1-4", "chrII:3-6"]
    assert regions.left_out == {"unknown_contig": 1}
    assert "1 regions lie on contigs" in caplog.text
    bed.write_text("chrI\t0\t3\nchrI\t2\t2\nchrII\t-2\t3\nchrII\t9000\t9001\n")
    regions = regions_of_bed(bed, genome)
    assert [regions.text(n) for n in range(len(regions))] == ["chrI:1-3", "chrII:1-3"]
    assert regions.left_out == {"out_of_range": 1, "zero_length": 1}
    assert "1 of 4 records kept (clipped at the ends of contigs)" in caplog.text
    bed.write_text("# nothing\n")
    with pytest.raises(DanqError, match="at least one region"):
        regions_of_bed(bed, genome)


def test_surroundings_of_variants_follow_their_placed_positions(genome, tmp_path):
    lines = [
        record("chrI", 10, SEQUENCE[9], "A"),
        record("chrI", 26, "GAG", "G"),
        record("chrI", 51, "C", "CT"),
        # moved left along the run of T
        record("chrII", 4, "T", "TT"),
        record("chrI", 33, SEQUENCE[32], "<DEL>"),
    ]
    vcf = vcf_of(tmp_path, lines).path
    regions = regions_of_variants(vcf, genome, 20, 2)
    # two bases lost within GAGAG: the left-most ones
    assert [regions.text(n) for n in range(len(regions))] == [
        "chrI:8-12",
        "chrI:22-27",
        "chrI:50-52",
        "chrII:1-3",
    ]
    assert regions.left_out == {"symbolic": 1}
    vcf_of(tmp_path, lines[-1:])
    with pytest.raises(DanqError, match="at least one allele with a place"):
        regions_of_variants(vcf, genome, 20, 2)
