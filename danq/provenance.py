"""Where a result came from: versions, machine, command, and digests of the sources behind a verb."""

import ast
import hashlib
import os
import platform
import pwd
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NamedTuple

from danq.threads import described_threads

_PACKAGE = Path(__file__).parent
_LIBRARIES = (
    *("danq", "tensorflow", "keras", "numpy", "polars"),
    *("snakemake", "biopython", "pyfaidx", "matplotlib"),
)
_TABLES = {"cli/__init__.py": "VERBS", "models/__init__.py": "MODELS"}
"""Tables that list what their package holds: no entry concerns the others, so they belong to no digest."""
_WITH_PATHS = {
    *("provenance", "options", "train", "predict", "search", "model", "exclude", "renamed"),
    *("unknown_contigs", "genome", "bundle", "bundles", "background", "vcf"),
}
"""Entries of manifests in which paths of files stand."""
_PATHS = re.compile(r"(?<![\w./~-])(?:[a-z]\w*:|\.\.)?/[^\s'\"]*")
"""Paths from the root, a place of the web, or from above on."""
_SILENT = (ast.expr_context, ast.Pass)
_IMPORTING = (ast.Import, ast.ImportFrom, ast.Call)
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


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
        "command": " ".join(["danq", *map(shared, sys.argv[1:])]),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": shared(inputs),
        "options": shared(options),
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": platform.platform(),
        "processor_cores": os.cpu_count(),
        **described_threads(),
    }


