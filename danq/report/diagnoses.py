"""What went wrong, each with its figure, what it means, and the key of the configuration to try next."""

from collections.abc import Iterator
from math import isnan
from typing import Any

import polars as pl

from danq.data.manifest import DatasetManifest
from danq.evaluate.compare import Group, difference
from danq.evaluate.intervals import FEWEST_BLOCKS
from danq.evaluate.pairs import Alike, alike, correlations, distinct, spread
from danq.evaluate.remarks import MOST_TIMES, RATE_ERRORS, RATE_SHARE, RATE_TIMES, few_positives
from danq.learn.ending import plainer
from danq.report.callsets import Callset
from danq.report.findings import Finding
from danq.report.results import Results
from danq.report.standing import METRIC, NAMES, Standing, leads, listed, mean_of, outcome
from danq.report.training_course import MISSING, TITLES, course, key_of, missing, remark_of
from danq.score.measures import LOGIT_DIFF

BASELINE = "Use the baseline"
COMPOSITION = "No better than base composition"
ALIKE = "Targets predicted alike"
FEW = "Too few positives to tell"
RATES = "Base rates differ between splits"
DIAGNOSES = (*MISSING.values(), *TITLES.values(), BASELINE, COMPOSITION, ALIKE, FEW, RATES)
"""Titles of all diagnoses; docs/report.md has a section for each."""
_MOST_ROW_GROUPS = 3


def diagnose(results: Results, runs: Standing, first: bool) -> tuple[Finding, ...]:
    """Make the diagnoses of one dataset, the gravest first; `first` if it is the report's first."""
    made = [*missing(results, runs, first), *course(runs)]
    if (subject := runs.subject) is not None:
        judged = (
            _baseline(results, runs, subject),
            _composition(results, runs, subject),
            _alike(results, runs, subject),
            _few(results, runs, subject),
        )
        made += [finding for finding in judged if finding is not None]
    made += list(_rates(results, runs))
    return tuple(sorted(made, key=lambda finding: finding.level != "red"))


def _baseline(results: Results, runs: Standing, subject: Group) -> Finding | None:
    rival = runs.baseline
    compared = () if rival is None or rival is subject else leads(subject, rival)
    if rival is None or not compared or (compared[0].mean >= 0 and outcome(compared) != "red"):
        return None
    lost = outcome(compared) == "red"
    figure = f"{NAMES[METRIC]} of {rival.name} {mean_of(rival, METRIC):.3f}, of {subject.name} "
    figure += f"{mean_of(subject, METRIC):.3f}; the difference is {listed(compared)}"
    sure = "is better" if lost else "is no worse, simpler, and trained in a fraction of the time"
    meaning = f"Use the baseline: {rival.name} {sure}."
    names = {run.name for run in subject.members}
    used = next((each.name for each in results.callsets if names & _runs(each)), None)
    key = None if used is None else f"callsets.{used}.runs: [{rival.name}]"
    network = runs.trained_for(subject)
    remark, run = remark_of(network, "rising"), network.members[0]
    # a network that is not trained to its end is worth another try first
    if remark is not None or key is None:
        key = key_of(network, remark.key if remark else plainer(run.bundle.train, run.bundle.data_kind))
    return Finding("red" if lost else "amber", BASELINE, figure, meaning, key)


def _composition(results: Results, runs: Standing, subject: Group) -> Finding | None:
    rival = runs.composition
    ahead = None if rival is None or rival is subject else difference(subject, rival, METRIC)
    if rival is None or ahead is None or ahead.sure > 0:
        return None
    figure = f"{NAMES[METRIC]} of {subject.name} {mean_of(subject, METRIC):.3f}, of {rival.name} "
    figure += f"{mean_of(rival, METRIC):.3f}: {ahead.words}"
    meaning = (
        f"As far as these rows tell, {subject.name} has learnt no more than how often each base and pair of "
        "bases occurs, no motif: do not read its variant effects as those of motifs."
    )
    network = runs.trained_for(subject)
    remark = remark_of(network, "rising")
    key = None if remark is None else key_of(network, remark.key)
    name, manifest = _dataset(results, subject)
    if key is None and manifest is not None and manifest.genome is not None:
        keep = manifest.options.get("keep")
        if not isinstance(keep, dict) or keep.get("match") != "gc":
            key = f"datasets.{name}.keep: {{negatives_per_positive: 1, match: gc}}"
    return Finding("red" if ahead.mean <= 0 else "amber", COMPOSITION, figure, meaning, key)


