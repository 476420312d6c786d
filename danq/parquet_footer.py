"""What the footer of a Parquet table declares of its column chunks, read as data.

pyarrow tells it as well, but ends the whole process over a footer in which some entries do not fit together.
Sources: https://parquet.apache.org/docs/file-format/metadata/ (``parquet.thrift``), and the compact protocol
of https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TAIL = 8
"""Bytes behind the footer: its length and the magic word."""
_BOOLEANS, _INTEGERS, _TEXT, _LIST, _SET, _MAP, _STRUCT = (1, 2), (4, 5, 6), 8, 9, 10, 11, 12
_WIDTHS = {3: 1, 7: 8}
"""Types of Thrift; bytes of those of one width."""
_ROW_GROUPS, _COLUMNS = (4, _LIST), (1, _LIST)
_FILE_PATH, _META_DATA = (1, _TEXT), (3, _STRUCT)
_TYPE, _PATH, _NUM_VALUES, _UNCOMPRESSED = (1, 5), (3, _LIST), (5, 6), (6, 6)
"""Fields: their numbers, and the types that they have."""
_TYPES = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


class Chunk(NamedTuple):
    """What one column of a row group declares.

    Attributes
    ----------
    column : bytes
        Name of the table's column that it belongs to.
    kind : str
        Type of its values.
    values, nbytes : int
        How many they are, and what they take uncompressed.
    elsewhere : bool
        Whether they lie in another file.
    """

    column: bytes
    kind: str
    values: int
    nbytes: int
    elsewhere: bool


def read_chunks(path: Path) -> Iterator[Iterator[Chunk]]:
    """Read what the columns of each row group declare; those of one are used before the next is asked for.

    Raises
    ------
    ValueError, LookupError
        If the footer is damaged.
    """
    with path.open("rb") as stream:
        end = stream.seek(-_TAIL, 2)
        size = int.from_bytes(stream.read(4), "little")
        stream.seek(max(end - size, 0))
        footer = _Compact(stream.read(size))
    for _ in _listed(footer, _ROW_GROUPS):
        yield (_chunk(footer) for _ in _listed(footer, _COLUMNS))


def _listed(footer: "_Compact", wanted: tuple[int, int]) -> Iterator[object]:
    """Stand before each structure of a list that is a field of the one before; other fields are skipped."""
    for field in footer.fields():
        if field == wanted:
            yield from footer.structs()
        else:
            footer.skip(field[1])


def _chunk(footer: "_Compact") -> Chunk:
    name, kind, values, size, elsewhere = b"", "", 0, 0, False
    for outer in footer.fields():
        if outer == _FILE_PATH:
            elsewhere |= bool(footer.text())
            continue
        if outer != _META_DATA:
            footer.skip(outer[1])
            continue
        for field in footer.fields():
            if field == _TYPE:
                kind = _TYPES[footer.integer()]
            elif field == _NUM_VALUES:
                values = footer.integer()
            elif field == _UNCOMPRESSED:
                size = footer.integer()
            elif field == _PATH:
                name = next(iter(footer.texts()), b"")
            else:
                footer.skip(field[1])
    return Chunk(name, kind, values, size, elsewhere)


class _Compact:
    """Bytes in the compact protocol of Thrift, from front to back: what a field holds is read or skipped."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Give number and type of each field of a struct."""
        number = 0
        while head := self._data[self._at]:
            self._at += 1
            number = number + (head >> 4) if head >> 4 else self.integer()
            yield number, head & 15
        self._at += 1

    def structs(self) -> Iterator[None]:
        """Stop at each struct of a list."""
        yield from self._items(_STRUCT)

    def texts(self) -> list[bytes]:
        """Read a list of texts."""
        return [self.text() for _ in self._items(_TEXT)]

    def text(self) -> bytes:
        """Read a text."""
        size, start = _number(self._data, self._at)
        self._at = start + size
        return self._data[start : self._at]

    def integer(self) -> int:
        """Read a number with a sign."""
        number, self._at = _number(self._data, self._at)
        return (number >> 1) ^ -(number & 1)

    def skip(self, kind: int) -> None:
        """Pass what a field of a type holds."""
        self._at = _past(self._data, self._at, kind)

    def _items(self, expected: int) -> Iterator[None]:
        size, kind, self._at = _list(self._data, self._at)
        if size and kind != expected:
            raise ValueError(f"a list of type {kind}")
        for _ in range(size):
            yield


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number without a sign: it, and the place behind it."""
    value = shift = 0
    while (byte := data[at]) > 127:
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if shift > 63:
            raise ValueError("a number without end")
    return value | byte << shift, at + 1


def _list(data: bytes, at: int) -> tuple[int, int, int]:
    """Read the head of a list: its length, the type of its items, the place behind the head."""
    head = data[at]
    size, at = (head >> 4, at + 1) if head >> 4 < 15 else _number(data, at + 1)
    return size, head & 15, at


def _past(data: bytes, at: int, kind: int) -> int:
    """Find the place behind what a field holds; what ends too early is an `IndexError` of the next one."""
    if kind in _INTEGERS:
        while data[at] > 127:
            at += 1
        return at + 1
    if kind == _TEXT:
        size, at = _number(data, at)
        return at + size
    if kind == _STRUCT:
        while head := data[at]:
            # a number that does not go up by a little stands there by itself
            at = _past(data, at + 1 if head >> 4 else _past(data, at + 1, _INTEGERS[0]), head & 15)
        return at + 1
    if kind in (_LIST, _SET):
        size, inner, at = _list(data, at)
        return _past_items(data, at, size, inner)
    if kind == _MAP:
        size, at = _number(data, at)
        return _past_items(data, at + 1, size, data[at] >> 4, data[at] & 15) if size else at
    if kind in _BOOLEANS:
        return at
    if kind not in _WIDTHS:
        raise ValueError(f"a field of type {kind}")
    return at + _WIDTHS[kind]


def _past_items(data: bytes, at: int, size: int, *kinds: int) -> int:
    for _ in range(size):
        for kind in kinds:
            # a truth value is part of a field's head, but a byte among others
            at = at + 1 if kind in _BOOLEANS else _past(data, at, kind)
        if at > len(data):
            raise ValueError("a list without end")
    return at
