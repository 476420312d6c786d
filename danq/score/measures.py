"""The measures of what an allele changes: the one table that knows a score.

A new measure is an entry of `MEASURES`. Tables, header and INFO of the annotated VCF, comparison with the
truth, report and the key reference of docs/scores.md follow from it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from danq.score.effects import Effects

EFFECT, TARGET, LOGIT_DIFF = "max_abs_logit_diff", "max_target", "logit_diff"
"""The size by which alleles are ranked, the target that shows it, and a target's signed effect."""

_DIGITS = ".6g"
_DEEPSEA = "[Zhou & Troyanskaya 2015](https://doi.org/10.1038/nmeth.3547)"
_ALL_TARGETS = "natural-log odds, ALT minus REF, over all targets of the model"
_NEEDED = {"": "", "ensemble": "with several `--model`", "background": "with `--background`"}


@dataclass(frozen=True)
class Measure:
    """A number of each allele, or of each allele and target.

    Attributes
    ----------
    name : str
        Its column; of a target the end of its columns' names.
    formula : callable
        Effects of m alleles on k targets → shape (m, k) of a measure of targets, (m,) of the allele.
    notation, range, meaning, source : str
        For the key reference: the formula, the range of its values, what it says (as text, the report's
        too), and the paper that defines it.
    dtype : {"float32", "target"}
        A number, or the index of a target, which results show by its name.
    info : str
        Description of its INFO key. Without one it is not annotated; with one, a measure of the allele always
        is, and one of targets for those asked for.
    header : str
        Its formula in the annotated VCF's header.
    title : str
        Head of its column in the report's table of strongest variants; without one it has none.
    decimals : int or None
        Decimals shown there; None for two significant digits.
    compared : bool
        Whether it is compared with the truth; of the allele only.
    """

    name: str
    of: Literal["target", "allele"]
    formula: Callable[[Effects], NDArray[Any]]
    notation: str
    range: str
    meaning: str
    source: str = ""
    dtype: Literal["float32", "target"] = "float32"
    needs: Literal["", "ensemble", "background"] = ""
    info: str = ""
    header: str = ""
    title: str = ""
    decimals: int | None = None
    compared: bool = False

    def texts(self, values: Sequence[Any], targets: Sequence[str]) -> list[str]:
        """Spell values as INFO has them: six significant digits or the target's name, and `.` for None."""
        if self.dtype == "target":
            return ["." if value is None else targets[value] for value in values]
        return ["." if value is None else format(value, _DIGITS) for value in values]


def _functional_significance(effects: Effects) -> NDArray[np.float64]:
    """Geometric mean over targets, from logarithms: a product of many e-values would underflow."""
    means: NDArray[np.float64] = np.exp(np.log(np.asarray(effects.evalue, np.float64)).mean(axis=1))
    return means


# a table, to be read row by row
# fmt: off
MEASURES = (
    Measure("p_ref", "target", attrgetter("p_ref"), "p(r)", "0 … 1",
            "probability of the target with the reference allele", title="p ref", decimals=4),
    Measure("p_alt", "target", attrgetter("p_alt"), "p(a)", "0 … 1",
            "probability of the target with the alternate allele", title="p alt", decimals=4),
    Measure("diff", "target", attrgetter("diff"), "p(a) − p(r)", "−1 … 1",
            "difference of the probabilities, ALT minus REF", source=_DEEPSEA),
    Measure(LOGIT_DIFF, "target", attrgetter("logit_diff"),
            "ln(p(a)/(1−p(a))) − ln(p(r)/(1−p(r)))", "finite",
            "difference of the target's log-odds, ALT minus REF, natural logarithm",
            source=f'{_DEEPSEA}, whose "log fold change" is this divided by ln 2 = 0.693',
            info="Logit difference", header="logit_diff: logit(p_alt) - logit(p_ref)",
            title="Logit difference", decimals=3),
    Measure("logit_diff_sd", "target", attrgetter("spread"), "sd(logit_diff), n − 1", "≥ 0",
            "standard deviation of the logit difference over the models",
            needs="ensemble", title="SD", decimals=3),
    Measure("evalue", "target", attrgetter("evalue"),
            "max(#{background > s} / n, 1/n, 10^−6) with s = |diff · logit_diff / ln 2|", "10^−6 … 1",
            "share of common variants with a larger effect on the target",
            source=_DEEPSEA, needs="background", title="e-value"),
    Measure(EFFECT, "allele", lambda effects: np.abs(effects.logit_diff).max(axis=1),
            "max_i |logit_diff_i|", "≥ 0",
            "largest absolute logit difference over all targets of the model",
            info=f"Largest absolute logit difference ({_ALL_TARGETS})",
            header="max_abs: max over targets of |logit_diff|",
            title="Largest |logit difference|", decimals=3, compared=True),
    Measure(TARGET, "allele", lambda effects: np.abs(effects.logit_diff).argmax(axis=1),
            "argmax_i |logit_diff_i|", "a target",
            "target with the largest absolute logit difference, the first one of equals",
            dtype="target", info="Target of the largest absolute logit difference", title="Target"),
    Measure("l2_logit_diff", "allele",
            lambda effects: np.linalg.norm(effects.logit_diff.astype(np.float64), axis=1),
            "sqrt(Σ_i logit_diff_i²)", "≥ 0",
            "Euclidean norm of the logit differences of all targets",
            info=f"L2 norm of the logit differences ({_ALL_TARGETS})",
            header="l2: sqrt of the sum of logit_diff^2 over targets", compared=True),
    Measure("functional_significance", "allele", _functional_significance,
            "exp(mean_i ln evalue_i)", "10^−6 … 1",
            "geometric mean of the e-values of all targets",
            source=f"{_DEEPSEA}, without its evolutionary term", needs="background",
            info="Geometric mean of the e-values of all targets (chromatin only)",
            title="Functional significance"),
)
# fmt: on
"""All measures; columns and INFO keys stand in this order."""


