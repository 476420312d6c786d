import gzip
import logging
import subprocess
from pathlib import Path

import cyvcf2
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.errors import DanqError
from danq.score.annotate import (
    PREFIX,
    Field,
    check_fields,
    declared_keys,
    encoded,
    header_line,
    index_vcf,
    info_fields,
    with_contigs,
    writing_annotated,
)
from danq.score.measures import Columns

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
HEADER = (
    "##fileformat=VCFv4.2",
    '##FILTER=<ID=q10,Description="low">',
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="Count, in <calls>, ID=XX">',
    "##contig=<ID=chrI,length=230218>",
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    COLUMNS + "\tFORMAT\tone",
)
FLOAT, WORD = Field("danq_x", "Float", "a number"), Field("danq_t", "String", 'a "name" \\ path')
ONE = Columns(("a",), (0,), annotated=(0,))
RECORDS = (
    "chrI\t10\trs1;x\tA\tC\t12345678.9\tPASS\t.\tGT\t0/1",
    "chrI\t20\t.\tac\tT,<DEL>,*\t.\tq10\tAC=1,2,3\tGT\t1/2",
    "chrI\t30\t.\tA\t.\t1e3\t.\tAC=7;\tGT\t0/0",
)
VALUES = (
    [("0.5", "CTCF")],
    [("-1.25", "tRNA gene; minus=1, é"), (".", "."), (".", ".")],
    [(".", ".")],
)


