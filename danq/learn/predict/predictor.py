"""A trained model that predicts: arrays, sequences from Python, and streams into files."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from danq.data.batches import pad
from danq.data.dataset import Raw
from danq.errors import DanqError
from danq.genome.alphabet import N, reverse_complement
from danq.learn.export import opened_bundles
from danq.learn.linear import CpuBundle, Engine, open_by_engine
from danq.learn.manifest import BundleManifest
from danq.learn.options import PredictOptions
from danq.learn.predict.outputs import Output
from danq.learn.predict.predictions import Predictions
from danq.learn.predict.rows import Rows, Source, rows_from_python
from danq.limits import check_limit
from danq.progress import progress
from danq.storage import first_problem

if TYPE_CHECKING:
    from danq.learn.bundle import Bundle

log = logging.getLogger("danq")

FLAGS = np.array(["", "padded", "many_n", "padded,many_n"])

_ROWS = 16
"""A batch has a multiple of these rows: the blocks in which matrix kernels take them, without a remainder."""


class Predictor:
    """A bundle ready to predict, always in batches of one fixed shape.

    Batches are filled up to that shape. The same rows, bundle, batch size and machine give equal bytes;
    beside other rows, with another batch size or number of threads a row's logits agree to 1e-5.

    Parameters
    ----------
    batch_size : int, optional
        Rows of a forward pass, at least 2; the run's own where left out. When both strands are averaged, half
        of the rows are reverse complements. Rounded up to whole blocks of 16 windows.
    reverse_complement : {"mean", "none"}, optional
        Average both strands of DNA or not; as the run says where left out.

    Raises
    ------
    DanqError
        If the batch size is below 2, or `reverse_complement` is another word, or ``mean`` for a model that
        reads no DNA.
    """

    def __init__(
        self,
        bundle: "Bundle | CpuBundle",
        batch_size: int | None = None,
        reverse_complement: Literal["mean", "none"] | None = None,
    ) -> None:
        stored = _stored(bundle)
        size = int(batch_size or stored.batch_size)
        strands = reverse_complement or stored.reverse_complement
        if size < 2:
            raise DanqError(f"batch size: expected at least 2 rows, received {size}")
        if strands not in ("mean", "none"):
            raise DanqError(f"reverse complement: expected mean or none, received {strands!r}")
        if reverse_complement == "mean" and bundle.info.data_kind != "dna":
            raise DanqError(
                f"reverse complement: expected none for rows of kind {bundle.info.data_kind}, received mean"
            )
        self.bundle = bundle
        self.both_strands = strands == "mean" and bundle.info.data_kind == "dna"
        self.rows = -(-(size // 2 if self.both_strands else size) // _ROWS) * _ROWS
        self._forward = bundle.forward(self.rows, self.both_strands)

    def logits(self, raw: Raw) -> NDArray[np.float32]:
        """Logits of rows, float32, shape (n, k) or (n, sub-bins, k); see `scores`."""
        return self.scores(raw)[0]

    def scores(self, raw: Raw) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits and probabilities of rows.

        Parameters
        ----------
        raw : uint8, shape (n, window); list of n str; or uint8, shape (n, height, width, channels)
            Bases as 0..4 for A, C, G, T, N; texts; or pixels.

        Returns
        -------
        logits, probabilities : float32, shape (n, k), or (n, sub-bins, k) of a model that classifies sub-bins
            Each the mean over both strands of DNA, unless strands are not averaged.

        Raises
        ------
        DanqError
            If the windows have another length, or the images another size, than the model's, or a batch does
            not fit into a GPU's memory.
        """
        info, window = self.bundle.info, self.bundle.info.window
        if info.data_kind == "dna" and (isinstance(raw, list) or raw.shape[1:] != (window,)):
            received = "texts" if isinstance(raw, list) else f"shape {raw.shape}"
            raise DanqError(f"expected windows of {window} bp, received {received}")
        logits, probabilities = np.empty((2, len(raw), *self.bundle.outputs), np.float32)
        with self.bundle.computing(self.rows):
            # all are started before the first result is fetched, so that a GPU need not wait for the host
            started = [self._batch(raw[first : first + self.rows]) for first in range(0, len(raw), self.rows)]
            for number, (batch_logits, batch_probabilities) in enumerate(started):
                place = slice(number * self.rows, min((number + 1) * self.rows, len(raw)))
                logits[place] = np.asarray(batch_logits)[: place.stop - place.start]
                probabilities[place] = np.asarray(batch_probabilities)[: place.stop - place.start]
        return logits, probabilities

    def predict(self, inputs: Sequence[str] | NDArray[np.uint8]) -> Predictions:
        """Predict rows given from Python.

        Parameters
        ----------
        inputs : sequence of n str, or uint8, shape (n, height, width, channels)
            Of DNA, nucleotide letters in either case: sequences shorter than the model's window are centred,
            filled up with N, and flagged. Otherwise texts, or images.

        Returns
        -------
        Predictions
            Rows named `1` to `n`; of a model that classifies sub-bins, `1:start-end` (bp) and so on.

        Raises
        ------
        DanqError
            If there is no row, or one is empty, too long, or holds something else than the model reads.
        """
        return self.annotate(rows_from_python(inputs, self.bundle.info))

    def annotate(self, rows: Rows, split: str = "", bin: int = 0, dataset_digest: str = "") -> Predictions:
        """Predict a block of rows and put names, positions, labels and flags beside the numbers.

        A row stands for `bin` bp, or 0; `split` and `dataset_digest` are empty where there are none.
        """
        info = self.bundle.info
        logits, probabilities = self.scores(rows.raw)
        many_n = np.zeros(len(logits), bool)
        if info.data_kind == "dna":
            many_n = 2 * np.count_nonzero(rows.codes == N, axis=1) > (info.window or 0)
        if logits.ndim > 2:
            sub_bins, k = logits.shape[1:]
            bin = info.step or 0
            rows, kept = rows.by_sub_bin(bin, sub_bins)
            logits, probabilities = (values.reshape(-1, k)[kept] for values in (logits, probabilities))
            many_n = np.repeat(many_n, sub_bins)[kept]
        flags = FLAGS[rows.padded + 2 * many_n]
        if rows.reason is not None:
            lost = rows.reason != ""
            flags = np.where(lost, rows.reason, flags)
            logits[lost] = probabilities[lost] = np.nan
        return Predictions(
            ids=np.array(rows.ids),
            probabilities=probabilities,
            logits=logits,
            targets=np.array(info.targets),
            labels=rows.labels,
            contig=None if rows.contig is None else np.array(rows.contig),
            start=rows.start,
            end=rows.end,
            flags=flags,
            run=info.run,
            split=split,
            task=info.task,
            bin=bin,
            bundle_digest=info.digest,
            dataset_digest=dataset_digest,
            engine=self.bundle.engine,
        )

    def _batch(self, raw: Raw) -> tuple[Any, Any]:
        raw = pad(raw, self.rows)
        if self.both_strands and isinstance(raw, np.ndarray):
            raw = np.concatenate([raw, reverse_complement(raw)])
        logits, probabilities = self._forward(self.bundle.encoder.encode(raw))
        return logits, probabilities


