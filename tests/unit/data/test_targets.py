from pathlib import Path

import pytest

from danq.data.regions.targets import read_targets
from danq.errors import DanqError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in ("a.bed", "b.bed", "genes.gff3.gz", "genes.GTF"):
        (tmp_path / name).touch()
    return tmp_path / "targets.tsv"


def test_every_column_in_any_order(table: Path) -> None:
    table.write_text(
        "\ufeffgroup\tpath\ttarget\trule\tfeature\r\n"
        "TF\ta.bed\tReb1\tsummit\t\r\n"
        "\r\n"
        "\tgenes.gff3.gz\ttRNA\t\ttRNA\r\n",
        encoding="utf-8",
        newline="",
    )
    first, second = read_targets(table)
    assert (first.name, first.rule, first.feature, first.group) == ("Reb1", "summit", None, "TF")
    assert first.path == table.parent / "a.bed"
    assert first.as_listed == "a.bed"
    assert (second.name, second.rule, second.feature, second.group) == ("tRNA", "overlap", "tRNA", "")
    assert second.origin == f"{table}:4"


def test_short_lines_leave_the_optional_columns_empty(table: Path) -> None:
    table.write_text("target\tpath\trule\tgroup\nA\ta.bed\n")
    assert read_targets(table)[0].rule == "overlap"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header line and at least one target, found none"),
        ("target\tpath\n", "expected a header line and at least one target, found none"),
        ("target\tfile\nA\ta.bed\n", ":1: expected tab-separated columns target, path"),
        ("target,path\nA,a.bed\n", ":1: expected tab-separated columns target, path"),
        ("target\tpath\tpath\n", ":1: expected tab-separated columns"),
        ("target\tpath\nA\ta.bed\nB\tb.bed\nA\tb.bed\n", ":4: target 'A' stands in line 2 already"),
        ("target\tpath\nA\tnone.bed\n", ":2: expected a track file, found none at"),
        ("target\tpath\nA\t.\n", ":2: expected a track file, found none at"),
        ("target\tpath\n\ta.bed\n", ":2: expected a value in column target"),
        ("target\tpath\nA\n", ":2: expected a value in column path"),
        ("target\tpath\nA\ta.bed\tTF\n", ":2: expected 2 columns, received 3"),
        ("target\tpath\trule\nA\ta.bed\tpeak\n", ":2: expected a rule of overlap, summit; received 'peak'"),
        ("target\tpath\nA\tgenes.gff3.gz\n", ":2: expected a feature type in column feature"),
        ("target\tpath\nA\tgenes.GTF\n", ":2: expected a feature type in column feature"),
    ],
)
def test_refusals_name_the_line(table: Path, text: str, message: str) -> None:
    table.write_text(text)
    with pytest.raises(DanqError) as refused:
        read_targets(table)
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(table))
    assert "\n" not in str(refused.value)
