"""Bundles as releases before this one wrote them: without the network and the weights in plain files."""

import shutil
from pathlib import Path

from danq.learn.manifest import NETWORK_FILE, WEIGHTS_FILE, BundleManifest, bundle_digest
from danq.learn.network import read_arrays


def as_earlier(bundle: Path, out: Path) -> Path:
    """Copy a bundle without them, and with the digest that it then had."""
    arrays = list(read_arrays(bundle).values())
    shutil.copytree(bundle, out, ignore=shutil.ignore_patterns(NETWORK_FILE, WEIGHTS_FILE, ".*"))
    content = BundleManifest.read(out).content()
    del content["description"]
    BundleManifest.model_validate(content | {"digest": bundle_digest(content, arrays)}).write(out)
    return out
