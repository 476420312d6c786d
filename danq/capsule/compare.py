"""Results of a workflow that ran again, compared with those that were frozen."""

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl
from numpy.typing import NDArray

from danq.capsule.manifest import RESULTS, SAMPLES, CapsuleManifest, Stored
from danq.capsule.results import PARTS
from danq.capsule.samples import ROWS, UNREADABLE, sample
from danq.errors import first_line
from danq.files import read_json_text, sha256
from danq.limits import check_memory
from danq.npz import NpzArrays, largest_difference
from danq.parquet import read_parquet
from danq.remnants import scratch

Status = Literal["equal", "equal within tolerance", "differs", "missing", "changed", "unknown"]
WITHIN: Status = "equal within tolerance"
_UNCOMPARED = ("bundle_digest", "dataset_digest", "digest", "engine", "probabilities")
"""Arrays that follow from others, or tell what made them."""
_DAMAGED = (*UNREADABLE, OSError, TypeError, KeyError, RecursionError)


@dataclass(frozen=True)
class Comparison:
    """What became of one result.

    Attributes
    ----------
    result : str
        Its name, from the results on; of inputs, from ``inputs/`` on.
    status : str
        ``equal``; ``equal within tolerance``; ``differs``; ``missing``, where the second run has none;
        ``changed``, of inputs; ``unknown``, where the capsule has too little of it to say.
    difference : float or None
        Largest difference between two numbers, where there are numbers that differ.
    note : str
        What differs, or what there is to know.
    """

    result: str
    status: Status
    difference: float | None = None
    note: str = ""

    @property
    def agrees(self) -> bool:
        """Whether it is equal, or within the tolerance."""
        return self.status in ("equal", WITHIN)

    def words(self, tolerance: float) -> str:
        """Say the status, with the figure, as `danq verify` does."""
        if self.status == WITHIN:
            return "equal within " + f"{tolerance:g}".replace("e-0", "e-")
        return f"differs by {self.difference:.3g}" if self.difference else self.status


def summary(compared: Sequence[Comparison], tolerance: float, versions: Sequence[str] = ()) -> dict[str, Any]:
    """Give what ``danq replay --json`` prints, with the keys of ``danq verify --json``.

    Parameters
    ----------
    versions : sequence of str
        What of the environment is not as the capsule's was.
    """
    return {
        "kind": "replay",
        "format_version": 1,
        "failed": not all(each.agrees for each in compared),
        "tolerance": tolerance,
        "versions": list(versions),
        "counts": {status: sum(each.status == status for each in compared) for status in get_args(Status)},
        "checks": [
            {"path": each.result, "status": each.status, "figure": each.difference, "reason": each.note}
            for each in compared
        ],
    }


@dataclass(frozen=True)
class _Difference:
    """Largest difference between the numbers of two files, where it is, and what else is not the same."""

    largest: float = 0.0
    where: str = ""
    others: tuple[str, ...] = ()


def compare_results(
    capsule: Path, manifest: CapsuleManifest, results: Path, tolerance: float
) -> list[Comparison]:
    """Compare each result with what a capsule has of it, in the order of the way through the workflow.

    Parameters
    ----------
    tolerance : float
        Largest difference of a logit, score or metric that counts as equal.
    """
    stored = [each for each in manifest.results if reader_of(each.name) is not None]
    stored.sort(key=lambda each: (PARTS.index(each.name.split("/")[0]), each.name))
    compared = [_compare(capsule, each, results / each.name, tolerance) for each in stored]
    by_name = {each.result: each for each in compared}
    return [_judged(each, by_name, capsule, results) for each in compared]


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


def _compare(capsule: Path, stored: Stored, now: Path, tolerance: float) -> Comparison:
    if not now.is_file():
        return Comparison(stored.name, "missing", note="the second run made none")
    if sha256(now) == stored.sha256:
        return Comparison(stored.name, "equal")
    if stored.kept:
        return _measured(stored.name, capsule / RESULTS / stored.name, now, tolerance)
    if not (capsule / SAMPLES / stored.name).is_file():
        return Comparison(stored.name, "differs", note="by its digest, which is all that the capsule has")
    return _sampled(stored.name, capsule / SAMPLES / stored.name, now, tolerance)


def _sampled(name: str, before: Path, now: Path, tolerance: float) -> Comparison:
    """Compare rows of a large result, whose bytes are known to differ, with those that a capsule has."""
    rows = sample(now)
    if rows is None:
        return Comparison(name, "unknown", note="not readable, or too large")
    with scratch() as folder:
        path = folder / now.name
        path.write_bytes(rows)
        each = _measured(name, before, path, tolerance)
    status: Status = WITHIN if each.status == "equal" else each.status
    note = "; ".join(filter(None, [each.note, f"other bytes, at most {ROWS:,} rows compared"]))
    return Comparison(name, status, each.difference, note)


def _measured(name: str, before: Path, now: Path, tolerance: float) -> Comparison:
    """Read both files of a result, and say how much they differ."""
    reader = reader_of(name)
    try:
        difference = reader(before, now) if reader else _Difference()
    except _DAMAGED as error:
        return Comparison(name, "unknown", note=f"not readable ({first_line(error)})")
    if difference.others or not difference.largest <= tolerance:
        note = "; ".join([*([f"most in {difference.where}"] if difference.where else []), *difference.others])
        return Comparison(name, "differs", difference.largest or None, note)
    if difference.largest:
        return Comparison(name, WITHIN, difference.largest, f"by {difference.largest:.2g} at most")
    return Comparison(name, "equal")


def _judged(each: Comparison, by_name: dict[str, Comparison], capsule: Path, results: Path) -> Comparison:
    """Judge another model by its logits; say of metrics how good the model is now and was."""
    folder, _, file = each.result.rpartition("/")
    if file == "bundle.json" and each.status == "differs":
        logits = [by_name.get(f"{folder}/{name}") for name in ("golden.npz", "predictions/test.npz")]
        judge = next((known for known in logits if known is not None), None)
        if judge is not None and judge.agrees:
            note = f"another digest, judged by {judge.result.rsplit('/', 1)[-1]}"
            return Comparison(each.result, judge.status, judge.difference, note)
    if file == "metrics.tsv":
        note = "; ".join(filter(None, [each.note, *_means(capsule / RESULTS / folder, results / folder)]))
        return Comparison(each.result, each.status, each.difference, note)
    return each


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
