"""The files that a configuration names, and their names in a capsule."""

import copy
import json
from pathlib import Path

import pytest

from danq.capsule.inputs import frozen_inputs
from danq.config import parse_config
from danq.errors import DanqError
from tests.unit.config.good_config import GOOD


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the files of a configuration, and a folder of somebody else's beside it."""
    here, other = tmp_path / "project", tmp_path / "ada"
    for folder in (here, here / "tables", other):
        folder.mkdir()
    (here / "genome.fa").write_text(">chrI\nACGT\n")
    for path in (here / "a.bed", other / "b.bed", other / "motifs.meme"):
        path.write_text("chrI\t1\t2\n")
    (here / "targets.tsv").write_text("target\tpath\na\ta.bed\n")
    (here / "tables" / "targets.tsv").write_text(f"target\tpath\nb\t{other}/b.bed\na\t../a.bed\n")
    monkeypatch.chdir(here)
    return here


def inputs_of(raw: dict, trusted: tuple[Path, ...] | None = None):
    return frozen_inputs(parse_config(raw, "config", trusted), trusted)


def good(**dataset: object) -> dict:
    raw = copy.deepcopy(GOOD)
    raw["datasets"]["marks"] |= {"composition": False, **dataset}
    return raw


def test_paths_of_the_working_directory_are_names(project: Path) -> None:
    inputs = inputs_of(good(targets=str(project / "targets.tsv")))
    assert {name: str(path) for name, path in inputs.files.items()} == {
        "genome.fa": "genome.fa",
        "targets.tsv": str(project / "targets.tsv"),
        "a.bed": str(project / "a.bed"),
    }
    assert inputs.config["datasets"]["marks"]["targets"] == "targets.tsv"
    assert inputs.tables["targets.tsv"] == (project / "targets.tsv").read_bytes()
    assert inputs.keys["targets.tsv"] == ("datasets.marks.targets", "datasets.marks")


def test_files_elsewhere_are_numbered_by_their_folders(project: Path) -> None:
    raw = good(targets="tables/targets.tsv", exclude=["../ada/b.bed"])
    raw["runs"]["small"]["options"]["motifs"] = str(project.parent / "ada" / "motifs.meme")
    inputs = inputs_of(raw)
    assert set(inputs.files) == {
        *("genome.fa", "tables/targets.tsv", "a.bed"),
        *("outside/1/b.bed", "outside/1/motifs.meme"),
    }
    assert inputs.config["datasets"]["marks"]["exclude"] == ["outside/1/b.bed"]
    assert inputs.config["runs"]["small"]["options"]["motifs"] == "outside/1/motifs.meme"
    assert inputs.tables["tables/targets.tsv"].decode().splitlines()[1:] == [
        "b\t../outside/1/b.bed\toverlap\t\t",
        "a\t../a.bed\toverlap\t\t",
    ]
    assert "ada" not in json.dumps(inputs.config)


def test_hidden_files_and_a_folder_called_outside_have_names_of_their_own(project: Path) -> None:
    (project / "outside").mkdir()
    (project / "genome.fa").rename(project / "outside" / "genome.fa")
    (project / ".hidden.tsv").write_text("target\tpath\na\ta.bed\n")
    raw = good(targets=".hidden.tsv")
    raw["genomes"] = {"yeast": "outside/genome.fa"}
    inputs = inputs_of(raw)
    assert set(inputs.files) == {"outside/genome.fa", "a.bed", "outside_/1/hidden.tsv"}
    assert b"a\t../../a.bed\t" in inputs.tables["outside_/1/hidden.tsv"]


def test_files_of_folders_that_are_named_keep_their_names_in_them(project: Path) -> None:
    for digit in ("0", "1"):
        (project / "images" / digit).mkdir(parents=True)
        (project / "images" / digit / "x.png").write_bytes(b"")
    split = {"valid": 0.2, "test": 0.2}
    raw = {
        "datasets": {"digits": {"kind": "image", "examples": "images", "split": split}},
        "runs": {"q": {"model": "quadrant_lstm", "dataset": "digits"}},
    }
    assert set(inputs_of(raw).files) == {"images/0/x.png", "images/1/x.png"}
    (project / "images").rename(project.parent / "ada" / "images")
    raw["datasets"]["digits"]["examples"] = "../ada/images"
    inputs = inputs_of(raw)
    assert set(inputs.files) == {"outside/1/images/0/x.png", "outside/1/images/1/x.png"}
    assert inputs.config["datasets"]["digits"]["examples"] == "outside/1/images"


def test_code_of_ones_own_comes_with_what_it_imports_and_is_not_run_untrusted(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "mine.py").write_text("from danq.models.kmer_logistic import *\nimport frozen_help\n")
    (project / "frozen_help.py").write_text("import frozen_more\n")
    (project / "frozen_more.py").write_text("import frozen_help\n")
    # as users have it: what lies beside a model is importable where PYTHONPATH says so
    monkeypatch.syspath_prepend(project)
    raw = good()
    raw["runs"]["small"] = {"model": "mine.py", "dataset": "marks"}
    config = parse_config(raw, "config", ())
    with pytest.raises(DanqError, match=r"models of one's own: mine.py; name each by --trust-model-code"):
        frozen_inputs(config, ())
    inputs = frozen_inputs(config, [Path("mine.py")])
    assert {"mine.py", "frozen_help.py", "frozen_more.py"} <= set(inputs.files)


def test_all_that_is_missing_is_named(project: Path) -> None:
    (project / "genome.fa").unlink()
    with pytest.raises(DanqError, match=r"no longer there: genomes.yeast \(genome.fa\)"):
        inputs_of(good())
