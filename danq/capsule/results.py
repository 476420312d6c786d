"""The results of a workflow: which files, from what they were made, what a capsule has of them."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from danq.config import Config
from danq.config.search import searches
from danq.errors import DanqError, first_few, remedy
from danq.files import read_json_text
from danq.provenance import shared
from danq.storage import SEAL, damaged, sealed

PARTS = ("genomes", "datasets", "searches", "runs", "scores", "views")
"""Folders of results, along the workflow."""
_MADE_OF_INPUTS = ("genomes", "datasets")
"""Folders that hold the inputs in other words; a capsule has their manifests alone."""
_COPIES = (".vcf.gz", ".tbi", ".csi")
"""Ends of files that repeat an input."""
_PLACE = re.compile(r"(?<![\w./~:-])/(?:[^\s'\",;)]*/)?(?=[^\s'\",;)])")
"""Folders of a path from the root on: all but the path's last name."""


def result_files(config: Config, results: Path) -> dict[str, Path]:
    """Name the files of a finished workflow's results, of what its configuration names.

    Raises
    ------
    DanqError
        If one of the results is not there, all that are missing in one line, or a file is a link.
    """
    whole = [
        *(f"genomes/{name}/genome.json" for name in _genomes(config)),
        *(f"datasets/{run.dataset}/dataset.json" for run in config.runs.values()),
        *(
            f"runs/{name}/{file}"
            for name in config.runs
            for file in ("bundle.json", "evaluation/summary.json")
        ),
        *(f"searches/{name}/best.json" for name in searches(config)),
        *(f"scores/{name}/scores.json" for name in config.callsets),
        "report.html",
    ]
    if missing := [name for name in dict.fromkeys(whole) if not (results / name).is_file()]:
        raise DanqError(
            f"{results}: expected the results of a workflow that has ended, "
            f"found no {first_few(missing)}; run it to its end"
        )
    folders = dict.fromkeys(name.rsplit("/", 1)[0] for name in whole if "/evaluation/" not in name)
    folders |= {f"views/{name}": None for name in config.runs}
    files = {"report.html": results / "report.html"}
    for folder in sorted(folder for folder in folders if folder.split("/")[0] in PARTS):
        files |= {f"{folder}/{name}": path for name, path in _visible(results / folder)}
    if links := [str(path) for path in files.values() if path.is_symlink()]:
        raise DanqError(f"expected files, received links: {first_few(links)}")
    return files


def _genomes(config: Config) -> list[str]:
    """Genomes that datasets or callsets lie on."""
    names = [config.genome_of(run.dataset) for run in config.runs.values()]
    names += [config.genome_of_callset(name) for name in config.callsets]
    return list(dict.fromkeys(name for name in names if name is not None))


def _visible(folder: Path) -> Iterator[tuple[str, Path]]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                path = Path(here, name)
                yield path.relative_to(folder).as_posix(), path


def may_be_copied(name: str) -> bool:
    """Whether a result may lie in a capsule without its inputs: it is none of them in other words."""
    manifest = name.endswith(".json")
    return not name.endswith(_COPIES) and (manifest or name.split("/")[0] not in _MADE_OF_INPUTS)


def without_places(path: Path, names: Mapping[str, str]) -> bytes:
    """Give a manifest whose paths are those of the capsule, others without their folders.

    Parameters
    ----------
    names : dict of str to str
        Name in the capsule of paths that stand in manifests.
    """
    text = read_json_text(path)
    content = json.loads(text)
    changed = _replaced(content, {shared(old): new for old, new in names.items()} | dict(names))
    if changed == content:
        return path.read_bytes()
    if isinstance(changed, dict) and SEAL in changed:
        changed = sealed(changed)
    return (json.dumps(changed, indent=2, ensure_ascii=False) + "\n").encode()


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        if "/" not in value:
            return value
        # the longer first: a path may begin as another one does
        for old in sorted(names, key=len, reverse=True):
            value = re.sub(rf"(?<![\w./~-]){re.escape(old)}(?![\w-])", names[old].replace("\\", ""), value)
        return _PLACE.sub(".../", value)
    if isinstance(value, dict):
        return {_replaced(key, names): _replaced(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, names) for item in value]
    return value


