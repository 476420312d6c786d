import gc
import os
import sys
from functools import cache, partial
from pathlib import Path
from shutil import which

from snakemake.exceptions import WorkflowError
from snakemake.settings.enums import Quietness
from snakemake_interface_executor_plugins.settings import ExecMode, SharedFSUsage

from danq.config import own_models
from danq.config.expand import computed_by_numpy, members_of
from danq.config.job_logs import JobLogs
from danq.config.merged import checked_config, write_once
from danq.config.partitions import jobs_that_would_wait, missing_command, partitions
from danq.config.tries import Tries
from danq.config.views import (
    callsets_viewed,
    genomes_viewed,
    viewing_options,
    viewing_runs,
)
from danq.config.workflow import (
    any_of,
    callset_files,
    dataset_files,
    run_files,
    trial_files,
)
from danq.contents import Contents
from danq.config.search import search_name, searches, trial_name, trials
from danq.learn.trial_tables import trials_of_rung
from danq.config.scored import scored_files, scoring_rules
from danq.learn.gpu import gpu_possible
from danq.learn.manifest import ENSEMBLE
from danq.provenance import verb_digest

# the jobs of a plan all stay: looking for leftovers among them took a fifth of the time of a plan of thousands
gc.set_threshold(100_000, 50)

# danq stands beside the Python that runs snakemake, whether or not their environment is activated
os.environ.update(
    PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)

# whether jobs see the files that lie here, as on a cluster, or results go through a storage, as in a cloud
SHARED = (
    workflow.storage_settings.default_storage_provider is None
    and SharedFSUsage.INPUT_OUTPUT in workflow.storage_settings.shared_fs_usage
)
# a job that does not see the user's files
FAR_AWAY = (
    workflow.exec_mode == ExecMode.REMOTE
    and SharedFSUsage.INPUT_OUTPUT not in workflow.storage_settings.shared_fs_usage
)
# part of another workflow, whose rules may make what the configuration names
MODULE = not workflow.modifier.is_main_snakefile()
settings = checked_config(
    config,
    workflow.configfiles,
    workflow.config_settings.config,
    SHARED,
    FAR_AWAY,
    MODULE,
)
dataset_files = partial(dataset_files, settings, later=MODULE)
if FAR_AWAY:
    # whoever started the workflow looked at them; here even the tables that name some are missing
    dataset_files = run_files = trial_files = callset_files = lambda *names: []

# where results lie, below the prefix that the workflow has as a module of another; and the configuration
CONFIG = str(workflow.modifier.path_modifier.modify("results/config.json"))
RESULTS = os.path.dirname(CONFIG)
REPORT = f"{RESULTS}/report.html"
# files of a dataset besides labels.npy and dataset.json, by the rule that makes it
ROWS = {
    "dataset": ["windows.parquet"],
    "examples": ["examples.parquet", "codes.npy"],
    "texts": ["examples.parquet"],
    "images": ["examples.parquet", "images.npy"],
}
EVALUATION = [
    f"evaluation/{name}"
    for name in (
        "metrics.tsv",
        "summary.json",
        "curves.parquet",
        "calibration.tsv",
        "resamples.parquet",
        "pairs.tsv",
    )
]
# files of a run besides its bundle
OF_RUNS = [
    "history.tsv",
    "golden.npz",
    "predictions/valid.npz",
    "predictions/test.npz",
    *EVALUATION,
]
# runs whose options a search chooses, by its name, which repeats of a run share; and all its trials
SEARCHES = searches(settings)
TRIALS = trials(settings)
TRAINED = SEARCHES | settings.runs
CORES = workflow.resource_settings.cores


def workers(wildcards):
    """How many processes train a run together."""
    return settings.runs[wildcards.run].train.workers or 2


def gpu(wildcards):
    """Whether a training asks for a GPU."""
    return int(settings.runs[wildcards.run].train.require_gpu)


def launch(wildcards, threads):
    """What starts the processes that train a run together; nothing where there is one."""
    if wildcards.run not in ON_NODES:
        return ""
    return f"srun --ntasks={workers(wildcards)} --cpus-per-task={threads} --kill-on-bad-exit=1 "


