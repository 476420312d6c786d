"""How a table is separated: what its name says, then what its header line is."""

import gzip

import pytest

from danq.data.examples.files import Table, read_records, unlabelled_texts
from danq.errors import DanqError

SENTENCES = ['He said "yes", twice', '"All of it"', "one, two, three", 'a "lone mark']
LINES = "text\n" + "\n".join(SENTENCES) + "\n"


@pytest.mark.parametrize("name", ["s.tsv", "s.TSV", "s.tab", "s.tsv.gz", "s.txt", "sentences", "s.txt.gz"])
def test_one_column_keeps_quotation_marks_and_commas(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(LINES.encode()) if name.endswith(".gz") else LINES.encode())
    assert unlabelled_texts(path, "text", "utf-8")[1] == SENTENCES


@pytest.mark.parametrize("name", ["s.csv", "s.csv.gz", "S.CSV"])
def test_one_column_of_a_csv_is_quoted(tmp_path, name):
    content = b'text\n"He said ""yes"", twice"\nplain\n'
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert unlabelled_texts(tmp_path / name, "text", "utf-8")[1] == ['He said "yes", twice', "plain"]


def test_a_comma_in_one_column_of_a_csv_is_refused_with_its_line(tmp_path):
    (tmp_path / "s.csv").write_text("text\none, two\n")
    with pytest.raises(DanqError, match=r"s\.csv:2: expected 1 fields, received 2"):
        unlabelled_texts(tmp_path / "s.csv", "text", "utf-8")


@pytest.mark.parametrize(("name", "text"), [("s.tsv", "text,label\na,1\n"), ("s.csv", "text\tlabel\na\t1\n")])
def test_a_name_that_does_not_fit_is_told(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(
        DanqError, match=r"; a file named \.csv is separated by commas, one named \.tsv by tabs"
    ):
        list(read_records(tmp_path / name, Table("text", ["label"], texts=True)))


@pytest.mark.parametrize(
    ("text", "rows"), [('text,label\n"a,b",1\n', "a,b"), ("text\tlabel\na,b\t1\n", "a,b")]
)
def test_without_such_a_name_the_header_tells(tmp_path, text, rows):
    (tmp_path / "s.txt").write_text(text)
    (record,) = read_records(tmp_path / "s.txt", Table("text", ["label"], texts=True))
    assert (record.content, record.labels) == (rows, ("1",))


def test_another_separator_is_told(tmp_path):
    (tmp_path / "s.csv").write_text("text;label\na;1\n")
    with pytest.raises(DanqError, match=r"received columns text;label \(separated by semicolons\?\)"):
        unlabelled_texts(tmp_path / "s.csv", "text", "utf-8")


def test_a_quotation_mark_swallows_no_row_of_sequences(tmp_path):
    # of columns that are not read, too
    (tmp_path / "s.tsv").write_text('sequence\tlabel\tnote\nACGT\t1\t"a\nCCCC\t0\tb"\nGGGG\t0\tc\n')
    with pytest.raises(DanqError, match=r"s\.tsv:2: expected a row on one line, received a quotation mark"):
        list(read_records(tmp_path / "s.tsv", Table("sequence", ["label"])))


def test_a_column_of_sequences_alone_is_read_too(tmp_path):
    (tmp_path / "s.tsv").write_text("sequence\nACGT\n")
    assert [record.content for record in read_records(tmp_path / "s.tsv", Table("sequence", []))] == ["ACGT"]
