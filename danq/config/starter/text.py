"""A starter configuration as YAML with a comment beside each key that has a reason; its table of targets."""

import json
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from danq.config import load_config
from danq.config.recipe import Recipe
from danq.config.starter.lengths import Fit
from danq.config.workflow import check_files
from danq.data.manifest import DatasetTarget
from danq.data.options import SECONDARY_CONTIGS, DatasetOptions, Negatives, SplitOptions
from danq.data.regions.targets import Target
from danq.errors import DanqError, first_few
from danq.files import check_writable, staged

_WIDTH = 120
_COLUMN = 42
"""Where comments begin, if the key and its value leave room."""
_LONGEST_FLOW = 70
"""Characters of a mapping without comments that stands on one line."""


@dataclass(frozen=True)
class Starter:
    """What was written, and what it will give.

    Attributes
    ----------
    config : Path
        The configuration.
    rows : dict of str to int
        Rows of each split.
    targets : tuple of DatasetTarget
        Positive rows of each, by split.
    parts : dict of str to str
        What validates and what tests, in words.
    """

    config: Path
    rows: dict[str, int]
    targets: tuple[DatasetTarget, ...]
    parts: dict[str, str]


def command_lines(config: Path, program: str = "danq") -> list[str]:
    """Commands that check and run a configuration, to be pasted into a shell."""
    danq, path = shlex.quote(program), shlex.quote(str(config))
    return [f"{danq} config check {path}", f"{danq} workflow --configfile {path} -- --cores all"]


def configuration_text(
    config: Path,
    genome: tuple[str, Path] | None,
    dataset: Mapping[str, Any],
    recipe: Recipe,
    reasons: Mapping[str, str],
    seen: list[str],
) -> str:
    """Write a configuration of one dataset.

    Parameters
    ----------
    config : Path
        Where it will stand, for the commands in its first lines.
    genome : tuple of str and Path, or None
        Name and FASTA of the genome; None where examples bring their own sequences.
    dataset : mapping
        The dataset as a configuration has it.
    reasons : mapping of str to str
        Comments by key of the dataset; those of runs come from the recipe.
    seen : list of str
        What stands at the top: what was seen of the data.
    """
    check, run = command_lines(config)
    head = [
        "Written by `danq init`; every key is explained in config/README.md of danq.",
        f"Check it: {check}",
        f"Run it:   {run}",
        "Paths are relative to the directory where the workflow runs.",
        *seen,
    ]
    name = "regions" if genome else "examples"
    runs = {key: {"model": run["model"], "dataset": name, **run} for key, run in recipe.runs.items()}
    sections: list[dict[str, Any]] = [{"genomes": {genome[0]: str(genome[1])}}] if genome else []
    sections += [{"datasets": {name: dataset}}, {"runs": runs}]
    comments = {f"datasets.{name}.{key}": text for key, text in reasons.items()}
    comments |= {f"runs.{key}": text for key, text in recipe.reasons.items()}
    lines = [line for text in head for line in _comment(text, 0)]
    for number, section in enumerate(sections):
        lines += [""] * (number > 0 or bool(seen)) + list(_entries(section, "", comments, 0))
    return "\n".join(lines) + "\n"


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


def refuse_existing(*paths: Path) -> None:
    """Refuse files of one directory that are there already, or cannot be written."""
    check_writable(paths[0].parent)
    present = [path.name for path in paths if path.exists()]
    if present:
        exists, it = ("exist", "them") if len(present) > 1 else ("exists", "it")
        raise DanqError(
            f"{paths[0].parent}: {' and '.join(present)} {exists} already; --out: expected a directory "
            f"without {it}"
        )


def write_checked(files: Mapping[Path, str], config: Path) -> None:
    """Write files of one directory, and take them back if the configuration among them is refused.

    Raises
    ------
    DanqError
        If it is refused, or the directory cannot be written to.
    """
    with staged(config.parent) as directory:
        # meanwhile another job may have written them
        refuse_existing(*files)
        for path, text in files.items():
            (directory / path.name).write_text(text, encoding="utf-8")
    try:
        check_files(load_config(config), str(config))
    except DanqError:
        for path in files:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            config.parent.rmdir()
        raise


def _entries(
    values: Mapping[str, Any], above: str, comments: Mapping[str, str], indent: int
) -> Iterator[str]:
    for key, value in values.items():
        path = f"{above}{key}"
        reason = comments.get(path, "")
        name = _scalar(key)
        has_reasons = any(other.startswith(f"{path}.") for other in comments)
        flow = _scalar(value)
        if isinstance(value, Mapping) and value and (indent < 4 or has_reasons or len(flow) > _LONGEST_FLOW):
            yield from _commented(f"{' ' * indent}{name}:", reason, indent)
            yield from _entries(value, f"{path}.", comments, indent + 2)
        else:
            yield from _commented(f"{' ' * indent}{name}: {flow}", reason, indent)


def _commented(line: str, reason: str, indent: int) -> Iterator[str]:
    """Give a line with its comment behind it, or above it where that would be too wide."""
    beside = f"{line:<{_COLUMN}} # {reason}" if len(line) < _COLUMN else f"{line}   # {reason}"
    if not reason:
        yield line
    elif len(beside) <= _WIDTH:
        yield beside
    else:
        yield from _comment(reason, indent)
        yield line


def _comment(text: str, indent: int) -> list[str]:
    """Wrap a comment; commands are not broken."""
    mark = " " * indent + "# "
    if text.startswith(("Check it", "Run it")):
        return [mark + text]
    return textwrap.wrap(text, _WIDTH, initial_indent=mark, subsequent_indent=mark, break_long_words=False)


def _scalar(value: Any) -> str:
    """Write a value on one line; strings that YAML would read otherwise in quotes."""
    if isinstance(value, str):
        text = yaml.safe_dump(value, width=10**9, allow_unicode=True).split("\n")[0]
        return text if yaml.safe_load(f"k: {text}") == {"k": value} else json.dumps(value)
    if isinstance(value, list):
        return "[" + ", ".join(json.dumps(each, ensure_ascii=False) for each in value) + "]"
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, sort_keys=False, allow_unicode=True)
    return text.removesuffix("...\n").strip()
