"""Mutations that know a format: other types, names and sizes where a change of bytes meets a digest only."""

import copy
import gzip
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from danq.storage import SEAL, sealed

VALUES = (
    *(None, True, 0, -1, 3, 2**31, 10**30, 1e308, float("nan"), float("inf"), -0.5),
    *("", "x", "..", "/etc/passwd", "\x1b[2J", "a\nb", "<script>alert(1)</script>", "9" * 400, "%s" * 9),
    *([], {}, [1], {"a": 1}, [[]], [None], ["a"], [-1, 2**40]),
)
CELLS = (
    "",
    "x",
    "-1",
    "0",
    "nan",
    "inf",
    "1e400",
    "9" * 30,
    "\x1b[2J",
    "<b>",
    '"',
    'a"b',
    "null",
    "[" * 5000,
)
Change = Callable[[bytes], bytes]


def structured(name: str, data: bytes, draw: random.Random, change: Change) -> bytes:
    """Change the content of a file; `change` mutates bytes that lie within it, compressed or signed."""
    if name.endswith((".json", ".yaml")):
        return _json(data, draw)
    if name.endswith(".tsv"):
        return _table(data.decode(), draw).encode()
    if name.endswith(".parquet"):
        return _parquet(data, draw)
    if name.endswith(".npz"):
        return _npz(data, draw, change)
    if name.endswith((".keras", ".zip")):
        return _archive(data, draw, change)
    if name.endswith(".gz"):
        return gzip.compress(change(gzip.decompress(data)))
    if name.endswith(".bcf"):
        return _bgzf(change(gzip.decompress(data)))
    if name.endswith(".arrow"):
        arrow = change(data[:-32])
        return arrow + hashlib.sha256(arrow).digest()
    return change(data)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*place, key))


def _json(data: bytes, draw: random.Random) -> bytes:
    try:
        value = json.loads(data)
    except ValueError:
        import yaml

        value = yaml.safe_load(data)
    value = copy.deepcopy(value)
    for _ in range(draw.choice((1, 1, 2))):
        places = list(_places(value))
        if not places:
            break
        *above, key = draw.choice(places)
        inner = value
        for step in above:
            inner = inner[step]
        match draw.randrange(8):
            case 0:
                del inner[key]
            case 1 if isinstance(inner, dict):
                inner[draw.choice(("x", "", "\n", "<b>", "9" * 300))] = inner.pop(key)
            case 2 if isinstance(inner, list):
                inner.extend(inner * draw.choice((1, 30)))
            case _:
                inner[key] = copy.deepcopy(draw.choice(VALUES))
    if isinstance(value, dict) and SEAL in value:
        value = sealed(value)  # as whoever changes a manifest on purpose would
    return json.dumps(value).encode()


def _table(text: str, draw: random.Random) -> str:
    rows = [line.split("\t") for line in text.rstrip("\n").split("\n")]
    row = draw.randrange(len(rows))
    column = draw.randrange(len(rows[row]))
    match draw.randrange(8):
        case 0:
            rows = [cells[:column] + cells[column + 1 :] for cells in rows]
        case 1:
            rows = rows[: draw.randrange(2)]
        case 2:
            rows.append(rows[row])
        case 3:
            draw.shuffle(rows)
        case _:
            rows[row][column] = draw.choice(CELLS)
    return "".join("\t".join(cells) + "\n" for cells in rows)


def _parquet(data: bytes, draw: random.Random) -> bytes:
    import polars as pl

    table = pl.read_parquet(data)
    column = draw.choice(table.columns)
    match draw.randrange(7):
        case 0:
            table = table.drop(column)
        case 1:
            table = table.head(draw.randrange(2))
        case 2:
            table = table.rename({column: draw.choice(("x", "<b>", "a\nb"))})
        case 3:
            table = pl.concat([table, table])
        case 4:
            table = table.sample(fraction=1, shuffle=True, seed=draw.randrange(99))
        case _:
            value = draw.choice(
                (None, "x", "\x1b[2J", 5, -1, 2**62, 1.5, float("nan"), True, [1], {"a": 1}, b"x")
            )
            table = table.with_columns(pl.Series(column, [value] * len(table)))
    stream = io.BytesIO()
    table.write_parquet(stream)
    return stream.getvalue()


def _npz(data: bytes, draw: random.Random, change: Change) -> bytes:
    import numpy as np

    arrays = dict(np.load(io.BytesIO(data)))
    name = draw.choice(sorted(arrays))
    array = arrays[name]
    match draw.randrange(9):
        case 0:
            del arrays[name]
        case 1:
            arrays[name] = array.astype("U8")
        case 2:
            arrays[name] = np.full(array.shape, draw.choice((np.nan, np.inf, -1, 300)))
        case 3:
            arrays[name] = array.ravel()[: draw.randrange(array.size + 1)]
        case 4:
            arrays[name] = np.full(array.shape, draw.choice(("\x1b[2J", "a\nb", "<b>", "")))
        case 5:
            arrays[name] = (
                array[None] if draw.random() < 0.5 else np.zeros((0, *array.shape[1:]), array.dtype)
            )
        case 6:
            arrays[name] = np.full(array.shape, draw.choice((1 << 62, 2, 0)), np.int64)
        case _:
            return _archive(data, draw, change)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _archive(data: bytes, draw: random.Random, change: Change) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        members = old.infolist()
        chosen = draw.choice(members)
        for member in members:
            content = old.read(member)
            if member is chosen:
                known = member.filename.endswith(".json") and draw.random() < 0.7
                content = _json(content, draw) if known else change(content)
            new.writestr(member.filename, content)
    return stream.getvalue()


def _bgzf(data: bytes) -> bytes:
    import tempfile
    from pathlib import Path

    import pysam

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        with pysam.BGZFile(str(path), "wb") as stream:
            stream.write(data)
        return path.read_bytes()
