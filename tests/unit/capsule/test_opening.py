"""Capsules of others: what is no capsule as it was written is refused in one line, and nothing is written."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from danq.archives import write_zip
from danq.capsule import contents
from danq.capsule.crate import crate
from danq.capsule.freeze import Freezing, freeze
from danq.capsule.manifest import CapsuleManifest, opened_capsule
from danq.contents import unchanged
from danq.errors import DanqError
from danq.files import sha256
from danq.storage import sealed
from tests.unit.config.good_config import GOOD

ENTRY = {"name": "data/x.bed", "sha256": "0" * 64, "size": 1, "kept": False, "keys": []}


@pytest.fixture
def capsule(tmp_path: Path) -> Path:
    """A capsule with the files that opening asks for."""
    folder = tmp_path / "capsule"
    (folder / "inputs" / "data").mkdir(parents=True)
    for name in ("config.json", "README.md", "inputs/data/x.bed"):
        (folder / name).write_text(name)
    files = {name: sha256(folder / name) for name in ("config.json", "README.md", "inputs/data/x.bed")}
    kept = ENTRY | {"kept": True, "keys": ()}
    head = {"created": "", "ended": "", "danq": "1", "python": "3", "platform": "", "versions": {}}
    more = {"unhashed": (), "cores": 1, "wheel": "danq.whl", "results": (), "files": files}
    CapsuleManifest(**head, **more, inputs=(kept,)).write(folder)
    return folder


def rewrite(capsule: Path, **changed: object) -> None:
    """Change the manifest as somebody would who knows how it is made."""
    path = capsule / "capsule.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | changed)))


def refusal(path: Path) -> str:
    with pytest.raises(DanqError) as refused, opened_capsule(path):
        pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


def as_zip(capsule: Path, more: dict[str, bytes] | None = None, compressed: bool = False) -> Path:
    files = {path.relative_to(capsule).as_posix(): path for path in capsule.rglob("*") if path.is_file()}
    write_zip(capsule.parent / "capsule.zip", files | (more or {}), compressed)
    return capsule.parent / "capsule.zip"


def test_a_whole_capsule_is_opened_as_a_folder_and_as_an_archive(capsule: Path) -> None:
    for path in (capsule, as_zip(capsule)):
        with opened_capsule(path) as folder:
            assert (folder / "inputs/data/x.bed").read_text() == "inputs/data/x.bed"
    assert not folder.exists()


def test_damaged_and_missing_files_and_links_are_all_named(capsule: Path, tmp_path: Path) -> None:
    (capsule / "config.json").write_text("{}")
    (capsule / "README.md").unlink()
    shutil.move(capsule / "inputs" / "data", tmp_path / "data")
    (capsule / "inputs" / "data").symlink_to(tmp_path / "data")
    text = refusal(capsule)
    for problem in ("config.json (damaged)", "README.md (missing)", "inputs/data/x.bed (a link)"):
        assert problem in text


def test_a_changed_manifest_is_refused_and_so_is_one_that_leaves_files_out(capsule: Path) -> None:
    path = capsule / "capsule.json"
    text = path.read_text()
    path.write_text(text.replace('"cores": 1', '"cores": 2'))
    assert "damaged" in refusal(capsule)
    path.write_text(text)
    rewrite(capsule, files={"README.md": sha256(capsule / "README.md")})
    assert "config.json (not listed), inputs/data/x.bed (not listed)" in refusal(capsule)
    path.write_text(text)
    (capsule / "samples").mkdir()
    (capsule / "samples" / "x.npz").symlink_to(capsule / "README.md")
    rewrite(capsule, results=[{"name": "x.npz", "sha256": "0" * 64, "size": 1, "kept": False}])
    assert "samples/x.npz (not listed)" in refusal(capsule)
    for key, value in (("cores", 10**9), ("created", 3), ("files", {"a": "b"}), ("inputs", [{"name": "a"}])):
        path.write_text(text)
        rewrite(capsule, **{key: value})
        assert key in refusal(capsule)


@pytest.mark.parametrize("name", ["../up", "/etc/up", "inputs/../../up", ".snakemake/x", "a\\b", "inputs//x"])
def test_names_that_lead_elsewhere_are_refused(capsule: Path, name: str) -> None:
    assert "expected the files of a capsule" in refusal(as_zip(capsule, {name: b"x"}))
    rewrite(capsule, inputs=[ENTRY | {"name": name}])
    assert "a relative path" in refusal(capsule)
    assert not (capsule.parent / "up").exists()


def test_archives_are_neither_compressed_nor_something_else(capsule: Path) -> None:
    assert "received it compressed" in refusal(as_zip(capsule, {"bomb": b" " * 10_000_000}, compressed=True))
    assert "expected an archive of `danq freeze`" in refusal(as_zip(capsule, {"README.md/x": b""}))
    (capsule.parent / "text.zip").write_text("text")
    assert "expected an archive of `danq freeze`" in refusal(capsule.parent / "text.zip")
    assert "is no danq capsule" in refusal(capsule.parent / "none")


def test_names_are_addresses_in_the_crate(capsule: Path) -> None:
    manifest = CapsuleManifest.read(capsule)
    for name in ("inputs/peaks of 5% #1?.bed", "workflow/Snakefile"):
        (capsule / name).parent.mkdir(exist_ok=True)
        (capsule / name).write_text("")
    entry = manifest.inputs[0].model_copy(update={"name": "peaks of 5% #1?.bed"})
    files = {**manifest.files, "inputs/" + entry.name: "0" * 64, "workflow/Snakefile": "0" * 64}
    manifest = manifest.model_copy(update={"inputs": (entry,), "files": files})
    (capsule / "ro-crate-metadata.json").write_text(
        json.dumps(crate(manifest, dict.fromkeys(files, 0), None))
    )
    sources = {Path(entity.source) for entity in ROCrate(capsule).data_entities if "File" in entity.type}
    assert capsule / "inputs" / entry.name in sources
    assert not [path for path in sources if not path.is_file()]


def test_hidden_files_beside_the_workflow_are_no_part_of_a_capsule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Snakefile", "rules/train.smk", "rules/.train.smk.swp", "profiles/slurm/config.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(contents, "workflow_folder", lambda: tmp_path)
    assert set(contents.workflow_files()) == {"workflow/Snakefile", "workflow/rules/train.smk"}


def write_while_it_changes(out: Path, file: Path, text: str) -> None:
    with contents.writing(out) as write, unchanged([file]):
        write({"inputs/x.bed": file})
        if text != file.read_text():
            file.write_text(text)


def test_missing_inputs_say_how_to_name_the_folder_of_the_workflow(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(GOOD))
    with pytest.raises(DanqError, match=r"no longer there: .*; --directory names the folder"):
        freeze(tmp_path, tmp_path / "out", Freezing())
    assert not (tmp_path / "out").exists()


def test_there_is_one_kind_of_archive(tmp_path: Path) -> None:
    with pytest.raises(DanqError, match=r"run\.tar\.gz: expected a folder or a name in \.zip"):
        freeze(tmp_path, tmp_path / "run.tar.gz", Freezing())


@pytest.mark.parametrize("name", ["out", "out.zip", "out.ZIP"])
def test_a_file_that_changes_while_it_is_frozen_leaves_no_capsule(tmp_path: Path, name: str) -> None:
    file, out = tmp_path / "x.bed", tmp_path / name
    file.write_text("chr1")
    with pytest.raises(DanqError, match="changed while it was read"):
        write_while_it_changes(out, file, "chr1\t2")
    assert not out.is_file()
    assert not out.exists() or not [path for path in out.iterdir() if path.name[0] != "."]
    write_while_it_changes(out, file, "chr1\t2")
    if out.is_file():
        with contents.writing(out) as write:
            write({"a": b"", "capsule.json": b"", "z": b""})
        assert zipfile.ZipFile(out).namelist() == ["capsule.json", "a", "z"]
    assert out.is_file() or (out / "inputs" / "x.bed").read_text() == "chr1\t2"
