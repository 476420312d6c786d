"""Signatures of bundles: by real keys of ssh-keygen; whatever is changed afterwards is noticed."""

import json
import shutil
import subprocess

import pytest
from bundles import manifest
from verbs import danq

from danq.errors import DanqError
from danq.learn.signature import require_signatures, sign_bundle
from danq.storage import sealed


def key_of(path, name):
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.with_suffix(".pub").read_text().split()[:2]


FILES = ("model.keras", "network.json", "weights.safetensors", "golden.npz")


@pytest.fixture
def group(tmp_path):
    """A bundle, a file of one allowed signer, and keys of two."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed (Debian package openssh-client)")
    ada = key_of(tmp_path / "ada", "ada")
    key_of(tmp_path / "eve", "eve")
    (tmp_path / "signers").write_text(f"ada@lab {' '.join(ada)}\n")
    (tmp_path / "bundle").mkdir()
    manifest().write(tmp_path / "bundle")
    for name in FILES:
        (tmp_path / "bundle" / name).write_bytes(b"weights")
    return tmp_path


def test_a_bundle_signed_by_one_of_the_group_is_accepted(group, caplog):
    bundle, signers = group / "bundle", group / "signers"
    with pytest.raises(DanqError, match=r"bundle\.sig: no such file; expected a signature"):
        require_signatures([bundle], signers)
    assert sign_bundle(bundle, group / "ada").read_text().startswith("-----BEGIN SSH SIGNATURE-----")
    with caplog.at_level("INFO", "danq"):
        require_signatures([bundle], signers)
    assert f"{bundle}: signed by ada@lab" in caplog.text
    require_signatures([bundle], None)


@pytest.mark.parametrize("change", [*FILES, "bundle.json", "another's signature", "no signature"])
def test_what_was_changed_or_signed_by_others_is_refused(group, change):
    bundle = group / "bundle"
    sign_bundle(bundle, group / ("eve" if change == "another's signature" else "ada"))
    if change in FILES:
        (bundle / change).write_bytes(b"weights!")
    elif change == "bundle.json":
        content = json.loads((bundle / change).read_text())
        (bundle / change).write_text(json.dumps(sealed(content | {"targets": content["targets"][::-1]})))
    elif change == "no signature":
        (bundle / "bundle.sig").write_text("-----BEGIN SSH SIGNATURE-----\n\x1b[2J\n")
    with pytest.raises(DanqError, match=r"bundle\.sig: expected .* received another") as refusal:
        require_signatures([bundle], group / "signers")
    assert "\n" not in str(refusal.value)


def test_what_cannot_be_signed_is_said_in_one_line(group):
    for key, message in (
        ("absent", "no such file; expected an SSH key"),
        ("signers", "expected a key that signs"),
    ):
        with pytest.raises(DanqError, match=message) as refusal:
            sign_bundle(group / "bundle", group / key)
        assert "\n" not in str(refusal.value)
    assert not (group / "bundle" / "bundle.sig").exists()
    with pytest.raises(DanqError, match="is no danq bundle"):
        sign_bundle(group, group / "ada")


def test_the_verbs_sign_and_ask_for_signatures(group, capsys):
    bundle = str(group / "bundle")
    (group / "g.fa").write_text(">chrI\n" + "ACGTAACC" * 9 + "\n")
    (group / "v.vcf").write_text("variant\nchrI:3:G:A\n")

    place = ["--model", bundle, "--genome", group / "g.fa", "--require-signature", group / "signers"]
    verbs = (
        ["predict", *place, "--bed", group / "b.bed", "--out", group / "p.npz"],
        ["score", *place, "--vcf", group / "v.vcf", "--out", group / "out"],
        ["ism", *place, "--region", "chrI:1-9", "--out", group / "out"],
        ["background", *place, "--vcf", group / "v.vcf", "--out", group / "out"],
    )
    for verb in verbs:
        assert danq(*verb) == 2
        assert "bundle.sig: no such file; expected a signature" in capsys.readouterr().err
    assert danq("sign", bundle, "--key", group / "ada") == 0
    danq(*verbs[0])
    assert "b.bed: no such file" in capsys.readouterr().err
