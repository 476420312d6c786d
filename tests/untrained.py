"""A bundle whose network was never trained: quick to make, and good enough where weights do not matter."""

import keras
from bundles import entries

from danq.data.encoders import CodesEncoder
from danq.learn.bundle import save_bundle
from danq.models import danq as danq_model


def save_model(
    out, targets=("CTCF", "Pol2"), seed=0, window=40, genome_digest=None, sizes=(), change=None, **more
):
    """Save a DanQ with random weights, trained by nobody; `more` are keys of its manifest.

    `sizes` are options of the model, and `change` makes another array of each of its weights.
    """
    keras.utils.set_random_seed(seed)
    sizes = danq_model.Options(
        **{"filters": 6, "kernel": 5, "pool": 4, "units": 4, "dense": 7, **dict(sizes)}
    )
    encoder = CodesEncoder(window)
    info = entries(
        run=out.name,
        options=sizes.model_dump(mode="json"),
        targets=list(targets),
        window=window,
        dataset={"name": "tiny", "digest": "ab" * 32, "genome_digest": genome_digest},
        **more,
    )
    out.mkdir()
    model = danq_model.build(sizes, encoder, len(targets), "multilabel")
    if change is not None:
        model.set_weights([change(array) for array in model.get_weights()])
    save_bundle(out, model, encoder, info)
