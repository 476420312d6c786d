"""What runs a model on reference and alternate windows: both strands, shared work where it is exact."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from danq.data.encoders import CodesEncoder
from danq.genome.alphabet import N, reverse_complement
from danq.learn.gpu import gpu_possible
from danq.learn.keras_layers import Weights
from danq.learn.linear import CpuBundle, open_bundle
from danq.learn.manifest import (
    ENSEMBLE,
    BundleManifest,
    member_paths,
    model_module,
    read_members,
)
from danq.learn.network import read_weights
from danq.learn.predict.predictor import Predictor
from danq.models import shared_work
from danq.threads import threads as threads_in_use

if TYPE_CHECKING:
    from danq.learn.bundle import Bundle

log = logging.getLogger("danq")

Codes = NDArray[np.uint8]
Group = NDArray[np.int64]
Computed = Literal["both", "forward"]
"""Strands that are computed."""

_CPU_ROWS, _MOST_ON_GPU, _GPU_MULTIPLE = 256, 2048, 256


class Logits(NamedTuple):
    """Logits of each strand: float32, (strands, g, k) of references and (strands, m, k) of alternates."""

    reference: NDArray[np.float32]
    alternate: NDArray[np.float32]


class Runner(Protocol):
    """A model ready to score; a row's logits depend on its two windows alone, up to float32 rounding."""

    targets: tuple[str, ...]
    window: int
    task: str
    digest: str

    def logits(self, reference: Codes, alternate: Codes, group: Group) -> Logits:
        """Logits of g reference windows and of the m alternates that belong to them.

        Parameters
        ----------
        reference, alternate : uint8, shape (g, window) and (m, window)
            Bases as 0..4 for A, C, G, T, N.
        group : int64, shape (m,)
            Index of each alternate's reference window; ascending.
        """


