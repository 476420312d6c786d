"""Results of a workflow that ran again, compared with those that were frozen."""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray

from danq.capsule.manifest import RESULTS, SAMPLES, CapsuleManifest, Stored
from danq.capsule.results import PARTS
from danq.capsule.samples import ROWS, UNREADABLE, sample
from danq.checks import WITHIN, Check
from danq.errors import first_line
from danq.files import read_json_text, sha256
from danq.limits import check_memory
from danq.npz import NpzArrays, largest_difference
from danq.parquet import read_parquet
from danq.remnants import scratch

_UNCOMPARED = ("bundle_digest", "dataset_digest", "digest", "engine", "probabilities")
"""Arrays that follow from others, or tell what made them."""
_DAMAGED = (*UNREADABLE, OSError, TypeError, KeyError, RecursionError)


STATUSES = ("equal", WITHIN, "differs", "missing", "changed", "unknown")


def agrees(check: Check) -> bool:
    """Whether a result is equal, or within the tolerance."""
    return check.status in ("equal", WITHIN)


@dataclass(frozen=True)
class _Difference:
    """Largest difference between the numbers of two files, where it is, and what else is not the same."""

    largest: float = 0.0
    where: str = ""
    others: tuple[str, ...] = ()


def compare_results(capsule: Path, manifest: CapsuleManifest, results: Path, tolerance: float) -> list[Check]:
    """Compare each result with what a capsule has of it, in the order of the way through the workflow.

    Parameters
    ----------
    tolerance : float
        Largest difference of a logit, score or metric that counts as equal.
    """
    stored = [each for each in manifest.results if reader_of(each.name) is not None]
    stored.sort(key=lambda each: (PARTS.index(each.name.split("/")[0]), each.name))
    checks = {each.name: _compare(capsule, each, results / each.name, tolerance) for each in stored}
    return [_judged(check, checks, capsule, results) for check in checks.values()]


def reader_of(name: str) -> Callable[[Path, Path], _Difference] | None:
    """Choose how two files of a name are compared; None of those that follow from others."""
    folder, file = name.split("/")[0], name.rsplit("/", 1)[-1]
    if "/members/" in name or folder not in PARTS:
        return None
    if file in ("genome.json", "dataset.json", "bundle.json"):
        return _digests
    if file in ("golden.npz", "valid.npz", "test.npz", "predictions.npz"):
        return _arrays
    if file in ("metrics.tsv", "trials.tsv", "ledger.tsv", "truth.tsv"):
        return _texts
    if folder == "scores" and file in ("scores.parquet", "haplotypes.parquet"):
        return _tables
    return None


def _compare(capsule: Path, stored: Stored, now: Path, tolerance: float) -> Check:
    path = Path(stored.name)
    if not now.is_file():
        return Check(path, "missing", reason="the second run made none")
    if sha256(now) == stored.sha256:
        return Check(path, "equal")
    if stored.kept:
        return _measured(path, capsule / RESULTS / path, now, tolerance)
    if not (capsule / SAMPLES / path).is_file():
        return Check(path, "differs", reason="by its digest, which is all that the capsule has")
    return _sampled(path, capsule / SAMPLES / path, now, tolerance)


def _sampled(path: Path, before: Path, now: Path, tolerance: float) -> Check:
    """Compare rows of a large result, whose bytes are known to differ, with those that a capsule has."""
    rows = sample(now)
    if rows is None:
        return Check(path, "unknown", reason="not readable, or too large")
    with scratch() as folder:
        (folder / now.name).write_bytes(rows)
        check = _measured(path, before, folder / now.name, tolerance)
    reason = "; ".join(filter(None, [check.reason, f"other bytes, at most {ROWS:,} rows compared"]))
    return replace(check, status=WITHIN if check.status == "equal" else check.status, reason=reason)


def _measured(path: Path, before: Path, now: Path, tolerance: float) -> Check:
    """Read both files of a result, and say how much they differ."""
    reader = reader_of(path.as_posix())
    try:
        difference = reader(before, now) if reader else _Difference()
    except _DAMAGED as error:
        return Check(path, "unknown", reason=f"not readable ({first_line(error)})")
    if difference.others or not difference.largest <= tolerance:
        where = [f"most in {difference.where}"] if difference.where else []
        reason = "; ".join([*where, *difference.others])
        return Check(path, "differs", difference.largest or None, reason)
    if difference.largest:
        return Check(path, WITHIN, difference.largest, f"by {difference.largest:.2g} at most")
    return Check(path, "equal")


