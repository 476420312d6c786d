"""The embedded example is what its README says, and its script makes it."""

import gzip
import hashlib
import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from danq.data.regions.targets import read_targets

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "resources" / "example"
README = (EXAMPLE / "README.md").read_text()
TRACKS = sorted(EXAMPLE.glob("*.bed"))
VARIANTS = EXAMPLE / "variants.vcf.gz"
FILES = [EXAMPLE / "genome.fa.gz", *TRACKS]


def content(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


@pytest.fixture(scope="module")
def genome() -> dict[str, str]:
    records = content(FILES[0]).decode().split(">")[1:]
    return {name: body.replace("\n", "") for name, _, body in (record.partition("\n") for record in records)}


def rows(track: Path) -> list[list[str]]:
    return [line.split("\t") for line in track.read_text().splitlines()]


def test_the_readme_lists_every_file_with_its_digest() -> None:
    listed = {
        name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (\S+\.(?:gz|bed))$", README, re.M)
    }
    assert listed == {path.name: hashlib.sha256(content(path)).hexdigest() for path in [*FILES, VARIANTS]}


def test_the_readme_counts_the_records_of_every_track() -> None:
    counted = {name: int(n) for name, n in re.findall(r"^\| `(\w+\.bed)` \| (\d+) \|", README, re.M)}
    assert counted == {track.name: len(rows(track)) for track in TRACKS}


def test_the_example_is_small() -> None:
    assert sum(path.stat().st_size for path in EXAMPLE.iterdir() if path.is_file()) <= 6_000_000


def test_the_genome_is_saccer3(genome: dict[str, str]) -> None:
    # lengths as UCSC's sacCer3.chrom.sizes has them
    assert len(genome) == 17
    assert sum(map(len, genome.values())) == 12_157_105
    assert (len(genome["chrI"]), len(genome["chrIV"]), len(genome["chrM"])) == (230_218, 1_531_933, 85_779)
    assert set("".join(genome.values())) == set("ACGT")


def test_the_genome_is_blocked_gzip() -> None:
    # the extra field that marks BGZF (SAM specification, section 4.1)
    assert FILES[0].read_bytes()[:4] == b"\x1f\x8b\x08\x04"
    assert FILES[0].read_bytes()[12:14] == b"BC"


@pytest.mark.parametrize("track", TRACKS, ids=lambda path: path.stem)
def test_tracks_lie_within_contigs_sorted_and_without_duplicates(track: Path, genome: dict[str, str]) -> None:
    order = list(genome)
    keys = [(order.index(c), int(start), int(end), name) for c, start, end, name, *_ in rows(track)]
    assert keys == sorted(set(keys))
    assert all(0 <= start < end <= len(genome[order[contig]]) for contig, start, end, _ in keys)


@pytest.mark.parametrize("track", TRACKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("contig", ["chrIV", "chrVII", "chrX"])
def test_every_track_has_records_where_models_are_tested(track: Path, contig: str) -> None:
    assert sum(row[0] == contig for row in rows(track)) >= 10


def test_promoters_end_at_start_codons(genome: dict[str, str]) -> None:
    """An off-by-one in coordinates or a mistaken strand would leave chance: 1 codon in 64."""
    complement = str.maketrans("ACGT", "TGCA")
    starts = []
    for contig, start, end, _, _, strand in rows(EXAMPLE / "promoter.bed"):
        at = int(end) if strand == "+" else int(start) - 3
        codon = genome[contig][at : at + 3]
        starts.append(codon if strand == "+" else codon.translate(complement)[::-1])
    assert starts.count("ATG") / len(starts) > 0.99


def test_introns_keep_the_splicing_rule(genome: dict[str, str]) -> None:
    complement = str.maketrans("ACGT", "TGCA")
    ends = []
    for contig, start, end, _, _, strand in rows(EXAMPLE / "intron.bed"):
        intron = genome[contig][int(start) : int(end)]
        intron = intron if strand == "+" else intron.translate(complement)[::-1]
        ends.append(intron[:2] + intron[-2:])
    assert ends.count("GTAG") / len(ends) > 0.9


def test_the_targets_of_the_configuration_are_the_tracks() -> None:
    assert (
        sorted(target.path.resolve() for target in read_targets(REPOSITORY / "config" / "targets.tsv"))
        == TRACKS
    )


def script(name: str, folder: Path = EXAMPLE) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_variants_are_those_of_their_script(tmp_path: Path) -> None:
    script("variants").main(tmp_path)
    assert content(tmp_path / VARIANTS.name) == content(VARIANTS)


def test_the_variants_lie_in_the_gene_they_tell_of(genome: dict[str, str]) -> None:
    lines = [line.split("\t") for line in content(VARIANTS).decode().splitlines() if line[0] != "#"]
    wrong = [line for line in lines if not genome["chrIV"].startswith(line[3], int(line[1]) - 1)]
    assert len(wrong) == 1, "one record shows a REF that the genome does not hold"
    assert len(lines) == 132
    assert sum(line[4].count(",") + 1 for line in lines) == 358
    inside = {int(line[1]) - 1 for line in lines if "BOX_B=1,1,1" in line[7]}
    assert genome["chrIV"][min(inside) : max(inside) + 1] == "GGTTCGATTCC"
    assert ["chrIV", "410378", "410451", "tA(AGC)D", "0", "+"] in rows(EXAMPLE / "tRNA.bed")


def test_the_digits_are_scikit_learn_s(tmp_path: Path) -> None:
    digits = REPOSITORY / "resources" / "digits"
    script("derive", digits).main(tmp_path)
    with np.load(tmp_path / "digits.npz") as made, np.load(digits / "digits.npz") as kept:
        assert kept["x"].shape == (1797, 8, 8)
        assert (made["x"] == kept["x"]).all()
        assert (made["y"] == kept["y"]).all()


def test_the_script_makes_the_same_files(tmp_path: Path) -> None:
    source = os.environ.get("DANQ_EXAMPLE_SOURCE")
    if not source:
        pytest.skip("DANQ_EXAMPLE_SOURCE names no transposonmapper 1.1.5 wheel or data_files folder")
    script("derive").main(Path(source), tmp_path)
    assert {path.name: content(path) for path in tmp_path.iterdir()} == {p.name: content(p) for p in FILES}
