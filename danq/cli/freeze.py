"""`danq freeze`: a finished run of the workflow as a capsule."""

import logging
from pathlib import Path
from typing import Annotated

import typer

log = logging.getLogger("danq")


def freeze(
    results: Annotated[Path, typer.Argument(help="results/ of a workflow that has ended.")],
    out: Annotated[
        Path, typer.Option(metavar="CAPSULE", help="Folder to write, or an archive if the name ends in .zip.")
    ],
    with_inputs: Annotated[
        bool, typer.Option("--with-inputs", help="Copy the inputs, too; otherwise their digests alone.")
    ] = False,
    directory: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the workflow ran, from which the paths of its configuration lead on.  "
            "[default: the folder of RESULTS]",
        ),
    ] = None,
    largest: Annotated[
        float,
        typer.Option(
            min=0, metavar="MB", help="Largest file of results that is copied; of larger ones the digest."
        ),
    ] = 8,
    hashes: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Requirements with digests, such as requirements.lock; may be repeated. pip's index "
            "is asked for those that none has.",
        ),
    ] = None,
    without_hashes: Annotated[
        bool, typer.Option("--without-hashes", help="Freeze libraries without digests by version alone.")
    ] = False,
    wheel: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="danq's own wheel  [default: made of the danq that runs]"),
    ] = None,
    license: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Licence of the capsule: an address or a name.")
    ] = None,
    trust_model_code: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Python file of a model of one's own that the configuration names."
        ),
    ] = None,
) -> None:
    """Freeze a finished run of the workflow: what is needed to run it again, and to compare what comes out.

    The capsule holds the configuration, digests of all inputs, versions of libraries with their digests,
    danq's own wheel, and small results. No names of users or folders of this machine are in it.
    """
    from danq.capsule.freeze import Freezing
    from danq.capsule.freeze import freeze as freeze_run

    how = Freezing(
        with_inputs=with_inputs,
        largest=largest * 1e6,
        trusted=trust_model_code or (),
        hashes=hashes or (),
        without_hashes=without_hashes,
        wheel=wheel,
        license=license,
    )
    capsule = freeze_run(results, out, how, directory)
    kept = sum(each.kept for each in capsule.results)
    copied = sum(each.kept for each in capsule.inputs)
    log.info(
        "%s: %d inputs (%d copied), %d results (%d copied), %d libraries",
        out,
        len(capsule.inputs),
        copied,
        len(capsule.results),
        kept,
        len(capsule.versions),
    )
