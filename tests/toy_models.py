"""Models whose logits are known by counting letters, in place of trained networks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import C, G, encode, reverse_complement
from danq.genome.fasta import Genome
from danq.learn.manifest import UsedBundle
from danq.score.models import Models
from danq.score.runner import Logits

WINDOW = 20


def gc(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Number of G and C in each window, (n, 1): equal on both strands."""
    return ((codes == C) | (codes == G)).sum(axis=1, dtype=np.float32)[:, None]


def motif(word: str) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Occurrences of a word as it is read, (n, 1): the two strands differ."""
    wanted = encode(word)

    def count(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        places = codes.shape[1] - len(wanted) + 1
        hits = np.stack([(codes[:, p : p + len(wanted)] == wanted).all(axis=1) for p in range(places)])
        return hits.sum(axis=0, dtype=np.float32)[:, None]

    return count


class ToyRunner:
    """A model made of one function a target, each windows (n, window) → logits (n, 1)."""

    def __init__(self, functions, window=WINDOW, task="multilabel", both=True, digest="0" * 64):
        self.functions = functions
        self.targets = tuple(functions)
        self.window, self.task, self.both, self.digest = window, task, both, digest
        self.windows = 0

    def _strand(self, codes):
        self.windows += len(codes)
        return np.concatenate([function(codes) for function in self.functions.values()], axis=1)

    def logits(self, reference, alternate, group):
        strands = (lambda codes: codes, reverse_complement) if self.both else (lambda codes: codes,)
        return Logits(
            *(np.stack([self._strand(turn(codes)) for turn in strands]) for codes in (reference, alternate))
        )


def toy_models(*runners: ToyRunner) -> Models:
    """What `read_models` gives, of toys."""
    bundles = tuple(
        UsedBundle(path=f"runs/toy{n}", run=f"toy{n}", digest=runner.digest)
        for n, runner in enumerate(runners)
    )
    first = runners[0]
    return Models(bundles, first.targets, first.window, 0, first.task, lambda: runners)


def write_vcf(path: Path, records: list[str], contigs: Genome | None = None) -> Path:
    """Write records given as `contig pos ref alt [filter [info]]`, separated by blanks."""
    lines = ["##fileformat=VCFv4.3", '##INFO=<ID=Y,Number=A,Type=Float,Description="truth">']
    if contigs is not None:
        lines += [
            f"##contig=<ID={n},length={size}>" for n, size in zip(contigs.names, contigs.lengths, strict=True)
        ]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for record in records:
        contig, pos, ref, alt, *rest = record.split(" ")
        passed, info = (*rest, "PASS", ".")[:2] if len(rest) != 1 else (rest[0], ".")
        lines.append("\t".join((contig, pos, ".", ref, alt, ".", passed, info)))
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
