"""Predictions read from files, danq's own or another tool's; what stands there is checked, value by value."""

import logging
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from danq.data.examples.labels import SPLIT_WORDS
from danq.data.manifest import SPLITS, Task
from danq.errors import DanqError, check_name, first_few
from danq.files import check_regular, readable
from danq.learn.predict.predictions import COLUMNS, SCALARS, SUFFIXES, UNPREDICTED, Predictions
from danq.metrics import UNKNOWN
from danq.npz import check_npz, read_header, read_npz_member

log = logging.getLogger("danq")

_OF_TARGETS = ("probabilities", "logits", "labels")
_WORDS = {"task": get_args(Task), "split": (*SPLITS, "")}
_PLACE = ("contig", "start", "end")
_DTYPES = {"start": "iu", "end": "iu"} | dict.fromkeys(_OF_TARGETS, "biuf")
_MAPPED_BYTES, _NAME_LENGTH = 1 << 20, 26
_VALUES_AT_ONCE = 1 << 22
_ROUNDING = 1e-3
"""How far the probabilities of classes may be from a sum of 1, rounded in a table as they may be."""
_BEYOND = 1e-6
"""How far a probability may be below 0 or above 1: means and sums of others are, by rounding."""


def read_predictions(path: str | Path) -> Predictions:
    """Read predictions: an `.npz` file, or a table (`.parquet`, `.tsv`) as `danq predict` writes it.

    Large arrays of an `.npz` file are compared with their CRC-32 and memory-mapped. Of another tool's file
    `ids`, `targets` and one of `probabilities` and `logits` are needed, from which the other follows (in a
    table, `id` and columns such as `<target>__probability`); `labels` where there are some: 0, 1 and for
    unknown ones -1, NaN or nothing.
    Without a `task`, rows of which each has one class and probabilities that sum to 1 are ``multiclass``.

    Raises
    ------
    DanqError
        If the file is missing or damaged, lacks one of these, its arrays do not fit together, or a value is
        none that it can be, with the name of the row.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES and path.is_file():
        raise DanqError(
            f"{path}: expected a file of predictions named {', '.join(SUFFIXES)}, received {suffix!r}"
        )
    if suffix in SUFFIXES[1:]:
        from danq.learn.predict.table_reading import read_table

        arrays = read_table(path)
    else:
        arrays = _read_npz(path)
    missing = [name for name in ("ids", "targets") if name not in arrays]
    if not missing and not {"probabilities", "logits"} & set(arrays):
        missing = ["probabilities or logits"]
    if missing:
        raise DanqError(
            f"{path}: expected predictions with {missing[0]}, received {first_few(arrays) or 'none'}"
        )
    values = {name: _scalar(path, name, arrays[name]) for name in SCALARS if name in arrays}
    ids, targets = (_texts(path, name, arrays[name]) for name in ("ids", "targets"))
    if len(set(targets.tolist())) < len(targets):
        raise DanqError(f"{path}: expected different targets, received one twice")
    columns = {name: array for name, array in arrays.items() if name in COLUMNS and name != "ids"}
    lost = np.isin(columns["flags"], UNPREDICTED) if "flags" in columns else np.zeros(len(ids), bool)
    for name, array in columns.items():
        columns[name] = _checked(path, name, array, ids, targets, lost)
    if 0 < len(set(_PLACE) & set(columns)) < len(_PLACE):
        raise DanqError(f"{path}: expected all of contig, start and end or none, received only some")
    for row in np.flatnonzero(columns["start"] > columns["end"])[:1] if "start" in columns else ():
        raise DanqError(
            f"{path}: row {str(ids[row])!r}: expected an end behind the start of {columns['start'][row]}, "
            f"received {columns['end'][row]}"
        )
    return _complete(path, ids, targets, columns, values)


def _scalar(path: Path, name: str, array: NDArray[Any]) -> Any:
    if array.size != 1 or array.dtype.kind not in ("iu" if name == "bin" else "U"):
        expected = "one whole number" if name == "bin" else "one text"
        raise DanqError(f"{path}: {name}: expected {expected}, received {array.dtype} of shape {array.shape}")
    value = array.item()
    if name == "split" and value.lower() in SPLIT_WORDS:
        value = SPLITS[SPLIT_WORDS[value.lower()]]
    if value not in _WORDS.get(name, (value,)):
        expected = ", ".join(filter(None, _WORDS[name]))
        raise DanqError(f"{path}: {name}: expected {expected}; received {ascii(value)[:60]}")
    return check_name(value, path) if isinstance(value, str) else value


def _texts(path: Path, name: str, array: NDArray[Any]) -> NDArray[np.str_]:
    if array.dtype.kind == "S":
        try:
            array = np.strings.decode(array, "utf-8")
        except UnicodeDecodeError:
            raise DanqError(f"{path}: {name}: expected UTF-8 text, received other bytes") from None
    if array.ndim != 1 or array.dtype.kind not in ("Uiu" if name == "ids" else "U"):
        received = f"{array.dtype} of shape {array.shape}"
        raise DanqError(f"{path}: {name}: expected text of 1 dimension, received {received}")
    texts = array if array.dtype.kind == "U" else array.astype(np.str_)
    if texts.size and texts.itemsize:
        _check_names(path, texts)
    return texts


def _checked(
    path: Path,
    name: str,
    array: NDArray[Any],
    ids: NDArray[np.str_],
    targets: NDArray[np.str_],
    lost: NDArray[np.bool_],
) -> NDArray[Any]:
    """Refuse an array of another shape or type than `Predictions` has, or with values that cannot be.

    Rows that are lost, bool (n,), have no numbers, NaN.
    """
    expected = (len(ids), len(targets)) if name in _OF_TARGETS else (len(ids),)
    if name in _OF_TARGETS and len(targets) == 1 and array.shape == (len(ids),):
        array = array[:, None]
    if array.shape != expected:
        raise DanqError(f"{path}: expected {name!r} of shape {expected}, received {array.shape}")
    if name not in _DTYPES:
        return _texts(path, name, array)
    if array.dtype.kind not in _DTYPES[name]:
        expected_type = "whole numbers" if name in _PLACE else "numbers"
        raise DanqError(f"{path}: {name}: expected {expected_type}, received {array.dtype}")
    if name in _PLACE:
        return array.astype(np.int64, copy=False)
    _check_values(path, name, array, ids, targets, lost & (name != "labels"))
    if name == "probabilities" and array.dtype.kind == "f" and np.any((array < 0) | (array > 1)):
        array = array.clip(0, 1)
    if name != "labels":
        return array.astype(np.float32, copy=False)
    if array.dtype.kind == "f":
        return np.where(np.isnan(array), UNKNOWN, array).astype(np.int8)
    return array.view(np.int8) if array.dtype.itemsize == 1 else array.astype(np.int8)


def _check_values(
    path: Path,
    name: str,
    array: NDArray[Any],
    ids: NDArray[np.str_],
    targets: NDArray[np.str_],
    lost: NDArray[np.bool_],
) -> None:
    step = max(1, _VALUES_AT_ONCE // max(len(targets), 1))
    for first in range(0, len(ids), step):
        block, without = array[first : first + step], lost[first : first + step]
        wrong = np.where(without[:, None], block == block, ~_possible(name, block))
        if wrong.any():
            row, target = np.argwhere(wrong)[0].tolist()
            where = f"row {str(ids[first + row])!r} and target {str(targets[target])!r}"
            expected = "no number, as its flag says" if without[row] else _EXPECTED[name]
            raise DanqError(f"{path}: {name} of {where}: expected {expected}, received {block[row, target]}")


_EXPECTED = {
    "labels": "0, 1 or, unknown, -1",
    "probabilities": "a number from 0 to 1",
    "logits": "a finite number of float32",
}


def _possible(name: str, block: NDArray[Any]) -> NDArray[np.bool_]:
    if name == "labels":
        return np.asarray((block == 0) | (block == 1) | (block == UNKNOWN) | (block != block))
    if name == "logits":
        with np.errstate(over="ignore"):
            return np.isfinite(block.astype(np.float32, copy=False))
    return np.asarray((block >= -_BEYOND) & (block <= 1 + _BEYOND))


def _complete(
    path: Path,
    ids: NDArray[np.str_],
    targets: NDArray[np.str_],
    columns: dict[str, NDArray[Any]],
    values: Mapping[str, Any],
) -> Predictions:
    """Tell the task where the file does not, and get logits from probabilities or the other way."""
    from scipy.special import expit, logit, softmax

    labels, known = columns.get("labels"), dict(values)
    if "task" not in known:
        alone = labels is not None and len(targets) > 1 and _one_class_a_row(labels)
        sums = columns["probabilities"].sum(axis=1) if alone and "probabilities" in columns else np.zeros(1)
        classes = np.allclose(sums, 1, rtol=0, atol=_ROUNDING)
        known["task"] = "multiclass" if classes else "multilabel"
        if alone and known["task"] == "multilabel" and np.any(columns["labels"] > 0):
            log.info(
                "%s: each row has one class, but neither a `task` nor probabilities that sum to 1 say so: "
                "taken for multilabel",
                path,
            )
    elif known["task"] == "multiclass" and labels is not None and not _one_class_a_row(labels):
        raise DanqError(f"{path}: labels: expected one class a row, or none known, as task is multiclass")
    if "probabilities" not in columns:
        exact = columns["logits"].astype(np.float64)
        shares = softmax(exact, axis=1) if known["task"] == "multiclass" else expit(exact)
        columns["probabilities"] = shares.astype(np.float32)
    elif "logits" not in columns:
        # finite at 0 and 1, too
        least = np.finfo(np.float32).tiny
        exact = np.clip(columns["probabilities"].astype(np.float64), least, 1 - np.finfo(np.float64).epsneg)
        odds = np.log(exact) if known["task"] == "multiclass" else logit(exact)
        columns["logits"] = odds.astype(np.float32)
    arrays: dict[str, Any] = {"ids": ids, "targets": targets, **columns}
    return Predictions(**arrays, **known)


def _one_class_a_row(labels: NDArray[np.int8]) -> bool:
    unknown = (labels == UNKNOWN).sum(axis=1)
    one = (unknown == 0) & (labels.sum(axis=1, dtype=np.int64) == 1)
    return bool((one | (unknown == labels.shape[1])).all())


def _check_names(path: Path, names: NDArray[np.str_]) -> None:
    rows = max(1, _MAPPED_BYTES // names.itemsize)
    for first in range(0, len(names), rows):
        block = np.ascontiguousarray(names[first : first + rows])
        letters = block.view(f"{block.dtype.byteorder}u4").reshape(len(block), -1)
        # most are plain ASCII, of which none is looked at by itself; behind their ends are zeros
        odd = ((letters < 32) & (letters > 0)) | (letters > 126)
        odd[:, 1:] |= (letters[:, :-1] == 0) & (letters[:, 1:] != 0)
        for row in np.flatnonzero(odd.any(axis=1)):
            check_name(str(block[row]), path)


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read every array of an ``.npz`` file; large uncompressed ones are memory-mapped, read-only."""
    check_regular(path)
    try:
        with readable(path), path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            check_npz(path, archive)
            # of every member: a damaged name would pass for another tool's array
            begins = {info: _begin(raw, info) for info in archive.infolist()}
            named = {info.filename.removesuffix(".npy"): info for info in begins}
            known = ("targets", *COLUMNS, *SCALARS)
            return {
                name: _read_member(path, archive, info, raw, begins[info])
                for name, info in named.items()
                if name in known
            }
    except (
        *(zipfile.BadZipFile, zlib.error, struct.error),
        *(ValueError, EOFError, OSError, NotImplementedError, RuntimeError),
    ) as error:
        raise DanqError(
            f"{path}: expected a whole .npz file of arrays, received {error}; if it is damaged, remove it "
            "and make it again"
        ) from None