def shared(value: Any) -> Any:
    """Name paths in something JSON-like as others may read them, and no users.

    From the working directory on; the home directory is ``~``, and of other places the names of users are
    left out. Keys of mappings are texts like any other.
    """
    if isinstance(value, str):
        return _shared(value) if "/" in value else value
    if isinstance(value, Mapping):
        return {shared(key): shared(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shared(item) for item in value]
    return value


def _shared(text: str) -> str:
    for place, name in _places():
        # a name that merely begins like the place is another one
        place = rf"(?<![\w./~-]){re.escape(place)}"
        text = re.sub(rf"{place}/", "" if name == "." else f"{name}/", text)
        text = re.sub(rf"{place}(?=$|[\s'\"])", name, text)
    # of paths from the root or from above on alone: a target may be called anything
    users = rf"(?<=/){_user()}(?![\w.-])|(?:(?<=/home/)|(?<=/Users/))(?!\.\.?/|/)[^/,:;)]+"
    return _PATHS.sub(lambda path: re.sub(users, "USER", re.sub(r"(?<!:)/(\./|/)+", "/", path[0])), text)


def shared_entries(content: Mapping[str, Any]) -> dict[str, Any]:
    """Name the paths of a manifest as `shared` does; what else stands there (targets, encoder) is kept."""
    # by the path of its genome, relative to itself, a dataset finds it
    kept = {"genome"} if content.get("kind") == "dataset" else set()
    named = {key: shared(value) if key in _WITH_PATHS - kept else value for key, value in content.items()}
    if isinstance(targets := named.get("targets"), list | tuple):
        named["targets"] = list(map(_shared_target, targets))
    return named


def _shared_target(entry: Any) -> Any:
    return entry | {"path": shared(entry["path"])} if isinstance(entry, dict) and "path" in entry else entry


def _places() -> Iterator[tuple[str, str]]:
    """Directories and what stands for them, the inner ones first."""
    home = os.path.expanduser("~")
    named = {str(Path.cwd()): ".", **({} if home in ("/", "~") else {home: "~"})}
    yield from sorted(named.items(), key=lambda entry: -len(entry[0]))


@cache
def _user() -> str:
    """Pattern of the user's name; of one that is no person's, none that matches."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "(?!)"
    return re.escape(name) if len(name) > 2 and name != "root" else "(?!)"


@cache
def _versions() -> dict[str, str]:
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def verb_digest(verb: str, *models: str) -> str:
    """SHA-256 over the code that a verb of the command line runs: its module and all that it imports.

    Snakemake does not see changes inside an imported package; a rule that holds this digest in its
    ``params`` runs again when the code behind it changed, and only then. Comments, docstrings and layout do
    not count; style sheets and scripts that lie beside a module do.

    Parameters
    ----------
    verb : str
        Name of the verb, for example ``train``; its module is ``danq/cli/<verb>.py``.
    *models : str
        Models that the job works with, each by name or by the path of a Python file; of danq's own models
        these alone count. Of a file what it imports from danq, or of the user's own, counts, not itself: it
        is an input of the training.
    """
    pending = [(_PACKAGE / "cli" / f"{verb}.py", True)]
    for model in models:
        if model.endswith(".py"):
            pending += [(path, True) for path in _source(Path(model)).imports]
        else:
            pending.append((_PACKAGE / "models" / f"{model}.py", True))
    seen = set[tuple[Path, bool]]()
    while pending:
        path, entered = pending.pop()
        if (path, entered) not in seen:
            seen.add((path, entered))
            source = _source(path)
            pending += [(other, True) for other in (source.imports if entered else source.loads)]
            # the packages above a module are loaded with it, but none of their functions is called
            above = path.relative_to(_PACKAGE).parents if path.is_relative_to(_PACKAGE) else ()
            pending += [(_PACKAGE / package / "__init__.py", False) for package in above]
    total = hashlib.sha256()
    for path in sorted({path for path, _ in seen}):
        name = path.relative_to(_PACKAGE).as_posix() if path.is_relative_to(_PACKAGE) else path.name
        total.update(f"{name}\0{_source(path).digest}\0".encode())
    return total.hexdigest()


def code_digest(path: Path) -> str:
    """SHA-256 over the code of one Python file, without comments, docstrings and layout."""
    return _source(path).digest


def imported_files(path: Path) -> frozenset[Path]:
    """Files of danq, and of a user's file those of the user's own, that a Python file imports."""
    return _source(path).imports


class _Source(NamedTuple):
    """One Python file as `verb_digest` sees it.

    Attributes
    ----------
    digest : str
        Of its code, and of the files beside it that have its name and another ending.
    loads : set of Path
        Files of danq, and of a user's file those of the user's own, that are imported when it is loaded.
    imports : set of Path
        The same with those that its functions import.
    """

    digest: str
    loads: frozenset[Path]
    imports: frozenset[Path]


@cache
def _source(path: Path) -> _Source:
    tree = ast.parse(path.read_bytes())
    own = path.is_relative_to(_PACKAGE)
    table = _TABLES.get(path.relative_to(_PACKAGE).as_posix()) if own else None
    if table is not None:
        package = ".".join(["danq", *path.relative_to(_PACKAGE).parent.parts])
        tree.body = [node for node in tree.body if not _lists(node, package, table)]
    code, nodes = list[str](), list[tuple[ast.AST, bool]]()
    _describe(tree, code, nodes)
    # beside a model of one's own anything may lie
    beside = sorted(path.parent.glob(f"{path.stem}.*")) if own else []
    parts = ("\0".join(code).encode(), *(other.read_bytes() for other in beside if other != path))
    digests = " ".join(hashlib.sha256(part).hexdigest() for part in parts)
    files = [(_file(module, path), loaded) for node, loaded in nodes for module in _modules(node, path)]
    loads = frozenset(file for file, loaded in files if file is not None and loaded)
    return _Source(digests, loads, frozenset(file for file, _ in files if file is not None))


def _lists(node: ast.stmt, package: str, table: str) -> bool:
    """Whether a statement belongs to the table of a package's modules: the table, or an import for it."""
    targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return table in names or (isinstance(node, ast.ImportFrom) and node.module == package)


def _describe(
    node: ast.AST, code: list[str], imports: list[tuple[ast.AST, bool]], loaded: bool = True
) -> None:
    """Take down what makes up a node, so that equal code is equal whatever its layout, and what it imports.

    What is empty is left out, unlike in `ast.dump`: a Python that merely adds a field to its syntax tree, as
    3.12 did for type parameters, then makes nothing run again; one that reads a construct as another does.

    Parameters
    ----------
    node : ast.AST
        A module, or a part of it.
    code : list of str
        What is appended to, in the order of the source.
    imports : list of (ast.AST, bool)
        Nodes that may import are appended, each with whether it runs when the module is loaded.
    loaded : bool
        Whether this node runs when the module is loaded.
    """
    code.append(type(node).__name__)
    if isinstance(node, _IMPORTING):
        imports.append((node, loaded))
    elif isinstance(node, _FUNCTION):
        loaded = False
    elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        imports = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or value == []:
            continue
        code.append(name)
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, ast.AST):
                code.append(repr(item))
            elif not isinstance(item, _SILENT) and not _stands_alone(item):
                _describe(item, code, imports, loaded)
    code.append(")")


def _stands_alone(node: ast.AST) -> bool:
    """Whether a node is a docstring or another text that does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _modules(node: ast.AST, path: Path) -> Iterator[str]:
    """Names of modules that a node of a file imports, by statement or ``import_module`` of a given name."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            submodule = f"{module}.{alias.name}" if node.module else f"{module}{alias.name}"
            yield submodule if _file(submodule, path) else module
    elif isinstance(node, ast.Call):
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if function == "import_module" and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def _file(module: str, path: Path) -> Path | None:
    """File of a module that a file imports, where it is danq's or, of a user's file, no library's."""
    name = module.lstrip(".")
    first, *parts = name.split(".") if name else [""]
    if level := len(module) - len(name):
        base = path.parents[level - 1] / first
    elif first == "danq":
        base = _PACKAGE
    elif path.is_relative_to(_PACKAGE) or first in sys.stdlib_module_names:
        return None
    else:
        # of files that make those beside them importable, too, which are read here and not run
        spec = PathFinder.find_spec(first, [str(path.parent), *sys.path])
        places = spec and (spec.submodule_search_locations or [str(spec.origin).removesuffix(".py")])
        if not places or {"site-packages", "dist-packages"} & {*Path(places[0]).parts}:
            return None
        base = Path(places[0])
    base = base.joinpath(*parts)
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)
