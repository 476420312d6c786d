"""The table of label tracks, one target a line."""

from dataclasses import dataclass
from pathlib import Path

from danq.errors import DanqError
from danq.files import read_lines

COLUMNS = ("target", "path", "rule", "feature", "group")
RULES = ("overlap", "summit")
_NEEDED = 2  # the first columns of COLUMNS, which have no default


@dataclass(frozen=True)
class Target:
    """One label of a dataset and the track it comes from.

    Attributes
    ----------
    name : str
        Unique name.
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
    origin : str
        ``path:line`` of its line, for messages.
    """

    name: str
    path: Path
    as_listed: str
    rule: str
    feature: str | None
    group: str
    origin: str

    @property
    def line(self) -> str:
        """Number of its line in the table."""
        return self.origin.rpartition(":")[2]


def read_targets(path: Path) -> list[Target]:
    """Read a table of targets: tab-separated, with a header line, in the order of the label columns.

    Parameters
    ----------
    path : Path
        The table; its columns are ``target``, ``path`` and, optionally, ``rule``, ``feature`` and ``group``,
        in any order. Paths of tracks are relative to the table.

    Raises
    ------
    DanqError
        If columns are missing, unknown or repeated, a line is incomplete, a target name is repeated, a rule
        is unknown, a track does not exist or a GFF3 track names no feature.
    """
    columns: list[str] = []
    targets: dict[str, Target] = {}
    for number, line in read_lines(path):
        fields = [field.strip() for field in line.lstrip("\ufeff").split("\t")]
        if not any(fields):
            continue
        if not columns:
            columns = _header(path, number, fields)
            continue
        target = _target(path, number, columns, fields)
        if target.name in targets:
            line = targets[target.name].line
            raise DanqError(
                f"{target.origin}: target {target.name!r} stands in line {line} already; "
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
        )
    return fields


def _target(path: Path, number: int, columns: list[str], fields: list[str]) -> Target:
    origin = f"{path}:{number}"
    if len(fields) > len(columns):
        raise DanqError(f"{origin}: expected {len(columns)} columns, received {len(fields)}")
    value = dict.fromkeys(COLUMNS, "") | dict(zip(columns, fields, strict=False))
    for column in COLUMNS[:_NEEDED]:
        if not value[column]:
            raise DanqError(f"{origin}: expected a value in column {column}, received nothing")
    rule = value["rule"] or RULES[0]
    if rule not in RULES:
        raise DanqError(f"{origin}: expected a rule of {', '.join(RULES)}; received {rule!r}")
    track = path.parent / value["path"]
    if not track.is_file():
        raise DanqError(f"{origin}: expected a track file, found none at {track}")
    suffixes = {suffix.lower() for suffix in track.suffixes}
    if suffixes & {".gff", ".gff3"} and not value["feature"]:
        raise DanqError(f"{origin}: expected a feature type in column feature for the GFF3 {track.name}")
    return Target(
        value["target"], track, value["path"], rule, value["feature"] or None, value["group"], origin
    )
