"""A finished run of the workflow as a capsule, from which it can be run again elsewhere and later."""

import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import danq
from danq.capsule.compare import reader_of
from danq.capsule.contents import (
    Contents,
    described,
    readme,
    sha256_of,
    size_of,
    workflow_files,
    writing,
)
from danq.capsule.environment import (
    hashed,
    libraries,
    own_wheel,
    refuse_without_digests,
    requirements_text,
)
from danq.capsule.inputs import Frozen, MissingError, frozen_inputs
from danq.capsule.manifest import (
    CONFIG_FILE,
    INPUTS,
    REQUIREMENTS_FILE,
    RESULTS,
    SAMPLES,
    CapsuleManifest,
    Input,
    Stored,
)
from danq.capsule.results import (
    changed_inputs,
    check_results,
    cores_of,
    ended,
    made_with,
    may_be_copied,
    names_a_place,
    result_files,
    without_places,
)
from danq.capsule.samples import sample
from danq.config import Config, load_config
from danq.contents import unchanged
from danq.errors import DanqError, first_few
from danq.files import sha256
from danq.learn.bundle_files import GOLDEN_FILE
from danq.remnants import scratch

log = logging.getLogger("danq")

_ALWAYS = (".json", GOLDEN_FILE)
"""Ends of files of results that are copied whatever their size: what a comparison cannot do without."""

_OTHER_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


@dataclass(frozen=True)
class Freezing:
    """How a run is frozen.

    Attributes
    ----------
    with_inputs : bool
        Copy the inputs.
    largest : float
        Bytes of a file of results that is still copied.
    trusted : sequence of Path
        Files of models of one's own, which may be run to know which of their options are files.
    hashes : sequence of Path
        Requirements files with digests.
    without_hashes : bool
        Freeze libraries without digests, too.
    wheel : Path or None
        danq's own wheel; None to build it.
    license : str or None
        Of the capsule.
    """

    with_inputs: bool = False
    largest: float = 8e6
    trusted: Sequence[Path] = ()
    hashes: Sequence[Path] = ()
    without_hashes: bool = False
    wheel: Path | None = None
    license: str | None = None


def freeze(results: Path, out: Path, how: Freezing, directory: Path | None = None) -> CapsuleManifest:
    """Write a capsule: a folder, or a ZIP archive where `out` ends so. It is there whole, or not at all.

    Parameters
    ----------
    results : Path
        Results of a workflow that has ended.
    directory : Path, optional
        Where the workflow ran, from which paths of its configuration lead on; the folder above the results.

    Raises
    ------
    DanqError
        If results or inputs are missing or changed since, libraries have no digests, or `out` is taken.
    """
    results, out = results.absolute(), out.absolute()
    trusted, hashes = ([path.absolute() for path in paths] for paths in (how.trusted, how.hashes))
    how = replace(how, trusted=trusted, hashes=hashes, wheel=how.wheel.absolute() if how.wheel else None)
    if out.is_dir() and any(out.iterdir()):
        raise DanqError(f"{out}: expected no folder, or an empty one, received one with files")
    if out.suffix.lower() in _OTHER_ARCHIVES:
        raise DanqError(f"{out}: expected a folder or a name in .zip, the only kind of archive")
    if not (results / CONFIG_FILE).is_file():
        raise DanqError(f"{results}: expected results of the workflow, found no {CONFIG_FILE}")
    if directory is not None and not directory.is_dir():
        raise DanqError(f"{directory}: expected the folder in which the workflow ran, found none")
    with scratch() as folder, chdir(directory or results.parent):
        config, inputs = _named(results, how.trusted)
        capsule, contents = _gathered(config, inputs, results, how, how.wheel or own_wheel(folder))
        # a file that changes meanwhile is found before anything is there
        with (
            writing(out) as write,
            unchanged(path for path in contents.values() if isinstance(path, Path)),
        ):
            capsule = described(contents, capsule, how.license)
            write(contents)
    for path, name in inputs.names.items():
        if os.path.normpath(path) != name:
            log.info("%s is called %s in the capsule", path, name)
    return capsule


def _named(results: Path, trusted: Sequence[Path]) -> tuple[Config, Frozen]:
    """Read the configuration of results, and find the files that it names."""
    config = load_config(results / CONFIG_FILE, trusted)
    try:
        return config, frozen_inputs(config, trusted)
    except MissingError as error:
        where = f"--directory names the folder where the workflow ran, if not {Path.cwd()}"
        raise DanqError(f"{error}; {where}") from None


