"""Files of variants as lines of text, whatever their format and compression."""

import gzip
import io
import os
import subprocess
from pathlib import Path

import pysam
import pytest
from Bio import bgzf
from small_genome import COLUMNS, record

from danq.errors import DanqError
from danq.variants.text import Line, open_variants

HEADER = (
    "##fileformat=VCFv4.3",
    "##contig=<ID=c1,length=100>",
    '##FILTER=<ID=q10,Description="low">',
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="depth">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="end">',
)
RECORDS = (
    "c1\t1\t.\tA\tC\t12345678.9\tPASS\tDP=1",
    "c1\t7\trs1\tAC\tA,<DEL>\t.\tq10\tDP=2",
    "c1\t3\t.\tG\tT\t5\t.\tDP=3",
)
VCF = "".join(f"{line}\n" for line in (*HEADER, COLUMNS, *RECORDS)).encode()


def bgzip(data: bytes, path: Path) -> bytes:
    with bgzf.BgzfWriter(path) as stream:
        stream.write(data)
    return path.read_bytes()


def bcf(data: bytes, folder: Path, mode: str = "wb") -> bytes:
    (folder / "source.vcf").write_bytes(data)
    with (
        pysam.VariantFile(str(folder / "source.vcf")) as source,
        pysam.VariantFile(str(folder / "made.bcf"), mode, header=source.header) as made,
    ):
        for each in source:
            made.write(each)
    return (folder / "made.bcf").read_bytes()


@pytest.fixture(params=["plain", "gzip", "two gzip members", "bgzip", "crlf"])
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a name without suffix"
    half = len(VCF) // 2
    path.write_bytes(
        {
            "plain": lambda: VCF,
            "gzip": lambda: gzip.compress(VCF),
            "two gzip members": lambda: gzip.compress(VCF[:half]) + gzip.compress(VCF[half:]),
            "bgzip": lambda: bgzip(VCF, tmp_path / "blocks"),
            "crlf": lambda: VCF.replace(b"\n", b"\r\n"),
        }[request.param]()
    )
    return path


def test_a_vcf_is_read_whatever_its_name_and_compression(packed: Path) -> None:
    variants = open_variants(packed)
    assert variants.kind == "vcf"
    assert variants.header == (*HEADER, COLUMNS)
    assert variants.samples == variants.columns == ()
    assert list(variants.lines()) == [Line(n, n + len(HEADER) + 1, text) for n, text in enumerate(RECORDS, 1)]


