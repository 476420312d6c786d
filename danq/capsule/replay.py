"""The workflow run again from a capsule, and what comes out compared."""

import logging
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import danq
from danq.capsule.compare import compare_results
from danq.capsule.environment import differing, other_code
from danq.capsule.inputs import frozen_inputs
from danq.capsule.manifest import (
    CONFIG_FILE,
    INPUTS,
    RESULTS,
    CapsuleManifest,
    Input,
    leads_nowhere_else,
    opened_capsule,
)
from danq.capsule.workflow import workflow_folder
from danq.checks import Check
from danq.config import load_config
from danq.config.workflow import named_paths
from danq.errors import DanqError, first_few
from danq.files import sha256
from danq.jobs import sole_writer

log = logging.getLogger("danq")

_CONFIG = "replay.json"
"""The configuration in the folder in which the workflow runs again."""
_CODE = (".py", ".pyc", ".so", ".pyd")
"""Endings of what Python imports."""


class InputsError(DanqError):
    """Inputs of a capsule that are missing or changed, each in `inputs`."""

    def __init__(self, message: str, inputs: list[Check]) -> None:
        super().__init__(message)
        self.inputs = inputs


@dataclass(frozen=True)
class Replaying:
    """How a capsule is run again.

    Attributes
    ----------
    inputs : Path or None
        Folder of the inputs that the capsule does not hold, under the names that it has for them.
    cores : int or None
        Of the workflow; None for as many as made the frozen results.
    trusted : sequence of Path
        Python files that may be run, and serve as the inputs of equal content.
    tolerance : float
        As of `compare_results`.
    arguments : sequence of str
        More of Snakemake's arguments.
    """

    inputs: Path | None = None
    cores: int | None = None
    trusted: Sequence[Path] = ()
    tolerance: float = 1e-5
    arguments: Sequence[str] = ()


def replay(path: Path, out: Path, how: Replaying) -> tuple[list[Check], list[str]]:
    """Run the workflow of a capsule in a folder, and compare its results with those of the capsule.

    The workflow is that of the danq which runs, not what the capsule holds of it: nothing in it is run.

    Parameters
    ----------
    path : Path
        Folder or archive that `freeze` wrote.
    out : Path
        Folder without files, or one in which the replay of this capsule was interrupted.

    Returns
    -------
    list of Check
        Of each result.
    list of str
        What of the environment is not as the capsule's was.

    Raises
    ------
    InputsError
        If inputs are missing or changed, before anything runs.
    DanqError
        If it is no whole capsule, `out` holds something else, or the workflow fails.
    """
    with opened_capsule(path) as capsule:
        manifest = CapsuleManifest.read(capsule)
        places = _places(path, capsule, manifest, how)
        versions = other_versions(manifest, capsule)
        for line in versions:
            log.warning("%s", line)
        with sole_writer(out):
            _place(capsule, places, out)
            trusted = [out / name for name in places if name.endswith(_CODE)]
            try:
                _check_config(path, manifest, out, trusted)
            except DanqError:
                _remove([*places, _CONFIG], out)
                raise
            cores = manifest.cores if how.cores is None else how.cores
            if cores != manifest.cores:
                log.warning(
                    "%d cores, the frozen results were made with %d: roundings differ", cores, manifest.cores
                )
            _run(out, cores, how.arguments)
            return compare_results(capsule, manifest, out / RESULTS, how.tolerance), versions


def _places(path: Path, capsule: Path, manifest: CapsuleManifest, how: Replaying) -> dict[str, Path]:
    """Find every input; where one is missing or changed, or is code that nobody trusts, nothing runs."""
    for given in [*how.trusted, *([how.inputs] if how.inputs else [])]:
        if not given.exists():
            raise DanqError(f"{given}: no such file or folder")
    code = {sha256(file): file for file in how.trusted if file.is_file()}
    if any(each.name == _CONFIG for each in manifest.inputs):
        raise DanqError(f"{path}: expected no input called {_CONFIG}, which is the name of the configuration")
    own = [each for each in manifest.inputs if each.name.endswith(_CODE)]
    if untrusted := [each.name for each in own if each.sha256 not in code]:
        raise DanqError(
            f"{path}: code of its own, {first_few(untrusted)}: read it, and name a file of the same content "
            "by --trust-model-code for each"
        )
    places = {each.name: _place_of(each, capsule, how.inputs) for each in manifest.inputs}
    places |= {each.name: code[each.sha256] for each in own}
    if problems := [check for each in manifest.inputs for check in _fault(each, places[each.name], capsule)]:
        statuses = Counter(check.status for check in problems)
        counts = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items(), reverse=True))
        where = f"{how.inputs}, the folder of --inputs" if how.inputs else "a folder named by --inputs"
        raise InputsError(
            f"{path}: of {len(places)} inputs {counts}; they are looked for in {where}", problems
        )
    return places


def _place_of(each: Input, capsule: Path, folder: Path | None) -> Path:
    return capsule / INPUTS / each.name if each.kept or folder is None else folder / each.name


