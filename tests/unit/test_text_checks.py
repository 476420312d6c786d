"""What is no text of ours, told alike by every reader of text."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from danq.data.regions.targets import read_targets
from danq.errors import DanqError
from danq.files import read_lines
from danq.genome.contigs import read_aliases
from danq.genome.encode import build_genome
from danq.genome.tracks import read_intervals
from danq.text_checks import HEAD, separated, text_fault

BED = "chr1\t10\t60\nchr1\t100\t160\n"
READERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "bed": (read_intervals, BED),
    "gff": (lambda path: read_intervals(path, "x"), 2 * "c\ts\tx\t1\t5\t.\t+\t.\tID=1\n"),
    "targets.tsv": (read_targets, "target\tpath\nA\ttrack\n"),
    "aliases.tsv": (read_aliases, "name\talias\nchr1\t1\n"),
    "fa": (lambda path: build_genome(path, path.parent / "out"), ">c\nACGT\nACGT\n"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (lambda text: text.encode("utf-16"), "UTF-16 text"),
        (lambda text: text.encode("utf-16-be"), "UTF-16 text"),
        (lambda text: text.replace("\n", "\r").encode(), "line ends of CR alone"),
        (lambda text: gzip.compress(gzip.compress(text.encode())), "a file that is compressed twice"),
        (lambda text: gzip.compress(b"BAM\x01" + bytes(40)), "a BAM file"),
        (lambda text: b"PK\x03\x04\x14\x00", "a ZIP archive"),
        (lambda text: bytes(range(256)), "binary data"),
    ],
)
def test_what_is_no_text_is_told_by_every_reader(
    tmp_path: Path, reader: str, made: Callable[[str], bytes], kind: str
) -> None:
    read, text = READERS[reader]
    (tmp_path / "track").write_text(BED)
    path = tmp_path / f"a.{reader}"
    path.write_text(text)
    read(path)
    path.write_bytes(made(text))
    with pytest.raises(DanqError, match=rf"a\.{reader}:1: expected UTF-8 text .*, received {kind}"):
        read(path)


@pytest.mark.parametrize("reader", [name for name in READERS if name != "fa"])
def test_a_byte_order_mark_and_crlf_are_no_part_of_a_text(tmp_path: Path, reader: str) -> None:
    read, text = READERS[reader]
    (tmp_path / "track").write_text(BED)
    path = tmp_path / f"a.{reader}"
    path.write_text(text)
    plain = read(path)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert str(read(path)) == str(plain)


def test_lines_begin_behind_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\r\n")
    assert list(read_lines(tmp_path / "a")) == [(1, "one")]
    (tmp_path / "a").write_bytes(b"")
    assert list(read_lines(tmp_path / "a")) == []


@pytest.mark.parametrize(
    "text", [b"PAR1\t1\t5\n", b"BZh9\t1\n", b"CRAM\n", "é\n".encode(), b"a\r", b"x" * HEAD]
)
def test_text_is_no_fault(text: bytes) -> None:
    assert text_fault(text) == ""


@pytest.mark.parametrize(
    ("line", "columns", "expected"),
    [
        ("a,b,c", 3, " (separated by commas?)"),
        ("a;b;c", 3, " (separated by semicolons?)"),
        ("a  b c", 3, " (separated by spaces?)"),
        ("a b", 3, ""),
        ("a,b\tc", 2, ""),
    ],
)
def test_other_separators_are_guessed(line: str, columns: int, expected: str) -> None:
    assert separated(line, columns) == expected


def test_tables_with_other_separators_say_so(tmp_path: Path) -> None:
    for reader in ("bed", "targets.tsv", "aliases.tsv"):
        read, text = READERS[reader]
        (tmp_path / reader).write_text(text.replace("\t", ";"))
        with pytest.raises(DanqError, match=r"\(separated by semicolons\?\)$"):
            read(tmp_path / reader)