def _judged(check: Check, checks: Mapping[str, Check], capsule: Path, results: Path) -> Check:
    """Judge another model by its logits; say of metrics how good the model is now and was."""
    folder = check.path.parent
    if check.path.name == "bundle.json" and check.status == "differs":
        logits = [f"{folder}/{name}" for name in ("golden.npz", "predictions/test.npz")]
        judge = next((checks[name] for name in logits if name in checks), None)
        if judge is not None and agrees(judge):
            return replace(judge, path=check.path, reason=f"another digest, judged by {judge.path.name}")
    if check.path.name == "metrics.tsv":
        means = _means(capsule / RESULTS / folder, results / folder)
        return replace(check, reason="; ".join(filter(None, [check.reason, *means])))
    return check


def _means(before: Path, now: Path) -> Iterator[str]:
    """Say the mean metrics of the test split before and now, with the interval that they had."""
    try:
        splits = [json.loads(read_json_text(folder / "summary.json"))["splits"] for folder in (before, now)]
        old, new = (split["test"] for split in splits)
        for metric in ("auroc", "auprc"):
            was, is_now = old[metric]["mean"], new[metric]["mean"]
            interval = [old[metric].get(end) for end in ("low", "high")]
            held = "" if None in interval else f" ({interval[0]:.4f} to {interval[1]:.4f})"
            yield f"test {metric.upper()} {was:.4f}{held}, now {is_now:.4f}"
    except _DAMAGED:
        return  # what the tables say stands


def _digests(before: Path, now: Path) -> _Difference:
    old, new = (json.loads(read_json_text(path))["digest"] for path in (before, now))
    return _Difference(others=() if old == new else ("another digest",))


def _arrays(before: Path, now: Path) -> _Difference:
    with zipfile.ZipFile(before) as first, zipfile.ZipFile(now) as second:
        old, new = NpzArrays(before, first), NpzArrays(now, second)
        names = [name for name in old if name not in _UNCOMPARED]
        if absent := [f"no {name}" for name in names if name not in new]:
            return _Difference(others=tuple(absent))
        return _largest((name, old[name], new[name]) for name in names)


def _tables(before: Path, now: Path) -> _Difference:
    return _frames(read_parquet(before), read_parquet(now))


def _texts(before: Path, now: Path) -> _Difference:
    for path in (before, now):
        check_memory(path, 4 * path.stat().st_size)
    options: dict[str, Any] = {"separator": "\t", "infer_schema": False, "quote_char": None}
    # how long a trial of a search took
    old, new = (pl.read_csv(path, **options).drop("seconds", strict=False) for path in (before, now))
    return _frames(old, new)


def _frames(old: pl.DataFrame, new: pl.DataFrame) -> _Difference:
    if old.columns != new.columns or len(old) != len(new):
        shapes = " and ".join(f"{len(each):,} rows of {each.width} columns" for each in (old, new))
        return _Difference(others=(f"{shapes}",))
    return _largest((name, _numbers(old[name]), _numbers(new[name])) for name in old.columns)


def _numbers(column: pl.Series) -> NDArray[Any]:
    """Give a column as numbers where all of it is, nulls as NaN; else as texts."""
    numbers = column.cast(pl.Float64, strict=False)
    if numbers.null_count() == column.null_count():
        return numbers.to_numpy()
    return column.cast(pl.String).fill_null("").to_numpy()


def _largest(pairs: Iterator[tuple[str, NDArray[Any], NDArray[Any]]]) -> _Difference:
    """Find the largest difference of arrays of numbers, and the arrays of other things that differ."""
    largest, where, others = 0.0, "", []
    for name, old, new in pairs:
        if old.shape != new.shape or old.dtype.kind != new.dtype.kind:
            others.append(f"{name} of another shape or kind")
        elif old.dtype.kind == "f":
            if (by := largest_difference(old, new)) is None:
                others.append(f"{name} without finite numbers elsewhere")
            elif by > largest:
                largest, where = by, name
        elif count := int((old != new).sum()):
            others.append(f"{count:,} of {name}")
    return _Difference(largest, where, tuple(others))