@dataclass(frozen=True)
class Columns:
    """What is kept of each allele.

    Attributes
    ----------
    chosen, annotated : tuple of int
        Indices of the targets whose measures are written, and of those whose go into the annotated VCF.
    ensemble, background, samples : bool
        Whether there are several models, a background for e-values, and samples' haplotypes.
    """

    targets: tuple[str, ...]
    chosen: tuple[int, ...]
    annotated: tuple[int, ...] = ()
    ensemble: bool = False
    background: bool = False
    samples: bool = False
    table: tuple[Measure, ...] = MEASURES

    def of(self, what: Literal["target", "allele"]) -> tuple[Measure, ...]:
        """Measures of each target, or of the allele, that exist here."""
        there = {"": True, "ensemble": self.ensemble, "background": self.background}
        return tuple(measure for measure in self.table if measure.of == what and there[measure.needs])

    @property
    def info(self) -> tuple[tuple[Measure, int | None], ...]:
        """Measures in INFO in the order of their keys, each with the index of its target, if it has one."""
        of_allele = [(measure, None) for measure in self.of("allele") if measure.info]
        of_targets = [(each, index) for index in self.annotated for each in self.of("target") if each.info]
        return (*of_allele, *of_targets)

    @property
    def compared(self) -> list[str]:
        """Names of the measures of the allele that are compared with the truth."""
        return [measure.name for measure in self.of("allele") if measure.compared]

    @property
    def lists(self) -> Mapping[str, tuple[Measure, tuple[int, ...]]]:
        """Lists over targets that an allele's row holds: name → measure and indices of the targets."""
        of_target = self.of("target")
        chosen = {measure.name: (measure, self.chosen) for measure in of_target}
        return chosen | {annotated(m): (m, self.annotated) for m in of_target if m.info}


def annotated(measure: Measure) -> str:
    """Name of the list of a measure's values for the annotated VCF."""
    return f"annotated {measure.name}"


def column_of(index: int, target: str, name: str) -> str:
    """Name of the column of a target's measure in tables with one row an allele."""
    return f"{index}_{target}__{name}"


def targets_of(columns: Iterable[str]) -> dict[int, str]:
    """Index → name of each target that has such columns."""
    matches = (re.fullmatch(rf"(\d+)_(.*)__{LOGIT_DIFF}", column) for column in columns)
    return {int(match[1]): match[2] for match in matches if match}


def key_reference(of: Literal["target", "allele"], table: Sequence[Measure] = MEASURES) -> str:
    """Write the key reference of docs/scores.md: a Markdown table with a row for each measure."""
    lines = ["| column | dtype | formula | range | meaning | source | INFO key |", "|" + "---|" * 7]
    for measure in table:
        if measure.of == of:
            remarks = (measure.meaning, _NEEDED[measure.needs], "compared by `--truth`" * measure.compared)
            meaning = "; ".join(filter(None, remarks))
            key = f"danq_{measure.name}" + ("_<index>_<target>" if of == "target" else "")
            dtype = "str" if measure.dtype == "target" else measure.dtype
            cells = [f"`{measure.name}`", dtype, f"`{measure.notation}`", measure.range, meaning]
            cells += [measure.source, f"`{key}`" if measure.info else ""]
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines)
