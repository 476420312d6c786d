"""Bundles as one file: written, used like their directories, and of others refused where they are more."""

import json
import shutil
import stat
import subprocess
import zipfile

import numpy as np
import polars as pl
import pytest
from bundles import manifest
from toy_models import write_vcf
from untrained import save_model
from verbs import danq

import danq as danq_package
from danq.errors import DanqError
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome
from danq.learn.export import CARD_FILE, opened_bundles, write_archive
from danq.learn.manifest import MODEL_FILE, NETWORK_FILE, WEIGHTS_FILE, BundleManifest
from danq.learn.signature import sign_bundle
from danq.learn.train.fitting import _start, _start_digest
from danq.report.model_card import model_card
from danq.storage import sealed


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A bundle that tells much of its maker, a genome, and variants."""
    place = tmp_path_factory.mktemp("export")
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 300))
    (place / "g.fa").write_text(f">chrI\n{bases}\n")
    build_genome(place / "g.fa", place / "g")
    genome = open_genome(place / "g")
    origin = {"command": "danq train --dataset /scratch/ada/d", "inputs": {"/scratch/ada/d": "ab"}}
    origin |= {"platform": "Linux-host7", "versions": {"danq": "0.1.0"}}
    trained = {"device": "NVIDIA of host7", "threads": 2, "seconds": 1.5, "epochs": 2}
    more = {"provenance": origin, "train": {"init_from": "a/b/old"}, "training": trained}
    save_model(place / "net", genome_digest=genome.digest, **more)
    ref = bases[149]
    write_vcf(place / "v.vcf", [f"chrI 150 {ref} {'A' if ref != 'A' else 'C'}"], genome)
    (place / "r.bed").write_text("chrI\t100\t108\n")
    return place


@pytest.fixture(scope="module")
def archive(place):
    assert danq("export", place / "net", "--format", "archive", "--out", place / "net.zip") == 0
    return place / "net.zip"


def test_an_archive_scores_and_predicts_as_its_directory(place, archive, tmp_path):
    moved = shutil.copy(archive, tmp_path / "net of ada")
    for name, model in (("dir", place / "net"), ("file", moved)):
        common = ["--model", model, "--genome", place / "g"]
        assert danq("score", *common, "--vcf", place / "v.vcf", "--out", tmp_path / name) == 0
        assert danq("predict", *common, "--bed", place / "r.bed", "--out", tmp_path / f"{name}.tsv") == 0
    assert pl.read_parquet(tmp_path / "dir" / "scores.parquet").equals(
        pl.read_parquet(tmp_path / "file" / "scores.parquet")
    )
    assert (tmp_path / "dir.tsv").read_bytes() == (tmp_path / "file.tsv").read_bytes()
    assert json.loads((tmp_path / "file" / "scores.json").read_text())["bundles"][0]["path"].endswith(
        "/net of ada"
    )


def test_python_and_a_training_start_from_an_archive_as_from_its_directory(place, archive):
    one, other = danq_package.load(place / "net"), danq_package.load(archive)
    first, second = (model.predict(["ACGT" * 10]).probabilities for model in (one, other))
    assert np.array_equal(first, second)
    assert other.bundle.path == archive
    begun = _start(str(archive), place, [])
    assert begun.info.digest == one.bundle.info.digest == _start_digest(str(archive), place)


def test_equal_bundles_give_equal_archives(place, archive, tmp_path):
    card = model_card(place / "net")
    write_archive(place / "net", tmp_path / "again.zip", private=False, card=card)
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        names = {"bundle.json", "history.tsv", MODEL_FILE, NETWORK_FILE, WEIGHTS_FILE, CARD_FILE}
        assert set(opened.namelist()) == names


@pytest.mark.parametrize("file", [NETWORK_FILE, WEIGHTS_FILE])
def test_what_is_not_whole_is_not_exported(place, tmp_path, file, capsys):
    shutil.copytree(place / "net", tmp_path / "net")
    (tmp_path / "net" / file).unlink()
    assert danq("export", tmp_path / "net", "--out", tmp_path / "net.zip") == 2
    assert f"{file}: no such file" in capsys.readouterr().err
    assert not (tmp_path / "net.zip").exists()


@pytest.mark.parametrize("file", [MODEL_FILE, WEIGHTS_FILE, NETWORK_FILE, "history.tsv"])
def test_what_is_damaged_is_not_exported(place, tmp_path, file, capsys):
    shutil.copytree(place / "net", tmp_path / "net")
    (tmp_path / "net" / file).write_bytes((tmp_path / "net" / file).read_bytes() + b"\n")
    assert danq("export", tmp_path / "net", "--out", tmp_path / "net.zip") == 2
    assert f"net/{file}: damaged" in capsys.readouterr().err
    assert not (tmp_path / "net.zip").exists()


def test_a_private_archive_tells_nothing_of_its_maker(place, tmp_path):
    assert danq("export", place / "net", "--private", "--out", tmp_path / "net.zip") == 0
    with opened_bundles([tmp_path / "net.zip"]) as (bundle,):
        text = (bundle / "bundle.json").read_text()
        assert not [word for word in ("ada", "host7", "command", "a/b/") if word in text]
        assert json.loads(text)["training"] == {"epochs": 2}
        assert json.loads(text)["provenance"]["versions"] == {"danq": "0.1.0"}
    common = ["--model", tmp_path / "net.zip", "--genome", place / "g", "--vcf", place / "v.vcf"]
    assert danq("score", *common, "--out", tmp_path / "scores") == 0


def test_a_private_archive_of_a_bundle_with_paths_in_it_is_refused(place, tmp_path):
    shutil.copytree(place / "net", tmp_path / "net")
    path = tmp_path / "net" / "bundle.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(sealed(content | {"search": None, "best": {"x": ["/scratch/ada"]}})))
    with pytest.raises(DanqError, match=r"best\.x\.0: expected no path outside the working directory"):
        write_archive(tmp_path / "net", tmp_path / "net.zip", private=True)
    assert not (tmp_path / "net.zip").exists()


def test_links_in_a_bundle_are_not_followed_into_an_archive(place, tmp_path):
    shutil.copytree(place / "net", tmp_path / "net")
    (tmp_path / "secret").write_text("key")
    (tmp_path / "net" / "history.tsv").unlink()
    (tmp_path / "net" / "history.tsv").symlink_to(tmp_path / "secret")
    with pytest.raises(DanqError, match=r"history\.tsv: expected a file, received a link"):
        write_archive(tmp_path / "net", tmp_path / "net.zip", private=False)


def _linked(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


ATTACKS = {
    "a name above": lambda z: z.writestr("../bundle.json", "{}"),
    "a name from the root": lambda z: z.writestr("/tmp/bundle.json", "{}"),
    "a name above within": lambda z: z.writestr("members/../../bundle.json", "{}"),
    "another file": lambda z: z.writestr("evil.py", "x"),
    "a file twice": lambda z: z.writestr("bundle.json", "{}"),
    "a link": lambda z: z.writestr(_linked("members/0/bundle.json"), "/etc/passwd"),
    "what unfolds": lambda z: z.writestr("bundle.sig", bytes(10_000_000), zipfile.ZIP_DEFLATED),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_archive_holds_the_files_of_a_bundle_and_nothing_else(archive, tmp_path, attack):
    path = shutil.copy(archive, tmp_path / "net.zip")
    with zipfile.ZipFile(path, "a") as opened:
        ATTACKS[attack](opened)
    before = set(tmp_path.parent.rglob("*"))
    with (
        pytest.raises(
            DanqError, match=r"net\.zip: .*expected (the files of a bundle|it as it is)"
        ) as refusal,
        opened_bundles([path]),
    ):
        pass
    assert "\n" not in str(refusal.value)
    assert set(tmp_path.parent.rglob("*")) == before


def test_what_is_no_archive_or_no_bundle_is_refused_by_the_name_of_its_file(tmp_path, capsys):
    path = tmp_path / "x.zip"
    common = ["--model", path, "--bed", "r.bed", "--genome", "g", "--out", tmp_path / "p.tsv"]
    path.write_text("text")
    assert danq("predict", *common) == 2
    assert capsys.readouterr().err.startswith(f"danq: {path}: expected an archive of `danq export`")
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("history.tsv", "")
    assert danq("predict", *common) == 2
    assert capsys.readouterr().err.startswith(f"danq: {path}/bundle.json: no such file")


def make_key(place):
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed (Debian package openssh-client)")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / "key"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (place / "signers").write_text(f"ada {(place / 'key.pub').read_text()}")


def test_a_private_archive_is_signed_as_a_directory_is(place, tmp_path):
    make_key(tmp_path)
    path = tmp_path / "net.zip"
    assert danq("export", place / "net", "--private", "--out", path) == 0
    with opened_bundles([path]) as (before,):
        told = (before / "bundle.json").read_bytes()
    with pytest.raises(DanqError, match=r"^[^ ]*net\.zip/bundle\.sig: no such file"):
        opened_bundles([path], tmp_path / "signers").__enter__()
    (tmp_path / "link.zip").symlink_to(path)
    assert danq("sign", tmp_path / "link.zip", "--key", tmp_path / "key") == 0
    assert (tmp_path / "link.zip").is_symlink()
    with opened_bundles([path], tmp_path / "signers") as (opened,):
        assert (opened / "bundle.json").read_bytes() == told


def test_a_signature_is_of_what_is_used(tmp_path):
    make_key(tmp_path)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    manifest().write(bundle)
    (bundle / "model.keras").write_bytes(b"weights")
    sign_bundle(bundle, tmp_path / "key")
    with opened_bundles([bundle], tmp_path / "signers") as (opened,):
        # whoever changes the bundle now comes too late
        (bundle / "model.keras").write_bytes(b"others")
        assert (opened / "model.keras").read_bytes() == b"weights"
        assert BundleManifest.read(opened).run == "tiny"
    with (
        pytest.raises(DanqError, match=rf"^{bundle}/bundle\.sig: expected the signature by 'ada'"),
        opened_bundles([bundle], tmp_path / "signers"),
    ):
        pass
