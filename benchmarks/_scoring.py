"""Logit differences of full DanQ on both strands: as danq computes them, and as plain scripts do.

A plain script computes every window from its first base to its last: four a SNV (reference and alternate),
two a mutant of a saturated stretch, whose reference is computed once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._training import WINDOW

Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]
"""Reference windows (g, WINDOW), alternate windows (m, WINDOW), and each alternate's reference (m,)."""


def snvs(count: int) -> Arrays:
    """Random windows and each one's SNV at the place where `danq score` puts it."""
    random = np.random.default_rng(0)
    reference = random.integers(0, 4, (count, WINDOW)).astype(np.uint8)
    alternate = reference.copy()
    alternate[:, WINDOW // 2] = (alternate[:, WINDOW // 2] + random.integers(1, 4, count)) % 4
    return reference, alternate, np.arange(count)


def saturated(span: int) -> Arrays:
    """One random window and every substitution of the `span` bp at its centre."""
    reference = np.random.default_rng(1).integers(0, 4, (1, WINDOW)).astype(np.uint8)
    alternate = np.repeat(reference, 3 * span, axis=0)
    rows = np.arange(3 * span)
    places = WINDOW // 2 - span // 2 + rows // 3
    alternate[rows, places] = (alternate[rows, places] + 1 + rows % 3) % 4
    return reference, alternate, np.zeros(3 * span, np.int64)


def plain(
    model: Any,
    batch: int,
    reference: NDArray[np.uint8],
    alternate: NDArray[np.uint8],
    group: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Logit differences (m, k) by `predict` on every window."""
    from danq.genome.alphabet import reverse_complement

    windows = np.concatenate([reference, alternate])
    logits = [
        model.predict({"codes": codes}, batch_size=batch, verbose=0)
        for codes in (windows, reverse_complement(windows))
    ]
    g = len(reference)
    return np.mean([strand[g:] - strand[:g][group] for strand in logits], axis=0)


def ours(
    runner: Any, reference: NDArray[np.uint8], alternate: NDArray[np.uint8], group: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Logit differences (m, k) as `danq score` computes them."""
    logits = runner.logits(reference, alternate, group)
    return (logits.alternate - logits.reference[:, group]).mean(axis=0)


def torch_scores(
    network: Any,
    batch: int,
    reference: NDArray[np.uint8],
    alternate: NDArray[np.uint8],
    group: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Logit differences (m, k) as one writes them in PyTorch."""
    import torch

    @torch.no_grad()
    def logits(windows: NDArray[np.uint8]) -> "torch.Tensor":
        parts = torch.from_numpy(windows.copy()).split(batch)
        return torch.cat([network(part) for part in parts])

    def reverse_complement(windows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return 3 - windows[:, ::-1]

    strands = [
        logits(alternates) - logits(references)[group]
        for references, alternates in (
            (reference, alternate),
            (reverse_complement(reference), reverse_complement(alternate)),
        )
    ]
    return torch.stack(strands).mean(dim=0).numpy()
