"""Signatures of bundles by SSH keys, for groups that share bundles: made and checked by ``ssh-keygen -Y``.

What is signed is a list of the SHA-256 of the bundle's files, so that nothing in them can change unnoticed:
neither weights nor network, targets, window or provenance.
"""

import logging
import subprocess
from collections.abc import Sequence
from pathlib import Path

from danq.errors import DanqError, printable
from danq.files import published, sha256
from danq.learn.bundle_files import signed_files
from danq.learn.manifest import BundleManifest, member_paths
from danq.remnants import scratch

log = logging.getLogger("danq")

SIGNATURE_FILE = "bundle.sig"
_NAMESPACE = "danq-bundle"


def sign_bundle(bundle: Path, key: Path) -> Path:
    """Sign a bundle with a private key, or with a public one whose private key an agent holds.

    Returns
    -------
    Path
        The signature, ``bundle.sig``, in the format of OpenSSH.

    Raises
    ------
    DanqError
        If it is no bundle, or ``ssh-keygen`` cannot sign with the key.
    """
    if not key.is_file():
        raise DanqError(f"{key}: no such file; expected an SSH key")
    with scratch() as folder:
        statement = folder / "statement"
        statement.write_bytes(_statement(bundle))
        _run("sign", "-f", str(key), "-n", _NAMESPACE, str(statement), where=key)
        with published(bundle / SIGNATURE_FILE) as partial:
            partial.write_bytes(statement.with_suffix(".sig").read_bytes())
    return bundle / SIGNATURE_FILE


def require_signatures(
    bundles: Sequence[Path], signers: Path | None, names: Sequence[Path] | None = None
) -> None:
    """Refuse bundles that were not signed by one of the allowed signers; None asks for no signature.

    Parameters
    ----------
    signers : Path or None
        A file of allowed signers as ``ssh-keygen`` reads it: who, and their public key, a line each.
    names : sequence of Path, optional
        What the log calls the bundles.

    Raises
    ------
    DanqError
        If a signature is missing, another's, or of other files than the bundle holds.
    """
    if signers is None:
        return
    if not signers.is_file():
        raise DanqError(f"{signers}: no such file; expected the public keys of allowed signers")
    for bundle, name in zip(bundles, names or bundles, strict=True):
        log.info("%s: signed by %s", name, _signer(bundle, signers))


def _signer(bundle: Path, signers: Path) -> str:
    """Name of who signed a bundle, as the file of allowed signers calls them."""
    signature, statement = bundle / SIGNATURE_FILE, _statement(bundle)
    if not signature.is_file():
        raise DanqError(f"{signature}: no such file; expected a signature, which `danq sign` makes")
    by = ("-f", str(signers), "-s", str(signature))
    names = _run("find-principals", *by, where=signature, expected=f"a signature by one of {signers}")
    name = names.splitlines()[0]
    of = f"the signature by {name!r} of the files as they are"
    _run("verify", *by, "-I", name, "-n", _NAMESPACE, where=signature, expected=of, statement=statement)
    return name


def _statement(bundle: Path) -> bytes:
    """SHA-256 and name of each file that makes up a bundle, those of an ensemble's members among them."""
    files = signed_files(bundle, member_paths(bundle, BundleManifest.read(bundle)))
    return "".join(f"{sha256(file)}  {file.relative_to(bundle).as_posix()}\n" for file in files).encode()


def _run(
    action: str,
    *arguments: str,
    where: Path,
    expected: str = "a key that signs",
    statement: bytes | None = None,
) -> str:
    """Call ``ssh-keygen -Y``: what it printed."""
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", action, *arguments], input=statement, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise DanqError("ssh-keygen: not found; signatures need OpenSSH 8.1 or later") from None
    if done.returncode:
        refusal = printable(done.stderr.decode(errors="replace").strip())
        raise DanqError(f"{where}: expected {expected}, received another (ssh-keygen: {refusal})")
    return done.stdout.decode(errors="replace")
