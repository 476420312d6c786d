"""`danq sign`: sign a bundle with an SSH key."""

import logging
from pathlib import Path
from typing import Annotated

import typer

log = logging.getLogger("danq")


def sign(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Model bundle, which `danq train` wrote, or an archive of `danq export`."
        ),
    ],
    key: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Private SSH key, or the public one of a key that an SSH agent holds."
        ),
    ],
) -> None:
    """Sign a bundle, for --require-signature of the verbs that load one.

    Writes RUN/bundle.sig, or puts it into the archive, which is written anew. The work is done by
    `ssh-keygen -Y sign`; what is signed are the SHA-256 of model.keras, bundle.json and golden.npz.
    """
    if model.is_file():
        from danq.learn.export import sign_archive

        sign_archive(model, key)
        log.info("%s: signed", model)
        return
    from danq.learn.signature import sign_bundle

    log.info("wrote %s", sign_bundle(model, key))
