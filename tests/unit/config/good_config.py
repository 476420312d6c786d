"""A configuration that is accepted, and ways to change it."""

import copy
from typing import Any

GOOD: dict[str, Any] = {
    "genomes": {"yeast": "genome.fa"},
    "datasets": {"marks": {"targets": "targets.tsv", "split": {"valid": ["chrI"], "test": ["chrII"]}}},
    "runs": {"small": {"model": "danq", "dataset": "marks", "options": {"filters": 16}}},
}


def with_callset(**keys: Any) -> dict[str, Any]:
    """The good configuration with a second run on a dataset of its own, and a callset of both."""
    raw = copy.deepcopy(GOOD)
    raw["datasets"]["fold"] = {"targets": "targets.tsv", "split": {"valid": ["chrII"], "test": ["chrI"]}}
    raw["runs"]["other"] = {"model": "danq", "dataset": "fold"}
    raw["callsets"] = {"demo": {"vcf": "variants.vcf", "runs": ["small", "other"], **keys}}
    return raw


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good configuration with one key set."""
    raw = copy.deepcopy(GOOD)
    here = raw
    *above, last = path.split("/")
    for part in above:
        here = here.setdefault(part, {})
    here[last] = value
    return raw
