"""Whether a cluster would ever start the workflow's jobs: its commands, and partitions of Slurm."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from danq.errors import first_few

_TIME = re.compile(r"(?:(\d+)-)?(\d+):(\d+):(\d+)")
_OTHER_CLUSTER = ("slurm_cluster", "cluster", "clusters")
"""Resources by which Snakemake's jobs name another cluster."""


_SUBMITTING = {"slurm": "sbatch", "lsf": "bsub"}
"""Executors of Snakemake → the command by which they hand in jobs."""


def missing_command(executor: str, own: str = "") -> str:
    """Say in one line that this machine cannot hand in jobs as an executor does; ``""`` where it can.

    `own` is the command line of an executor that a profile tells how to, as Grid Engine's does.
    """
    command = _SUBMITTING.get(executor, own.partition(" ")[0])
    if not command or shutil.which(command):
        return ""
    return (
        f"expected the command {command}, by which jobs are handed in, found none on this machine; start the "
        f"workflow where it is, or without `executor: {executor}` (such as a profile's)"
    )


class Partition(NamedTuple):
    """What one job can have of a partition at most, in minutes, nodes and cores; None for any number."""

    minutes: int | None = None
    nodes: int | None = None
    cores: int | None = None


def partitions() -> dict[str, Partition]:
    """Ask Slurm for its partitions; the default one is there as ``""`` as well.

    Nothing is known, and the result empty, where Slurm does not answer.
    """
    try:
        shown = subprocess.run(
            # hidden ones take jobs, too
            ["scontrol", "--all", "show", "partition", "--oneliner"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse_partitions(shown)


def parse_partitions(shown: str) -> dict[str, Partition]:
    """Read what ``scontrol --all show partition --oneliner`` prints; see `partitions`."""
    limits: dict[str, Partition] = {}
    for line in shown.splitlines():
        values = dict(field.split("=", 1) for field in line.split() if "=" in field)
        match = _TIME.fullmatch(values.get("MaxTime", ""))
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
        # 0 where nodes come when they are needed
        sizes = {name: int(value) for name, value in values.items() if value.isdecimal() and int(value)}
        nodes = (sizes[name] for name in ("TotalNodes", "MaxNodes") if name in sizes)
        limits[values.get("PartitionName", "")] = Partition(
            (days * 24 + hours) * 60 + minutes + (seconds > 0) if match else None,
            min(nodes, default=None),
            sizes.get("TotalCPUs"),
        )
        if values.get("Default") == "YES":
            limits[""] = limits[values.get("PartitionName", "")]
    return limits


def jobs_that_would_wait(
    jobs: Iterable[tuple[str, Mapping[str, Any]]], limits: Mapping[str, Partition]
) -> str:
    """Say which jobs no partition would ever start, all in one line; ``""`` where there are none.

    Parameters
    ----------
    jobs : iterable of (str, mapping)
        Rule and resources of each job, among them ``runtime`` in minutes, ``nodes``, ``tasks``, ``_cores`` of
        each task, and ``slurm_partition``, which may name several.
    limits : mapping
        As of `partitions`; where it is empty, nothing is said. Nor is it of jobs for other clusters.
    """
    unknown: dict[str, list[str]] = {}
    long: set[tuple[str, int, int]] = set()
    large: set[str] = set()
    for rule, resources in jobs if limits else ():
        if any(resources.get(key) for key in _OTHER_CLUSTER):
            continue
        names = str(resources.get("slurm_partition") or "").split(",")
        if missing := [name for name in names if name and name not in limits]:
            unknown.setdefault(first_few(missing), []).append(rule)
            continue
        allowed = [limits.get(name, Partition()) for name in names]
        for unit, asked, most in _beyond(resources, allowed):
            if unit == "minutes":
                long.add((rule, asked, most))
            else:
                large.add(f"{rule} {asked} {unit} of {most}")
    named = first_few((name for name in limits if name), 10)
    phrases = [
        f"partition {name} of {first_few(dict.fromkeys(rules), 10)}: expected one of {named}"
        for name, rules in unknown.items()
    ]
    if large:
        phrases.append(
            f"more than the partition has, for which jobs would wait for ever: {', '.join(sorted(large))}; "
            "see `set-threads` of the profile, and `train.workers`"
        )
    if long:
        listed = ", ".join(f"{rule} {runtime} of at most {most}" for rule, runtime, most in sorted(long))
        least = min(most for _, _, most in long)
        phrases.append(
            f"more minutes than the partition gives, for which jobs would wait for ever: {listed}; `runtime: "
            f"{least}` under the profile's `default-resources` helps, or under `set-resources` for one rule "
            "(a training goes on in another job)"
        )
    return "; ".join(phrases)


def _beyond(resources: Mapping[str, Any], allowed: Sequence[Partition]) -> Iterator[tuple[str, int, int]]:
    """Give what a job asks for that none of some partitions has: unit, how much, and how much there is."""
    cores = resources.get("cpus_per_task") or resources.get("_cores") or 1
    needed = resources.get("runtime"), resources.get("nodes"), cores * (resources.get("tasks") or 1)
    for unit, asked, *most in zip(Partition._fields, needed, *allowed, strict=True):
        if isinstance(asked, int) and None not in most and asked > max(most):
            yield unit, asked, max(most)
