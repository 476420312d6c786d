"""A starter configuration for labelled sequences that need no genome: FASTA, CSV, TSV or Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from danq.config.recipe import Counts, choose_recipe
from danq.config.starter.text import Starter, configuration_text, refuse_existing, write_checked
from danq.data.examples.labels import UNPLACED
from danq.data.examples.making import place_rows, read_labels
from danq.data.manifest import SPLITS
from danq.data.options import DatasetOptions
from danq.data.writing import count_labels, describe_targets, rows_of_splits
from danq.errors import DanqError, first_few
from danq.learn.gpu import gpu_possible

_HELD_OUT = ("valid", "test")
_FRACTION = 0.1


def write_example_starter(
    examples: Path,
    out: Path,
    valid: str | None = None,
    test: str | None = None,
    label_columns: Sequence[str] = (),
    sequence_column: str = "sequence",
    positive: str | None = None,
) -> Starter:
    """Write ``config.yaml`` for labelled sequences, the longest of which is the window.

    Parameters
    ----------
    examples : Path
        All rows, or those that train.
    out : Path
        Directory of the file, which must not exist yet.
    valid, test : str, optional
        A file of these rows, or the fraction of `examples` that is drawn; a tenth where left out, unless rows
        say their split in a column.
    label_columns : sequence of str
        ``label`` if empty.
    positive : str, optional
        Of two classes the positive one.

    Raises
    ------
    DanqError
        If a file, a label or a fraction cannot be used, or the configuration exists.
    """
    config = out / "config.yaml"
    refuse_existing(config)
    files, fractions = _parts(examples, valid, test)
    several = {part: str(path) for part, path in files.items()}
    dataset: dict[str, Any] = {"examples": several if len(files) > 1 else str(examples)}
    if label_columns:
        dataset["label_columns"] = list(label_columns)
    if sequence_column != "sequence":
        dataset["sequence_column"] = sequence_column
    if positive is not None:
        dataset["positive"] = positive
    rows, longest = read_labels(DatasetOptions.model_validate(dataset))
    reasons = {"window": "bp seen by the model: the longest sequence"}
    if len(files) == 1 and not fractions and (rows.split != UNPLACED).any():
        parts = "as the column `split` says"
        reasons["examples"] = parts
    else:
        fractions = {part: fractions.get(part, _FRACTION) for part in _HELD_OUT if part not in files}
        parts = "parts of the training rows, drawn class by class" if fractions else "by file"
        reasons["split" if fractions else "examples"] = parts
    _check_sum(fractions)
    dataset |= {"window": longest} | ({"split": fractions} if fractions else {})
    labelled, split = place_rows(rows, DatasetOptions.model_validate(dataset), "--valid, --test")
    targets = describe_targets(labelled.targets, count_labels(labelled.values, split))
    if len(targets) > 2 and all(sum(target.counts.values()) == 1 for target in targets):
        names = first_few(labelled.targets, 3)
        raise DanqError(f"{examples}: expected labels that several rows share, received {names}")
    number = rows_of_splits(split, str(examples))
    known = labelled.values[split == SPLITS.index("valid")]
    if not ((known == 0).any(axis=0) & (known > 0).any(axis=0)).any():
        raise DanqError(f"{examples}: expected rows of both kinds among the {number['valid']} that validate")
    classes = labelled.task == "multiclass"
    counts = Counts(number["train"], len(targets), longest, gpu_possible(), of_genome=False, classes=classes)
    recipe = choose_recipe(counts)
    of_targets = first_few(labelled.targets, 3)
    seen = f"Seen: {len(split):,} sequences of at most {longest:,} bp; {labelled.task}: {of_targets}."
    write_checked({config: configuration_text(config, None, dataset, recipe, reasons, [seen])}, config)
    return Starter(config, number, tuple(targets), {"valid, test": parts})


def _parts(examples: Path, valid: str | None, test: str | None) -> tuple[dict[str, Path], dict[str, float]]:
    """Tell the files from the fractions of the parts."""
    files, fractions = {"train": examples}, dict[str, float]()
    for part, value in zip(_HELD_OUT, (valid, test), strict=True):
        fraction = _fraction(value, part)
        if fraction is not None:
            fractions[part] = fraction
        elif value is not None:
            files[part] = Path(value)
    for path in files.values():
        if path.suffix == ".mat":
            raise DanqError(f"{path}: expected FASTA, CSV, TSV or Parquet; config/deepsea.yaml is for .mat")
    return files, fractions


def _check_sum(fractions: dict[str, float]) -> None:
    if sum(fractions.values()) >= 1:
        received = " and ".join(map(str, fractions.values()))
        raise DanqError(f"--valid, --test: expected fractions that sum to less than 1, received {received}")


def _fraction(value: str | None, part: str) -> float | None:
    """Read a fraction; None for what is no number, which is then a file."""
    try:
        fraction = float(value or "")
    except ValueError:
        return None
    if not 0 < fraction < 1:
        raise DanqError(f"--{part}: expected a fraction between 0 and 1, or a file; received {value!r}")
    return fraction
