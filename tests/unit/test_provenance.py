import json
import shutil
from pathlib import Path

import pytest
from bundles import manifest

from danq import provenance as module
from danq.cli import VERBS
from danq.learn.manifest import BundleManifest
from danq.models import MODELS
from danq.provenance import provenance, shared, verb_digest


def test_every_verb_has_a_digest_of_its_sources():
    assert len({verb_digest(verb) for verb in VERBS}) == len(VERBS)


def fresh(verb: str, *models: str) -> str:
    """The digest of sources as they are now."""
    _forget_sources()
    return verb_digest(verb, *models)


def _forget_sources() -> None:
    """Read sources again; they never change while danq itself runs."""
    verb_digest.cache_clear()
    module._source.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one verb that imports within its function, through a parent and by name."""
    for name, text in {
        "__init__.py": "",
        "cli/__init__.py": 'VERBS = {"verb": "Does it."}\n',
        "cli/verb.py": "def verb():\n    from danq.deep import first\n    return 1.5\n",
        "deep/__init__.py": "LIMIT = 3\n\ndef __getattr__(name):\n    import danq.late\n",
        "deep/first.py": "import danq.deep.second\nfrom importlib import import_module\n"
        'module = import_module("danq.named")\n',
        "deep/second.py": "import os\n",
        "named.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from danq import other\n",
        "late.py": "",
        "other.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _forget():
    yield
    _forget_sources()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("cli/verb.py", "1.5", "1.25"),
        ("cli/verb.py", "1.5", '"1.5"'),
        ("deep/second.py", "import os", "import sys"),
        # a package above a module, and a module imported by its name
        ("deep/__init__.py", "3", "4"),
        ("__init__.py", "", "import os"),
        ("named.py", "\n", "\nLIMIT = 1\n"),
    ],
)
def test_changed_code_changes_the_digest(package: Path, file: str, old: str, new: str):
    before = fresh("verb")
    text = (package / file).read_text()
    (package / file).write_text(text.replace(old, new, 1))
    assert fresh("verb") != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("cli/verb.py", "    return", "    # a remark\n\n    return"),
        ("cli/verb.py", "verb():\n", 'verb():\n    """Do it."""\n'),
        ("cli/verb.py", "from danq.deep import first", "from danq.deep import (\n        first,\n    )"),
        ("deep/second.py", "import os", '"""What it is."""\n\nimport os'),
        ("deep/__init__.py", "LIMIT = 3\n", 'LIMIT = 3\n"""At most so many."""\n'),
        # another verb, and modules that nothing imports when the verb runs
        ("cli/__init__.py", "}", ', "more": "Does more."}'),
        ("other.py", "", "LIMIT = 1"),
        ("late.py", "", "LIMIT = 1"),
    ],
)
def test_comments_docstrings_layout_and_other_modules_do_not(package: Path, file: str, old: str, new: str):
    before = fresh("verb")
    text = (package / file).read_text()
    (package / file).write_text(text.replace(old, new, 1))
    assert fresh("verb") == before


def test_a_style_sheet_beside_a_module_counts(package: Path):
    before = fresh("verb")
    (package / "deep" / "other.css").write_text("body {}")
    assert fresh("verb") == before
    (package / "deep" / "first.css").write_text("body {}")
    assert fresh("verb") != before


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources of danq, to be changed."""
    shutil.copytree(module._PACKAGE, tmp_path / "danq", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "_PACKAGE", tmp_path / "danq")
    return tmp_path / "danq"


def test_a_run_depends_on_the_file_of_its_own_model_alone(copied: Path):
    def digests() -> dict[tuple[str, str], str]:
        _forget_sources()
        return {
            (verb, name): verb_digest(verb, name) for verb in ("train", "predict", "score") for name in MODELS
        }

    before = digests()
    path = copied / "models" / "bilstm_conv2d.py"
    path.write_text(f"{path.read_text()}\nCHANGED = 1\n")
    after = digests()
    assert {name for verb, name in before if before[verb, name] != after[verb, name]} == {"bilstm_conv2d"}
    assert all(before[verb, "bilstm_conv2d"] != after[verb, "bilstm_conv2d"] for verb in ("train", "score"))


def test_a_new_model_or_verb_reruns_nothing(copied: Path):
    before = fresh("train", "danq"), fresh("dataset")
    table = copied / "models" / "__init__.py"
    source = table.read_text()
    table.write_text(
        source.replace('    "danq": danq,\n', '    "danq": danq,\n    "new": new,\n').replace(
            "import bilstm_conv2d", "import new, bilstm_conv2d"
        )
    )
    assert table.read_text() != source
    assert (fresh("train", "danq"), fresh("dataset")) == before
    table.write_text(f"{source}\nCHANGED = 1\n")
    assert fresh("train", "danq") != before[0]


