"""danq inside pipelines of others: a Snakemake wrapper, Nextflow modules and Galaxy tools."""

import gzip
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest
import yaml
from forked import run_forked

N_SCORED = 3


@pytest.fixture(scope="module")
def generate(repository: Path) -> ModuleType:
    """The generator, which is no part of the package."""
    specification = importlib.util.spec_from_file_location(
        "generate", repository / "packaging" / "generate.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["generate"] = module
    specification.loader.exec_module(module)
    return module


def environment(tmp_path: Path) -> dict[str, str]:
    """Variables under which a shell finds `danq`, and nothing of the tests' own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path)}


def test_the_files_are_what_the_command_line_says_today(generate: ModuleType, repository: Path):
    for path, text in generate.generated().items():
        assert (repository / "packaging" / path).read_text() == text, f"python packaging/generate.py: {path}"


def test_every_option_of_a_verb_is_a_file_an_option_or_left_out_with_a_reason(generate: ModuleType):
    for tool in generate.TOOLS:
        shown = {option.name for option in generate.shown_options(tool)}
        names = {option.name for option in generate.options_of(tool.verb)}
        assert names == shown | set(tool.data) | (set(tool.left_out) & names)
        assert set(tool.left_out) <= names, "an option that is gone needs no reason"
        assert not shown & set(tool.left_out)


def test_a_verb_that_gained_a_path_or_lost_a_file_is_refused(generate: ModuleType):
    score = generate.TOOLS[0]
    fewer = {name: data for name, data in score.data.items() if name != "aliases"}
    with pytest.raises(ValueError, match="danq score --aliases: say in TOOLS what kind of file it is"):
        generate.shown_options(generate.Tool("score", "x", fewer, (), score.left_out))
    more = score.data | {"fastq": score.data["genome"]}
    with pytest.raises(ValueError, match="danq score has no option fastq"):
        generate.shown_options(generate.Tool("score", "x", more, (), score.left_out))


def test_the_versions_are_the_package_s(generate: ModuleType, repository: Path):
    wrapper = repository / "packaging/snakemake-wrapper/danq/score/environment.yaml"
    (version,) = re.findall(r"danq =(\S+)", wrapper.read_text())
    module = generate.generated()[Path("nextflow/modules/danq/score/environment.yml")]
    assert f"bioconda::danq={version}" in module


@pytest.mark.slow
@pytest.mark.parametrize("prefix", [True, False], ids=["wrapper prefix", "path"])
def test_the_snakemake_wrapper_scores(repository: Path, tmp_path: Path, prefix: bool):
    wrapper = repository / "packaging" / "snakemake-wrapper" / "danq" / "score"
    shutil.copytree(wrapper / "test", tmp_path / "test")
    snakefile = tmp_path / "test" / "Snakefile"
    # as the module of the workflow has it: a directory, known by a file that a rule makes
    with ZipFile(tmp_path / "test" / "model.zip") as archive:
        archive.extractall(tmp_path / "test" / "my run")
    if not prefix:
        snakefile.write_text(snakefile.read_text().replace("model.zip", "my run/bundle.json"))
    if prefix:
        # as in the repository of wrappers: a tag, `bio`, the wrapper
        shutil.copytree(wrapper, tmp_path / "wrappers" / "master" / "bio" / "danq" / "score")
        more = ["--wrapper-prefix", f"file://{tmp_path}/wrappers/"]
    else:
        snakefile.write_text(snakefile.read_text().replace("master/bio/danq/score", f"file:{wrapper}"))
        more = []
    arguments = ("--cores", "2", *more, "scores/here.tsv")
    done = run_forked("snakemake.cli", *arguments, cwd=snakefile.parent, environment=environment(tmp_path))
    assert done.returncode == 0, done.stderr + (snakefile.parent / "logs/here.log").read_text()
    scores = snakefile.parent / "scores"
    assert {path.name for path in scores.iterdir()} == {
        *("here.tsv", "here.ledger.tsv", "here.vcf.gz", "here.vcf.gz.tbi", "here.json"),
    }
    assert len((scores / "here.tsv").read_text().splitlines()) == 1 + N_SCORED
    assert json.loads((scores / "here.json").read_text())["options"]["strands"] == "forward"
    with gzip.open(scores / "here.vcf.gz", "rt") as lines:
        assert sum("danq_" in line for line in lines if not line.startswith("#")) == N_SCORED


def test_the_snakemake_wrapper_hands_on_a_refusal(repository: Path, tmp_path: Path):
    wrapper = repository / "packaging" / "snakemake-wrapper" / "danq" / "score"
    shutil.copytree(wrapper / "test", tmp_path / "test")
    snakefile = tmp_path / "test" / "Snakefile"
    text = snakefile.read_text().replace("master/bio/danq/score", f"file:{wrapper}")
    for wrong, problem in (
        (("--strands forward", "--target absent"), "danq: "),
        (
            ("scores=", "table="),
            "output.scores: expected a name that ends in .parquet or .tsv, received none",
        ),
        (
            ("ledger=", "legder="),
            "agreement, compared, index; received legder",
        ),
        (
            ('index="scores/{name}.vcf.gz.tbi"', 'index="scores/{name}.csi"'),
            "made no annotated.vcf.gz.csi of",
        ),
    ):
        snakefile.write_text(text.replace(*wrong))
        done = run_forked(
            *("snakemake.cli", "--cores", "1", "scores/here.tsv"),
            cwd=snakefile.parent,
            environment=environment(tmp_path),
            together=True,
        )
        assert done.returncode == 1
        log = snakefile.parent / "logs/here.log"
        assert problem in done.stdout + (log.read_text() if log.exists() else "")
        assert not list(snakefile.parent.glob("scores/*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "inputs"),
    [
        ("score", "--vcf variants.vcf --genome genome.fa"),
        ("predict", "--bed regions.bed --genome genome.fa"),
    ],
)
def test_the_scripts_of_a_nextflow_module_write_what_it_emits(
    repository: Path, tmp_path: Path, verb: str, inputs: str
):
    """Nextflow itself is not there: its script and stub, with their variables filled in, are."""
    text = (repository / "packaging" / "nextflow" / "modules" / "danq" / verb / "main.nf").read_text()
    known = {"models": "--model model.zip", "inputs": inputs, "names": "", "args": ""}
    known |= {"prefix": "here", "task.cpus": "1"}
    needed = re.findall(r'path\("([^"]+)"\), emit', text)
    for block in ("stub", "script"):
        (script,) = re.findall(rf'{block}:\n.*?"""\n(.*?)"""', text, re.DOTALL)
        # as Groovy reads a string: variables, then escapes
        filled = re.sub(r"(?<!\\)\$\{([\w.]+)\}", lambda match: known[match[1]], script).replace("\\\\", "\\")
        folder = tmp_path / block
        shutil.copytree(repository / "packaging" / "galaxy" / "test-data", folder)
        command = ["bash", "-c", f"set -euo pipefail\n{filled}"]
        subprocess.run(command, cwd=folder, env=environment(tmp_path), check=True)
        for path in needed:
            assert list(folder.glob(path.replace("${prefix}", "here").replace("{parquet,tsv}", "parquet"))), (
                path
            )
    (command,) = re.findall(r'eval\("(.*)"\)', text)
    version = subprocess.run(
        ["bash", "-c", command], env=environment(tmp_path), capture_output=True, text=True
    )
    assert re.fullmatch(r"\d+\.\d+\S*\n", version.stdout)


@pytest.mark.parametrize("verb", ["score", "predict"])
def test_what_a_nextflow_module_takes_and_gives_is_described(repository: Path, verb: str):
    module = repository / "packaging" / "nextflow" / "modules" / "danq" / verb
    meta = yaml.safe_load((module / "meta.yml").read_text())
    process = (module / "main.nf").read_text()
    emitted = re.findall(r"emit: (\w+)", process)
    assert sorted(meta["output"]) == sorted(emitted)
    (inputs,) = re.findall(r"input:\n(.*?)\n\n", process, re.DOTALL)
    taken = re.findall(r"(?:path|val)\((\w+)[),]|path (\w+)", inputs)
    channels = [channel if isinstance(channel, list) else [channel] for channel in meta["input"]]
    described = [name for channel in channels for element in channel for name in element]
    assert described == [one or other for one, other in taken]
    assert meta["name"] == f"danq_{verb}"
    # versions of all modules come by one topic
    (process_of, tool, command) = (next(iter(element)) for element in meta["output"]["versions_danq"][0])
    assert f'tuple val("{process_of}"), val(\'{tool}\'), eval("{command}"), topic: versions' in process
    assert meta["topics"]["versions"] == meta["output"]["versions_danq"]
    assert f"process {meta['name'].upper()} {{" in process


@pytest.fixture(scope="session")
def planemo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Planemo in an environment of its own: its pins are not danq's. Its folder of programs."""
    if ready := os.environ.get("DANQ_PLANEMO"):
        return Path(ready)
    where = tmp_path_factory.mktemp("planemo")
    subprocess.run([sys.executable, "-m", "venv", where], check=True)
    pin = "planemo==0.75.47"
    subprocess.run([where / "bin" / "pip", "install", "--quiet", pin], check=True)
    return where / "bin"


@pytest.mark.environment
@pytest.mark.parametrize("verb", ["score", "predict"])
def test_planemo_finds_nothing_to_mend_in_the_galaxy_tool(planemo: Path, repository: Path, verb: str):
    tool = repository / "packaging" / "galaxy" / f"danq_{verb}.xml"
    command = [planemo / "planemo", "lint", "--report_level", "all", "--fail_level", "warn", tool]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert not re.search(r"\b(WARNING|ERROR)\b", done.stdout), done.stdout


# Galaxy's own template language, with its values of the form; a data set is a path with the name of a format
FORM = """\
import json, sys
from Cheetah.Template import Template

class File(str):
    ext = property(lambda self: self.rpartition("/")[2].partition(".")[2].replace("fa", "fasta"))

class Form(dict):
    __getattr__ = dict.__getitem__

command, form = json.load(sys.stdin)
values = {name: File(value) if isinstance(value, str) and value else value for name, value in form.items()}
values["options"] = Form(values["options"])
repeated = {name: [Form(entry) for entry in value] for name, value in values["options"].items()
            if isinstance(value, list)}
values["options"].update(repeated)
print(Template(source=command, searchList=[values]))
"""


@pytest.mark.environment
@pytest.mark.parametrize(
    ("verb", "form", "written"),
    [
        ("score", {"vcf": "variants.vcf", "model": ["model.zip"], "genome": "genome.fa"}, "scores"),
        (
            "predict",
            {"bed": "regions.bed", "fasta": None, "model": "model.zip", "genome": "genome.fa"},
            "predictions.tsv",
        ),
    ],
)
def test_the_command_of_a_galaxy_tool_runs(
    planemo: Path, repository: Path, tmp_path: Path, generate: ModuleType, verb: str, form: dict, written: str
):
    """Galaxy itself is not there: its command, filled in by Galaxy's template engine, is."""
    galaxy = repository / "packaging" / "galaxy"
    (tool,) = (tool for tool in generate.TOOLS if tool.verb == verb)
    options: dict[str, object] = {}
    for option in generate.shown_options(tool):
        if option.many:
            options[f"{option.name}_repeated"] = []
        else:
            options[option.name] = "" if option.kind == "flag" else None
    if verb == "score":
        options |= {"strict": "--strict", "format": "tsv", "ref_mismatch": "swap"}
        options["region_repeated"] = [{"region": "chr2:1-2,500"}, {"region": "chr2:2,501-6,000"}]
    data = galaxy / "test-data"
    paths = {
        name: [str(data / each) for each in value] if isinstance(value, list) else value and str(data / value)
        for name, value in form.items()
    }
    text = (galaxy / f"danq_{verb}.xml").read_text()
    (command,) = re.findall(r"<command[^>]*><!\[CDATA\[(.*?)\]\]>", text, re.DOTALL)
    filled = subprocess.run(
        [planemo / "python", "-c", FORM],
        input=json.dumps([command, paths | {"aliases": None, "options": options}]),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Galaxy puts a command on one line
    run = " ".join(filled.split("\n"))
    subprocess.run(["bash", "-c", run], cwd=tmp_path, env=environment(tmp_path), check=True)
    assert len((tmp_path / written).read_text().splitlines()) == 1 + (4 if verb == "score" else 2)
