"""Finished results under a second name, until the next start finds the first ones complete.

A workflow deletes what a job declared where it ends by a signal, a time limit or the death of its machine,
also where all had been finished a moment before.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from danq.files import sha256, staged, write_json
from danq.remnants import hidden

log = logging.getLogger("danq")

FOLDER = ".finished"
Label = Callable[[Path], object]
"""Puts names into the manifest of a directory, which are no part of what its files depend on."""
_RECORD = "kept.json"


def keep(partial: Path, out: Path, key: str, folder: Path | None = None) -> None:
    """Give the files of a job, before `staged` moves them out of `partial`, a second name in a hidden folder.

    They take no room of their own where the file system has hard links.

    Parameters
    ----------
    out : Path
        Directory that they will be in.
    key : str
        Digest of all that they depend on.
    folder : Path, optional
        The hidden folder, on the same file system; ``.finished`` in `out` where left out.
    """
    folder = folder or out / FOLDER
    names = [path.relative_to(partial) for path in partial.rglob("*") if path.is_file()]
    with hidden(folder.parent) as collected:
        for name in names:
            _link(partial / name, collected / name)
        files = {name.as_posix(): sha256(collected / name) for name in names}
        write_json(collected / _RECORD, {"key": key, "files": files})
        collected.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(collected, folder)


def take_back(out: Path, key: str, label: Label = lambda partial: None) -> bool:
    """Put files of `keep` in their place again where some are missing; whether that was done.

    They are removed where none is missing, for then the job is meant to run again, or where they depend on
    something else than `key`. `label` puts the names of now into them.
    """
    kept = out / FOLDER
    record = _read(kept)
    files = record.get("files", {})
    missing = any(not (out / name).is_file() for name in files)
    if record.get("key") != key or not missing or not _whole(kept, files):
        shutil.rmtree(kept, ignore_errors=True)
        return False
    with staged(out) as partial:
        put_back(kept, partial, label)
    log.info("%s: had been finished, and is put in place again; remove %s to compute it anew", out, kept)
    return True


def find_kept(key: str, folders: Iterable[Path]) -> Path | None:
    """Find whole files of `keep` that depend on `key`, under whatever name; None where there are none."""
    for folder in sorted(folders):
        record = _read(folder)
        if record.get("key") == key and _whole(folder, record.get("files", {})):
            return folder
    return None


def put_back(kept: Path, partial: Path, label: Label) -> None:
    """Give files of `keep` a name in another directory, too; manifests are copied, for names may change."""
    for name in _read(kept)["files"]:
        if name.endswith(".json"):
            shutil.copyfile(kept / name, partial / name)
        else:
            _link(kept / name, partial / name)
    label(partial)


def _read(kept: Path) -> dict[str, Any]:
    try:
        record = json.loads((kept / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("files"), dict) else {}


def _whole(kept: Path, files: dict[str, str]) -> bool:
    inside = all(not Path(name).is_absolute() and ".." not in Path(name).parts for name in files)
    return inside and all(
        (kept / name).is_file() and sha256(kept / name) == value for name, value in files.items()
    )


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # the file system has one name a file
        shutil.copyfile(source, target)
