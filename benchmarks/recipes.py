"""The recipe that `danq init` writes, beside its baseline, on sets of different kinds.

``DANQ_REAL_DATA=FOLDER python benchmarks/recipes.py --full [SET ...]``. For each set `danq init` looks at
the files and writes a configuration; `danq dataset`, `train`, `predict` and `evaluate` run on it as it is,
once a seed.

Sets: ``chipexo`` (25 tracks), ``many0`` to ``many7`` (16 tracks each, drawn by ``random.Random(n).sample`` of
those in ``chipexo_many`` that hold a peak), ``CTCF``, ``EP300``, ``JUND`` (FastSK), ``tf0``, ``tf1`` (GUE),
``ienhancer`` (in five folds, of which seed n takes the n-th to test) and ``example``, the embedded one. Aims,
on the mean of the seeds: AUROC at least the baseline's less 0.005, AUPRC at least the baseline's, and a tenth
above it where the baseline's is below 0.5.

The test rows select nothing. Without ``--full`` every network trains for a moment, to show that it runs; what
``--full`` gave stands in `docs/results.md`. With ``--change danq.options.head=max`` another recipe is
measured. ``--out`` keeps what is done, and a later call goes on with it.
"""

import argparse
import gzip
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from real_sets import DATA, MOMENT, REPOSITORY, danq, ienhancer

MANY = tuple(f"many{number}" for number in range(8))
FASTSK, GUE = ("CTCF", "EP300", "JUND"), ("tf0", "tf1")
SETS = ("chipexo", *MANY, *FASTSK, *GUE, "ienhancer", "example")
RUNS = ("danq", "kmer_logistic", "mean")
AREAS = ("auroc", "auprc")


def peaks_of(data: Path, name: str) -> list[Path]:
    """Tracks of a set along the yeast genome."""
    if name == "chipexo":
        return sorted((data / "yeast" / "chipexo").glob("*.bed"))
    every = sorted((data / "yeast" / "chipexo_many").glob("*.bed.gz"))
    full = [path for path in every if gzip.decompress(path.read_bytes()).strip()]
    return sorted(random.Random(int(name.removeprefix("many"))).sample(full, 16))


def options_of_init(name: str, seed: int, data: Path, work: Path) -> list[Any]:
    """Options of `danq init` for a set.

    Raises
    ------
    FileNotFoundError
        If a file of the set is absent.
    """
    genome = REPOSITORY / "resources" / "example" / "genome.fa.gz"
    if name == "example":
        return ["--fasta", genome, "--tracks-from", REPOSITORY / "config" / "targets.tsv"]
    if name == "chipexo" or name in MANY:
        return ["--fasta", genome, *existing(*peaks_of(data, name))]
    folder = data / "dna_sequences"
    if name in FASTSK:
        train, test = existing(*(folder / f"{name}.{part}.fasta.gz" for part in ("train", "test")))
        return ["--examples", train, "--test", test]
    if name in GUE:
        train, valid, test = existing(
            *(folder / "gue" / name / f"{part}.csv.gz" for part in ("train", "dev", "test"))
        )
        return ["--examples", train, "--valid", valid, "--test", test]
    work.mkdir(parents=True, exist_ok=True)
    ienhancer(data, work)
    train, test = (work / f"ienhancer.fold{seed}.{part}.fa" for part in ("train", "test"))
    return ["--examples", train, "--test", test]


def existing(*paths: Path) -> list[Path]:
    """Return the paths, all of which exist."""
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(path)
    if not paths:
        raise FileNotFoundError("tracks")
    return list(paths)


