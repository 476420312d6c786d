"""Predictions in parts that outlive an interruption and that shards share; put together without a model."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danq.contents import unchanged
from danq.errors import counted
from danq.files import check_regular, digest, sha256
from danq.learn.manifest import BundleManifest
from danq.learn.predict.outputs import Output
from danq.learn.predict.predictions import COLUMNS, SCALARS, Predictions
from danq.learn.predict.predictor import Predictor, predicted
from danq.learn.predict.rows import BLOCK, Source
from danq.parts import Parts, Receipt, Shard, compute_shard, opened_work
from danq.progress import progress
from danq.tables import reading_batches, writing_batches

log = logging.getLogger("danq")

PART = 2 * BLOCK
"""Rows of one part. Whole blocks: so each row has the neighbours in its batch that it has without parts."""
_SCALARS, _STRINGS = b"danq.scalars", b"danq.strings"


@dataclass(frozen=True, eq=False)
class Prediction:
    """What is predicted, by what and how.

    Attributes
    ----------
    info : BundleManifest
        Of the model.
    options : mapping
        What the numbers depend on besides the model and the rows, JSON-like.
    code : str
        Digest of the code that computes them.
    predictor : callable
        Loads the model.
    """

    info: BundleManifest
    source: Source
    output: Output
    options: Mapping[str, Any]
    code: str
    predictor: Callable[[], Predictor]

    @cached_property
    def targets(self) -> NDArray[np.int64] | None:
        """Indices of the chosen targets: int64, shape (m,), or None for all."""
        return self.output.choose(self.info.targets)

    def digest(self) -> str:
        """SHA-256 over everything that the numbers depend on, the contents of files included.

        Raises
        ------
        DanqError
            If rows come from a file that can be read only once.
        """
        everything = {
            "bundle": self.info.digest,
            "rows": {name: _content(value) for name, value in self.source.content.items()},
            "names": self.output.targets or self.info.targets,
            "options": dict(self.options),
            "part": PART,
            "code": self.code,
        }
        return digest(everything)


@dataclass(frozen=True, eq=False)
class Work:
    """A prediction, and what is done of it."""

    asked: Prediction
    parts: Parts

    def rows(self, parts: Sequence[int]) -> int:
        """Rows of some parts."""
        return sum(min((part + 1) * PART, self.asked.source.rows) - part * PART for part in parts)

    def compute(self, parts: Sequence[int]) -> None:
        """Predict the rows of parts; each part is kept as soon as it is finished.

        Raises
        ------
        DanqError
            If the model cannot be loaded, the disk is full, or an input changes meanwhile.
        """
        if not parts:
            return
        predictor = self.asked.predictor()
        with (
            unchanged(path for path in self.asked.source.content.values() if isinstance(path, Path)),
            progress("predicting", self.rows(parts), "rows") as advance,
        ):
            self.parts.compute(parts, lambda part: self._write(part, predictor, advance))

    def _write(self, part: int, predictor: Predictor, advance: Callable[[float], object]) -> None:
        last = min((part + 1) * PART, self.asked.source.rows)
        blocks = predicted(predictor, self.asked.source, self.asked.targets, advance, part * PART, last)
        first = next(blocks)
        batch, metadata = _batch(first)
        with writing_batches(self.parts.file(part), batch.schema, self.parts.key(part)) as writer:
            writer.write_batch(batch, metadata)
            for block in blocks:
                writer.write_batch(*_batch(block))

    def read(self) -> Iterator[Predictions]:
        """Read the predictions of all parts, a block at a time, under the run's name of now.

        Raises
        ------
        DanqError
            If a part is missing, damaged or of other work.
        """
        with progress("writing", self.parts.number, "parts") as advance:
            for part in range(self.parts.number):
                with reading_batches(self.parts.file(part), self.parts.key(part)) as reader:
                    for number in range(len(reader)):
                        yield _predictions(*reader.with_metadata(number), self.asked.info.run)
                advance(1)


def predict_in_parts(asked: Prediction, directory: Path, shard: Shard | None, receipt: Path | None) -> None:
    """Predict one shard of the parts in a directory, or what is left of them, and put all together.

    Parameters
    ----------
    receipt : Path or None
        JSON file that becomes there when all parts of the shard are.

    Raises
    ------
    DanqError
        As `danq.parts.opened_work`, `Prediction.digest`, `Work.compute` and `Work.read`, or if a file cannot
        be written.
    """
    key = asked.digest()
    with opened_work(key, directory, shared=True, shard=shard) as path:
        work = Work(asked, Parts(path, key, -(-asked.source.rows // PART)))
        if shard is None:
            _gather(work)
        else:
            inputs = {asked.info.run: asked.info.digest}
            about = Receipt(receipt, "predict", inputs, asked.options)
            compute_shard(work.parts, shard, work.compute, work.rows, ("row", "predicted"), about)


def _content(value: Any) -> Any:
    """Give what stands for a value in a digest: of a file, or the files of a folder, their contents."""
    if not isinstance(value, Path):
        return value
    if value.is_dir():
        files = sorted(path for path in value.rglob("*") if path.is_file())
        return [[path.relative_to(value).as_posix(), sha256(path)] for path in files]
    check_regular(value)
    return sha256(value)


def _gather(work: Work) -> None:
    output = work.asked.output
    with output.claimed():
        work.compute(work.parts.left())
        rows = output.write(work.asked.source, work.read())
        work.parts.remove()
    log.info("%s: %s", output.place, counted(rows, "row"))


def _batch(block: Predictions) -> tuple[pa.RecordBatch, dict[bytes, str]]:
    """Turn a block into columns, and into metadata all of it that is the same for each row."""
    arrays = block.columns()
    scalars = {name: getattr(block, name) for name in SCALARS} | {"targets": block.targets.tolist()}
    # a string array is as wide as whoever made it wanted: part of the bytes of a file
    strings = {name: array.dtype.str for name, array in arrays.items() if array.dtype.kind == "U"}
    columns = {name: _column(array) for name, array in arrays.items()}
    return pa.record_batch(columns), {_SCALARS: json.dumps(scalars), _STRINGS: json.dumps(strings)}


def _column(array: NDArray[Any]) -> pa.Array:
    if array.ndim == 1:
        return pa.array(array.tolist(), pa.string()) if array.dtype.kind == "U" else pa.array(array)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(array).ravel()), array.shape[1])


def _predictions(batch: pa.RecordBatch, metadata: Any, run: str) -> Predictions:
    scalars, strings = json.loads(metadata[_SCALARS]), json.loads(metadata[_STRINGS])
    arrays: dict[str, Any] = {}
    for name in COLUMNS:
        if name not in batch.schema.names:
            continue
        column = batch.column(name)
        if name in strings:
            arrays[name] = np.array(column.to_pylist(), strings[name])
        elif pa.types.is_fixed_size_list(column.type):
            arrays[name] = column.flatten().to_numpy().reshape(len(batch), -1)
        else:
            arrays[name] = column.to_numpy()
    targets = np.array(scalars.pop("targets"))
    return Predictions(**arrays, **(scalars | {"run": run}), targets=targets)
