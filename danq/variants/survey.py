"""A file of variants read and checked once, before any of it is scored; all later work reads the result."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from danq.errors import DanqError, first_few
from danq.genome.contigs import ContigMap, resolve_contigs
from danq.genome.fasta import Genome
from danq.progress import progress
from danq.tables import writing_batches
from danq.variants.allele_checks import AlleleChecks, AlleleRules
from danq.variants.alleles import Allele
from danq.variants.carriers import Carriers, Edit
from danq.variants.genotypes import choose_samples
from danq.variants.survey_file import (
    ALLELES,
    ALLELES_FILE,
    CARRIED_ALLELES,
    EDITS,
    EDITS_FILE,
    PartWriter,
    Survey,
    open_survey,
)
from danq.variants.text import Fields, Line, VariantText

PART = 2_000
"""Records of one part of a survey, and so of the work on it."""

_MISMATCHED = frozenset({"ref_mismatch", "outside_contig"})
_UNCHECKED = frozenset(
    {"malformed", "unknown_contig", "outside_regions", "filtered", "missing", "star", "symbolic", "breakend"}
)
_STRIDE, _FEWEST, _EARLY = 1000, 10, 1000
_CONTIG = re.compile(r"##contig=<(?:.*,)?ID=([^,>]+)")


def survey(
    folder: Path,
    variants: VariantText,
    genome: Genome,
    rules: AlleleRules,
    aliases: Mapping[str, str] | None = None,
    samples: Sequence[str] = (),
    unphased: Literal["skip", "alone", "refuse"] = "skip",
    strict: bool = False,
    digest: str = "",
    part: int = PART,
) -> Survey:
    """Read a file of variants to its end, or open what an earlier reading has left.

    Parameters
    ----------
    folder : Path
        Directory for the result, which appears there when it is whole.
    aliases : mapping of str to str, optional
        Further contig names, as from `danq.genome.contigs.read_aliases`.
    samples : sequence of str
        Samples whose haplotypes are surveyed, or ``all``, of a VCF with contigs in one piece each and
        positions ascending; none where empty.
    unphased : {"skip", "alone", "refuse"}
        An allele of a heterozygous genotype that is not phased: skipped with the reason ``unphased``; taken
        on the genome alone, once, with haplotype 0 and the flag ``unphased``, and not in place for others; or
        an error.
    strict : bool
        Refuse a file with malformed lines or with genotypes for which alleles would be skipped.
    digest : str
        SHA-256 over everything that the result depends on.
    part : int
        Records of a part.

    Raises
    ------
    DanqError
        If the file is damaged, a contig name is ambiguous, the genome has none of the contigs of ten or more
        records, most of ten or more compared REF are not in the genome (told after the first thousand), or
        any is not and `rules.ref_mismatch` is ``error``, or no line is a record. With samples also if one is
        unknown, or the records are not sorted. What `strict` and `unphased` refuse is told when the file has
        been read, with the first place and how many there are.
    """
    if (kept := open_survey(folder, digest)) is not None:
        return kept
    columns = choose_samples(variants, samples) if samples else {}
    records, names = _contig_names(variants)
    contigs = _resolve(variants, names, genome, aliases)
    checks = AlleleChecks(variants, genome, rules, contigs)
    carriers = Carriers(checks, columns, unphased) if columns else None
    tally, ends, scorable = _Tally(checks), list[tuple[int, int]](), list[int]()
    with ExitStack() as stack:
        # left last, and so the last to appear: where the alleles are, all is there
        kinds = {ALLELES_FILE: CARRIED_ALLELES, EDITS_FILE: EDITS} if columns else {ALLELES_FILE: ALLELES}
        writers = [
            PartWriter(schema, stack.enter_context(writing_batches(folder / name, schema, digest)))
            for name, schema in kinds.items()
        ]
        for row, alleles, edits in _checked(checks, tally, carriers, records):
            if len(scorable) <= (row - 1) // part:
                scorable.append(0)
            scorable[-1] += sum(not allele.reason for allele in alleles)
            for writer, of_record in zip(writers, (alleles, edits), strict=False):
                writer.extend(of_record)
            if row % part == 0 or row == records:
                ends += [carriers.reach] if carriers is not None else []
                for writer in writers:
                    writer.end_part()
        result = tally.survey(
            folder=folder,
            digest=digest,
            records=records,
            part=part,
            batches=tuple(writers[0].batches),
            edit_batches=tuple(writers[-1].batches) if carriers is not None else (),
            ends=tuple(ends),
            genotypes=dict(carriers.skipped) if carriers is not None else {},
            scorable=tuple(scorable),
        )
        _refuse(result, tally, carriers, unphased, strict)
        writers[0].finish(result)
    return result


def _contig_names(variants: VariantText) -> tuple[int, list[str]]:
    """Count the records and name their contigs: what a name means depends on all others.

    Of each contig only as many lines are parsed as it takes to find one that is well-formed.
    """
    records, seen, names = 0, set[str](), dict[str, None]()
    table = variants.kind == "tsv"
    with progress(f"reading {variants.path.name}", None, "variants") as advance:
        for line in variants.lines():
            records = line.row
            if records % _STRIDE == 0:
                advance(_STRIDE)
            # in a table nothing but the whole allele tells where the contig's name ends
            name = line.text.partition("\t")[0]
            if name not in seen and (fields := variants.fields(line.text)) is not None:
                names[fields.contig] = None
                if not table:
                    seen.add(name)
    return records, list(names)


def _resolve(
    variants: VariantText, names: list[str], genome: Genome, aliases: Mapping[str, str] | None
) -> ContigMap:
    source = str(variants.path)
    try:
        return resolve_contigs(names, genome.names, source, aliases)
    except DanqError as error:
        # what chrX means may show in the names that only the header has
        declared = [match[1] for line in variants.header if (match := _CONTIG.match(line))]
        try:
            known = resolve_contigs([*names, *declared], genome.names, source, aliases)
        except DanqError:
            raise error from None
    return ContigMap(
        {name: known.index[name] for name in names if name in known.index},
        tuple(name for name in names if name not in known.index),
        {name: known.renamed[name] for name in names if name in known.renamed},
    )


def _checked(
    checks: AlleleChecks, tally: "_Tally", carriers: Carriers | None, records: int
) -> Iterator[tuple[int, Sequence[Allele], Sequence[Edit]]]:
    """Check record after record: its number, its alleles and, with samples, what it changes on haplotypes."""
    row = 0
    with progress("checking variants", records, "variants") as advance:
        for line in checks.variants.lines():
            row, fields = line.row, checks.variants.fields(line.text)
            alleles = checks.alleles(line, fields)
            tally.add(line, fields, alleles)
            if carriers is not None and tally.unsorted:
                where = f"{checks.variants.path}:{line.number}"
                raise DanqError(
                    f"{where}: haplotypes of samples need a sorted file; expected {tally.unsorted}"
                )
            yield row, *(carriers.rows(line, fields, alleles) if carriers is not None else (alleles, ()))
            if row % _STRIDE == 0:
                advance(_STRIDE)
    if row != records:
        raise DanqError(f"{checks.variants.path}: changed while it was read; score it again")
    tally.refuse_wrong_build()


def _refuse(result: Survey, tally: "_Tally", carriers: Carriers | None, unphased: str, strict: bool) -> None:
    """Refuse a file of which no line can be read, or that holds what must not be left out."""
    first = dict(carriers.first_skipped) if carriers is not None else {}
    counts = Counter(result.genotypes)
    if tally.first_malformed is not None:
        first["malformed"], counts["malformed"] = tally.first_malformed, result.reasons["malformed"]
    path = tally.checks.variants.path
    if counts["malformed"] == result.alleles > 0:
        line, fault = first["malformed"]
        raise DanqError(f"{path}:{line}: {fault} (no line of the file is a variant record)")
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


@dataclass
class _Tally:
    """What records add up to, and whether they show that the genome is another one.

    `unsorted` says what the last record out of order should have been, `first_malformed` the number of
    the first line that is no record, and why it is none.
    """

    checks: AlleleChecks
    unsorted: str = ""
    first_malformed: tuple[int, str] | None = None
    longest: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    mismatched: int = 0
    swapped: int = 0
    _seen: set[str] = field(default_factory=set)
    _well_formed: int = 0
    _contig: str = ""
    _pos: int = 0

    def add(self, line: Line, fields: Fields | None, alleles: Sequence[Allele]) -> None:
        """Count a record."""
        if fields is not None:
            self._add_place(fields)
        elif self.first_malformed is None:
            self.first_malformed = line.number, self.checks.variants.fault(line.text)
        reasons = [allele.reason for allele in alleles]
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
