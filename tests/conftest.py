"""What all tests share."""

import os
import shutil
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parents[1]
# no timed tests: a loaded machine must not fail them; what failed is kept in the checkout, if it may be
_KEPT = {} if os.access(REPOSITORY, os.W_OK) else {"database": None}
settings.register_profile("danq", deadline=None, **_KEPT)
settings.load_profile("danq")

_HANDLERS = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where Slurm was installed for the tests, skipping one of its tests is a failure."""
    report = yield
    if report.skipped and item.get_closest_marker("slurm") and os.environ.get("DANQ_REQUIRE_SLURM"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although DANQ_REQUIRE_SLURM is set: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests, so that no worker is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Leave the user's cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _signals_as_at_the_start() -> None:
    """Undo what verbs called in this process do with signals: a process ignores what its parent ignores."""
    for number, handler in _HANDLERS.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def danq() -> Callable[..., int]:
    """Call a verb in this process; its exit status."""
    from verbs import danq

    return danq


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real data sets that are no part of the project; tests that use them skip where they are absent."""
    path = Path(os.environ.get("DANQ_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set DANQ_REAL_DATA")
    return path


@pytest.fixture(scope="session")
def bcftools() -> str:
    """Path of bcftools; tests that use it skip where it is absent, unless DANQ_REQUIRE_BCFTOOLS is set."""
    return _program("bcftools")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; tests that use it skip where it is absent, unless DANQ_REQUIRE_CHROMIUM is set."""
    return _program("chromium")


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Path of any program, by its name; as bcftools and chromium above."""
    return _program


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        if os.environ.get(f"DANQ_REQUIRE_{name.upper()}"):
            pytest.fail(f"{name} is not installed although DANQ_REQUIRE_{name.upper()} is set")
        pytest.skip(f"{name} is not installed (Debian package {name})")
    return path


@pytest.fixture(scope="session")
def viewed_project(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A results directory of a run that looked at regions; tests leave it as they found it."""
    from viewed_results import write_results

    return write_results(tmp_path_factory.mktemp("viewed"))


@pytest.fixture(scope="session")
def whole_project(tmp_path_factory: pytest.TempPathFactory, danq: Callable[..., int]) -> Path:
    """A project with every kind of results; tests copy it before they change anything."""
    from once import made_once
    from whole_project import write_whole_project

    return made_once(tmp_path_factory, "whole", lambda path: write_whole_project(path, danq))
