"""``danq genome`` from the outside: results, closing line, and one line with status 2 for a bad FASTA."""

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from verbs import danq_process

COMMAND = [sys.executable, "-c", "from danq.cli import main; main()", "genome"]


def danq_genome(fasta: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return danq_process("genome", fasta, "--out", out, cwd=Path.cwd())


def test_a_fasta_becomes_a_genome_directory(tmp_path: Path) -> None:
    (tmp_path / "g.fa.gz").write_bytes(gzip.compress(b">one\nACGTn\nRyac\n>two\nGGGG\n"))
    done = danq_genome(tmp_path / "g.fa.gz", tmp_path / "out")
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 contigs, 13 bp (4 soft-masked, 2 IUPAC letters read as N)" in done.stderr
    codes = np.load(tmp_path / "out" / "codes.npy", mmap_mode="r")
    assert codes.tolist() == [0, 1, 2, 3, 4, 4, 4, 0, 1, 2, 2, 2, 2]
    manifest = json.loads((tmp_path / "out" / "genome.json").read_text())
    assert (manifest["kind"], manifest["format_version"], manifest["length"]) == ("genome", 1, 13)
    assert manifest["provenance"]["versions"]["danq"]


BAD = {
    "missing": None,
    "empty": b"",
    "truncated": gzip.compress(b">one\n" + b"ACGT" * 9999)[:-9],
    "binary": b"\x00\x01\x02" * 99,
    "protein": b">p\nMKVLAE\n",
    "no header": b"ACGT\n>one\nACGT\n",
    "twice": b">one\nACGT\n>one\nACGT\n",
    "without sequence": b">one\n>two\nACGT\n",
}


@pytest.mark.parametrize("case", [*BAD, "directory"])
def test_a_bad_fasta_is_one_line_and_status_2(case: str, tmp_path: Path) -> None:
    source = tmp_path / "bad.fa"
    if case == "directory":
        source.mkdir()
    elif BAD[case] is not None:
        source.write_bytes(BAD[case])
    done = danq_genome(source, tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"danq: {source}:")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [(), ("--work", "work")])
def test_a_pipe_is_refused_before_it_is_waited_for(
    options, tmp_path: Path, danq, capsys, monkeypatch
) -> None:
    """It is read a second time for its digest, which would be that of nothing."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    assert danq("genome", "pipe", "--out", "out", *options) == 2
    assert "pipe: expected a file that can be read twice, received a pipe" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_an_unwritable_output_is_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_bytes(b">one\nACGT\n")
    (tmp_path / "out").write_text("a file in the way")
    done = danq_genome(tmp_path / "g.fa", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr == f"danq: {tmp_path / 'out'}: expected a directory, received a file\n"


def test_a_killed_job_leaves_no_final_file(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_bytes(b">one\n" + (b"ACGT" * 15 + b"\n") * 1_500_000)
    out = tmp_path / "out"
    job = subprocess.Popen([*COMMAND, str(tmp_path / "g.fa"), "--out", str(out)], stderr=subprocess.DEVNULL)
    while not [path for path in out.glob(".*/codes.npy") if path.stat().st_size > 10_000]:
        assert job.poll() is None, "the job ended before it could be killed"
        time.sleep(0.001)
    job.kill()
    job.wait()
    assert [path.name for path in out.iterdir() if not path.name.startswith(".")] == []


def test_shards_and_putting_together(tmp_path: Path, danq, capsys, caplog) -> None:
    fasta, work = tmp_path / "g.fa", tmp_path / "work"
    fasta.write_bytes(b"".join(b">c%d\n" % number + b"ACGTN" * 400_000 + b"\n" for number in range(5)))
    assert danq("genome", fasta, "--out", tmp_path / "whole") == 0
    for shard in (3, 1):
        receipt = tmp_path / f"{shard}.json"
        options = ("--work", work, "--shard", f"{shard}/3", "--receipt", receipt)
        assert danq("genome", fasta, *options) == 0
        assert json.loads(receipt.read_text())["kind"] == "genome-receipt"
    assert danq("genome", fasta, "--work", work, "--out", tmp_path / "out") == 0
    assert "shards that are not done: 2/3; their parts are computed now" in caplog.text
    for name in ("codes.npy", "contigs.tsv", "iupac.npy"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not work.exists()


def test_a_shard_that_is_refused_leaves_nothing(tmp_path: Path, danq, capsys) -> None:
    (tmp_path / "g.fa").write_bytes(b">one\nAC?GT\n")
    assert danq("genome", tmp_path / "g.fa", "--work", tmp_path / "work", "--shard", "1/2") == 0, "no part"
    assert danq("genome", tmp_path / "g.fa", "--work", tmp_path / "work", "--shard", "2/2") == 2
    assert "g.fa:2: expected nucleotide letters, received '?'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["g.fa"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--shard", "0/4", "--work", "w"), "--shard: expected I/N with I from 1 to N"),
        (("--shard", "5/4", "--work", "w"), "--shard: expected I/N with I from 1 to N"),
        (("--shard", "1/4"), "--shard: expected --work DIR with it"),
        (("--out", "o", "--receipt", "r"), "--receipt: belongs to --shard"),
        (("--work", "w"), "--out: expected a directory, received nothing"),
        ((), "--out: expected a directory, received nothing"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, danq, capsys, monkeypatch, options, message) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.fa").write_bytes(b">one\nACGT\n")
    assert danq("genome", "g.fa", *options) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["g.fa"]
