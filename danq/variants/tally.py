"""What the records of a file of variants add up to, and what of it is a reason to refuse the file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from danq.errors import DanqError, first_few
from danq.variants.allele_checks import AlleleChecks
from danq.variants.alleles import Allele
from danq.variants.carriers import Carriers
from danq.variants.survey_file import Survey
from danq.variants.text import Fields, Line

_MISMATCHED = frozenset({"ref_mismatch", "outside_contig"})
_UNCHECKED = frozenset(
    {"malformed", "unknown_contig", "outside_regions", "filtered", "missing", "star", "symbolic", "breakend"}
)
_FEWEST, _EARLY = 10, 1000


@dataclass
class Tally:
    """What records add up to, and whether they show that the genome is another one.

    `unsorted` says what the last record out of order should have been, `first_malformed` the number of
    the first line that is no record, and why it is none, `first_mismatch` that of the first record whose REF
    is not in the genome where this is an error, and what was expected.
    """

    checks: AlleleChecks
    marks: tuple[str, ...] = ()
    unsorted: str = ""
    first_malformed: tuple[int, str] | None = None
    first_mismatch: tuple[int, str] | None = None
    longest: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    mismatched: int = 0
    swapped: int = 0
    info_keys: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    _well_formed: int = 0
    _contig: str = ""
    _pos: int = 0

    def add(self, line: Line, fields: Fields | None, alleles: Sequence[Allele]) -> None:
        """Count a record."""
        if fields is not None:
            self._add_place(fields)
            if any(mark in fields.info for mark in self.marks):
                keys = (entry.partition("=")[0] for entry in fields.info.split(";"))
                self.info_keys.update(key for key in keys if any(mark in key for mark in self.marks))
        elif self.first_malformed is None:
            self.first_malformed = line.number, self.checks.variants.fault(line.text)
        reasons = [allele.reason for allele in alleles]
        wrong = self.checks.rules.ref_mismatch == "error" and "ref_mismatch" in reasons
        if wrong and fields is not None and self.first_mismatch is None:
            self.first_mismatch = line.number, self.checks.ref_fault(fields)
        swapped = sum(allele.swapped for allele in alleles)
        self.reasons.update(reasons)
        self.swapped += swapped
        self.checked += not _UNCHECKED.issuperset(reasons)
        self.mismatched += not swapped and not _MISMATCHED.isdisjoint(reasons)
        if self.checked == _EARLY:
            self.refuse_wrong_build()

    def _add_place(self, fields: Fields) -> None:
        if fields.contig != self._contig:
            if fields.contig in self._seen:
                self.unsorted = f"all records of {fields.contig!r} together"
            self._contig, self._pos = fields.contig, 0
            self._seen.add(fields.contig)
        if fields.pos < self._pos:
            self.unsorted = f"a position of {self._pos} or more, received {fields.pos}"
        self._pos = fields.pos
        self.longest = max(self.longest, fields.pos + len(fields.ref) - 1)
        self._well_formed += 1
        if self._well_formed == _FEWEST and not self.checks.contigs.index:
            unknown, own = first_few(self.checks.contigs.unknown), first_few(self.checks.genome.names)
            raise DanqError(
                f"{self.checks.variants.path}: the genome looks wrong: it has none of the contigs {unknown}; "
                f"its own are {own} (an alias table can match them)"
            )

    def survey(self, **files: Any) -> Survey:
        """Give the survey of all records; `files` are those of its fields that say how it is kept."""
        lengths = self.checks.genome.lengths[list(self.checks.contigs.index.values())]
        return Survey(
            alleles=self.reasons.total(),
            contigs=self.checks.contigs,
            sorted=not self.unsorted,
            longest_end=max([self.longest, *lengths.tolist()]),
            header_contigs=any(line.startswith("##contig=") for line in self.checks.variants.header),
            checked=self.checked,
            mismatched=self.mismatched,
            reasons=dict(self.reasons),
            swapped=self.swapped,
            first_malformed=self.first_malformed,
            info_keys=tuple(sorted(self.info_keys)),
            **files,
        )

    def refuse_wrong_build(self) -> None:
        """Refuse the file if most REF are not in the genome."""
        # on a wrong genome a base fits by chance at every third or fourth position, REF or ALT at each second
        swap = self.checks.rules.ref_mismatch == "swap"
        bearable = self.checked / 4 if swap else self.checked / 2
        if self.checked >= _FEWEST and self.mismatched > bearable:
            what = "neither REF nor ALT" if swap else "another sequence than REF"
            raise DanqError(
                f"{self.checks.variants.path}: the genome build looks wrong: {self.mismatched:,} of the "
                f"first {self.checked:,} records compared have {what} in the genome {self.checks.genome.path}"
            )


def refuse_left_out(
    result: Survey, tally: Tally, carriers: Carriers | None, unphased: str, strict: bool
) -> None:
    """Refuse a file of which no line can be read, or that holds what must not be left out."""
    first = dict(carriers.first_skipped) if carriers is not None else {}
    counts = Counter(result.genotypes)
    if tally.first_malformed is not None:
        first["malformed"], counts["malformed"] = tally.first_malformed, result.reasons["malformed"]
    path = tally.checks.variants.path
    if counts["malformed"] == result.alleles > 0:
        line, fault = first["malformed"]
        raise DanqError(f"{path}:{line}: {fault} (no line of the file is a variant record)")
    if tally.first_mismatch is not None:
        line, fault = tally.first_mismatch
        count = result.reasons["ref_mismatch"]
        raise DanqError(f"{path}:{line}: {fault} (the first of {count:,} alleles whose REF does not fit)")
    if unphased == "refuse" and "unphased" in first:
        line, fault = first["unphased"]
        raise DanqError(
            f"{path}:{line}: {fault} (the first of {counts['unphased']:,} that are not phased; "
            "`--unphased skip` leaves them out, `--unphased alone` scores them on the genome itself)"
        )
    if strict and first:
        line, fault = min(first.values())
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
        raise DanqError(
            f"{path}:{line}: {fault} (the first of {counts.total():,} lines and genotypes that would be left "
            f"out but for --strict: {reasons})"
        )
