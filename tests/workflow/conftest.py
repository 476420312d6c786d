"""A small project of two genomes, two datasets and two runs, and ways to run the workflow on it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from forked import run_forked
from once import made_once

from tests.workflow.installed import build

REPOSITORY = Path(__file__).parents[2]
MOTIFS = {"alpha": "TGACGTCA", "beta": "GGGATTTCC"}
CONTIGS = {"chr1": 24_000, "chr2": 6_000, "chr3": 6_000}
CONFIG = """\
genomes: {first: data/first.fa, second: data/second.fa}
datasets:
  one: {genome: first, targets: data/one.tsv, window: 120, bin: 60, keep: all, composition: false,
        split: {valid: [chr2], test: [chr3]}}
  two: {genome: second, targets: data/two.tsv, window: 120, bin: 60, keep: all, composition: false,
        split: {valid: [chr2], test: [chr3]}}
runs:
  net:
    model: danq
    dataset: one
    options: {filters: 8, kernel: 9, pool: 12, units: 4, dense: 8}
    train: {epochs: 30, patience: 20, batch_size: 50, optimizer: adam}
  words: {model: kmer_logistic, dataset: two, options: {k: [3], c: [0.01]}}
"""
# a model whose training, in the first TIMES jobs of a cluster, makes a few steps, marks that and waits until
# it is told to stop, or to go on: no clock decides
HELD = """\
import itertools, os, signal, sys, time
from pathlib import Path
from danq.data.encoders import CodesEncoder
from danq.models.danq import *

mark = Path(os.environ.get("STAND_IN_WORK") or f"held/{os.environ.get('SLURM_JOB_ID', 'none')}/work")
batches = itertools.count()

def encoded(self, codes):
    if next(batches) == 6:
        # the one that notes a request to stop, until there is one
        handler = signal.getsignal(signal.SIGTERM)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        while signal.getsignal(signal.SIGTERM) is handler and not os.path.exists("go"):
            time.sleep(0.05)
    return encode(self, codes)

if "train" in sys.argv and "none" not in mark.parts and len([*mark.parent.parent.glob("*/work")]) < TIMES:
    encode, CodesEncoder.encode = CodesEncoder.encode, encoded
"""


@dataclass(frozen=True)
class Project:
    """A directory with data and configuration, outside the repository."""

    path: Path
    repository: Path

    def snakemake(self, *arguments: str, timeout: float = 1200) -> subprocess.CompletedProcess[str]:
        """Run the repository's workflow here; what it prints is in `stdout`, both streams together."""
        arguments = ("--snakefile", str(self.repository / "Snakefile"), *arguments)
        environment = os.environ | {"TF_NUM_INTRAOP_THREADS": "1"}
        if self.repository == REPOSITORY:
            return run_forked(
                *("snakemake.cli", *arguments),
                cwd=self.path,
                environment=environment,
                timeout=timeout,
                together=True,
            )
        # of other code than that which the forking process has loaded
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
            env=environment,
        )

    def planned(self, *arguments: str) -> set[str]:
        """Jobs of a dry run by the names of their logs, such as ``train/net``."""
        done = self.snakemake("--dry-run", *arguments)
        assert done.returncode == 0, done.stdout
        return set(re.findall(r"^    log: results/logs/(\S+)\.log$", done.stdout, re.MULTILINE))

    def configure(self, text: str) -> None:
        (self.path / "config" / "config.yaml").write_text(text)

    def files(self) -> set[str]:
        """Files that the workflow made, Snakemake's own left out."""
        made = (p.relative_to(self.path) for p in self.path.rglob("*") if p.is_file())
        return {str(p) for p in made if p.parts[0] not in (".snakemake", "data", "config")}


