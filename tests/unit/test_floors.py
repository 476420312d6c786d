"""A module imports only from lower floors, and TensorFlow only where it is allowed."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import TypeGuard

import pytest

import danq

PACKAGE = Path(danq.__file__).parent
TESTS = Path(__file__).parents[1]
FLOORS = [
    {"errors"},
    {"checks", "limits", "parquet_footer", "processes", "text_checks", "threads"},
    {"remnants"},
    {"jobs"},
    {"hdf5", "npz", "files", "spool", "drawing", "progress", "provenance", "options", "metrics"},
    {"storage", "contents", "kept", "archives"},
    {"tables", "parquet", "parts"},
    {"genome"},
    {"variants"},
    {"data"},
    {"models"},
    {"learn"},
    {"score"},
    {"explain"},
    {"evaluate"},
    {"views"},
    {"report"},
    {"config"},
    {"capsule"},
    {"verify"},
    {"cli"},
]
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}
MODULES = sorted(PACKAGE.rglob("*.py"))
WITHOUT_TENSORFLOW = {
    "learn/__init__.py",
    "learn/ending.py",
    "learn/bundle_files.py",
    "learn/golden.py",
    "learn/export.py",
    "learn/manifest.py",
    "learn/gpu.py",
    "learn/trial_tables.py",
    "learn/trials.py",
    "learn/keras_file.py",
    "learn/keras_layers.py",
    "learn/keras_weights.py",
    "learn/linear.py",
    "learn/network.py",
    "learn/network_manifest.py",
    "learn/network_exports.py",
    *(f"learn/onnx/{name}.py" for name in ("__init__", "call", "engine", "graph", "layers")),
    *(f"learn/onnx/{name}.py" for name in ("operations", "recurrent")),
    "learn/signature.py",
    "learn/options.py",
    "learn/train/__init__.py",
    "learn/predict/__init__.py",
    "learn/predict/outputs.py",
    "learn/predict/predictions.py",
    "learn/predict/predictor.py",
    "learn/predict/rows.py",
    "learn/predict/sequence_sources.py",
    "learn/predict/sources.py",
}


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(nodes: list[ast.stmt] | ast.AST) -> set[str]:
    found = set()
    walk = ast.walk(nodes) if isinstance(nodes, ast.AST) else (n for s in nodes for n in ast.walk(s))
    for node in walk:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add(node.module or "")
            if node.module == "danq":
                found |= {f"danq.{alias.name}" for alias in node.names}
    return found


def imported_at_the_top(tree: ast.Module) -> set[str]:
    """Imports that run when the module is imported, those of functions left out."""
    statements = [s for s in tree.body if not isinstance(s, ast.FunctionDef | ast.ClassDef)]
    return imported(
        [s for s in statements if not (isinstance(s, ast.If) and "TYPE_CHECKING" in ast.dump(s.test))]
    )


@pytest.mark.parametrize("path", [p for p in MODULES if p != PACKAGE / "__init__.py"], ids=name)
def test_a_module_imports_only_from_its_own_floor_and_below(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module in imported(ast.parse(path.read_text())):
        if module.startswith("danq."):
            other = module.split(".")[1]
            assert other == own or FLOOR[other] < FLOOR[own], f"{name(path)} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_tensorflow_is_imported_at_the_top_only_where_it_is_allowed(path: Path) -> None:
    allowed = name(path) == "models/layers.py" or (
        name(path).startswith("learn/") and name(path) not in WITHOUT_TENSORFLOW
    )
    roots = {module.split(".")[0] for module in imported_at_the_top(ast.parse(path.read_text()))}
    assert allowed or not roots & {"tensorflow", "keras"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_stays_readable(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300, "a file has one purpose and at most 300 lines"
    assert not [line for line in text.splitlines() if "TODO" in line or "FIXME" in line]
    functions = [node for node in ast.walk(ast.parse(text)) if is_function(node)]
    assert not [function.name for function in functions if body_lines(function) > 40]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_what_a_killed_job_leaves_can_be_told_from_what_is_in_use(path: Path) -> None:
    """Hidden and temporary directories are those of `danq.remnants`, or within them."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    made = [ast.unparse(call) for call in calls if ast.unparse(call.func).startswith("tempfile.")]
    assert name(path) == "remnants.py" or not [call for call in made if "dir=" not in call]


def is_function(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function between its signature, or docstring, and its end."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_a_file_of_tests_stays_readable() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in TESTS.rglob("*.py")}
    assert not {path.name: lines for path, lines in lengths.items() if lines > 350}


def test_importing_loads_neither_tensorflow_nor_matplotlib() -> None:
    """Each statement as the first one that imports danq; libraries that are loaded stay."""
    statements = (
        "import danq",
        "import danq.config",
        "import danq.learn.options",
        "import danq.learn.predict.predictions, danq.learn.predict.predictor",
        "import danq.learn.predict.outputs, danq.learn.predict.sources, danq.learn.predict.sequence_sources",
        "import danq.cli.predict",
        "import danq.report.page, danq.evaluate.evaluate, danq.explain.figures",
        "import danq.data.regions.making, danq.data.examples.making, danq.data.batches",
        "from danq.models import MODELS",
        "import danq.score",
        "from danq.score import load",
        "import danq.score.job",
    )
    program = (
        "import sys\n"
        "for statement in sys.argv[1:]:\n"
        "    for name in [name for name in sys.modules if name.split('.')[0] == 'danq']:\n"
        "        del sys.modules[name]\n"
        "    exec(statement)\n"
        "    if {'tensorflow', 'keras', 'matplotlib'} & sys.modules.keys():\n"
        "        sys.exit(statement)\n"
    )
    command = [sys.executable, "-c", program, *statements]
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")