def _alike(results: Results, runs: Standing, subject: Group) -> Finding | None:
    run = next((run for run in subject.evaluated if run.on_split(run.pairs) is not None), None)
    pairs = None if run is None else run.on_split(run.pairs)
    rows = alike(pairs)
    scored: list[tuple[str, Alike]] = []
    for callset in results.callsets:
        if callset.wide and {member.name for member in subject.members} & _runs(callset):
            same = alike(pairs, effects_of_pairs(callset, distinct(pairs)))
            scored += [] if same is None or not same.told else [(callset.name, same)]
    told = rows is not None and rows.told
    if not told and not scored:
        return None
    parts = [f"on the test rows {rows.words}"] if rows is not None and told else []
    parts += [f"of effects of the variants in {name} {same.words}" for name, same in scored]
    meaning = (
        "The model hardly tells its targets apart, although their labels differ: what it says of one target "
        "holds for all, and its variant effects are those of no target in particular."
    )
    network = runs.trained_for(subject)
    remark, weight = remark_of(network, "rising"), network.members[0].bundle.train.get("target_weight")
    key = remark.key if remark is not None else "train.target_weight: rare" if weight == "none" else None
    figure = f"{subject.name}: {'; '.join(parts)}"
    return Finding("red" if told else "amber", ALIKE, figure, meaning, key and key_of(network, key))


def effects_of_pairs(callset: Callset, pairs: pl.DataFrame) -> dict[tuple[str, str], float]:
    """Correlate the effects of a callset's variants between the targets of some pairs.

    Of a long table three row groups are read: its first, its last, and one between.
    """
    known = {name: index for index, name in callset.targets.items()}
    names = [name for name in known if name in {*pairs["first"], *pairs["second"]}]
    columns = [callset.column(known[name], LOGIT_DIFF) for name in names]
    if len(names) < 2:
        return {}
    groups = spread(callset.row_groups, _MOST_ROW_GROUPS).tolist()
    table = pl.concat(
        [pl.DataFrame(schema=dict.fromkeys(columns, pl.Float32)), *callset.blocks(columns, groups)]
    )
    r = correlations(table.drop_nulls().to_numpy())
    place = {name: index for index, name in enumerate(names)}
    known_pairs = (pair for pair in pairs.select("first", "second").iter_rows() if set(pair) <= set(names))
    return {(first, second): float(r[place[first], place[second]]) for first, second in known_pairs}


def _runs(callset: Callset) -> set[str]:
    return {bundle.run for bundle in callset.manifest.bundles}


def _few(results: Results, runs: Standing, subject: Group) -> Finding | None:
    """Say that positives or blocks are too few, or how many would tell a difference that the rows do not."""
    parts = [_narrower(runs, subject), _blocks(subject)]
    positives = _positives(subject)
    parts.append(None if positives is None else few_positives(positives))
    told = [part for part in parts if part]
    if not told:
        return None
    meaning = "What the figures of single targets, or of this comparison, say may be chance."
    name, manifest = _dataset(results, subject)
    split = {} if manifest is None else manifest.options.get("split") or {}
    folded = subject.folds != (None,) or split.get("folds")
    key = None if folded else f"datasets.{name}.split: {{folds: 5}}"
    return Finding("amber", FEW, "; ".join(told), meaning, key)


def _narrower(runs: Standing, subject: Group) -> str | None:
    """How many positives would tell the judged run from what it is compared with."""
    rival = next(
        (each for each in (runs.baseline, *runs.ranked) if each is not None and each is not subject), None
    )
    ahead = None if rival is None else difference(subject, rival, METRIC)
    positives = _positives(subject)
    if rival is None or ahead is None or isnan(ahead.low) or positives is None:
        return None
    if ahead.sure or not ahead.mean:
        return None
    # intervals narrow with the root of the rows
    near = -ahead.low if ahead.mean > 0 else ahead.high
    times = ((abs(ahead.mean) + near) / abs(ahead.mean)) ** 2
    median = positives["positives"].median()
    if times > MOST_TIMES or not isinstance(median, float):
        return None
    return (
        f"{NAMES[METRIC]} of {subject.name} minus {rival.name} {ahead.words}: about {times:.1f} times as "
        f"many positives ({times * median:,.0f} a target in place of {median:g}) would tell it from 0"
    )


