"""DeepSEA's published .mat files (doi 10.1038/nmeth.3547) as a dataset, read in blocks of rows.

MATLAB 7.3 (HDF5) files hold the arrays transposed: ``trainxdata`` (window, 4, n), ``traindata`` (k, n);
MATLAB 5 files hold ``validxdata`` (n, 4, window), ``validdata`` (n, k). The channels are A, G, C, T.
"""

import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.contents import unchanged
from danq.data.manifest import SPLITS, DatasetManifest
from danq.data.options import DatasetOptions
from danq.data.writing import Contents, write_examples, write_manifest
from danq.errors import DanqError, check_name, first_line
from danq.files import read_lines, sha256, staged
from danq.genome.alphabet import A, C, G, N, T, reverse_complement
from danq.hdf5 import plain_member
from danq.limits import check_memory
from danq.metrics import UNKNOWN
from danq.progress import Advance, progress
from danq.storage import write_array

_SEVERAL = 255
_CODE_OF_BITS = np.full(16, _SEVERAL, np.uint8)
"""One bit a channel in the files' order → code; no bit is N, several are none."""
_CODE_OF_BITS[[0, 1, 2, 4, 8]] = N, A, G, C, T
_DAMAGED = (
    *(ValueError, TypeError, KeyError, RuntimeError, OSError, EOFError, MemoryError),
    *(NotImplementedError, zlib.error),
)
"""What readers of MATLAB files raise over a file that is none."""
_BLOCK_ROWS, _MOST_BLOCK_ROWS = 16_384, 65_536
_CHECKED_PAIRS = 1000


