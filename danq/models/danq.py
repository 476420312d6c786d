"""DanQ: convolution, bidirectional LSTM, dense head (Quang & Xie 2016, doi 10.1093/nar/gkw226).

The defaults are the published network. DanQ-JASPAR of the same paper is 1024 filters of 30 bp, pool 15,
512 units, and `motifs` set to a JASPAR file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from danq.data.encoders import CodesEncoder, Encoder
from danq.errors import DanqError
from danq.genome.motifs import Motif, read_motifs
from danq.models.danq_incremental import incremental
from danq.models.options import (
    Dense,
    Directional,
    MergeMode,
    Positions,
    Rnn,
    RnnDropout,
    SubBinOptions,
    SubBins,
    before_bin,
    share_out,
)

if TYPE_CHECKING:
    import keras

__all__ = [
    "KIND",
    "Options",
    "build",
    "encoder",
    "incremental",
    "minimum_window",
    "start_filters",
    "sub_bins",
]

KIND = "dna"

_BACKGROUND = np.float32(0.25)
"""Probability of a base where nothing is known, which the authors take off a motif's."""


class Options(SubBinOptions, Directional):
    """Sizes of the network; the defaults are the paper's."""

    filters: int = Field(320, ge=1, description="convolution filters")
    kernel: int = Field(26, ge=1, description="width of a filter in bp")
    padding: Literal["valid", "same"] = Field("valid", description="same: windows are padded for the filters")
    activation: Literal["relu", "elu", "gelu", "silu", "tanh", "sigmoid", "exponential"] = Field(
        "relu", description="after the convolution"
    )
    pool: int = Field(13, ge=1, description="bp of a max-pooling step, width and stride")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropped part of the pooled features")
    rnn: Rnn = "lstm"
    units: int = Field(320, ge=1, description="recurrent units a direction")
    rnn_layers: int = Field(1, ge=1, description="recurrent layers, one on the other")
    bidirectional: bool = Field(True, description="read the steps both ways")
    merge_mode: MergeMode = "concat"
    rnn_dropout: RnnDropout = 0.5
    head: Literal["flatten", "last", "pools", "max"] = Field(
        "flatten",
        description="flatten: all steps; last: the state at each direction's end; pools: average and maximum "
        "over the steps; max: maximum over the steps. With `output: steps`, the steps of each labelled "
        "stretch (not last)",
    )
    dense: Dense = 925
    motifs: Path | None = Field(
        None, description="JASPAR, MEME or PFM file of motifs that the first filters start as"
    )
    motif_share: float = Field(0.5, gt=0, le=1, description="part of the filters that start as motifs")
    motif_seed: int = Field(1337, ge=0, description="seed of their choice, strand, offset and bias")


def encoder(options: Options) -> Encoder:
    """Unfitted encoder of this model: codes as they are."""
    return CodesEncoder()


def build(options: Options, encoder: Encoder, n_targets: int, task: str) -> "keras.Model":
    """Build the network, as `danq.models` says.

    Returns
    -------
    keras.Model
        ``{"codes": uint8 (n, window)}`` to logits float32 (n, n_targets), or (n, sub-bins, n_targets)
        with ``output: steps``.

    Raises
    ------
    DanqError
        If the window is too short for the sizes, its positions do not fit the sub-bins, or the motif file
        cannot be used.
    """
    import keras

    from danq.models.layers import codes_input, dense_logits, mean_logits, recurrent_layers, summarised

    window = encoder.inputs["codes"][0][0]
    cropped, sub_bins = _sub_bins(options, window)
    codes, bases = codes_input(window)
    layers = keras.layers
    convolution = layers.Conv1D(
        options.filters, options.kernel, padding=options.padding, activation=options.activation, name="conv"
    )
    features = convolution(bases)
    if cropped:
        features = layers.Cropping1D((cropped, 0), name="aligned")(features)
    features = layers.MaxPooling1D(options.pool, name="pool")(features)
    directions = recurrent_layers(
        layers.Dropout(options.dropout, name="conv_dropout")(features),
        options,
        [options.units] * options.rnn_layers,
        sequences=options.head != "last",
    )

    def head(states: Any, end: str) -> Any:
        features = summarised(options.head, states, sub_bins, end)
        return dense_logits(features, options.dense, n_targets, end)

    logits = mean_logits(directions, head)
    model = keras.Model({"codes": codes}, logits, name="danq")
    if options.motifs is not None:
        # as in DanQ-JASPAR
        count = round(options.motif_share * options.filters)
        kernels, biases = convolution.get_weights()
        motifs = read_motifs(options.motifs)
        convolution.set_weights(start_filters(motifs, kernels, biases, count, options.motif_seed))
    return model


