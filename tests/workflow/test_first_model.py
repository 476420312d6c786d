"""The page on a first model: what it says is printed, on the real tracks where they are present."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from verbs import danq_process

from tests.workflow.conftest import Project

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "first-model.md").read_text()
PARSED = re.findall(r"<!-- parsed only: [^>]+ -->\n```bash\n(.*?)```", PAGE, re.DOTALL)


def shown_after(text: str) -> str:
    """The output that the page shows next after a text."""
    return re.search(r"\n\n```\n(.*?)```", PAGE[PAGE.index(text) :], re.DOTALL)[1]


def danq(arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    done = danq_process(*arguments.split(), cwd=directory)
    assert done.returncode == 0, done.stderr
    return done


def merged(below: Any, above: Any) -> Any:
    if not isinstance(above, dict) or not isinstance(below, dict):
        return above
    return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}


@pytest.mark.parametrize("code", PARSED, ids=lambda code: code.strip().split("\n")[0][:30])
def test_commands_that_need_much_are_sound(code: str) -> None:
    assert subprocess.run(["bash", "-n"], input=code, text=True, check=False).returncode == 0
    for path in re.findall(r"resources/\S+", code):
        assert (REPOSITORY / path).exists()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """The data of the page, as its first commands leave them, and what `danq init` printed."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "peaks").symlink_to(real_data / "yeast" / "chipexo")
    shutil.copy(REPOSITORY / "resources" / "example" / "genome.fa.gz", desk)
    command = re.search(r"^danq (init .+)$", PAGE, re.MULTILINE)[1]
    (desk / "init.txt").write_text(danq(command, desk).stdout)
    return desk


def test_init_prints_what_the_page_shows(desk: Path) -> None:
    named = re.findall(r"[A-Z]\w+", re.search(r"for protein in (.+); do", PAGE)[1])
    assert sorted(named) == sorted(path.stem for path in (desk / "peaks").iterdir())
    assert (desk / "init.txt").read_text() == shown_after("danq init")


def test_search_and_views_are_keys_of_its_configuration(desk: Path) -> None:
    config = yaml.safe_load((desk / "my_project" / "config.yaml").read_text())
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        config = merged(config, yaml.safe_load(block))
    (desk / "all.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    checked = danq("config check all.yaml", desk)
    assert shown_after("what it will cost").strip() in checked.stdout + checked.stderr
    plan = Project(desk, REPOSITORY).planned("--configfile", "all.yaml")
    runs = re.findall(r"`(\w+)`", PAGE[PAGE.index("Four runs are made") :].split("\n\n")[0])
    assert {f"evaluate/{run}" for run in runs} == {job for job in plan if job.startswith("evaluate/")}
    assert "view/danq" in plan
