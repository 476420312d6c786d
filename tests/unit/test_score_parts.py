"""Parts of a scoring: shards, interruptions, and files that are the same whatever happened on the way."""

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
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
from toy_models import WINDOW, ToyRunner, gc, motif, toy_models, write_vcf

from danq.errors import DanqError
from danq.score.compute import compute_parts, compute_shard
from danq.score.effects import Effects
from danq.score.estimate import Estimate, estimate, estimate_job
from danq.score.job import open_job
from danq.score.ledger import Counts
from danq.score.measures import Columns
from danq.score.options import ScoreOptions
from danq.score.parts import PART, Work, open_work
from danq.score.results import files_of, score_variants_file
from danq.score.runner import Logits
from danq.score.scoring import ScoredBlock
from danq.score.tables import matrix, rows, wide_table
from danq.variants.alleles import REASONS, Allele
from danq.variants.haplotypes import Windows

RNG = np.random.default_rng(7)
SEQUENCE = "".join(RNG.choice(list("ACGT"), 400))
GENOME = genome_of(chrI=SEQUENCE, chrII="ACGTACGTTTGACCA" + "N" * 80)
OTHER = {"A": "G", "G": "A", "C": "T", "T": "C"}
N_RECORDS, N_SMALL = 2 * PART + 57, 300
TABLES = ("scores.parquet", "ledger.tsv", "annotated.vcf.gz")
FUNCTIONS = {"gc": gc, "GGA": motif("GGA"), "tRNA gene": motif("CA")}


def records(n):
    """Sorted records with something of everything, and a truth."""
    found = []
    for row in range(n):
        pos = 1 + row * 400 // n
        ref = SEQUENCE[pos - 1]
        alt = ("*", f"{OTHER[ref]},{ref}CA", "<DEL>", OTHER[ref], OTHER[ref])[row % 5]
        truth = ",".join("01"[(row + n) % 2] for n in range(alt.count(",") + 1))
        found.append(f"chrI {pos} {ref} {alt} PASS Y={truth}")
    return found


@pytest.fixture(scope="module")
def vcf(tmp_path_factory):
    return write_vcf(tmp_path_factory.mktemp("vcf") / "v.vcf", records(N_RECORDS), GENOME)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_vcf(tmp_path_factory.mktemp("small") / "v.vcf", records(N_SMALL), GENOME)


@pytest.fixture(scope="module")
def expected(vcf, tmp_path_factory):
    """Result of one undisturbed run."""
    out = tmp_path_factory.mktemp("expected")
    score(job_of(vcf), out)
    return {name: (out / name).read_bytes() for name in TABLES}


def job_of(path, *runners, genome=GENOME, **options):
    models = toy_models(*(runners or [ToyRunner(FUNCTIONS)]))
    return open_job(models, genome, path, ScoreOptions(**options))


def score(job, out, work=None, **files):
    return score_variants_file(job, files_of(job, **files), out, work)


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


def test_every_allele_is_accounted_for(vcf, expected, tmp_path, caplog):
    with caplog.at_level("INFO", "danq"):
        manifest = score(job_of(vcf), tmp_path)
    counts = manifest.counts
    assert counts.records == N_RECORDS
    assert counts.scored + counts.skipped == counts.alleles == sum(counts.reasons.values()) + counts.scored
    assert list(counts.reasons) == ["star", "symbolic"]
    assert f"{counts.alleles:,} alleles: {counts.scored:,} scored, {counts.skipped:,} skipped" in caplog.text
    ledger = pl.read_csv(tmp_path / "ledger.tsv", separator="\t")
    wanted = [
        (row, allele, alt)
        for row, line in enumerate(records(N_RECORDS), 1)
        for allele, alt in enumerate(line.split(" ")[3].split(","), 1)
    ]
    assert list(ledger.select("row", "allele", "alt").iter_rows()) == wanted
    assert " ".join(ledger.columns) == "row allele contig pos id ref alt status reason flags"
    assert (ledger["status"] == "scored").sum() == counts.scored
    assert ledger.filter(status="skipped")["reason"].value_counts().height == 2
    table = pl.read_parquet(tmp_path / "scores.parquet")
    scored = ledger.filter(status="scored")
    assert table.select("row", "allele").rows() == scored.select("row", "allele").rows()
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == expected
    assert not list(tmp_path.glob(".*"))