def test_a_model_of_ones_own_depends_on_what_it_imports(copied: Path, tmp_path: Path):
    own = tmp_path / "mine.py"
    own.write_text("from danq.models.danq import build\n")
    before, danq = fresh("train", str(own)), copied / "models" / "danq.py"
    danq.write_text(f"{danq.read_text()}\nCHANGED = 1\n")
    assert fresh("train", str(own)) != before


@pytest.mark.parametrize(
    ("imported", "changed", "counts"),
    [
        ("from widths import WIDTH", "widths.py", True),
        ("def build():\n    import shared.layers", "shared/layers.py", True),
        ("from shared import layers", "shared/layers.py", True),
        ("from shared import WIDTH", "shared/deeper.py", True),
        ("import shared.layers", "widths.py", False),
        ("import installed", "site-packages/installed.py", False),
    ],
)
def test_a_model_of_ones_own_depends_on_ones_own_modules(imported, changed, counts, tmp_path, monkeypatch):
    """Without running them; what a library is, its version says. The verb is one of little code."""
    for name, text in {
        "widths.py": "WIDTH = 4\n",
        "shared/__init__.py": "from .deeper import WIDTH\n",
        "shared/deeper.py": "WIDTH = 4\n",
        "shared/layers.py": "from .. import deeper\nraise RuntimeError\n",
        "site-packages/installed.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    own = tmp_path / "mine.py"
    own.write_text(f"import os, numpy, missing\n{imported}\n")
    before = fresh("genome", str(own))
    (tmp_path / changed).write_text(f"# a comment\n{(tmp_path / changed).read_text()}")
    assert fresh("genome", str(own)) == before
    (tmp_path / changed).write_text(f"{(tmp_path / changed).read_text()}CHANGED = 1\n")
    assert (fresh("genome", str(own)) != before) == counts


def test_provenance_names_versions_inputs_and_options():
    described = provenance({"genome": "ab"}, {"window": 1000})
    assert described["inputs"] == {"genome": "ab"}
    assert described["options"] == {"window": 1000}
    assert {"python", "danq", "tensorflow", "numpy"} <= set(described["versions"])


def test_provenance_names_neither_the_working_directory_nor_the_home(monkeypatch, tmp_path):
    (tmp_path / "home" / "ada" / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "ada"))
    monkeypatch.chdir(tmp_path / "home" / "ada" / "work")
    genome, track = (tmp_path / "home" / "ada" / name for name in ("work/g.fa", "tracks/a.bed"))
    monkeypatch.setattr("sys.argv", ["danq", "genome", str(genome), "--out", f"--x={track}"])
    made = provenance({str(genome): "ab", str(track): "cd"}, {})
    assert made["command"] == "danq genome g.fa --out --x=~/tracks/a.bed"
    assert made["inputs"] == {"g.fa": "ab", "~/tracks/a.bed": "cd"}
    texts = {str(genome.parent): ".", f"{genome.parent}-2/x": "~/work-2/x", f"{genome.parent.parent}": "~"}
    texts |= {
        "/home/bob/g.fa": "/home/USER/g.fa",
        "/scratch/ada/g.fa": "/scratch/USER/g.fa",
        "a/ada": "a/ada",
        "../../home/bob/g.fa": "../../home/USER/g.fa",
        "//nfs/home/./bob": "/nfs/home/USER",
        "file:///home/bob//g.fa": "file://home/USER/g.fa",
        "https://a.org/home/bob": "https://a.org/home/USER",
        "../ada/g.fa": "../USER/g.fa",
        "/scratch/ada/x/ada": "/scratch/USER/x/USER",
        "/home/../g.fa": "/home/../g.fa",
        "(/home/bob),/home/eve/a:/export/home/eve/b": "(/home/USER),/home/USER/a:/export/home/USER/b",
    }
    monkeypatch.setattr(module, "_user", lambda: "ada")
    assert shared(list(texts)) == list(texts.values())
    assert shared({str(track): [{"x": (str(genome), 1, None)}]}) == {
        "~/tracks/a.bed": [{"x": ["g.fa", 1, None]}]
    }


def test_no_manifest_names_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made = manifest(options={"motifs": str(tmp_path / "m.meme")}, provenance={"command": f"x {tmp_path}/a"})
    made = made.model_copy(update={"targets": ("wt/ada", f"{tmp_path}/x.bed", "/home/bob/x.bed")})
    monkeypatch.setattr(module, "_user", lambda: "ada")
    made.write(tmp_path)
    assert BundleManifest.read(tmp_path).targets == made.targets
    assert str(tmp_path) not in json.dumps(BundleManifest.read(tmp_path).model_dump(exclude={"targets"}))
    assert BundleManifest.read(tmp_path).options == {"motifs": "m.meme"}


def test_a_dataset_finds_its_genome_wherever_it_lies(monkeypatch):
    monkeypatch.setattr(module, "_user", lambda: "ada")
    entry = {"genome": {"path": "../../home/ada/genome"}}
    assert module.shared_entries({"kind": "dataset", **entry}) == {"kind": "dataset", **entry}
    assert module.shared_entries({"kind": "scores", **entry})["genome"] == {"path": "../../home/USER/genome"}
