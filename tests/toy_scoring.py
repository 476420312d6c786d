"""Scorings of a file with something of everything by models that count letters."""

from functools import partial

import numpy as np
from small_genome import genome_of
from toy_models import ToyRunner, gc, motif, toy_models

from danq.evaluate.truth import Truth
from danq.evaluate.truth_keys import truth_key
from danq.parts import Shard
from danq.score.chunks import compute_shard, opened_scoring
from danq.score.job import open_job
from danq.score.options import ScoreOptions
from danq.score.write import files_of, write_scores
from danq.variants.survey import PART

RNG = np.random.default_rng(7)
SEQUENCE = "".join(RNG.choice(list("ACGT"), 400))
GENOME = genome_of(chrI=SEQUENCE, chrII="ACGTACGTTTGACCA" + "N" * 80)
OTHER = {"A": "G", "G": "A", "C": "T", "T": "C"}
N_RECORDS, N_SMALL = 2 * PART + 57, 300
TABLES = ("scores.parquet", "ledger.tsv", "annotated.vcf.gz")
FUNCTIONS = {"gc": gc, "GGA": motif("GGA"), "tRNA gene": motif("CA")}


def records(n):
    """Sorted records with something of everything, and a truth."""
    lines = []
    for row in range(n):
        pos = 1 + row * 400 // n
        ref = SEQUENCE[pos - 1]
        alt = ("*", f"{OTHER[ref]},{ref}CA", "<DEL>", OTHER[ref], OTHER[ref])[row % 5]
        truth = ",".join("01"[(row + n) % 2] for n in range(alt.count(",") + 1))
        lines.append(f"chrI {pos} {ref} {alt} PASS Y={truth}")
    return lines


def job_of(path, *runners, genome=GENOME, **options):
    models = toy_models(*(runners or [ToyRunner(FUNCTIONS)]))
    return open_job(models, genome, path, ScoreOptions(**options))


def score(job, out, work=None, **files):
    """As the verb does it: the manifest."""
    compare = None
    if job.options.truth is not None:
        group = job.options.truth_group
        by = None if group is None else truth_key(job.variants, group)
        compare = partial(Truth, truth_key(job.variants, job.options.truth), job.columns, group=by)
    files = files_of(job, compare=compare, **files)
    with opened_scoring(job, work or out, shared=work is not None) as opened:
        return write_scores(opened, files, out)


def score_shard(job, work, shard, shards, receipt=None):
    """Compute one shard in a directory that all share; where it lies."""
    with opened_scoring(job, work, shared=True) as opened:
        compute_shard(opened, Shard(shard, shards), receipt)
        return opened.path


class Interrupted(ToyRunner):
    """Is killed after some windows."""

    def __init__(self, windows):
        super().__init__(FUNCTIONS)
        self.left = windows

    def logits(self, reference, alternate, group):
        self.left -= len(alternate)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().logits(reference, alternate, group)
