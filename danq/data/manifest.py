"""What ``dataset.json`` says of a dataset."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from danq.data.options import Kind
from danq.genome.intervals import TrackRecords
from danq.storage import Entry, Manifest

SPLITS = ("train", "valid", "test")
KNOWN = "known.npy"
"""File that tells which labels are known, where some are not."""

Size = Annotated[int, Field(ge=1, le=2**31)]
"""bp or pixels; beyond it numbers would overflow."""
Count = Annotated[int, Field(ge=0, le=2**48)]

REASONS = {
    "short_last_bin": "shorter than a bin, at the end of a contig",
    "contig": "on a contig that takes no part",
    "straddling": "across the limit of two splits",
    "boundary": "window reaches into another split",
    "excluded": "in an excluded region",
    "too_many_n": "too many unknown bases (N) in the window",
    "negatives_dropped": "training bins without a positive target that were not kept",
}
"""Why bins are left out, in words."""


def _each_split(value: dict[str, int]) -> dict[str, int]:
    if set(value) != set(SPLITS):
        raise ValueError(f"expected a number for each of {', '.join(SPLITS)}")
    return value


PerSplit = Annotated[dict[str, Count], AfterValidator(_each_split)]
"""A number for each of `SPLITS`."""
Task = Literal["multilabel", "multiclass"]
"""Whether a row has any number of targets, or exactly one."""


class DatasetTarget(Entry):
    """One target, in the order of the label columns.

    Attributes
    ----------
    group, rule, path : str
        As in the table of targets; empty where they do not apply.
    regions : int
        Intervals read from the track; 0 for examples.
    counts : dict of str to int
        Positive rows, or sub-bins, of each split.
    unknown : dict of str to int or None
        Rows, or sub-bins, whose label is not known; None where all are.
    track : TrackRecords or None
        What became of the records of the track; None for examples.
    """

    name: str
    group: str
    rule: str
    path: str
    regions: int
    counts: PerSplit
    unknown: PerSplit | None = None
    track: TrackRecords | None = None


class GenomeOfDataset(Entry):
    """The genome that bins lie on: its name, its directory relative to the dataset's, its digest."""

    name: str
    path: str
    digest: str


class DatasetManifest(Manifest):
    """``dataset.json``.

    Attributes
    ----------
    digest : str
        SHA-256 over rows, labels, targets and genome.
    n : dict of str to int
        Rows of each split.
    left_out : dict of str to int
        Bins left out, by the first reason that applies.
    window, bin : int or None
        bp a model sees, None where rows are no DNA; bp at its centre that are labelled, None for examples.
    step : int or None
        bp of a sub-bin with labels of its own; None where the whole bin has one label a target.
    contigs_left_out : dict of str to int
        Contigs that take no part → their bp.
    exclude : dict of str to TrackRecords
        Files of excluded regions → what became of their records.
    renamed, unknown_contigs : dict
        Of tracks: contig names → the genome's names; contigs that the genome lacks → intervals on them.
    classes : pair of str, or None
        Of one target made of two classes of examples, the negative and the positive one.
    shape : tuple of int or None
        Height, width and channels of images.
    reverse_complement_rows : dict of str to bool
        Of DeepSEA's files: whether a split's second half is the reverse complement of its first.
    """

    KIND, FILE = "dataset", "dataset.json"
    # what does not know of unknown labels would take them for negative ones
    ALSO = (2,)

    name: str
    digest: str
    data_kind: Kind
    task: Task
    n: PerSplit
    left_out: dict[str, int]
    window: Size | None
    bin: Size | None
    step: Size | None
    genome: GenomeOfDataset | None
    contigs_left_out: dict[str, int] = Field(default_factory=dict)
    exclude: dict[str, TrackRecords] = Field(default_factory=dict)
    renamed: dict[str, str] = Field(default_factory=dict)
    unknown_contigs: dict[str, int] = Field(default_factory=dict)
    classes: tuple[str, str] | None = None
    shape: tuple[Size, ...] | None = None
    reverse_complement_rows: dict[str, bool] = Field(default_factory=dict)
    targets: tuple[DatasetTarget, ...]
    options: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def unknown_labels(self) -> int:
        """Labels of all rows and targets that are not known."""
        return sum(sum(target.unknown.values()) for target in self.targets if target.unknown)

    def labelled(self, target: DatasetTarget, split: str) -> int:
        """Rows of a split, or their sub-bins, whose label of a target is known."""
        unknown = target.unknown[split] if target.unknown else 0
        return self.n[split] * max(self.sub_bins, 1) - unknown

    @property
    def version(self) -> int:
        """Format version: 2 where there is a file `KNOWN`."""
        return 2 if self.unknown_labels else self.VERSION

    @property
    def sub_bins(self) -> int:
        """Sub-bins of a row with labels of their own; 0 where the row as a whole has them."""
        return self.bin // self.step if self.bin and self.step else 0
