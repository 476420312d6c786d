import os
import sys
from pathlib import Path

from danq.config.files import dataset_files, run_files
from danq.config.settle import any_of, settle, write_once
from danq.provenance import verb_digest

# danq stands beside the Python that runs snakemake, whether or not their environment is activated
os.environ.update(
    PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)

settings = settle(config, workflow.configfiles, workflow.config_settings.config)

# written when jobs start; a parameter and no input, so that it makes nothing run again by itself
CONFIG = "results/config.json"
REGIONS = [name for name, options in settings.datasets.items() if options.targets]
KINDS = {name: options.kind for name, options in settings.datasets.items()}
EXAMPLES = [
    name for name in settings.datasets if KINDS[name] == "dna" and name not in REGIONS
]
TEXTS = [name for name in settings.datasets if KINDS[name] == "text"]
IMAGES = [name for name in settings.datasets if KINDS[name] == "image"]
OWN_ROWS = {
    "dna": ["examples.parquet", "codes.npy"],
    "text": ["examples.parquet"],
    "image": ["examples.parquet", "images.npy"],
}
BUNDLE = ("model.keras", "bundle.json")


wildcard_constraints:
    genome=any_of(settings.genomes),
    dataset=any_of(settings.datasets),
    run=any_of(settings.runs),
    split="valid|test",


def genome_results(genome):
    """Files of an encoded genome."""
    return [
        f"results/genomes/{genome}/{name}"
        for name in ("codes.npy", "contigs.tsv", "genome.json")
    ]


def genome_of(wildcards):
    """Files of the genome that a dataset's regions lie on."""
    return genome_results(settings.genome_of(wildcards.dataset))


def dataset_results(name):
    """Files of a labelled dataset, with those of its genome."""
    rows = ["windows.parquet"] if name in REGIONS else OWN_ROWS[KINDS[name]]
    own = [
        f"results/datasets/{name}/{file}"
        for file in ("dataset.json", "labels.npy", *rows)
    ]
    return own + (genome_results(settings.genome_of(name)) if name in REGIONS else [])


def dataset_of(wildcards):
    """Files of the dataset that a run is trained on."""
    return dataset_results(settings.runs[wildcards.run].dataset)


def bundle_to_start_from(wildcards):
    """Bundle of the run that a run's training starts from, if it starts from one."""
    start = settings.runs[wildcards.run].train.init_from
    return (
        [f"results/runs/{start}/{name}" for name in BUNDLE]
        if start in settings.runs
        else []
    )


def training_options(wildcards):
    """What a run's weights depend on: everything but how it predicts."""
    return settings.runs[wildcards.run].model_dump_json(exclude={"predict"})
