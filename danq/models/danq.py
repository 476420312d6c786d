"""DanQ: convolution, bidirectional LSTM, dense head (Quang & Xie 2016, doi 10.1093/nar/gkw226).

The defaults are the published network. DanQ-JASPAR of the same paper is 1024 filters of 30 bp, pool 15,
512 units, and `motifs` set to a JASPAR file.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from danq.data.encoders import CodesEncoder, Encoder
from danq.errors import DanqError
from danq.models.danq_incremental import incremental
from danq.models.options import Dense, MergeMode, Rnn, RnnDropout
from danq.models.sub_bins import Span, StepOptions, Steps, flank, span

if TYPE_CHECKING:
    import keras

__all__ = ["KIND", "Options", "build", "encoder", "incremental", "minimum_window"]

KIND = "dna"


class Options(StepOptions):
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
    """Build the network.

    Parameters
    ----------
    options : Options
        Sizes.
    encoder : Encoder
        Fitted `CodesEncoder`; gives the window.
    n_targets : int
        Outputs.
    task : {'multilabel', 'multiclass'}
        Both give one logit a target; the training adds sigmoid or softmax.

    Returns
    -------
    keras.Model
        ``{"codes": uint8 (n, window)}`` to logits float32 (n, n_targets), or (n, steps, n_targets) with
        ``output: steps``; the output layer is ``logits``.

    Raises
    ------
    DanqError
        If the window is too short for the sizes, its steps do not fit the labelled stretches, or the motif
        file cannot be used.
    """
    import keras

    from danq.models.layers import codes_input, mean_logits, recurrent_layers

    window = encoder.inputs["codes"][0][0]
    if window < minimum_window(options):
        raise DanqError(
            f"window: expected at least {minimum_window(options)} bp for filters of {options.kernel} bp "
            f"(padding {options.padding}) and pool {options.pool}, received {window}"
        )
    cropped, stretches = _labelled(options, window)
    codes, bases = codes_input(window)
    layers = keras.layers
    convolution = layers.Conv1D(
        options.filters, options.kernel, padding=options.padding, activation=options.activation, name="conv"
    )
    steps = convolution(bases)
    if cropped:
        steps = layers.Cropping1D((cropped, 0), name="aligned")(steps)
    steps = layers.MaxPooling1D(options.pool, name="pool")(steps)
    steps = layers.Dropout(options.dropout, name="conv_dropout")(steps)
    directions = recurrent_layers(
        steps,
        kind=options.rnn,
        units=[options.units] * options.rnn_layers,
        sequences=options.head != "last",
        bidirectional=options.bidirectional,
        merge=options.merge_mode,
        dropout=options.rnn_dropout,
    )
    logits = mean_logits(directions, lambda one, end: _head(options, one, n_targets, stretches, end))
    model = keras.Model({"codes": codes}, logits, name="danq")
    if options.motifs is not None:
        convolution.set_weights(_motif_weights(options, *convolution.get_weights()))
    return model


def minimum_window(options: Options) -> int:
    """Shortest window in bp that leaves one pooled step."""
    return options.pool + (options.kernel - 1 if options.padding == "valid" else 0)


def _labelled(options: Options, window: int) -> tuple[int, Span | None]:
    """Positions to leave out before pooling, so that pooled steps tile the labelled stretches; and these."""
    if options.output == "sequence":
        return 0, None
    if options.head == "last":
        raise DanqError("head: expected flatten, pools or max for `output: steps`, received last")
    valid = options.padding == "valid"
    centre = (options.kernel - 1) // 2 if valid else 0  # bp; of the first position of the convolution
    positions = window - (options.kernel - 1 if valid else 0)
    cropped = (flank(options, window) - centre) % options.pool if options.steps else 0
    steps = Steps(
        (positions - cropped) // options.pool, options.pool, 2 * (cropped + centre) + options.pool, "pool"
    )
    return cropped, span(options, window, steps)


def _head(options: Options, steps: Any, n_targets: int, stretches: Span | None, end: str) -> Any:
    """From recurrent output to logits; `end` tells two heads apart by name."""
    from danq.models.layers import dense_logits, summarised, summarised_steps

    if stretches is None:
        features = summarised(options.head, steps, end)
    else:
        features = summarised_steps(options.head, steps, stretches, end)
    return dense_logits(features, options.dense, n_targets, end)


def _motif_weights(
    options: Options, kernels: NDArray[np.float32], biases: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """Put motifs into the first `motif_share` of the filters, as DanQ-JASPAR does."""
    from danq.genome.motifs import read_motifs
    from danq.models.motif_filters import start_filters

    if options.motifs is None:
        return [kernels, biases]
    count = round(options.motif_share * options.filters)
    return list(start_filters(read_motifs(options.motifs), kernels, biases, count, options.motif_seed))
