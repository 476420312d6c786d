"""The models on labelled real data that others have published figures for, through danq's own verbs.

``python benchmarks/real_sets.py [SET ...] [--full]``. Each set has a ready configuration of its name in
`config/`; its raw files are looked for in the directory that ``DANQ_REAL_DATA`` or ``--data`` names, and a
set that is absent is skipped. Files that danq does not read as they are become files that it reads; nothing
is learned here. Without ``--full`` every run trains for a moment, to show that it runs; what ``--full``
gave stands in `docs/results_models.md`.

The seed of a run draws its weights and batches and, where test rows are given but validation rows are
not, its validation rows. Averaged probabilities of several seeds are measured too (``mean of n``).
"""

import argparse
import gzip
import json
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DANQ_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
SEEDS = {"fastsk": 5, "sst2": 5, "mr": 5, "gue": 3, "mnist": 1, "ienhancer": 1}
"""Seeds of each run with ``--full``; the folds of ienhancer stand in their place."""
FOLDS = 5
MOMENT = {"epochs": 1, "samples_per_epoch": 2000}
FIGURES = ("auroc", "accuracy", "mcc", "f1")


class Measured(NamedTuple):
    """One line of the result: a run, or the mean of its seeds."""

    run: str
    split: str
    auroc: float
    accuracy: float
    mcc: float
    f1: float
    seconds: float


def labelled_texts(raw: Path, out: Path) -> None:
    """Turn lines of ``label text`` into a table of ``label`` and ``text``; bytes above ASCII stay."""
    lines = gzip.decompress(raw.read_bytes()).removesuffix(b"\n").split(b"\n")
    rows = (line.rstrip().replace(b"\t", b" ").replace(b" ", b"\t", 1) for line in lines)
    out.write_bytes(b"\n".join([b"label\ttext", *rows, b""]))


def mr(data: Path, out: Path) -> None:
    """Positive and negative sentences of film reviews, one table."""
    labelled_texts(data / "text" / "rt-polarity.all.gz", out / "mr.tsv")


def sst2(data: Path, out: Path) -> None:
    """Sentences of film reviews, one table for each given split."""
    for part, name in (("train", "train"), ("dev", "valid"), ("test", "test")):
        labelled_texts(data / "text" / f"stsa.binary.{part}.gz", out / f"sst2.{name}.tsv")


def ienhancer(data: Path, out: Path) -> None:
    """Deal enhancers and non-enhancers, shuffled, into folds; each fold's rows test what the others train."""
    folds: list[list[str]] = [[] for _ in range(FOLDS)]
    for label, name in ((1, "enhancer"), (0, "non_enhancer")):
        raw = data / "dna_sequences" / f"elm_original_{name}_train.txt.gz"
        text = gzip.decompress(raw.read_bytes()).decode("ascii")
        records = [record.split() for record in text.split(">")[1:]]
        random.Random(1337).shuffle(records)
        for number, (title, *sequence) in enumerate(records):
            folds[number % FOLDS].append(f">{title} {label}\n{''.join(sequence)}\n")
    for number in range(FOLDS):
        rest = [record for other in range(FOLDS) if other != number for record in folds[other]]
        (out / f"ienhancer.fold{number + 1}.test.fa").write_text("".join(folds[number]))
        (out / f"ienhancer.fold{number + 1}.train.fa").write_text("".join(rest))


CONVERT = {"mr": mr, "sst2": sst2, "ienhancer": ienhancer}


def prepare(name: str, data: Path, work: Path) -> dict[str, Any]:
    """Fill ``data/`` of the working directory; return the configuration.

    Raises
    ------
    FileNotFoundError
        If a file of the set is absent.
    """
    settings: dict[str, Any] = yaml.safe_load((REPOSITORY / "config" / f"{name}.yaml").read_text("utf-8"))
    made = work / "data"
    made.mkdir(parents=True, exist_ok=True)
    for folder in data.iterdir():
        if not (made / folder.name).exists():
            (made / folder.name).symlink_to(folder.resolve())
    if name in CONVERT:
        CONVERT[name](data, made)
    for dataset in settings["datasets"].values():
        for path in (
            dataset["examples"].values() if isinstance(dataset["examples"], dict) else [dataset["examples"]]
        ):
            if not (work / path).exists():
                raise FileNotFoundError(path)
    return settings


def danq(*words: object) -> None:
    """Call a verb in this process: importing TensorFlow each time would outlast short trainings."""
    from danq.cli import app

    app(["--quiet", *map(str, words)], standalone_mode=False)


def seeded(settings: dict[str, Any], run: str, seed: int, full: bool) -> dict[str, Any]:
    """Give the configuration of one run with one seed."""
    chosen = json.loads(json.dumps(settings["runs"][run]))
    dataset = json.loads(json.dumps(settings["datasets"][chosen["dataset"]]))
    given = dataset["examples"]
    if isinstance(given, dict) and "test" in given and "valid" not in given:
        dataset["split"]["seed"] = seed
    chosen["train"] = chosen.get("train", {}) | {"seed": seed} | ({} if full else MOMENT)
    return {"datasets": {chosen["dataset"]: dataset}, "runs": {run: chosen}}


