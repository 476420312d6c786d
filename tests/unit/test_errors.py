"""Lists of names and counts in messages."""

import pytest

from danq.errors import counted, first_few


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), ("abcde", "a, b, c and 2 more")],
)
def test_of_many_names_the_first_are_shown(names: list[str], text: str) -> None:
    assert first_few(iter(names), 3) == text


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(n, "allele") for n in (0, 1, 1200)] == ["0 alleles", "1 allele", "1,200 alleles"]
