"""Which tracks are meant: files, folders, patterns and lists of files, one target each."""

import glob
import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from danq.data.regions.targets import COLUMNS, Target, read_targets
from danq.errors import DanqError, first_few
from danq.files import read_lines

log = logging.getLogger("danq")

CHOSEN = "chosen"
"""Rule of a target that has none yet: the lengths of its intervals decide."""
_COMPRESSED = (".gz", ".bgz")
_SUFFIXES = (".bed", ".narrowpeak", ".broadpeak", ".gappedpeak", ".regionpeak")
_FASTA = (".fa", ".fasta", ".fna")
_WANTED = "tracks (.bed, .narrowPeak or .broadPeak, plain or .gz)"


def gather_tracks(
    places: Sequence[str], lists: Sequence[Path], without: Sequence[str], out: Path
) -> list[Target]:
    """Find the tracks of a starter configuration and name their targets.

    Parameters
    ----------
    places : sequence of str
        Tracks, folders, patterns such as ``peaks/*.bed`` (``**`` for folders at any depth), and lists as
        below, unless their names are those of tracks.
    lists : sequence of Path
        Files with one track, folder or pattern a line, relative to the list, or tables of targets.
    without : sequence of str
        Targets to leave out, by name or pattern.
    out : Path
        Directory of the table of targets, to which paths of the targets are relative.

    Returns
    -------
    list of Target
        Named for their files, with the folder's name before it where two files have one name; with `CHOSEN`
        as their rule where no table names one. A file that is named several times is one target.

    Raises
    ------
    DanqError
        If a place holds no track, a pattern matches nothing, a list cannot be read, two targets have one
        name, `without` matches no target, or nothing is left.
    """
    positional = [Path(os.path.expanduser(place)) for place in places if _is_list(place)]
    paths = [path for place in places if not _is_list(place) for path in _tracks_at(place)]
    listed = list[Target]()
    for path in [*positional, *lists]:
        if _is_table(path):
            listed += _targets_of_table(path)
        else:
            paths += _paths_of_list(path)
    targets = _unique([*_named(_distinct(paths)), *listed])
    if not targets:
        raise DanqError(f"expected at least one track, received none; give {_WANTED}, a folder, or a list")
    for pattern in without:
        left = [target for target in targets if not fnmatchcase(target.name, pattern)]
        if len(left) == len(targets):
            names = first_few(target.name for target in targets)
            raise DanqError(f"--without: expected a target ({names}), received {pattern!r}")
        targets = left
    if not targets:
        raise DanqError("--without: expected at least one target to be left, found none")
    return [replace(target, as_listed=_from(target.path, out)) for target in targets]


def _tracks_at(place: str) -> list[Path]:
    path = Path(os.path.expanduser(place))
    if path.is_dir():
        return _only_tracks(sorted(path.iterdir()), f"the folder {path}")
    if path.exists() or not glob.has_magic(place):
        if not path.is_file():
            raise DanqError(f"{path}: expected a track, a folder of tracks or a pattern; no such file")
        if Path(path.name.removesuffix(".gz")).suffix in _FASTA:
            raise DanqError(
                f"{path}: expected a track, received a FASTA; --fasta takes one file, `cat` joins several"
            )
        return [path]
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
    if not matches:
        raise DanqError(f"the pattern {place!r} matches nothing in {Path.cwd()}")
    return _only_tracks(matches, f"the pattern {place!r}")


def _is_list(place: str) -> bool:
    """Whether a file names tracks, by its own name and its first line: a table of targets, or a path."""
    path = Path(os.path.expanduser(place))
    if not path.is_file() or _stem(path) != path.name or Path(path.name).suffix in _FASTA:
        return False
    first = next((line for _, line in read_lines(path) if line.strip() and not line.startswith("#")), "")
    fields = {field.strip() for field in first.lstrip("\ufeff").split("\t")}
    if {"target", "path"} <= fields:
        return True
    listed = path.parent / os.path.expanduser(first.strip().lstrip("\ufeff"))
    return bool(first) and (listed.exists() or _is_track_name(listed.name))


