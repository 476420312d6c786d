"""What has to be installed to run a workflow again: danq's own wheel, and libraries with digests."""

import importlib.util
import json
import logging
import platform
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import danq
from danq.archives import write_zip
from danq.capsule.manifest import WORKFLOW
from danq.capsule.workflow import workflow_folder
from danq.errors import DanqError, first_few
from danq.files import read_lines, readable

log = logging.getLogger("danq")

_PACKAGE = Path(danq.__file__).parent
_LOCK = _PACKAGE.parent / "requirements.lock"
"""Of a checkout: digests of the wheels for one Python and one kind of machine."""
_LOCKED_FOR = ((3, 11), "linux", "x86_64")
_LINE = re.compile(r"([A-Za-z0-9][\w.-]*)\s*==\s*([^\s;\\]+)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})\b")
_UNSHIPPED = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json")
"""Files of an installation that are not in its wheel, or say where it was installed from."""


def own_wheel(folder: Path) -> Path:
    """Write the wheel of the danq that runs, from its checkout or its installed files.

    Raises
    ------
    DanqError
        If a checkout cannot be built, or an installation lacks its list of files.
    """
    checkout = _PACKAGE.parent
    if not (checkout / "pyproject.toml").is_file():
        return _packed(folder)
    # the builder is fetched by pip unless it is installed
    apart = [] if importlib.util.find_spec("hatchling") is None else ["--no-build-isolation"]
    _, problem = _pip("wheel", "--no-deps", *apart, "--wheel-dir", str(folder), str(checkout))
    if problem:
        raise DanqError(
            f"the wheel of danq cannot be built by pip ({problem.splitlines()[-1]}); --wheel names one"
        )
    return next(folder.glob("danq-*.whl"))


def _packed(folder: Path) -> Path:
    """Pack the installed files as the wheel that they came from, with a list of what they are now."""
    installed = metadata.distribution("danq")
    files = {}
    for file in installed.files or ():
        outside = ".." in file.parts or "__pycache__" in file.parts
        if not outside and not (file.parts[0].endswith(".dist-info") and file.name in _UNSHIPPED):
            files[file.as_posix()] = Path(str(installed.locate_file(file))).read_bytes()
    information = next((name.split("/")[0] for name in files if name.endswith("/WHEEL")), None)
    if information is None:
        raise DanqError(f"{_PACKAGE}: expected a danq that pip installed from a wheel, or a checkout")
    import base64
    import hashlib

    rows = []
    for name, content in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}")
    rows.append(f"{information}/RECORD,,")
    files = dict(sorted(files.items())) | {f"{information}/RECORD": ("\n".join(rows) + "\n").encode()}
    wheel = folder / f"danq-{installed.version}-py3-none-any.whl"
    write_zip(wheel, files, compressed=True)
    return wheel


def libraries(wheel: Path) -> dict[str, str]:
    """Name what a wheel needs, and what that needs, each with the version that is installed here.

    Of danq's extras that of GPUs counts where all of it is installed.

    Raises
    ------
    DanqError
        If it is no wheel of danq, or one of them is not installed.
    """
    try:
        with readable(wheel), zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if re.fullmatch(r"danq-[^/]+/METADATA", name))
            headers = HeaderParser().parsestr(archive.read(name).decode())
    except (zipfile.BadZipFile, StopIteration, UnicodeDecodeError):
        raise DanqError(f"{wheel}: expected a wheel of danq, received something else") from None
    requirements = [Requirement(line) for line in headers.get_all("Requires-Dist", [])]
    wanted = _needed(requirements, {""})
    try:
        return _closure(_needed(requirements, {"", "gpu"}))
    except DanqError:
        return _closure(wanted)


