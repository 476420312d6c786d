"""Versions known as bad, looked up without a network: ``python tests/audit.py constraints.txt LIST``.

The list has a requirement a line, such as ``pillow<10.3  # CVE-2024-28219``, of versions that must not be
installed.
"""

import sys
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


def bad_pins(constraints: Path, known: Path) -> list[str]:
    """Pins of the constraints that the list names, each with what it says of them."""
    lines = [line.split("#")[0].strip() for line in constraints.read_text().splitlines()]
    pins = [line.split(";")[0].split("==") for line in lines if "==" in line.split(";")[0]]
    versions = {canonicalize_name(name.strip()): version.strip() for name, version in pins}
    bad_versions = []
    for number, line in enumerate(known.read_text().splitlines(), 1):
        text, _, why = line.partition("#")
        if text.strip():
            try:
                bad = Requirement(text.strip())
            except InvalidRequirement:
                sys.exit(f"{known}:{number}: expected a requirement such as pillow<10.3, received {line!a}")
            version = versions.get(canonicalize_name(bad.name))
            if version is not None and bad.specifier.contains(version, prereleases=True):
                bad_versions.append(f"{bad.name}=={version}: {bad.specifier} {why.strip()}".rstrip())
    return bad_versions


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        if not path.is_file():
            sys.exit(f"{path}: no such file")
    problems = bad_pins(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(problems))
    sys.exit(bool(problems))
