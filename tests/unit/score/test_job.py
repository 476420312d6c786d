"""From alleles to effects: models that count letters give effects one can write down."""

import math
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from bundles import manifest
from phased import phased_vcf
from small_genome import genome_of, record, vcf_of
from toy_models import ToyRunner, gc, motif, toy_models

from danq.data.encoders import CodesEncoder
from danq.errors import DanqError
from danq.learn.bundle import Bundle
from danq.models import danq
from danq.score.chunks import opened_scoring
from danq.score.job import open_job, window_blocks
from danq.score.options import ScoreOptions
from danq.score.runner import SharedWork, open_runner_of
from danq.variants.survey import PART

WINDOW = 10
GENOME = genome_of(chrI="ATATATATATGATATATATATATATAT", chrII="CCCCCCCCCCACCCCCCCCCC", chrIII="A" * 60)


def blocks(runners, variants, options=None, genome=GENOME, parts=None):
    job = open_job(toy_models(*runners), genome, variants.path, options or ScoreOptions())
    with opened_scoring(job, None) as work:
        return list(job.scored_blocks(work.survey, runners, parts or range(work.survey.parts)))


def only(runners, folder: Path, records, **options):
    (block,) = blocks(runners, vcf_of(folder, records), ScoreOptions(**options))
    return block


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_a_model_that_counts_g_and_c(tmp_path):
    # chrI 11 is the only G; windows of 10 hold it, or not
    block = only([ToyRunner({"gc": gc}, WINDOW)], tmp_path, [record("chrI", 11, "G", "A,C,GCCC")])
    found = block.effects
    np.testing.assert_allclose(found.p_ref[:, 0], [sigmoid(1)] * 3, rtol=1e-6)
    np.testing.assert_allclose(found.p_alt[:, 0], [0.5, sigmoid(1), sigmoid(4)], rtol=1e-6)
    np.testing.assert_allclose(found.diff[:, 0], [0.5 - sigmoid(1), 0, sigmoid(4) - sigmoid(1)], rtol=1e-6)
    assert found.logit_diff[:, 0].tolist() == [-1, 0, 3]
    assert block.windows.scored.tolist() == [0, 1, 2]


def test_a_motif_on_one_strand(tmp_path):
    # ALT makes GAT, and on the reverse strand ATC: only the forward strand reads GAT once more
    runner = ToyRunner({"GAT": motif("GAT")}, WINDOW)
    line = [record("chrI", 21, "T", "G")]
    expected = {"scores": 0.5, "forward": 1.0}
    for rule, value in expected.items():
        assert only([runner], tmp_path, line, strands=rule).effects.logit_diff.tolist() == [[value]]
    mean = (sigmoid(1) + 0.5) / 2
    found = only([runner], tmp_path, line, strands="predictions").effects
    assert found.logit_diff[0, 0] == pytest.approx(math.log(mean / (1 - mean)))
    for rule in ("scores", "predictions"):
        assert only([runner], tmp_path, line, strands=rule).effects.p_alt[0, 0] == pytest.approx(mean)


def test_swapped_alleles_keep_the_sign_of_the_record(tmp_path):
    runner = ToyRunner({"gc": gc}, WINDOW)
    block = only([runner], tmp_path, [record("chrI", 11, "A", "G")], ref_mismatch="swap")
    assert block.windows.alleles[0].flags == ("swapped",)
    assert block.effects.logit_diff.tolist() == [[1.0]]


def test_skipped_alleles_stay_in_their_place(tmp_path):
    records = [
        record("chrI", 11, "G", "A"),
        record("chrI", 11, "C", "A"),
        record("chrI", 12, "A", "*,C"),
        record("chrV", 1, "A", "C"),
    ]
    block = only([ToyRunner({"gc": gc}, WINDOW)], tmp_path, records)
    assert [allele.reason for allele in block.windows.alleles] == [
        *("", "ref_mismatch", "star", "", "unknown_contig"),
    ]
    assert block.windows.scored.tolist() == [0, 3]
    assert block.effects.logit_diff.tolist() == [[-1.0], [1.0]]


def test_no_allele_can_be_scored(tmp_path):
    runner = ToyRunner({"gc": gc}, WINDOW)
    block = only([runner], tmp_path, [record("chrI", 11, "G", "*")])
    assert block.effects.diff.shape == (0, 1)
    assert runner.windows == 0


def test_an_ensemble(tmp_path):
    def double(codes):
        return 2 * gc(codes)

    runners = [ToyRunner({"gc": gc}, WINDOW), ToyRunner({"gc": double}, WINDOW)]
    found = only(runners, tmp_path, [record("chrI", 11, "G", "A"), record("chrI", 11, "G", "*")]).effects
    assert found.logit_diff.tolist() == [[-1.5]]
    assert found.spread[0, 0] == pytest.approx(math.sqrt(0.5))
    assert found.p_ref[0, 0] == pytest.approx((sigmoid(1) + sigmoid(2)) / 2)