def test_columns_of_the_table(small, tmp_path):
    score(job_of(small), tmp_path)
    table = pl.read_parquet(tmp_path / "scores.parquet")
    place = ["row", "allele", "contig", "pos", "id", "ref", "alt"]
    summaries = ["max_abs_logit_diff", "max_target", "l2_logit_diff"]
    of_targets = [
        f"{index}_{target}__{measure}"
        for index, target in enumerate(FUNCTIONS)
        for measure in ("p_ref", "p_alt", "diff", "logit_diff")
    ]
    assert table.columns == place + summaries + of_targets
    changes = table.select(
        f"{index}_{target}__logit_diff" for index, target in enumerate(FUNCTIONS)
    ).to_numpy()
    np.testing.assert_array_equal(table["max_abs_logit_diff"], np.abs(changes).max(axis=1))
    np.testing.assert_allclose(
        table["l2_logit_diff"], np.sqrt((changes.astype(float) ** 2).sum(axis=1)), rtol=1e-6
    )
    best = [list(FUNCTIONS)[index] for index in np.abs(changes).argmax(axis=1)]
    assert table["max_target"].to_list() == best
    # the model counts G and C
    weak, strong = set("AT"), set("GC")
    snv = table.filter(pl.col("alt").str.len_bytes() == 1)
    gained = [(alt in strong) - (ref in strong) for ref, alt in snv.select("ref", "alt").iter_rows()]
    assert snv["0_gc__logit_diff"].to_list() == gained
    assert weak | strong == set(snv["ref"])


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
import test_score_parts as tests

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
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable, "-c", KILLED, vcf, tmp_path]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.rglob("part-*.arrow"))) == 1
    runner = ToyRunner(FUNCTIONS)
    score(job_of(vcf, runner), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == expected
    assert not list(tmp_path.glob(".work-*"))


def test_a_scoring_interrupted_while_its_files_were_written_loads_no_model(
    vcf, expected, tmp_path, monkeypatch
):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("danq.score.gather.writing_ledger", interrupted)
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
        compute_shard(job_of(vcf), work, shard, shards, receipt)
        said = json.loads(receipt.read_text())
        assert (said["kind"], said["shard"], said["shards"]) == ("score-receipt", shard, shards)
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
        compute_shard(job_of(variants, **asked), tmp_path / "work", shard, 2, None)
    score(job_of(variants, **asked), tmp_path / "out", tmp_path / "work")
    for name in TABLES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
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
    compute_shard(job_of(vcf), tmp_path / "work", 2, 3, None)
    score(job_of(vcf), tmp_path / "out", tmp_path / "work")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in TABLES} == expected


