"""What lies in a capsule: the files that every one has, how they are described, and how they are written."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from danq.archives import write_zip
from danq.capsule.crate import crate
from danq.capsule.manifest import (
    CRATE_FILE,
    REQUIREMENTS_FILE,
    WORKFLOW,
    CapsuleManifest,
    leads_nowhere_else,
)
from danq.capsule.workflow import workflow_folder
from danq.files import published, sha256, staged
from danq.storage import sealed

Contents = dict[str, Path | bytes]
"""What lies in a capsule under each name: a file, or what one shall hold."""

_README = """\
# A frozen run of danq

`capsule.json` lists the inputs of a run of the danq workflow, its results, and every file here, each with
its SHA-256. To run it again and compare what comes out, with the Python and the kind of machine that
`capsule.json` names, and with the inputs under the names that it has for them:

    python3 -m venv environment
    environment/bin/pip install --require-hashes --no-deps -r {requirements}
    environment/bin/pip install --no-deps {wheel}
    environment/bin/danq replay . --out replayed --inputs FOLDER

`--inputs` may be left out where the inputs lie in `inputs/`. Look at what you install: a capsule is as
trustworthy as whoever handed it on. With a danq that you have already the last line is enough; it says which
versions differ.
"""


def readme(wheel: str) -> str:
    """Say in a capsule how to use it."""
    return _README.format(requirements=REQUIREMENTS_FILE, wheel=wheel)


def workflow_files() -> Contents:
    """Files of the workflow, by their names in a capsule."""
    root = workflow_folder()
    files = sorted(path for path in root.rglob("*") if path.is_file())
    names = {path.relative_to(root).as_posix(): path for path in files}
    # neither what an editor hides there, nor how it is run on a cluster, is part of what is run
    return {
        f"{WORKFLOW}/{name}": path
        for name, path in names.items()
        if leads_nowhere_else(name) and not name.startswith("profiles/")
    }


def described(contents: Contents, capsule: CapsuleManifest, license: str | None) -> CapsuleManifest:
    """Add the crate's description and the manifest, which knows every other file by its digest."""
    capsule = capsule.model_copy(
        update={"files": {name: sha256_of(contents[name]) for name in sorted(contents)}}
    )
    sizes = {name: size_of(contents[name]) for name in sorted(contents)}
    contents[CRATE_FILE] = _json(crate(capsule, sizes, license))
    files = capsule.files | {CRATE_FILE: sha256_of(contents[CRATE_FILE])}
    capsule = capsule.model_copy(update={"files": files})
    contents[CapsuleManifest.FILE] = _json(sealed(capsule.content()))
    return capsule


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def sha256_of(content: Path | bytes) -> str:
    """Hexadecimal SHA-256 of a file or of what one shall hold."""
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256(content)


def size_of(content: Path | bytes) -> int:
    """Bytes of a file or of what one shall hold."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


@contextmanager
def writing(out: Path) -> Iterator[Callable[[Contents], None]]:
    """Give what writes a capsule: a folder, or a ZIP archive where its name ends so; nothing if that fails.

    Raises
    ------
    DanqError
        As `staged` and `published`.
    """
    if out.suffix.lower() == ".zip":
        with published(out) as partial:
            # the manifest first: by it an archive is known that is cut short
            yield lambda contents: write_zip(
                partial, {name: contents[name] for name in sorted(contents, key=_manifest_first)}
            )
    else:
        with staged(out) as partial:
            yield lambda contents: _write_folder(contents, partial)


def _manifest_first(name: str) -> tuple[bool, str]:
    return name != CapsuleManifest.FILE, name


def _write_folder(contents: Contents, folder: Path) -> None:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            shutil.copyfile(content, folder / name)
