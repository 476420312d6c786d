"""What a starter configuration says of its dataset: the entry with its comments, and the table of targets."""

from typing import Any

from danq.config.starter.lengths import Fit
from danq.data.options import SECONDARY_CONTIGS, DatasetOptions, Negatives, SplitOptions
from danq.data.regions.targets import Target
from danq.errors import first_few

_COLUMNS = ("feature", "group")


def dataset_entry(
    options: DatasetOptions, fit: Fit, parts: dict[str, str], why: str, left_out: dict[str, int]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the dataset as a configuration has it, and the comments of its keys.

    Parameters
    ----------
    parts : dict of str to str
        What validation and test hold, in words.
    why : str
        Why so many training bins are kept.
    left_out : dict of str to int
        Contigs that take no part, with their bp.
    """
    split = options.split or SplitOptions()
    chosen = tuple(options.exclude_contigs) != SECONDARY_CONTIGS
    dataset = {
        "targets": str(options.targets),
        "window": options.window,
        "bin": options.bin,
        **({"min_overlap": options.min_overlap} if "overlap" in fit.rules else {}),
        "keep": options.keep.model_dump(exclude_unset=True) if isinstance(options.keep, Negatives) else "all",
        **({"exclude": [str(path) for path in options.exclude]} if options.exclude else {}),
        **({"contigs": options.contigs} if options.contigs else {}),
        **({"exclude_contigs": options.exclude_contigs} if left_out or chosen else {}),
        "split": {"valid": split.valid, "test": split.test},
    }
    reasons = {
        **{key: reason for key, reason in fit.reasons.items() if key in dataset},
        "min_overlap": "rule overlap: a bin is positive if more than this part of it is covered",
        "keep": why,
        "split": "whole contigs or regions; the rest trains",
        "split.valid": f"{parts['valid']}; decides which epoch is kept",
        "split.test": f"{parts['test']}; the report's figures",
    }
    if left_out:
        names = first_few(left_out, 3)
        reasons["exclude_contigs"] = f"{sum(left_out.values()):,} bp take no part: {names}"
    return dataset, reasons


def targets_table(targets: list[Target]) -> str:
    """Write the table of targets, with the columns that are in use."""
    more = [column for column in _COLUMNS if any(getattr(target, column) for target in targets)]
    rows = [["target", "path", "rule", *more]]
    rows += [
        [target.name, target.as_listed, target.rule, *(getattr(target, column) or "" for column in more)]
        for target in targets
    ]
    return "".join("\t".join(row) + "\n" for row in rows)
