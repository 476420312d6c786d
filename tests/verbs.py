"""The command line, called in this process or in one of its own."""

import subprocess
import sys
from pathlib import Path

import pytest


def danq(*arguments: object) -> int:
    """Call a verb; its exit status."""
    from danq.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["danq", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def danq_process(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Call a verb as a shell would, in a directory."""
    return subprocess.run(
        [sys.executable, "-c", "from danq.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
