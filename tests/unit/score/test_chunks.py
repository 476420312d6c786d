"""Parts of a scoring: shards, interruptions, and files that are the same whatever happened on the way."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phased import phased_vcf
from small_genome import genome_of
from toy_models import ToyRunner, gc, toy_models, write_vcf
from toy_scoring import (
    FUNCTIONS,
    GENOME,
    N_RECORDS,
    OTHER,
    SEQUENCE,
    TABLES,
    Interrupted,
    job_of,
    records,
    score,
    score_shard,
)

from danq.errors import DanqError
from danq.parts import Shard
from danq.processes import Stopped
from danq.score.chunks import compute_parts, opened_scoring
from danq.score.runner import Logits
from danq.variants.survey import PART
from danq.variants.survey_file import Survey
from danq.variants.text import VariantText


@pytest.mark.parametrize("windows", [0, 700, 2000, 3000])
def test_an_interrupted_scoring_goes_on(vcf, expected, tmp_path, windows):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        score(job_of(vcf, Interrupted(windows)), out)
    assert not [path for path in out.glob("*") if not path.name.startswith(".work-")]
    kept = list(out.rglob("part-*.arrow"))
    runner = ToyRunner(FUNCTIONS)
    score(job_of(vcf, runner), out)
    assert {name: (out / name).read_bytes() for name in TABLES} == expected
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*TABLES, "annotated.vcf.gz.tbi", "scores.json"]
    )
    # what was finished is not scored again
    whole = ToyRunner(FUNCTIONS)
    score(job_of(vcf, whole), tmp_path / "whole")
    assert (runner.windows < whole.windows) == bool(kept)


KILLED = """
import os, pathlib, signal, sys
import toy_scoring as tests

class Killed(tests.Interrupted):
    def logits(self, reference, alternate, group):
        try:
            return super().logits(reference, alternate, group)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGKILL)

