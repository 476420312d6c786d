"""Arrays of ``.npz`` files that come from others, of which each is compared with limits before it is read."""

import math
import tokenize
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import read_array, read_array_header_1_0, read_array_header_2_0, read_magic
from numpy.typing import NDArray

from danq.limits import check_memory


def check_npz(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an ``.npz`` file whose arrays would together take more memory than a file may.

    Those that are stored as they are count as what the file holds of them anyway.

    Raises
    ------
    DanqError
        With the limit, and how to raise it.
    ValueError
        If parts of the file serve several arrays.
    """
    members = archive.infolist()
    check_memory(path, sum(each.file_size for each in members if each.compress_type != zipfile.ZIP_STORED))
    if sum(each.compress_size for each in members) > path.stat().st_size:
        raise ValueError("its members overlap")


def read_npz_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Read an array of an ``.npz`` file.

    Raises
    ------
    DanqError
        If it declares more than a file may take in memory.
    ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error
        If it is no array of numbers or text, damaged, or declares other data than the member holds.
    """
    check_memory(f"{path}: {member.filename}", member.file_size)
    with archive.open(member) as stream:
        shape, _, dtype = read_header(stream)
        declared, there = math.prod(shape) * dtype.itemsize, member.file_size - stream.tell()
        if not dtype.hasobject and declared != there:
            raise ValueError(f"{member.filename} declares {declared:,} bytes of data and has {there:,}")
    with archive.open(member) as stream:
        array: NDArray[Any] = read_array(stream, allow_pickle=False)
        return array


def read_header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array: its shape, whether it is in Fortran's order, and its type.

    Raises
    ------
    ValueError
        If it is none.
    """
    major, _ = read_magic(stream)
    try:
        return read_array_header_1_0(stream) if major == 1 else read_array_header_2_0(stream)
    except (tokenize.TokenError, SyntaxError, TypeError, OverflowError) as error:
        # NumPy tries headers that Python 2 wrote, too
        raise ValueError(f"header: {error}") from None


class NpzArrays(Mapping[str, NDArray[Any]]):
    """Arrays of an .npz file, each read when it is asked for."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        check_npz(path, archive)
        self._path, self._archive = path, archive
        self._members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return read_npz_member(self._path, self._archive, self._members[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def largest_difference(stored: NDArray[Any], computed: NDArray[Any]) -> float | None:
    """Largest absolute difference of arrays of one shape; None where something is finite in one only."""
    same = (stored == computed) | (np.isnan(stored) & np.isnan(computed))
    with np.errstate(invalid="ignore"):
        # where both are infinite there is no difference
        differences = np.where(same, 0, np.abs(stored.astype(np.float64) - computed))
    return float(differences.max(initial=0)) if np.isfinite(differences).all() else None
