"""``danq view``: regions of the configuration as one run sees them, and those around strong variants."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from danq.cli.options import ConfigFile, RunName, Threads
from danq.errors import DanqError

if TYPE_CHECKING:
    from danq.config import Config
    from danq.genome.fasta import Genome
    from danq.views.places import Place


def view(
    config: ConfigFile,
    run: RunName,
    out: Annotated[Path, typer.Option(help="Directory of the results.", metavar="DIR")],
    results: Annotated[
        Path,
        typer.Option(help="Where runs/, genomes/ and scores/ lie.", metavar="DIR"),
    ] = Path("results"),
    threads: Threads = None,
) -> None:
    """Predict along the regions under `views` and gather the tracks' peaks in them, for the report.

    So are the surroundings of the strongest variants of each callset that the run scores (its key `views`
    says how many). Writes views.json, predictions.npz and peaks.parquet.
    """
    from danq.config import entry, load_config, own_models
    from danq.config.views import callsets_viewed
    from danq.views.making import Looking, write_views

    settings = load_config(config)
    options = entry(settings.runs, run, "--run", config)
    dataset = settings.datasets[options.dataset]
    if dataset.kind != "dna":
        raise DanqError(f"{config}: --run {run}: expected a run on DNA, received one on {dataset.kind}")
    genomes, places = _places(settings, run, results)
    if not places and not callsets_viewed(settings, run):
        raise DanqError(f"{config}: run {run!r} looks at nothing; name regions under `views`")
    of_dataset = settings.genome_of(options.dataset)
    bundle = results / "runs" / run
    # the user's own configuration names the files
    trusted = own_models(settings, [run])
    looking = Looking(bundle, options.predict, options.dataset, dataset, of_dataset, genomes, places, trusted)
    write_views(looking, out)


def _places(settings: "Config", run: str, results: Path) -> "tuple[dict[str, Genome], list[Place]]":
    """Find the places that a run looks at, and open the genomes that they lie on."""
    from danq.config.views import callsets_viewed, genome_of_view, genomes_viewed, placed_view, views_of
    from danq.genome.fasta import open_genome
    from danq.views.places import Place, strongest_places

    views = views_of(settings, run)
    genomes = {name: open_genome(results / "genomes" / name) for name in genomes_viewed(settings, run)}
    places = []
    for key, view in views.items():
        name = genome_of_view(settings, view)
        places.append(Place(key, view.name, name, placed_view(key, view, genomes[name])))
    for callset in callsets_viewed(settings, run):
        name = settings.genome_of_callset(callset)
        most, scores = settings.callsets[callset].views, results / "scores" / callset
        places += strongest_places(scores, callset, name, genomes[name], most)
    return genomes, places