vcf, out = map(pathlib.Path, sys.argv[1:])
tests.score(tests.job_of(vcf, Killed(2000)), out)
"""


def test_a_killed_scoring_goes_on(vcf, expected, tmp_path):
    folders = [str(Path(__file__).parents[2]), str(Path(__file__).parents[3])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable, "-c", KILLED, vcf, tmp_path]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".work-*/part-*.arrow"))) == 1
    runner = ToyRunner(FUNCTIONS)
    score(job_of(vcf, runner), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == expected
    assert not list(tmp_path.glob(".work-*"))


def test_a_stopped_scoring_says_that_its_parts_are_kept_if_there_are_any(vcf, tmp_path, caplog):
    class Ended(Interrupted):
        def logits(self, reference, alternate, group):
            try:
                return super().logits(reference, alternate, group)
            except KeyboardInterrupt:
                raise Stopped(signal.SIGTERM) from None

    for windows, said in ((0, []), (2000, ["stopped by SIGTERM after 1 of "])):
        caplog.clear()
        with pytest.raises(SystemExit):
            score(job_of(vcf, Ended(windows)), tmp_path / str(windows))
        messages = [message for message in caplog.messages if "; the same command goes on from " in message]
        assert [message[:30] for message in messages] == said


def test_a_scoring_interrupted_while_its_files_were_written_loads_no_model(
    vcf, expected, tmp_path, monkeypatch
):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("danq.score.write.writing_ledger", interrupted)
        with pytest.raises(KeyboardInterrupt):
            score(job_of(vcf), tmp_path)
    runner = ToyRunner(FUNCTIONS)
    manifest = score(job_of(vcf, runner), tmp_path)
    assert runner.windows == 0
    assert manifest.variants_per_second > 0
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == expected


@pytest.mark.parametrize("shards", [2, 5])
def test_shards_give_the_same_bytes(vcf, expected, tmp_path, shards):
    work, out = tmp_path / "work", tmp_path / "out"
    for shard in range(shards, 0, -1):
        receipt = tmp_path / f"{shard}.json"
        score_shard(job_of(vcf), work, shard, shards, receipt)
        manifest = json.loads(receipt.read_text())
        assert (manifest["kind"], manifest["shard"], manifest["shards"]) == ("score-receipt", shard, shards)
    runner = ToyRunner(FUNCTIONS)
    score(job_of(vcf, runner), out, work)
    assert runner.windows == 0
    assert {name: (out / name).read_bytes() for name in TABLES} == expected
    assert not work.exists()


def test_shards_of_personal_genomes_see_their_neighbours(tmp_path):
    rng = np.random.default_rng(3)
    sequence = "".join(rng.choice(list("ACGT"), 9_000))
    genome = genome_of(chrI=sequence)
    places = range(2, 9_000, 4)
    kinds = ("{0}\t{1}", "{0}\t{0}{1}", "{0}{2}\t{0}")
    lines = []
    for row, pos in enumerate(places):
        ref, after = sequence[pos - 1], sequence[pos]
        alleles = kinds[row % 3].format(ref, OTHER[ref], after)
        calls = "\t".join("|".join(map(str, rng.integers(0, 2, 2))) for _ in range(2))
        lines.append(f"chrI\t{pos}\t.\t{alleles}\t.\t.\t.\tGT\t{calls}")
    variants = phased_vcf(tmp_path / "v.vcf", lines, ("ann", "bob"), {"chrI": sequence}).path
    assert PART < len(lines) < 2 * PART
    asked = {"samples": ["bob", "ann"], "genome": genome}
    manifest = score(job_of(variants, **asked), tmp_path / "whole")
    for shard in (2, 1):
        score_shard(job_of(variants, **asked), tmp_path / "work", shard, 2)
    score(job_of(variants, **asked), tmp_path / "out", tmp_path / "work")
    for name in (*TABLES, "haplotypes.parquet"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    whole = pl.read_parquet(tmp_path / "out" / "haplotypes.parquet")
    assert whole.height == manifest.haplotypes.windows > 1_000
    table = pl.read_parquet(tmp_path / "out" / "scores.parquet")
    assert table.height == manifest.counts.scored > len(lines)
    largest = table.group_by("row").agg(pl.col("max_abs_logit_diff").max()).sort("row")
    with pysam.VariantFile(str(tmp_path / "out" / "annotated.vcf.gz")) as annotated:
        shown = [record.info.get("danq_max_abs_logit_diff") for record in annotated]
    assert [values[0] for values in shown if values] == pytest.approx(largest["max_abs_logit_diff"].to_list())


def test_a_full_disk_is_one_line_and_loses_no_finished_part(vcf, expected, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(DanqError, match="no space left on the device"):
            score(job_of(vcf), tmp_path)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".work-")]
    runner = ToyRunner(FUNCTIONS)
    score(job_of(vcf, runner), tmp_path)
    assert runner.windows == 0
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == expected


def test_a_missing_shard_is_made_up_for(vcf, expected, tmp_path):
    score_shard(job_of(vcf), tmp_path / "work", 2, 3)
    score(job_of(vcf), tmp_path / "out", tmp_path / "work")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in TABLES} == expected


@pytest.mark.parametrize(
    "options",
    [{"strands": "forward"}, {"targets": ["gc"]}, {"annotate": ["gc"]}, {"regions": ["chrI:1-99"]}],
)
def test_parts_of_other_options_are_not_used(small, tmp_path, options, caplog):
    score_shard(job_of(small, **options), tmp_path / "work", 1, 1)
    runner = ToyRunner(FUNCTIONS)
    score(job_of(small, runner), tmp_path / "out", tmp_path / "work")
    assert runner.windows > 0
    assert "unfinished work of other inputs or options" in caplog.text
    assert len(list((tmp_path / "work").glob(".work-*"))) == 1


def test_parts_of_other_inputs_have_other_digests(vcf, tmp_path):
    other = write_vcf(tmp_path / "other.vcf", records(N_RECORDS)[:-1], GENOME)
    genome = genome_of(chrI=SEQUENCE, chrII="ACGT")
    object.__setattr__(genome, "digest", "another")
    jobs = [
        job_of(vcf),
        job_of(other),
        job_of(vcf, genome=genome),
        job_of(vcf, ToyRunner(FUNCTIONS, digest="1" * 64)),
        job_of(vcf, ToyRunner(FUNCTIONS), ToyRunner(FUNCTIONS, digest="1" * 64)),
        job_of(vcf, pass_only=True),
        replace(job_of(vcf), models=replace(toy_models(ToyRunner(FUNCTIONS)), names=("danq",))),
    ]
    assert len({job.digest for job in jobs}) == len(jobs)
    assert job_of(vcf, truth="Y").digest == jobs[0].digest
    aliases = tmp_path / "aliases.tsv"
    aliases.write_text("name\talias\nchrI\tone\n")
    before = job_of(vcf, aliases=aliases).digest
    aliases.write_text("name\talias\nchrII\tone\n")
    assert job_of(vcf, aliases=aliases).digest != before


def test_a_part_that_was_put_there_by_hand_is_refused(vcf, tmp_path):
    job, other = job_of(vcf), job_of(vcf, strands="forward")
    paths = [score_shard(each, tmp_path, 1, 1) / "part-000001.arrow" for each in (job, other)]
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(DanqError, match=r"part-000001.arrow: of other work"):
        score(job, tmp_path / "out", tmp_path)
    # another part of the same work
    paths[0].write_bytes(paths[0].with_name("part-000000.arrow").read_bytes())
    with pytest.raises(DanqError, match=r"part-000001.arrow: of other work"):
        score(job, tmp_path / "out", tmp_path)
    paths[0].write_bytes(b"ARROW1")
    with pytest.raises(DanqError, match=r"part-000001.arrow: damaged.*; remove .* and start again"):
        score(job, tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


@given(st.integers(0, 40_000), st.integers(1, 30))
def test_shares_of_shards_are_all_parts_once(records, shards):
    survey = Survey(**dict.fromkeys(Survey.__dataclass_fields__))
    survey = replace(survey, records=records, part=PART)
    shares = [list(Shard(shard, shards).share(survey.parts)) for shard in range(1, shards + 1)]
    assert [part for share in shares for part in share] == list(range(-(-records // PART)))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert sum(survey.records_of(share) for share in shares) == records


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": ["CTCF"]}, r"--target CTCF: expected a target of the model \(gc, GGA, tRNA gene\)"),
        ({"targets": ["gc", "gc"]}, "--target gc: named twice"),
        ({"annotate": ["CTCF"]}, "--annotate CTCF: expected a target"),
        ({"samples": ["ann"]}, "expected genotypes of samples"),
        ({"regions": ["chrI:0-9"]}, "--region: expected a contig or a region"),
        ({"background": "nowhere"}, "nowhere/background.json: no such file"),
        ({"aliases": "nowhere.tsv"}, "nowhere.tsv: no such file"),
    ],
)
def test_options_that_name_what_is_not_there(small, options, message):
    with pytest.raises(DanqError, match=message):
        job_of(small, **options)


def test_a_refusal_at_the_first_part_leaves_nothing(small, tmp_path):
    def broken(codes):
        return gc(codes) / 0

    with np.errstate(divide="ignore", invalid="ignore"), pytest.raises(DanqError, match="finite logits"):
        score(job_of(small, ToyRunner({"gc": broken})), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_refusal_at_a_later_part_leaves_what_was_done_and_no_results(vcf, tmp_path):
    class Broken(ToyRunner):
        def logits(self, reference, alternate, group):
            found = super().logits(reference, alternate, group)
            return Logits(found.reference, found.alternate * (np.nan if self.windows > 8_000 else 1))

    with pytest.raises(DanqError, match="finite logits"):
        score(job_of(vcf, Broken(FUNCTIONS)), tmp_path / "out")
    assert [path.name[:5] for path in (tmp_path / "out").iterdir()] == [".work"]


def test_the_input_is_parsed_once_whatever_the_shards(vcf, tmp_path, monkeypatch):
    read, work = [], tmp_path / "work"
    fields = VariantText.fields
    monkeypatch.setattr(VariantText, "fields", lambda *line: read.append(line) or fields(*line))
    for shard in (3, 1, 2):
        score_shard(job_of(vcf), work, shard, 3)
    score(job_of(vcf), tmp_path / "out", work)
    # of a contig's name as many lines are looked at as it takes to find a record
    assert len(read) == N_RECORDS + 1


def test_a_shard_looks_at_its_own_records_alone(vcf, tmp_path, monkeypatch):
    score_shard(job_of(vcf), tmp_path, 1, 3)
    monkeypatch.setattr(VariantText, "lines", lambda self: pytest.fail("read the input again"))
    read = []
    alleles_of = Survey.alleles_of
    monkeypatch.setattr(Survey, "alleles_of", lambda self, part: read.append(part) or alleles_of(self, part))
    score_shard(job_of(vcf), tmp_path, 2, 3)
    assert read == [1]


def test_batches_of_a_part_are_read_one_at_a_time(vcf, tmp_path):
    job = job_of(vcf)
    with opened_scoring(job, tmp_path) as work:
        compute_parts(work, [0], job.models.open())
        assert work.parts.missing(range(work.survey.parts)) == [1, 2]
        read = work.read(0)
        batch, seconds = next(read)
        assert isinstance(batch, pa.RecordBatch)
        assert seconds > 0
        assert len(batch) < sum(len(batch) for batch, _ in work.read(0))
