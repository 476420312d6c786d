"""One alternate allele of a variant record: what the file says, and where it changes the genome."""

from dataclasses import dataclass

REASONS = {
    "ref_mismatch": "REF is not what the genome holds at POS",
    "star": "ALT is `*`: deleted by another record",
    "missing": "ALT is `.`: the record has no alternate allele",
    "symbolic": "ALT is symbolic, such as <DEL>",
    "breakend": "ALT is a breakend",
    "same_as_ref": "ALT is the same sequence as REF",
    "ambiguous": "ALT holds a letter other than A, C, G, T",
    "unknown_contig": "the genome has no such contig",
    "outside_contig": "the record reaches past an end of its contig",
    "many_n": "more than half of the window's genomic bases are N",
    "too_long": "inserted or removed bases outnumber the model's window",
    "outside_regions": "outside the asked-for regions",
    "filtered": "FILTER is neither PASS nor `.`",
    "malformed": "the line is no variant record",
    "not_carried": "no chosen sample carries the allele",
    "overlaps": "overlaps an earlier variant of the same haplotype",
}
"""Why an allele is not scored: the closed list of the ledger's column `reason`."""


@dataclass(frozen=True, slots=True)
class Allele:
    """An alternate allele as the input has it and, unless `reason` says why not, its place on the genome.

    Attributes
    ----------
    row : int
        Number of the record in the input, from 1.
    allele : int
        Number of the allele among the record's ALT, from 1 as genotypes count them.
    contig, pos, id, ref, alt : str, int, str, str, str
        The record's text; `pos` is 1-based. Of a malformed line what could be read, else "" and 0.
    reason : str
        A key of `REASONS`, or "" where the allele can be scored.
    flags : tuple of str
        Remarks, for example ``swapped``.
    index : int
        Contig of the genome; -1 where not scored.
    start : int
        0-based first changed base on the genome after trimming and left-alignment.
    removed : int
        Genome bases that the allele replaces: [start, start + removed).
    inserted : bytes
        Codes (uint8) of the bases that stand in their place.
    swapped : bool
        The genome holds the record's ALT: the edit leads from ALT to REF.
    sample : str
        Sample whose haplotype carries the allele; "" outside personal genomes.
    haplotype : int
        1 or 2 (from the genotype's order) within a sample; 0 outside personal genomes.
    """

    row: int
    allele: int
    contig: str
    pos: int
    id: str
    ref: str
    alt: str
    reason: str = ""
    flags: tuple[str, ...] = ()
    index: int = -1
    start: int = -1
    removed: int = 0
    inserted: bytes = b""
    swapped: bool = False
    sample: str = ""
    haplotype: int = 0
