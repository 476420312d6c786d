"""What the workflow plans: the graph, its resources, and refusals before any job."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from verbs import danq_process

from tests.workflow.conftest import CONFIG, Project, set_key


def test_every_run_of_every_dataset_of_every_genome_is_planned(project: Project):
    project.configure(set_key("runs.more", {"model": "kmer_logistic", "dataset": "one"}))
    runs = {
        job
        for run in ("net", "words", "more")
        for job in (
            *(f"train/{run}", f"predict/{run}.valid", f"predict/{run}.test"),
            *(f"evaluate/{run}", f"model_card/{run}"),
        )
    }
    data = {"genome/first", "genome/second", "dataset/one", "dataset/two"}
    assert project.planned() == runs | data | {"report"}
    assert project.files() == set(), "a dry run writes nothing"


def test_a_run_more_is_planned_by_few_files(project: Project):
    """The time of a plan grows with the files that each of its jobs waits for."""
    read = re.compile(r"^    input: (.*)\n(?:    .*\n)*?    log: results/logs/(\S+)\.log$", re.MULTILINE)
    done = project.snakemake("--dry-run")
    files = {job: len(paths.split(", ")) for paths, job in read.findall(done.stdout)}
    assert {job: files[job] for job in files if "/net" in job} == {
        "train/net": 7,
        "predict/net.valid": 11,
        "predict/net.test": 11,
        "evaluate/net": 9,
        "model_card/net": 6,
    }


def test_a_file_given_with_configfile_stands_alone(project: Project):
    alone = yaml.safe_load(CONFIG)
    alone["runs"] = {"single": alone["runs"]["words"]}
    (project.path / "alone.yaml").write_text(yaml.safe_dump(alone))
    planned = project.planned("--configfile", "alone.yaml")
    assert "train/single" in planned
    assert not {"train/net", "train/words", "dataset/one"} & planned


def test_values_of_the_command_line_count(project: Project):
    done = project.snakemake("--dry-run", "--config", "runs={net: {options: {filter: 3}}}")
    assert done.returncode != 0
    assert "runs.net.options.filter: unknown key" in done.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (set_key("runs.net.options.filter", 3), "runs.net.options.filter: unknown key; expected one of "),
        (
            set_key("runs.net.train.epochs", "ten"),
            'runs.net.train.epochs: expected an integer, received "ten"',
        ),
        (
            set_key("genomes.first", "no.fa"),
            "genomes.first: expected a file, received 'no.fa' (no such file)",
        ),
        (CONFIG + "  net: {model: danq, dataset: two}\n", ":14: key 'net' stands in line 8 already"),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_line_before_any_job(
    project: Project, text: str, expected: str
):
    project.configure(text)
    done = project.snakemake("--cores", "1")
    assert done.returncode != 0
    said = [line for line in done.stdout.splitlines() if line.startswith("danq: ")]
    assert len(said) == 1
    assert said[0].startswith("danq: config/config.yaml")
    assert expected in said[0]
    assert "Traceback" not in done.stdout
    assert project.files() == set()


def test_a_track_that_is_missing_is_refused_before_any_job(project: Project):
    (project.path / "data" / "one.beta.bed").unlink()
    done = project.snakemake("--cores", "1")
    assert done.returncode != 0
    assert "danq: data/one.tsv:3: expected a track file" in done.stdout
    assert project.files() == set()


def test_fine_tuning_waits_for_the_run_it_starts_from(project: Project):
    project.configure(
        set_key("runs.tuned", {"model": "danq", "dataset": "two", "train": {"init_from": "net"}})
    )
    done = project.snakemake("--dry-run", "results/runs/tuned/bundle.json")
    assert done.returncode == 0, done.stdout
    rule = next(part for part in done.stdout.split("\n\n") if "log: results/logs/train/tuned.log" in part)
    assert "results/runs/net/bundle.json" in rule
    assert "results/runs/net/model.keras" in rule


def test_labelled_sequences_need_no_genome(project: Project):
    (project.path / "data" / "labelled.tsv").write_text("sequence\tlabel\nACGT\t1\n")
    raw = yaml.safe_load(CONFIG)
    raw["datasets"] = {"seqs": {"examples": "data/labelled.tsv", "window": 4, "bin": 4}}
    raw["datasets"]["seqs"]["split"] = {"valid": 0.2, "test": 0.2}
    raw["runs"] = {"words": {"model": "kmer_logistic", "dataset": "seqs"}}
    project.configure(yaml.safe_dump(raw))
    done = project.snakemake("--dry-run")
    assert "danq: warning: config/config.yaml: genomes.first: nothing uses it" in done.stdout
    assert "genome/first" not in project.planned()
    assert re.search(r"danq dataset --config \S+ --name seqs --out results/datasets/seqs +2>", done.stdout)


def test_a_model_of_ones_own_and_its_motifs_are_inputs(project: Project, repository: Path):
    shutil.copy(repository / "danq" / "models" / "danq.py", project.path / "data" / "mine.py")
    motif = [">CTCF", "A [1 2 3]", "C [3 2 1]", "G [1 1 1]", "T [1 1 1]"]
    (project.path / "data" / "motifs.meme").write_text("\n".join(motif) + "\n")
    run = {"model": "data/mine.py", "dataset": "one", "options": {"motifs": "data/motifs.meme"}}
    project.configure(set_key("runs.mine", run))
    done = project.snakemake("--dry-run", "results/runs/mine/predictions/test.npz")
    rule = next(part for part in done.stdout.split("\n\n") if "log: results/logs/train/mine.log" in part)
    assert "data/mine.py" in rule
    assert "data/motifs.meme" in rule
    # the user's own configuration names the file: that is trust
    assert (
        "--trust-model-code data/mine.py --work results/runs/mine/predictions/.work-test --out "
        in done.stdout
    )


def test_a_gpu_is_asked_for_only_where_it_is_required(project: Project):
    project.configure(set_key("runs.net.train.require_gpu", True))
    rules = project.snakemake("--dry-run").stdout.split("\n\n")
    asked = {
        run: "gpu=1" in next(part for part in rules if f"log: results/logs/train/{run}.log" in part)
        for run in ("net", "words")
    }
    assert asked == {"net": True, "words": False}


def test_a_starter_configuration_can_be_run(project: Project):
    init = ["init", "--fasta", "data/first.fa", "--out", "my", "--valid", "chr2", "--test", "chr3"]
    init += ["--bed", "data/one.alpha.bed", "--bed", "data/one.beta.bed"]
    assert danq_process(*init, cwd=project.path).returncode == 0
    assert "train/danq" in project.planned("--configfile", "my/config.yaml")


def test_every_job_calls_one_verb_and_says_what_it_needs(repository: Path):
    rules = dict[str, str]()
    for path in sorted((repository / "workflow" / "rules").glob("*.smk")):
        for block in re.split(r"^ *(?=(?:rule|checkpoint)\b)", path.read_text(), flags=re.MULTILINE)[1:]:
            name = re.sub("^(rule|checkpoint)", "", block.split(":")[0]).strip()
            # of a training on several nodes, its command begins with srun
            block = block.replace('"{params.launch}danq ', '"danq ')
            # a rule that is made once for each kind of rows, runs or callsets has no name of its own
            of_shard = "_shard" if "--receipt" in block else ""
            rules[name or re.search('"danq ([a-z]+) ', block)[1] + of_shard] = block
    verbs = {
        name: name
        for name in ("genome", "dataset", "train", "predict", "evaluate", "view", "report", "score", "trial")
    }
    verbs |= {
        "genome_shard": "genome",
        "predict_shard": "predict",
        "score_shard": "score",
        "rung": "search",
        "search": "search",
        "ensemble": "train",
        "model_card": "export",
    }
    assert set(rules) == set(verbs)
    for name, block in rules.items():
        verb = verbs[name]
        assert re.search(rf'shell:\s+"danq {verb} ', block), name
        assert block.count('"danq ') == 1, name
        assert re.search(rf'code=(verb_digest|lambda wildcards: code_for)\(\s*"{verb}"', block), name
        for directive in ("log:", "threads:", "resources:", "**needs(", "2> {log:q}"):
            assert directive in block, f"{name} lacks {directive}"
        assert ("benchmark:" in block) == (name not in ("report", "model_card")), name
        assert "run:" not in block.split("\n    ")[1:], name
        assert block.count("own(") == block.count("contents.digest("), f"{name}: the user's files by content"
        # of an ensemble's members, how many there are is the configuration's
        assert ("directory(" in block) == (name == "ensemble"), name


def test_snakemake_finds_nothing_to_lint(project: Project):
    done = project.snakemake("--lint")
    assert done.returncode == 0, done.stdout
    assert "Congratulations" in done.stdout


def test_the_workflow_is_formatted(repository: Path):
    command = [Path(sys.executable).parent / "snakefmt", "--check", "Snakefile", "workflow"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
