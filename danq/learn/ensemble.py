"""An ensemble: the mean of the logits of runs that are trained already, as a bundle that holds theirs.

Averaging networks lowers the variance that their seeds leave (Lakshminarayanan et al. 2017,
arXiv:1612.01474); a network and a baseline of another kind err in other places, too.
"""

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset, open_dataset
from danq.data.encoders import Joined
from danq.errors import DanqError
from danq.files import staged
from danq.learn.bundle import history_table
from danq.learn.bundle_files import LATER, bundle_files
from danq.learn.devices import describe_device
from danq.learn.golden import write_golden_rows
from danq.learn.linear import open_bundle
from danq.learn.manifest import (
    ALIKE,
    ENSEMBLE,
    HISTORY_FILE,
    BundleManifest,
    Member,
    ensemble_digest,
    member_paths,
)
from danq.learn.options import EnsembleOptions, PredictOptions, named
from danq.learn.predict.predictor import Predictor
from danq.learn.predict.rows import BLOCK
from danq.learn.train.fitting import course
from danq.learn.train.monitor import Monitor
from danq.learn.train.run import valid_prevalence
from danq.metrics import cross_entropy
from danq.provenance import provenance

log = logging.getLogger("danq")


def join_runs(
    name: str,
    options: EnsembleOptions,
    predict: PredictOptions,
    dataset: Path,
    out: Path,
    runs: Path,
    genome: Path | None = None,
    trusted: Sequence[Path] = (),
) -> BundleManifest:
    """Write the bundle of an ensemble: its members' bundles, `bundle.json`, `history.tsv` and `golden.npz`.

    The history has one row, the metrics of the mean on the validation rows.

    Parameters
    ----------
    dataset : Path
        The labelled dataset that all members were trained on.
    runs : Path
        Directory of all runs, in which the members are found by their names.
    genome, trusted : Path, sequence of Path
        As of `danq.learn.train.run.train_run`.

    Raises
    ------
    DanqError
        If a member is missing, an ensemble itself, damaged, or was trained on other data.
    """
    started = time.monotonic()
    infos = {run: BundleManifest.read(runs / run) for entry in options.members for run in named(entry)}
    data = open_dataset(dataset, genome)
    for run, info in infos.items():
        _check(runs / run, info, data)
    labels = data.labels(data.rows("valid"))
    entries = _entries(options, predict, runs, data, trusted)
    even = [1 / len(entries)] * len(entries)
    shares = even if options.weights == "equal" else choose_weights(entries, labels, data.task)
    weighted = {
        run: (infos[run], share / len(named(entry)))
        for entry, share in zip(options.members, shares, strict=True)
        for run in named(entry)
        if share
    }
    described = {
        "model": ENSEMBLE,
        "options": options.model_dump(mode="json"),
        "predict": predict.model_dump(mode="json"),
    }
    measured = _measure(_mean(entries, shares), labels, data.task)
    best = {"epoch": 1, **measured, "valid_prevalence": valid_prevalence(data)}
    made = _manifest(name, described, best, time.monotonic() - started, weighted)
    _write(out, made, {runs / run: info for run, (info, _) in weighted.items()}, data, trusted)
    parts = ", ".join(f"{weight:.3g} {run}" for run, (_, weight) in weighted.items())
    auprc = best["valid_auprc"]
    log.info(
        f"{name} = {parts}; validation "
        + (f"loss {best['valid_loss']:.4f}" if auprc is None else f"AUPRC {auprc:.4f}")
    )
    return made


def _write(
    out: Path,
    made: BundleManifest,
    members: dict[Path, BundleManifest],
    data: Dataset,
    trusted: Sequence[Path],
) -> None:
    """Write the bundle of an ensemble, with copies of its members', and golden rows of `data`."""
    row = made.best | {"seconds": made.training["seconds"]}
    with staged(out) as partial:
        for (bundle, info), place in zip(members.items(), member_paths(partial, made), strict=True):
            place.mkdir(parents=True)
            info.check(bundle, HISTORY_FILE, *LATER)
            for name, path in bundle_files(bundle).items():
                shutil.copyfile(path, place / name)
        (partial / HISTORY_FILE).write_text(history_table([row]), encoding="utf-8")
        made.write(partial)
        write_golden_rows(open_bundle(partial, trusted), data)
        made.write(partial)