def _needed(requirements: Iterable[Requirement], extras: Iterable[str]) -> list[Requirement]:
    """Leave out requirements that do not hold here, with one of these extras or none."""
    return [
        each
        for each in requirements
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def _closure(requirements: list[Requirement]) -> dict[str, str]:
    versions: dict[str, str] = {}
    seen = set[tuple[str, str]]()
    pending = [(each.name, extra) for each in requirements for extra in ("", *each.extras)]
    while pending:
        name, extra = pending.pop()
        if (key := (canonicalize_name(name), extra)) in seen:
            continue
        seen.add(key)
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise DanqError(f"expected {name}, which danq needs, among what is installed here") from None
        versions[installed.metadata["Name"]] = installed.version
        needed = _needed(map(Requirement, installed.requires or ()), {extra})
        pending += [(each.name, more) for each in needed for more in ("", *each.extras)]
    return dict(sorted(versions.items(), key=lambda entry: entry[0].lower()))


def hashed(versions: Mapping[str, str], lists: Iterable[Path]) -> dict[str, list[str]]:
    """Find digests of the archives of libraries: in lists, else from the index that pip is set to.

    pip is asked which file it would install here of each, and the index's digest of that file is taken.

    Parameters
    ----------
    versions : dict of str to str
        Version of each library.
    lists : iterable of Path
        Requirements files with digests (``name==version --hash=sha256:…``); that of a checkout comes last.

    Returns
    -------
    dict of str to list of str
        ``sha256:…`` of those for which there are any.
    """
    here = (sys.version_info[:2], sys.platform, platform.machine())
    checkout = [_LOCK] if _LOCK.is_file() and here == _LOCKED_FOR else []
    known: dict[tuple[str, str], list[str]] = {}
    for path in [*lists, *checkout]:
        for key, digests in _listed(path):
            known.setdefault(key, digests)
    keys = {name: (canonicalize_name(name), version) for name, version in versions.items()}
    result = {name: known[key] for name, key in keys.items() if key in known}
    missing = [name for name in versions if name not in result and not _of_ones_own(name)]
    return result | _asked({name: versions[name] for name in missing})


def _listed(path: Path) -> Iterable[tuple[tuple[str, str], list[str]]]:
    whole = ""
    for _, line in read_lines(path):
        whole += line.rstrip("\\")
        if line.endswith("\\"):
            continue
        if (match := _LINE.match(whole)) and (digests := _HASH.findall(whole)):
            yield (canonicalize_name(match[1]), match[2]), digests
        whole = ""


def _of_ones_own(name: str) -> bool:
    """Whether a library was installed from a folder or repository: the index's files are others."""
    source = json.loads(metadata.distribution(name).read_text("direct_url.json") or "{}")
    return "dir_info" in source or "vcs_info" in source


def _asked(versions: Mapping[str, str]) -> dict[str, list[str]]:
    """Ask pip for the digests of the files that it would install; those of none are left out."""
    left = {canonicalize_name(name): name for name in versions}
    report, problem = "", ""
    while left and not report:
        pins = [f"{name}=={versions[name]}" for name in left.values()]
        options = ("--retries", "1", "--dry-run", "--ignore-installed", "--no-deps", "--report", "-")
        report, problem = _pip("install", *options, *pins)
        absent = re.search(r"No matching distribution found for ([\w.-]+)==", problem)
        if problem and (absent is None or "connection broken" in problem):
            log.warning("pip gives no digests of libraries: %s", problem.splitlines()[-1])
            return {}
        if absent is not None:
            # one that the index lacks must not cost the others theirs
            left.pop(canonicalize_name(absent[1]), None)
    digests = {}
    for each in json.loads(report)["install"] if report else ():
        archive = each["download_info"].get("archive_info", {})
        if digest := archive.get("hashes", {}).get("sha256"):
            digests[left[canonicalize_name(each["metadata"]["name"])]] = [f"sha256:{digest}"]
    return digests


def _pip(*arguments: str) -> tuple[str, str]:
    """Call pip; what it prints, and what it says where it fails."""
    if importlib.util.find_spec("pip") is None:
        return "", "this environment has no pip"
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, *arguments[1:]], capture_output=True, text=True, check=False)
    return (done.stdout, "") if not done.returncode else ("", done.stderr.strip() or "it gives no reason")


def requirements_text(versions: Mapping[str, str], digests: Mapping[str, list[str]]) -> str:
    """Write what pip installs: a library a line, with its digests."""
    python = ".".join(platform.python_version_tuple()[:2])
    machine = f"{platform.machine()} {platform.system()}"
    head = f"# pip install --require-hashes --no-deps -r requirements.txt (Python {python}, {machine})\n"
    lines = (
        " ".join([f"{name}=={version}", *(f"--hash={each}" for each in digests.get(name, ()))])
        for name, version in versions.items()
    )
    return head + "".join(f"{line}\n" for line in lines)


def differing(versions: Mapping[str, str]) -> list[str]:
    """Say which libraries are not installed here in these versions, or not at all."""
    here = {}
    for name in versions:
        try:
            here[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            here[name] = "none"
    return [
        f"{name} {versions[name]} (here {here[name]})" for name in versions if here[name] != versions[name]
    ]


def other_code(wheel: Path) -> list[str]:
    """Name files of danq and its workflow that are not here as they are in a wheel of it.

    By their sizes and checksums, so that nothing of somebody's wheel is unpacked; of what is no wheel none.
    """
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(wheel) as archive:
        return [
            member.filename
            for member in archive.infolist()
            if member.filename.startswith("danq/") and not _is_here(member)
        ]
    return []


def _is_here(member: zipfile.ZipInfo) -> bool:
    name = member.filename.removeprefix("danq/")
    workflow = name.startswith(f"{WORKFLOW}/")
    path = workflow_folder() / name.removeprefix(f"{WORKFLOW}/") if workflow else _PACKAGE / name
    if not path.is_file() or path.stat().st_size != member.file_size:
        return False
    return zlib.crc32(path.read_bytes()) == member.CRC


def refuse_without_digests(names: Iterable[str]) -> None:
    """Refuse libraries without digests, which `pip install --require-hashes` would not install."""
    if few := first_few(names, 10):
        raise DanqError(
            f"no digest of the archive of {few}: expected one from the index that pip is set to, or in a "
            "file of --hashes; --without-hashes freezes them by version alone"
        )
