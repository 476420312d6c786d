"""Some random changes of each format that is read; `benchmarks/mutations.py` tries thousands."""

import random
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MUTATIONS = 20


class _LateError(BaseException):
    """What no reader takes for a damaged file."""


@contextmanager
def within(seconds):
    def stop(number, frame):
        raise _LateError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def mutations():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / "benchmarks"))
        import mutations

        yield mutations


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_changed_files_are_read_or_refused_in_one_line(mutations, tmp_path):
    draw, bad = random.Random(7), {}
    for name, (path, read) in mutations.good_files(tmp_path).items():
        original = path.read_bytes()
        assert mutations.outcome_of(path, read) == "read", name
        for _ in range(MUTATIONS):
            path.write_bytes(mutations.changed(name, original, draw))
            with within(10):
                outcome = mutations.outcome_of(path, read)
            if outcome not in ("read", "refused"):
                bad[name] = outcome
        path.write_bytes(original)
    assert not bad
