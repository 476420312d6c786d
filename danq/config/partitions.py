"""Whether a cluster would ever start the workflow's jobs: its commands, and partitions of Slurm."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping

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


def time_limits() -> dict[str, int | None]:
    """Ask Slurm for the longest time of each partition, in minutes; None for any, the default one as ``""``.

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


def parse_partitions(shown: str) -> dict[str, int | None]:
    """Read what ``scontrol --all show partition --oneliner`` prints; see `time_limits`."""
    limits: dict[str, int | None] = {}
    for line in shown.splitlines():
        values = dict(field.split("=", 1) for field in line.split() if "=" in field)
        match = _TIME.fullmatch(values.get("MaxTime", ""))
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
        limit = ((days * 24 + hours) * 60 + minutes + (seconds > 0)) if match else None
        limits[values.get("PartitionName", "")] = limit
        if values.get("Default") == "YES":
            limits[""] = limit
    return limits


def jobs_that_would_wait(
    jobs: Iterable[tuple[str, Mapping[str, object]]], limits: Mapping[str, int | None]
) -> str:
    """Say which jobs no partition would ever start, all in one line; ``""`` where there are none.

    Parameters
    ----------
    jobs : iterable of (str, mapping)
        Rule and resources of each job, among them ``runtime`` in minutes and ``slurm_partition``, which may
        name several.
    limits : mapping
        As of `time_limits`; where it is empty, nothing is said. Nor is it of jobs for other clusters.
    """
    unknown: dict[str, list[str]] = {}
    long: set[tuple[str, int, int]] = set()
    for rule, resources in jobs if limits else ():
        if any(resources.get(key) for key in _OTHER_CLUSTER):
            continue
        asked = str(resources.get("slurm_partition") or "")
        names = asked.split(",")
        if missing := [name for name in names if name and name not in limits]:
            unknown.setdefault(first_few(missing), []).append(rule)
            continue
        allowed = [limits.get(name) for name in names]
        runtime = resources.get("runtime")
        most = max((limit for limit in allowed if limit is not None), default=None)
        if None not in allowed and most is not None and isinstance(runtime, int) and runtime > most:
            long.add((rule, runtime, most))
    partitions = first_few((name for name in limits if name), 10)
    phrases = [
        f"partition {name} of {first_few(dict.fromkeys(rules), 10)}: expected one of {partitions}"
        for name, rules in unknown.items()
    ]
    if long:
        asked = ", ".join(f"{rule} {runtime} of at most {most}" for rule, runtime, most in sorted(long))
        least = min(most for _, _, most in long)
        phrases.append(
            f"more minutes than the partition gives, for which jobs would wait for ever: {asked}; `runtime: "
            f"{least}` under the profile's `default-resources` helps, or under `set-resources` for one rule "
            "(a training goes on in another job)"
        )
    return "; ".join(phrases)
