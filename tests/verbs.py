"""The command line, called in this process or in one of its own."""

import subprocess
from pathlib import Path

import pytest
from forked import run_forked


def danq(*arguments: object) -> int:
    """Call a verb; its exit status."""
    from danq.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["danq", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def danq_process(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Call a verb as a shell would, in a directory."""
    return run_forked("danq.cli", *map(str, arguments), cwd=cwd)
