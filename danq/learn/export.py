"""A bundle for others: as one file, which the verbs that load a model read as they read its directory."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danq.archives import unpack_zip, write_zip
from danq.errors import DanqError
from danq.files import published
from danq.learn.bundle_files import GOLDEN_FILE, LATER, bundle_files
from danq.learn.manifest import HISTORY_FILE, MODEL_FILE, BundleManifest, check_trusted, read_members
from danq.learn.network_exports import write_keras, write_onnx, write_savedmodel
from danq.learn.signature import SIGNATURE_FILE, require_signatures, sign_bundle
from danq.remnants import scratch
from danq.storage import sealed

CARD_FILE = "MODEL_CARD.md"
"""Beside a bundle and in an archive of it; no part of digest and signature: who trained it may edit it."""
_NAMES = "|".join(map(re.escape, (BundleManifest.FILE, MODEL_FILE, HISTORY_FILE, *LATER)))
_MEMBER = re.compile(rf"(members/\d{{1,4}}/)?({_NAMES})|{SIGNATURE_FILE}|{CARD_FILE}")
_KEPT = ("versions", "outputs")
"""What a private bundle keeps of its provenance."""
_OF_MACHINE = {"device", "threads", "usable_cores", "samples_per_second", "wait_share", "seconds", "resumed"}
"""What it does not keep of its training."""
_PATH = re.compile(r"(^|[\s=,:'\"])(~|/|\\\\|[A-Za-z]:\\)")


@dataclass(frozen=True)
class Exporting:
    """How a bundle is exported.

    Attributes
    ----------
    private : bool
        Leave out of an archive's provenance all but versions, the golden rows, which are rows of its maker's
        data, and the signature, which would no longer hold.
    trusted : tuple of Path
        As of `danq.learn.bundle.load_bundle`.
    card : str or None
        Text of the model card; an archive without it holds the bundle's own, if there is one.
    """

    private: bool = False
    trusted: tuple[Path, ...] = ()
    card: str | None = None


def export_bundle(bundle: Path, out: Path, form: str, how: Exporting) -> None:
    """Write a bundle as one of `FORMATS`.

    Raises
    ------
    DanqError
        If `out` cannot be written, or the bundle not in this form.
    """
    folder = form == "savedmodel"
    if out.is_dir() and not (folder and not any(out.iterdir())):
        expected = "a new or empty directory" if folder else "a file to write"
        raise DanqError(f"{out}: expected {expected}, received a directory")
    if folder and out.exists() and not out.is_dir():
        raise DanqError(f"{out}: expected a new or empty directory, received a file")
    FORMATS[form](bundle, out, how)


def write_archive(bundle: Path, out: Path, private: bool, card: str | None = None) -> None:
    """Write a bundle as one ZIP archive of its files as they are; equal bundles give equal bytes.

    Parameters are as of `Exporting`.

    Raises
    ------
    DanqError
        If it is no whole bundle, one of its files is a link or damaged, or a private bundle names
        paths elsewhere.
    """
    read_members(bundle)
    files = _files(bundle)
    for name in files:
        if files[name].is_symlink() or not files[name].is_file():
            raise DanqError(f"{files[name]}: expected a file, received a link or something else")
    for folder in {path.parent for path in files.values()}:
        BundleManifest.read(folder).check(folder, MODEL_FILE, HISTORY_FILE, *LATER)
    kept = [name for name in files if not (private and name.endswith((SIGNATURE_FILE, GOLDEN_FILE)))]
    manifests = [name for name in kept if private and name.endswith(BundleManifest.FILE)]
    contents = {name: _private(files[name]) if name in manifests else files[name] for name in kept}
    with published(out) as partial:
        write_zip(partial, contents if card is None else contents | {CARD_FILE: card.encode()})


def sign_archive(path: Path, key: Path) -> None:
    """Put a signature into an archive; parameters and refusals are those of `sign_bundle`."""
    with opened_bundles([path]) as (bundle,):
        sign_bundle(bundle, key)
        write_archive(bundle, path.resolve(), private=False)  # a link stays one


def _write_card(bundle: Path, out: Path, how: Exporting) -> None:
    with published(out) as partial:
        partial.write_text(how.card or "", encoding="utf-8")


FORMATS: dict[str, Callable[[Path, Path, Exporting], None]] = {
    "archive": lambda bundle, out, how: write_archive(bundle, out, how.private, how.card),
    "onnx": lambda bundle, out, how: write_onnx(bundle, out),
    "savedmodel": lambda bundle, out, how: write_savedmodel(bundle, out, how.trusted),
    "keras": lambda bundle, out, how: write_keras(bundle, out, how.trusted),
    "card": _write_card,
}
"""What a bundle can be exported as → what writes it: bundle, file, and how."""


def _files(bundle: Path) -> dict[str, Path]:
    """Files of a bundle by their names in an archive, its signature and its card among them."""
    more = {name: bundle / name for name in (SIGNATURE_FILE, CARD_FILE)}
    return bundle_files(bundle) | {
        name: path for name, path in more.items() if path.is_symlink() or path.exists()
    }


def _private(path: Path) -> bytes:
    """Give a manifest without what tells of its maker."""
    content = BundleManifest.read(path.parent).content()
    content["provenance"] = {
        name: content["provenance"][name] for name in _KEPT if name in content["provenance"]
    }
    content["provenance"].get("outputs", {}).pop(GOLDEN_FILE, None)
    content["training"] = {
        name: value for name, value in content["training"].items() if name not in _OF_MACHINE
    }
    if content.get("model_file"):
        content["model"] = Path(content["model"]).name
    if isinstance(start := content["train"].get("init_from"), str):
        content["train"]["init_from"] = Path(start).name
    if (place := _path_in(content)) is not None:
        raise DanqError(f"{path}: {place}: expected no path outside the working directory; train it again")
    return (json.dumps(sealed(content), indent=2, ensure_ascii=False) + "\n").encode()


def _path_in(value: Any, place: str = "") -> str | None:
    """Where a manifest names a path from the root or somebody's home on; None if it does nowhere."""
    if isinstance(value, str):
        return place if _PATH.search(value) and place.split(".")[0] not in ("targets", "encoder") else None
    items = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    places = (_path_in(item, f"{place}.{key}".lstrip(".")) for key, item in items)
    return next((inner for inner in places if inner is not None), None)