def _blocks(subject: Group) -> str | None:
    """Say that there are too few blocks for intervals."""
    reasons = {run.measured.no_intervals for run in subject.evaluated if run.measured is not None}
    few = next((reason for reason in reasons if reason and f"at least {FEWEST_BLOCKS}" in reason), None)
    return few and f"no intervals: {few}"


def _positives(group: Group) -> pl.DataFrame | None:
    """Positives of each target over the folds, each fold once, with the metrics of ``metrics.tsv``."""
    first = [group.in_fold(fold) for fold in group.folds]
    tables = [table for runs in first if runs and (table := runs[0].on_split(runs[0].metrics)) is not None]
    if not tables:
        return None
    grouped = pl.concat(tables).group_by("target", maintain_order=True)
    return grouped.agg(pl.col("positives").sum(), pl.col("auroc").mean(), pl.col("status").first())


def _dataset(results: Results, group: Group) -> tuple[str, DatasetManifest | None]:
    """Name of a run's dataset in the configuration, and the manifest of the first of its folds."""
    return group.family, results.datasets.get(group.members[0].dataset)


def _rates(results: Results, runs: Standing) -> Iterator[Finding]:
    """Say where targets are more frequent in one split than in another; one finding for each dataset."""
    groups = (*runs.ranked, *runs.unmeasured)
    for name in dict.fromkeys(run.dataset for group in groups for run in group.members):
        manifest = results.datasets.get(name)
        if manifest is None:
            continue
        parts = {split: part for split in ("train", "valid") if (part := _differing(manifest, split))}
        if parts:
            yield _rate(runs.dataset, name, manifest, parts)
            return


def _differing(manifest: DatasetManifest, split: str) -> str | None:
    """Compare the base rates of a split with those of the test split; None where they are alike."""
    pair = split, "test"
    of_target = [[manifest.labelled(target, each) for each in pair] for target in manifest.targets]
    if not all(map(all, of_target)):
        return None
    differ = 0
    for target, labels in zip(manifest.targets, of_target, strict=True):
        ours, theirs = (target.counts[each] / n for each, n in zip(pair, labels, strict=True))
        pooled = sum(target.counts[each] for each in pair) / sum(labels)
        error = (pooled * (1 - pooled) * sum(1 / n for n in labels)) ** 0.5
        times = max(ours, theirs) >= RATE_TIMES * min(ours, theirs)
        differ += times and abs(ours - theirs) > RATE_ERRORS * error
    if not differ or differ < RATE_SHARE * len(manifest.targets):
        return None
    k = len(manifest.targets)
    shares = [
        sum(target.counts[each] for target in manifest.targets) / sum(column)
        for each, column in zip(pair, zip(*of_target, strict=True), strict=True)
    ]
    word = {"train": "training", "valid": "validation"}[split]
    return (
        f"{differ} of {k} targets are at least {RATE_TIMES:g} times as frequent in {word} rows as in test "
        f"rows, or as rare; on average {shares[0]:.2%} of {word} rows and {shares[1]:.2%} of test rows are "
        "positive"
    )


def _rate(family: str, name: str, manifest: DatasetManifest, parts: dict[str, str]) -> Finding:
    keep: Any = manifest.options.get("keep", "all")
    chosen = "train" in parts and manifest.genome is not None and keep != "all"
    figure = "; ".join(parts.values()) + ("" if name == family else f" ({name})")
    if chosen:
        meaning = (
            "Training bins were chosen (keep), so probabilities are those of a genome as rich in positives "
            "as they are; the order of predictions, and effects of variants as differences of logits, are "
            "not concerned."
        )
        return Finding("amber", RATES, figure, meaning, f"datasets.{family}.keep: all")
    meaning = (
        "The splits are of different kinds of sequence: probabilities and thresholds of one do not fit the "
        "other, and its AUPRC is another."
    )
    split = manifest.options.get("split") or {}
    key = None if split.get("folds") else f"datasets.{family}.split: {{folds: 5}}"
    return Finding("amber", RATES, figure, meaning, key)