def _fault(each: Input, place: Path, capsule: Path) -> Iterator[Check]:
    path, keys = Path(INPUTS, each.name), ", ".join(each.keys)
    if not place.is_file():
        yield Check(path, "missing", reason=keys)
    # those of the capsule were looked at with its other files
    elif not place.is_relative_to(capsule) and sha256(place) != each.sha256:
        yield Check(path, "changed", reason=f"{keys}: expected SHA-256 {each.sha256}")


def _place(capsule: Path, places: Mapping[str, Path], out: Path) -> None:
    """Put the inputs and the configuration into a new folder, or find them there."""
    config, placed = (capsule / CONFIG_FILE).read_bytes(), out / _CONFIG
    taken = any(not path.name.startswith(".danq") for path in out.iterdir())
    if taken and (not placed.is_file() or placed.read_bytes() != config):
        raise DanqError(f"{out}: expected an empty folder or one of this capsule's replay, received another")
    # the workflow writes logs where they lie: never through a link into somebody's folder
    copied = {
        name
        for name, source in places.items()
        if source.is_relative_to(capsule) or name.split("/")[0] == RESULTS
    }
    # first: by it the folder is known when this is interrupted
    if not taken:
        placed.write_bytes(config)
    try:
        for name, source in places.items():
            place = out / name
            # one that is newer than what was made of it would be read again
            if not _is_placed(source, place, linked=name not in copied):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.unlink(missing_ok=True)
                if name in copied:
                    shutil.copyfile(source, place)
                else:
                    place.symlink_to(source.absolute())
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DanqError(f"{error.filename}: expected room for an input, received another one") from None


def _remove(names: Sequence[str], out: Path) -> None:
    """Take placed files away again, with the folders that are empty then."""
    for place in (out / name for name in names):
        place.unlink(missing_ok=True)
        for folder in place.parents:
            if folder == out or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()


def _is_placed(source: Path, place: Path, linked: bool) -> bool:
    """Whether an interrupted replay put an input in its place."""
    if linked or place.is_symlink():
        return linked and place.is_symlink() and place.readlink() == source.absolute()
    return place.is_file() and sha256(place) == sha256(source)


def _check_config(path: Path, manifest: CapsuleManifest, out: Path, trusted: Sequence[Path]) -> None:
    """Refuse a configuration that names files which are none of the capsule's inputs, or not all of these.

    Raises
    ------
    DanqError
        With the keys and files.
    """
    known = {each.name for each in manifest.inputs}
    trusted = [file.absolute() for file in trusted]
    with chdir(out):
        config = load_config(Path(_CONFIG), trusted)
        other = [
            f"{key} ({file})"
            for key, file in named_paths(config, trusted)
            if not leads_nowhere_else(str(file))
        ]
        other += [
            f"runs.{name}.model ({run.model})"
            for name, run in config.runs.items()
            if run.model.endswith(".py") and run.model not in known
        ]
        if not other:
            inputs = frozen_inputs(config, trusted)
            other = [f"{inputs.keys[name][0]} ({name})" for name in inputs.files if name not in known]
            if unused := sorted(known - set(inputs.files)):
                raise DanqError(f"{path}: inputs that its {CONFIG_FILE} does not name: {first_few(unused)}")
    if other:
        raise DanqError(f"{path}: {CONFIG_FILE} names files that are none of its inputs: {first_few(other)}")


def other_versions(manifest: CapsuleManifest, capsule: Path) -> list[str]:
    """Say what of this environment is not as the capsule's was; empty where all is."""
    lines = [
        f"{name} {before} in the capsule, {here} here"
        for name, before, here in (
            ("danq", manifest.danq, danq.__version__),
            ("Python", manifest.python, platform.python_version()),
            ("the machine:", manifest.platform, f"{platform.system()} {platform.machine()}"),
        )
        if before != here
    ]
    if manifest.danq == danq.__version__ and (code := other_code(capsule / manifest.wheel)):
        lines.append(f"another state of danq {manifest.danq} than the capsule's: {first_few(code)}")
    if libraries := differing(manifest.versions):
        lines.append(f"other versions of libraries than the capsule's: {first_few(libraries, 200)}")
    return lines


def _run(out: Path, cores: int, arguments: Sequence[str]) -> None:
    """Run the workflow in a folder, what it prints on standard error.

    Raises
    ------
    DanqError
        If it fails.
    """
    # files of a capsule are data: neither Python nor Snakemake looks for programs or profiles among them
    command = [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(workflow_folder() / "Snakefile")]
    command += ["--directory", str(out.absolute()), "--configfile", str((out / _CONFIG).absolute())]
    command += ["--cores", str(cores), "--rerun-incomplete", "--show-failed-logs"]
    named = any(argument.partition("=")[0] == "--workflow-profile" for argument in arguments)
    profile = [] if named else ["--workflow-profile", "none"]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    process = subprocess.Popen([*command, *profile, *arguments], stdout=sys.stderr, env=environment)
    try:
        status = process.wait()
    except BaseException:
        # Snakemake ends its jobs when it is asked to end
        process.terminate()
        process.wait()
        raise
    if status:
        raise DanqError(
            f"{out}: the workflow failed (status {status}); its logs are in {out / RESULTS / 'logs'}"
        )
