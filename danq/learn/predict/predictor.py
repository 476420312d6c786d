"""A trained model that predicts: arrays, sequences from Python, and streams into files."""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.data.batches import pad
from danq.data.dataset import Raw
from danq.errors import DanqError
from danq.genome.alphabet import N, reverse_complement
from danq.learn.bundle import Bundle, load_bundle
from danq.learn.devices import describe_device, prepare_gpus
from danq.learn.predict.forward import compile_forward
from danq.learn.predict.outputs import Output
from danq.learn.predict.predictions import Predictions
from danq.learn.predict.rows import Rows, Source
from danq.learn.predict.rows_from_python import rows_from_python
from danq.progress import progress

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
    bundle : Bundle
        The trained model.
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
        bundle: Bundle,
        batch_size: int | None = None,
        reverse_complement: Literal["mean", "none"] | None = None,
    ) -> None:
        options = {"batch_size": 128, "reverse_complement": "mean", **bundle.info.predict}
        size = int(batch_size or options["batch_size"])
        strands = reverse_complement or options["reverse_complement"]
        if size < 2:
            raise DanqError(f"batch size: expected at least 2 rows, received {size}")
        if strands not in ("mean", "none"):
            raise DanqError(f"reverse complement: expected mean or none, received {strands!r}")
        if reverse_complement == "mean" and bundle.kind != "dna":
            raise DanqError(
                f"reverse complement: expected none for rows of kind {bundle.kind}, received mean"
            )
        prepare_gpus()
        self.bundle = bundle
        self.both_strands = strands == "mean" and bundle.kind == "dna"
        self.rows = -(-(size // 2 if self.both_strands else size) // _ROWS) * _ROWS
        self._forward = compile_forward(bundle, self.rows, self.both_strands)

    def logits(self, raw: Raw) -> NDArray[np.float32]:
        """Logits of rows, float32, shape (n, k) or (n, steps, k); see `scores`."""
        return self.scores(raw)[0]

    def scores(self, raw: Raw) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits and probabilities of rows.

        Parameters
        ----------
        raw : uint8, shape (n, window); list of n str; or uint8, shape (n, height, width, channels)
            Bases as 0..4 for A, C, G, T, N; texts; or pixels.

        Returns
        -------
        logits, probabilities : float32, shape (n, k), or (n, steps, k) of a model that classifies steps
            Each the mean over both strands of DNA, unless strands are not averaged.

        Raises
        ------
        DanqError
            If the windows have another length, or the images another size, than the model's.
        """
        window = self.bundle.window
        if self.bundle.kind == "dna" and (isinstance(raw, list) or raw.shape[1:] != (window,)):
            received = "texts" if isinstance(raw, list) else f"shape {raw.shape}"
            raise DanqError(f"expected windows of {window} bp, received {received}")
        # all batches are started before the first result is fetched, so that a GPU need not wait for the host
        started = [self._batch(raw[first : first + self.rows]) for first in range(0, len(raw), self.rows)]
        logits, probabilities = np.empty((2, len(raw), *self.bundle.model.output.shape[1:]), np.float32)
        for number, (batch_logits, batch_probabilities) in enumerate(started):
            place = slice(number * self.rows, min((number + 1) * self.rows, len(raw)))
            logits[place] = batch_logits.numpy()[: place.stop - place.start]
            probabilities[place] = batch_probabilities.numpy()[: place.stop - place.start]
        return logits, probabilities

    def predict(self, given: Sequence[str] | NDArray[np.uint8]) -> Predictions:
        """Predict rows given from Python.

        Parameters
        ----------
        given : sequence of n str, or uint8, shape (n, height, width, channels)
            Of DNA, nucleotide letters in either case: sequences shorter than the model's window are centred,
            filled up with N, and flagged. Otherwise texts, or images.

        Returns
        -------
        Predictions
            Rows named `1` to `n`; of a model that classifies steps, `1:start-end` (bp) and so on.

        Raises
        ------
        DanqError
            If there is no row, or one is empty, too long, or holds something else than the model reads.
        """
        return self.annotate(rows_from_python(given, self.bundle.info))

    def annotate(self, rows: Rows, split: str = "", bin: int = 0, dataset_digest: str = "") -> Predictions:
        """Predict a block of rows and put names, positions, labels and flags beside the numbers.

        Parameters
        ----------
        rows : Rows
            n rows.
        split : str
            Split they are from, if any.
        bin : int
            bp a row stands for, or 0.
        dataset_digest : str
            Digest of their dataset, if any.
        """
        logits, probabilities = self.scores(rows.raw)
        many_n = np.zeros(len(logits), bool)
        if self.bundle.kind == "dna":
            many_n = 2 * np.count_nonzero(rows.codes == N, axis=1) > self.bundle.window
        if logits.ndim > 2:
            sub_bins, k = logits.shape[1:]
            bin = self.bundle.sub_bin
            rows, kept = rows.by_sub_bin(bin, sub_bins)
            logits, probabilities = (values.reshape(-1, k)[kept] for values in (logits, probabilities))
            many_n = np.repeat(many_n, sub_bins)[kept]
        return Predictions(
            ids=np.array(rows.ids),
            probabilities=probabilities,
            logits=logits,
            targets=np.array(self.bundle.targets),
            labels=rows.labels,
            contig=None if rows.contig is None else np.array(rows.contig),
            start=rows.start,
            end=rows.end,
            flags=FLAGS[rows.padded + 2 * many_n],
            run=self.bundle.info.run,
            split=split,
            task=self.bundle.task,
            bin=bin,
            bundle_digest=self.bundle.digest,
            dataset_digest=dataset_digest,
        )

    def _batch(self, raw: Raw) -> tuple[tf.Tensor, tf.Tensor]:
        raw = pad(raw, self.rows)
        if self.both_strands and isinstance(raw, np.ndarray):
            raw = np.concatenate([raw, reverse_complement(raw)])
        inputs = self.bundle.encoder.encode(raw)
        return self._forward({name: tf.constant(array) for name, array in inputs.items()})


def load(
    path: str | Path,
    batch_size: int | None = None,
    reverse_complement: Literal["mean", "none"] | None = None,
) -> Predictor:
    """Load a trained model for prediction.

    Parameters
    ----------
    path : str or Path
        Directory of the bundle, for example ``results/runs/danq``.
    batch_size : int, optional
        Rows of a forward pass; the run's own where left out.
    reverse_complement : {"mean", "none"}, optional
        Average both strands or not; as the run says where left out.

    Raises
    ------
    DanqError
        If it is no bundle this release reads.
    """
    return Predictor(load_bundle(Path(path)), batch_size, reverse_complement)


def predict_source(predictor: Predictor, source: Source, output: Output) -> int:
    """Predict every row of a source into files; memory does not grow with the rows.

    Parameters
    ----------
    predictor : Predictor
        The model.
    source : Source
        The rows.
    output : Output
        Where they go.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    DanqError
        If an asked-for target is unknown, or a file cannot be written.
    """
    started, done = time.monotonic(), 0
    chosen = output.choose(predictor.bundle.targets)
    with ExitStack() as stack:
        appends = [stack.enter_context(writing) for writing in output.writers(source.contigs)]
        advance = stack.enter_context(progress("predicting", source.rows, "rows"))
        for rows in source.blocks():
            block = predictor.annotate(rows, source.split, source.bin, source.dataset_digest)
            block = block if chosen is None else block.choose(chosen)
            for append in appends:
                append(block)
            done += len(block)
            advance(len(rows.ids))
    seconds = time.monotonic() - started
    log.info(
        "%s: %s rows, %d targets in %.1f s (%s rows/s) on %s",
        output.path,
        f"{done:,}",
        len(predictor.bundle.targets if chosen is None else chosen),
        seconds,
        f"{done / seconds:,.0f}",
        describe_device(),
    )
    return done
