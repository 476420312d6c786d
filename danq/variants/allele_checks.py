"""What becomes of each allele of a record: its place on the genome, or the reason why it is not scored."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from danq.errors import DanqError
from danq.genome.alphabet import CODES, decode
from danq.genome.contigs import ContigMap
from danq.genome.fasta import Bases, Genome
from danq.genome.intervals import Region, Stretches, stretches_of
from danq.variants.alleles import Allele
from danq.variants.lines import Fields, kind_of_alt, loose_fields, parse_line
from danq.variants.placement import Place, common_start, place
from danq.variants.text import Line, VariantText

_CODES = CODES.tobytes()
_LETTERS = bytes.maketrans(b"acgturyswkmbdhvnxU", b"ACGTTRYSWKMBDHVNXT")
_BASES = b"\0\1\2\3"


@dataclass(frozen=True)
class AlleleRules:
    """Which alleles are wanted, and what a scorer can take.

    Attributes
    ----------
    window : int
        The model's window, bp: longer alleles are `too_long`.
    ref_mismatch : {"skip", "error", "swap"}
        What to do where the genome does not hold REF: leave the allele out; refuse the file; take it the
        other way round, flagged ``swapped``, where the genome holds its ALT.
    regions : tuple of Region
        Only records that overlap one of them, with the genome's contig names (see
        `danq.genome.intervals.read_regions`); all records where empty. What counts is the span of the
        record as written, POS to POS + len(REF) − 1: with an insertion's anchor base, whatever its placement.
    pass_only : bool
        Only records whose FILTER is PASS or ``.``; tables have no FILTER and pass.
    """

    window: int
    ref_mismatch: Literal["skip", "error", "swap"] = "skip"
    regions: tuple[Region, ...] = ()
    pass_only: bool = False


class _Contig(NamedTuple):
    """A contig of the genome with the stretches asked for; None: all of it."""

    number: int
    bases: Bases
    wanted: Stretches | None


@dataclass(frozen=True, eq=False)
class Judge:
    """Decides about one record after the other and keeps nothing of them.

    Attributes
    ----------
    variants, genome, rules, contigs
        As in `danq.variants.records.read_alleles`.
    known : dict of str to contig
        What is needed of each contig, by its name in the file.

    Raises
    ------
    DanqError
        If a region's contig is unknown.
    """

    variants: VariantText
    genome: Genome
    rules: AlleleRules
    contigs: ContigMap
    known: dict[str, _Contig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = stretches_of(self.rules.regions, self.genome) if self.rules.regions else None
        for name, index in self.contigs.index.items():
            bases = self.genome.contig(index)
            self.known[name] = _Contig(index, bases, None if wanted is None else wanted.get(index, ((), ())))

    def alleles(self, line: Line) -> tuple[Allele, ...]:
        """Give the alleles of a record: one for each ALT, or one for a malformed line.

        Raises
        ------
        DanqError
            If REF is not in the genome and the rules say that this is an error.
        """
        fields = parse_line(line.text, self.variants.kind, self.variants.tabs)
        if fields is None:
            loose = loose_fields(line.text, self.variants.kind)
            return (Allele(line.row, 1, *loose, "malformed"),)
        contig = self.known.get(fields.contig)
        reason = self._unwanted(fields, contig)
        if reason or contig is None:
            return tuple(
                Allele(line.row, n, fields.contig, fields.pos, fields.id, fields.ref, alt, reason)
                for n, alt in enumerate(fields.alts, 1)
            )
        ref = fields.ref.encode().translate(_LETTERS)
        held = _holds(contig.bases, fields.pos - 1, ref)
        return tuple(
            self._allele(line, n, fields, alt, contig, ref, held) for n, alt in enumerate(fields.alts, 1)
        )

    def _unwanted(self, fields: Fields, contig: _Contig | None) -> str:
        if contig is None:
            return "unknown_contig"
        if contig.wanted is not None and not overlaps(contig.wanted, fields.pos - 1, len(fields.ref)):
            return "outside_regions"
        if self.rules.pass_only and fields.filter not in ("PASS", "."):
            return "filtered"
        return ""

    def _allele(
        self, line: Line, number: int, fields: Fields, alt: str, contig: _Contig, ref: bytes, held: bool
    ) -> Allele:
        text = (line.row, number, fields.contig, fields.pos, fields.id, fields.ref, alt)
        reason = kind_of_alt(alt)
        if reason:
            return Allele(*text, reason)
        start = fields.pos - 1
        old, new, swapped = ref, alt.encode("ascii", "replace").translate(_LETTERS), False
        if not held:
            if start < 0 or start + len(ref) > len(contig.bases):
                return Allele(*text, "outside_contig")
            if self.rules.ref_mismatch == "swap" and _brings(old, new) and _holds(contig.bases, start, new):
                old, new, swapped = new, old, True
            elif self.rules.ref_mismatch == "error":
                raise _mismatch(self.variants, line, fields, contig)
            else:
                return Allele(*text, "ref_mismatch")
        if len(old) == len(new) == 1 and old != new:
            # most alleles by far, and nothing to place
            placed = Place(start, 1, new.translate(_CODES))
        else:
            placed = place(contig.bases, start, old, new)
        reason = _unplaceable(placed, self.rules.window)
        flags = ("swapped",) if swapped else ()
        if reason:
            return Allele(*text, reason, flags)
        return Allele(*text, "", flags, contig.number, *placed, swapped)


def _brings(ref: bytes, alt: bytes) -> bool:
    """Whether ALT has bases of its own to be found in the genome.

    Of a deletion there is nothing but its anchor, which fits by chance at every fourth position.
    """
    start, end = common_start(ref, alt), len(alt)
    return end - common_start(ref[start:][::-1], alt[start:][::-1]) > start


def _unplaceable(placed: Place, window: int) -> str:
    if placed.inserted.translate(None, _BASES):
        return "ambiguous"
    if not placed.removed and not placed.inserted:
        return "same_as_ref"
    return "too_long" if max(placed.removed, len(placed.inserted)) > window else ""


def _holds(bases: Bases, start: int, letters: bytes) -> bool:
    if start < 0 or start + len(letters) > len(bases):
        return False
    return bases[start : start + len(letters)].tobytes() == letters.translate(_CODES)


def overlaps(wanted: Stretches, start: int, length: int) -> bool:
    """Whether the bases [start, start + length) of a contig, 0-based, reach into a stretch."""
    starts, ends = wanted
    last = bisect_left(starts, start + length) - 1
    return last >= 0 and ends[last] > start


def _mismatch(variants: VariantText, line: Line, fields: Fields, contig: _Contig) -> DanqError:
    start = fields.pos - 1
    held = decode(contig.bases[start : start + min(len(fields.ref), 20)])
    return DanqError(
        f"{variants.path}:{line.number}: expected REF {held!r}, which the genome holds at "
        f"{fields.contig}:{fields.pos}, received {fields.ref[:20]!r}"
    )
