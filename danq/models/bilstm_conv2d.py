"""Bidirectional LSTM, then two-dimensional convolution and pooling over its positions and features.

Zhou et al. 2016, "Text Classification Improved by Integrating Bidirectional LSTM with Two-dimensional Max
Pooling", arXiv:1611.06639; the defaults are the paper's. DNA is read as k-mers. ``head: pools`` is the older
head: average and maximum over the positions, then a dense layer.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from danq.data.encoders import Encoder
from danq.data.encoders.words import WordEncoder
from danq.errors import DanqError
from danq.models.options import Directional, MergeMode, Padding, Rnn, RnnDropout, SubBins, Units
from danq.models.word_embedding import WordModelOptions, word_encoder, word_sub_bins, word_vectors

if TYPE_CHECKING:
    import keras

KIND = "text"
READS = ("text", "dna")


class Options(WordModelOptions, Directional):
    """Sizes of the network; the defaults are the paper's."""

    embedding_dropout: float = Field(0.5, ge=0, lt=1, description="dropped part of the features of all words")
    rnn: Rnn = "lstm"
    units: Units = Field([300])
    bidirectional: bool = Field(True, description="read the words both ways")
    merge_mode: MergeMode = "sum"
    rnn_dropout: RnnDropout = 0.2
    head: Literal["conv2d", "pools"] = Field(
        "conv2d",
        description="conv2d: convolution and maximum over steps and features; pools: average and maximum "
        "over the steps",
    )
    filters: int = Field(100, ge=1, description="convolution filters")
    kernel: int = Field(3, ge=1, description="steps, and features, a filter spans")
    padding: Padding = "valid"
    activation: Literal["relu", "elu", "gelu", "silu", "tanh", "sigmoid", "linear"] = Field(
        "relu", description="after the convolution"
    )
    pool: int = Field(2, ge=1, description="steps, and features, of a max-pooling step; width and stride")
    classify: Literal["flattened", "positions"] = Field(
        "flattened",
        description="flattened: one output layer over all pooled positions; positions: one over the filters, "
        "applied at each position, and the mean of their logits, positions of padding among them",
    )
    dense: int | None = Field(
        None,
        ge=0,
        description="units of the dense layer before the output, 0: none; left out, 64 for pools, else none",
    )
    dense_dropout: float | None = Field(
        None, ge=0, lt=1, description="dropped part of what the output layer reads; left out, 0.1 for pools, "
        "else 0.4"
    )  # fmt: skip
    l2: float = Field(1e-5, ge=0, description="L2 penalty of the kernels of convolution and dense layers")


def encoder(options: Options, kind: str = "text") -> Encoder:
    """Unfitted encoder of this model: words of texts, k-mers of DNA."""
    return word_encoder(options, kind)


def build(options: Options, encoder: WordEncoder, n_targets: int, task: str) -> "keras.Model":
    """Build the network, as `danq.models` says.

    Returns
    -------
    keras.Model
        ``{"words": int32 (n, words)}`` to logits float32 (n, n_targets), or (n, sub-bins, n_targets) with
        ``output: steps``.

    Raises
    ------
    DanqError
        If there are too few words or features for the sizes, words do not fit the sub-bins, or the file of
        vectors cannot be read.
    """
    import keras

    from danq.models.layers import mean_logits, recurrent_layers, summarised

    classified = _sub_bins(options, encoder)
    words, vectors, mask = word_vectors(options, encoder)
    directions = recurrent_layers(
        keras.layers.SpatialDropout1D(options.embedding_dropout, name="embedding_dropout")(vectors),
        options,
        options.units,
        sequences=True,
        mask=mask,
    )

    def head(states: Any, end: str) -> Any:
        if options.head == "conv2d":
            features = _convolved(options, states, classified, end)
        else:
            features = summarised("pools", states, classified, end, mask)
        return _classified(options, features, n_targets, end)

    return keras.Model({"words": words}, mean_logits(directions, head), name="bilstm_conv2d")


def sub_bins(options: Options, encoder: WordEncoder) -> int:
    """Count the sub-bins that are classified, 0 for whole rows; refusals as of `build`, but for vectors."""
    classified = _sub_bins(options, encoder)
    return 0 if classified is None else classified.number


def _sub_bins(options: Options, encoder: WordEncoder) -> SubBins | None:
    classified = word_sub_bins(options, encoder)
    if options.head == "conv2d":
        both = options.bidirectional and options.merge_mode == "concat"
        words = encoder.inputs["words"][0][0] if classified is None else None
        _check_sizes(options, _padding(options, classified), words, options.units[-1] * (1 + both))
    return classified


def _padding(options: Options, sub_bins: SubBins | None) -> str:
    # every position keeps its place where sub-bins are classified
    return options.padding if sub_bins is None else "same"


def _convolved(options: Options, states: Any, sub_bins: SubBins | None, end: str) -> Any:
    """Convolve and pool over positions and features: one vector a row, or a sub-bin, or a pooled position."""
    import keras

    layers = keras.layers
    plane = layers.Reshape((*states.shape[1:], 1), name=f"channel{end}")(states)
    plane = layers.Conv2D(
        options.filters,
        options.kernel,
        padding=_padding(options, sub_bins),
        activation=options.activation,
        kernel_regularizer=keras.regularizers.L2(options.l2) if options.l2 else None,
        name=f"conv{end}",
    )(plane)
    if sub_bins is None:
        plane = layers.MaxPooling2D(options.pool, name=f"pool{end}")(plane)
        return plane if options.classify == "positions" else layers.Flatten(name=f"flatten{end}")(plane)
    rest = plane.shape[1] - sub_bins.first - sub_bins.each * sub_bins.number
    plane = layers.Cropping2D(((sub_bins.first, rest), (0, 0)), name=f"labelled{end}")(plane)
    plane = layers.MaxPooling2D((sub_bins.each, options.pool), name=f"pool{end}")(plane)
    return layers.Reshape((sub_bins.number, plane.shape[2] * plane.shape[3]), name=f"flatten{end}")(plane)


def _check_sizes(options: Options, padding: str, words: int | None, features: int) -> None:
    """Refuse fewer words, unless each is classified, or features than one pooled position takes."""
    least = options.pool + (options.kernel - 1 if padding == "valid" else 0)
    for what, received in (("words", words), ("recurrent features", features)):
        if received is not None and received < least:
            raise DanqError(
                f"expected at least {least} {what} for filters of {options.kernel} "
                f"(padding {padding}) and pool {options.pool}, received {received}"
            )


def _classified(options: Options, features: Any, n_targets: int, end: str) -> Any:
    """From features to logits: through a dense layer, where wanted, and dropout."""
    import keras

    layers = keras.layers
    pools = options.head == "pools"
    penalty = keras.regularizers.L2(options.l2) if options.l2 else None
    dense = options.dense if options.dense is not None else 64 * pools
    dropout = options.dense_dropout if options.dense_dropout is not None else (0.1 if pools else 0.4)
    if dense:
        features = layers.Dense(dense, activation="relu", kernel_regularizer=penalty, name=f"dense{end}")(
            features
        )
    features = layers.Dropout(dropout, name=f"dense_dropout{end}")(features)
    # float32 also under mixed precision: losses and scores are computed from logits
    name = "positions" if len(features.shape) == 4 else "logits"
    output = layers.Dense(n_targets, kernel_regularizer=penalty, name=f"{name}{end}", dtype="float32")
    logits = output(features)
    if name == "logits":
        return logits
    return layers.GlobalAveragePooling2D(name=f"logits{end}", dtype="float32")(logits)
