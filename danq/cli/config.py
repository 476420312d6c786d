"""`danq config`: check a configuration, explain its keys, or print its JSON schema."""

import json
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from danq.config import Config, load_config, may_run, own_models, unused
from danq.errors import DanqError, first_few

log = logging.getLogger("danq")

config = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Check a configuration, explain its keys, or print its JSON schema.",
)


@config.command()
def check(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Configuration, YAML or JSON; its paths are taken from here."),
    ] = Path("config/config.yaml"),
    trust_model_code: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Python file of a model that may be run to check its options; may be repeated. No other one "
            "is run.",
        ),
    ] = None,
) -> None:
    """Check keys, types, names and files of a configuration; exit status 2 if something is wrong."""
    from danq.config.search import searches
    from danq.config.search_checks import cost
    from danq.config.workflow import check_files

    trusted = trust_model_code or []
    checked = load_config(path, trusted)
    check_files(checked, str(path), trusted)
    _check_frozen(checked, path, trusted)
    for file in own_models(checked, checked.runs):
        if not may_run(str(file), trusted):
            log.warning(
                "%s: %s was not run: options of its runs are unchecked without --trust-model-code %s",
                path,
                file,
                file,
            )
    for phrase in unused(checked):
        log.warning("%s: %s", path, phrase)
    for name in (name for name, run in searches(checked).items() if may_run(run.model, trusted)):
        log.info("%s: search %s: %s", path, name, cost(checked, name))
    log.info(
        "%s: correct; genomes: %s; datasets: %s; runs: %s; callsets: %s",
        path,
        *(
            first_few(names, 20) or "none"
            for names in (checked.genomes, checked.datasets, checked.runs, checked.callsets)
        ),
    )


def _check_frozen(checked: Config, path: Path, trusted: list[Path]) -> None:
    """Refuse layers to freeze that a network has not; only then is one built, which takes seconds."""
    built: list[tuple[Any, ...]] = []
    for name, run in checked.runs.items():
        network = (run.model, run.options, run.dataset, run.train.freeze)
        if run.train.freeze and run.search is None and may_run(run.model, trusted) and network not in built:
            from danq.learn.summary import check_frozen

            built.append(network)
            try:
                check_frozen(run.model, run.options, checked.datasets[run.dataset], run.train.freeze)
            except DanqError as error:
                raise DanqError(f"{path}: runs.{name}: {error}") from None


@config.command()
def keys() -> None:
    """Print every key with its meaning, unit and default, as Markdown."""
    from danq.config.reference import reference

    typer.echo(reference(), nl=False)


@config.command()
def schema(
    out: Annotated[
        Path | None, typer.Option(help="File to write; printed on standard output if left out.")
    ] = None,
) -> None:
    """Print the JSON schema of a configuration, which editors and the workflow's catalogue read."""
    from danq.config.reference import json_schema
    from danq.files import published

    text = json.dumps(json_schema(), indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    with published(out) as partial:
        partial.write_text(text, encoding="utf-8")
    log.info("wrote %s", out)
