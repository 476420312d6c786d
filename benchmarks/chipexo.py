"""ChIP-exo binding along the yeast genome: DanQ beside the k-mer baseline, through the whole workflow.

The data are 25 BED tracks of 1-bp peaks (CEGRcode/2021-Rossi_Nature, MIT) in the folder ``yeast/chipexo`` of
the directory that ``DANQ_REAL_DATA`` or ``--data`` names; without it nothing is measured. The genome is the
embedded one, the configuration `config/yeast_chipexo.yaml`.

``python benchmarks/chipexo.py`` trains for a moment, to show that it runs; ``--full`` trains as configured,
which takes up to ten minutes on two cores.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
CONFIG = REPOSITORY / "config" / "yeast_chipexo.yaml"
DATA = Path(os.environ.get("DANQ_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
MOMENT = {"epochs": 1, "samples_per_epoch": 2000}


def prepare(work: Path, data: Path, full: bool) -> Path:
    """Fill the working directory with what the configuration names; return the configuration's path."""
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    # a copy, not a link: the table of targets leads to the tracks by a path relative to itself
    shutil.copytree(CONFIG.parent, work / "config", dirs_exist_ok=True)
    for name, source in (("resources", REPOSITORY / "resources"), ("data", data)):
        if not (work / name).exists():
            (work / name).symlink_to(source.resolve(), target_is_directory=True)
    if not full:
        settings["runs"]["danq"]["train"] |= MOMENT
    config = work / "configuration.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return config


def measure(work: Path, config: Path, cores: int) -> float:
    """Run the workflow and return its wall time in seconds."""
    snakemake = Path(sys.executable).with_name("snakemake")
    command = [snakemake, "--snakefile", REPOSITORY / "Snakefile", "--directory", work]
    start = time.perf_counter()
    subprocess.run([*command, "--configfile", config, "--cores", str(cores), "--quiet"], check=True)
    return time.perf_counter() - start


def results(work: Path) -> pl.DataFrame:
    """Mean areas of each run and split over the targets that were scored."""
    tables = [
        pl.read_csv(path, separator="\t", infer_schema_length=None, null_values=["", "nan", "NaN"])
        for path in sorted(work.glob("results/runs/*/evaluation/metrics.tsv"))
    ]
    scored = pl.concat(tables, how="diagonal_relaxed").filter(pl.col("auroc").is_not_null())
    means = [pl.col("auroc").mean().round(4), pl.col("auprc").mean().round(4), pl.len().alias("targets")]
    return scored.group_by("run", "split").agg(means).sort("split", "run")


def main() -> None:
    """Parse options, run, print one line a run and split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="train as configured")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds yeast/chipexo")
    parser.add_argument("--out", type=Path, help="keep the working directory here (default: a temporary one)")
    parser.add_argument("--cores", type=int, default=2, help="cores that snakemake may use")
    given = parser.parse_args()
    if not (given.data / "yeast" / "chipexo").is_dir():
        sys.stdout.write(f"skipped: no yeast/chipexo in {given.data}; set DANQ_REAL_DATA\n")
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.out or Path(temporary)).resolve()
        load = os.getloadavg()[0]
        seconds = measure(work, prepare(work, given.data, given.full), given.cores)
        for run, split, auroc, auprc, targets in results(work).iter_rows():
            sys.stdout.write(f"{run}\t{split}\tAUROC {auroc}\tAUPRC {auprc}\t{targets} targets\n")
    sys.stdout.write(f"{seconds:.0f} s with {given.cores} cores; load before the start {load:.1f}\n")


if __name__ == "__main__":
    main()
