"""What the tests of verbs share."""

import pytest

from danq.cli import main


@pytest.fixture
def danq(monkeypatch):
    """Call a verb in this process; its exit status."""

    def run(verb, *arguments):
        monkeypatch.setattr("sys.argv", ["danq", verb, *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code

    return run