@pytest.mark.parametrize("mode", ["wb", "wb0"], ids=["compressed", "uncompressed"])
def test_a_bcf_is_read_as_the_text_of_its_records(
    tmp_path: Path, mode: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bcf(VCF, tmp_path, mode)
    variants = open_variants(tmp_path / "made.bcf")
    assert variants.kind == "vcf"
    assert set(HEADER) < set(variants.header)
    assert variants.header[-1] == COLUMNS
    lines = list(variants.lines())
    assert [line.row for line in lines] == [1, 2, 3]
    assert [line.text.split("\t")[:5] for line in lines] == [text.split("\t")[:5] for text in RECORDS]
    assert capfd.readouterr().err == "", "no complaint about a missing index"


def test_blank_lines_are_no_records_but_count_as_lines(tmp_path: Path) -> None:
    (tmp_path / "v.vcf").write_text(f"##x\n{COLUMNS}\n\n{RECORDS[0]}\n  \t \n{RECORDS[1]}")
    assert list(open_variants(tmp_path / "v.vcf").lines()) == [Line(1, 4, RECORDS[0]), Line(2, 6, RECORDS[1])]


def test_bytes_survive_a_round_trip(tmp_path: Path) -> None:
    latin, odd = (
        record("c1", 1, "A", "C").encode() + b"\xe9\xff",
        record("c1", 2, "A", "C") + "é\x85\u2028\x0b\r;",
    )
    (tmp_path / "v.vcf").write_bytes(
        f"##note=é\n{COLUMNS}\n".encode() + latin + b"\n" + odd.encode() + b"\r\n"
    )
    first, second = open_variants(tmp_path / "v.vcf").lines()
    assert first.text.encode("utf-8", "surrogateescape") == latin
    assert second.text == odd


def test_samples_are_those_of_the_header(tmp_path: Path) -> None:
    (tmp_path / "v.vcf").write_text(f"##x\n{COLUMNS}\tFORMAT\ts1\ts 2\n")
    assert open_variants(tmp_path / "v.vcf").samples == ("s1", "s 2")


@pytest.mark.parametrize(
    "head", [f"{COLUMNS}\n", f"##fileformat=VCFv4.3\n{COLUMNS}", f"##x\r\n{COLUMNS}\tFORMAT\r\n"]
)
def test_a_vcf_without_records_is_fine(tmp_path: Path, head: str) -> None:
    (tmp_path / "v.vcf").write_bytes(head.encode())
    assert list(open_variants(tmp_path / "v.vcf").lines()) == []


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ("c1:1:A:C\nc1:2:G:T\n", (), [(1, "c1:1:A:C"), (2, "c1:2:G:T")]),
        ("\nc1:1:A:C\t1\n", (), [(2, "c1:1:A:C\t1")]),
        ("variant\tlabel\r\nc1:1:A:C\t1\r\n", ("variant", "label"), [(2, "c1:1:A:C\t1")]),
        ("#variant\nHLA-A*01:01:1:A:C,<DEL>\n", ("#variant",), [(2, "HLA-A*01:01:1:A:C,<DEL>")]),
        ("variant\tlabel\n", ("variant", "label"), []),
    ],
)
def test_a_table_of_alleles(
    tmp_path: Path, text: str, header: tuple[str, ...], rows: list[tuple[int, str]]
) -> None:
    (tmp_path / "v.tsv").write_bytes(text.encode())
    variants = open_variants(tmp_path / "v.tsv")
    assert (variants.kind, variants.header, variants.columns) == ("tsv", header, header[1:])
    assert [(line.number, line.text) for line in variants.lines()] == rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "received an empty file"),
        (b"\n\n", "received an empty file"),
        (b">chr1\nACGT\n", r"expected a VCF .*received '>chr1'"),
        (b"chr1\t1\t2\n", r"v:1: expected a VCF"),
        (b"PK\x03\x04\x00\x01", r"received a ZIP archive; unpack it first"),
        (b"\x7fELF\x00\x01", r"received binary data"),
        (b"BZh91AY&SY\x01\x02", r"received a file compressed by bzip2"),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), r"received a file that is compressed twice"),
        ("##fileformat".encode("utf-16"), r"v:1: .* received UTF-16 text"),
        ("##fileformat=VCFv4.2".encode("utf-16-be"), r"received UTF-16 text"),
        (b"\xef\xbb\xbf##fileformat=VCFv4.2\n", r"v:1: expected text without a byte-order mark"),
        (b"##fileformat=VCFv4.3\r#CHROM\r", r"received line ends of CR alone"),
        (
            b"c1\t1\t.\tA\tC\t.\t.\t.\n",
            r"v:1: expected the header of a VCF .*, received a record without one",
        ),
        (b"c1 1 . A C . . .\n", r"received 'c1 1 . A C . . .' \(separated by spaces\?\)"),
        (b"variant,label\nc1:1:A:C,1\n", r"received 'variant,label' \(separated by commas\?\)"),
        (b"#chrom\tstart\tend\n", r"expected a VCF"),
        (b"##fileformat=VCFv4.3\n", r"#CHROM, received none"),
        (
            b"##fileformat=VCFv4.3\nc1\t1\t.\tA\tC\t.\t.\t.\n",
            r"v:2: expected the tab-separated columns #CHROM POS ID REF ALT ",
        ),
        (
            b"##x\n#CHROM\tPOS\tID\tREF\tQUAL\tFILTER\tINFO\n",
            r"v:2: expected .* REF ALT QUAL.*received '#CHROM\\tPOS\\tID\\tREF\\tQUAL",
        ),
        (COLUMNS.replace("\t", " ").encode() + b"\n", r"tab-separated .*\(separated by spaces\?\)$"),
        (COLUMNS.encode() + b"\ts1\n", r"and, before samples, FORMAT; received .*INFO\\ts1'$"),
        (COLUMNS.encode() + b"\t\n", r"received .*INFO\\t'$"),
        (b'"c1:1:A:C"\t"1"\n', r"expected a VCF .*received '\"c1:1:A:C"),
        (b"##fileformat=VCFv4.3\n" + bytes(40), r"received binary data"),
        (COLUMNS.encode() + b"\tFORMAT\ts1\ts2\ts1\n", "sample 's1' stands there twice"),
    ],
)
def test_what_is_no_file_of_variants_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "v").write_bytes(data)
    with pytest.raises(DanqError, match=message) as refusal:
        open_variants(tmp_path / "v")
    assert str(refusal.value).startswith(str(tmp_path / "v"))
    assert "\n" not in str(refusal.value)


