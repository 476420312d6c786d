"""Everything below some paths checked: files, manifests, what they were made from, golden rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from zipfile import is_zipfile

from danq.capsule.manifest import RESULTS, CapsuleManifest, unpack_capsule
from danq.checks import Check
from danq.errors import DanqError
from danq.genome.fasta import CODES_FILE, CONTIGS_FILE, GenomeManifest
from danq.learn.bundle_files import GOLDEN_FILE
from danq.learn.export import opened_bundles
from danq.learn.manifest import MODEL_FILE, BundleManifest, check_trusted, member_paths
from danq.learn.predict.reading import read_predictions
from danq.learn.signature import SIGNATURE_FILE
from danq.progress import progress
from danq.remnants import scratch
from danq.storage import Manifest
from danq.verify.bundles import check_golden, check_members
from danq.verify.files import (
    Advance,
    UnreadableError,
    check_codes,
    check_contigs,
    check_file,
    check_manifest,
    listed,
    refused,
)
from danq.verify.finding import MANIFESTS, SUM, Item, alone, find, holds
from danq.verify.upstream import Origins, check_predictions, check_upstream, content_digest

_GENOMES = {CODES_FILE: check_codes, CONTIGS_FILE: check_contigs}
"""Files whose digests the manifest of a genome has in another way."""
STATUSES = ("intact", "damaged", "equal", "equal within 1e-5", "differs", "unknown")


@dataclass(frozen=True)
class Verification:
    """What all checks of a verification share.

    Attributes
    ----------
    trusted : sequence of Path
        Files of models of one's own that may be run.
    origins : Origins
        Where what manifests were made from may be.
    advance : callable
        Counts bytes that were read.
    """

    trusted: Sequence[Path]
    origins: Origins
    advance: Advance


def verify(paths: Sequence[Path], trusted: Sequence[Path] = ()) -> list[Check]:
    """Check all that danq wrote at some paths and below them; nothing is written.

    Every file is compared with the digest that its manifest has of it, every manifest with its own and with
    what it was made from, and the golden rows of each bundle are scored again.

    Parameters
    ----------
    paths : sequence of Path
        Directories of results, or above them; bundles and their archives; single files.
    trusted : sequence of Path
        Files of models of one's own that may be run.

    Returns
    -------
    list of Check
        In the order of the paths, then of names.

    Raises
    ------
    DanqError
        If a path does not exist or holds nothing that danq wrote, or no bundle there was trained with a
        trusted file.
    """
    items = list(dict.fromkeys(item for path in paths for item in find(path)))
    bundles = [item.path.parent for item in items if item.path.name == BundleManifest.FILE]
    if trusted and not any(item.kind == "archive" for item in items):
        check_trusted(trusted, bundles)
    total = sum(_size(item) for item in items)
    with progress("verifying", total, "bytes") as advance:
        common = Verification(trusted, Origins(cache(content_digest), _known(items)), advance)
        return [check for item in items for check in _reading(item, common)]


def _known(items: Sequence[Item]) -> dict[str, Path]:
    """Digests of the results that are checked."""
    folders = [item.path.parent for item in items if item.kind == "results"]
    digests = {}
    for folder in folders:
        with suppress(DanqError, UnreadableError):
            digests[content_digest(folder)] = folder
    return {digest: folder for digest, folder in digests.items() if digest}


def _size(item: Item) -> int:
    """Bytes that will be read of an item, for progress."""
    whole = item.kind == "results" and item.only is None
    try:
        files = item.path.parent.iterdir() if whole else [item.path]
        return sum(path.stat().st_size for path in files if path.is_file())
    except OSError:
        return 0


def _reading(item: Item, common: Verification) -> Iterator[Check]:
    """Check an item; what goes while it is read, or may not be read, is a result, too."""
    try:
        yield from _checked(item, common)
    except (FileNotFoundError, NotADirectoryError):
        yield Check(item.path, "damaged", reason="gone while it was read")
    except PermissionError as error:
        yield Check(item.path, "unknown", reason=f"not readable ({error.strerror})")


def _checked(item: Item, common: Verification) -> Iterator[Check]:
    if item.kind == "results":
        yield from _results(item, common)
    elif item.kind == "predictions":
        yield from _predictions(item.path, common)
    elif item.kind == "archive":
        yield from _archive(item.path, common)
    elif item.kind == "closed":
        yield Check(item.path, "unknown", reason="a directory that cannot be read")
    else:
        yield _table(item.path, common)


def _results(item: Item, common: Verification) -> Iterator[Check]:
    path, folder, kind = item.path, item.path.parent, MANIFESTS[item.path.name]
    check, manifest = check_manifest(kind, path)
    if item.only is None or item.only == path.name or manifest is None:
        yield check
    if manifest is None:
        return
    if item.only != path.name:
        yield from _files(folder, manifest, item.only, common)
    if item.only in (None, path.name):
        yield from check_upstream(path, manifest, common.origins)
    # of golden rows that are gone enough is said
    there = (folder / GOLDEN_FILE).exists() or GOLDEN_FILE not in listed(manifest)
    if isinstance(manifest, BundleManifest) and item.only in (None, GOLDEN_FILE) and there:
        yield check_golden(folder, manifest, common.trusted)
    if isinstance(manifest, CapsuleManifest) and item.only is None:
        yield from _frozen_bundles(folder, common)


def _frozen_bundles(capsule: Path, common: Verification) -> Iterator[Check]:
    """Score the golden rows of the bundles in a capsule, of which large networks may have been left out."""
    for path in sorted(capsule.glob(f"{RESULTS}/runs/*/{BundleManifest.FILE}")):
        check, info = check_manifest(BundleManifest, path)
        bundle = path.parent
        if not isinstance(info, BundleManifest):
            yield check
        elif all((folder / MODEL_FILE).is_file() for folder in member_paths(bundle, info) or [bundle]):
            yield check_golden(bundle, info, common.trusted)
        else:
            yield Check(bundle / GOLDEN_FILE, "unknown", reason="its network is not in the capsule")


def _files(folder: Path, manifest: Manifest, only: str | None, common: Verification) -> Iterator[Check]:
    """Compare the files beside a manifest with their digests; those of an ensemble's members, too."""
    digests = listed(manifest)
    there = {path.name for path in folder.iterdir() if path.is_file() and path.name[0] != "."}
    own = _GENOMES if isinstance(manifest, GenomeManifest) else {}
    for name in sorted({*digests, *own, *there.difference(MANIFESTS)}) if only is None else [only]:
        path = folder / name
        if isinstance(manifest, GenomeManifest) and name in own:
            yield own[name](path, manifest, common.advance)
        elif name in digests:
            yield check_file(path, digests[name], common.advance)
        else:
            yield from _unlisted(path, manifest, common)
    if isinstance(manifest, BundleManifest) and manifest.members and only is None:
        yield from _members(folder, manifest, common)


