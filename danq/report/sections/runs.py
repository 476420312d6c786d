"""Sections of the report about runs: side by side, speed, options, origin."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from danq.evaluate.compare import mean_and_sd
from danq.evaluate.intervals import FEWEST_BLOCKS
from danq.evaluate.runs import Run
from danq.learn.chance import not_above_chance
from danq.learn.manifest import BundleManifest
from danq.metrics import AREAS
from danq.report.content import Column, Section, between, listing, page, table
from danq.report.results import Results

_WITH_SD = ("auroc", "auprc", "f1", "binary_f1", "accuracy", "macro_f1", "mcc")
_MOST = "the most probable class (of one target, positive at 0.5 and above)"

_COLUMNS = {
    "model": Column("Model", "architecture"),
    "auroc": Column(
        "Mean AUROC", "mean over scored targets of the area under the ROC curve", 4, 0.5, 1, "Blues"
    ),
    "auroc_interval": Column("95% interval", "of the mean AUROC, by bootstrap over blocks of the genome"),
    "auroc_median": Column("Median AUROC", "median over scored targets", 4, 0.5, 1, "Blues"),
    "auprc": Column("Mean AUPRC", "mean over scored targets of the average precision", 4, 0, 1, "Greens"),
    "auprc_interval": Column("95% interval", "of the mean AUPRC, by bootstrap over blocks of the genome"),
    "auprc_median": Column("Median AUPRC", "median over scored targets", 4, 0, 1, "Greens"),
    "f1": Column(
        "Mean F1 (validation)", "mean over targets of F1 at the threshold that is best on validation", 3
    ),
    "binary_f1": Column("F1 (0.5)", "F1 of the positive rows, called at probability 0.5; one target", 4),
    "accuracy": Column("Accuracy", f"share of rows that are called rightly: {_MOST}", 4, 0, 1, "Blues"),
    "macro_f1": Column("Macro F1", f"mean F1 over classes, {_MOST} being called", 4),
    "mcc": Column("MCC", f"Matthews correlation of {_MOST}", 4),
    "blocks": Column(
        "Blocks", "what the bootstrap draws: blocks of 100 kb that hold rows, or else single rows"
    ),
    "scored": Column("Scored", "targets with positives and negatives in the split, of all targets"),
    "ece": Column("ECE", "expected calibration error, mean over scored targets", 4),
    "remark": Column(
        "Remark",
        "whether the run was evaluated and its training got further than chance on the validation rows",
    ),
    "epoch": Column("Best epoch", "epoch whose weights were kept", 0),
    "minutes": Column("Training (min)", "minutes of training", 1),
    "speed": Column("Samples/s", "training examples a second", 0),
    "device": Column("Device", "what the training ran on"),
    "parameters": Column("Parameters", "trained and fixed weights", 0),
}


def side_by_side(results: Results) -> Section | None:
    """One row a run: what it is, how good, how long it took; of repeated runs their mean and sd as well."""
    rows, trainings = dict[str, dict[str, Any]](), dict[str, dict[str, Any]]()
    for group in results.groups:
        members = {results.label(run): _row(run) for run in group.members}
        if len(members) == 1:
            rows |= members
            continue
        counted = [_row(run) for run in group.evaluated or group.members]
        rows[f"{results.label(group)}, {group.counted}"] = mean_row(counted)
        trainings |= members
    columns = {
        key: column
        for name, given in _COLUMNS.items()
        for key, column in ((name, given), *((_sd(name, given),) if name in _WITH_SD else ()))
    }
    splits = sorted({run.split for run in results.runs})
    description = (
        f"How the runs compare on rows of the {' and '.join(splits)} split that no model saw in training. "
        "Means and medians are over the targets that have both positives and negatives there. Intervals are "
        "95% intervals of a bootstrap over 100-kb blocks of the genome (over rows for sequences without "
        "coordinates, texts and images). They are percentiles of the resamples, moved back by as much as "
        "resampling raises the metric, which it does for the AUPRC: a row drawn twice ties with itself "
        "(Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 10 and 13). "
        f"Below {FEWEST_BLOCKS} blocks there is no interval: so few tell too little of how much others would "
        "differ."
    )
    if len(results.groups) < len(results.runs):
        description += (
            " A run with several seeds or folds has a line with the mean of its trainings, and their sample "
            "standard deviation (SD); the trainings themselves follow below."
        )
    return table("danq_runs", "Runs side by side", description, "Run", columns, rows | trainings)


def _sd(name: str, column: Column) -> tuple[str, Column]:
    told = f"sample standard deviation of the trainings: {column.title}"
    return f"{name}_sd", Column("SD", told, column.decimals)


def mean_row(rows: list[dict[str, Any]], deviating: Sequence[str] = _WITH_SD) -> dict[str, Any]:
    """Mean of every number over rows, sample standard deviation of `deviating`, and text that all share."""
    merged: dict[str, Any] = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        known = [row[key] for row in rows if row.get(key) is not None]
        if known and not any(isinstance(value, str) for value in known):
            merged[key], spread = mean_and_sd(known)
            merged |= {f"{key}_sd": spread} if key in deviating else {}
        elif len(set(known)) == 1:
            merged[key] = known[0]
    return merged


def _row(run: Run) -> dict[str, Any]:
    training, best, found = run.bundle.training, run.bundle.best, run.measured
    seconds = training.get("seconds")
    row = {
        "model": run.bundle.model,
        "parameters": run.bundle.parameters,
        "epoch": best.get("epoch"),
        "remark": not_above_chance(best) or (None if found else "not evaluated"),
        "minutes": None if seconds is None else seconds / 60,
        "speed": training.get("samples_per_second"),
        "device": training.get("device"),
    }
    if found is None:
        return row
    row |= {"blocks": _blocks(found)}
    row |= {"scored": f"{found['scored']} of {found['targets']}"}
    for name in AREAS:
        row |= {name: found[name]["mean"], f"{name}_median": found[name]["median"]}
        row[f"{name}_interval"] = between(found[name].get("low"), found[name].get("high"))
    classes = found.get("classes", {})
    # at one threshold only beside each other: the calls of one target are shown at 0.5
    row |= {"f1": None if classes else found["f1"]["mean"], "ece": found["ece"]["mean"]}
    return row | {name: classes.get(name) for name in ("binary_f1", "accuracy", "macro_f1", "mcc")}


def _blocks(found: Mapping[str, Any]) -> str | None:
    """Say what was drawn for the intervals, or why there are none."""
    told = found["intervals"]
    if told is None:
        reason = found.get("no_intervals")
        return f"no intervals: {reason}" if reason else None
    return f"{told['blocks']:,} {'rows' if told['block'] == 'row' else 'of 100 kb'}"


def throughput(results: Results) -> Section | None:
    """How fast each run trained, and whether its input kept up."""
    rows = {}
    for run in results.runs:
        told = run.bundle.training
        share, seconds = told.get("wait_share"), told.get("seconds")
        rows[results.label(run)] = {
            "device": told.get("device"),
            "speed": told.get("samples_per_second"),
            "wait": None if share is None else 100 * share,
            "epochs": told.get("epochs"),
            "minutes": None if seconds is None else seconds / 60,
            "resumed": "from a checkpoint" if told.get("resumed") else None,
        }
    columns = {
        "speed": Column("Samples/s", "training examples a second", 0),
        "wait": Column("Waiting for input (%)", "share of the training time spent waiting for batches", 1),
        "epochs": Column("Epochs", "passes over the training examples", 0),
        "minutes": Column("Training (min)", "minutes of training", 1),
        "resumed": Column("Resumed", "whether the training went on after an interruption"),
        "device": Column("Device", "what the training ran on"),
    }
    description = "Speed of training. Where waiting is near 0, reading and encoding kept up with the device."
    return table("danq_throughput", "Throughput", description, "Run", columns, rows)


def jobs(results: Results) -> Section | None:
    """Time and memory of the workflow's jobs."""
    if results.jobs is None:
        return None
    rows = {
        row["job"]: {"seconds": row["seconds"], "memory": row["memory"], "load": row["load"]}
        for row in results.jobs.iter_rows(named=True)
    }
    columns = {
        "seconds": Column("Time (s)", "seconds from start to end", 1),
        "memory": Column("Peak memory (MB)", "largest resident memory of the job's processes", 0),
        "load": Column("Processor use (%)", "mean over the job; 100 is one core", 0),
    }
    description = "Resources of the workflow's jobs, as Snakemake measured them."
    return table("danq_jobs", "Jobs", description, "Job", columns, rows)