def measure(settings: dict[str, Any], run: str, seed: int, work: Path, full: bool) -> Path:
    """Call the verbs of one run and seed; return the directory of its bundle, predictions and evaluation."""
    here = work / run / f"seed{seed}"
    if (here / "took.json").exists():  # of an earlier call with the same --out
        return here
    config = here.with_suffix(".yaml")
    config.parent.mkdir(parents=True, exist_ok=True)
    one = seeded(settings, run, seed, full)
    config.write_text(yaml.safe_dump(one, sort_keys=False), encoding="utf-8")
    name = one["runs"][run]["dataset"]
    dataset = work / "datasets" / f"{name}.{one['datasets'][name].get('split', {}).get('seed', 'given')}"
    if not dataset.exists():
        danq("dataset", "--config", config, "--name", name, "--out", dataset)
    started, load = time.perf_counter(), os.getloadavg()[0]
    danq("train", "--config", config, "--run", run, "--dataset", dataset, "--out", here)
    seconds = time.perf_counter() - started
    for split in ("valid", "test"):
        out = here / "predictions" / f"{split}.npz"
        danq("predict", "--model", here, "--dataset", dataset, "--split", split, "--out", out)
    evaluate(here)
    took = {"seconds": seconds, "load": [load, os.getloadavg()[0]]}
    (here / "took.json").write_text(json.dumps(took))
    return here


def evaluate(here: Path) -> None:
    """Measure what lies in ``predictions``."""
    files = sorted((here / "predictions").glob("*.npz"))
    danq("evaluate", *files, "--out", here / "evaluation", "--resamples", 0)


def average(run: str, members: list[Path], work: Path) -> Path:
    """Average the test probabilities and logits of several seeds, and measure them."""
    from danq.learn.predict.predictions import write_predictions
    from danq.learn.predict.reading import read_predictions

    here = work / run / f"mean_of_{len(members)}"
    (here / "predictions").mkdir(parents=True, exist_ok=True)
    read = [read_predictions(member / "predictions" / "test.npz") for member in members]
    probabilities, logits = (
        np.mean([getattr(one, what) for one in read], axis=0) for what in ("probabilities", "logits")
    )
    both = replace(read[0], probabilities=probabilities, logits=logits, run=f"{run} mean", bundle_digest="")
    write_predictions(here / "predictions" / "test.npz", both)
    evaluate(here)
    return here


def lines(here: Path, label: str) -> Iterator[Measured]:
    """Figures of each split of an evaluation; calls at probability 0.5, or of the likeliest class."""
    took = here / "took.json"
    seconds = json.loads(took.read_text())["seconds"] if took.exists() else float("nan")
    summary = json.loads((here / "evaluation" / "summary.json").read_text())
    for split, told in summary["splits"].items():
        classes = told["classes"]
        f1 = classes["macro_f1"] if classes.get("binary_f1") is None else classes["binary_f1"]
        yield Measured(label, split, told["auroc"]["mean"], classes["accuracy"], classes["mcc"], f1, seconds)


def show(name: str, measured: Measured) -> None:
    """Print one line."""
    values = "\t".join(f"{what} {getattr(measured, what):.4f}" for what in FIGURES)
    took = "" if np.isnan(measured.seconds) else f"\t{measured.seconds:.0f} s, load {os.getloadavg()[0]:.1f}"
    sys.stdout.write(f"{name}\t{measured.run}\t{measured.split}\t{values}{took}\n")
    sys.stdout.flush()


def spread(name: str, several: list[Measured]) -> None:
    """Print mean ± sd over seeds, or folds, of each group of lines."""
    groups: dict[tuple[str, str], list[Measured]] = {}
    for one in several:
        groups.setdefault((re.sub(r"(\.fold\d+)? seed \d+$", "", one.run), one.split), []).append(one)
    for (run, split), members in groups.items():
        if len(members) > 1:
            values = np.array([one[2:] for one in members])
            mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
            told = "\t".join(
                f"{what} {mean[column]:.4f} ± {sd[column]:.4f}" for column, what in enumerate(FIGURES)
            )
            sys.stdout.write(f"{name}\t{run}\t{split}\t{told}\t{len(members)} runs of {mean[4]:.0f} s\n")


def measure_set(name: str, settings: dict[str, Any], work: Path, given: argparse.Namespace) -> None:
    """Measure every wanted run of a set and print its lines."""
    seeds = range(1, 1 + (given.seeds or (SEEDS[name] if given.full else 1)))
    several: list[Measured] = []
    for run in settings["runs"]:
        if not re.search(given.runs, run):
            continue
        members = []
        for seed in seeds:
            members.append(measure(settings, run, seed, work, given.full))
            for one in lines(members[-1], f"{run} seed {seed}"):
                show(name, one)
                several.append(one)
        if len(members) > 1:
            for one in lines(average(run, members, work), f"{run} mean of {len(members)}"):
                show(name, one)
    spread(name, several)


def main() -> None:
    """Parse options, measure each set, print one line a run, seed and split, then means over seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{', '.join(SEEDS)}; default: all")
    parser.add_argument("--full", action="store_true", help="train as configured, with every seed")
    parser.add_argument("--seeds", type=int, help="seeds of each run")
    parser.add_argument("--runs", default="", metavar="REGEX", help="only runs whose names match")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data")
    parser.add_argument("--out", type=Path, help="keep the work here and go on with it (default: temporary)")
    given = parser.parse_args()
    unknown = set(given.sets) - set(SEEDS)
    if unknown:
        parser.error(f"expected sets of {', '.join(SEEDS)}; received {', '.join(sorted(unknown))}")
    for name in given.sets or SEEDS:
        with tempfile.TemporaryDirectory() as temporary:
            work = (given.out or Path(temporary)).resolve() / name
            try:
                settings = prepare(name, given.data, work)
            except FileNotFoundError as absent:
                sys.stdout.write(f"skipped {name}: no {absent.filename or absent}; set DANQ_REAL_DATA\n")
                continue
            # paths in a configuration are relative to the working directory
            os.chdir(work)
            measure_set(name, settings, work, given)
            os.chdir(REPOSITORY)


if __name__ == "__main__":
    main()