def changed_inputs(results: Mapping[str, Path], inputs: Mapping[Path, str]) -> list[str]:
    """Say which inputs are no longer those that the results were made from, by the digests of manifests.

    Parameters
    ----------
    inputs : dict of Path to str
        SHA-256 of each file as it is now.
    """
    now = {shared(str(path)): digest for path, digest in inputs.items()}
    problems = []
    for name, path in results.items():
        if name.endswith(".json") and name.split("/")[0] in ("genomes", "datasets", "scores"):
            noted = _provenance(path).get("inputs", {})
            problems += [
                f"{file} (results/{name})"
                for file, digest in (noted.items() if isinstance(noted, dict) else ())
                if file in now and digest != now[file]
            ]
        elif name.endswith("/bundle.json"):
            info = json.loads(read_json_text(path))
            model = info.get("model")
            if model in now and info.get("model_file") != now[model]:
                problems.append(f"{model} (results/{name})")
    return problems


def check_results(results: Mapping[str, Path], digests: Mapping[str, str]) -> None:
    """Refuse results that are not what was written, by the digests in their manifests.

    Parameters
    ----------
    digests : dict of str to str
        SHA-256 of each file as it is now.

    Raises
    ------
    DanqError
        If a file is damaged.
    """
    for name, path in results.items():
        if name.endswith(".json"):
            content = _content(path)
            if SEAL in content and content != sealed(content):
                raise damaged(path)
            outputs = _provenance(path).get("outputs", {})
            for file, noted in outputs.items() if isinstance(outputs, dict) else ():
                beside = f"{name.rpartition('/')[0]}/{file}"
                if digests.get(beside, noted) != noted:
                    raise damaged(path.with_name(file))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_json_text(path))
    except (ValueError, RecursionError):
        raise DanqError(f"{path}: expected JSON, received something else{remedy(path)}") from None
    return content if isinstance(content, dict) else {}


def _provenance(path: Path) -> dict[str, Any]:
    origin = _content(path).get("provenance")
    return origin if isinstance(origin, dict) else {}


def made_with(results: Mapping[str, Path]) -> dict[str, set[str]]:
    """Versions of the libraries that made the results, by name."""
    versions: dict[str, set[str]] = {}
    for name, path in results.items():
        if name.endswith(".json"):
            for library, version in _provenance(path).get("versions", {}).items():
                versions.setdefault(library, set()).add(str(version))
    return versions


def ended(results: Mapping[str, Path]) -> str:
    """When the last of the results was made, as their manifests say it."""
    times = [_provenance(path).get("created") for name, path in results.items() if name.endswith(".json")]
    return max((time for time in times if isinstance(time, str)), default="")


def cores_of(results: Mapping[str, Path]) -> int:
    """Cores that the workflow was given, as the threads of its jobs tell; results depend on those.

    A job of scoring takes them all, up to 8, and one of training half of them.
    """
    scoring, training = [1], [1]
    for name, path in results.items():
        folder, file = name.split("/")[0], name.rsplit("/", 1)[-1]
        if file in ("scores.json", "bundle.json") and "/members/" not in name:
            threads = _provenance(path).get("threads")
            if isinstance(threads, int):
                (scoring if folder == "scores" else training).append(threads)
    shown = max(scoring)
    cores = shown if 1 < shown < 8 else max(2 * max(training) if max(training) > 1 else 1, shown)
    return min(cores, 1024)


def names_a_place(content: bytes, places: Iterable[str]) -> bool:
    """Whether a file names one of these folders, the user's home, or the working directory."""
    home = os.path.expanduser("~")
    known = {*places, str(Path.cwd()), *([home] if home.count("/") > 1 or home == "/root" else [])}
    return any(place.encode() in content for place in known if len(place) > 1)
