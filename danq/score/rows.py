"""Scored blocks as rows of Arrow tables: every allele of the input, effects where it has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danq.score.background import Background, functional_significance
from danq.score.scoring import ScoredBlock
from danq.variants.alleles import Allele

TEXT_COLUMNS = ("contig", "id", "ref", "alt", "sample", "reason", "flags")
_ALLELE_COLUMNS: dict[str, tuple[pa.DataType, Callable[[Allele], int | str]]] = {
    "row": (pa.int64(), lambda allele: allele.row),
    "allele": (pa.int32(), lambda allele: allele.allele),
    "contig": (pa.string(), lambda allele: allele.contig),
    "pos": (pa.int64(), lambda allele: allele.pos),
    "id": (pa.string(), lambda allele: allele.id),
    "ref": (pa.string(), lambda allele: allele.ref),
    "alt": (pa.string(), lambda allele: allele.alt),
    "sample": (pa.string(), lambda allele: allele.sample),
    "haplotype": (pa.int8(), lambda allele: allele.haplotype),
    "reason": (pa.string(), lambda allele: allele.reason),
    "flags": (pa.string(), lambda allele: ",".join(allele.flags)),
}


@dataclass(frozen=True)
class Columns:
    """What is kept of each allele.

    Attributes
    ----------
    targets : tuple of k str
        All targets of the model.
    chosen : tuple of int
        Indices of the targets whose numbers are written.
    annotated : tuple of int
        Indices of the targets whose logit difference goes into the annotated VCF.
    spread : bool
        Whether there is an ensemble.
    background : bool
        Whether there are e-values.
    samples : bool
        Whether alleles are scored on samples' haplotypes.
    """

    targets: tuple[str, ...]
    chosen: tuple[int, ...]
    annotated: tuple[int, ...] = ()
    spread: bool = False
    background: bool = False
    samples: bool = False

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the numbers of each chosen target."""
        return (
            *("p_ref", "p_alt", "diff", "logit_diff"),
            *(("logit_diff_sd",) if self.spread else ()),
            *(("evalue",) if self.background else ()),
        )

    @property
    def summaries(self) -> tuple[str, ...]:
        """Names of the numbers over all targets."""
        return (
            *("max_abs_logit_diff", "max_target", "l2_logit_diff"),
            *(("functional_significance",) if self.background else ()),
        )

    @property
    def schema(self) -> pa.Schema:
        """Schema of `rows`: summaries are null and lists over targets empty for an allele without score."""
        fields = [(name, kind) for name, (kind, _) in _ALLELE_COLUMNS.items()]
        fields += [(name, pa.int32() if name == "max_target" else pa.float32()) for name in self.summaries]
        fields += [(name, pa.list_(pa.float32())) for name in (*self.measures, "annotated")]
        return pa.schema(fields)


def rows(block: ScoredBlock, columns: Columns, background: Background | None = None) -> pa.RecordBatch:
    """Put the alleles of a block into rows, one each in the order of the input.

    Parameters
    ----------
    block : ScoredBlock
        n alleles, of which m are scored.
    columns : Columns
        What is kept.
    background : Background, optional
        Gives the e-values; needed where `columns` has them.

    Returns
    -------
    pyarrow.RecordBatch
        n rows with the schema of `columns`.
    """
    alleles, scored = block.windows.alleles, block.windows.scored
    found = block.effects
    present = np.zeros(len(alleles), bool)
    present[scored] = True
    evalues = background.evalues(found.statistic()) if background is not None else None
    summaries: list[NDArray[np.number]] = [found.max_abs, found.max_target.astype(np.int32), found.l2]
    matrices = [found.p_ref, found.p_alt, found.diff, found.logit_diff]
    if found.spread is not None:
        matrices.append(found.spread)
    if evalues is not None:
        summaries.append(functional_significance(evalues))
        matrices.append(evalues)
    chosen = np.array(columns.chosen, np.int64)
    arrays = _allele_columns(alleles)
    arrays += [_spread_out(values, scored, present) for values in summaries]
    arrays += [_lists(matrix[:, chosen], present) for matrix in matrices]
    arrays.append(_lists(found.logit_diff[:, np.array(columns.annotated, np.int64)], present))
    return pa.record_batch(arrays, schema=columns.schema)


def matrix(batch: pa.RecordBatch, name: str, width: int) -> NDArray[np.float32]:
    """Take a list column of m scored alleles back as an array: float32, shape (m, width)."""
    values: NDArray[np.float32] = batch.column(name).flatten().to_numpy()
    return values.reshape(-1, width) if width else np.empty((_scored_rows(batch), 0), np.float32)


def _scored_rows(batch: pa.RecordBatch) -> int:
    return len(batch) - batch.column("l2_logit_diff").null_count


def _allele_columns(alleles: Sequence[Allele]) -> list[pa.Array]:
    arrays = []
    for kind, value in _ALLELE_COLUMNS.values():
        values = [value(allele) for allele in alleles]
        try:
            arrays.append(pa.array(values, kind))
        except UnicodeEncodeError:
            # bytes of the input that are no UTF-8; tables are, so they show as replacement characters
            arrays.append(pa.array([_readable(str(text)) for text in values], kind))
    return arrays


def _readable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _spread_out(
    values: NDArray[np.number], scored: NDArray[np.int64], present: NDArray[np.bool_]
) -> pa.Array:
    whole = np.zeros(len(present), values.dtype)
    whole[scored] = values
    return pa.array(whole, mask=~present)


def _lists(values: NDArray[np.float32], present: NDArray[np.bool_]) -> pa.Array:
    ends = np.cumsum(present, dtype=np.int32) * np.int32(values.shape[1])
    offsets = np.concatenate([np.zeros(1, np.int32), ends]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(values).ravel()))