def _distinct(paths: Sequence[Path]) -> list[Path]:
    """Take each file once, however often and in whatever spelling it is named, and say so."""
    first: dict[Path, Path] = {}
    again = dict[str, None]()
    for path in paths:
        if first.setdefault(Path(os.path.abspath(path)), path) is not path:
            again[str(path)] = None
    if again:
        log.info("named more than once, taken once: %s", first_few(again, 10))
    return list(first.values())


def _only_tracks(paths: list[Path], source: str) -> list[Path]:
    """Keep what is a track by its name, and say what is left out: hidden files, folders, all others."""
    tracks = [path for path in paths if _is_track(path)]
    others = [path.name + "/" * path.is_dir() for path in paths if path not in set(tracks)]
    if not tracks:
        raise DanqError(f"{source}: expected {_WANTED}, found {first_few(others) or 'nothing'}")
    if others:
        log.info("%s: left out, by their names no tracks: %s", source, first_few(others, 10))
    return tracks


def _is_track(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and _is_track_name(path.name)


def _is_track_name(name: str) -> bool:
    return _stem(Path(name)) != name


def _stem(path: Path) -> str:
    """Name of a file without the suffixes of tracks and compression; as it is without one of a track."""
    name = path.name
    for suffix in _COMPRESSED:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return path.name


def _is_table(path: Path) -> bool:
    """Whether a list is a table of targets: its first line names the columns."""
    for _, line in read_lines(path):
        fields = [field.strip() for field in line.lstrip("\ufeff").split("\t")]
        if any(fields):
            return "path" in fields and set(fields) <= set(COLUMNS)
    raise DanqError(f"{path}: expected paths of tracks, one a line, received an empty file")


def _targets_of_table(path: Path) -> list[Target]:
    """Read a table of targets; where it has no column of rules, they are chosen."""
    header = next(line for _, line in read_lines(path) if line.strip())
    targets = read_targets(path)
    return targets if "rule" in header.split("\t") else [replace(each, rule=CHOSEN) for each in targets]


def _paths_of_list(path: Path) -> list[Path]:
    paths: list[Path] = []
    for number, line in read_lines(path):
        text = line.strip().lstrip("\ufeff")
        if not text or text.startswith("#"):
            continue
        track = path.parent / os.path.expanduser(text)
        if track.is_file():
            paths.append(track)
        elif track.is_dir() or glob.has_magic(text):
            paths += _tracks_at(str(track))
        else:
            raise DanqError(f"{path}:{number}: expected a track file, found none at {track}")
    if not paths:
        raise DanqError(f"{path}: expected paths of tracks, one a line, found comments alone")
    return paths


def _named(paths: list[Path]) -> list[Target]:
    """Name a target for each file, and for its folder, too, where others have that name."""
    times = Counter(_stem(path) for path in paths)
    targets = []
    for path in paths:
        name = _stem(path)
        if times[name] > 1:
            name = f"{path.absolute().parent.name}_{name}"
        # a table of targets has no way to write such a name
        if name != " ".join(name.split()) or not name.isprintable():
            raise DanqError(f"{path}: expected a file name that can name a target, received {path.name!r}")
        targets.append(Target(name, path, str(path), CHOSEN, None, "", path, 1))
    return targets


def _unique(targets: list[Target]) -> list[Target]:
    first = dict[str, Target]()
    for target in targets:
        if first.setdefault(target.name, target) is not target:
            raise DanqError(
                f"{target.path}: target {target.name!r} is that of {first[target.name].path} already; "
                "targets must be unique"
            )
    return targets


def _from(track: Path, out: Path) -> str:
    return str(track) if track.is_absolute() else os.path.relpath(track.resolve(), out.resolve())
