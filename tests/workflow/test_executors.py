"""The profiles of clusters and clouds with their executors, on stand-ins that run jobs on this machine."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from tests.workflow import stand_in_schedulers
from tests.workflow.conftest import HELD, Project, write_project
from tests.workflow.stand_in_clouds import Cloud, Pods
from tests.workflow.stand_in_schedulers import submissions

pytestmark = [pytest.mark.slow, pytest.mark.environment]
PROFILES = ("lsf", "sge", "kubernetes", "aws-batch")
# what jobs of a rule ask for where the profile is as it is: of the scheduler's own, and on a GPU
DEFAULTS = {
    "lsf": ({"lsf_queue": "normal"}, {"lsf_queue": "gpu", "lsf_extra": "-wa TERM -wt 2 -gpu num=1"}),
    "sge": ({"sge_queue": "all.q", "sge_extra": ""}, {"sge_queue": "gpu.q", "sge_extra": "-l gpu=1"}),
    "kubernetes": ({"scale": "0", "gpu_manufacturer": "nvidia"}, {"scale": "0", "gpu": "1"}),
    "aws-batch": ({"mem_mb": "8192"}, {"mem_mb": "8192", "_gpus": "1"}),
}
NETWORK = {
    "model": "danq",
    "dataset": "one",
    "options": {"filters": 8, "kernel": 9, "pool": 12, "units": 4, "dense": 8},
    "train": {"epochs": 1, "batch_size": 50, "optimizer": "adam", "require_gpu": True},
}


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the plugins over the one of the tests, which stays as it is: its Python."""
    if ready := os.environ.get("DANQ_PLUGINS"):
        return Path(ready)
    where = tmp_path_factory.mktemp("plugins")
    subprocess.run([sys.executable, "-m", "venv", where], check=True)
    (packages,) = where.glob("lib/python*/site-packages")
    below = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "below.pth").write_text(f"{below}\n")
    pins = Path(__file__).with_name("plugins.txt")
    command = [where / "bin" / "pip", "install", "--quiet", "--no-deps", "--requirement", pins]
    subprocess.run(command, check=True)
    return where / "bin" / "python"


