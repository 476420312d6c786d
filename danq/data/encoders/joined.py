"""The encoders of several models side by side, for an ensemble; equal ones encode once."""

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from danq.data.encoders import Encoder, Inputs, load_encoder
from danq.errors import DanqError


class Joined:
    """Encoders that read the same rows; input ``x`` of the second one is called ``1_x``.

    Parameters
    ----------
    encoders : sequence of dict
        State of each different encoder.
    """

    name = "joined"

    def __init__(self, encoders: Sequence[dict[str, Any]]) -> None:
        if any(state.get("name") == self.name for state in encoders):
            raise DanqError("encoder joined: expected encoders of single models, received a joined one in it")
        self._encoders: list[Encoder] = [load_encoder(state) for state in encoders]

    @property
    def inputs(self) -> Inputs:
        """Those of all encoders, with the encoder's number before each name."""
        return {
            f"{number}_{name}": entry
            for number, encoder in enumerate(self._encoders)
            for name, entry in encoder.inputs.items()
        }

    def fit(self, raw: Iterable[Any]) -> "Joined":
        """Refuse: the encoders of an ensemble have been fitted with its members."""
        raise DanqError("expected encoders that are fitted already: an ensemble learns nothing itself")

    def encode(self, rows: Any, /) -> dict[str, NDArray[Any]]:
        """Encode a block of rows by each encoder."""
        return {
            f"{number}_{name}": array
            for number, encoder in enumerate(self._encoders)
            for name, array in encoder.encode(rows).items()
        }

    def state(self) -> dict[str, Any]:
        """Name and states."""
        return {"name": self.name, "encoders": [encoder.state() for encoder in self._encoders]}