@contextmanager
def opened_bundles(
    paths: Sequence[Path], signers: Path | None = None, trusted: Sequence[Path] = ()
) -> Iterator[list[Path]]:
    """Give the directories of bundles, those in archives unpacked for as long as they are needed.

    Where signatures are asked for, the bundles are copied first: what is checked is what is used.

    Parameters
    ----------
    signers : Path or None
        As of `require_signatures`.
    trusted : sequence of Path
        As of `check_trusted`.

    Raises
    ------
    DanqError
        If an archive is none that `write_archive` wrote, or as `require_signatures` and `check_trusted`. What
        is refused within is called as in `paths`.
    """
    with scratch() as folder:
        shown = {str(folder / str(number)): str(path) for number, path in enumerate(paths)}
        try:
            opened = []
            for place, path in zip(map(Path, shown), paths, strict=True):
                if path.is_file():
                    unpack_zip(path, place, _is_member, "the files of a bundle", "danq export")
                elif signers is not None:
                    _copy(path, place)
                opened.append(place if place.exists() else path)
            require_signatures(opened, signers, paths)
            check_trusted(trusted, opened)
            yield opened
        except DanqError as error:
            text = str(error)
            for place_name, name in shown.items():
                text = text.replace(place_name, name)
            raise type(error)(text) from error.__cause__


def _is_member(name: str) -> bool:
    return _MEMBER.fullmatch(name) is not None


def _copy(bundle: Path, place: Path) -> None:
    for name, path in _files(bundle).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / name)