def _entries(
    options: EnsembleOptions, predict: PredictOptions, runs: Path, data: Dataset, trusted: Sequence[Path]
) -> list[NDArray[np.float32]]:
    """Logits of each entry on the validation rows."""
    entries = []
    for entry in options.members:
        logits = [_validation_logits(runs / run, predict, data, trusted) for run in named(entry)]
        entries.append(_mean(logits, [1] * len(logits)))
    return entries


def choose_weights(
    entries: Sequence[NDArray[np.float32]], labels: NDArray[np.int8], task: str
) -> list[float]:
    """Choose the weights in quarters of the highest mean AUPRC; of equally good ones the most even.

    Parameters
    ----------
    entries : sequence of float32, shape (n, k) or (n, sub-bins, k)
        Logits of each entry on the validation rows.
    labels : int8, of that shape
        Their labels.
    """
    quarters = (whole for whole in product(range(5), repeat=len(entries)) if sum(whole) == 4)
    # min() and max() keep the first of equals
    best = max(
        sorted(quarters, key=lambda whole: sum(part * part for part in whole)),
        key=lambda whole: _measure(_mean(entries, whole), labels, task)["valid_auprc"] or 0.0,
    )
    return [part / 4 for part in best]


def _mean(entries: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> NDArray[np.float32]:
    total = sum(np.float32(weight) * logits for weight, logits in zip(weights, entries, strict=True))
    return np.asarray(total, np.float32) / np.float32(sum(weights))


def _manifest(
    name: str,
    described: dict[str, Any],
    best: dict[str, Any],
    seconds: float,
    weighted: dict[str, tuple[BundleManifest, float]],
) -> BundleManifest:
    infos = [info for info, _ in weighted.values()]
    members = tuple(
        Member(run=info.run, model=info.model, digest=info.digest, weight=weight)
        for info, weight in weighted.values()
    )
    states = [info.encoder for info in infos]
    inputs = {
        "dataset": infos[0].dataset.digest,
        **{f"members.{member.run}": member.digest for member in members},
    }
    made = BundleManifest(
        **infos[0].model_dump(include=set(ALIKE)),
        **described,
        run=name,
        train={},
        best=best,
        training=course(describe_device(), seconds, 1),
        dataset=infos[0].dataset,
        provenance=provenance(inputs, described),
        encoder=Joined([state for place, state in enumerate(states) if state not in states[:place]]).state(),
        parameters=sum(info.parameters for info in infos),
        digest="",
        members=members,
    )
    return made.model_copy(update={"digest": ensemble_digest(made.content())})


def _check(path: Path, info: BundleManifest, data: Dataset) -> None:
    if info.members:
        raise DanqError(f"{path}: expected a run with a model of its own, received an ensemble")
    if info.dataset.digest != data.digest:
        raise DanqError(f"{path}: expected a run trained on {data.path}, received one on other rows")


def _validation_logits(
    path: Path, predict: PredictOptions, data: Dataset, trusted: Sequence[Path]
) -> NDArray[np.float32]:
    """Logits of all validation rows, read on the strands that the ensemble's predictions are."""
    predictor = Predictor(open_bundle(path, trusted), predict.batch_size, predict.reverse_complement)
    rows = data.rows("valid")
    blocks = (rows[first : first + BLOCK] for first in range(0, len(rows), BLOCK))
    logits = np.concatenate([predictor.logits(data.raw(block)) for block in blocks])
    if not np.isfinite(logits).all():
        number = np.count_nonzero(~np.isfinite(logits))
        raise DanqError(f"{path}: expected finite logits of the validation rows, received {number} others")
    return logits


def _measure(logits: NDArray[np.float32], labels: NDArray[np.int8], task: str) -> dict[str, float | None]:
    """Loss, AUROC, AUPRC and F1 as a training measures them."""
    monitor = Monitor(logits.size // logits.shape[-1], logits.shape[-1], task)
    losses = cross_entropy(logits, labels, task).astype(np.float32)
    monitor.add(logits, labels, losses, np.ones(len(losses), np.float32))
    measured = asdict(monitor.metrics())
    return {f"valid_{name}": measured[name] for name in ("loss", "auroc", "auprc", "f1")}