def configure(name: str, seed: int, arguments: argparse.Namespace, here: Path) -> dict[str, Any]:
    """Let `danq init` write a configuration; give it this seed and what is changed."""
    options = options_of_init(name, seed, arguments.data, here / "data")
    danq("init", *options, "--out", here / "config")
    settings: dict[str, Any] = yaml.safe_load((here / "config" / "config.yaml").read_text("utf-8"))
    for run in ("danq", "kmer_logistic"):
        settings["runs"][run].setdefault("train", {})["seed"] = seed
    if not arguments.full:
        settings["runs"]["danq"]["train"] |= MOMENT
    for change in arguments.change:
        key, _, value = change.partition("=")
        *parents, last = key.split(".")
        place = settings["runs"]
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = yaml.safe_load(value)
    (here / "configuration.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
    return settings


def measure(name: str, seed: int, arguments: argparse.Namespace, here: Path) -> dict[str, Any]:
    """Make the dataset of a set, train its runs with one seed, and measure them on the test rows."""
    kept = here / "measured.json"
    if kept.exists():
        measured: dict[str, Any] = json.loads(kept.read_text())
        return measured
    settings = configure(name, seed, arguments, here)
    config, (dataset,) = here / "configuration.yaml", settings["datasets"]
    genome = []
    if "genomes" in settings:
        (fasta,) = settings["genomes"].values()
        once(here.parent.parent / "genome", lambda out: danq("genome", fasta, "--out", out))
        genome = ["--genome", here.parent.parent / "genome"]
    rows = here / "dataset"
    once(rows, lambda out: danq("dataset", "--config", config, "--name", dataset, *genome, "--out", out))
    measured = {"windows": json.loads((rows / "dataset.json").read_text())["n"]["train"]}
    for run in RUNS:
        out = here / "runs" / run
        started = time.perf_counter()
        danq("train", "--config", config, "--run", run, "--dataset", rows, "--out", out)
        seconds = time.perf_counter() - started
        for split in ("valid", "test"):
            danq(
                "predict", "--model", out, "--dataset", rows, "--split", split, "--out", out / f"{split}.npz"
            )
        danq("evaluate", out / "valid.npz", out / "test.npz", "--out", out / "evaluation", "--resamples", 0)
        splits = json.loads((out / "evaluation" / "summary.json").read_text())["splits"]
        areas = {f"{split}_{area}": told[area]["mean"] for split, told in splits.items() for area in AREAS}
        measured[run] = areas | {"seconds": seconds, "load": os.getloadavg()[0]}
    members = json.loads((here / "runs" / "mean" / "bundle.json").read_text())["members"]
    measured["weight"] = sum(member["weight"] for member in members if member["run"] == "danq")
    kept.write_text(json.dumps(measured))
    return measured


def once(out: Path, make: Callable[[Path], None]) -> None:
    """Make a directory unless it is there."""
    if not out.exists():
        make(out)


def table(name: str, seeds: list[dict[str, Any]]) -> str:
    """One line of Markdown: mean over seeds of each run on the test rows, and whether the aims are met."""
    means = {
        run: {area: np.mean([seed[run][f"test_{area}"] for seed in seeds]) for area in AREAS} for run in RUNS
    }
    base, got = means["kmer_logistic"], means["mean"]
    factor = 1.1 if base["auprc"] < 0.5 else 1.0
    met = got["auroc"] >= base["auroc"] - 0.005 and got["auprc"] >= factor * base["auprc"]
    cells = [f"{means[run]['auroc']:.4f} / {means[run]['auprc']:.4f}" for run in RUNS]
    weights = ", ".join(f"{seed['weight']:.2g}" for seed in seeds)
    took = [f"{np.mean([seed[run]['seconds'] for seed in seeds]):.0f}" for run in ("danq", "kmer_logistic")]
    windows = f"{np.mean([seed['windows'] for seed in seeds]):,.0f}"
    return " | ".join(
        [
            "",
            name,
            windows,
            str(len(seeds)),
            cells[1],
            cells[0],
            f"**{cells[2]}**",
            weights,
            *took,
            "yes" if met else "**no**",
            "",
        ]
    ).strip()


_COLUMNS = (
    *("set", "training windows", "seeds", "`kmer_logistic`", "`danq`", "`mean`", "weight of `danq`"),
    *("s, `danq`", "s, `kmer_logistic`", "aims met"),
)
HEAD = f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}"


def measured_sets(arguments: argparse.Namespace, work: Path) -> Iterator[str]:
    """Measure seed by seed, so that an interrupted call has one seed of every set first; yield the table."""
    done: dict[str, list[dict[str, Any]]] = {}
    for seed in range(1, 1 + arguments.seeds):
        for name in arguments.sets or SETS:
            try:
                done.setdefault(name, []).append(measure(name, seed, arguments, work / name / f"seed{seed}"))
            except FileNotFoundError as absent:
                sys.stdout.write(f"skipped {name}: no {absent}; set DANQ_REAL_DATA\n")
                continue
            sys.stdout.write(f"seed {seed}: {table(name, done[name])}\n")
            sys.stdout.flush()
    yield HEAD
    yield from (table(name, seeds) for name, seeds in done.items())


def main() -> None:
    """Parse options, measure the sets, print a table of Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{', '.join(SETS)}; default: all")
    parser.add_argument("--full", action="store_true", help="train as `danq init` says")
    parser.add_argument("--seeds", type=int, default=3, help="default: %(default)s")
    parser.add_argument(
        "--change", action="append", default=[], metavar="RUN.KEY=VALUE", help="may be repeated"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data")
    parser.add_argument("--out", type=Path, help="keep the work here and go on with it (default: temporary)")
    arguments = parser.parse_args()
    unknown = set(arguments.sets) - set(SETS)
    if unknown:
        parser.error(f"expected sets of {', '.join(SETS)}; received {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as temporary:
        for line in measured_sets(arguments, (arguments.out or Path(temporary)).resolve()):
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