@pytest.fixture(scope="session")
def storage(plugins: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """The variables under which S3 is a server on this machine."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = (tmp_path_factory.mktemp("s3") / "log").open("wb")
    start = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    server = subprocess.Popen([plugins, "-c", start], stdout=log, stderr=log)
    until = time.monotonic() + 600
    while time.monotonic() < until:
        with socket.socket() as here:
            if here.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    yield {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    server.kill()
    server.wait()
    log.close()


@pytest.fixture
def clone(tmp_path: Path, repository: Path) -> Project:
    """A copy of the workflow with a project in it, whose files have relative paths."""
    write_project(tmp_path)
    for name in ("workflow", "profiles"):
        shutil.copytree(repository / name, tmp_path / name)
    shutil.copy(repository / "Snakefile", tmp_path)
    return Project(tmp_path, tmp_path)


def variables(plugins: Path, project: Project, more: dict[str, str]) -> dict[str, str]:
    """The environment of a workflow and of its jobs."""
    paths = [str(plugins.parent), str(Path(sys.executable).parent), more.get("PATH", os.environ["PATH"])]
    own = {"PATH": os.pathsep.join(paths), "TF_NUM_INTRAOP_THREADS": "1", "PIP_NO_DEPS": "1"}
    own["PYTHONPATH"] = os.pathsep.join((str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")))
    return os.environ | more | own


def run(
    plugins: Path, project: Project, profile: str, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [plugins, "-m", "snakemake", "--workflow-profile", f"profiles/{profile}", *arguments],
        cwd=project.path,
        env=variables(plugins, project, more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1500,
    )


def test_every_key_of_the_profiles_is_an_option_of_snakemake_or_of_its_plugins(
    plugins: Path, repository: Path
):
    shown = subprocess.run([plugins, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True)
    options = set(re.findall(r"--([a-z0-9-]+)", shown.stdout))
    for name in PROFILES:
        profile = yaml.safe_load((repository / "profiles" / name / "config.yaml").read_text())
        assert set(profile) <= options, name
        assert profile["executor"] in (name, "cluster-generic")


def test_the_same_rules_use_a_gpu_whatever_the_cluster(repository: Path):
    on_gpu = [
        set(yaml.safe_load((repository / "profiles" / name / "config.yaml").read_text())["set-resources"])
        for name in ("slurm", *PROFILES)
    ]
    # workers on several nodes are started by Slurm's srun
    assert all(rules == on_gpu[0] - {"train_on_nodes"} for rules in on_gpu[1:])


def test_each_rule_has_as_many_cores_as_go_with_its_memory_on_aws_batch(repository: Path):
    profile = yaml.safe_load((repository / "profiles" / "aws-batch" / "config.yaml").read_text())
    text = "".join(path.read_text() for path in (repository / "workflow" / "rules").glob("*.smk"))
    rules = set(re.findall(r"^(?:(?:rule|checkpoint) |use rule \w+ as )(\w+)", text, re.MULTILINE))
    # those whose names depend on what is asked of datasets and callsets; shards are refused
    rules |= {"dataset", "examples", "texts", "images", "score", "score_table_and_compare_on_cpu"}
    rules -= {"genome_shard", "train_on_nodes"}
    assert rules <= set(profile["set-threads"])
    # with one core the plugin would refuse the memory of a second try, with eight that of the first
    assert set(profile["set-threads"].values()) == {2, 4}
    assert profile["default-resources"]["mem_mb"] == "8192 * min(attempt, 2)"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_dry_run_shows_what_the_scheduler_is_asked_for(
    plugins: Path, clone: Project, storage: dict[str, str], profile: str
):
    done = run(plugins, clone, profile, "--dry-run", **storage)
    assert done.returncode == 0, done.stdout
    jobs = re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", done.stdout, re.MULTILINE)
    assert {rule for rule, _ in jobs} >= {"genome", "dataset", "train", "train_on_cpu", "predict", "report"}
    for rule, text in jobs:
        if rule == "default":
            continue
        asked = dict(value.split("=", 1) for value in text.split(", ") if "=" in value)
        own = DEFAULTS[profile][rule in ("train", "predict")]
        assert asked["mem_mb"], rule
        assert asked["runtime"], rule
        assert {key: asked.get(key) for key in own} == own, rule


@pytest.mark.parametrize(
    ("profile", "command", "target"),
    [("lsf", "bsub", "all"), ("lsf", "bsub", "results/genomes/first/genome.json"), ("sge", "qsub", "all")],
)
def test_without_the_commands_of_a_scheduler_its_profile_is_refused_in_one_line(
    plugins: Path, clone: Project, profile: str, command: str, target: str
):
    done = run(plugins, clone, profile, target)
    assert done.returncode == 2, done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"danq: expected the command {command}, by which jobs are")
    assert not (clone.path / "results").exists()


@pytest.mark.parametrize("profile", ["lsf", "sge"])
def test_a_training_goes_on_across_time_limits_and_what_the_user_must_mend_is_not_tried_again(
    plugins: Path, clone: Project, tmp_path_factory: pytest.TempPathFactory, profile: str
):
    (clone.path / "held.py").write_text(HELD.replace("TIMES", "2"))
    raw = yaml.safe_load((clone.path / "config" / "config.yaml").read_text())
    raw["runs"]["net"] |= {"model": "held.py", "train": {"epochs": 3, "batch_size": 50}}
    raw["runs"]["other"] = NETWORK
    clone.configure(yaml.safe_dump(raw))
    where = tmp_path_factory.mktemp(profile)
    more = stand_in_schedulers.install(where)
    done = run(
        plugins, clone, profile, "--seconds-between-status-checks", "2", "--keep-going",
        "results/runs/net/bundle.json", "results/runs/other/bundle.json", **more,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert done.stdout.count("danq: train/other begins") == 1, done.stdout
    assert "danq: train/other failed: " in done.stdout
    stops = re.findall(r"danq: train/net stopped by SIGTERM in epoch .* and goes on in another", done.stdout)
    assert len(stops) == 2, done.stdout
    bundle = json.loads((clone.path / "results/runs/net/bundle.json").read_text())
    assert bundle["training"]["resumed"] == 2
    asked = {name.split()[0]: " ".join(options[:-1]) for name, options in submissions(where).items()}
    assert set(asked) == {"genome", "dataset", "train"}
    if profile == "lsf":
        assert " -q gpu -W 1440 -n 4 -R rusage[mem=2000.0] -R span[hosts=1]" in asked["train"]
        assert asked["train"].count("-wa TERM -wt 2 -gpu num=1") == 1
        assert " -q normal -W 60 -n 1 -R rusage[mem=2000.0]" in asked["genome"]
    else:
        limits = "-l s_rt=86280,h_rt=86400 -l h_vmem=2000M -l gpu=1"
        assert f"-q gpu.q -pe smp 4 {limits}" in asked["train"]
        assert asked["genome"].endswith("-q all.q -pe smp 1 -l s_rt=3480,h_rt=3600 -l h_vmem=2000M")


@pytest.mark.parametrize("profile", ["kubernetes", "aws-batch"])
def test_jobs_that_share_no_files_get_sources_and_results_through_the_storage(
    plugins: Path,
    clone: Project,
    storage: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    profile: str,
):
    raw = yaml.safe_load((clone.path / "config" / "config.yaml").read_text())
    raw["runs"]["other"] = raw["runs"].pop("net") | NETWORK
    clone.configure(yaml.safe_dump(raw))
    pods = Pods(tmp_path_factory.mktemp("pods"), variables(plugins, clone, storage))
    with Cloud(pods) as cloud:
        config = clone.path / "kubeconfig"
        config.write_text(json.dumps(kubeconfig(cloud.url)))
        arguments = [
            *("--default-storage-prefix", f"s3://{profile}/project", "--seconds-between-status-checks", "1"),
            *("--keep-going", "results/runs/words/predictions/test.npz"),
            *(["results/runs/other/bundle.json"] if profile == "aws-batch" else []),
        ]
        more = storage | {"AWS_ENDPOINT_URL_BATCH": cloud.url, "KUBECONFIG": str(config)}
        done = run(plugins, clone, profile, *arguments, **more)
        again = run(plugins, clone, profile, *arguments, **more) if profile == "kubernetes" else None
    logs = "\n".join(pods.log(name) for name in pods.processes)
    assert done.returncode == (profile == "aws-batch"), done.stdout + logs
    if again is not None:
        assert "Nothing to be done" in again.stdout, again.stdout
    else:
        # what the user must mend is known from the log in the storage
        assert "danq: train/other failed: " in done.stdout
        assert (
            sum("danq train" in pods.log(name) and "other" in pods.log(name) for name in pods.processes) == 1
        )
    asked = [resources_of(body) for body in pods.asked.values()]
    # what reads files that lie here ran here
    in_pods = {"train_on_cpu", "predict_on_cpu"} | ({"train"} if profile == "aws-batch" else set())
    assert {rule for rule, _ in asked} == in_pods
    memory = {"train_on_cpu": ("8000M", "8192"), "predict_on_cpu": ("6000M", "8192"), "train": ("", "8192")}
    for rule, (cpu, amount, gpus) in asked:
        if profile == "kubernetes":
            assert (cpu, amount, gpus) == ("4000m", memory[rule][0], None)
        else:
            assert (cpu, amount, gpus) == ("4", memory[rule][1], "1" if rule == "train" else None)
    assert not (clone.path / "results").exists()


def kubeconfig(url: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {}}],
    }


def resources_of(body: dict) -> tuple[str, tuple[str, str, str | None]]:
    """Rule and limits of cores, memory and GPUs of what Kubernetes or AWS Batch was asked for."""
    if "spec" in body:
        (container,) = body["spec"]["template"]["spec"]["containers"]
        command, limits = container["args"][1], container["resources"]["limits"]
        found = limits["cpu"], limits["memory"], limits.get("nvidia.com/gpu")
    else:
        properties = body["containerProperties"]
        command = properties["command"][2]
        limits = {entry["type"]: entry["value"] for entry in properties["resourceRequirements"]}
        found = limits["VCPU"], limits["MEMORY"], limits.get("GPU")
    rule = re.search(r"--allowed-rules '?(\w+)", command)
    assert rule is not None
    return rule[1], found


def test_shards_are_refused_where_jobs_share_no_files(plugins: Path, clone: Project, storage: dict[str, str]):
    raw = yaml.safe_load((clone.path / "config" / "config.yaml").read_text())
    (clone.path / "data" / "a.tsv").write_text("variant\nchr1:5:A:C\n")
    raw["callsets"] = {"cut": {"vcf": "data/a.tsv", "genome": "first", "runs": ["net"], "shards": 3}}
    clone.configure(yaml.safe_dump(raw))
    done = run(plugins, clone, "kubernetes", "--dry-run", **storage)
    assert done.returncode == 2
    assert "callsets.cut.shards: expected 1 where results go through a storage, received 3" in done.stdout
