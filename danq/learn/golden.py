"""Golden rows of a bundle: inputs with the logits that were computed at its training, to be computed again.

They need neither dataset nor genome: what is stored is what the encoder takes.
"""

import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset, Raw
from danq.errors import DanqError, check_name, remedy
from danq.files import check_regular
from danq.learn.bundle_files import GOLDEN_FILE
from danq.learn.linear import CpuBundle
from danq.learn.manifest import BundleManifest, weights_digest
from danq.learn.predict.predictor import Predictor
from danq.npz import NpzArrays

if TYPE_CHECKING:
    from danq.learn.bundle import Bundle

ROWS = 64
"""Golden rows of a bundle, as long as validation and test hold so many."""
_CANDIDATES = 4096
"""Rows among which they are chosen, so that labels of millions need not be read."""
_TEXT = "U"


@dataclass(frozen=True)
class GoldenRows:
    """Inputs of a model with its logits.

    Attributes
    ----------
    inputs : uint8, shape (n, window); str, shape (n,); or uint8, shape (n, height, width, channels)
        Bases as 0..4 for A, C, G, T, N; texts; or pixels.
    logits : float32, shape (n, k) or (n, sub-bins, k)
        As `danq predict` gives them with the bundle's own options, on both strands where they say so.
    names, split : str, shape (n,)
        Of the rows in their dataset.
    batch_size : int
        Of the forward pass.
    bundle_digest : str
        Of the bundle that computed them.
    """

    inputs: NDArray[Any]
    logits: NDArray[np.float32]
    names: NDArray[np.str_]
    split: NDArray[np.str_]
    batch_size: int
    bundle_digest: str

    @property
    def raw(self) -> Raw:
        """The inputs as a predictor takes them."""
        return self.inputs.tolist() if self.inputs.dtype.kind == _TEXT else self.inputs


def write_golden_rows(bundle: "Bundle | CpuBundle", data: Dataset) -> None:
    """Write ``golden.npz`` into the directory of a bundle whose other files are there.

    Parameters
    ----------
    data : Dataset
        What it was trained on: rows of its test split, and of validation where that has fewer than `ROWS`.
    """
    rows, split = choose_rows(data)
    inputs, info = np.array(data.raw(rows)), bundle.info
    # a batch that the training had, too, surely fits into memory
    most = min(info.predict["batch_size"], info.train.get("batch_size", len(rows)), len(rows))
    golden = GoldenRows(
        inputs, np.empty(0, np.float32), np.array(data.ids(rows)), split, max(2, most), info.digest
    )
    arrays = {name: np.asarray(value) for name, value in vars(golden).items()}
    arrays["logits"] = score_golden_rows(bundle, golden)
    arrays["digest"] = np.array(golden_digest(arrays))
    # equal arrays give equal bytes: NumPy dates all members to 1980
    np.savez(bundle.path / GOLDEN_FILE, allow_pickle=False, **arrays)


def score_golden_rows(bundle: "Bundle | CpuBundle", golden: GoldenRows) -> NDArray[np.float32]:
    """Compute the logits of golden rows, float32, in the same batches as at the training."""
    return Predictor(bundle, golden.batch_size).logits(golden.raw)


def choose_rows(data: Dataset) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Choose rows spread over a split, as many with a positive label as without, or of each class.

    Returns
    -------
    rows : int64, shape (n,)
        At most `ROWS`; of the test split, then of validation where that has fewer.
    split : str, shape (n,)
    """
    chosen = [_choose(data, "test", ROWS)]
    chosen.append(_choose(data, "valid", ROWS - len(chosen[0])))
    return np.concatenate(chosen), np.repeat(["test", "valid"], [len(rows) for rows in chosen])


def _choose(data: Dataset, split: str, number: int) -> NDArray[np.int64]:
    rows = _spread(data.rows(split), _CANDIDATES)
    labels = data.labels(rows)
    positive = labels.reshape(len(rows), math.prod(labels.shape[1:])) > 0
    kind = positive.argmax(axis=1) if data.task == "multiclass" else positive.any(axis=1)
    groups = [rows[kind == value] for value in np.unique(kind)]
    sizes, shares = np.array([len(group) for group in groups]), np.zeros(len(groups), np.int64)
    while shares.sum() < min(number, len(rows)):
        shares[np.flatnonzero(shares < sizes)[: number - shares.sum()]] += 1
    return np.sort(np.concatenate([*map(_spread, groups, shares.tolist()), np.empty(0, np.int64)]))


def _spread(rows: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Take at most so many rows, at even distances."""
    return rows[np.linspace(0, len(rows) - 1, min(number, len(rows))).round().astype(np.int64)]


def golden_digest(arrays: dict[str, NDArray[Any]]) -> str:
    """SHA-256 over the arrays of ``golden.npz`` but for the digest itself, with their names."""
    names = sorted(arrays)
    return weights_digest({"arrays": names}, [arrays[name] for name in names])


def read_golden_rows(path: Path, info: BundleManifest) -> GoldenRows:
    """Read ``golden.npz`` and check that it is whole and fits the bundle.

    Raises
    ------
    DanqError
        If it is damaged, holds other arrays than `write_golden_rows` wrote, or is another bundle's.
    """
    check_regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = dict(NpzArrays(path, archive))
    except (
        *(zipfile.BadZipFile, zlib.error, struct.error),
        *(ValueError, EOFError, OSError, NotImplementedError, RuntimeError),
    ) as error:
        raise DanqError(f"{path}: expected a whole .npz file, received {error}{remedy(path)}") from None
    digest = arrays.pop("digest", np.array(""))
    if set(arrays) != set(GoldenRows.__dataclass_fields__) or golden_digest(arrays) != str(digest):
        raise DanqError(f"{path}: expected golden rows with their digest, received others{remedy(path)}")
    _check(path, arrays, info)
    values: dict[str, Any] = arrays | {name: arrays[name].item() for name in ("batch_size", "bundle_digest")}
    return GoldenRows(**values)


def _check(path: Path, arrays: dict[str, NDArray[Any]], info: BundleManifest) -> None:
    """Refuse arrays that are not what the model reads and gives: the digest alone anybody can make."""
    n = len(arrays["names"]) if arrays["names"].ndim else -1
    row = {"dna": (info.window,), "image": info.shape, "text": ()}[info.data_kind]
    expected: dict[str, tuple[str, Any]] = {
        "inputs": (_TEXT if info.data_kind == "text" else "uint8", (n, *(row or ()))),
        "logits": ("float32", (n, *arrays["logits"].shape[1:-1], len(info.targets))),
        **dict.fromkeys(("names", "split"), (_TEXT, (n,))),
        "batch_size": ("int64", ()),
        "bundle_digest": (_TEXT, ()),
    }
    for name, (dtype, shape) in expected.items():
        array = arrays[name]
        if dtype not in (array.dtype.kind, array.dtype.name) or array.shape != shape:
            raise DanqError(
                f"{path}: {name}: expected shape {shape}, received {array.dtype} of {array.shape}"
            )
    for text in arrays["names"].tolist():
        check_name(text, path)
    if not 2 <= arrays["batch_size"] <= 2 * ROWS:
        raise DanqError(f"{path}: batch_size: expected 2 to {2 * ROWS}, received {arrays['batch_size']}")
    if arrays["bundle_digest"] != info.digest:
        raise DanqError(f"{path}: expected golden rows of this bundle, received another's{remedy(path)}")
