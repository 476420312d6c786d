"""The table of targets of a dataset: one label and its track a line."""

import os
from dataclasses import dataclass
from pathlib import Path

from danq.errors import DanqError, check_name
from danq.files import read_lines
from danq.genome.track_formats import GFF_SUFFIXES, suffix_of
from danq.text_checks import separated

COLUMNS = ("target", "path", "rule", "feature", "group")
RULES = ("overlap", "summit")
_NEEDED = 2  # the first columns of COLUMNS, which have no default


@dataclass(frozen=True)
class Target:
    """One label of a dataset and the track it comes from.

    Attributes
    ----------
    path : Path
        BED, narrowPeak, broadPeak or GFF3 file of the track.
    as_listed : str
        The path as the table has it.
    rule : str
        ``overlap``: bins covered by strictly more than the minimum; ``summit``: bins that hold a summit.
    feature : str or None
        Feature type to take from a GFF3.
    group : str
        Free text by which reports group targets; may be empty.
    source, line : Path, int
        Table it stands in, and its 1-based line.
    """

    name: str
    path: Path
    as_listed: str
    rule: str
    feature: str | None
    group: str
    source: Path
    line: int

    @property
    def origin(self) -> str:
        """``path:line`` of its line, for messages."""
        return f"{self.source}:{self.line}"


def read_targets(path: Path, later: bool = False) -> list[Target]:
    """Read a table of targets: tab-separated, with a header line, in the order of the label columns.

    Its columns are ``target``, ``path`` and, optionally, ``rule``, ``feature`` and ``group``, in any order.
    Paths of tracks are relative to the table; where they are made `later`, those may be missing.

    Raises
    ------
    DanqError
        If columns are missing, unknown or repeated, a line is incomplete, a target name is repeated, a rule
        is unknown, a track does not exist or a GFF3 or GTF track names no feature.
    """
    columns: list[str] = []
    targets: dict[str, Target] = {}
    for number, line in read_lines(path):
        fields = [field.strip() for field in line.split("\t")]
        if not any(fields):
            continue
        if not columns:
            columns = _header(path, number, fields)
            continue
        target = _target(path, number, columns, fields, later)
        if target.name in targets:
            earlier = targets[target.name].line
            raise DanqError(
                f"{target.origin}: target {target.name!r} stands in line {earlier} already; "
                "targets must be unique"
            )
        targets[target.name] = target
    if not targets:
        raise DanqError(f"{path}: expected a header line and at least one target, found none")
    return list(targets.values())


def _header(path: Path, number: int, fields: list[str]) -> list[str]:
    unknown = [field for field in fields if field not in COLUMNS]
    missing = [column for column in COLUMNS[:_NEEDED] if column not in fields]
    if unknown or missing or len(set(fields)) < len(fields):
        raise DanqError(
            f"{path}:{number}: expected tab-separated columns target, path and optionally "
            f"{', '.join(COLUMNS[_NEEDED:])}, each once; received {', '.join(map(repr, fields))}"
            f"{separated(fields[0], _NEEDED) if len(fields) == 1 else ''}"
        )
    return fields


def _target(path: Path, number: int, columns: list[str], fields: list[str], later: bool) -> Target:
    origin = f"{path}:{number}"
    if len(fields) > len(columns):
        raise DanqError(f"{origin}: expected {len(columns)} columns, received {len(fields)}")
    value = dict.fromkeys(COLUMNS, "") | dict(zip(columns, fields, strict=False))
    for text in value.values():
        check_name(text, origin, "a value")
    for column in COLUMNS[:_NEEDED]:
        if not value[column]:
            raise DanqError(f"{origin}: expected a value in column {column}, received nothing")
    name, listed, rule, feature, group = (value[column] for column in COLUMNS)
    if rule and rule not in RULES:
        raise DanqError(f"{origin}: expected a rule of {', '.join(RULES)}; received {rule!r}")
    track = path.parent / listed
    # False of names that no file can have, too
    if not os.path.isfile(track) and not (later and not track.exists()):
        raise DanqError(f"{origin}: expected a track file, found none at {track}")
    if not feature and suffix_of(track) in GFF_SUFFIXES:
        raise DanqError(f"{origin}: expected a feature type in column feature for the GFF {track.name}")
    return Target(name, track, listed, rule or RULES[0], feature or None, group, path, number)
