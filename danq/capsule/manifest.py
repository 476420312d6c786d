"""What ``capsule.json`` says of a run and of every file there is; a capsule opened and compared with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from danq.archives import unpack_zip
from danq.errors import DanqError, first_few, is_printable
from danq.files import sha256
from danq.remnants import scratch
from danq.storage import Entry, Manifest

CONFIG_FILE = "config.json"
REQUIREMENTS_FILE = "requirements.txt"
CRATE_FILE = "ro-crate-metadata.json"
INPUTS, RESULTS, SAMPLES, WORKFLOW = "inputs", "results", "samples", "workflow"


def leads_nowhere_else(name: str) -> bool:
    """Whether a name is that of a file in the capsule's own folders, and not a hidden one."""
    parts = name.split("/")
    return is_printable(name) and "\\" not in name and not any(part[:1] in ("", ".") for part in parts)


def _within(name: str) -> str:
    if not leads_nowhere_else(name):
        raise ValueError("expected a relative path without hidden names or a way up")
    return name


Place = Annotated[str, AfterValidator(_within)]
"""A path of a file from the capsule, its inputs or its results on."""
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Stored(Entry):
    """A file of inputs or results.

    Attributes
    ----------
    name : str
        Its path, from the folder of the inputs or of the results on.
    sha256, size : str, int
        Digest and number of its bytes when the run was frozen.
    kept : bool
        Whether the capsule holds it.
    """

    name: Place
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    kept: bool


class Input(Stored):
    """A file that the workflow read, with the keys of the configuration that name it."""

    keys: tuple[str, ...]


class CapsuleManifest(Manifest):
    """``capsule.json``.

    Attributes
    ----------
    created : str
        When it was frozen, ISO 8601 in UTC; with that of the crate the one date of the capsule's own.
    ended : str
        When the last of the results was made.
    danq, python, platform : str
        Versions, and the kind of machine, of the environment that froze it.
    versions : dict of str to str
        Version of every library that danq needs, by name, as the requirements pin them.
    unhashed : tuple of str
        Libraries for which no digest of a file could be had.
    cores : int
        Of the workflow, as the threads of its jobs tell.
    wheel : str
        Name of danq's own wheel.
    files : dict of str to str
        SHA-256 of each other file of the capsule.
    """

    KIND, FILE = "capsule", "capsule.json"

    created: str
    ended: str
    danq: str
    python: str
    platform: str
    versions: dict[str, str]
    unhashed: tuple[str, ...]
    cores: Annotated[int, Field(ge=1, le=1024)]
    wheel: Place
    inputs: tuple[Input, ...]
    results: tuple[Stored, ...]
    files: dict[Place, Sha256]


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
