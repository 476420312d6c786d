"""`danq init`: a configuration that passes the check, sound held-out parts, refusals."""

import gzip
from pathlib import Path

import pytest
import yaml

from danq.config import load_config
from danq.config.starter import choose_parts, read_lengths, write_starter
from danq.config.workflow import check_files
from danq.errors import DanqError
from danq.genome.intervals import parse_region
from tests.cli.test_config import danq


def fasta(path: Path, lengths: dict[str, int]) -> Path:
    text = "".join(f">{name} note\n" + "ACGT" * (length // 4) + "\n" for name, length in lengths.items())
    path.write_text(text)
    return path


LENGTHS = {"chrI": 40_000, "chrII": 8_000, "chrIII": 7_600, "chrIV": 24_000, "chrM": 800}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    fasta(Path("my genome.fa"), LENGTHS)
    regions = [(name, start) for name in LENGTHS if name != "chrM" for start in range(0, 6_000, 1_000)]
    for track in ("first.bed", "second.narrowPeak"):
        Path(track).write_text("".join(f"{name}\t{start}\t{start + 300}\n" for name, start in regions))
    text = "".join(f"{n}\t{s}\t{s + 300}\t.\t0\t.\t1\t-1\t-1\t7\n" for n, s in regions)
    Path("second.narrowPeak").write_text(text)
    return tmp_path


def test_it_writes_what_the_check_accepts(data: Path):
    done = danq(
        *(
            "init",
            "--fasta",
            "my genome.fa",
            "--bed",
            "first.bed",
            "--bed",
            "second.narrowPeak",
            "--out",
            "my",
        ),
        cwd=data,
    )
    assert done.returncode == 0, done.stderr
    assert "snakemake --cores all --configfile my/config.yaml" in done.stderr
    config = load_config(Path("my/config.yaml"))
    check_files(config, "my/config.yaml")
    assert list(config.runs) == ["danq", "kmer_logistic"]
    split = config.datasets["regions"].split
    assert split is not None
    assert (split.valid, split.test) == (["chrIII"], ["chrII"])
    assert Path("my/targets.tsv").read_text() == (
        "target\tpath\nfirst\t../first.bed\nsecond\t../second.narrowPeak\n"
    )
    assert "# 9% of the genome; decides when training stops" in Path("my/config.yaml").read_text()


def test_it_overwrites_nothing(data: Path):
    Path("my").mkdir()
    Path("my/targets.tsv").write_text("mine\n")
    done = danq("init", "--fasta", "my genome.fa", "--bed", "first.bed", "--out", "my", cwd=data)
    assert done.returncode == 2
    assert done.stderr == "danq: my/targets.tsv: exists already; expected a directory without it\n"
    assert [path.name for path in Path("my").iterdir()] == ["targets.tsv"]
    assert Path("my/targets.tsv").read_text() == "mine\n"


def test_given_parts_are_taken(data: Path):
    write_starter(
        Path("my genome.fa"), [Path("first.bed")], Path("my"), valid=["chrI:1-4,000"], test=["chrIV", "chrM"]
    )
    split = yaml.safe_load(Path("my/config.yaml").read_text())["datasets"]["regions"]["split"]
    assert split == {"valid": ["chrI:1-4,000"], "test": ["chrIV", "chrM"]}


@pytest.mark.parametrize(
    ("tracks", "parts", "expected"),
    [
        (["first.bed", "copies/first.bed"], {}, r"copies/first\.bed: target 'first' is that of first\.bed"),
        (["genes.gff3"], {}, r"genes\.gff3: expected BED, narrowPeak or broadPeak"),
        (["nowhere.bed"], {}, r"nowhere\.bed: no such file"),
        (["other.bed"], {}, r"other\.bed: expected contigs such as chrI, chrII, chrIII, received scaffold_9"),
        (
            ["first.bed"],
            {"test": ["chrX"]},
            r"--valid, --test: expected a contig of my genome\.fa, rec.*'chrX'",
        ),
    ],
)
def test_refusals(data: Path, tracks: list[str], parts: dict[str, list[str]], expected: str):
    Path("copies").mkdir()
    Path("copies/first.bed").write_text("chrI\t0\t300\n")
    Path("other.bed").write_text("scaffold_9\t0\t300\n")
    with pytest.raises(DanqError, match=expected):
        write_starter(Path("my genome.fa"), [Path(track) for track in tracks], Path("my"), **parts)
    assert not Path("my").exists()


def test_contig_lengths_of_any_fasta(tmp_path: Path):
    text = b">a one\r\nACGT\r\nAC\r\n>b\nNNN\n\n>c\n"
    (tmp_path / "a.fa.gz").write_bytes(gzip.compress(text))
    assert read_lengths(tmp_path / "a.fa.gz") == {"a": 6, "b": 3, "c": 0}


def test_contigs_without_regions_are_not_held_out():
    lengths = {"a": 1_000_000, "b": 100_000, "c": 90_000, "d": 80_000}
    assert choose_parts(lengths, {"a": 2, "b": 0, "c": 2, "d": 2}, [], []) == (["d"], ["c"])
    # most tracks have nothing on b, so they could not be scored there
    assert choose_parts(lengths, {"a": 9, "b": 1, "c": 9, "d": 9}, [], []) == (["d"], ["c"])


def test_many_scaffolds_are_gathered_to_a_tenth():
    scaffolds = [f"s{number}" for number in range(100)]
    valid, test = choose_parts(dict.fromkeys(scaffolds, 10_000), dict.fromkeys(scaffolds, 1), [], [])
    assert len(valid) == len(test) == 7
    assert not set(valid) & set(test)


@pytest.mark.parametrize(
    "lengths", [{"chromosome": 4_641_652}, {"chromosome": 4_000_123, "plasmid": 5_000}], ids=len
)
def test_one_large_contig_is_cut_in_whole_bins(lengths: dict[str, int]):
    (valid,), (test,) = choose_parts(lengths, dict.fromkeys(lengths, 3), [], [])
    first, second = parse_region(valid), parse_region(test)
    assert first.end == second.start
    assert second.end == lengths["chromosome"]
    assert first.start % 200 == second.start % 200 == 0
    for region in (first, second):
        assert region.end is not None
        assert 0.09 < (region.end - region.start) / sum(lengths.values()) < 0.11


def test_a_genome_too_short_to_split_is_refused():
    with pytest.raises(DanqError, match="too short to hold parts of it out: 3,000 bp"):
        choose_parts({"a": 3_000}, {"a": 1}, [], [])
