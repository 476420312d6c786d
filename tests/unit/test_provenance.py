from pathlib import Path

import pytest

from danq import provenance as module
from danq.cli import VERBS
from danq.provenance import provenance, verb_digest


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_digest_of_its_sources(verb: str) -> None:
    assert len(verb_digest(verb)) == 64


def test_a_digest_follows_imports_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "deep").mkdir()
    (tmp_path / "cli" / "verb.py").write_text("def verb():\n    from danq.deep import first\n")
    (tmp_path / "deep" / "first.py").write_text("import danq.deep.second\n")
    (tmp_path / "deep" / "second.py").write_text("import os\n")
    (tmp_path / "other.py").write_text("")
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)

    def digest() -> str:
        verb_digest.cache_clear()
        return verb_digest("verb")

    before = digest()
    (tmp_path / "other.py").write_text("changed = 1\n")
    assert digest() == before
    (tmp_path / "deep" / "second.py").write_text("import sys\n")
    assert digest() != before
    before = digest()
    (tmp_path / "deep" / "first.css").write_text("body {}")
    assert digest() != before
    verb_digest.cache_clear()


def test_provenance_names_versions_inputs_and_options() -> None:
    found = provenance({"genome": "ab"}, {"window": 1000})
    assert found["inputs"] == {"genome": "ab"}
    assert found["options"] == {"window": 1000}
    assert {"python", "danq", "tensorflow", "numpy"} <= set(found["versions"])
