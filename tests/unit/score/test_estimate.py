"""What is foretold of a scoring: alleles, time and room."""

import numpy as np
import pytest
from phased import phased_vcf
from small_genome import genome_of
from toy_models import write_vcf
from toy_scoring import GENOME, OTHER, job_of, score

from danq.genome.alphabet import decode
from danq.score.chunks import compute_parts, opened_scoring
from danq.score.estimate import Estimate, estimate
from danq.variants.survey import PART


def test_the_estimate_counts_what_is_missing(vcf, tmp_path, caplog):
    job = job_of(vcf, targets=["gc"])
    with opened_scoring(job, tmp_path) as work:
        scorable = work.survey.reasons[""]
        whole = estimate(work, job.models.open())
        assert whole.alleles == scorable
        assert whole.rate > 0
        with opened_scoring(job_of(vcf), None) as wide:
            assert estimate(wide, job.models.open()).work_bytes > whole.work_bytes
        compute_parts(work, [0, 1], job.models.open())
        some = estimate(work, job.models.open())
        done = sum(1 for part in (0, 1) for allele in work.survey.alleles_of(part) if not allele.reason)
    assert some.alleles == scorable - done
    assert some.result_bytes == whole.result_bytes
    with opened_scoring(job, tmp_path, dry=True) as work:
        assert estimate(work, job.models.open()).alleles == some.alleles
    assert "at" in whole.describe()
    Estimate(10, 1.0, 10**18, 5).check_room(tmp_path / "not" / "yet", tmp_path)
    assert caplog.text.count("GB are needed") == 1


def test_the_estimate_holds_where_the_file_is_not_alike_throughout(tmp_path):
    """The first records are carried by none; on the second contig half of the windows are N."""
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("ACGT"), 3 * PART))
    genome = genome_of(c=text, d=("N" * 50 + text[:50]) * (PART // 4))
    rows = [("c", pos, "0|0" if pos <= PART else "1|1") for pos in range(1, 2 * PART + 1)]
    rows += [("d", pos, "0|1") for pos in range(25, len(genome.contig(1)), 50)]
    lines = []
    for name, pos, genotype in rows:
        ref = decode(genome.contig(genome.index(name))[pos - 1 : pos])
        lines.append(f"{name}\t{pos}\t.\t{ref}\t{OTHER.get(ref, 'A')}\t.\t.\t.\tGT\t{genotype}")
    vcf = phased_vcf(tmp_path / "v.vcf", lines).path
    job = job_of(vcf, genome=genome, samples=["all"])
    with opened_scoring(job, tmp_path / "work") as work:
        ahead = estimate(work, job.models.open())
    counts = score(job, tmp_path / "out").counts
    assert counts.reasons["many_n"] == PART // 4
    assert ahead.alleles == pytest.approx(counts.scored, rel=0.01)


def test_nothing_to_score_takes_an_unknown_time(tmp_path):
    job = job_of(write_vcf(tmp_path / "none.vcf", [], GENOME))
    with opened_scoring(job, None) as work:
        ahead = estimate(work, job.models.open())
    assert (ahead.alleles, ahead.rate) == (0, None)
    assert "unknown" in ahead.describe()


def test_long_runs_are_estimated_before_they_start(small, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("danq.score.write.LONG", 10)
    with caplog.at_level("INFO", "danq"):
        score(job_of(small), tmp_path)
    assert "alleles to score: about" in caplog.text
