"""The documentation's links lead somewhere, and the files it places exist."""

import re
import runpy
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("config/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_within_the_project_lead_to_a_file(page: Path) -> None:
    # what stands between backticks is no link, whatever it looks like
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", re.sub(r"`[^`\n]+`", "", page.read_text())):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_tests_that_the_page_on_reliability_names_exist() -> None:
    page = (REPOSITORY / "docs" / "reliability.md").read_text()
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", page)
    assert len(named) > 30
    assert len(named) == page.count("::")
    # those of attacks begin at tests/unit, those of faults at tests
    tests = REPOSITORY / "tests"
    for file, test in named:
        path = tests / "unit" / file if (tests / "unit" / file).exists() else tests / file
        assert f"\ndef {test}(" in path.read_text(), f"{file}::{test}"


def test_the_page_on_architecture_names_every_room_and_no_other() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    named = {path for path in re.findall(r"`([\w.]+/[^`\s]*)`", text) if "<" not in path}
    assert not sorted(path for path in named if not (REPOSITORY / path).exists())
    rooms = {
        f"danq/{path.name}{'/' if path.is_dir() else ''}" for path in (REPOSITORY / "danq").glob("[a-z]*")
    }
    assert rooms <= named


def test_the_plans_of_large_jobs_are_those_that_are_computed(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(REPOSITORY / "benchmarks" / "plan.py"), run_name="__main__")
    page = (REPOSITORY / "docs" / "scaling.md").read_text()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) > 15
    assert not [row for row in rows if f"{row}\n" not in page]
