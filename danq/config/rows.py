"""Whether runs can use the rows of their datasets, whatever these hold: told before any training."""

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from pydantic import BaseModel

from danq.errors import DanqError
from danq.models import kinds_read
from danq.models.compatibility import check_options, train_problems

if TYPE_CHECKING:
    from danq.config import Config


def row_problems(config: "Config", name: str, module: ModuleType, options: BaseModel) -> Iterator[str]:
    """Find what is wrong with a run: the kind of rows, sizes, sub-bins, strands and shifts.

    Sizes of a run with a search are not looked at: what is drawn takes their place.
    """
    run, kinds = config.runs[name], kinds_read(module)
    if run.dataset not in config.datasets:
        return
    dataset = config.datasets[run.dataset]
    kind = dataset.kind
    if kind not in kinds:
        yield (
            f"runs.{name}.dataset: expected a dataset of kind {' or '.join(kinds)} for model {run.model}, "
            f"received '{run.dataset}' of kind {kind}"
        )
    elif run.search is None:
        try:
            bin = None if dataset.targets is None else dataset.bin
            check_options(module, options, kind, dataset.window, bin, dataset.steps)
        except DanqError as error:
            yield f"runs.{name}.options: {error}"
    for problem in train_problems(run.train, kind, dataset.steps):
        yield f"runs.{name}.train.{problem}"
    for key in ("init_from", "freeze", "distribute") if hasattr(module, "fit") else ():
        if (value := getattr(run.train, key)) not in (None, [], "none"):
            yield (
                f"runs.{name}.train.{key}: expected none for model {run.model}, which is fitted at once, "
                f"received {value}"
            )
