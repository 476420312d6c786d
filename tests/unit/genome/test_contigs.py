"""Contig names of files matched with those of genomes: what is known, what is refused."""

from pathlib import Path

import pytest

from danq.errors import DanqError
from danq.genome.contigs import read_aliases, resolve_contigs

NUMERALS = [
    "I",
    "II",
    "III",
    "IV",
    "V",
    "VI",
    "VII",
    "VIII",
    "IX",
    "X",
    "XI",
    "XII",
    "XIII",
    "XIV",
    "XV",
    "XVI",
]
YEAST = [f"chr{numeral}" for numeral in NUMERALS] + ["chrM"]
YEAST_IN_NUMBERS = [f"chr{number}" for number in range(1, 17)]
HUMAN = [f"chr{number}" for number in range(1, 23)] + ["chrX", "chrY", "chrM", "chrUn_KI270302v1"]
WORM = ["I", "II", "III", "IV", "V", "X", "MtDNA"]


def renamed(names: list[str], genome: list[str]) -> dict[str, str]:
    resolved = resolve_contigs(names, genome, "tracks/a.bed")
    assert not resolved.unknown
    assert {name: genome[index] for name, index in resolved.index.items()} == {
        name: resolved.renamed.get(name, name) for name in names
    }
    return resolved.renamed


@pytest.mark.parametrize(
    "names",
    [
        [f"chr{number}" for number in range(1, 17)] + ["chrM"],
        [str(number) for number in range(1, 17)] + ["MT"],
        [f"Chr{number:02d}" for number in range(1, 17)] + ["Mito"],
        [*NUMERALS, "Mito"],
        [f"CHROMOSOME_{numeral}" for numeral in NUMERALS] + ["chrMito"],
        [f"NC_{1133 + number:06d}.9" for number in range(16)] + ["NC_001224.1"],
        [f"ref|NC_{1133 + number:06d}|" for number in range(16)] + ["ref|NC_001224|"],
    ],
)
def test_every_style_of_names_finds_yeast(names: list[str]) -> None:
    found = renamed(names, YEAST)
    assert [found.get(name, name) for name in names] == YEAST


@pytest.mark.parametrize(
    ("name", "contig"),
    [
        ("1", "chr1"),
        ("22", "chr22"),
        ("X", "chrX"),
        ("Y", "chrY"),
        ("MT", "chrM"),
        ("NC_000001.11", "chr1"),
        ("NC_000023.10", "chrX"),
        ("NC_000024", "chrY"),
        ("NC_012920.1", "chrM"),
        ("Un_KI270302v1", "chrUn_KI270302v1"),
    ],
)
def test_names_of_human_contigs(name: str, contig: str) -> None:
    assert renamed([name], HUMAN) == {name: contig}


@pytest.mark.parametrize(
    ("name", "genome", "contig"),
    [
        ("NC_000085.7", ["19", "X"], "19"),
        ("NC_000086.8", ["19", "X"], "X"),
        ("NC_007136.7", ["chr25"], "chr25"),
        ("NC_003284.9", WORM, "X"),
        ("NC_003283.11", WORM, "V"),
        ("chrIV", WORM, "IV"),
        ("mtDNA", WORM, "MtDNA"),
        ("chr1", ["NC_000001.11", "NC_000002.12"], "NC_000001.11"),
        ("NC_000001", ["NC_000001.11"], "NC_000001.11"),
    ],
)
def test_names_of_other_genomes(name: str, genome: list[str], contig: str) -> None:
    assert renamed([name], genome) == {name: contig}


def test_names_that_are_the_same_are_not_renamed() -> None:
    assert renamed(HUMAN, HUMAN) == {}
    assert renamed(["chrX"], YEAST) == {}


def test_what_the_genome_lacks_is_unknown() -> None:
    resolved = resolve_contigs(["chr1", "chr23", "scaffold_7", "2-micron"], HUMAN, "a.bed")
    assert resolved.index == {"chr1": 0}
    assert resolved.unknown == ("chr23", "scaffold_7", "2-micron")


def test_an_accession_of_another_species_is_unknown() -> None:
    assert resolve_contigs(["NC_000001.11"], ["NC_000067.7"], "a.bed").unknown == ("NC_000001.11",)


def test_ten_in_the_genome_is_x_in_a_file_with_other_numerals() -> None:
    assert renamed(["chrX", "chrVII"], YEAST_IN_NUMBERS) == {"chrX": "chr10", "chrVII": "chr7"}


def test_x_beside_numbers_is_the_sex_chromosome() -> None:
    assert resolve_contigs(["chr1", "chrX"], YEAST_IN_NUMBERS, "a.bed").unknown == ("chrX",)
    assert resolve_contigs(["X", "Y"], YEAST_IN_NUMBERS, "a.bed").unknown == ("X", "Y")


def test_ten_is_no_contig_of_a_worm() -> None:
    resolved = resolve_contigs(["10", "X"], WORM, "a.bed")
    assert (resolved.index, resolved.unknown) == ({"X": 5}, ("10",))


AMBIGUOUS = {
    "x alone, where ten exists": (["chrX"], YEAST_IN_NUMBERS, "chrX"),
    "x of a human file on yeast": (["chr1", "chr17", "chrX"], YEAST, "chrX"),
    "x of a yeast file on man": (["chrVII", "chrX"], HUMAN, "chrX"),
    "ten, where x is unclear": (["10"], ["I", "X"], "10"),
    "two spellings in the genome": (["1"], ["chr1", "chr01"], "1"),
    "two releases": (["NC_000001.10"], ["NC_000001.11"], "NC_000001.10"),
    "two names of one contig": (["chrM", "MT"], HUMAN, "chrM"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_could_mean_two_is_refused(case: str) -> None:
    names, genome, culprit = AMBIGUOUS[case]
    with pytest.raises(DanqError, match=f"^tracks/a.bed: contigs? '{culprit}'"):
        resolve_contigs(names, genome, "tracks/a.bed")


def test_a_table_of_aliases_goes_before_everything() -> None:
    aliases = {"chrX": "chr10", "chr1": "chr2", "gone": "chr99"}
    resolved = resolve_contigs(["chrX", "chr1", "chr3", "gone"], YEAST_IN_NUMBERS, "a.bed", aliases)
    assert resolved.renamed == {"chrX": "chr10", "chr1": "chr2"}
    assert resolved.index == {"chrX": 9, "chr1": 1, "chr3": 2}
    assert resolved.unknown == ("gone",)


def test_a_table_of_aliases_is_read(tmp_path: Path) -> None:
    table = tmp_path / "aliases.tsv"
    table.write_text("# from UCSC\nname\talias\tsource\n")
    with pytest.raises(DanqError, match=r"aliases\.tsv:1: expected the columns `name` and `alias`"):
        read_aliases(table)
    table.write_text("#alias\tname\tsource\r\nCM1\tchrI\tgenbank\r\n\r\nCM2\tchrII\tgenbank\r\n")
    assert read_aliases(table) == {"CM1": "chrI", "CM2": "chrII"}
    table.write_text("name\talias\nchrI\tA\nchrI\tB\nchrII\tA\n")
    with pytest.raises(DanqError, match=r"aliases\.tsv:4: alias 'A' means 'chrI' already"):
        read_aliases(table)
    table.write_text("name\talias\nchrI\n")
    with pytest.raises(DanqError, match=r"aliases\.tsv:2: expected 2 columns, received 1"):
        read_aliases(table)
