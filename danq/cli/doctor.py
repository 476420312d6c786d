"""`danq doctor`: what this machine offers."""

import typer


def doctor() -> None:
    """Print what this machine offers to a training, with a verdict in the last line.

    Versions, processor, memory (GiB), GPUs, and whether recurrent layers take the fast path of cuDNN.
    """
    from danq.learn.doctor import examine

    facts = examine()
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        typer.echo(f"{name:<{width}}  {value}")
