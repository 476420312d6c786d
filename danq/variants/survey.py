"""A file of variants read and checked once, before any of it is scored; all later work reads the result."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from danq.errors import DanqError
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
from danq.variants.tally import Tally, refuse_left_out
from danq.variants.text import VariantText, declared_contigs

PART = 2_000
"""Records of one part of a survey, and so of the work on it."""

_STRIDE = 1000


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
    marks: Sequence[str] = (),
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
    marks : sequence of str
        INFO keys that hold one of these are looked for, whether declared or not.

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
    tally, ends, scorable = Tally(checks, tuple(marks)), list[tuple[int, int]](), list[int]()
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
            first_genotype=min(carriers.first_skipped.values(), default=None) if carriers else None,
            scorable=tuple(scorable),
        )
        refuse_left_out(result, tally, carriers, unphased, strict)
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
        try:
            known = resolve_contigs(
                [*names, *declared_contigs(variants.header)], genome.names, source, aliases
            )
        except DanqError:
            raise error from None
    return ContigMap(
        {name: known.index[name] for name in names if name in known.index},
        tuple(name for name in names if name not in known.index),
        {name: known.renamed[name] for name in names if name in known.renamed},
    )


def _checked(
    checks: AlleleChecks, tally: Tally, carriers: Carriers | None, records: int
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
