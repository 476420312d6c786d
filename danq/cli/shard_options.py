"""Options of verbs whose work goes on after an interruption and is shared by jobs."""

from pathlib import Path
from typing import Annotated, Any

import typer


def work_option(default: str) -> Any:
    """Option for the directory of work that goes on after an interruption, and is shared by shards."""
    return typer.Option(
        help="Directory for unfinished work, from which what was interrupted goes on; shards share it."
        f"  [default: {default}]"
    )


ShardText = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Compute only the I-th of N shards of the work; the same command without --shard then puts "
        "all together.",
    ),
]
Receipt = Annotated[Path | None, typer.Option(help="JSON file to write when the work of --shard is done.")]
