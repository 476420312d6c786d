"""The trials of the searches that chose the options of runs: a table, and validation against each key."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from danq.drawing import own_settings
from danq.learn.trial_tables import BEST, EARLY, FAILED, WHOLE, Outcome
from danq.report.content import Column, Key, Section, View, figure, headed, section, table, text
from danq.report.plots import GREY, PALETTE, markup, prepare, sheet
from danq.report.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_METRICS = {"loss": "loss", "auroc": "AUROC", "auprc": "AUPRC"}
_DRAWN = {EARLY: (GREY, 5), WHOLE: (PALETTE[0], 6), BEST: (PALETTE[1], 9)}
"""What became of a trial → colour and size of its point, in the order of drawing."""
_LOGARITHMIC = 20.0
"""Largest by smallest value of a parameter from which on its axis is logarithmic."""
_MOST_NAMES = 6
"""Values that are no numbers are named on an axis up to so many; beyond it under the pointer alone."""
_FEW_NUMBERS = 5
"""Different numbers up to which each stands on the axis, evenly spaced, as the values of a list do."""


def search(results: Results) -> Section | None:
    """Every trial of every search: what was drawn, how long it was trained, what validation said of it."""
    parts = []
    for name, trials in results.searches.items():
        title = name if len(results.searches) > 1 else ""
        parts.append(headed(title, _figure(trials), _table(trials)))
    prose = (
        "Options were drawn at random, and each draw, a trial, was trained and validated; on the way the "
        "worse half ended early, with fewer epochs to reach its value. The best on validation gave its "
        "options to the run, which was trained anew and alone met the test split. Its value here flatters "
        "it, for this value chose it: how good the run is, its test metrics say."
    )
    return section("search", "Search", "compared", prose, *parts)


def _counted(trials: Sequence[Outcome]) -> str:
    """Say how many trials there were, what became of them, and which was the best."""
    best = trials[0]
    early, failed = (sum(trial.status == status for trial in trials) for status in (EARLY, FAILED))
    value = "" if best.value is None else f", validation {_METRICS[best.metric]} {best.value:.4f}"
    ended = f"{early} ended early" + (f", {failed} failed" if failed else "")
    return f"{len(trials)} trials, of which {ended}. The best: trial {best.trial}{value}."


def _short(key: str) -> str:
    return key.split(".", 1)[1]


def _written(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(trials: Sequence[Outcome]) -> Markup:
    metric = _METRICS[trials[0].metric]
    columns = {"status": Column("Status", "What became of the trial")}
    columns |= {key: Column(_short(key), f"Drawn value of {key}") for key in trials[0].parameters}
    columns |= {
        "epochs": Column("Epochs", "Epochs that it was trained", 0),
        "value": Column(f"Validation {metric}", "Best value of the metric that decides, over its epochs", 4),
        "seconds": Column("Seconds", "Seconds of its epochs, over all rungs", 0, hidden=True),
        "reason": Column("Reason", "Why it failed"),
    }
    rows = {
        f"trial {trial.trial}": {
            **{key: _written(value) for key, value in trial.parameters.items()},
            "status": trial.status,
            "epochs": trial.epochs,
            "value": trial.value,
            "seconds": trial.seconds,
            "reason": trial.reason or None,
        }
        for trial in trials
    }
    return table("Trial", columns, rows)


def _figure(trials: Sequence[Outcome]) -> Markup:
    """One plot a parameter: the best validation value of each trial against what was drawn."""
    known = [trial for trial in trials if trial.value is not None and isfinite(trial.value)]
    keys = list(trials[0].parameters)
    if not known:
        return figure([])
    with own_settings():
        drawing, places = sheet(len(keys), min(3, len(keys)), (330, 270))
        remarks: dict[str, Sequence[str]] = {}
        for number, (key, axes) in enumerate(zip(keys, places, strict=True)):
            remarks |= _draw(axes, key, known, f"search-{number}")
        drawn = markup(drawing, f"Validation by {', '.join(map(_short, keys))}", remarks)
    here = {trial.status for trial in known}
    legend = [Key(status, colour) for status, (colour, _) in _DRAWN.items() if status in here]
    return figure([View("Search", drawn, legend)], _counted(trials))


def _draw(axes: "Axes", key: str, trials: Sequence[Outcome], id_: str) -> dict[str, Sequence[str]]:
    """Draw the trials by one parameter; what is shown under the pointer comes back, by the points' id."""
    metric = _METRICS[trials[0].metric]
    prepare(axes, _short(key), ("", f"Validation {metric}"))
    places = _places(axes, [trial.parameters[key] for trial in trials])
    remarks: dict[str, Sequence[str]] = {}
    for status, (colour, size) in _DRAWN.items():
        points = [(x, trial) for x, trial in zip(places, trials, strict=True) if trial.status == status]
        if not points:
            continue
        gid = f"{id_}-{list(_DRAWN).index(status)}"
        x, y = [place for place, _ in points], [trial.value or 0.0 for _, trial in points]
        axes.plot(x, y, "o", gid=gid, color=colour, markersize=size, markeredgewidth=0, clip_on=False)
        remarks[gid] = [_remark(trial) for _, trial in points]
    return remarks


def _places(axes: "Axes", values: Sequence[Any]) -> list[float]:
    """Where values lie on the x axis, which is prepared for them: numbers to scale, others side by side."""
    from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    names = list(dict.fromkeys(map(_written, sorted(values) if numbers else sorted(values, key=str))))
    if not numbers or len(names) <= _FEW_NUMBERS:
        shown = names if len(names) <= _MOST_NAMES else []
        axes.set_xticks(range(len(shown)), [text(name) for name in shown])
        axes.set_xlim(-0.5, len(names) - 0.5)
        return [float(names.index(_written(value))) for value in values]
    if min(values) > 0 and max(values) / min(values) >= _LOGARITHMIC:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    return [float(value) for value in values]


def _remark(trial: Outcome) -> str:
    drawn = ", ".join(f"{_short(key)} {_written(value)}" for key, value in trial.parameters.items())
    return text(
        f"trial {trial.trial}: {drawn}; validation {_METRICS[trial.metric]} {trial.value:.4f} after "
        f"{trial.epochs} epochs, {trial.status}"
    )
