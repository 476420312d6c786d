"""The README's commands run in order as a new user would; those that install or need hardware are parsed."""

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from danq.genome.alphabet import decode

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"(<!-- parsed only: [^>]+ -->\n)?```(bash|python)\n(.*?)```", README, re.DOTALL)
PARSED = [code for note, _, code in BLOCKS if note]
RUN = [(language, code) for note, language, code in BLOCKS if not note]


@pytest.mark.parametrize("code", PARSED, ids=lambda code: code.split("#")[0].split("\n")[0].strip())
def test_commands_that_install_or_need_hardware_are_sound(code: str) -> None:
    assert subprocess.run(["bash", "-n"], input=code, text=True, check=False).returncode == 0
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^make ([\w-]+)", code, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    extras = (REPOSITORY / "pyproject.toml").read_text()
    for extra in re.findall(r"\.\[(\w+)\]", code):
        assert re.search(rf"^{extra} = \[", extras, re.MULTILINE)
    for path in re.findall(r"--(?:constraint|workflow-profile) (\S+)", code):
        assert (REPOSITORY / path).exists()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds nothing but the files that the README's commands name."""
    desk = tmp_path_factory.mktemp("desk")
    generator = np.random.default_rng(7)
    contigs = {f"chr{number}": generator.integers(0, 4, 10_000, np.uint8) for number in range(1, 7)}
    (desk / "peaks").mkdir()
    for name in ("CTCF", "GATA1"):
        starts = {contig: sorted(generator.choice(45, 13, replace=False) * 200) for contig in contigs}
        lines = [f"{contig}\t{start}\t{start + 200}\n" for contig in contigs for start in starts[contig]]
        (desk / "peaks" / f"{name}.bed").write_text("".join(lines))
    fasta = "".join(f">{name}\n{decode(codes)}\n" for name, codes in contigs.items())
    (desk / "genome.fa.gz").write_bytes(gzip.compress(fasta.encode()))
    (desk / "sequences.fa").write_text(f">short\nACGT\n>long\n{decode(contigs['chr1'][:3000])}\n")
    (desk / "regions.bed").write_text("chr2\t1000\t3000\n")
    (desk / "peaks.narrowPeak").write_text("chr2\t1000\t1400\tpeak\t0\t.\t1.5\t2.5\t2.5\t120\n")
    places = [(contig, at) for contig in contigs for at in range(1000, 1200, 50)]
    rows = [
        f"{c}\t{at + 1}\t.\t{decode(contigs[c][at : at + 1])}\t<DEL>,A,C,G,T\t.\t.\t.\n" for c, at in places
    ]
    header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (desk / "variants.vcf.gz").write_bytes(gzip.compress((header + "".join(rows)).encode()))
    return desk


@pytest.mark.slow
@pytest.mark.environment
def test_the_commands_run_in_order_and_leave_what_they_promise(desk: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for language, code in RUN:
        command = ["bash", "-euxc", code] if language == "bash" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{code}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    for path in (
        "my_project/config.yaml",
        "results/report.html",
        "results/runs/danq/evaluation/metrics.tsv",
        "results/runs/composition/evaluation/metrics.tsv",
        "evaluation/metrics.tsv",
        "sequences.tsv",
        "peaks.parquet",
        "bins.parquet",
        "tracks",
        "scores/scores.parquet",
        "scores/annotated.vcf.gz",
        "scores_with_evalues/scores.parquet",
        "mutagenesis/ism.parquet",
    ):
        assert (desk / path).exists(), path
    assert len((desk / "sequences.tsv").read_text().splitlines()) > 10
    assert len((desk / "scores" / "ledger.tsv").read_text().splitlines()) == 1 + 6 * 4 * 5
