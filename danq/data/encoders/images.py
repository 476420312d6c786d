"""Images as they are: one byte a pixel and channel; the model itself scales them on the device."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.data.encoders import Inputs
from danq.errors import DanqError


@dataclass(frozen=True)
class Images:
    """Hands images on as they are.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels; empty until `fit` has seen an image.
    """

    shape: tuple[int, ...] = ()
    name = "images"

    def __post_init__(self) -> None:
        # JSON knows no tuples
        object.__setattr__(self, "shape", tuple(self.shape))

    @property
    def inputs(self) -> Inputs:
        """``image`` uint8 (height, width, channels)."""
        return {"image": (self.shape, "uint8")}

    def fit(self, raw: Iterable[NDArray[np.uint8]]) -> "Images":
        """Learn the images' shape from the first block of rows.

        Raises
        ------
        DanqError
            If there are no rows, or they are no images.
        """
        for images in raw:
            if images.ndim != 4:
                raise DanqError(f"expected images (n, height, width, channels), received {images.shape}")
            return Images(tuple(map(int, images.shape[1:])))
        raise DanqError("expected rows to fit an encoder on, received none")

    def encode(self, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Return the images under the model's input name.

        Parameters
        ----------
        images : uint8, shape (n, height, width, channels)
            Pixels, 0..255.

        Returns
        -------
        dict with ``image`` uint8 (n, height, width, channels)

        Raises
        ------
        DanqError
            If the images have another shape or dtype.
        """
        if images.shape[1:] != self.shape or images.dtype != np.uint8:
            wanted = " x ".join(map(str, self.shape))
            raise DanqError(f"expected uint8 images of {wanted}, received {images.dtype} {images.shape}")
        return {"image": images}

    def state(self) -> dict[str, Any]:
        """Name and shape."""
        return {"name": self.name, "shape": list(self.shape)}
