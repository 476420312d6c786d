"""The bundles that score together, known from their manifests before TensorFlow is loaded."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from danq.data.manifest import Task
from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.learn.manifest import BundleManifest, UsedBundle, code_behind, read_members
from danq.score.options import ScoreOptions
from danq.score.runner import Computed, Runner, open_runner

log = logging.getLogger("danq")


@dataclass(frozen=True)
class Models:
    """One bundle, or several that score as an ensemble.

    Attributes
    ----------
    window : int
        bp of an input window.
    bin : int
        bp of the labelled bin, the widest of several; 0 where they have none.
    open : callable
        Loads the models: takes seconds, so it is called only when there is something to score.
    names : tuple of str
        Each model whose code works on the numbers once: its name, or its file where that is trusted.
    """

    bundles: tuple[UsedBundle, ...]
    targets: tuple[str, ...]
    window: int
    bin: int
    task: Task
    open: Callable[[], Sequence[Runner]]
    names: tuple[str, ...] = ()

    @property
    def digests(self) -> list[str]:
        """Digest of each bundle."""
        return [bundle.digest for bundle in self.bundles]


def read_models(
    paths: Sequence[Path],
    genome: Genome,
    options: ScoreOptions,
    threads: int | None = None,
    trusted: Sequence[Path] = (),
    names: Sequence[Path] = (),
) -> Models:
    """Read the manifests of bundles and check that they can score together.

    A bundle trained on another genome is only warned about: scoring another strain or assembly can be meant.
    Of `options` strands and batch size count; `threads` are those of a forward pass, `trusted` as of
    `danq.learn.bundle.load_bundle`.

    `names` are what results call the bundles; their paths where left out.

    Raises
    ------
    DanqError
        If one is no bundle, does not classify whole windows of DNA, or is given twice, or if their targets,
        windows or tasks differ.
    """
    infos = [BundleManifest.read(path) for path in paths]
    members = [info for path in paths for info in read_members(path)]
    for path, info in zip(paths, infos, strict=True):
        _check_readable(path, info)
        _check_alike(paths[0], infos[0], path, info)
        trained = info.dataset.genome_digest
        if trained is not None and trained != genome.digest:
            log.warning("%s: trained on another genome than %s", info.run, genome.path)
    bundles = tuple(
        UsedBundle(path=str(path), run=info.run, digest=info.digest)
        for path, info in zip(names or paths, infos, strict=True)
    )
    digests = [bundle.digest for bundle in bundles]
    for number, path in enumerate(paths):
        if digests[number] in digests[:number]:
            raise DanqError(f"--model {path}: expected different models, received the same weights twice")

    def load() -> list[Runner]:
        strands: Computed = "forward" if options.strands == "forward" else "both"
        return [open_runner(path, strands, options.batch_size, threads, trusted) for path in paths]

    first = infos[0]
    bin = max(info.bin or 0 for info in infos)
    used = code_behind(members, trusted)
    return Models(bundles, first.targets, first.window or 0, bin, first.task, load, used)


def _check_readable(path: Path, info: BundleManifest) -> None:
    if info.data_kind != "dna":
        raise DanqError(f"{path}: expected a model of DNA, received one of data of kind {info.data_kind}")
    if info.step:
        raise DanqError(
            f"{path}: expected a model that classifies whole windows, received one that classifies steps of "
            f"{info.step} bp"
        )


def _check_alike(first_path: Path, first: BundleManifest, path: Path, info: BundleManifest) -> None:
    for what in ("window", "task"):
        expected, received = getattr(first, what), getattr(info, what)
        if expected != received:
            raise DanqError(f"{path}: expected the {what} of {first_path} ({expected}), received {received}")
    if info.targets != first.targets:
        pairs = enumerate(zip(info.targets, first.targets, strict=False))
        differing = (f"target {number} is {own!r}" for number, (own, other) in pairs if own != other)
        where = next(differing, f"{len(info.targets)} of them")
        raise DanqError(f"{path}: expected the targets of {first_path}, received others ({where})")
