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
from danq.data.options import Closed
from danq.errors import DanqError
from danq.models.danq_incremental import incremental

if TYPE_CHECKING:
    import keras

__all__ = ["KIND", "Options", "build", "encoder", "incremental", "minimum_window"]

KIND = "dna"


class Options(Closed):
    """Sizes of the network; the defaults are the paper's."""

    filters: int = Field(320, ge=1, description="convolution filters")
    kernel: int = Field(26, ge=1, description="width of a filter in bp")
    padding: Literal["valid", "same"] = Field("valid", description="same: windows are padded for the filters")
    activation: Literal["relu", "elu", "gelu", "silu", "tanh", "sigmoid", "exponential"] = Field(
        "relu", description="after the convolution"
    )
    pool: int = Field(13, ge=1, description="bp of a max-pooling step, width and stride")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropped part of the pooled features")
    rnn: Literal["lstm", "gru", "simple"] = Field("lstm", description="recurrent cell")
    units: int = Field(320, ge=1, description="recurrent units a direction")
    rnn_layers: int = Field(1, ge=1, description="recurrent layers, one on the other")
    bidirectional: bool = Field(True, description="read the steps both ways")
    merge_mode: Literal["concat", "sum", "mul", "ave", "none"] = Field(
        "concat",
        description="how the two directions become one; none: each has a head of its own and the output is "
        "their mean logit (deeper layers below are concatenated)",
    )
    rnn_dropout: float = Field(0.5, ge=0, lt=1, description="dropped part of each recurrent layer's output")
    head: Literal["flatten", "last", "pools", "max"] = Field(
        "flatten",
        description="flatten: all steps; last: the state at each direction's end; pools: average and maximum "
        "over the steps; max: maximum over the steps",
    )
    dense: int = Field(925, ge=0, description="units of the dense layer before the output; 0: none")
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
        ``{"codes": uint8 (n, window)}`` to logits float32 (n, n_targets); the output layer is ``logits``.

    Raises
    ------
    DanqError
        If the window is too short for the sizes, or the motif file cannot be used.
    """
    import keras

    from danq.models.layers import codes_input

    window = encoder.inputs["codes"][0][0]
    if window < minimum_window(options):
        raise DanqError(
            f"window: expected at least {minimum_window(options)} bp for filters of {options.kernel} bp "
            f"(padding {options.padding}) and pool {options.pool}, received {window}"
        )
    codes, bases = codes_input(window)
    layers = keras.layers
    convolution = layers.Conv1D(
        options.filters, options.kernel, padding=options.padding, activation=options.activation, name="conv"
    )
    steps = layers.MaxPooling1D(options.pool, name="pool")(convolution(bases))
    steps = layers.Dropout(options.dropout, name="conv_dropout")(steps)
    directions = _read_steps(options, steps)
    if len(directions) == 1:
        logits = _head(options, directions[0], n_targets)
    else:
        ends = ("_forward", "_backward")
        logits = layers.Average(name="logits", dtype="float32")(
            [_head(options, one, n_targets, end) for one, end in zip(directions, ends, strict=True)]
        )
    model = keras.Model({"codes": codes}, logits, name="danq")
    if options.motifs is not None:
        convolution.set_weights(_motif_weights(options, *convolution.get_weights()))
    return model


def minimum_window(options: Options) -> int:
    """Shortest window in bp that leaves one pooled step."""
    return options.pool + (options.kernel - 1 if options.padding == "valid" else 0)


def _read_steps(options: Options, steps: Any) -> list[Any]:
    """Apply the recurrent layers; one tensor, or one a direction where they are not merged."""
    import keras

    from danq.models.layers import recurrent

    for number in range(1, options.rnn_layers + 1):
        top = number == options.rnn_layers
        suffix = "" if number == 1 else f"_{number}"
        layer = recurrent(
            options.rnn,
            options.units,
            sequences=not top or options.head != "last",
            bidirectional=options.bidirectional,
            merge=options.merge_mode if top or options.merge_mode != "none" else "concat",
            name=f"rnn{suffix}",
        )
        outputs = layer(steps)
        parted = isinstance(outputs, list | tuple)
        names = (f"_forward{suffix}", f"_backward{suffix}") if parted else (suffix,)
        directions = [
            keras.layers.Dropout(options.rnn_dropout, name=f"rnn_dropout{name}")(one)
            for one, name in zip(outputs if parted else [outputs], names, strict=True)
        ]
        steps = directions[0]
    return directions


def _head(options: Options, steps: Any, n_targets: int, end: str = "") -> Any:
    """From recurrent output to logits; `end` tells two heads apart by name."""
    import keras

    layers = keras.layers
    if options.head == "flatten":
        features = layers.Flatten(name=f"flatten{end}")(steps)
    elif options.head == "max":
        features = layers.GlobalMaxPooling1D(name=f"maximum{end}")(steps)
    elif options.head == "pools":
        pools = (
            layers.GlobalAveragePooling1D(name=f"average{end}")(steps),
            layers.GlobalMaxPooling1D(name=f"maximum{end}")(steps),
        )
        features = layers.Concatenate(name=f"pools{end}")(pools)
    else:
        features = steps
    if options.dense:
        features = layers.Dense(options.dense, activation="relu", name=f"dense{end}")(features)
    # float32 also under mixed precision: losses and scores are computed from logits
    return layers.Dense(n_targets, name=f"logits{end}", dtype="float32")(features)


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