def minimum_window(options: Options) -> int:
    """Shortest window in bp that leaves one position of the recurrent layer."""
    return options.pool + (options.kernel - 1 if options.padding == "valid" else 0)


def sub_bins(options: Options, encoder: Encoder) -> int:
    """Count the sub-bins that are classified, 0 for whole rows; refusals as of `build`."""
    _, classified = _sub_bins(options, encoder.inputs["codes"][0][0])
    return 0 if classified is None else classified.number


def _sub_bins(options: Options, window: int) -> tuple[int, SubBins | None]:
    """Count outputs of the convolution to leave out before pooling, so that positions tile the sub-bins."""
    if window < minimum_window(options):
        raise DanqError(
            f"window: expected at least {minimum_window(options)} bp for filters of {options.kernel} bp "
            f"(padding {options.padding}) and pool {options.pool}, received {window}"
        )
    if options.output == "sequence":
        return 0, None
    if options.head == "last":
        raise DanqError("head: expected flatten, pools or max for `output: steps`, received last")
    valid = options.padding == "valid"
    centre = (options.kernel - 1) // 2 if valid else 0  # bp; of the convolution's first output
    outputs = window - (options.kernel - 1 if valid else 0)
    cropped = (before_bin(options, window) - centre) % options.pool if options.steps else 0
    first_centre = 2 * (cropped + centre) + options.pool  # half bp
    positions = Positions((outputs - cropped) // options.pool, options.pool, first_centre, "pool")
    return cropped, share_out(options, window, positions)


def start_filters(
    motifs: Sequence[Motif], kernels: NDArray[np.float32], biases: NDArray[np.float32], count: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Write motifs into the first `count` filters; the rest, and the bases around a motif, stay as they are.

    A filter gets base probabilities less 0.25 at a random offset, on a random strand, and a bias from
    U(-1, 0). Motifs are drawn without repetition until all were used, then again; of a motif longer than
    a filter the part of most information is taken.

    Parameters
    ----------
    motifs : sequence of Motif
        At least one.
    kernels, biases : float32, shapes (width, 4, filters) and (filters,)
        Initial ones; not changed.
    seed : int
        Of every draw.

    Returns
    -------
    tuple of float32 arrays
        New kernels and biases.
    """
    generator = np.random.default_rng(seed)
    kernels, biases = kernels.copy(), biases.copy()
    unused: list[int] = []
    for number in range(count):
        unused = unused or generator.permutation(len(motifs)).tolist()
        weights = _core(motifs[unused.pop()].probabilities, len(kernels)) - _BACKGROUND
        if generator.random() < 0.5:
            weights = weights[::-1, ::-1]
        offset = int(generator.integers(len(kernels) - len(weights) + 1))
        kernels[offset : offset + len(weights), :, number] = weights
        biases[number] = generator.uniform(-1, 0)
    return kernels, biases


def _core(probabilities: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the part of at most `width` positions that holds the most information (in bits)."""
    if len(probabilities) <= width:
        return probabilities
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    information = 2 + (probabilities * logs).sum(axis=1)
    first = int(np.convolve(information, np.ones(width), "valid").argmax())
    return probabilities[first : first + width]