def write_project(path: Path) -> None:
    """Random genomes with two planted motifs, which the tracks label."""
    (path / "data").mkdir(parents=True)
    (path / "config").mkdir()
    rng = np.random.default_rng(7)
    for genome, table in (("first", "one"), ("second", "two")):
        tracks: dict[str, list[str]] = {name: [] for name in MOTIFS}
        records = []
        for contig, length in CONTIGS.items():
            bases = np.array(list("ACGT"))[rng.integers(0, 4, length)]
            for start in range(20, length - 60, 60):
                for name, motif in MOTIFS.items():
                    if rng.random() < 0.3:
                        bases[start : start + len(motif)] = list(motif)
                        tracks[name].append(f"{contig}\t{start - 20}\t{start + 40}\n")
                        break
            records.append(f">{contig}\n{''.join(bases)}\n")
        (path / "data" / f"{genome}.fa").write_text("".join(records))
        for name, lines in tracks.items():
            (path / "data" / f"{table}.{name}.bed").write_text("".join(lines))
        rows = "".join(f"{name}\t{table}.{name}.bed\n" for name in MOTIFS)
        (path / "data" / f"{table}.tsv").write_text("target\tpath\n" + rows)
    (path / "config" / "config.yaml").write_text(CONFIG)


def write_variants(data: Path, records: int) -> None:
    """Substitutions and deletions all over the first genome, some of a wrong REF; a few of the second."""
    genomes = {}
    for name in ("first", "second"):
        contigs = (data / f"{name}.fa").read_text().split(">")[1:]
        genomes[name] = dict(contig.split("\n")[:2] for contig in contigs)
    rng = np.random.default_rng(5)
    lines = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=chr1>",
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts",
    ]
    sequence = genomes["first"]["chr1"]
    for number, start in enumerate(np.sort(rng.choice(len(sequence) - 9, records, replace=False)).tolist()):
        ref = sequence[start : start + (4 if number % 20 == 0 else 1)]
        alt = ref[0] if len(ref) > 1 else "ACGT"[("ACGT".index(ref) + 1) % 4]
        ref = alt if number % 50 == 1 else ref
        lines.append(
            f"chr1\t{start + 1}\tv{number}\t{ref}\t{alt if ref != alt else 'N'}\t.\tPASS\tX=1\tGT\t0|1"
        )
    (data / "variants.vcf").write_text("\n".join(lines) + "\n")
    sequence = genomes["second"]["chr2"]
    rows = [
        f"chr2:{at + 1}:{sequence[at]}:{'C' if sequence[at] != 'C' else 'G'}\t{at % 7}" for at in range(40)
    ]
    (data / "alleles.tsv").write_text("variant\teffect\n" + "\n".join(rows) + "\n")


def set_key(key: str, value: object) -> str:
    """The configuration of the project with one key changed, as text."""
    raw = yaml.safe_load(CONFIG)
    here = raw
    *above, last = key.split(".")
    for part in above:
        here = here.setdefault(part, {})
    here[last] = value
    return yaml.safe_dump(raw, sort_keys=False)


@contextmanager
def inputs_kept(project: Project) -> Iterator[None]:
    """Put a project's data and configuration back in the end, with their times."""
    inputs = [p for name in ("data", "config") for p in (project.path / name).iterdir()]
    before = {path: (path.read_bytes(), path.stat()) for path in inputs}
    yield
    for path, (content, status) in before.items():
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def project(tmp_path: Path, repository: Path) -> Project:
    """The project before anything ran."""
    write_project(tmp_path)
    return Project(tmp_path, repository)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Project:
    """The project after one whole run; tests leave its data and configuration as they found them."""

    def make(path: Path) -> None:
        write_project(path)
        done = Project(path, repository).snakemake("--cores", "2")
        assert done.returncode == 0, done.stdout
        # what the terminal was told while it ran, beside what tests look through
        (path / ".snakemake" / "printed").write_text(done.stdout)

    return Project(made_once(tmp_path_factory, "finished", make), repository)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    return build(repository, "wheel", tmp_path_factory.mktemp("wheel"))
