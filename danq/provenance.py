"""Where a result came from: versions, machine, command, and digests of the sources behind a verb."""

import ast
import hashlib
import os
import platform
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent
_LIBRARIES = (
    "danq",
    "tensorflow",
    "keras",
    "numpy",
    "scikit-learn",
    "polars",
    "snakemake",
    "biopython",
    "pyfaidx",
    "matplotlib",
)


def provenance(inputs: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    """Describe how a result was made; stored beside it and outside the promise of byte equality.

    Parameters
    ----------
    inputs : dict of str to str
        Digest of each input by its name.
    options : dict
        Options the result depends on, JSON-like.
    """
    return {
        "command": " ".join(["danq", *sys.argv[1:]]),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": inputs,
        "options": options,
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": platform.platform(),
        "processor_cores": os.cpu_count(),
    }


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def verb_digest(verb: str) -> str:
    """SHA-256 over the package sources that a verb of the command line imports, directly or not.

    Snakemake does not see changes inside an imported package; a rule that holds this digest in its
    ``params`` runs again when the code behind it changed, and only then.

    Parameters
    ----------
    verb : str
        Name of the verb, for example ``train``; its module is ``danq/cli/<verb>.py``.
    """
    pending, seen = [_PACKAGE / "cli" / f"{verb}.py"], set[Path]()
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            pending.extend(_imports(path))
    total = hashlib.sha256()
    # a module's style sheet or script has its name
    beside = {file for path in seen for file in path.parent.glob(f"{path.stem}.[!p]*")}
    for path in sorted(seen | beside):
        total.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _imports(path: Path) -> set[Path]:
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    found = set[Path]()
    for name in names:
        parts = name.split(".")
        if parts[0] == "danq":
            base = _PACKAGE.joinpath(*parts[1:])
            found.update(p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file())
    return found
