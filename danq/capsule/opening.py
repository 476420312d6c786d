"""A capsule opened: an archive unpacked, and every file compared with its digest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from danq.archives import unpack_zip
from danq.capsule.manifest import (
    CONFIG_FILE,
    INPUTS,
    RESULTS,
    SAMPLES,
    CapsuleManifest,
    leads_nowhere_else,
)
from danq.errors import DanqError, first_few
from danq.files import sha256
from danq.remnants import scratch


@contextmanager
def opened_capsule(path: Path) -> Iterator[Path]:
    """Give the folder of a capsule, an archive unpacked for as long as it is needed, with every file checked.

    Raises
    ------
    DanqError
        If it is no capsule, or files are missing, damaged or links; all of them in one line.
    """
    if not path.is_file():
        _check_files(path, path)
        yield path
        return
    with scratch() as folder:
        unpack_capsule(path, folder)
        _check_files(folder, path)
        yield folder


def unpack_capsule(path: Path, folder: Path) -> None:
    """Unpack the archive of a capsule, as `unpack_zip` does."""
    unpack_zip(path, folder, leads_nowhere_else, "the files of a capsule", "danq freeze")


def _check_files(capsule: Path, shown: Path) -> None:
    try:
        manifest = CapsuleManifest.read(capsule)
    except DanqError as error:
        raise DanqError(str(error).replace(str(capsule), str(shown))) from None
    problems = [
        f"{name} ({problem})"
        for name, digest in manifest.files.items()
        if (problem := _problem(capsule, name, digest)) is not None
    ]
    kept = [f"{INPUTS}/{each.name}" for each in manifest.inputs if each.kept]
    kept += [f"{RESULTS}/{each.name}" for each in manifest.results if each.kept]
    samples = [f"{SAMPLES}/{each.name}" for each in manifest.results]
    kept += [name for name in samples if (capsule / name).exists()]
    problems += [f"{name} (not listed)" for name in (CONFIG_FILE, *kept) if name not in manifest.files]
    if problems:
        raise DanqError(f"{shown}: expected a whole capsule, received {first_few(problems, 20)}")


def _problem(capsule: Path, name: str, digest: str) -> str | None:
    path = capsule / name
    above = [folder for folder in path.parents if folder.is_relative_to(capsule) and folder != capsule]
    if any(each.is_symlink() for each in (path, *above)):
        return "a link"
    if not path.is_file():
        return "missing"
    return None if sha256(path) == digest else "damaged"