def _begin(raw: Any, info: zipfile.ZipInfo) -> int:
    """Where a stored member lies in its archive as it is, behind a header that repeats its name."""
    raw.seek(info.header_offset + _NAME_LENGTH)
    name_length, extra_length = struct.unpack("<HH", raw.read(4))
    if raw.read(name_length).decode() != info.orig_filename:
        raise zipfile.BadZipFile(f"two names of {info.filename!r}")
    return int(raw.tell() + extra_length)


def _read_member(
    path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, raw: Any, begin: int
) -> NDArray[Any]:
    with archive.open(info) as stream:
        if read_header(stream)[2].hasobject:
            name = info.filename.removesuffix(".npy")
            raise ValueError(f"Python objects in {name}, of which {name}.astype(str) makes text")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size < _MAPPED_BYTES:
        return read_npz_member(path, archive, info)
    stored = np.memmap(raw, np.uint8, "r", offset=begin, shape=(info.file_size,))
    if zlib.crc32(stored.data) != info.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {info.filename!r}")
    # the map begins behind NumPy's header
    raw.seek(begin)
    shape, fortran, dtype = read_header(raw)
    mapped = np.memmap(raw, dtype, "r", offset=raw.tell(), shape=shape, order="F" if fortran else "C")
    return np.asarray(mapped)
