"""`danq trial`: train one trial of a run's search."""

from pathlib import Path
from typing import Annotated

import typer

from danq.cli.options import ConfigFile, DatasetFolder, Threads
from danq.errors import DanqError


def trial(
    config: ConfigFile,
    name: Annotated[
        str, typer.Option(help="Name of the trial: that of the run, `.trial` and its number.", metavar="NAME")
    ],
    rung: Annotated[
        int, typer.Option(min=1, help="Rung up to whose end it is trained; the last one is its end.")
    ],
    dataset: DatasetFolder,
    out: Annotated[Path, typer.Option(help="Directory of the trial's result, trial.json.", metavar="DIR")],
    work: Annotated[
        Path, typer.Option(help="Directory of the checkpoint that the next rung goes on from.", metavar="DIR")
    ],
    runs: Annotated[
        Path, typer.Option(help="Directory of all runs, where `init_from` finds one.", metavar="DIR")
    ] = Path("results/runs"),
    threads: Threads = None,
) -> None:
    """Train one trial of a search up to the end of a rung and write what validation says of it.

    Options that cannot be trained, because the training diverges or does not fit into memory, are no error
    but a result: the trial comes last. Asked to stop, it writes a checkpoint, as `danq train` does.
    """
    from danq.config import entry, load_config, own_models
    from danq.config.search import trial_names, trials_of
    from danq.data.manifest import DatasetManifest

    settings = load_config(config, trusted=None, run=name)
    search = entry(trial_names(settings), name, "--name", config)
    [chosen] = [trial for trial in trials_of(settings, search) if trial.name == name]
    if rung > len(chosen.ends):
        raise DanqError(f"--rung: expected at most {len(chosen.ends)} for {name}, received {rung}")
    data = DatasetManifest.read(dataset).name
    if data != chosen.run.dataset:
        raise DanqError(f"{dataset}: expected dataset {chosen.run.dataset!r}; received {data!r}")

    from danq.learn.train.trial import Part, train_trial

    part = Part(chosen.search, chosen.number, rung, chosen.ends[rung - 1], rung == len(chosen.ends))
    train_trial(name, chosen.run, part, dataset, out, work, runs, own_models(settings, settings.runs))