@pytest.fixture
def view(bcftools):
    """What `bcftools view` makes of a file: its records, without a complaint that stops it."""

    def run(*arguments):
        shown = subprocess.run(
            [bcftools, "view", "--no-version", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        return shown

    return run


def write(path, header=HEADER, fields=(FLOAT, WORD), records=RECORDS, values=VALUES, extra=()):
    with writing_annotated(path, header, fields, extra) as append:
        for text, of_alleles in zip(records, values, strict=True):
            append(text, of_alleles)
    return gzip.open(path, "rt", encoding="utf-8").read().splitlines()


def test_the_text_is_kept_and_only_info_grows(tmp_path):
    lines = write(tmp_path / "a.vcf.gz", extra=["##danq=<ID=danq_scores>"])
    assert lines == [
        *HEADER[:-1],
        '##INFO=<ID=danq_x,Number=A,Type=Float,Description="a number">',
        '##INFO=<ID=danq_t,Number=A,Type=String,Description="a \\"name\\" \\\\ path">',
        "##danq=<ID=danq_scores>",
        HEADER[-1],
        "chrI\t10\trs1;x\tA\tC\t12345678.9\tPASS\tdanq_x=0.5;danq_t=CTCF\tGT\t0/1",
        "chrI\t20\t.\tac\tT,<DEL>,*\t.\tq10\tAC=1,2,3;danq_x=-1.25,.,.;"
        "danq_t=tRNA%20gene%3B%20minus%3D1%2C%20%C3%A9,.,.\tGT\t1/2",
        "chrI\t30\t.\tA\t.\t1e3\t.\tAC=7;\tGT\t0/0",
    ]


def test_a_record_without_info_text_and_one_that_ends_in_a_semicolon_stay_valid(tmp_path):
    records = ["1\t1\t.\tA\tC\t.\t.\tAC=7;", "1\t2\t.\tA\tC\t.\t.\t"]
    lines = write(tmp_path / "a.vcf.gz", (COLUMNS,), (FLOAT,), records, [[("1",)], [("2",)]])
    assert [line.split("\t")[7] for line in lines[-2:]] == ["AC=7;danq_x=1", "danq_x=2"]


def test_bcftools_and_pysam_read_it(tmp_path, view):
    path = tmp_path / "a.vcf.gz"
    columns = Columns(("a", "b", "c", "tRNA gene; minus"), (0,), annotated=(3,), background=True)
    fields = info_fields(columns)
    values = [
        [("1.5", "tRNA gene; minus", "2", "0.01", "-1.5")],
        [(".",) * 5, ("3", "a", "4", "0.5", "1"), (".",) * 5],
        [(".",) * 5],
    ]
    write(path, fields=fields, values=values, extra=[header_line(columns, ["ab", "cd"], "scores")])
    assert index_vcf(path, True, 230218, tmp_path) == tmp_path / "a.vcf.gz.tbi"
    shown = view(path)
    assert shown.stderr == ""
    assert shown.stdout.splitlines()[-2].split("\t")[7] == (
        "AC=1,2,3;danq_max_abs_logit_diff=.,3,.;danq_max_target=.,a,.;danq_l2_logit_diff=.,4,.;"
        "danq_functional_significance=.,0.5,.;danq_logit_diff_3_tRNA_gene__minus=.,1,."
    )
    assert len(view("-H", "-r", "chrI:15-25", path).stdout.splitlines()) == 1
    with pysam.VariantFile(str(path)) as read:
        infos = [dict(record.info) for record in read]
        assert dict(read.header.info)["danq_max_target"].number == "A"
        assert [line["Bundles"] for line in read.header.records if line.key == "danq"] == ['"ab cd"']
    assert infos[0]["danq_max_abs_logit_diff"] == (1.5,)
    assert infos[0]["danq_max_target"] == ("tRNA%20gene%3B%20minus",)
    assert infos[1]["danq_l2_logit_diff"] == (None, 4.0, None)
    assert infos[2] == {"AC": (7,)}
    by_cyvcf2 = [variant.INFO.get("danq_max_target") for variant in cyvcf2.VCF(str(path))]
    assert by_cyvcf2 == ["tRNA%20gene%3B%20minus", ".,a,.", None]


def test_a_header_without_contigs_can_be_read(tmp_path, view):
    path = tmp_path / "a.vcf.gz"
    records = ["chrI\t10\t.\tA\tC\t.\t.\t.", "chrII\t4\t.\tA\tC\t.\t.\t."]
    write(path, ("##fileformat=VCFv4.3", COLUMNS), (FLOAT,), records, [[("1",)], [("2",)]])
    assert [line.split("\t")[0] for line in view("-H", path).stdout.splitlines()] == ["chrI", "chrII"]
    index_vcf(path, True, 10, tmp_path)
    assert view("-H", "-r", "chrII", path).stdout == "chrII\t4\t.\tA\tC\t.\t.\tdanq_x=2\n"
    view("-Ob", "-o", tmp_path / "a.bcf", path)
    assert len(view("-H", tmp_path / "a.bcf").stdout.splitlines()) == 2


def test_a_missing_file_format_is_added_because_no_reader_knows_the_file_without(tmp_path, view):
    path = tmp_path / "a.vcf.gz"
    write(path, (COLUMNS,), (FLOAT,), ["1\t1\t.\tA\tC\t.\t.\tAC=7;"], [[("1",)]])
    assert view("-H", path).stdout == "1\t1\t.\tA\tC\t.\t.\tAC=7;danq_x=1\n"


def test_an_empty_vcf_gives_an_empty_one(tmp_path, view):
    path = tmp_path / "a.vcf.gz"
    assert write(path, records=(), values=())[-1] == HEADER[-1]
    assert index_vcf(path, True, 0, tmp_path) is not None
    assert view("-H", path).stdout == ""


@given(text=st.text(st.characters(blacklist_categories=["Cs"])))
def test_encoded_text_is_valid_in_info_and_can_be_decoded(text):
    from urllib.parse import unquote

    value = encoded(text)
    assert unquote(value, errors="strict") == text
    assert not set(value) & set(" \t\r\n:;=,")
    assert value.isascii()


def test_bytes_that_are_no_text_are_kept(tmp_path):
    text = b"1\t1\t\xe9\tA\tC\t.\t.\t.".decode("utf-8", "surrogateescape")
    with writing_annotated(tmp_path / "a.vcf.gz", (COLUMNS,), (FLOAT,)) as append:
        append(text, [("1",)])
    with gzip.open(tmp_path / "a.vcf.gz") as stream:
        assert stream.read().endswith(b"\n1\t1\t\xe9\tA\tC\t.\t.\tdanq_x=1\n")


def test_bytes_are_equal_between_runs_and_blocks_are_whole(tmp_path):
    records = [f"chrI\t{10 + number}\t.\tA\tC\t.\t.\tAC={'7' * 90}" for number in range(20_000)]
    values = [[(f"{number / 7:.6g}",)] for number in range(20_000)]
    for name in "ab":
        path = tmp_path / f"{name}.vcf.gz"
        lines = write(path, (*HEADER[:-1], COLUMNS), (FLOAT,), records, values)
        index_vcf(path, True, 10**6, tmp_path)
    assert lines[-1] == f"{records[-1]};danq_x={values[-1][0][0]}"
    assert len(lines) == len(HEADER) + 1 + 20_000
    for end in ("", ".tbi"):
        assert (tmp_path / f"a.vcf.gz{end}").read_bytes() == (tmp_path / f"b.vcf.gz{end}").read_bytes()
    assert (tmp_path / "a.vcf.gz").read_bytes().endswith(bytes.fromhex("1b0003" + "00" * 9))


@pytest.mark.parametrize(
    "line",
    [
        '##INFO=<ID=danq_x,Number=1,Type=Float,Description="x">',
        '##INFO=<Number=1,Type=Float,ID=danq_x,Description="x">',
    ],
)
def test_a_declared_key_is_refused(line):
    message = r"INFO keys danq_x, danq_t stand in the header already; `--info-prefix danq2_` gives"
    with pytest.raises(DanqError, match=message):
        check_fields({*declared_keys((line, COLUMNS)), "danq_t"}, (FLOAT, WORD), "the header")
    several = tuple(Field(f"danq_{n}", "Float", "a number") for n in range(12))
    with pytest.raises(DanqError, match=", ".join(field.id for field in several) + " stand"):
        check_fields({field.id for field in several}, several, "the header")


def test_contigs_that_a_header_lacks_are_declared_behind_its_own():
    contigs = {"chrI": 230218, "chrII": 813184, "chrUn": None, "a>b": 5, "*": 5}
    added = ["##contig=<ID=chrII,length=813184>", "##contig=<ID=chrUn>"]
    assert with_contigs(HEADER, contigs) == (*HEADER[:4], *added, *HEADER[4:])
    assert with_contigs(("##x", COLUMNS), {"c": 5}) == ("##x", "##contig=<ID=c,length=5>", COLUMNS)
    assert with_contigs((COLUMNS,), {"c": 5}) == ("##contig=<ID=c,length=5>", COLUMNS)


def test_the_prefix_advised_makes_keys_that_are_free():
    with pytest.raises(DanqError, match="`--info-prefix danq4_`"):
        check_fields({"danq_x", "danq2_x", "danq3_y", "x"}, (FLOAT,), "the header")


def test_a_description_declares_no_key():
    check_fields(declared_keys(HEADER), (Field("XX", "Float", ""),), "the header")


def test_a_key_that_a_record_has_without_declaration_is_refused(tmp_path):
    with pytest.raises(DanqError, match=r"danq_x stand in the record at 1:5 already"):
        write(tmp_path / "a.vcf.gz", (COLUMNS,), (FLOAT,), ["1\t5\t.\tA\tC\t.\t.\tA=1;danq_x"], [[("1",)]])
    assert not list(tmp_path.iterdir())
    write(tmp_path / "b.vcf.gz", (COLUMNS,), (FLOAT,), ["1\t5\t.\tA\tC\t.\t.\tA=1;danq_xy=3"], [[("1",)]])


def test_another_prefix_avoids_the_clash(tmp_path):
    header = HEADER
    for prefix in (PREFIX, "second_"):
        fields = info_fields(ONE, prefix)
        lines = write(
            tmp_path / "a.vcf.gz",
            header,
            fields,
            extra=[header_line(ONE, ["ab"], "scores", prefix)],
            values=[[("1", "a", "1", "1")], [("1", "a", "1", "1")] * 3, [(".",) * 4]],
        )
        header = tuple(line for line in lines if line.startswith("#"))
    assert sum(line.startswith("##danq=<ID=") for line in header) == 2
    with pytest.raises(DanqError, match="--info-prefix '2': expected a letter or underscore"):
        info_fields(ONE, "2")


def test_long_contigs_get_csi(tmp_path, view):
    path = tmp_path / "a.vcf.gz"
    records = ["chrI\t536870999\t.\tA\tC\t.\t.\t."]
    write(path, (COLUMNS,), (FLOAT,), records, [[("1",)]])
    assert index_vcf(path, True, 536871000, tmp_path) == tmp_path / "a.vcf.gz.csi"
    assert len(view("-H", "-r", "chrI:536870990-536871000", path).stdout.splitlines()) == 1
    assert not (tmp_path / "a.vcf.gz.tbi").exists()


def test_an_end_beyond_the_contigs_gets_csi_too(tmp_path, capfd):
    path = tmp_path / "a.vcf.gz"
    write(path, (COLUMNS,), (FLOAT,), ["chrI\t5\t.\tA\t<DEL>\t.\t.\tEND=536870999"], [[(".",)]])
    assert index_vcf(path, True, 1000, tmp_path) == tmp_path / "a.vcf.gz.csi"
    assert not (tmp_path / "a.vcf.gz.tbi").exists()
    assert capfd.readouterr().err == ""


def test_unsorted_records_get_no_index_and_one_line(tmp_path, caplog, capfd):
    path = tmp_path / "a.vcf.gz"
    records = ["chrI\t9\t.\tA\tC\t.\t.\t.", "chrI\t5\t.\tA\tC\t.\t.\t."]
    write(path, (COLUMNS,), (FLOAT,), records, [[("1",)], [("2",)]])
    with caplog.at_level(logging.INFO, "danq"):
        assert index_vcf(path, False, 10, tmp_path) is None
        assert "no index: the input is not sorted" in caplog.text
        assert index_vcf(path, True, 10, tmp_path) is None
    assert len(caplog.records) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["a.vcf.gz"]
    assert capfd.readouterr().err == ""


def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capfd):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    real = pysam.BGZFile
    monkeypatch.setattr("danq.score.annotate.pysam.BGZFile", lambda _, mode: real("/dev/full", mode))
    for records in (RECORDS, RECORDS * 20_000):
        with pytest.raises(DanqError, match=r"a.vcf.gz: writing failed; is the disk full\?"):
            write(tmp_path / "a.vcf.gz", records=records, values=VALUES * (len(records) // 3))
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""


def test_an_error_of_the_caller_is_not_hidden(tmp_path):
    with (
        pytest.raises(OSError, match="of the caller"),
        writing_annotated(tmp_path / "a.vcf.gz", (COLUMNS,), (FLOAT,)),
    ):
        raise OSError("of the caller")
    assert not list(tmp_path.iterdir())