class Incremental(Protocol):
    """A model that computes alternates from what they share with their references: one strand, one thread."""

    def logits(
        self, reference: Codes, alternate: Codes, group: Group
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (g, k) and (m, k), each row's from its two windows up to float32 rounding."""


class _OfBundle:
    """What scoring asks of a bundle besides its logits."""

    def __init__(self, info: BundleManifest, strands: Computed) -> None:
        self.targets, self.window, self.digest = info.targets, info.window or 0, info.digest
        self.task: str = info.task
        self.both = strands == "both"

    def _strands(self, windows: Codes) -> list[Codes]:
        return [windows, reverse_complement(windows)] if self.both else [windows]


class WholeWindows(_OfBundle):
    """Every window from its first base to its last, in batches of one fixed shape: any model, any device."""

    def __init__(self, bundle: "Bundle | CpuBundle", strands: Computed, predictor: Predictor) -> None:
        super().__init__(bundle.info, strands)
        self._predictor = predictor

    def logits(self, reference: Codes, alternate: Codes, group: Group) -> Logits:
        """As `Runner.logits`."""
        windows = [
            np.concatenate(both) for both in zip(*map(self._strands, (reference, alternate)), strict=True)
        ]
        values = self._predictor.logits(np.concatenate(windows))
        values = values.reshape(len(windows), -1, values.shape[1])
        return Logits(values[:, : len(reference)], values[:, len(reference) :])


class OnGpu(_OfBundle):
    """Whole windows on a GPU, which makes and encodes both strands itself: models of one-hot bases."""

    def __init__(self, bundle: "Bundle", strands: Computed, rows: int | None) -> None:
        from danq.learn.bundle import compile_strands, rows_by_memory
        from danq.learn.gpu import memory_limit

        super().__init__(bundle.info, strands)
        most = rows_by_memory(bundle, memory_limit(), 2 * _MOST_ON_GPU) // (2 if self.both else 1)
        self._rows = rows or max(most // _GPU_MULTIPLE, 1) * _GPU_MULTIPLE
        self._bundle, self._forward = bundle, compile_strands(bundle, self.both)

    def logits(self, reference: Codes, alternate: Codes, group: Group) -> Logits:
        """As `Runner.logits`."""
        from danq.learn.bundle import within_memory

        windows = np.concatenate([reference, alternate])
        # few sizes, for each of which a GPU's libraries choose their kernels anew
        filled = -(-len(windows) // _GPU_MULTIPLE) * _GPU_MULTIPLE
        windows = np.pad(windows, ((0, filled - len(windows)), (0, 0)), constant_values=N)
        with within_memory(self._bundle, self._rows):
            # all batches are started before the first result is fetched
            started = [
                self._forward(windows[first : first + self._rows]) for first in range(0, filled, self._rows)
            ]
            logits = np.concatenate([part.numpy() for part in started], axis=1)
        alternates = slice(len(reference), len(reference) + len(alternate))
        return Logits(logits[:, : len(reference)], logits[:, alternates])


class SharedWork(_OfBundle):
    """References whole, alternates from where they differ; blocks of windows on all cores.

    Each block is computed by one thread with single-threaded matrix products, and how blocks are cut depends
    on the windows and `rows` alone: one call gives the same bytes on any number of threads. Beside other rows
    a row agrees to 1e-5.
    """

    def __init__(
        self,
        info: BundleManifest,
        strands: Computed,
        incremental: Incremental,
        rows: int | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(info, strands)
        self._incremental, self._rows = incremental, max(rows or _CPU_ROWS, 2)
        self._threads = threads or threads_in_use()

    def logits(self, reference: Codes, alternate: Codes, group: Group) -> Logits:
        """As `Runner.logits`."""
        k = len(self.targets)
        pairs = list(zip(*map(self._strands, (reference, alternate)), strict=True))
        result = Logits(*(np.empty((len(pairs), len(one), k), np.float32) for one in (reference, alternate)))

        def compute(strand: int, first: int, last: int, rows: slice) -> None:
            references, alternates = pairs[strand]
            of_references, result.alternate[strand, rows] = self._incremental.logits(
                references[first:last], alternates[rows], group[rows] - first
            )
            # each block rounds a reference in its own way: of several, the first counts, not the last to end
            if rows.start == 0 or group[rows.start - 1] < first:
                result.reference[strand, first:last] = of_references

        blocks = list(_blocks(group, len(reference), self._rows))
        # each matrix product is computed by the thread that asks for it
        with ThreadpoolController().limit(limits=1), ThreadPoolExecutor(self._threads) as pool:
            jobs = [pool.submit(compute, strand, *block) for block in blocks for strand in range(len(pairs))]
            for job in jobs:
                job.result()
        return result


class Averaged(_OfBundle):
    """An ensemble: the mean of its members' logits, each computed in the way that is fastest for it."""

    def __init__(self, info: BundleManifest, strands: Computed, members: Sequence[Runner]) -> None:
        super().__init__(info, strands)
        self._members = [
            (np.float32(entry.weight), member) for entry, member in zip(info.members, members, strict=True)
        ]

    def logits(self, reference: Codes, alternate: Codes, group: Group) -> Logits:
        """As `Runner.logits`."""
        parts = [(weight, member.logits(reference, alternate, group)) for weight, member in self._members]
        sums = (sum(weight * values[number] for weight, values in parts) for number in range(2))
        return Logits(*(np.asarray(total, np.float32) for total in sums))


def _blocks(group: Group, references: int, rows: int) -> Iterator[tuple[int, int, slice]]:
    """Cut into blocks of about `rows` windows: first and last reference, and their alternates.

    A reference with more alternates than that stands in several blocks.
    """
    starts = np.searchsorted(group, np.arange(references + 1))
    first = 0
    while first < references:
        last = first + 1
        while last < references and last + 1 - first + starts[last + 1] - starts[first] <= rows:
            last += 1
        if last - first == 1:
            alternates = range(starts[first], max(starts[last], starts[first] + 1), rows - 1)
            for begin in alternates:
                yield first, last, slice(begin, min(begin + rows - 1, starts[last]))
        else:
            yield first, last, slice(starts[first], starts[last])
        first = last


def open_runner(
    model: Path,
    strands: Computed = "both",
    batch_size: int | None = None,
    threads: int | None = None,
    trusted: Sequence[Path] = (),
) -> Runner:
    """Load a bundle for scoring.

    A model whose module has `incremental` shares work between alleles where there is no GPU; any other model,
    and any model on a GPU, computes whole windows. All compute in float32, models of mixed precision too:
    what that spares in time would drown small effects.

    Parameters
    ----------
    batch_size : int, optional
        Windows of a block where work is shared, or of a forward pass on a GPU; where left out 256, and as
        many as the GPU's memory takes, up to 2,048 on each strand. Results of two sizes agree to 1e-5. Whole
        windows on a CPU always come in batches of one size.
    threads : int, optional
        Blocks at a time; all cores where left out.
    trusted : sequence of Path
        As of `danq.learn.bundle.load_bundle`; other models of one's own compute whole windows.

    Raises
    ------
    DanqError
        If it is no bundle this release reads, or it does not read DNA.
    """
    info = BundleManifest.read(model)
    if info.model == ENSEMBLE:
        read_members(model)
        rest = (strands, batch_size, threads, trusted)
        return Averaged(info, strands, [open_runner(path, *rest) for path in member_paths(model, info)])
    # without TensorFlow, whose start takes seconds, where a GPU is out of the question
    sharing = None if gpu_possible() else _sharing(info, trusted)
    weights = None if sharing is None else read_weights(model, info)
    if sharing is not None and weights is not None and (shared := sharing(weights)) is not None:
        return SharedWork(info, strands, shared, batch_size, threads)

    bundle = open_bundle(model, trusted)
    if isinstance(bundle, CpuBundle):
        return WholeWindows(bundle, strands, Predictor(bundle, _CPU_ROWS, "none"))
    for layer in bundle.model._flatten_layers():
        if layer.compute_dtype in ("float16", "bfloat16"):
            layer.dtype_policy = "float32"
    return open_runner_of(bundle, strands, batch_size, threads, trusted)


def open_runner_of(
    bundle: "Bundle",
    strands: Computed = "both",
    batch_size: int | None = None,
    threads: int | None = None,
    trusted: Sequence[Path] = (),
) -> WholeWindows | OnGpu | SharedWork:
    """As `open_runner`, of a bundle that is loaded already."""
    from danq.learn.devices import prepare_gpus

    if prepare_gpus():
        if isinstance(bundle.encoder, CodesEncoder):
            return OnGpu(bundle, strands, batch_size)
        return WholeWindows(bundle, strands, Predictor(bundle, batch_size or _MOST_ON_GPU, "none"))
    sharing = _sharing(bundle.info, trusted, told=True)
    if sharing is not None:
        shared = sharing({layer.name: layer.get_weights() for layer in bundle.model.layers})
        if shared is not None:
            return SharedWork(bundle.info, strands, shared, batch_size, threads)
    return WholeWindows(bundle, strands, Predictor(bundle, _CPU_ROWS, "none"))


def _sharing(
    info: BundleManifest, trusted: Sequence[Path], told: bool = False
) -> Callable[[Weights], Incremental | None] | None:
    """Find what shares work, given weights; None where code does not or, which `told` says, is not run."""
    module = None if info.model == ENSEMBLE else model_module(info, trusted)
    if module is None and info.model != ENSEMBLE and told:
        why = "is not run, or is not what it was at the training: whole windows"
        log.info("%s: the file of its model (%s) %s", info.run, info.model, why)
    if module is None or not hasattr(module, "incremental"):
        return None
    return lambda weights: shared_work(module, info.options, weights, info.window, info.run)
