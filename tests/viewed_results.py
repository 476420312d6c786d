"""A results directory of a run that looked at regions: genome, untrained bundle, tracks, scored variants."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from toy_models import write_vcf
from untrained import save_model
from verbs import danq

from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome

NAMES = ("CTCF", "<img src=x onerror=alert(1)>")
"""Names of the targets, the second as unpleasant as a name can be."""
LENGTHS = {"chrI": 3_000, "chrII": 1_203}


def write_project(folder: Path) -> SimpleNamespace:
    """Write data and configuration, and what the workflow makes before it scores and looks."""
    rng = np.random.default_rng(0)
    contigs = {name: "".join(rng.choice(list("ACGT"), n)) for name, n in LENGTHS.items()}
    (folder / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    genomes = folder / "results" / "genomes"
    genomes.mkdir(parents=True)
    build_genome(folder / "genome.fa", genomes / "g")
    genome = open_genome(genomes / "g")
    # 0-based half-open: the first one ends where the region of the view begins, the second begins before it
    (folder / "one.bed").write_text("chrI\t80\t100\nchrI\t90\t101\nchrI\t199\t260\nchrI\t200\t210\n")
    (folder / "two.bed").write_text("chrI\t150\t151\nchrII\t0\t40\n")
    rows = f"{NAMES[0]}\tone.bed\tleft\n{NAMES[1]}\ttwo.bed\tright\n"
    (folder / "targets.tsv").write_text("target\tpath\tgroup\n" + rows)
    (folder / "results" / "runs").mkdir()
    save_model(folder / "results" / "runs" / "net", targets=NAMES, genome_digest=genome.digest)
    alleles = []
    for contig, pos in (("chrI", 120), ("chrI", 130), ("chrI", 2_500), ("chrII", 600)):
        ref = contigs[contig][pos - 1]
        alleles.append((contig, pos, ref, "ACGT"[("ACGT".index(ref) + 1) % 4]))
    write_vcf(folder / "v.vcf", [f"{c} {p} {r} {a}" for c, p, r, a in alleles], genome)
    rows = "".join(f"{c}:{p}:{r}:{a}\n" for c, p, r, a in alleles)
    (folder / "v.tsv").write_text(rows)
    config = configuration(folder)
    (folder / "config.json").write_text(json.dumps(config))
    return SimpleNamespace(path=folder, config=config, contigs=contigs, genome=genome, alleles=alleles)


def configuration(folder: Path) -> dict[str, Any]:
    """A region by its text, the same contig from its start, and two callsets of the same alleles."""
    split = {"valid": ["chrI:2001-3000"], "test": ["chrII"]}
    return {
        "genomes": {"g": str(folder / "genome.fa")},
        "datasets": {
            "d": {"targets": str(folder / "targets.tsv"), "window": 40, "bin": 8, "split": split},
        },
        "runs": {"net": {"model": "danq", "dataset": "d", "predict": {"batch_size": 16}}},
        "callsets": {
            "as_vcf": {"vcf": str(folder / "v.vcf"), "runs": ["net"], "views": 2},
            "as_tsv": {"vcf": str(folder / "v.tsv"), "runs": ["net"], "views": 0},
        },
        "views": ["chrI:101-200", {"region": "chrI:1-1,000", "title": NAMES[1]}],
    }


def look(project: SimpleNamespace, out: Path) -> int:
    """Look at the regions of a project with its run."""
    results = project.path / "results"
    arguments = ("--config", project.path / "config.json", "--run", "net", "--results", results)
    return danq("view", *arguments, "--out", out)


def write_results(folder: Path) -> SimpleNamespace:
    """Write the project, score its callsets and look at its regions."""
    project = write_project(folder)
    results = folder / "results"
    for name in project.config["callsets"]:
        arguments = ("--config", folder / "config.json", "--callset", name, "--results", results)
        assert danq("score", *arguments, "--out", results / "scores" / name) == 0
    assert look(project, results / "views" / "net") == 0
    return project
