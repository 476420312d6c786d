"""Manifests compared with what they were made from: results by their digests, files by their SHA-256."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from danq.checks import Check
from danq.data.manifest import DatasetManifest
from danq.errors import DanqError, first_few
from danq.evaluate.runs import Evaluation
from danq.explain.ism import IsmManifest
from danq.genome.fasta import GenomeManifest, genome_digest
from danq.genome.fasta_text import encoded_pieces
from danq.learn.export import opened_bundles
from danq.learn.manifest import BundleManifest
from danq.learn.options import bundle_path
from danq.learn.trials import BestTrial, Searched, TrialResult
from danq.score.manifest import BackgroundManifest, ScoresManifest
from danq.storage import Manifest
from danq.verify.files import UnreadableError, file_digest
from danq.verify.finding import holds
from danq.views.manifest import ViewsManifest

SECTIONS = ("genomes", "datasets", "runs", "searches", "scores", "backgrounds", "views")
"""Directories of results, each with one directory a name in it."""
_WITH_DIGEST: tuple[type[Any], ...] = (GenomeManifest, DatasetManifest, BundleManifest, BackgroundManifest)
_ON_GENOME = (ScoresManifest, BackgroundManifest, IsmManifest)
_SHOWN, _MANY = 12, 8


@dataclass(frozen=True)
class Origins:
    """Where to look for what manifests were made from.

    Attributes
    ----------
    content : callable
        `content_digest`, which reads nothing twice.
    known : mapping of str to Path
        Results that are checked as well, wherever they lie, by their digests.
    """

    content: Callable[[Path, bool], str | None]
    known: Mapping[str, Path]


def check_upstream(path: Path, manifest: Manifest, origins: Origins) -> Iterator[Check]:
    """Compare a manifest, which `path` is, with all that it says it was made from, where that is there.

    Of many inputs that are as they were, or are not there, one check tells.
    """
    inputs = getattr(manifest, "provenance", {}).get("inputs", {})
    if isinstance(manifest, BackgroundManifest):
        inputs = inputs | {bundle.path: bundle.digest for bundle in manifest.bundles}
    checks: dict[str, Check] = {}
    for name, digest in inputs.items() if isinstance(inputs, Mapping) else ():
        if isinstance(digest, str) and digest:
            sequences = isinstance(manifest, _ON_GENOME) and name == manifest.genome.path
            places = _candidates(path, manifest, name)
            checks[name] = _compared(path, name, digest, places, origins, sequences)
    yield from _few(checks)
    if isinstance(manifest, ScoresManifest) and manifest.background:
        places = [root / "backgrounds" for root in _roots(path)]
        backgrounds = [each for place in places if place.is_dir() for each in sorted(place.iterdir())]
        option = manifest.options.get("background")
        places = _named(path, str(option)) if option else backgrounds
        yield _compared(path, "background", manifest.background, places, origins)
    if isinstance(manifest, BundleManifest) and manifest.search is not None:
        yield _search(path, manifest.search)
    if isinstance(manifest, BestTrial):
        yield _trial(path, manifest)


def _few(checks: Mapping[str, Check]) -> Iterator[Check]:
    """Put many checks of inputs with the same status into one."""
    for status, end in (("intact", "as they are"), ("unknown", "which are not here")):
        names = [name for name, check in checks.items() if check.status == status]
        if len(names) > _MANY:
            reason = f"made from {first_few(names)}, {end}"
            yield replace(checks[names[0]], reason=reason)
            checks = {name: check for name, check in checks.items() if check.status != status}
    yield from checks.values()


def check_predictions(path: Path, run: str, digests: Mapping[str, str], origins: Origins) -> Iterator[Check]:
    """Compare predictions with the bundle of `run` and the dataset that they were made with."""
    bundles = [path.parent.parent, *(root / "runs" / run for root in _roots(path) if run)]
    for name, digest in digests.items():
        if digest:
            places = bundles if name == "bundle" else [_dataset_of(each) for each in bundles]
            yield _compared(path, name, digest, [each for each in places if each is not None], origins)


def _compared(
    path: Path, name: str, digest: str, candidates: list[Path], origins: Origins, sequences: bool = False
) -> Check:
    """Look for what has the digest where it should be: the first place that there is counts."""
    for place in candidates:
        try:
            received = origins.content(place, sequences)
        except (DanqError, UnreadableError) as error:
            return Check(path, "unknown", reason=f"made from {place}, which cannot be read ({error})")
        if received is None:
            continue
        if received == digest:
            return Check(path, "intact", reason=f"made from {_short(place)}, as it is")
        was, now = digest[:_SHOWN], received[:_SHOWN]
        return Check(path, "differs", reason=f"made from {_short(place)} with digest {was}; it has {now} now")
    if digest in origins.known:
        return Check(path, "intact", reason=f"made from {_short(origins.known[digest])}, as it is")
    what = f"a {name}" if name in ("bundle", "dataset") else name
    return Check(path, "unknown", reason=f"made from {what} ({digest[:_SHOWN]}), which is not here")


def content_digest(place: Path, sequences: bool = False) -> str | None:
    """Digest of results, or SHA-256 of a file; None where there is neither.

    Parameters
    ----------
    sequences : bool
        Of a FASTA that was read in place of an encoded genome, take the digest of its sequences.

    Raises
    ------
    DanqError, UnreadableError
        If it cannot be read.
    """
    if place.is_dir():
        kinds = [kind for kind in _WITH_DIGEST if (place / kind.FILE).is_file()]
        return str(kinds[0].read(place).digest) if kinds else None
    if not place.is_file():
        return None
    if holds(place, BundleManifest.FILE):
        with opened_bundles([place]) as (bundle,):
            return BundleManifest.read(bundle).digest
    return _fasta_digest(place) if sequences else file_digest(place, lambda size: None)


def _fasta_digest(fasta: Path) -> str:
    """Digest of a genome as of its FASTA, of which nothing is kept."""
    contigs: dict[str, Any] = {}
    for header, _, codes in encoded_pieces(fasta):
        contigs.setdefault(header.name, sha256()).update(codes)
    return genome_digest([(name, total.hexdigest()) for name, total in contigs.items()])


def _candidates(path: Path, manifest: Manifest, name: str) -> list[Path]:
    """Places where an input may be that is called so: by a word of danq, or by its path."""
    roots = _roots(path)
    if name == "dataset":
        return _datasets(path, manifest, roots)
    if name == "bundle" and isinstance(manifest, Evaluation):
        return [path.parent.parent]
    if name.startswith("members."):
        return [root / "runs" / name.removeprefix("members.") for root in roots]
    if name == "init_from" and isinstance(manifest, BundleManifest):
        start = str(manifest.train.get("init_from"))
        return _named(path, start) if "/" in start else [bundle_path(start, root / "runs") for root in roots]
    if isinstance(manifest, Evaluation) and "/predictions/" in name:
        # of a bundle elsewhere, too
        return [path.parent.parent / "predictions" / Path(name).name, *_named(path, name)]
    of_views = roots if isinstance(manifest, ViewsManifest) and "/" not in name else []
    return [root / "genomes" / name for root in of_views] + _named(path, name)


def _datasets(path: Path, manifest: Manifest, roots: list[Path]) -> list[Path]:
    if isinstance(manifest, BundleManifest):
        return [root / "datasets" / manifest.dataset.name for root in roots]
    if isinstance(manifest, Evaluation):
        dataset = _dataset_of(path.parent.parent)
        return [] if dataset is None else [dataset]
    # a trial does not say what its dataset is called: one that has the digest, if there is one
    digest = manifest.provenance["inputs"]["dataset"] if isinstance(manifest, TrialResult) else ""
    places = [place for root in roots for place in sorted(root.glob("datasets/*"))]
    return [place for place in places if _digest_or_none(place) == digest]


def _digest_or_none(place: Path) -> str | None:
    try:
        return DatasetManifest.read(place).digest
    except DanqError:
        return None


def _dataset_of(bundle: Path) -> Path | None:
    """Directory of the dataset that a bundle in its place among results was trained on."""
    try:
        name = BundleManifest.read(bundle).dataset.name
    except DanqError:
        return None
    roots = _roots(bundle / BundleManifest.FILE)
    return roots[0] / "datasets" / name if roots else None


def _roots(path: Path) -> list[Path]:
    """Directory of results that a file lies in; none where it lies elsewhere."""
    above = [folder.parent for folder in path.absolute().parents if folder.name in SECTIONS]
    return above[:1]


def _named(path: Path, name: str) -> list[Path]:
    """Places of a path as a manifest names it: among the results it lies in, or from a directory above on.

    Paths in manifests begin at the working directory of the job, which is above the results as a rule.
    """
    # as a text: it stays what it is where no user is called so
    place = Path(os.path.expanduser(name))
    parts = place.parts
    last = max((number for number, part in enumerate(parts) if part in SECTIONS), default=None)
    among = [] if last is None else [root.joinpath(*parts[last:]) for root in _roots(path)]
    return among + [folder / place for folder in path.absolute().parents]


def _short(place: Path) -> str:
    """Name a place from the working directory on, if it lies there."""
    here = Path.cwd()
    return str(place.relative_to(here) if place.is_relative_to(here) else place)


def _search(path: Path, searched: Searched) -> Check:
    """Compare the options of a run with the best trial of its search."""
    folders = [root / "searches" / searched.name for root in _roots(path)]
    if not folders or not (folders[0] / BestTrial.FILE).is_file():
        return Check(path, "unknown", reason=f"options of the search {searched.name}, which is not here")
    place = _short(folders[0])
    try:
        best = BestTrial.read(folders[0])
    except DanqError as error:
        return Check(path, "unknown", reason=f"options of {place}, which cannot be read ({error})")
    if (best.trial, best.parameters, best.space) == (searched.trial, searched.parameters, searched.space):
        return Check(path, "intact", reason=f"options of {place}, as it is")
    trials = f"trial {searched.trial} of {place}, whose best is {best.trial} now"
    return Check(path, "differs", reason=f"options of {trials}")


def _trial(path: Path, best: BestTrial) -> Check:
    """Compare the best trial of a search with what a rung measured of it."""
    trials = sorted(path.parent.glob(f"rung[0-9]*/trial{best.trial}"))
    if not trials:
        return Check(path, "unknown", reason=f"made from trial {best.trial}, which is not here")
    for place in trials:
        try:
            result = TrialResult.read(place)
        except DanqError as error:
            return Check(path, "unknown", reason=f"made from {_short(place)}, which cannot be read ({error})")
        if (result.value, result.best_epoch) == (best.value, best.best_epoch):
            return Check(path, "intact", reason=f"made from {_short(place)}, as it is")
    return Check(
        path, "differs", reason=f"made from trial {best.trial} with value {best.value}; it has another"
    )
