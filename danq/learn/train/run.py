"""Train one run of a configuration and write its bundle."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from danq.data.dataset import Dataset, open_dataset
from danq.errors import DanqError
from danq.files import digest, sha256, staged
from danq.kept import FOLDER, Label, find_kept, keep, put_back, take_back
from danq.learn.bundle import Bundle, save_bundle
from danq.learn.devices import choose_strategy, sole_trainer, workers_of
from danq.learn.ending import remarks
from danq.learn.golden import write_golden_rows
from danq.learn.linear import open_bundle
from danq.learn.manifest import CHECKPOINT_DIRECTORY, BundleManifest
from danq.learn.train.agreement import any_worker, check_same_training, losing_workers
from danq.learn.train.compatibility import check_data
from danq.learn.train.fitting import Opened, RunOptions, Trained, fit_by_steps, fit_itself, training_digest
from danq.learn.train.state import CheckpointStore
from danq.learn.trials import Searched
from danq.learn.workers import ALONE, Workers
from danq.models import MODELS, load_model_module
from danq.models.compatibility import with_sub_bins
from danq.progress import DONE
from danq.provenance import provenance

log = logging.getLogger("danq")


def train_run(
    run_name: str,
    run: RunOptions,
    dataset: Path,
    out: Path,
    runs: Path,
    genome: Path | None = None,
    trusted: Sequence[Path] = (),
    searched: Searched | None = None,
    reuse: bool = False,
) -> BundleManifest | None:
    """Train a run and write its bundle: `model.keras`, `bundle.json`, `history.tsv` and `golden.npz`.

    A checkpoint in ``<out>/.checkpoint`` of the same dataset, options and code is gone on from, exactly; it
    is removed when the bundle is complete, of which ``<out>/.finished`` then keeps a second name: where the
    bundle is missing at the next start, as a workflow deletes it after a signal, it is put in place again.

    Parameters
    ----------
    runs : Path
        Directory of all runs, where ``train.init_from`` finds a run by its name.
    genome : Path, optional
        Directory of the encoded genome, where it is not the one the dataset was made with.
    trusted : sequence of Path
        Files of models of one's own that a bundle to start from may need, besides the run's own.
    searched : Searched, optional
        The search that chose the options.
    reuse : bool
        Whether a training of equal content in `runs`, whatever it is called, is taken in place of a new one.

    Returns
    -------
    BundleManifest or None
        What ``bundle.json`` holds; None for all workers but the first of several.

    Raises
    ------
    DanqError
        If data, model and options do not fit each other, no GPU is there that is required, or the training
        diverges before its first epoch is whole.
    SystemExit
        With 128 + the signal's number, after a checkpoint, when the process was asked to stop.
    """
    workers = workers_of(run.train)
    with sole_trainer(workers, out):
        opened = open_run(run_name, run, dataset, genome, workers)
        content = training_digest(opened, run, runs)
        store = CheckpointStore(out / CHECKPOINT_DIRECTORY, content)
        key = digest([content, run.predict.model_dump(mode="json"), repr(searched), opened.model_file])
        names = {"run": run_name, "model": run.model}
        label = partial(_label, names=names, dataset=opened.data.manifest.name)
        with losing_workers(len(workers.addresses), store):
            check_same_training(opened.strategy, content)
            taken = workers.leads and (
                take_back(out, key, label) or (reuse and _take_over(out, key, runs, label))
            )
            if any_worker(opened.strategy, taken):
                return BundleManifest.read(out) if workers.leads else None
            trained = fit_run(opened, run_name, run, store, runs, trusted)
        if not workers.leads:
            return None
        info = _information(run_name, run, opened, trained)
        if searched is not None:
            info["search"] = searched
        with staged(out) as folder:
            manifest = save_bundle(folder, trained.model, trained.encoder, info, trained.history)
            # the network is not read again: the file of a model of one's own may be another now
            linear = hasattr(MODELS.get(run.model), "logits")
            network = Bundle(folder, trained.model, trained.encoder, manifest)
            write_golden_rows(open_bundle(folder) if linear else network, opened.data)
            manifest.write(folder)
            keep(folder, out, key)
        store.remove()
    _close(run_name, info, trained.history)
    return manifest


def _take_over(out: Path, key: str, runs: Path, label: Label) -> bool:
    """Take the finished training of another run, if there is one of equal content and none here."""
    if (out / BundleManifest.FILE).exists():
        return False
    kept = find_kept(key, runs.glob(f"*/{FOLDER}"))
    if kept is None:
        return False
    with staged(out) as folder:
        put_back(kept, folder, label)
        keep(folder, out, key)
    log.info("%s: the training of %s has equal content and is taken in place of a new one", out, kept.parent)
    return True


def _label(folder: Path, names: Mapping[str, str], dataset: str) -> None:
    """Call a bundle by the names that run, model and dataset have now, which are no part of its content."""
    manifest = BundleManifest.read(folder)
    trained_on = manifest.dataset.model_copy(update={"name": dataset})
    named = manifest.model_copy(update={**names, "dataset": trained_on})
    if named != manifest:
        named.write(folder)


def open_run(
    run_name: str, run: RunOptions, dataset: Path, genome: Path | None = None, workers: Workers = ALONE
) -> Opened:
    """Open the dataset of a run and check that model, options and devices fit it."""
    module = load_model_module(run.model)
    # not at the end, for who writes a model may go on with it while this version is trained
    model_file = sha256(Path(run.model)) if run.model.endswith(".py") else None
    options = _model_options(module, run_name, run.options)
    # before anything else is computed
    strategy = None if hasattr(module, "fit") else choose_strategy(run.train, workers)
    data = open_dataset(dataset, genome)
    check_data(module, data, run.train)
    if strategy is not None:
        try:
            options = with_sub_bins(options, data.bin, data.sub_bin)
        except DanqError as error:
            raise DanqError(f"runs.{run_name}.options.{error}") from None
    return Opened(module, model_file, options, data, strategy, workers)


def fit_run(
    opened: Opened,
    run_name: str,
    run: RunOptions,
    store: CheckpointStore,
    runs: Path,
    trusted: Sequence[Path] = (),
    until: int | None = None,
) -> Trained:
    """Fit the model; with `until` a training by epochs pauses after so many, and its checkpoint stays."""
    if opened.strategy is None:
        return fit_itself(opened, run.train.seed)
    return fit_by_steps(opened, run_name, run, store, runs, [*trusted, Path(run.model)], until)


def _model_options(module: ModuleType, run_name: str, options: Mapping[str, Any]) -> BaseModel:
    try:
        checked: BaseModel = module.Options.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ("runs", run_name, "options", *first["loc"]))
        raise DanqError(f"{place}: {first['msg']}, received {first['input']!r}") from None
    return checked


def _information(name: str, run: RunOptions, opened: Opened, trained: Trained) -> dict[str, Any]:
    options, data = opened.options, opened.data
    genome = data.genome.digest if data.genome is not None else None
    described: dict[str, Any] = {
        "model": run.model,
        **({} if opened.model_file is None else {"model_file": opened.model_file}),
        "options": options.model_dump(mode="json"),
        "train": run.train.model_dump(mode="json"),
        "predict": run.predict.model_dump(mode="json"),
    }
    if data.kind != "dna":
        # the default is for DNA; other rows have one reading
        described["predict"]["reverse_complement"] = "none"
    return {
        "run": name,
        **described,
        "targets": list(data.targets),
        "task": data.task,
        "data_kind": data.kind,
        "window": data.window or None,
        "bin": data.bin,
        "step": data.sub_bin,
        "shape": None if data.manifest.shape is None else list(data.manifest.shape),
        "best": best_epoch(trained.history, run.train.monitor) | {"valid_prevalence": valid_prevalence(data)},
        "training": trained.training,
        "dataset": {"name": data.manifest.name, "digest": data.digest, "genome_digest": genome},
        "provenance": provenance({"dataset": data.digest, **trained.inputs}, described),
    }


def valid_prevalence(data: Dataset) -> float | None:
    """Share of positive labels in the validation rows, which is the AUPRC of chance.

    Mean over the targets that have both positives and negatives there, as the validation metrics are; None
    where no target has.
    """
    each = zip(data.counts("valid").tolist(), data.labelled("valid").tolist(), strict=True)
    shares = [count / labels for count, labels in each if 0 < count < labels]
    return sum(shares) / len(shares) if shares else None


def best_epoch(history: Sequence[Mapping[str, Any]], monitor: str) -> dict[str, Any]:
    """Epoch whose weights were kept, with its validation metrics; what the model itself adds is kept too."""
    sign = 1 if monitor == "loss" else -1
    defined = [row for row in history if row.get(f"valid_{monitor}") is not None]
    row = min(defined, key=lambda row: sign * row[f"valid_{monitor}"]) if defined else history[-1]
    times = {"train_loss", "learning_rate", "samples_per_second", "seconds"}
    return {key: value if value == value else None for key, value in row.items() if key not in times}


def _close(name: str, info: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> None:
    """Log how it went, and in the last lines what the course of the training says of what to change."""
    training = info["training"]
    speed, waiting = training["samples_per_second"], training["wait_share"]
    log.log(
        DONE,
        f"trained {name}: {training['epochs']} epochs in {training['seconds']:.0f} s, best "
        f"{info['best']['epoch']}; device {training['device']}, {info['train']['precision']}"
        + ("" if speed is None else f"; {speed:,.0f} samples/s")
        + ("" if waiting is None else f"; {waiting:.1%} of the time waiting for input")
        + ("; ended early, by patience" if training["ended"] == "patience" else ""),
    )
    for remark in remarks(info["train"], training, info["best"], history, info["data_kind"]):
        log.warning("%s: %s; try %s", name, remark.figure, remark.key)
