"""Which tracks are meant: files, folders, patterns and lists of files, one target each."""

import glob
import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from danq.data.regions.targets import COLUMNS, Target, read_targets
from danq.errors import DanqError, first_few
from danq.files import read_lines
from danq.genome.track_formats import suffix_of

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
        Named for their files, with as many of their folders before it as tell files of one name apart, and
        with the suffix where they lie in one folder; with `CHOSEN` as their rule where no table names one. A
        file that is named several times, or by links, is one target.

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
        if _is_header(_first_line(path)):
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
        if suffix_of(path) in _FASTA:
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
    if not path.is_file() or _stem(path) != path.name or suffix_of(path) in _FASTA:
        return False
    first = _first_line(path)
    if _is_header(first):
        return True
    listed = path.parent / os.path.expanduser(first.strip())
    return bool(first) and (listed.exists() or _is_track_name(listed.name))


def _distinct(paths: Sequence[Path]) -> list[Path]:
    """Take each file once, however often and in whatever spelling it is named, and say so."""
    first: dict[Path, Path] = {}
    again = dict[str, None]()
    for path in paths:
        if first.setdefault(path.resolve(), path) is not path:
            again[str(path)] = None
    if again:
        log.info("named more than once, taken once: %s", first_few(again, 10))
    return list(first.values())


def _only_tracks(paths: list[Path], source: str) -> list[Path]:
    """Keep what is a track by its name, and say what is left out: hidden files, folders, all others."""
    visible = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    tracks = [path for path in visible if _is_track_name(path.name)]
    others = [path.name + "/" * path.is_dir() for path in paths if path not in set(tracks)]
    if not tracks:
        raise DanqError(f"{source}: expected {_WANTED}, found {first_few(others) or 'nothing'}")
    if others:
        log.info("%s: left out, by their names no tracks: %s", source, first_few(others, 10))
    return tracks


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


def _first_line(path: Path) -> str:
    """First line of a list with something in it but a comment, or ""."""
    return next((line for _, line in read_lines(path) if line.strip() and not line.startswith("#")), "")


def _is_header(line: str) -> bool:
    """Whether the first line of a list names the columns of a table of targets."""
    # also of a table that is not separated by tabs, which is then refused as such
    fields = set(re.split(r"[\t,; ]+", line.strip()))
    return {"target", "path"} <= fields or ("path" in fields and fields <= set(COLUMNS))


def _targets_of_table(path: Path) -> list[Target]:
    """Read a table of targets; where it has no column of rules, they are chosen."""
    targets = read_targets(path)
    listed = "rule" in _first_line(path).split("\t")
    return targets if listed else [replace(target, rule=CHOSEN) for target in targets]


def _paths_of_list(path: Path) -> list[Path]:
    paths: list[Path] = []
    received = "an empty file"
    for number, line in read_lines(path):
        text = line.strip()
        if not text:
            continue
        if text.startswith("#"):
            received = "comments alone"
            continue
        track = path.parent / os.path.expanduser(text)
        if track.is_file():
            paths.append(track)
        elif track.is_dir() or glob.has_magic(text):
            paths += _tracks_at(str(track))
        else:
            where = f"{track}; paths are relative to the list"
            raise DanqError(f"{path}:{number}: expected a track file, found none at {where}")
    if not paths:
        raise DanqError(f"{path}: expected paths of tracks, one a line, received {received}")
    return paths


def _named(paths: list[Path]) -> list[Target]:
    """Name a target for each file."""
    of_stem = defaultdict[str, list[Path]](list)
    for path in paths:
        of_stem[_stem(path)].append(path)
    names = {path: name for same in of_stem.values() for path, name in _told_apart(same)}
    targets = []
    for path in paths:
        name = names[path]
        # a table of targets has no way to write such a name
        if name != " ".join(name.split()) or not name.isprintable():
            raise DanqError(f"{path}: expected a file name that can name a target, received {path.name!r}")
        targets.append(Target(name, path, str(path), CHOSEN, None, "", path, 1))
    return targets


def _told_apart(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Name files of one stem: with their folders before it, with the suffix where some share a folder."""
    folders = [Path(os.path.abspath(path)).parent.parts[1:] for path in paths]
    shared = len(set(folders)) < len(folders)
    stems = [path.name if shared else _stem(path) for path in paths]
    # the shortest ends of their paths that differ
    for depth in range(max(map(len, folders)) + 1):
        names = [
            "_".join([*parts[len(parts) - depth :], stem]) for parts, stem in zip(folders, stems, strict=True)
        ]
        if len(set(names)) == len(names):
            break
    return zip(paths, names, strict=True)


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
    if track.is_absolute():
        return str(track)
    # a link keeps its own name, which may say more than that of its file
    return os.path.relpath(track.parent.resolve() / track.name, out.resolve())
