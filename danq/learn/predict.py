"""A trained model that predicts: arrays, sequences from Python, and streams into files."""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.genome.alphabet import N, encode, reverse_complement
from danq.learn.bundle import Bundle, load_bundle
from danq.learn.device import describe_device
from danq.learn.fasta_source import window_at
from danq.learn.output import Output
from danq.learn.predictions import Predictions
from danq.learn.sources import Rows, Source
from danq.progress import progress

log = logging.getLogger("danq")

FLAGS = np.array(["", "padded", "many_n", "padded,many_n"])
_BLOCK = 16


class Predictor:
    """A bundle ready to predict, always in batches of one fixed shape.

    Rows beyond the last full batch are filled up with N, so a row's prediction depends neither on the other
    rows nor on their order or number: the same bundle, batch size and machine give equal bytes. Other batch
    sizes and devices agree to about 1e-6.

    Parameters
    ----------
    bundle : Bundle
        The trained model.
    batch_size : int, optional
        Rows of a forward pass, at least 2; the run's own where left out. When both strands are averaged, half
        of the rows are reverse complements. Rounded up to whole blocks of 16 windows.
    reverse_complement : {"mean", "none"}, optional
        Average both strands or not; as the run says where left out.

    Raises
    ------
    DanqError
        If the batch size is below 2 or `reverse_complement` is another word.
    """

    def __init__(
        self,
        bundle: Bundle,
        batch_size: int | None = None,
        reverse_complement: Literal["mean", "none"] | None = None,
    ) -> None:
        options = {"batch_size": 128, "reverse_complement": "mean", **bundle.info["predict"]}
        size = int(batch_size or options["batch_size"])
        strands = reverse_complement or options["reverse_complement"]
        if size < 2:
            raise DanqError(f"batch size: expected at least 2 rows, received {size}")
        if strands not in ("mean", "none"):
            raise DanqError(f"reverse complement: expected mean or none, received {strands!r}")
        self.bundle = bundle
        self.both_strands = strands == "mean"
        self.rows = _whole_blocks(size // 2 if self.both_strands else size)
        self._forward = _compile(bundle, self.rows, self.both_strands)

    def logits(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits of windows, float32, shape (n, k); see `scores`."""
        return self.scores(codes)[0]

    def scores(self, codes: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits and probabilities of windows.

        Parameters
        ----------
        codes : uint8, shape (n, window)
            Bases as 0..4 for A, C, G, T, N.

        Returns
        -------
        logits, probabilities : float32, shape (n, k)
            Each the mean over both strands, unless strands are not averaged.

        Raises
        ------
        DanqError
            If the windows have another length than the model's.
        """
        if codes.ndim != 2 or codes.shape[1] != self.bundle.window:
            raise DanqError(f"expected windows of {self.bundle.window} bp, received shape {codes.shape}")
        k = len(self.bundle.targets)
        # all batches are started before the first result is fetched, so that a GPU need not wait for the host
        started = [self._batch(codes[first : first + self.rows]) for first in range(0, len(codes), self.rows)]
        logits, probabilities = np.empty((2, len(codes), k), np.float32)
        for number, (batch_logits, batch_probabilities) in enumerate(started):
            place = slice(number * self.rows, min((number + 1) * self.rows, len(codes)))
            logits[place] = batch_logits.numpy()[: place.stop - place.start]
            probabilities[place] = batch_probabilities.numpy()[: place.stop - place.start]
        return logits, probabilities

    def predict(self, sequences: Sequence[str]) -> Predictions:
        """Predict sequences given as text.

        Parameters
        ----------
        sequences : sequence of n str
            Nucleotide letters in either case. Sequences shorter than the model's window are centred,
            filled up with N, and flagged.

        Returns
        -------
        Predictions
            Rows named `1` to `n`.

        Raises
        ------
        DanqError
            If there is no sequence, or one is empty, too long, or holds other letters.
        """
        if isinstance(sequences, str):
            raise DanqError("expected a list of sequences, received one str; write [sequence]")
        if not len(sequences):
            raise DanqError("expected at least one sequence, received none")
        windows = np.stack([self._window(number, text) for number, text in enumerate(sequences, 1)])
        ids = [str(number) for number in range(1, len(sequences) + 1)]
        padded = np.array([len(text) < self.bundle.window for text in sequences])
        return self.annotate(Rows(ids, windows, padded))

    def annotate(self, rows: Rows, split: str = "", bin: int = 0, dataset_digest: str = "") -> Predictions:
        """Predict a block of rows and put names, positions, labels and flags beside the numbers.

        Parameters
        ----------
        rows : Rows
            n windows.
        split : str
            Split they are from, if any.
        bin : int
            bp a row stands for, or 0.
        dataset_digest : str
            Digest of their dataset, if any.
        """
        logits, probabilities = self.scores(rows.codes)
        many_n = 2 * np.count_nonzero(rows.codes == N, axis=1) > self.bundle.window
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
            run=str(self.bundle.info["run"]),
            split=split,
            task=self.bundle.task,
            bin=bin,
            bundle_digest=self.bundle.digest,
            dataset_digest=dataset_digest,
        )

    def _batch(self, codes: NDArray[np.uint8]) -> tuple[tf.Tensor, tf.Tensor]:
        padding = np.full((self.rows - len(codes), codes.shape[1]), N, np.uint8)
        codes = np.concatenate([codes, padding]) if len(padding) else codes
        if self.both_strands:
            codes = np.concatenate([codes, reverse_complement(codes)])
        inputs = self.bundle.encoder.encode(codes)
        return self._forward({name: tf.constant(array) for name, array in inputs.items()})

    def _window(self, number: int, text: str) -> NDArray[np.uint8]:
        window = self.bundle.window
        try:
            codes = encode(text)
        except DanqError as error:
            raise DanqError(f"sequence {number}: {error}") from None
        if not 0 < len(codes) <= window:
            raise DanqError(f"sequence {number}: expected 1 to {window} bp, received {len(codes)} bp")
        return window_at(codes, len(codes) // 2 - window // 2, window)


def _whole_blocks(rows: int) -> int:
    # matrix kernels round the rows left over from their blocks differently: without a remainder, a row's
    # bytes do not depend on its place in the batch
    return -(-rows // _BLOCK) * _BLOCK


def _compile(bundle: Bundle, rows: int, both_strands: bool) -> Any:
    """Compile the forward pass for exactly `rows` windows, or twice as many where both strands are read."""
    batch = 2 * rows if both_strands else rows
    multiclass = bundle.task == "multiclass"

    def forward(inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        logits = tf.cast(bundle.model(inputs, training=False), tf.float32)
        probabilities = tf.nn.softmax(logits) if multiclass else tf.sigmoid(logits)
        if both_strands:
            logits, probabilities = (
                (values[:rows] + values[rows:]) / 2 for values in (logits, probabilities)
            )
        return logits, probabilities

    signature = {
        name: tf.TensorSpec((batch, *shape), dtype) for name, (shape, dtype) in bundle.encoder.inputs.items()
    }
    return tf.function(forward, input_signature=[signature], jit_compile=False)


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
            advance(len(block))
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
