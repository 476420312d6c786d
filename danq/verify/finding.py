"""What there is to check below a path: directories with a manifest, predictions, tables, archives."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from danq.capsule.manifest import CapsuleManifest
from danq.data.manifest import DatasetManifest
from danq.errors import DanqError
from danq.evaluate.runs import Evaluation
from danq.explain.ism import IsmManifest
from danq.files import read_json_text
from danq.genome.fasta import GenomeManifest
from danq.learn.manifest import BundleManifest
from danq.learn.predict.predictions import SUFFIXES
from danq.learn.trials import BestTrial, TrialResult
from danq.score.manifest import BackgroundManifest, ScoresManifest
from danq.storage import SEAL, Manifest
from danq.views.manifest import ViewsManifest

MANIFESTS: dict[str, type[Manifest]] = {
    kind.FILE: kind
    for kind in (
        *(GenomeManifest, DatasetManifest, BundleManifest, Evaluation, ScoresManifest),
        *(BackgroundManifest, ViewsManifest, IsmManifest, TrialResult, BestTrial, CapsuleManifest),
    )
}
"""Manifests by the names of their files; what lies inside a bundle is checked with it."""
_BESIDE: dict[str, set[str]] = {
    GenomeManifest.FILE: {"codes.npy", "contigs.tsv", "iupac.npy"},
    DatasetManifest.FILE: {"labels.npy", "windows.parquet", "examples.parquet", "images.npy"},
    BundleManifest.FILE: {"model.keras", "network.json", "weights.safetensors", "golden.npz", "history.tsv"},
    Evaluation.FILE: {"metrics.tsv", "curves.parquet", "calibration.tsv", "resamples.parquet"},
    ScoresManifest.FILE: {"ledger.tsv", "scores.parquet", "scores.tsv", "annotated.vcf.gz"},
    BackgroundManifest.FILE: {"background.npy"},
    ViewsManifest.FILE: {"peaks.parquet", "predictions.npz"},
    IsmManifest.FILE: {"ism.parquet"},
    BestTrial.FILE: {"trials.tsv", "trials.tsv.sha256"},
}
"""Files by which a directory is known whose manifest is gone: two of them, or the only one."""
SUM = ".sha256"
"""Ending of a file that holds the digest of the one beside it."""
_ARRAYS, _HEADER = ("ids.npy", "targets.npy"), 1 << 20


@dataclass(frozen=True)
class Item:
    """Something to check.

    Attributes
    ----------
    kind : str
        ``results``, a directory with its manifest; ``predictions``; ``table``, a file with its digest beside
        it; ``archive``, of a bundle or a capsule; ``closed``, a directory that cannot be read.
    path : Path
        The manifest, or the file.
    only : str or None
        Of results, the one file beside the manifest that is looked at; None for all.
    """

    kind: Literal["results", "predictions", "table", "archive", "closed"]
    path: Path
    only: str | None = None


def find(path: Path) -> list[Item]:
    """Find what there is to check at a path and below it, in the order of names; hidden places are left out.

    Raises
    ------
    DanqError
        If the path does not exist, or holds nothing that danq wrote.
    """
    if not path.exists():
        raise DanqError(f"{path}: no such file or directory")
    items = list(_below(path, set()) if path.is_dir() else _single(path))
    if not items:
        raise DanqError(
            f"{path}: expected results of danq: a directory with a manifest (such as {BundleManifest.FILE}), "
            "a file beside one, predictions, or an archive of a bundle or a capsule; found none"
        )
    return items


def _below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Item]:
    state = folder.stat()
    if (state.st_dev, state.st_ino) in seen:
        return  # a link to a directory above
    seen.add((state.st_dev, state.st_ino))
    if (names := _visible(folder)) is None:
        yield Item("closed", folder)
        return
    manifests = [name for name in names if name in MANIFESTS and _is_danqs(folder / name)]
    manifests = manifests or _lacking(names)
    yield from (Item("results", folder / name) for name in manifests)
    for name in names:
        path = folder / name
        if path.is_dir():
            # the members of an ensemble are checked with it, and so are the files of a capsule
            with_it = "members" if BundleManifest.FILE in manifests else None
            if name != with_it and CapsuleManifest.FILE not in manifests:
                yield from _below(path, seen)
        elif not manifests:
            yield from alone(path)


def _visible(folder: Path) -> list[str] | None:
    """Names in a directory but hidden ones; None where it may not be read."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return None


def _lacking(names: list[str]) -> list[str]:
    """Name the manifest that is not there but was, by the files beside it."""
    return [name for name, beside in _BESIDE.items() if len(beside & {*names}) >= min(2, len(beside))][:1]


def _is_danqs(path: Path) -> bool:
    """Whether a manifest says that it is one; one that cannot be read may be, and its reader says why not."""
    try:
        text = read_json_text(path)
    except (DanqError, OSError, ValueError):
        return True
    return '"format_version"' in text or f'"{SEAL}"' in text


def alone(path: Path) -> Iterator[Item]:
    """Tell what a file is that no manifest beside it names; of other files nothing."""
    if not path.is_file():
        return  # a pipe would keep its readers waiting
    if path.suffix == SUM and path.with_suffix("").suffix == ".tsv":
        yield Item("table", path.with_suffix(""))
    elif path.suffix in SUFFIXES:
        if _of_predictions(path):
            yield Item("predictions", path)
    elif holds(path, BundleManifest.FILE) or holds(path, CapsuleManifest.FILE) or _is_cut_short(path):
        yield Item("archive", path)


def holds(path: Path, *names: str) -> bool:
    """Whether a file is a ZIP archive with files of these names, as `.npz` files are."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(names) <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _first_line(path: Path) -> bytes:
    """Give what a file begins with, of one that may not be read nothing."""
    with suppress(OSError), path.open("rb") as stream:
        return stream.readline(_HEADER)
    return b""


def _is_cut_short(path: Path) -> bool:
    """Whether a file begins as an archive of danq does, whose list of files at its end is gone."""
    head = _first_line(path)
    return head[:4] == b"PK\3\4" and head[30:].startswith(
        (BundleManifest.FILE.encode(), CapsuleManifest.FILE.encode())
    )


def _of_predictions(path: Path) -> bool:
    if path.suffix == ".npz":
        return not zipfile.is_zipfile(path) or holds(path, *_ARRAYS)
    if path.suffix == ".tsv":
        return b"__logit" in _first_line(path)
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except Exception:  # Arrow raises whatever a damaged file leads to
        return False
    return b"danq.bundle_digest" in metadata


def _single(path: Path) -> Iterator[Item]:
    """Tell what a file is that was named: a manifest, one beside a manifest, or one by itself."""
    if path.name in MANIFESTS:
        yield Item("results", path, only=path.name)
        return
    beside = [name for name in MANIFESTS if (path.parent / name).is_file()]
    beside = beside or _lacking(_visible(path.parent) or [])
    if path.with_name(path.name + SUM).is_file():
        yield Item("table", path)
    elif beside:
        yield Item("results", path.parent / beside[0], only=path.name)
    else:
        yield from alone(path)