def test_logits_that_are_no_numbers_are_refused(tmp_path):
    def broken(codes):
        return gc(codes) * np.nan

    with pytest.raises(DanqError, match="model 1: expected finite logits"):
        only([ToyRunner({"gc": broken}, WINDOW)], tmp_path, [record("chrI", 11, "G", "A")])


def many(folder, records):
    positions = [1 + row % 60 for row in range(records)]
    return vcf_of(folder, [record("chrIII", pos, "A", "C,G" if pos % 7 else "*") for pos in positions])


def test_blocks_never_cross_the_border_of_a_part_and_bound_the_alleles(tmp_path):
    variants = many(tmp_path, 2 * PART + 3)
    found = blocks([ToyRunner({"gc": gc}, WINDOW)], variants)
    rows = [sorted({allele.row for allele in block.windows.alleles}) for block in found]
    assert [row for of_block in rows for row in of_block] == list(range(1, 2 * PART + 4))
    assert [block.records for block in found] == [len(of_block) for of_block in rows]
    assert all((of_block[0] - 1) // PART == (of_block[-1] - 1) // PART for of_block in rows)
    assert max(len(block.windows.alleles) for block in found) <= 1001
    # a part by itself gives the blocks it has in the whole
    second = blocks([ToyRunner({"gc": gc}, WINDOW)], variants, parts=[1])
    inside = [block for block, of_block in zip(found, rows, strict=True) if PART < of_block[0] <= 2 * PART]
    assert [b.windows.alleles for b in second] == [b.windows.alleles for b in inside]
    for one, other in zip(second, inside, strict=True):
        np.testing.assert_array_equal(one.effects.logit_diff, other.effects.logit_diff)


def test_many_targets_make_smaller_blocks(tmp_path):
    variants, sizes = many(tmp_path, 500), {}
    for targets in (1, 5_000, 1_000_000):
        models = replace(toy_models(ToyRunner({"gc": gc}, WINDOW)), targets=("gc",) * targets)
        job = open_job(models, GENOME, variants.path, ScoreOptions())
        survey = job.survey(tmp_path / str(targets))
        sizes[targets] = max(len(windows.alleles) for _, windows in window_blocks(job, survey, [0]))
    assert sizes[1] > sizes[5_000] > sizes[1_000_000]
    assert sizes[5_000] <= 202


def test_regions_and_filters(tmp_path):
    records = [
        record("chrI", 11, "G", "A"),
        record("chrI", 12, "A", "C", "LowQual"),
        record("chrII", 11, "A", "C"),
    ]
    block = only([ToyRunner({"gc": gc}, WINDOW)], tmp_path, records, regions=["1:5-20"], pass_only=True)
    assert [allele.reason for allele in block.windows.alleles] == ["", "filtered", "outside_regions"]
    with pytest.raises(DanqError, match="--region: expected a contig of the genome"):
        only([ToyRunner({"gc": gc}, WINDOW)], tmp_path, records, regions=["chrV"])


def test_samples_are_scored_on_their_own_haplotypes(tmp_path):
    # the second variant makes GAT only where the first one is in place
    lines = [
        "chrIII\t30\t.\tA\tG\t.\t.\t.\tGT\t0|1\t1|1",
        "chrIII\t32\t.\tA\tT\t.\t.\t.\tGT\t1|1\t0|1",
        "chrIII\t34\t.\tA\tC\t.\t.\t.\tGT\t0|0\t0|0",
    ]
    variants = phased_vcf(tmp_path / "v.vcf", lines, ("ann", "bob"))
    runner = ToyRunner({"GAT": motif("GAT")}, WINDOW)
    options = ScoreOptions(samples=["all"], strands="forward")
    (block,) = blocks([runner], variants, options)
    alleles = block.windows.alleles
    found = {
        (alleles[n].pos, alleles[n].sample, alleles[n].haplotype): block.effects.logit_diff[m, 0]
        for m, n in enumerate(block.windows.scored.tolist())
    }
    assert found == {
        (30, "ann", 2): 1,
        (30, "bob", 1): 0,
        (30, "bob", 2): 1,
        (32, "ann", 1): 0,
        (32, "ann", 2): 1,
        (32, "bob", 2): 1,
    }
    assert [allele.reason for allele in alleles if allele.pos == 34] == ["not_carried"]


def test_a_part_by_itself_has_the_bytes_it_has_in_the_whole(tmp_path):
    keras.utils.set_random_seed(0)
    options = danq.Options(filters=8, kernel=5, pool=2, units=4, dense=6)
    model = danq.build(options, CodesEncoder(24), 2, "multilabel")
    info = manifest(model="danq", options=options.model_dump(), targets=["a", "b"], window=24)
    runner = open_runner_of(Bundle(tmp_path, model, CodesEncoder(24), info))
    assert isinstance(runner, SharedWork)
    variants = many(tmp_path, PART + 700)
    whole = blocks([runner], variants)
    parts = [*blocks([runner], variants, parts=[0]), *blocks([runner], variants, parts=[1])]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.effects.p_alt, other.effects.p_alt)
        np.testing.assert_array_equal(one.effects.logit_diff, other.effects.logit_diff)