def _stored(bundle: "Bundle | CpuBundle") -> PredictOptions:
    """How a bundle says that it predicts, of sizes that fit into memory."""
    path = bundle.path / BundleManifest.FILE
    try:
        options = PredictOptions.model_validate(bundle.info.predict, strict=True)
    except ValidationError as error:
        raise DanqError(f"{path}: predict.{first_problem(error)}") from None
    numbers = sum(math.prod(shape) for shape, _ in bundle.encoder.inputs.values())
    check_limit("DANQ_MAX_MEMORY", path, "bytes of a batch", 4 * options.batch_size * numbers)
    return options


def load(
    path: str | Path,
    batch_size: int | None = None,
    reverse_complement: Literal["mean", "none"] | None = None,
    trusted: Sequence[Path] = (),
    engine: Engine = "keras",
) -> Predictor:
    """Load a trained model for prediction, for example from ``results/runs/danq``, or an archive of it.

    `batch_size` and `reverse_complement` are as for `Predictor`, `trusted` and `engine` as for
    `open_by_engine`.

    Raises
    ------
    DanqError
        If it is no bundle this release reads.
    """
    with opened_bundles([Path(path)]) as (place,):
        bundle = replace(open_by_engine(place, trusted, engine), path=Path(path))
    return Predictor(bundle, batch_size, reverse_complement)


def predicted(
    predictor: Predictor,
    source: Source,
    targets: NDArray[np.int64] | None,
    advance: Callable[[float], object],
    first: int = 0,
    last: int | None = None,
) -> Iterator[Predictions]:
    """Predict the rows of a source from `first` to before `last`, a block at a time.

    Parameters
    ----------
    targets : int64, shape (m,), or None
        Indices of those that are wanted; None for all.
    advance : callable
        Told of the rows of each block.
    """
    for rows in source.blocks(first, last):
        block = predictor.annotate(rows, source.split, source.bin, source.dataset_digest)
        yield block if targets is None else block.choose(targets)
        advance(len(rows.ids))


def predict_source(predictor: Predictor, source: Source, output: Output) -> int:
    """Predict every row of a source into files; memory does not grow with the rows, whose number is returned.

    Raises
    ------
    DanqError
        If an asked-for target is unknown, or a file cannot be written.
    """
    started = time.monotonic()
    chosen = output.choose(predictor.bundle.info.targets)
    with progress("predicting", source.rows, "rows") as advance:
        done = output.write(source, predicted(predictor, source, chosen, advance))
    seconds = time.monotonic() - started
    targets = len(predictor.bundle.info.targets if chosen is None else chosen)
    log.info(
        f"{output.place}: {done:,} rows, {targets} targets in {seconds:.1f} s ({done / seconds:,.0f} rows/s) "
        f"on {predictor.bundle.device}"
    )
    return done