@dataclass(frozen=True)
class _SplitArrays:
    """One split's arrays as they lie in its file, with rows along the last axis if `transposed`."""

    path: Path
    bases: Any
    labels: Any
    transposed: bool
    n: int
    window: int
    targets: int

    @property
    def block(self) -> int:
        """Rows read at once; blocks end where HDF5 chunks end, so that none is decompressed twice."""
        chunk = int((getattr(self.bases, "chunks", None) or (1,))[-1])
        return min(max(chunk, _BLOCK_ROWS // chunk * chunk), _MOST_BLOCK_ROWS)

    def codes(self, first: int, last: int) -> NDArray[np.uint8]:
        """Codes of rows, uint8 (rows, window); a position without a base is N."""
        with _reading(self.path):
            read = (self.bases[..., first:last] if self.transposed else self.bases[first:last]) != 0
        bits = read[:, 0].astype(np.uint8)
        for channel in range(1, 4):
            bits |= read[:, channel].astype(np.uint8) << np.uint8(channel)
        codes = _CODE_OF_BITS[bits.T if self.transposed else bits]
        several = np.flatnonzero((codes == _SEVERAL).any(axis=1))
        if len(several):
            row = first + several[0] + 1
            raise DanqError(f"{self.path}: row {row}: expected at most one base a position, received several")
        return codes

    def labels_of(self, first: int, last: int) -> NDArray[Any]:
        """Labels of rows, 0, 1 and, where one is -1 or NaN, -1 for unknown: shape (rows, targets)."""
        with _reading(self.path):
            labels = self.labels[:, first:last].T if self.transposed else self.labels[first:last]
        labels = np.where(np.isnan(labels), UNKNOWN, labels) if labels.dtype.kind == "f" else labels
        others = labels[(labels != 0) & (labels != 1) & (labels != UNKNOWN)]
        if others.size:
            raise DanqError(
                f"{self.path}: expected labels of 0 and 1, or -1 if unknown, received {others[0]}"
            )
        return labels


def build_deepsea_dataset(
    options: DatasetOptions, name: str, files: Mapping[str, Path], out: Path
) -> DatasetManifest:
    """Turn DeepSEA's .mat files into a dataset; memory does not grow with an HDF5 file's size.

    Each file holds its sequences and, in its second half, their reverse complements. They stay rows of their
    own; the manifest's ``reverse_complement_rows`` says for which splits this was found to be so.

    Parameters
    ----------
    options : DatasetOptions
        `window` must be that of the files; `target_names` names the labels.
    name, out : str, Path
        Name of the dataset in the configuration, and its directory.
    files : mapping of str to Path
        File of each of train, valid and test.

    Raises
    ------
    DanqError
        If a split's file is not given, is no such file, or the sizes do not agree.
    """
    missing = [part for part in SPLITS if part not in files]
    if missing:
        raise DanqError(
            f"datasets.{name}.examples: expected a .mat file for each split, none for {missing[0]}"
        )
    with ExitStack() as opened, staged(out) as partial, unchanged(files.values()):
        splits = {part: _open(files[part], part, opened) for part in SPLITS}
        targets = _targets(options.target_names, splits["train"].targets)
        for arrays in splits.values():
            if (arrays.window, arrays.targets) != (options.window, len(targets)):
                raise DanqError(
                    f"{arrays.path}: expected windows of {options.window} bp and {len(targets)} labels, "
                    f"received {arrays.window} bp and {arrays.targets}"
                )
        split = np.repeat(np.arange(len(SPLITS), dtype=np.uint8), [arrays.n for arrays in splits.values()])
        n = len(split)
        with progress("reading .mat files", 2 * n, "rows") as advance:
            codes = (arrays.codes(*rows) for arrays, rows in _blocks(splits, advance))
            write_array(partial / "codes.npy", (n, options.window), np.uint8, codes)
            labels = (arrays.labels_of(*rows) for arrays, rows in _blocks(splits, advance))
            described = write_examples(partial, _names(splits), split, targets, labels)
        written = np.load(partial / "codes.npy", mmap_mode="r")
        contents = Contents(
            task="multilabel",
            targets=described,
            split=split,
            inputs={str(path): sha256(path) for path in files.values()},
            origin=str(options.target_names or files["train"]),
            of_kind={"reverse_complement_rows": _paired(written, splits)},
        )
        return write_manifest(partial, out, name, options, contents)


def _open(path: Path, part: str, files: ExitStack) -> _SplitArrays:
    """Open one split's file; an HDF5 file stays open as long as `files`."""
    import h5py

    if not path.is_file():
        raise DanqError(f"{path}: no such file")
    names = (f"{part}xdata", f"{part}data")
    with _reading(path):
        transposed = h5py.is_hdf5(path)
        arrays = files.enter_context(h5py.File(path, "r")) if transposed else _matlab_5(path, names)
        for name in names:
            if name not in arrays:
                received = ", ".join(key for key in arrays if not key.startswith(("__", "#"))) or "none"
                raise DanqError(f"{path}: expected an array {name!r}, received {received}")
        bases, labels = (plain_member(arrays, name, path) if transposed else arrays[name] for name in names)
    for name, array in zip(names, (bases, labels), strict=True):
        if getattr(array, "dtype", np.dtype(object)).kind not in "biuf":
            raise DanqError(f"{path}: {name}: expected an array of numbers, received something else")
    sizes = [array.shape[::-1] if transposed else array.shape for array in (bases, labels)]
    match sizes:
        case [(n, 4, window), (rows, targets)] if n == rows:
            return _SplitArrays(path, bases, labels, transposed, n, window, targets)
    expected = ("window x 4 x n", "labels x n") if transposed else ("n x 4 x window", "n x labels")
    raise DanqError(
        f"{path}: expected {names[0]} of {expected[0]} and {names[1]} of {expected[1]}, "
        f"received {bases.shape} and {labels.shape}"
    )


def _matlab_5(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Read arrays of a MATLAB 5 file, which are read whole; what they declare is compared with limits."""
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    try:
        for name, shape, _ in whosmat(path, chars_as_strings=False):
            if name in names:
                # the smallest numbers that MATLAB keeps; others unfold to their own width
                check_memory(f"{path}: {name}", math.prod(shape))
        arrays: dict[str, Any] = loadmat(path, variable_names=names)
    except (MatReadError, LookupError, AttributeError, ArithmeticError) as error:
        # SciPy follows whatever a damaged file says
        raise ValueError(str(error)) from None
    return arrays


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in one line that a file is damaged or none of MATLAB's."""
    try:
        yield
    except _DAMAGED as error:
        raise DanqError(
            f"{path}: expected a MATLAB file, received something else ({first_line(error)})"
        ) from None


def _blocks(
    splits: Mapping[str, _SplitArrays], advance: Advance
) -> Iterator[tuple[_SplitArrays, tuple[int, int]]]:
    for arrays in splits.values():
        for first in range(0, arrays.n, arrays.block):
            last = min(first + arrays.block, arrays.n)
            yield arrays, (first, last)
            advance(last - first)


def _targets(path: Path | None, number: int) -> list[str]:
    if path is None:
        return [f"target_{index}" for index in range(1, number + 1)]
    names: dict[str, int] = {}
    for line, text in read_lines(path):
        name = check_name(text.strip(), f"{path}:{line}", "a target")
        if name in names:
            raise DanqError(f"{path}:{line}: target {name!r} stands in line {names[name]} already")
        if name:
            names[name] = line
    if len(names) != number:
        raise DanqError(f"{path}: expected {number} target names, received {len(names)}")
    return list(names)


def _names(splits: Mapping[str, _SplitArrays]) -> pl.Series:
    return pl.concat(
        pl.select(pl.format(f"{part}:{{}}", pl.int_range(1, arrays.n + 1))).to_series()
        for part, arrays in splits.items()
    )


def _paired(codes: NDArray[np.uint8], splits: Mapping[str, _SplitArrays]) -> dict[str, bool]:
    """Tell for each split whether its second half is the reverse complement of its first (some rows)."""
    paired, begin = {}, 0
    for part, arrays in splits.items():
        half = arrays.n // 2
        rows = begin + np.unique(np.linspace(0, max(half - 1, 0), _CHECKED_PAIRS).astype(np.int64))
        paired[part] = arrays.n % 2 == 0 and np.array_equal(
            codes[rows + half], reverse_complement(codes[rows])
        )
        begin += arrays.n
    return paired