def _unlisted(path: Path, manifest: Manifest, common: Verification) -> Iterator[Check]:
    """Check a file that the manifest beside it does not speak of."""
    if path.name == SIGNATURE_FILE:
        yield Check(path, "unknown", reason="a signature, which --require-signature of other verbs checks")
    elif path.name == MODEL_FILE and isinstance(manifest, BundleManifest):
        reason = "an earlier release noted no digest of the file; its weights are those of the golden rows"
        yield Check(path, "unknown", reason=reason)
    elif path.with_name(path.name + SUM).is_file():
        yield _table(path, common)
    elif path.suffix == SUM:
        return
    elif items := list(alone(path)):
        yield from _checked(items[0], common)
    else:
        yield Check(path, "unknown", reason="its manifest has no digest of it")


def _members(folder: Path, manifest: BundleManifest, common: Verification) -> Iterator[Check]:
    for member in member_paths(folder, manifest):
        check, info = check_manifest(BundleManifest, member / BundleManifest.FILE)
        yield check
        if info is not None:
            yield from _files(member, info, None, common)
    if (wrong := check_members(folder)) is not None:
        yield wrong


def _predictions(path: Path, common: Verification) -> Iterator[Check]:
    try:
        predictions = read_predictions(path)
    except DanqError as error:
        yield refused(path, error)
        return
    if path.suffix == ".tsv":
        yield Check(path, "unknown", reason="a table of text has no digest")
    else:
        yield Check(path, "intact", reason="its values, by their checksums")
    digests = {"bundle": predictions.bundle_digest, "dataset": predictions.dataset_digest}
    yield from check_predictions(path, predictions.run, digests, common.origins)


def _table(path: Path, common: Verification) -> Check:
    """Compare a table with the digest in the file beside it, as `sha256sum` writes it."""
    try:
        expected = path.with_name(path.name + SUM).read_text(encoding="utf-8")[:64]
    except (OSError, ValueError) as error:
        return Check(path, "damaged", reason=f"its digest cannot be read ({error})")
    return check_file(path, expected, common.advance)


def _archive(path: Path, common: Verification) -> Iterator[Check]:
    """Check a bundle or a capsule in an archive, whose files are called as if it were a directory."""
    if not is_zipfile(path):
        yield Check(path, "damaged", reason="cut short: the list of the archive's files, at its end, is gone")
        return
    try:
        with _unpacked(path) as manifest:
            folder = manifest.parent
            for check in _results(Item("results", manifest), common):
                inside = path / check.path.relative_to(folder)
                yield replace(check, path=inside, reason=check.reason.replace(str(folder), str(path)))
    except DanqError as error:
        yield refused(path, error)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Give the manifest in an archive that is unpacked for as long as it is needed."""
    if holds(path, CapsuleManifest.FILE):
        with scratch() as folder:
            unpack_capsule(path, folder)
            yield folder / CapsuleManifest.FILE
    else:
        with opened_bundles([path]) as (bundle,):
            yield bundle / BundleManifest.FILE