def _gathered(
    config: Config, inputs: Frozen, results: Path, how: Freezing, wheel: Path
) -> tuple[CapsuleManifest, Contents]:
    """Look at everything that a capsule is made of; its manifest does not name the files yet."""
    made = result_files(config, results)
    made_digests = {name: sha256(path) for name, path in made.items()}
    check_results(made, made_digests)
    digests = {name: sha256(path) for name, path in inputs.files.items()}
    changed = changed_inputs(made, {path: digests[name] for name, path in inputs.files.items()})
    if changed:
        raise DanqError(
            f"inputs that changed since results were made of them: {first_few(changed, 20)}; "
            "run the workflow again"
        )
    versions = libraries(wheel)
    _warn_of_other_versions(made_with(made), versions)
    archives = hashed(versions, how.hashes)
    unhashed = tuple(name for name in versions if name not in archives)
    if not how.without_hashes:
        refuse_without_digests(unhashed)
    contents: Contents = {
        "README.md": readme(wheel.name).encode(),
        CONFIG_FILE: (json.dumps(inputs.config, indent=2, ensure_ascii=False) + "\n").encode(),
        REQUIREMENTS_FILE: requirements_text(versions, archives).encode(),
        wheel.name: wheel,
        **workflow_files(),
    }
    listed = _add_inputs(contents, inputs, digests, how.with_inputs)
    stored = _add_results(contents, made, made_digests, inputs, how.largest)
    capsule = CapsuleManifest(
        created=_now(),
        ended=ended(made),
        danq=danq.__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        versions=versions,
        unhashed=unhashed,
        cores=cores_of(made),
        wheel=wheel.name,
        inputs=listed,
        results=stored,
        files={},
    )
    return capsule, contents


def _add_inputs(
    contents: Contents, inputs: Frozen, digests: Mapping[str, str], copied: bool
) -> tuple[Input, ...]:
    """Add tables of targets, and where asked for all inputs."""
    listed = []
    for name, path in sorted(inputs.files.items()):
        content: Path | bytes = inputs.tables.get(name, path)
        kept = copied or name in inputs.tables
        if kept:
            contents[f"{INPUTS}/{name}"] = content
        digest = sha256_of(content) if isinstance(content, bytes) else digests[name]
        keys = inputs.keys[name]
        listed.append(Input(name=name, sha256=digest, size=size_of(content), kept=kept, keys=keys))
    return tuple(listed)


def _add_results(
    contents: Contents,
    made: Mapping[str, Path],
    digests: Mapping[str, str],
    inputs: Frozen,
    largest: float,
) -> tuple[Stored, ...]:
    """Add results that are small, no inputs in other words, and name no places; of others rows."""
    places = [str(Path(old).parent) for old in inputs.names if old.startswith("/")]
    stored = []
    for name, path in sorted(made.items()):
        size, kept = path.stat().st_size, may_be_copied(name)
        kept = kept and (size <= largest or name.endswith(_ALWAYS))
        if kept:
            manifest = name.endswith(".json")
            content = without_places(path, inputs.names) if manifest else path.read_bytes()
            if kept := not names_a_place(content, places):
                contents[f"{RESULTS}/{name}"] = content
            else:
                log.warning("%s names a folder of this machine: the capsule has its digest alone", path)
        elif reader_of(name) is not None and (rows := sample(path)) is not None:
            contents[f"{SAMPLES}/{name}"] = rows
        stored.append(Stored(name=name, sha256=digests[name], size=size, kept=kept))
    return tuple(stored)


def _warn_of_other_versions(made: Mapping[str, set[str]], versions: Mapping[str, str]) -> None:
    here = {**versions, "danq": danq.__version__, "python": platform.python_version()}
    others = [
        f"{name} {', '.join(sorted(by - {here[name]}))} (here {here[name]})"
        for name, by in sorted(made.items())
        if name in here and by - {here[name]}
    ]
    if others:
        log.warning("results were made with other versions than are frozen: %s", first_few(others, 20))


def _now() -> str:
    """Time of the freezing, or that of SOURCE_DATE_EPOCH, by which equal archives are asked for."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        time = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError):
        raise DanqError(f"SOURCE_DATE_EPOCH: expected seconds since 1970, received {epoch!r}") from None
    return time.isoformat(timespec="seconds")