VCF_FAULTS = {
    "c1 1 . A C . . .": "expected 8 tab-separated columns as in the header, received 1 (separated by sp",
    "c1,1,.,A,C,.,.,.": "received 1 (separated by commas?)",
    "c1\t1\t.\tA\tC": "expected 8 tab-separated columns as in the header, received 5: 'c1\\t1\\t.",
    "c1\tx\t.\tA\tC\t.\t.\t.": "expected a 1-based position in column 2, received 'x'",
    "\t1\t.\tA\tC\t.\t.\t.": "expected a contig in column 1, received none",
    "c1\t1\t.\t.\tC\t.\t.\t.": "expected REF of nucleotide letters in column 4, received '.'",
    "c1\t1\t.\tJ\tC\t.\t.\t.": "expected a variant record of printable characters and nucleotides",
    "c1\t1\t.\tA\tC,\t.\t.\t.": "expected ALT of one or more alleles in column 5, received 'C,'",
}


@pytest.mark.parametrize("text", VCF_FAULTS)
def test_a_malformed_line_is_told_with_what_was_expected(tmp_path: Path, text: str) -> None:
    (tmp_path / "v").write_text(f"{COLUMNS}\n")
    variants = open_variants(tmp_path / "v")
    assert variants.fields(text) is None
    assert VCF_FAULTS[text] in variants.fault(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("c1-1-A-C\t1", "expected chr:pos:ref:alt in the first column, received 'c1-1-A-C'"),
        ("c1:1:A:C", "expected 2 tab-separated columns as in the header, received 1"),
        ("c1:1:A:C 1", "received 1 (separated by spaces?)"),
    ],
)
def test_a_malformed_row_is_told_with_what_was_expected(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "v").write_text("variant\tlabel\n")
    variants = open_variants(tmp_path / "v")
    assert variants.fields(text) is None
    assert fault in variants.fault(text)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, message in {
        "pipe": "received a pipe",
        "absent": "no such file",
        ".": "received a directory",
    }.items():
        with pytest.raises(DanqError, match=message):
            open_variants(tmp_path / name)


LONG = VCF + b"".join(b"c1\t%d\t.\tA\tC\t.\t.\tDP=%d\n" % (n, n * n) for n in range(20_000))


@pytest.mark.parametrize("kind", ["bgzip", "gzip", "bcf"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 1.0])
def test_a_truncated_file_is_refused(tmp_path: Path, kind: str, part: float) -> None:
    make = {
        "bgzip": lambda: bgzip(LONG, tmp_path / "b"),
        "gzip": lambda: gzip.compress(LONG),
        "bcf": lambda: bcf(LONG, tmp_path),
    }
    data = make[kind]()
    (tmp_path / "cut").write_bytes(data[: max(int(part * len(data)) - 5, 40)])
    with pytest.raises(DanqError, match="truncated"):
        list(open_variants(tmp_path / "cut").lines())


@pytest.mark.parametrize("kind", ["bgzip", "bcf"])
def test_a_file_that_ends_at_a_block_border_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    data = bgzip(LONG, tmp_path / "b") if kind == "bgzip" else bcf(LONG, tmp_path)
    starts = [block[0] for block in bgzf.BgzfBlocks(io.BytesIO(data))]
    assert len(starts) > 3
    for start in starts[2:]:
        (tmp_path / "cut").write_bytes(data[:start])
        with pytest.raises(DanqError, match="truncated"):
            open_variants(tmp_path / "cut")


def test_a_damaged_block_is_refused(tmp_path: Path) -> None:
    data = bytearray(bgzip(LONG, tmp_path / "b"))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(DanqError, match=r"damaged|truncated"):
        list(open_variants(tmp_path / "bad").lines())


def test_a_bcf_with_other_letters_than_utf8_is_refused(tmp_path: Path) -> None:
    head = (*HEADER[:2], '##INFO=<ID=NOTE,Number=1,Type=String,Description="text">')
    text = "".join(f"{line}\n" for line in (*head, COLUMNS)).encode() + b"c1\t1\t.\tA\tC\t.\t.\tNOTE=\xe9\n"
    bcf(text, tmp_path)
    with pytest.raises(DanqError, match="expected UTF-8 text in the BCF"):
        list(open_variants(tmp_path / "made.bcf").lines())


PLAIN = f"##fileformat=VCFv4.3\n{COLUMNS}\nc1\t1\t.\tA\tC\t.\t.\t.\n"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
    ],
)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_what_is_advised_makes_the_file_readable(tmp_path: Path, data: bytes, locale: str) -> None:
    (tmp_path / "v").write_bytes(data)
    with pytest.raises(DanqError) as refusal:
        open_variants(tmp_path / "v")
    command = str(refusal.value).split("`")[1]
    mended = subprocess.run(
        ["bash", "-c", command], input=data, capture_output=True, check=True, env={"LC_ALL": locale}
    )
    (tmp_path / "v").write_bytes(mended.stdout)
    assert [line.text for line in open_variants(tmp_path / "v").lines()] == [PLAIN.splitlines()[-1]]
