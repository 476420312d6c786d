"""Recipe, images and definition name the versions and libraries of pyproject.toml, and do the same."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rattler_build import Stage0Recipe

REPOSITORY = Path(__file__).parents[2]
PACKAGING = REPOSITORY / "packaging"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
CPU, GPU = ((PACKAGING / "docker" / f"{kind}.Dockerfile").read_text() for kind in ("cpu", "gpu"))
DEFINITION = (PACKAGING / "apptainer" / "danq.def").read_text()
CONDA_NAMES = {"matplotlib": "matplotlib-base"}


def section(name: str) -> list[str]:
    """Lines of a section of the Apptainer definition."""
    return re.search(rf"^%{name}\n((?:    .*\n)*)", DEFINITION, re.MULTILINE)[1].split("\n")[:-1]


def commands(text: str) -> list[str]:
    """Commands that a Dockerfile runs, in order."""
    steps = re.findall(r"^RUN ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    return [re.sub(r"\s+", " ", command).strip() for step in steps for command in re.split(r"\\\n *&&", step)]


def in_image() -> set[str]:
    """Files and folders of the repository that an image is made from."""
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    return {line[1:] for line in lines if line.startswith("!")}


def test_the_recipe_renders_and_asks_for_what_the_project_does():
    (variant,) = Stage0Recipe.from_file(PACKAGING / "conda" / "recipe.yaml").render()
    recipe = variant.recipe
    assert (recipe.package.name, recipe.package.version) == (PROJECT["name"], PROJECT["version"])
    assert recipe.about.license == PROJECT["license"]
    assert recipe.about.summary == PROJECT["description"]
    python, *run = recipe.requirements.run
    assert python == f"python {PROJECT['requires-python']}"
    wanted = [Requirement(entry) for entry in PROJECT["dependencies"]]
    assert sorted(run) == sorted(f"{CONDA_NAMES.get(r.name, r.name)} {r.specifier}" for r in wanted)
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["build-system"]["requires"]
    assert {f"{r.name} {r.specifier}" for r in map(Requirement, build)} <= set(recipe.requirements.host)
    (script,) = (f"{name} = {target}" for name, target in PROJECT["scripts"].items())
    assert script in (PACKAGING / "conda" / "recipe.yaml").read_text()


@pytest.mark.parametrize("text", [CPU, GPU, DEFINITION], ids=["cpu", "gpu", "apptainer"])
def test_images_are_of_this_version_and_of_the_python_that_the_pins_are_for(text: str):
    (version,) = re.findall(r"org\.opencontainers\.image\.version\W+([\d.]+)", text)
    assert version == PROJECT["version"]
    assert set(re.findall(r"--tag danq:([\d.]+)", text)) <= {version}
    python = re.search(r"BASE=python:([\d.]+)-", text)[1]
    assert python in SpecifierSet(PROJECT["requires-python"])
    assert f"(Python {python}," in (REPOSITORY / "constraints.txt").read_text().splitlines()[0]


def test_the_image_with_cuda_differs_by_the_extra_alone():
    assert "gpu" in PROJECT["optional-dependencies"]
    assert [c.replace('"/tmp/danq[gpu]"', "/tmp/danq") for c in commands(GPU)] == commands(CPU)
    assert [c for c in commands(GPU) if c not in commands(CPU)] != []


def test_the_definition_does_what_the_dockerfile_does():
    assert [
        line.replace("{{ PIP_OPTIONS }}", "${PIP_OPTIONS}").replace('"/tmp/danq{{ EXTRA }}"', "/tmp/danq")
        for line in map(str.strip, section("post"))
    ] == commands(CPU)
    copied = [line.split() for line in section("files")]
    assert {source for source, _ in copied} == in_image()
    assert {target for _, target in copied} == {"/tmp/danq/"}


def test_an_image_is_made_from_all_that_the_wheel_is_made_from():
    text = (REPOSITORY / "pyproject.toml").read_text()
    wheel = tomllib.loads(text)["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], PROJECT["readme"], *PROJECT["license-files"]}
    # workflow/profiles points to profiles
    assert in_image() == needed | {"pyproject.toml", "constraints.txt", "profiles"}
    assert all((REPOSITORY / name).exists() for name in in_image())


def test_the_catalog_says_that_danq_is_installed_beside_snakemake():
    usage = yaml.safe_load((REPOSITORY / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    rules = "".join(path.read_text() for path in (REPOSITORY / "workflow").rglob("*.smk"))
    assert usage["software-stack-deployment"]["conda"] == ("conda:" in rules)
