"""Images go to the model as they are."""

import json

import numpy as np
import pytest

from danq.data.encoders import Images, load_encoder
from danq.errors import DanqError


def test_images_go_through_as_they_are():
    pixels = np.arange(2 * 3 * 4 * 1, dtype=np.uint8).reshape(2, 3, 4, 1)
    encoder = Images().fit([pixels])
    assert encoder == Images((3, 4, 1))
    assert encoder.inputs == {"image": ((3, 4, 1), "uint8")}
    assert encoder.encode(pixels)["image"] is pixels
    assert load_encoder(json.loads(json.dumps(encoder.state()))) == encoder


def test_other_shapes_and_types_are_refused():
    encoder = Images((3, 4, 1))
    with pytest.raises(DanqError, match=r"expected uint8 images of 3 x 4 x 1, received uint8 \(2, 4, 4, 1\)"):
        encoder.encode(np.zeros((2, 4, 4, 1), np.uint8))
    with pytest.raises(DanqError, match="received float32"):
        encoder.encode(np.zeros((2, 3, 4, 1), np.float32))
    with pytest.raises(DanqError, match=r"expected images \(n, height, width, channels\), received \(2, 4\)"):
        Images().fit([np.zeros((2, 4), np.uint8)])
    with pytest.raises(DanqError, match="received none"):
        Images().fit([])
