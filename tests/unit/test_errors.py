"""Lists of names and counts in messages."""

import errno

import pytest

from danq.errors import counted, first_few, reason_of_system


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), ("abcde", "a, b, c and 2 more")],
)
def test_of_many_names_the_first_are_shown(names: list[str], text: str) -> None:
    assert first_few(iter(names), 3) == text


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(n, "allele") for n in (0, 1, 1200)] == ["0 alleles", "1 allele", "1,200 alleles"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EIO, "x", "in.fa"), "in.fa: Input/output error"),
        (OSError(errno.ESTALE, "x", "in.fa"), "in.fa: Stale file handle"),
        (OSError(errno.EXDEV, "x", "out/a", None, "b"), "out/a: Invalid cross-device link"),
        (OSError(errno.EDQUOT, "x"), "standard output or a temporary file: Disk quota exceeded"),
        (
            MemoryError("Unable to allocate 8 GiB"),
            "no memory is left for this job (Unable to allocate 8 GiB)",
        ),
        (MemoryError(), "no memory is left for this job (MemoryError)"),
        (ImportError("libarrow.so: failed to map segment from shared object"), "no memory is left for this"),
        (ImportError("cannot import name 'x'"), None),
        (RuntimeError("can't start new thread"), "no more threads are allowed for this job (`ulimit -u` "),
        (RuntimeError("something else"), None),
        (FileNotFoundError(errno.ENOENT, "x", "in.fa"), None),
    ],
)
def test_what_the_machine_refuses_is_told_from_faults_of_danq(error: Exception, reason: str | None) -> None:
    received = reason_of_system(error)
    assert received is None if reason is None else (received or "").startswith(reason)
