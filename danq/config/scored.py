"""What the scoring of a callset writes, which depends on what is asked of it, and the rule that does it."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from danq.variants.text import open_variants

if TYPE_CHECKING:
    from danq.config import Callset, Config


def scored_files(callset: "Callset") -> dict[str, str]:
    """Name the files of a scored callset; the first three are there whatever is asked.

    A table of alleles has no VCF that could be annotated (one that another rule makes later has a name with
    ``.tsv``); whole haplotypes are those of samples; and what is known of the variants is compared with their
    scores.
    """
    files = {"manifest": "scores.json", "scores": "scores.parquet", "ledger": "ledger.tsv"}
    table = open_variants(callset.vcf).kind == "tsv" if callset.vcf.exists() else ".tsv" in callset.vcf.name
    if not table:
        files["annotated"] = "annotated.vcf.gz"
    if callset.samples:
        files["haplotypes"] = "haplotypes.parquet"
    if callset.truth:
        files |= {"truth": "truth.tsv", "compared": "truth.parquet"}
    return files


def scoring_rules(config: "Config", on_cpu: Collection[str]) -> dict[str, list[str]]:
    """Name the rules that score, each with its callsets, for a rule writes the same files of all of them.

    Parameters
    ----------
    config : Config
        An expanded configuration.
    on_cpu : collection of str
        Callsets whose scores no GPU makes.

    Returns
    -------
    dict of str to list of str
        ``score``, with ``_table``, ``_haplotypes`` and ``_and_compare`` where it reads or writes these, and
        with ``_on_cpu``.
    """
    rules: dict[str, list[str]] = {}
    for name, callset in config.callsets.items():
        files = scored_files(callset)
        parts = {
            "score": True,
            "_table": "annotated" not in files,
            "_haplotypes": "haplotypes" in files,
            "_and_compare": "truth" in files,
            "_on_cpu": name in on_cpu,
        }
        rules.setdefault("".join(part for part, there in parts.items() if there), []).append(name)
    return rules