@pytest.mark.parametrize(
    "options",
    [{"strands": "forward"}, {"targets": ["gc"]}, {"annotate": ["gc"]}, {"regions": ["chrI:1-99"]}],
)
def test_parts_of_other_options_are_not_used(small, tmp_path, options, caplog):
    compute_shard(job_of(small, **options), tmp_path / "work", 1, 1, None)
    runner = ToyRunner(FUNCTIONS)
    score(job_of(small, runner), tmp_path / "out", tmp_path / "work")
    assert runner.windows > 0
    assert "unfinished scoring of other inputs or options" in caplog.text
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
    compute_shard(job, tmp_path, 1, 1, None)
    compute_shard(other, tmp_path, 1, 1, None)
    paths = [open_work(tmp_path, each.digest, N_RECORDS).path / "part-000001.arrow" for each in (job, other)]
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(DanqError, match=r"part-000001.arrow: a part of another scoring"):
        score(job, tmp_path / "out", tmp_path)
    paths[0].write_bytes(b"ARROW1")
    with pytest.raises(DanqError, match=r"part-000001.arrow: damaged .*; remove it and score again"):
        score(job, tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


@given(st.integers(0, 40_000), st.integers(1, 30))
def test_shares_of_shards_are_all_parts_once(records, shards):
    work = Work(path=None, digest="", records=records)
    shares = [list(work.share(shard, shards)) for shard in range(1, shards + 1)]
    assert [part for share in shares for part in share] == list(range(-(-records // PART)))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert sum(work.records_of(part) for share in shares for part in share) == records


def test_no_records_give_empty_results(tmp_path, caplog):
    path = write_vcf(tmp_path / "none.vcf", [], GENOME)
    runner = ToyRunner(FUNCTIONS)
    manifest = score(job_of(path, runner), tmp_path / "out")
    assert "no records; the results will be empty" in caplog.text
    assert runner.windows == 0
    assert manifest.counts.model_dump() == {
        "records": 0,
        "alleles": 0,
        "scored": 0,
        "skipped": 0,
        "reasons": {},
        "flags": {},
    }
    table = pl.read_parquet(tmp_path / "out" / "scores.parquet")
    assert (table.height, table.columns[-1]) == (0, "2_tRNA gene__logit_diff")
    assert (tmp_path / "out" / "ledger.tsv").read_text().count("\n") == 1
    with pysam.VariantFile(str(tmp_path / "out" / "annotated.vcf.gz")) as annotated:
        assert list(annotated) == []


def test_chosen_targets_long_rows_and_text(small, tmp_path):
    wide = score(job_of(small, targets=["tRNA gene", "gc"]), tmp_path / "wide")
    assert (wide.targets, wide.target_index) == (("tRNA gene", "gc"), (2, 0))
    table = pl.read_parquet(tmp_path / "wide" / "scores.parquet")
    assert [name for name in table.columns if name.endswith("__diff")] == ["2_tRNA gene__diff", "0_gc__diff"]
    # summaries are over all targets whichever are written
    score(job_of(small), tmp_path / "all")
    everything = pl.read_parquet(tmp_path / "all" / "scores.parquet")
    assert everything.select(table.columns).equals(table)

    score(job_of(small, targets=["tRNA gene", "gc"]), tmp_path / "long", long=True)
    long = pl.read_parquet(tmp_path / "long" / "scores.parquet")
    place, measures = "row allele contig pos id ref alt", "p_ref p_alt diff logit_diff"
    assert " ".join(long.columns) == f"{place} target_index target {measures}"
    assert long.height == 2 * table.height
    for index, target in ((2, "tRNA gene"), (0, "gc")):
        of_target = long.filter(target_index=index)
        assert set(of_target["target"]) == {target}
        assert of_target["logit_diff"].to_list() == table[f"{index}_{target}__logit_diff"].to_list()

    score(job_of(small, targets=["gc"]), tmp_path / "text", form="tsv")
    assert not (tmp_path / "text" / "scores.parquet").exists()
    text = pl.read_csv(
        tmp_path / "text" / "scores.tsv", separator="\t", schema_overrides={"0_gc__p_alt": pl.Float32}
    )
    assert text["0_gc__p_alt"].to_list() == table["0_gc__p_alt"].to_list()
    assert text["alt"].to_list() == table["alt"].to_list()


def test_row_groups_do_not_depend_on_the_parts(vcf, tmp_path, monkeypatch):
    monkeypatch.setattr("danq.tables.ROW_GROUP", 900)
    score(job_of(vcf), tmp_path)
    file = pq.ParquetFile(tmp_path / "scores.parquet")
    sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert set(sizes[:-1]) == {900}
    assert file.schema_arrow.metadata[b"danq.strands"] == b"scores"


def test_files_of_an_earlier_scoring_do_not_stay(small, tmp_path):
    score(job_of(small, truth="Y"), tmp_path)
    assert {"truth.tsv", "annotated.vcf.gz.tbi", "scores.parquet"} <= {
        path.name for path in tmp_path.iterdir()
    }
    (tmp_path / "mine.txt").write_text("not ours")
    table = tmp_path / "alleles.tsv"
    table.write_text(f"chrI:5:{SEQUENCE[4]}:{OTHER[SEQUENCE[4]]}\n")
    manifest = score(job_of(table), tmp_path, form="tsv")
    assert {path.name for path in tmp_path.iterdir()} == {
        *("scores.tsv", "ledger.tsv", "scores.json", "mine.txt", "alleles.tsv"),
    }
    assert manifest.truth is None


def test_the_annotated_vcf_keeps_the_text_and_adds_the_scores(small, tmp_path):
    score(job_of(small, annotate=["tRNA gene"]), tmp_path)
    table = {
        (row["row"], row["allele"]): row
        for row in pl.read_parquet(tmp_path / "scores.parquet").iter_rows(named=True)
    }
    before = [line for line in small.read_text().splitlines() if not line.startswith("#")]
    after = [
        line
        for line in gzip.decompress((tmp_path / "annotated.vcf.gz").read_bytes()).decode().splitlines()
        if not line.startswith("#")
    ]
    assert len(before) == len(after)
    for row, (one, other) in enumerate(zip(before, after, strict=True), 1):
        assert other.startswith(one)
        alts = one.split("\t")[4].split(",")
        entries = dict(entry.split("=") for entry in other.split("\t")[7].split(";"))
        found = [table.get((row, allele)) for allele in range(1, len(alts) + 1)]
        if not any(found):
            assert other == one
            continue
        key = "danq_logit_diff_2_tRNA_gene"
        wanted = [f"{each['2_tRNA gene__logit_diff']:.6g}" if each else "." for each in found]
        assert entries[key].split(",") == wanted
        best = [each["max_target"].replace(" ", "%20") if each else "." for each in found]
        assert entries["danq_max_target"].split(",") == best
        largest = [f"{each['max_abs_logit_diff']:.6g}" if each else "." for each in found]
        assert entries["danq_max_abs_logit_diff"].split(",") == largest


def test_malformed_lines_are_in_the_ledger_only(tmp_path):
    lines = ["chrI 5 X! A", f"chrI 9 {SEQUENCE[8]} {OTHER[SEQUENCE[8]]}", "chrI ten A G"]
    path = write_vcf(tmp_path / "v.vcf", lines, GENOME)
    manifest = score(job_of(path), tmp_path / "out")
    assert manifest.counts.reasons == {"malformed": 2}
    with pysam.VariantFile(str(tmp_path / "out" / "annotated.vcf.gz")) as annotated:
        assert [record.pos for record in annotated] == [9]


def test_truth_is_compared_allele_by_allele(small, tmp_path):
    manifest = score(job_of(small, truth="Y", targets=["gc"]), tmp_path)
    table = pl.read_parquet(tmp_path / "scores.parquet")
    values = [line.split("Y=")[1].split(",") for line in records(N_SMALL)]
    labels = [int(values[row - 1][allele - 1]) for row, allele in table.select("row", "allele").iter_rows()]
    assert manifest.truth == {
        "kind": "labels",
        "n": len(labels),
        "positives": sum(labels),
        "without_value": 0,
    }
    from sklearn.metrics import roc_auc_score

    truth = pl.read_csv(tmp_path / "truth.tsv", separator="\t")
    row = truth.filter(score="logit_diff", target="gc").row(0, named=True)
    assert row["auroc"] == pytest.approx(roc_auc_score(labels, table["0_gc__logit_diff"]), abs=1e-5)


def test_alleles_without_a_true_value_are_counted_aloud(tmp_path, caplog):
    lines = [f"chrI {at} {SEQUENCE[at - 1]} {OTHER[SEQUENCE[at - 1]]}" for at in (20, 40)]
    table = tmp_path / "v.tsv"
    rows = [line.replace(" ", ":") for line in lines]
    table.write_text(f"variant\teffect\n{rows[0]}\t0.5\n{rows[1]}\t\n")
    score(job_of(table, truth="effect"), tmp_path / "out")
    assert (
        "--truth effect: 1 scored alleles have no value and are left out of the comparison with 1"
        in caplog.text
    )


def test_unsorted_input_has_no_index(tmp_path, caplog):
    lines = [f"chrI {pos} {SEQUENCE[pos - 1]} {OTHER[SEQUENCE[pos - 1]]}" for pos in (40, 20)]
    path = write_vcf(tmp_path / "v.vcf", lines, GENOME)
    manifest = score(job_of(path), tmp_path / "out")
    assert (manifest.sorted, manifest.indexed) == (False, False)
    assert "annotated.vcf.gz: no index: the input is not sorted; `bcftools sort`" in caplog.text
    assert not list((tmp_path / "out").glob("*.tbi"))


def test_a_header_without_contigs_is_warned_about(tmp_path, caplog):
    path = write_vcf(tmp_path / "v.vcf", [f"1 9 {SEQUENCE[8]} {OTHER[SEQUENCE[8]]}"])
    manifest = score(job_of(path), tmp_path / "out")
    assert "the header declares no contigs" in caplog.text
    assert (manifest.contigs.renamed, manifest.contigs.unknown) == ({"1": "chrI"}, ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": ["CTCF"]}, r"--target CTCF: expected a target of the model \(gc, GGA, tRNA gene\)"),
        ({"targets": ["gc", "gc"]}, "--target gc: named twice"),
        ({"annotate": ["CTCF"]}, "--annotate CTCF: expected a target"),
        ({"truth": "Z"}, "--truth Z: no such INFO key"),
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


def test_a_refusal_at_a_later_part_leaves_nothing(vcf, tmp_path):
    class Broken(ToyRunner):
        def logits(self, reference, alternate, group):
            found = super().logits(reference, alternate, group)
            return Logits(found.reference, found.alternate * (np.nan if self.windows > 8_000 else 1))

    with pytest.raises(DanqError, match="finite logits"):
        score(job_of(vcf, Broken(FUNCTIONS)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_input_that_changes_meanwhile_is_refused(small, tmp_path):
    path = tmp_path / "v.vcf"
    path.write_bytes(small.read_bytes())
    job = job_of(path)
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True)[:-3]))
    with pytest.raises(DanqError, match="changed while it was scored"):
        score(job, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_input_that_was_annotated_before_needs_another_prefix(small, tmp_path):
    score(job_of(small), tmp_path / "one")
    again = job_of(tmp_path / "one" / "annotated.vcf.gz")
    with pytest.raises(DanqError, match="--info-prefix"):
        files_of(again)
    score(again, tmp_path / "two", prefix="b_")
    text = gzip.decompress((tmp_path / "two" / "annotated.vcf.gz").read_bytes()).decode()
    assert "b_l2_logit_diff=" in text
    assert ";danq_l2_logit_diff=" in text


COLUMNS = Columns(targets=("a", "b", "c"), chosen=(2, 0), annotated=(1,), ensemble=True)


def test_rows_hold_every_allele_and_the_numbers_of_those_scored():
    alleles = [Allele(1, 1, "chrI", 5, "rs\udcff", "A", "C"), Allele(1, 2, "chrI", 5, ".", "A", "*", "star")]
    alleles.append(Allele(2, 1, "chrI", 7, ".", "A", "T", flags=("padded", "swapped")))
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    none = np.zeros((3, WINDOW), np.uint8)
    windows = Windows(none[:2], none[:2], np.array([0, 1]), tuple(alleles), np.array([0, 2]))
    found = Effects(values, values + 10, values + 20, values - 3, values / 2)
    batch = rows(ScoredBlock((), windows, found), COLUMNS)
    assert batch.column("reason").to_pylist() == ["", "star", ""]
    assert batch.column("flags").to_pylist() == ["", "", "padded,swapped"]
    # bytes that are no UTF-8 are shown, not refused
    assert batch.column("id").to_pylist() == ["rs\ufffd", ".", "."]
    assert batch.column("l2_logit_diff").null_count == 1
    assert batch.column("max_target").to_pylist() == [0, None, 2]
    np.testing.assert_array_equal(matrix(batch, "p_alt", 2), [[12, 10], [15, 13]])
    np.testing.assert_array_equal(matrix(batch, "annotated logit_diff", 1), [[-2], [1]])
    table = wide_table(batch, COLUMNS)
    assert table.column("2_c__logit_diff_sd").to_pylist() == [1.0, 2.5]
    assert table.column("max_target").to_pylist() == ["a", "c"]
    assert table.column("row").to_pylist() == [1, 2]


def test_counts_add_up_and_name_reasons_in_their_order():
    counts = Counts()
    counts.add(["", "star", "missing", "star"], ["padded,swapped", "", "", "padded"])
    counts.add([""], [""])
    assert (counts.scored, counts.skipped, counts.alleles) == (2, 3, 5)
    assert counts.of(4).flags == {"padded": 2, "swapped": 1}
    found = list(counts.of(4).reasons)
    assert found == sorted(found, key=list(REASONS).index)
    assert set(found) == {"star", "missing"}
    assert counts.describe().startswith("5 alleles: 2 scored, 3 skipped (")


def test_the_estimate_counts_what_is_missing(vcf, tmp_path, caplog):
    job = job_of(vcf, targets=["gc"])
    scorable = job.survey.reasons[""]
    work = open_work(tmp_path, job.digest, N_RECORDS)
    whole = estimate(job, work, [0, 1, 2], job.models.open())
    assert whole.alleles == scorable
    assert whole.rate > 0
    some = estimate(job, work, [2], job.models.open())
    assert some.alleles == pytest.approx(scorable * 57 / N_RECORDS, abs=1)
    assert some.result_bytes == whole.result_bytes
    assert estimate(job_of(vcf), work, [0], job_of(vcf).models.open()).work_bytes > whole.work_bytes
    compute_parts(job, work, [0, 1], job.models.open())
    assert estimate_job(job, tmp_path, False).alleles == some.alleles
    assert "at" in whole.describe()
    Estimate(10, 1.0, 10**18, 5).check_room(tmp_path / "not" / "yet", tmp_path)
    assert caplog.text.count("GB are needed") == 1
    nothing = job_of(write_vcf(tmp_path / "none.vcf", [], GENOME))
    said = estimate_job(nothing, None, False)
    assert (said.alleles, said.rate) == (0, None)
    assert "unknown" in said.describe()


def test_long_runs_are_estimated_before_they_start(small, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("danq.score.results.LONG", 10)
    with caplog.at_level("INFO", "danq"):
        score(job_of(small), tmp_path)
    assert "alleles to score: about" in caplog.text


def test_batches_of_a_part_are_read_one_at_a_time(vcf, tmp_path):
    job = job_of(vcf)
    work = open_work(tmp_path, job.digest, N_RECORDS)
    compute_parts(job, work, [0], job.models.open())
    assert work.missing(range(work.parts)) == [1, 2]
    read = work.read(0)
    batch, seconds = next(read)
    assert isinstance(batch, pa.RecordBatch)
    assert seconds > 0
    assert len(batch) < sum(len(batch) for batch, _ in work.read(0))
