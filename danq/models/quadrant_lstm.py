"""Quadrants of an image, in several reading orders at once, through a shared CNN into a recurrent layer.

The image is cut into a grid of tiles. Each reading order is a sequence of all tiles; the orders stand one
below the other, so that position t shows the t-th tile of each. The defaults are those of the historic
network on 28 x 28 digits but for the recurrent units, of which it had 5. DNA is read as its chaos-game image,
whose quadrants are the last nucleotide of the k-mers counted.
"""

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from danq.data.encoders import Encoder, Images
from danq.data.encoders.kmers import Fcgr, FcgrOptions
from danq.errors import DanqError
from danq.models.options import Count, Dense, Directional, MergeMode, Padding, Rnn, RnnDropout, Units

if TYPE_CHECKING:
    import keras

KIND = "image"
READS = ("image", "dna")

Order = Literal["rows", "rows_reversed", "columns", "columns_reversed"]


class Options(FcgrOptions, Directional):
    """Sizes of the network."""

    output: Literal["sequence", "steps"] = Field(
        "sequence", description="sequence: classify the whole image; steps: classify each step (not DNA)"
    )
    grid: int = Field(2, ge=1, description="tiles along either side of the image; 2 makes quadrants")
    orders: list[Order | list[Count]] = Field(
        ["rows", "rows_reversed", "columns", "columns_reversed"],
        min_length=1,
        description="reading orders: rows (of quadrants 1234), rows_reversed (4321), columns (1324), "
        "columns_reversed (4231), or a list of the tiles' numbers, counted from 1 along the rows",
    )
    filters: list[Count] = Field(
        [32, 32], min_length=1, description="filters of each convolution, one number a layer"
    )
    kernel: int = Field(3, ge=1, description="width of a filter in pixels")
    padding: Padding = "valid"
    pool: int = Field(
        2, ge=1, description="pixels of a max-pooling step, width and stride; after the last layer"
    )
    dropout: float = Field(0.25, ge=0, lt=1, description="dropped part of the pooled features")
    rnn: Rnn = "lstm"
    units: Units = Field([128])
    bidirectional: bool = Field(False, description="read the steps both ways")
    merge_mode: MergeMode = "concat"
    rnn_dropout: RnnDropout = 0.0
    dense: Dense = 50


def encoder(options: Options, kind: str = "image") -> Encoder:
    """Unfitted encoder of this model: images as they are, or the chaos-game image of DNA."""
    return Fcgr(options.order, options.strands) if kind == "dna" else Images()


def build(options: Options, encoder: Encoder, n_targets: int, task: str) -> "keras.Model":
    """Build the network, as `danq.models` says.

    Returns
    -------
    keras.Model
        ``{"image": uint8 or float32 (n, height, width, channels)}``, bytes scaled to 0..1, to logits float32
        (n, n_targets), or (n, grid², n_targets) with ``output: steps``.

    Raises
    ------
    DanqError
        If the grid does not divide the image, tiles are too small, an order is none of all tiles, or an
        output for each position is asked for in DNA.
    """
    import keras

    from danq.models.layers import dense_logits, mean_logits, recurrent_layers

    layers = keras.layers
    sub_bins(options, encoder)
    shape, dtype = encoder.inputs["image"]
    image = keras.Input(shape, dtype=dtype, name="image")
    pixels = layers.Rescaling(1 / 255, name="scaled")(image) if dtype == "uint8" else image
    features = _tile_features(options, _tiles(options, pixels))
    sequences = options.output == "steps"
    directions = recurrent_layers(features, options, options.units, sequences=sequences)
    logits = mean_logits(directions, lambda states, end: dense_logits(states, options.dense, n_targets, end))
    return keras.Model({"image": image}, logits, name="quadrant_lstm")