def options(results: Results) -> Section | None:
    """Every option of every run, side by side."""
    flat = [_flat(run.bundle) for run in results.drawn]
    keys = list(dict.fromkeys(key for each in flat for key in each))
    rows = [[key, *(each.get(key, "") for each in flat)] for key in keys]
    description = (
        "All options with their values, defaults included. Lists and paths are shown as they were read."
    )
    if len(results.groups) < len(results.runs):
        description += " Of a run with several seeds or folds the first is shown; the others differ in these."
    body = listing(["Option", *(results.label(run) for run in results.drawn)], rows)
    return page("danq_options", "Options", description, body)


def _flat(bundle: BundleManifest) -> dict[str, str]:
    flat = {"model": bundle.model}
    parts = {"options": bundle.options, "train": bundle.train, "predict": bundle.predict}
    for part, entries in parts.items():
        for key, value in entries.items():
            nested = value if isinstance(value, dict) else {"": value}
            for inner, each in nested.items():
                flat[f"{part}.{key}{'.' if inner else ''}{inner}"] = "–" if each is None else str(each)
    return flat


def provenance(results: Results) -> Section | None:
    """Where every run came from."""
    heads = ["", *(results.label(run) for run in results.runs)]
    told = [run.bundle.provenance for run in results.runs]
    genomes = [run.bundle.dataset.genome_digest for run in results.runs]
    rows: list[list[object]] = [
        ["Command", *(each.get("command", "") for each in told)],
        ["Finished", *(each.get("created", "") for each in told)],
        ["Device", *(run.bundle.training.get("device", "") for run in results.runs)],
        ["Platform", *(each.get("platform", "") for each in told)],
        ["Seed", *(run.bundle.train.get("seed", "") for run in results.runs)],
        ["Digest of the model", *(run.bundle.digest for run in results.runs)],
        ["Digest of the dataset", *(run.bundle.dataset.digest for run in results.runs)],
    ]
    if any(genomes):
        rows.append(["Digest of the genome", *(each or "–" for each in genomes)])
    names = sorted({name for each in told for name in each.get("versions", {})})
    rows += [[name, *(each.get("versions", {}).get(name, "") for each in told)] for name in names]
    rows.append(["This page", *[f"MultiQC {version('multiqc')}"] * len(told)])
    description = (
        "What made each run: command, machine, seed, SHA-256 digests of what went in and came out, versions."
    )
    return page("danq_provenance", "Provenance", description, listing(heads, rows))
