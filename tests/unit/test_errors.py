"""Lists of names in messages."""

import pytest

from danq.errors import first_few


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), ("abcde", "a, b, c and 2 more")],
)
def test_of_many_names_the_first_are_shown(names: list[str], text: str) -> None:
    assert first_few(iter(names), 3) == text
