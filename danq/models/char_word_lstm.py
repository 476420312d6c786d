"""Convolutions over the characters of each word, joined with the word's vector, then a recurrent layer.

Character convolution with the maximum over a word as in dos Santos & Zadrozny 2014 (PMLR 32:1818-1826) and
Ma & Hovy 2016 (doi 10.18653/v1/P16-1101), with filters of several widths as in Kim et al. 2016
(arXiv:1508.06615); all parts are trained together. DNA is read as k-mers and their nucleotides.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from danq.data.encoders import Encoder
from danq.data.encoders.words import PADDING, WordEncoder
from danq.errors import DanqError
from danq.models.options import Count, Dense, Directional, MergeMode, Rnn, RnnDropout, SubBins, Units
from danq.models.word_embedding import WordModelOptions, word_encoder, word_sub_bins, word_vectors

if TYPE_CHECKING:
    import keras

KIND = "text"
READS = ("text", "dna")


class Options(WordModelOptions, Directional):
    """Sizes of the network."""

    embedding: int = Field(
        100, ge=1, description="length of a word's vector; that of `vectors` where they are given"
    )
    max_characters: int = Field(
        16, ge=1, description="characters of a word that are read, of a text; of a k-mer all are"
    )
    character_embedding: int = Field(30, ge=1, description="length of a character's vector")
    widths: list[Count] = Field(
        [3, 5], min_length=1, description="characters a filter spans, one number a convolution"
    )
    filters: list[Count] = Field(
        [50, 100], min_length=1, description="filters of each convolution, as many numbers as `widths`"
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="dropped part of the features of all words")
    rnn: Rnn = "lstm"
    units: Units = Field([100])
    bidirectional: bool = Field(True, description="read the words both ways")
    merge_mode: MergeMode = "concat"
    rnn_dropout: RnnDropout = 0.5
    head: Literal["last", "pools", "max"] = Field(
        "pools",
        description="last: the state at each direction's end; pools: average and maximum over the words; "
        "max: maximum over the words. With `output: steps`, over the words of each labelled stretch "
        "(not last)",
    )
    dense: Dense = 0

    @model_validator(mode="after")
    def _one_filter_count_a_width(self) -> "Options":
        if len(self.widths) != len(self.filters):
            raise ValueError(
                f"expected as many `filters` as `widths`, received {len(self.filters)} and {len(self.widths)}"
            )
        return self


def encoder(options: Options, kind: str = "text") -> Encoder:
    """Unfitted encoder of this model: words and characters, or k-mers and nucleotides."""
    return word_encoder(options, kind, options.max_characters)


def build(options: Options, encoder: WordEncoder, n_targets: int, task: str) -> "keras.Model":
    """Build the network, as `danq.models` says.

    Returns
    -------
    keras.Model
        ``{"words": int32 (n, words), "characters": int32 (n, words, characters)}`` to logits float32
        (n, n_targets), or (n, sub-bins, n_targets) with ``output: steps``.

    Raises
    ------
    DanqError
        If sub-bins are asked for with ``head: last``, words do not fit them, or the file of vectors cannot be
        read.
    """
    import keras

    from danq.models.layers import dense_logits, mean_logits, recurrent_layers, summarised

    layers = keras.layers
    classified = _sub_bins(options, encoder)
    words, vectors, mask = word_vectors(options, encoder)
    characters, spelling = _spelling(options, encoder)
    read = layers.Concatenate(name="word_and_spelling")((vectors, spelling))
    directions = recurrent_layers(
        layers.Dropout(options.dropout, name="word_dropout")(read),
        options,
        options.units,
        sequences=options.head != "last",
        mask=mask,
    )

    def head(states: Any, end: str) -> Any:
        features = summarised(options.head, states, classified, end, mask)
        return dense_logits(features, options.dense, n_targets, end)

    inputs = {"words": words, "characters": characters}
    return keras.Model(inputs, mean_logits(directions, head), name="char_word_lstm")


def sub_bins(options: Options, encoder: WordEncoder) -> int:
    """Count the sub-bins that are classified, 0 for whole rows; refusals as of `build`, but for vectors."""
    classified = _sub_bins(options, encoder)
    return 0 if classified is None else classified.number


def _sub_bins(options: Options, encoder: WordEncoder) -> SubBins | None:
    if options.output == "steps" and options.head == "last":
        raise DanqError("head: expected pools or max for `output: steps`, received last")
    return word_sub_bins(options, encoder)


def _spelling(options: Options, encoder: WordEncoder) -> tuple[Any, Any]:
    """Input of character numbers, and features (batch, words, filters) of each word's spelling.

    Places past a word's end neither enter a convolution nor count in the maximum, so that the features do not
    depend on how many characters are read at most.
    """
    import keras

    layers, ops = keras.layers, keras.ops
    shape = encoder.inputs["characters"][0]
    characters = keras.Input(shape, dtype="int32", name="characters")
    vectors = layers.Embedding(
        encoder.character_numbers, options.character_embedding, name="character_embedding"
    )(characters)
    written = ops.expand_dims(ops.not_equal(characters, PADDING), -1)
    vectors = ops.where(written, vectors, 0.0)
    features = []
    for number, (width, filters) in enumerate(zip(options.widths, options.filters, strict=True), 1):
        convolution = layers.Conv2D(
            filters, (1, width), padding="same", activation="relu", name=f"spelling_{number}"
        )
        # 0 is the least that a ReLU gives
        features.append(ops.max(ops.where(written, convolution(vectors), 0.0), axis=2))
    joined = features[0] if len(features) == 1 else layers.Concatenate(name="spelling")(features)
    return characters, joined
