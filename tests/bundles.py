"""What a bundle says of itself, for tests in which most of it does not matter."""

from danq.learn.manifest import BundleManifest


def entries(**more: object) -> dict:
    """Entries of ``bundle.json`` but for those that `save_bundle` adds; `more` replaces or adds some."""
    plain = {
        "run": "tiny",
        "model": "danq",
        "options": {},
        "train": {},
        "predict": {"batch_size": 16, "reverse_complement": "mean"},
        "targets": ["CTCF", "Pol2"],
        "task": "multilabel",
        "data_kind": "dna",
        "window": 40,
        "bin": 8,
        "step": None,
        "shape": None,
        "best": {},
        "training": {},
        "dataset": {"name": "tiny", "digest": "ab" * 32, "genome_digest": None},
        "provenance": {},
    }
    return plain | more


def manifest(**more: object) -> BundleManifest:
    """The same with a network that nobody looks at."""
    network = {"encoder": {"name": "codes", "window": 40}, "parameters": 1, "digest": "ab" * 32}
    return BundleManifest(**(entries() | network | more))