# half of a machine: a small network leaves the other cores idle, and two jobs side by side use them; but a GPU's
# memory is for one training at a time
SHARE = CORES if CORES and gpu_possible() else max(1, min(8, (CORES or 16) // 2))
ENSEMBLES = [name for name, run in settings.runs.items() if run.model == ENSEMBLE]
# what asks for no GPU: linear models and their means, what they score, and putting shards together
ON_CPU = [name for name in settings.runs if computed_by_numpy(settings, name)]
PREDICTED_ON_CPU = [
    name for name, run in settings.runs.items() if name in ON_CPU or run.shards > 1
]
# what several processes train together, each in a task of Slurm's
ON_NODES = [
    name
    for name, run in settings.runs.items()
    if run.train.distribute == "multi_worker"
]
# rules that train → their runs, and what they ask for beside memory and time
TRAINING = {
    "train": (
        set(settings.runs) - set(ENSEMBLES) - set(ON_CPU) - set(ON_NODES),
        {"gpu": gpu},
    ),
    "train_on_cpu": (set(ON_CPU) - set(ENSEMBLES), {}),
    # `mpi` has Slurm's plugin leave starting the processes, one on each node, to the job itself; the GPU of each
    # would decide by itself how many there are
    "train_on_nodes": (
        ON_NODES,
        {
            "mpi": "srun",
            "tasks": workers,
            "nodes": workers,
            "gres": lambda wildcards: "gpu:1" if gpu(wildcards) else "",
            "tasks_per_gpu": 0,
        },
    ),
}
LINEAR_CALLSETS = [
    name
    for name, callset in settings.callsets.items()
    if set(callset.runs) <= set(ON_CPU)
]
WRITTEN_ON_CPU = [
    name
    for name, callset in settings.callsets.items()
    if name in LINEAR_CALLSETS or callset.shards > 1
]
# what the user's profile or command line says of the resources of all jobs, without Snakemake's own formula of memory
USERS_DEFAULTS = {
    argument.partition("=")[0]
    for argument in getattr(workflow.resource_settings.default_resources, "args", ())
    if "(2*input.size_mb, 1000)" not in argument
}


def by_device(rule_name, names, on_cpu):
    """A rule and its twin, which asks for no GPU, with the names that each is for."""
    return {rule_name: set(names) - set(on_cpu), f"{rule_name}_on_cpu": on_cpu}


def tell(line):
    """Print a line on the terminal and into Snakemake's log, unless `--quiet` asks for none of progress."""
    logger.info(line, extra={"quietness": Quietness.PROGRESS})


# what the user's files hold counts, not their dates
contents = Contents()
job_logs = JobLogs(Path(RESULTS, "logs"), tell)
tries = Tries(
    workflow,
    Path(RESULTS, "logs"),
    tell,
    at_once=MODULE,
)
# a cluster's jobs are workflows of their own
if workflow.exec_mode == ExecMode.DEFAULT:
    logger.addHandler(tries)


wildcard_constraints:
    genome=any_of(settings.genomes),
    dataset=any_of(settings.datasets),
    run=any_of(settings.runs),
    search=any_of(SEARCHES),
    trial=r"\d+",
    rung=r"\d+",
    split="valid|test",
    callset=any_of(settings.callsets),
    shard=r"\d+",
    shards=r"\d+",


@cache
def written_config():
    """File of the configuration, a parameter and no input, so that it makes nothing run again by itself.

    Asked for before the first job, for a module's `onstart` is not run; a dry run writes nothing.
    """
    if workflow.executor_plugin and not workflow.dryrun:
        write_once(settings, Path(CONFIG))
    return CONFIG


def needs(memory, minutes):
    """Memory in MB, more by each try that had too little, and minutes, where `default-resources` gives none."""
    asked = {"mem_mb": lambda wildcards, attempt: memory * attempt, "runtime": minutes}
    return {
        name: amount for name, amount in asked.items() if name not in USERS_DEFAULTS
    }


def require_command():
    """End the process with one line on a machine that cannot hand in jobs as the executor does."""
    if not workflow.executor_plugin or workflow.dryrun:
        return
    own_command = getattr(workflow.executor_settings, "submit_cmd", None)
    if problem := missing_command(workflow.executor_plugin.name, own_command or ""):
        sys.stderr.write(f"danq: {problem}\n")
        raise SystemExit(2)


def refuse_jobs_that_would_wait():
    """End before the first job where a cluster would never start one of them, or where nothing starts workers."""
    needed = {job.rule.name for job in workflow.dag.needrun_jobs()}
    if "train_on_nodes" in needed and not which("srun"):
        raise WorkflowError(
            f"danq: train.distribute of {', '.join(ON_NODES)}: expected none or mirrored without Slurm, whose "
            "srun starts the workers; received multi_worker, and there is no srun"
        )
    if workflow.executor_plugin.name != "slurm":
        return
    asked = ((job.rule.name, job.resources) for job in workflow.dag.needrun_jobs())
    if problem := jobs_that_would_wait(asked, partitions()):
        raise WorkflowError(f"danq: {problem}")


def as_rules_name_it(path):
    """What a table in `config` has as `config/../peaks/a.bed`, rules of another workflow make as `peaks/a.bed`."""
    short = os.path.normpath(path)
    return short if os.path.realpath(short) == os.path.realpath(path) else str(path)


def own(paths):
    """The user's files, which lie where the configuration says, whatever prefix results have.

    Where jobs share no files, Snakemake runs here what reads a local file: so does what reads a relative path,
    while an absolute one is there for the jobs as well, on a volume or in their image.
    """
    return [
        local(as_rules_name_it(path) if MODULE else str(path))
        for path in paths
        if SHARED or not (FAR_AWAY or path.is_absolute())
    ]


def fasta_path(wildcards):
    """FASTA of a genome, as the configuration has it."""
    return [settings.genome_source(wildcards.genome).fasta]


def genome_files(genome):
    """Files of an encoded genome; none for None."""
    names = ("codes.npy", "contigs.tsv", "iupac.npy", "genome.json") if genome else ()
    return [f"results/genomes/{genome}/{name}" for name in names]


def maker(name):
    """Rule that makes a dataset, by what its rows are."""
    options = settings.datasets[name]
    by_kind = {"dna": "examples", "text": "texts", "image": "images"}
    return "dataset" if options.targets else by_kind[options.kind]


def genome_option(wildcards):
    """Option for the genome that a dataset's bins lie on; nothing for rows that bring their own data."""
    genome = settings.genome_of(wildcards.dataset)
    return ["--genome", f"{RESULTS}/genomes/{genome}"] if genome else []


@cache
def dataset_results(name):
    """Files of a labelled dataset, with those of its genome."""
    files = ["dataset.json", "labels.npy", *ROWS[maker(name)]]
    return [
        *(f"results/datasets/{name}/{file}" for file in files),
        *genome_files(settings.genome_of(name)),
    ]


def dataset_of(wildcards):
    """Files of the dataset that a run is trained on."""
    return dataset_results(settings.runs[wildcards.run].dataset)


def folder_of_dataset(wildcards):
    """Folder of the dataset that a run is trained on."""
    return f"{RESULTS}/datasets/{settings.runs[wildcards.run].dataset}"


# beside bundle.json, of a run with a model of its own
MODEL_FILES = ["model.keras", "network.json", "weights.safetensors"]


def bundle_files(run):
    """Files of a run's bundle; of an ensemble with those of its members."""
    members = ["members"] if run in ENSEMBLES else MODEL_FILES
    return [f"results/runs/{run}/{name}" for name in ("bundle.json", *members)]


def gone(wildcards):
    """Files of runs that have begun which are not there: Snakemake asks for no more than the report reads.

    Of a run without any file nothing is named, for the report brings all: a thousand seeds are planned sooner.
    """
    place = workflow.modifier.path_modifier.modify
    begun = [
        run for run in settings.runs if os.path.isdir(place(f"results/runs/{run}"))
    ]
    runs = settings.runs if os.path.exists(REPORT) else begun
    files = (
        path
        for run in runs
        for path in [
            *bundle_files(run),
            *(f"results/runs/{run}/{file}" for file in OF_RUNS),
        ]
    )
    return [path for path in files if not os.path.exists(place(path))]


def bundle_of(start):
    """Bundle of the run that a training starts from, if it starts from one."""
    return bundle_files(start) if start in settings.runs else []


def bundles_of_members(wildcards):
    """Bundles of the runs that an ensemble is the mean of."""
    return [
        f"results/runs/{member}/{name}"
        for member in members_of(settings, wildcards.run)
        for name in (*MODEL_FILES, "bundle.json", "history.tsv", "golden.npz")
    ]


@cache
def code_for(verb, *runs):
    """Digest of the code that a verb runs for these runs or searches: of the models, theirs alone."""
    # a parameter of every rule, asked for before the executor is made: that of LSF would end with a traceback
    require_command()
    behind = [
        member
        for run in runs
        for member in (members_of(settings, run) if run in ENSEMBLES else [run])
    ]
    return verb_digest(verb, *sorted({TRAINED[run].model for run in behind}))


def training_options(wildcards):
    """What a run's weights depend on: everything but how it predicts, and how its options were chosen."""
    run = settings.runs[wildcards.run]
    return run.model_dump_json(exclude={"predict", "search", "shards"})


def best_trial(wildcards):
    """File that names the best trial of a run's search, if it has one."""
    if settings.runs[wildcards.run].search is None:
        return []
    search = search_name(wildcards.run)
    return checkpoints.search.get(search=search).output.best


def search_option(wildcards):
    """Option for the search that chose a run's options, if one did."""
    if settings.runs[wildcards.run].search is None:
        return []
    return ["--search", f"{RESULTS}/searches/{search_name(wildcards.run)}"]


def trial_of(wildcards):
    """Name of a trial as the configuration has it."""
    return trial_name(wildcards.search, int(wildcards.trial))


def trial_before(wildcards):
    """What a trial was found to be in the rung before, from whose end it goes on."""
    rung = int(wildcards.rung) - 1
    before = f"results/searches/{wildcards.search}/rung{rung}/trial{wildcards.trial}/trial.json"
    return [before] if rung else []


def trials_in(search, rung):
    """What the trials of one rung were found to be: of all in the first, then of those that go on."""
    numbers = range(1, SEARCHES[search].search.trials + 1)
    if rung > 1:
        decision = checkpoints.rung.get(search=search, rung=rung - 1).output[0]
        numbers = trials_of_rung(Path(decision))
    return [
        f"results/searches/{search}/rung{rung}/trial{number}/trial.json"
        for number in numbers
    ]


def trials_of_all_rungs(wildcards):
    """What the trials of a search were found to be, rung by rung."""
    ends = TRIALS[trial_name(wildcards.search, 1)].ends
    return [
        path
        for rung in range(1, len(ends) + 1)
        for path in trials_in(wildcards.search, rung)
    ]


def trusted_code(wildcards):
    """Option for the file of a model of one's own, which this configuration names."""
    files = own_models(settings, [wildcards.run])
    return [
        argument for file in files for argument in ("--trust-model-code", str(file))
    ]


def prediction_options(wildcards):
    """Options of a run's predictions."""
    options = settings.runs[wildcards.run].predict
    return [
        *("--reverse-complement", options.reverse_complement),
        *("--batch-size", str(options.batch_size)),
        *trusted_code(wildcards),
    ]


def genome_of_callset(wildcards):
    """Files of the genome that a callset's variants lie on."""
    return genome_files(settings.genome_of_callset(wildcards.callset))


def models_of(wildcards):
    """Bundles of the runs that score a callset."""
    runs = settings.callsets[wildcards.callset].runs
    return [file for run in runs for file in bundle_files(run)]


def receipts(folder, name, shards):
    """Receipts of the jobs that some work is cut into; none where one job does it all."""
    numbers = range(1, shards + 1) if shards > 1 else ()
    return [
        f"results/{folder}/{name}{shard}-of-{shards}.receipt.json" for shard in numbers
    ]


def shards_of(wildcards):
    """Receipts of the jobs of a callset's scoring."""
    callset = wildcards.callset
    return receipts(f"scores/{callset}", "", settings.callsets[callset].shards)


def shards_of_prediction(wildcards):
    """Receipts of the jobs of predicting a split."""
    run = wildcards.run
    folder = f"runs/{run}/predictions"
    return receipts(folder, f"{wildcards.split}.", settings.runs[run].shards)


def shards_of_genome(wildcards):
    """Receipts of the jobs of encoding a genome."""
    genome = wildcards.genome
    return receipts(f"genomes/{genome}", "", settings.genome_source(genome).shards)


def scoring_options(wildcards):
    """What a callset's scores depend on: not into how many jobs it is cut, nor what is looked at afterwards."""
    return settings.callsets[wildcards.callset].model_dump_json(
        exclude={"shards", "views"}
    )


def genomes_of_views(wildcards):
    """Files of the genomes that a run looks at."""
    names = genomes_viewed(settings, wildcards.run)
    return [path for name in names for path in genome_files(name)]


def scores_viewed(wildcards):
    """Scores among which a run looks for the strongest variants."""
    return [
        f"results/scores/{name}/{file}"
        for name in callsets_viewed(settings, wildcards.run)
        for file in ("scores.parquet", "scores.json")
    ]
