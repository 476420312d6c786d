import json
import subprocess
import sys

import numpy as np
import pytest
from weighted_model import TARGETS, Weighted

from danq.genome.encode import build_genome

RECORDS = [
    f"chrI\t{pos}\t.\t{'ACGT'[(pos - 1) % 4]}\tN,{'CGTA'[(pos - 1) % 4]}\t.\tq10\t." for pos in range(5, 90)
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A genome, common variants, and two bundles that are opened as toy models."""
    (tmp_path / "g.fa").write_text(f">chrI\n{'ACGT' * 25}\n")
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=chrI>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    (tmp_path / "common.vcf").write_text("\n".join([*lines, *RECORDS]) + "\n")
    runners = {}
    for seed in (1, 2):
        runners[Weighted(seed).write_bundle(tmp_path / f"run{seed}")] = Weighted(seed)
    monkeypatch.setattr("danq.score.models.open_runner", lambda path, *_: runners[path])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(place, *models):
    given = [word for model in models for word in ("--model", place / model)]
    return [*given, "--genome", place / "g.fa", "--vcf", place / "common.vcf", "--out", place / "out"]


def test_a_background_is_made_from_a_fasta_and_a_vcf(place, danq, caplog):
    with caplog.at_level("INFO", "danq"):
        assert danq("background", *command(place, "run1")) == 0
    assert "background of 85 alleles (85 not scored), 2 targets" in caplog.text
    made = json.loads((place / "out" / "background.json").read_text())
    assert (made["kind"], made["format_version"], made["n"]) == ("background", 1, 85)
    assert made["bundles"] == [{"path": "run1", "run": "run1", "digest": "1" * 64}]
    assert made["reasons"] == {"ambiguous": 85}
    assert made["targets"] == list(TARGETS)
    assert made["vcf"]["name"] == "common.vcf"
    values = np.load(place / "out" / "background.npy")
    assert values.shape == (2, 85)
    assert (np.diff(values, axis=1) >= 0).all()
    assert sorted(path.name for path in place.iterdir() if path.name.startswith(".")) == []


def test_several_models_are_one_ensemble(place, danq):
    assert danq("background", *command(place, "run1", "run2")) == 0
    made = json.loads((place / "out" / "background.json").read_text())
    assert [bundle["digest"][0] for bundle in made["bundles"]] == ["1", "2"]


def test_an_encoded_genome_gives_the_same(place, danq):
    build_genome(place / "g.fa", place / "genome")
    for genome, out in ((place / "g.fa", place / "a"), (place / "genome", place / "b")):
        arguments = command(place, "run1")
        arguments[3], arguments[-1] = genome, out
        assert danq("background", *arguments) == 0
    assert (place / "a" / "background.npy").read_bytes() == (place / "b" / "background.npy").read_bytes()


def test_regions_and_filters_choose_alleles(place, danq):
    assert danq("background", *command(place, "run1"), "--region", "chrI:11-20") == 0
    made = json.loads((place / "out" / "background.json").read_text())
    assert (made["n"], made["reasons"]["outside_regions"]) == (10, 2 * 75)
    assert danq("background", *command(place, "run1"), "--pass-only") == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--model": "nowhere"}, "nowhere/bundle.json: no such file; nowhere is no danq bundle"),
        ({"--vcf": "g.fa"}, "g.fa:1: expected a VCF"),
        ({"--vcf": "nowhere.vcf"}, "nowhere.vcf: no such file"),
        ({"--genome": "nowhere.fa"}, "nowhere.fa: no such file"),
    ],
)
def test_bad_input_is_one_line_and_status_2(place, danq, capsys, change, message):
    given = {"--model": "run1", "--genome": "g.fa", "--vcf": "common.vcf", "--out": "out", **change}
    assert danq("background", *(word for pair in given.items() for word in pair)) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith(f"danq: {message}")
    assert not (place / "out").exists()


def test_help_does_not_load_tensorflow():
    program = (
        "import sys; sys.argv = ['danq', 'background', '--help']\nfrom danq.cli import main\n"
        "try: main()\nexcept SystemExit: sys.exit('tensorflow' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert shown.returncode == 0
    for option in ("--model", "--genome", "--vcf", "--out", "--strands", "--region", "--aliases"):
        assert option in shown.stdout
