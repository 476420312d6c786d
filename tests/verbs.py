"""The command line, called in this process."""

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
