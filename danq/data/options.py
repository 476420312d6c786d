"""What a configuration says of a dataset, with meaning, unit and default of every key."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictInt, model_validator

from danq.genome.intervals import OutOfRange
from danq.options import Closed

Fraction = Annotated[float, Field(gt=0, lt=1)]

SECONDARY_CONTIGS = (
    *("*_alt", "*_fix", "chr*_*_hap[0-9]*"),
    *("CHR_H*", "CHR_MG*", "CHR_MM*", "HLA[-:]*"),
    *("*_decoy", "hs37d5", "chrEBV", "NC_007605*"),
)
"""Contigs that repeat others or are no part of an assembly: alternate loci and patches by the names of UCSC
and Ensembl, HLA alleles, decoys, and the virus EBV of analysis sets."""


class Negatives(Closed):
    """How many training bins without any positive target are kept."""

    negatives_per_positive: float = Field(gt=0, description="negative training bins for each positive one")
    match: Literal["none", "gc"] = Field(
        "none",
        description="gc: draw negatives so that the GC content of their windows follows the positives'",
    )


class SplitOptions(Closed):
    """Which part of the data validates and which part tests; the rest trains."""

    valid: list[str] | Fraction = Field(
        [],
        description="contigs or regions `chr7:30,508,751-35,296,850` (1-based, both ends included); "
        "for labelled examples a fraction, left out where a file is given for this part",
    )
    test: list[str] | Fraction = Field([], description="as `valid`")
    seed: int = Field(
        1337, ge=0, description="seed of the stratified draw where fractions are given, and of folds"
    )
    folds: int | None = Field(
        None,
        ge=3,
        description="cross-validation in place of `valid` and `test`: contigs, or rows class by class, are "
        "dealt to so many folds; each tests once while the next one validates and the others train",
    )
    fold: int | None = Field(
        None,
        ge=1,
        description="the fold that tests; left out, every one, each in a dataset `<name>.fold1`, …",
    )

    @model_validator(mode="after")
    def _folds_or_parts(self) -> "SplitOptions":
        if self.fold is not None and self.fold > (self.folds or 0):
            raise ValueError(
                f"expected a `fold` of 1 to `folds`, received fold {self.fold} of {self.folds or 'no'} folds"
            )
        if self.folds and (self.valid or self.test):
            raise ValueError("expected either `folds` or `valid` and `test`, received both")
        return self


Kind = Literal["dna", "text", "image"]
"""What a row of a dataset is."""

_OF_DNA = (
    *("genome", "targets", "sequence_column", "target_names", "window", "bin", "steps", "min_overlap"),
    *("keep", "max_n", "exclude", "contigs", "exclude_contigs", "out_of_range", "aliases", "seed"),
)
_KINDS_OF = dict.fromkeys(_OF_DNA, "dna") | {
    "text_column": "text",
    "encoding": "text",
    "image_column": "image",
}
"""The one kind of data that an option is for; other options are for every kind."""


class DatasetOptions(Closed):
    """One dataset: regions of a genome, or labelled examples that bring their own data."""

    kind: Kind = Field("dna", description="what a row is: a stretch of DNA, a text or an image")
    genome: str | None = Field(None, description="name of a genome; may be left out where there is only one")
    targets: Path | None = Field(
        None, description="table of label tracks (target, path, rule, feature, group)"
    )
    examples: Path | dict[Literal["train", "valid", "test"], Path] | None = Field(
        None,
        description="labelled examples instead, as one file or one a split: sequences (FASTA, CSV, TSV, "
        "Parquet or DeepSEA's .mat files), texts (CSV, TSV or Parquet) or images (.npz, Parquet of PNG "
        "bytes, or a folder with one folder of PNG files a class)",
    )
    sequence_column: str = Field("sequence", description="column of the sequence in a CSV, TSV or Parquet")
    text_column: str = Field("text", description="column of the text (kind text)")
    image_column: str = Field("image", description="column of the PNG bytes in a Parquet (kind image)")
    encoding: Literal["utf-8", "latin-1"] = Field(
        "utf-8", description="encoding of CSV and TSV files (kind text)"
    )
    label_columns: list[str] = Field(
        ["label"],
        min_length=1,
        description="columns of labels: one column of classes, or one 0/1 column a target",
    )
    positive: str | StrictInt | None = Field(
        None,
        description="of two classes in one label column the positive one, whose probability is predicted; "
        "left out, `1`, else the one that comes last by number or letter (of bound and unbound: unbound)",
    )
    target_names: Path | None = Field(
        None, description="text file with one target name a line (for .mat files)"
    )
    window: int = Field(1000, ge=1, description="bp seen by the model")
    bin: int = Field(200, ge=1, description="bp at the window's centre that are labelled")
    steps: int | None = Field(
        None,
        ge=1,
        description="bp; labels each stretch of this length in the bin by itself, for models that classify "
        "steps; left out, the bin has one label a target",
    )
    min_overlap: float = Field(
        0.5, ge=0, lt=1, description="a bin is positive if strictly more than this part of it is covered"
    )
    keep: Literal["positive", "all"] | Negatives = Field(
        "positive", description="training bins that are kept: positive (at least one target), all, or a ratio"
    )
    max_n: float = Field(
        0.5, ge=0, le=1, description="bins with a larger part of N in the window are left out"
    )
    exclude: list[Path] = Field([], description="BED files of regions whose bins are left out")
    contigs: list[str] = Field(
        [],
        description="contigs that take part, by name or pattern (`chr[0-9]*`); left out, all but "
        "`exclude_contigs`",
    )
    exclude_contigs: list[str] = Field(
        list(SECONDARY_CONTIGS),
        description="contigs that take no part, by name or pattern; left out, alternate loci, patches, HLA "
        "alleles, decoys and EBV, which repeat others or are not of the assembly; [] takes all",
    )
    out_of_range: OutOfRange = Field(
        "clip",
        description="intervals of tracks and exclusions that reach out of their contig: clip them at its "
        "end, skip or refuse them; what lies past the end as a whole is left out; all are counted",
    )
    empty_targets: Literal["refuse", "keep"] = Field(
        "refuse",
        description="targets without any positive row: refuse the dataset, or keep them, never scored",
    )
    aliases: Path | None = Field(None, description="table of further contig names (name, alias)")
    seed: int = Field(1337, ge=0, description="seed of the draw of negatives")
    composition: bool = Field(
        True,
        description="adds a run of model composition, which every model of DNA has to beat, where the "
        "dataset has runs (not to one with `steps`)",
    )
    split: SplitOptions | None = Field(
        None, description="validation and test parts; needed unless given by files or a column `split`"
    )

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetOptions":
        for name, kind in _KINDS_OF.items():
            if kind != self.kind and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"`{name}` is for datasets of kind {kind}, received kind {self.kind}")
        if self.kind != "dna" and self.examples is None:
            raise ValueError(f"expected `examples` for a dataset of kind {self.kind}")
        if (self.targets is None) == (self.examples is None):
            raise ValueError("expected exactly one of `targets` (regions of a genome) and `examples`")
        if self.split is not None and self.split.folds and isinstance(self.examples, dict):
            raise ValueError("`split.folds`: expected `examples` in one file, received one file a split")
        if self.targets is not None and not (self.split and self.split.folds):
            if self.split is None or not self.split.valid or not self.split.test:
                raise ValueError(
                    "expected `split` with `valid` and `test` contigs or regions, or with `folds`"
                )
            if isinstance(self.split.valid, float) or isinstance(self.split.test, float):
                raise ValueError("expected lists of contigs or regions in `split`, received a fraction")
        self._check_source()
        content = {"dna": self.sequence_column, "text": self.text_column, "image": self.image_column}
        columns = [*self.label_columns, content[self.kind]]
        if self.examples is not None and len(set(columns)) < len(columns):
            raise ValueError(f"expected different columns of labels and contents, received {columns}")
        if self.examples == {}:
            raise ValueError("expected `examples` as a file, or as one or more of train, valid and test")
        if self.targets is not None and self.bin > self.window:
            raise ValueError(f"expected bin <= window, received bin {self.bin} and window {self.window}")
        return self

    def _check_source(self) -> None:
        """Refuse options of regions beside examples, and the other way round."""
        if self.targets is not None and self.positive is not None:
            raise ValueError(
                "`positive` is for `examples`, received `targets`, each of which has its regions"
            )
        if self.positive is not None and len(self.label_columns) > 1:
            raise ValueError("`positive` is for one label column of two classes, received several columns")
        for name in ("contigs", "exclude_contigs", "out_of_range"):
            if self.examples is not None and name in self.model_fields_set:
                raise ValueError(f"`{name}` is for `targets`, received `examples`, which lie on no genome")

    @model_validator(mode="after")
    def _steps_align(self) -> "DatasetOptions":
        if self.steps is None:
            return self
        if self.targets is None:
            raise ValueError("`steps` labels stretches of a genome: expected `targets`, received `examples`")
        if (self.window - self.bin) % 2:
            raise ValueError(
                "expected a window and a bin that are both even or both odd, so that `steps` are the same on "
                f"both strands; received window {self.window} and bin {self.bin}"
            )
        if self.bin % self.steps:
            fitting = [size for size in range(1, self.bin + 1) if self.bin % size == 0]
            raise ValueError(
                f"expected `steps` that divide the bin of {self.bin} bp "
                f"({', '.join(map(str, fitting))}), received {self.steps}"
            )
        return self
