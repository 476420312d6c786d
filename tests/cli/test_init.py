"""`danq init`: a configuration that runs as it is, the counts it tells beforehand, refusals."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from verbs import danq_process

from danq.config import load_config
from danq.config.starter.regions import Choices, Tracks, write_starter
from danq.data.regions.making import build_region_dataset
from danq.errors import DanqError
from danq.genome.alphabet import decode
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome
from danq.genome.intervals import read_regions

LENGTHS = {f"chr{number}": 20_000 + 500 * number for number in range(1, 7)} | {"chrM": 800}


def fasta(path: Path, lengths: dict[str, int], seed: int = 1) -> Path:
    random = np.random.default_rng(seed)
    records = [
        f">{name} note\n{decode(random.integers(0, 5, bp, np.uint8))}\n" for name, bp in lengths.items()
    ]
    path.write_text("".join(records))
    return path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    fasta(Path("my genome.fa"), LENGTHS)
    Path("the peaks").mkdir()
    random = np.random.default_rng(2)
    for name, length in (("points.bed", 1), ("wide.bed", 400)):
        places = [
            (c, int(random.integers(0, LENGTHS[c] - 400))) for c in LENGTHS if c != "chrM" for _ in range(25)
        ]
        text = "".join(f"{c.removeprefix('chr')}\t{start}\t{start + length}\n" for c, start in places)
        (Path("the peaks") / name).write_text(text)
    return tmp_path


def test_it_writes_what_runs_and_tells_what_it_will_give(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    done = danq_process("init", "--fasta", "my genome.fa", "--out", "my project", "the peaks", cwd=data)
    assert done.returncode == 0, done.stderr
    # the last two lines can be pasted
    *table, check, run = done.stdout.splitlines()
    assert run == "danq workflow --configfile 'my project/config.yaml' -- --cores all"
    done = danq_process(*shlex.split(check)[1:], cwd=data)
    assert done.returncode == 0, done.stderr
    assert Path("my project/targets.tsv").read_text() == (
        "target\tpath\trule\npoints\t../the peaks/points.bed\tsummit\nwide\t../the peaks/wide.bed\toverlap\n"
    )
    assert danq_process("genome", "my genome.fa", "--out", "g", cwd=data).returncode == 0
    arguments = ["--config", "my project/config.yaml", "--name", "regions", "--genome", "g", "--out", "d"]
    assert danq_process("dataset", *arguments, cwd=data).returncode == 0
    manifest = json.loads(Path("d/dataset.json").read_text())
    shown = {line.rsplit(None, 3)[0]: line.split()[-3:] for line in table}
    counts = {target["name"]: target["counts"] for target in manifest["targets"]}
    for name, each in {**counts, "all rows": manifest["n"]}.items():
        assert shown[name] == [f"{each[split]:,}" for split in ("train", "valid", "test")], name


def test_the_commands_name_a_danq_that_the_shell_would_not_find(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    done = danq_process("init", "--fasta", "my genome.fa", "--out", "my", "the peaks", cwd=data)
    program = Path(sys.executable).with_name("danq")
    assert done.stdout.splitlines()[-1] == f"{program} workflow --configfile my/config.yaml -- --cores all"
    assert "# Check it: danq config check my/config.yaml\n" in Path("my/config.yaml").read_text()


def test_the_file_says_what_was_seen_and_why(data: Path):
    write_starter(Tracks(Path("my genome.fa"), ["the peaks/points.bed"]), Path("my"))
    text = Path("my/config.yaml").read_text()
    assert "# Seen: 1 track with 150 intervals of 1 bp." in text
    assert "rule summit for all: shorter than a bin (median)" in text
    assert "min_overlap" not in text
    assert "window: 600" in text
    assert "decides which epoch is kept" in text
    split = yaml.safe_load(text)["datasets"]["regions"]["split"]
    assert all(name in LENGTHS for part in split.values() for name in part)


def test_little_data_are_warned_about_with_numbers(data: Path, caplog: pytest.LogCaptureFixture):
    text = Path("the peaks/points.bed").read_text().splitlines()
    Path("few.bed").write_text("\n".join(text[::3]) + "\n")
    write_starter(Tracks(Path("my genome.fa"), ["few.bed"]), Path("my"))
    assert "test: 1 block of 100 kb; the report gives no intervals for fewer than 10" in caplog.text
    assert "test: 1 of 1 targets have fewer than 20 positive bins: few " in caplog.text


def test_what_the_tracks_leave_empty_is_excluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.chdir(tmp_path)
    genome = fasta(Path("g.fa"), {"chr1": 400_000, "chr2": 400_000, "chr3": 400_000})
    Path("a.bed").write_text("".join(f"chr2\t{at}\t{at + 300}\n" for at in range(120_000, 240_000, 600)))
    starter = write_starter(Tracks(genome, ["a.bed"]), Path("my"))
    assert "1.1 of 1.2 Mb lie far from any interval of any track and are excluded" in caplog.text
    expected = "chr1\t0\t400000\nchr2\t0\t120000\nchr2\t240000\t400000\nchr3\t0\t400000\n"
    assert Path("my/outside.bed").read_text() == expected
    options = load_config(starter.config).datasets["regions"]
    assert options.exclude == [Path("my/outside.bed")]
    build_genome(genome, Path("genome"))
    made = build_region_dataset(options, "regions", open_genome(Path("genome")), Path("d"))
    assert made.n == starter.rows
    assert made.left_out["excluded"] > 4_000


def test_what_is_held_out_by_hand_is_not_excluded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    genome = fasta(Path("g.fa"), {"chr1": 400_000, "chr2": 400_000, "chr3": 400_000, "chr4": 400_000})
    text = "".join(f"chr2\t{at}\t{at + 300}\n" for at in range(120_000, 240_000, 600))
    Path("a.bed").write_text("chr1\t1000\t1300\n" + text)
    starter = write_starter(Tracks(genome, ["a.bed"]), Path("my"), Choices(valid=["1"]))
    assert "chr1" not in Path("my/outside.bed").read_text()
    assert starter.rows["valid"] > 1_900


def test_it_overwrites_nothing(data: Path):
    Path("my").mkdir()
    Path("my/targets.tsv").write_text("mine\n")
    Path("my/config.yaml").write_text("mine, too\n")
    done = danq_process("init", "--fasta", "my genome.fa", "--bed", "the peaks", "--out", "my", cwd=data)
    assert done.returncode == 2
    assert done.stderr == (
        "danq: my: config.yaml and targets.tsv exist already; --out: expected a directory without them\n"
    )
    assert {path.name for path in Path("my").iterdir()} == {"config.yaml", "targets.tsv"}
    assert Path("my/targets.tsv").read_text() == "mine\n"


def test_given_parts_bin_and_window_are_taken(data: Path):
    choices = Choices(valid=["1:1-8,000"], test=["chr3", "chrM"], bin=100, window=300)
    write_starter(Tracks(Path("my genome.fa"), ["the peaks"]), Path("my"), choices)
    dataset = load_config(Path("my/config.yaml")).datasets["regions"]
    assert dataset.split is not None
    assert (dataset.split.valid, dataset.split.test) == (["1:1-8,000"], ["chr3", "chrM"])
    assert (dataset.bin, dataset.window) == (100, 300)


@pytest.mark.parametrize(
    ("chosen", "taking"),
    [
        ([], {"chr1", "chr2", "chr3", "chr4"}),
        (["--all-contigs"], {"chr1", "chr2", "chr3", "chr4", "chr3_X_alt"}),
        (["--exclude-contig", "*_alt", "--exclude-contig", "4"], {"chr1", "chr2", "chr3"}),
        (["--contig", "chr[1-3]*"], {"chr1", "chr2", "chr3"}),
        (["--contig", "chr[1-3]*", "--all-contigs"], {"chr1", "chr2", "chr3", "chr3_X_alt"}),
    ],
)
def test_contigs_are_those_that_were_chosen(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    danq: Callable[..., int],
    chosen: list[str],
    taking: set[str],
):
    monkeypatch.chdir(tmp_path)
    names = ("chr1", "chr2", "chr3", "chr4", "chr3_X_alt")
    genome = fasta(Path("g.fa"), dict.fromkeys(names, 20_000))
    Path("a.bed").write_text(
        "".join(f"{name}\t{at}\t{at + 300}\n" for name in names for at in range(0, 19_000, 900))
    )
    assert danq("init", "--fasta", genome, "a.bed", "--out", "my", *chosen) == 0
    options = load_config(Path("my/config.yaml")).datasets["regions"]
    build_genome(genome, Path("genome"))
    made = build_region_dataset(options, "regions", open_genome(Path("genome")), Path("d"))
    assert set(names) - set(made.contigs_left_out) == taking


def test_targets_that_nothing_is_left_of_to_train_on_are_named(data: Path, caplog: pytest.LogCaptureFixture):
    Path("one.bed").write_text("chr3\t500\t501\n")
    write_starter(Tracks(Path("my genome.fa"), ["the peaks", "one.bed"]), Path("my"), Choices(test=["chr3"]))
    assert "train: no positive bin is left of one" in caplog.text


def test_one_part_may_be_given_and_the_other_is_chosen(data: Path):
    write_starter(Tracks(Path("my genome.fa"), ["the peaks"]), Path("my"), Choices(test=["chr2"]))
    split = load_config(Path("my/config.yaml")).datasets["regions"].split
    assert split is not None
    assert split.test == ["chr2"]
    assert split.valid
    assert "chr2" not in split.valid


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["the peaks/*.narrowPeak"], "the pattern 'the peaks/*.narrowPeak' matches nothing in "),
        (
            ["nothing"],
            "the folder nothing: expected tracks (.bed, .narrowPeak or .broadPeak, plain or .gz), ",
        ),
        ([], "expected at least one track, received none"),
        (
            ["x/other.bed"],
            "no contig of x/other.bed is in the genome; expected names such as chr1, chr2, chr3 and 4 mo",
        ),
        (
            ["x/empty.bed"],
            "expected at least one interval in each track, found none in x/empty.bed; --without",
        ),
        (
            ["x/beyond.bed"],
            "x/beyond.bed: expected at least one positive bin; found none: none of its 1 intervals of 100",
        ),
        (["x/zero.bed"], "expected at least one interval in each track, found none in x/zero.bed"),
        (
            ["x/genes.gff3"],
            "the type of the wanted features; it has gene; a table for --tracks-from with a column `fe",
        ),
        (
            ["x/short.bed"],
            "x/short.bed: expected at least one positive bin; found none: its summits lie in the s",
        ),
        (["the peaks", "--valid", "chr9"], "--valid, --test: expected a contig of the genome (chr1, chr2, "),
        (
            ["the peaks", "--valid", "chrM"],
            "points, wide: expected a positive bin in the part that validates, found none; name a part that",
        ),
        (
            ["the peaks", "--valid", "chr1", "--test", "chr1"],
            "split: regions must not overlap, received 'chr1' a",
        ),
        (
            ["the peaks", "--fasta", "x/empty.bed"],
            "x/empty.bed: expected FASTA records, received an empty file",
        ),
        (
            ["the peaks", "--fasta", "x/other.bed"],
            "x/other.bed:1: expected a header that starts with `>`, rec",
        ),
        (["my genome.fa"], "my genome.fa: expected a track, received a FASTA; --fasta takes one file"),
        (["the peaks", "--out", "my genome.fa"], "my genome.fa: expected a directory, received a file"),
        (["the peaks", "--fasta", "x"], "x: expected one FASTA file, received a directory"),
        (["the peaks", "--window", "150"], "--window: expected at least the bin's 200 bp, received 150"),
        (
            ["the peaks", "--examples", "e.csv", "--bin", "9", "--all-contigs"],
            "--examples: expected no --fasta, tracks, --bin, --all-contigs beside it",
        ),
        (["x/{a}.bed"], "expected a path without braces"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(
    data: Path,
    danq: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
):
    Path("nothing").mkdir()
    Path("x").mkdir()
    files = {
        "other.bed": "scaffold_9\t0\t300\n",
        "empty.bed": "",
        "beyond.bed": "chrM\t700\t9000\nchr1\t900000\t900300\n",
        "zero.bed": "chr1\t5\t5\n",
        "genes.gff3": "chr1\ts\tgene\t1\t9\t.\t+\t.\t.\n",
        "short.bed": "chr1\t20400\t20401\nchr3\t21450\t21451\n",
        "{a}.bed": Path("the peaks/points.bed").read_text(),
    }
    for name, text in files.items():
        (Path("x") / name).write_text(text)
    genome = [] if "--fasta" in arguments else ["--fasta", "my genome.fa"]
    assert danq("init", *genome, "--out", "my", *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = [line for line in printed.err.splitlines() if line.startswith("danq:")]
    assert expected in line
    assert not Path("my").exists()


@settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
)
@given(
    st.lists(st.integers(150, 40_000), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(2, 80), st.sampled_from([1, 150, 260, 900])), min_size=1, max_size=3),
    st.sampled_from([None, 64, 200]),
    st.integers(0, 99),
)
def test_the_counts_of_any_genome_are_those_of_its_dataset(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    tracks: list[tuple[int, int]],
    bin: int | None,
    seed: int,
):
    folder = tmp_path_factory.mktemp("any")
    of_contig = {f"chr{number}": bp for number, bp in enumerate(lengths, 1)}
    genome = fasta(folder / "g.fa", of_contig, seed)
    random = np.random.default_rng(seed)
    for number, (intervals, bp) in enumerate(tracks):
        names = random.choice(list(of_contig), intervals)
        starts = {name: int(random.integers(0, max(of_contig[name] - bp, 1))) for name in names}
        lines = [f"{name}\t{at}\t{min(at + bp, of_contig[name])}\n" for name, at in starts.items()]
        (folder / f"t{number}.bed").write_text("".join(lines))
    try:
        starter = write_starter(Tracks(genome, [str(folder / "*.bed")]), folder / "my", Choices(bin=bin))
    except DanqError:
        assert not (folder / "my").exists()
        reject()
    options = load_config(starter.config).datasets["regions"]
    build_genome(genome, folder / "genome")
    made = build_region_dataset(options, "regions", opened := open_genome(folder / "genome"), folder / "d")
    assert made.n == starter.rows
    assert [target.counts for target in made.targets] == [target.counts for target in starter.targets]
    assert options.split is not None
    assert isinstance(options.split.valid, list)
    assert isinstance(options.split.test, list)
    regions = read_regions([*options.split.valid, *options.split.test], opened)
    assert sum((region.end or 0) - region.start for region in regions) <= sum(lengths) / 2


def test_real_tracks_of_points(tmp_path: Path, real_data: Path):
    contigs = sorted((real_data / "yeast" / "genome").glob("*.fa.gz"))
    genome = tmp_path / "yeast.fa.gz"
    # gzip files one after the other are one gzip file
    genome.write_bytes(b"".join(path.read_bytes() for path in contigs))
    starter = write_starter(Tracks(genome, [str(real_data / "yeast" / "chipexo")]), tmp_path / "a")
    assert {target.rule for target in starter.targets} == {"summit"}
    for part in ("valid", "test"):
        assert min(target.counts[part] for target in starter.targets) >= 20
    many = Tracks(genome, [str(real_data / "yeast" / "chipexo_many" / "*.bed.gz")])
    with pytest.raises(DanqError, match="--without 'Kti12_CX'"):
        write_starter(many, tmp_path / "b")
    without = ("Kti12_CX", "Rpa190_CX", "Rsc2_CX")
    starter = write_starter(Tracks(genome, many.places, without=without), tmp_path / "b")
    options: dict[str, Any] = yaml.safe_load(starter.config.read_text())["datasets"]["regions"]
    assert len(starter.targets) == 391
    assert all(name.startswith("chr") for part in options["split"].values() for name in part)
