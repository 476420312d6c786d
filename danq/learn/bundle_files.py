"""Which files make up a bundle: the one list that training, ensembles, archives and signatures share."""

from collections.abc import Sequence
from pathlib import Path

from danq.errors import DanqError
from danq.learn.manifest import (
    HISTORY_FILE,
    MODEL_FILE,
    NETWORK_FILE,
    WEIGHTS_FILE,
    BundleManifest,
    member_paths,
)

GOLDEN_FILE = "golden.npz"
LATER = (NETWORK_FILE, WEIGHTS_FILE, GOLDEN_FILE)
"""Files that bundles of earlier releases lack; where they are there, a signature is of them as well."""


def signed_files(bundle: Path, members: Sequence[Path]) -> list[Path]:
    """List the files that make up a bundle and the bundles inside it; one that is missing is refused."""
    files = [bundle / BundleManifest.FILE, *(member / BundleManifest.FILE for member in members)]
    models = members or [bundle]
    files += [folder / MODEL_FILE for folder in models]
    _check_there(bundle, files)
    described = [folder for folder in models if BundleManifest.read(folder).description]
    _check_there(bundle, [folder / name for folder in described for name in (NETWORK_FILE, WEIGHTS_FILE)])
    # behind the others: signatures of earlier releases hold
    return files + _present(bundle, members, LATER)


def bundle_files(bundle: Path) -> dict[str, Path]:
    """Files of a bundle and of the bundles inside it, by their names from its directory on.

    Those that must be there, and of the others those that are.

    Raises
    ------
    DanqError
        If it is no bundle, or not whole.
    """
    members = member_paths(bundle, BundleManifest.read(bundle))
    files = signed_files(bundle, members) + _present(bundle, members, (HISTORY_FILE,))
    return {path.relative_to(bundle).as_posix(): path for path in files}


def _check_there(bundle: Path, files: Sequence[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise DanqError(f"{file}: no such file; {bundle} is no whole danq bundle")


def _present(bundle: Path, members: Sequence[Path], names: Sequence[str]) -> list[Path]:
    paths = [folder / name for folder in (bundle, *members) for name in names]
    return [path for path in paths if path.is_symlink() or path.exists()]
