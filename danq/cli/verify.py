"""`danq verify`: check results, bundles and archives against their digests, and score golden rows again."""

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from danq.cli.options import TRUST, Threads
from danq.errors import printable


def verify(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Directory of results, or one above (such as results/); a bundle or its archive; one file.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/formats.md).")] = False,
    trust_model_code: Annotated[list[Path] | None, TRUST] = None,
    threads: Threads = None,
) -> None:
    """Check every file against its digest, every manifest against what it was made from, and golden rows.

    Golden rows are inputs with their logits, which a bundle holds: they are scored again. One line each:

    intact: as it was written, or made from what is there now; damaged: not so, or missing; equal, equal
    within 1e-5, differs by 0.0032: the logits of golden rows, by the largest difference; differs: made from
    something else than is there now; unknown: it cannot be told, for the reason in brackets.

    Nothing is written. Exit status 0; 1 if anything differs, is damaged or missing (unknown alone is 0); 2
    for a path that is not there or holds nothing that danq wrote.
    """
    from danq.checks import summary
    from danq.verify.verify import STATUSES
    from danq.verify.verify import verify as verify_paths

    # which warns of functions that are compiled again and again, as those of one bundle after another are
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    checks = verify_paths(paths, trust_model_code or ())
    failed = any(check.failed for check in checks)
    if as_json:
        typer.echo(json.dumps(summary("verification", checks, STATUSES, failed), indent=2))
    else:
        for check in checks:
            typer.echo(printable(str(check)))
        counts = Counter(check.status for check in checks)
        typer.echo(", ".join(f"{number} {status}" for status, number in counts.items()))
    if failed:
        raise typer.Exit(1)
