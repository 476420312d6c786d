"""What becomes of each allele of a record: its place on the genome, or the reason why it is not scored."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from danq.genome.alphabet import CODES, N, decode
from danq.genome.contigs import ContigMap
from danq.genome.fasta import Bases, Genome
from danq.genome.intervals import Region, Stretches, stretches_of
from danq.variants.alleles import Allele, Place, place, trimmed
from danq.variants.symbolic import Span, changed, place_of, span_of
from danq.variants.text import LONGEST_POS, Fields, Line, VariantText, readable

_CODES = CODES.tobytes()
_LETTERS = bytes.maketrans(b"acgturyswkmbdhvnxU", b"ACGTTRYSWKMBDHVNXT")
_BASES = b"\0\1\2\3"
_SHOWN = 20
_Text = tuple[int, int, str, int, str, str, str]
"""Of an allele: row, number, contig, position, ID, REF, ALT."""


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
        Only records that overlap one of them; all records where empty. What counts is the span of the record
        as written, POS to POS + len(REF) − 1 (or to the end of the stretch that a symbolic ALT names): with
        an insertion's anchor base, whatever its placement.
    pass_only : bool
        Only records whose FILTER is PASS or ``.``.
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


class AlleleChecks:
    """Checks one record after the other and keeps nothing of them.

    An allele without a `reason` is placed: trimmed to what differs, moved left, without an anchor base, so
    that all descriptions of one allele have equal `index`, `start`, `removed` and `inserted`. The first
    reason that applies is given, in this order: malformed, unknown_contig, outside_regions, filtered,
    missing, star, symbolic or breakend, outside_contig, ref_mismatch, ambiguous, same_as_ref, too_long.

    REF is compared without regard to case. Ambiguity letters in it match an N of the genome. Where the FASTA
    has an ambiguity letter, an N of the genome, the base that VCF reduces it to matches too, and the alleles
    are flagged ``iupac``. ALT may hold them only where it shares them with REF. Of ``<DEL>``,
    ``<DUP>`` and ``<INV>`` with exact ends the sequence that they mean is placed.

    Raises
    ------
    DanqError
        If a region's contig is unknown.
    """

    def __init__(self, variants: VariantText, genome: Genome, rules: AlleleRules, contigs: ContigMap) -> None:
        self.variants, self.genome, self.rules, self.contigs = variants, genome, rules, contigs
        wanted = stretches_of(rules.regions, genome) if rules.regions else None
        nowhere: Stretches = ((), ())
        self._known = {
            name: _Contig(index, genome.contig(index), None if wanted is None else wanted.get(index, nowhere))
            for name, index in contigs.index.items()
        }

    def alleles(self, line: Line, fields: Fields | None) -> tuple[Allele, ...]:
        """Give the alleles of a record: one for each ALT, or one for a malformed line (`fields` None)."""
        if fields is None:
            return (Allele(line.row, 1, *self._loose_fields(line.text), "malformed"),)
        contig = self._known.get(fields.contig)
        reason = self._unwanted(fields, contig)
        if reason or contig is None:
            return tuple(
                Allele(line.row, n, fields.contig, fields.pos, fields.id, fields.ref, alt, reason)
                for n, alt in enumerate(fields.alts, 1)
            )
        # in a table an allele may be empty
        ref = b"" if fields.ref == "-" else fields.ref.encode().translate(_LETTERS)
        held = _holds(contig.bases, fields.pos - 1, ref)
        reduced = not held and self._holds_reduced(contig, fields.pos - 1, ref)
        alleles = tuple(
            self._allele(line, n, fields, alt, contig, ref, held or reduced)
            for n, alt in enumerate(fields.alts, 1)
        )
        if reduced:
            return tuple(replace(allele, flags=(*allele.flags, "iupac")) for allele in alleles)
        return alleles

    def _holds_reduced(self, contig: _Contig, start: int, letters: bytes) -> bool:
        """Whether letters are the bases at `start`, but for ambiguity letters as VCF reduces them."""
        end = start + len(letters)
        if self.genome.ambiguity is None or start < 0 or end > len(contig.bases):
            return False
        codes, wanted = contig.bases[start:end].tobytes(), letters.translate(_CODES)
        different = [n for n in range(len(codes)) if codes[n] != wanted[n]]
        if any(codes[n] != N for n in different):
            return False
        reduced = self.genome.ambiguity.reduced(contig.number, start, len(letters))
        return all(reduced[n] == letters[n] for n in different)

    def _loose_fields(self, text: str) -> tuple[str, int, str, str, str]:
        """Contig, 1-based position, ID, REF, ALT of a malformed line; "" and 0 for what cannot be read."""
        text = readable(text)
        if self.variants.kind == "tsv":
            parts = (*text.partition("\t")[0].split(":"), "", "", "", "")
            contig, pos, name, ref, alt = parts[0], parts[1], "", parts[2], parts[3]
        else:
            contig, pos, name, ref, alt = (*text.split("\t", 5)[:5], "", "", "", "", "")[:5]
        number = int(pos) if pos.isdecimal() and pos.isascii() and len(pos) <= LONGEST_POS else 0
        return contig, number, name, ref, alt

    def _unwanted(self, fields: Fields, contig: _Contig | None) -> str:
        if contig is None:
            return "unknown_contig"
        if contig.wanted is not None and not overlaps(contig.wanted, fields.pos - 1, _length(fields)):
            return "outside_regions"
        if self.rules.pass_only and fields.filter not in ("PASS", "."):
            return "filtered"
        return ""

    def _allele(
        self, line: Line, number: int, fields: Fields, alt: str, contig: _Contig, ref: bytes, held: bool
    ) -> Allele:
        text = (line.row, number, fields.contig, fields.pos, fields.id, fields.ref, alt)
        if "<" in alt and (span := span_of(alt, number, len(fields.alts), fields.pos, fields.info)):
            return self._of_span(text, span, contig, ref, held)
        if reason := _no_sequence(alt):
            return Allele(*text, reason)
        start = fields.pos - 1
        old, new, swapped = ref, alt.encode("ascii", "replace").translate(_LETTERS), False
        if alt == "-" and self.variants.kind == "tsv":
            new = b""
        if not held:
            if start < 0 or start + len(ref) > len(contig.bases):
                return Allele(*text, "outside_contig")
            if self.rules.ref_mismatch == "swap" and _brings(old, new) and _holds(contig.bases, start, new):
                old, new, swapped = new, old, True
            else:
                return Allele(*text, "ref_mismatch")
        if len(old) == len(new) == 1 and old != new:
            # most alleles by far, and nothing to place
            placed = Place(start, 1, new.translate(_CODES))
        else:
            placed = place(contig.bases, start, old, new)
        flags = ("swapped",) if swapped else ()
        if reason := _unplaceable(placed, self.rules.window):
            return Allele(*text, reason, flags)
        return Allele(*text, "", flags, contig.number, *placed, swapped)

    def _of_span(self, text: _Text, span: Span, contig: _Contig, ref: bytes, held: bool) -> Allele:
        """Place a symbolic allele that says which stretch of the contig it changes, and how."""
        pos = text[3]
        # a stretch from the first base on has nothing but position 0 before it
        if (pos < 1 and ref != b"N") or max(span.end, pos - 1 + len(ref)) > len(contig.bases):
            return Allele(*text, "outside_contig")
        # callers of such alleles write N for the base before the stretch, which they do not look at
        if not held and ref != b"N":
            return Allele(*text, "ref_mismatch")
        span = changed(contig.bases, span)
        if span.end - span.start > self.rules.window:
            return Allele(*text, "too_long")
        placed = place_of(contig.bases, span)
        if reason := _unplaceable(placed, self.rules.window):
            return Allele(*text, reason)
        return Allele(*text, "", (), contig.number, *placed)

    def ref_fault(self, fields: Fields) -> str:
        """Say of a record on the genome what REF was expected and what received."""
        start = fields.pos - 1
        holds = decode(self._known[fields.contig].bases[start : start + min(len(fields.ref), _SHOWN)])
        return (
            f"expected REF {holds!r}, which the genome holds at {fields.contig}:{fields.pos}, "
            f"received {fields.ref[:_SHOWN]!r}"
        )


def _length(fields: Fields) -> int:
    """Bases from POS to the last one of REF, or of the longest stretch that a symbolic ALT names."""
    spans = (
        span_of(alt, number, len(fields.alts), fields.pos, fields.info)
        for number, alt in enumerate(fields.alts, 1)
        if "<" in alt
    )
    return max([len(fields.ref), *(span.end - fields.pos + 1 for span in spans if span is not None)])


def _no_sequence(alt: str) -> str:
    """Reason why an ALT is no sequence: missing, star, symbolic, breakend; "" if it may be one."""
    if alt == ".":
        return "missing"
    if alt == "*":
        return "star"
    if "[" in alt or "]" in alt:
        return "breakend"
    if "<" in alt:
        return "symbolic"
    return "breakend" if alt[0] == "." or alt[-1] == "." else ""


def _brings(ref: bytes, alt: bytes) -> bool:
    """Whether ALT has bases of its own to be found in the genome.

    Of a deletion there is nothing but its anchor, which fits by chance at every fourth position.
    """
    return bool(trimmed(0, ref, alt)[2])


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