def sub_bins(options: Options, encoder: Encoder) -> int:
    """Count the tiles where each is classified, 0 where the image is; refusals as of `build`.

    Of images whose shape the encoder has not seen, sizes are not looked at.
    """
    if options.output == "steps" and isinstance(encoder, Fcgr):
        raise DanqError("output: expected sequence for DNA, whose chaos-game image has no positions in bp")
    reading_orders(options)
    if shape := encoder.inputs["image"][0]:
        _check_tiles(options, shape[0], shape[1])
    return options.grid**2 if options.output == "steps" else 0


def _check_tiles(options: Options, height: int, width: int) -> None:
    """Refuse a grid that does not divide an image's sides in pixels, or makes tiles that are too small."""
    for side, size in (("height", height), ("width", width)):
        if size % options.grid:
            fitting = ", ".join(str(grid) for grid in range(1, size + 1) if size % grid == 0)
            raise DanqError(
                f"grid: expected a number that divides the image's {side} of {size} pixels, {fitting}; "
                f"received {options.grid}"
            )
    lost = len(options.filters) * (options.kernel - 1) if options.padding == "valid" else 0
    least, tall, wide = lost + options.pool, height // options.grid, width // options.grid
    # the orders stand one below the other
    tall *= len(options.orders)
    if min(tall, wide) < least:
        raise DanqError(
            f"expected tiles of at least {least} pixels for {len(options.filters)} convolutions of "
            f"{options.kernel} (padding {options.padding}) and pool {options.pool}, received "
            f"{tall} x {wide}; a smaller grid (for DNA, a larger order) makes them larger"
        )


def reading_orders(options: Options) -> list[list[int]]:
    """Tile numbers, from 0, of each order.

    Raises
    ------
    DanqError
        If an order does not hold every tile once.
    """
    count = options.grid**2
    rows = list(range(count))
    columns = [row * options.grid + column for column in range(options.grid) for row in range(options.grid)]
    # the historic fourth order, 4231, is the third from its end
    named = {
        "rows": rows,
        "rows_reversed": rows[::-1],
        "columns": columns,
        "columns_reversed": columns[::-1],
    }
    orders = []
    for order in options.orders:
        tiles = named[order] if isinstance(order, str) else [number - 1 for number in order]
        if sorted(tiles) != rows:
            raise DanqError(f"orders: expected each tile of 1 to {count} once, received {order}")
        orders.append(tiles)
    return orders


def _tiles(options: Options, pixels: Any) -> Any:
    """Cut (b, height, width, channels) into (b, tiles, orders * tile height, tile width, channels)."""
    import keras

    height, width, channels = pixels.shape[1:]
    layers, grid = keras.layers, options.grid
    tall, wide = height // grid, width // grid
    cut = layers.Reshape((grid, tall, grid, wide, channels), name="grid")(pixels)
    cut = layers.Permute((1, 3, 2, 4, 5), name="grid_first")(cut)
    tiles = layers.Reshape((grid * grid, tall, wide, channels), name="tiles")(cut)
    orders = [keras.ops.take(tiles, order, axis=1) for order in reading_orders(options)]
    return orders[0] if len(orders) == 1 else layers.Concatenate(axis=2, name="orders")(orders)


def _tile_features(options: Options, tiles: Any) -> Any:
    """Features of each position, (batch, tiles, features), by one CNN that all positions share.

    The positions are folded into the batch: what keras.layers.TimeDistributed does one by one, in half the
    time.
    """
    import keras

    layers = keras.layers
    positions = tiles.shape[1]
    tiles = keras.ops.reshape(tiles, (-1, *tiles.shape[2:]))
    for number, filters in enumerate(options.filters, 1):
        tiles = layers.Conv2D(
            filters, options.kernel, padding=options.padding, activation="relu", name=f"conv_{number}"
        )(tiles)
    pooled = layers.MaxPooling2D(options.pool, name="pool")(tiles)
    features = keras.ops.reshape(pooled, (-1, positions, math.prod(pooled.shape[1:])))
    return layers.Dropout(options.dropout, name="conv_dropout")(features)
