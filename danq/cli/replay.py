"""`danq replay`: the workflow run again from a capsule, result by result."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from danq.checks import Check


def replay(
    capsule: Annotated[Path, typer.Argument(help="Folder or archive that `danq freeze` wrote.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder in which the workflow runs.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="More for Snakemake, after `--`.", metavar="-- SNAKEMAKE'S ARGUMENTS"),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder of the inputs, under the names that the capsule has for them."
        ),
    ] = None,
    cores: Annotated[
        int | None,
        typer.Option(min=1, help="Cores of the workflow  [default: as many as made the frozen results]"),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(min=0, max=1e6, help="Largest difference of a number that counts as equal."),
    ] = 1e-5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    trust_model_code: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Python file of the capsule's own models that may be run; may be repeated.",
        ),
    ] = None,
) -> None:
    """Run the workflow of a capsule again, and print of each result whether it is equal.

    Inputs that are missing or changed are named first, and nothing runs. Exit status 0 if all results are
    equal or within the tolerance, 1 if one differs, 2 if the workflow cannot be run.
    """
    from danq.capsule.compare import agrees
    from danq.capsule.replay import InputsError, Replaying
    from danq.capsule.replay import replay as run_again

    how = Replaying(inputs, cores, trust_model_code or (), tolerance, arguments or ())
    try:
        compared, versions = run_again(capsule, out, how)
    except InputsError as error:
        _show(error.inputs, tolerance, as_json)
        raise
    _show(compared, tolerance, as_json, versions)
    if not all(map(agrees, compared)):
        raise typer.Exit(1)


def _show(compared: "list[Check]", tolerance: float, as_json: bool, versions: Sequence[str] = ()) -> None:
    from danq.capsule.compare import STATUSES, agrees
    from danq.checks import summary
    from danq.errors import printable

    if as_json:
        failed = not all(map(agrees, compared))
        more = {"tolerance": tolerance, "versions": list(versions)}
        typer.echo(json.dumps(summary("replay", compared, STATUSES, failed, **more), indent=2))
        return
    rows = [(str(each.path), each.words(tolerance), each.reason) for each in compared]
    widths = [max(len(row[column]) for row in rows) if rows else 0 for column in (0, 1)]
    for result, words, note in rows:
        typer.echo(printable(f"{result:<{widths[0]}}  {words:<{widths[1]}}  {note}".rstrip()))
