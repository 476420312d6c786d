"""Finished parts put together: tables, annotated VCF, ledger, and what they add up to."""

import gzip
import re
import subprocess

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest
from phased import phased_vcf
from toy_models import ToyRunner, write_vcf
from toy_scoring import FUNCTIONS, GENOME, N_RECORDS, N_SMALL, OTHER, SEQUENCE, TABLES, job_of, records, score

from danq.errors import DanqError
from danq.score.tables import Counts
from danq.score.write import files_of
from danq.variants.alleles import REASONS


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
    caplog.set_level("INFO")
    lines = [f"chrI {at} {SEQUENCE[at - 1]} {OTHER[SEQUENCE[at - 1]]}" for at in (20, 40)]
    table = tmp_path / "v.tsv"
    rows = [line.replace(" ", ":") for line in lines]
    table.write_text(f"variant\teffect\n{rows[0]}\t0.5\n{rows[1]}\t\n")
    score(job_of(table, truth="effect"), tmp_path / "out")
    assert "--truth effect: effects without a sign of 1 allele (1 without a number); " in caplog.text


@pytest.mark.parametrize("declared", [True, False])
def test_unsorted_input_has_no_index_and_can_be_sorted_as_advised(tmp_path, caplog, bcftools, declared):
    # a filter and a key that no header declares, and a contig that the genome lacks
    lines = [
        f"chrI {pos} {SEQUENCE[pos - 1]} {OTHER[SEQUENCE[pos - 1]]} {more}"
        for pos, more in ((40, "PASS" if declared else "odd KEY=1"), (20, "PASS"))
    ]
    path = write_vcf(tmp_path / "v.vcf", [*lines, "chrUn 3 A G"])
    out = tmp_path / "my scores"
    manifest = score(job_of(path), out)
    assert (manifest.sorted, manifest.indexed) == (False, False)
    assert not list(out.glob("*.tbi"))
    advice = re.search("annotated.vcf.gz: no index: the input is not sorted; `(.*)` sorts it", caplog.text)[1]
    # as the user would, who is in another directory than the results
    subprocess.run(["bash", "-c", advice], cwd=tmp_path, check=True)
    with pysam.VariantFile(str(tmp_path / "sorted.vcf")) as read:
        assert [(record.chrom, record.pos) for record in read] == [("chrI", 20), ("chrI", 40), ("chrUn", 3)]
    if declared:
        command = [bcftools, "sort", "annotated.vcf.gz"]
        shown = subprocess.run(command, cwd=out, capture_output=True, text=True, check=True)
        rows = [line.split("\t")[:2] for line in shown.stdout.splitlines() if line[0] != "#"]
        assert rows == [["chrI", "20"], ["chrI", "40"], ["chrUn", "3"]]


def test_a_genome_of_an_earlier_release_is_told_where_ref_mismatches(tmp_path, caplog):
    ref = SEQUENCE[8]
    fitting, other = (write_vcf(tmp_path / f"{name}.vcf", [f"chrI 9 {name} T"]) for name in (ref, OTHER[ref]))
    assert GENOME.ambiguity is None
    score(job_of(fitting), tmp_path / "one")
    assert "ambiguity letters" not in caplog.text
    score(job_of(other), tmp_path / "other")
    assert "small: encoded without its ambiguity letters" in caplog.text


def test_a_header_without_contigs_is_warned_about(tmp_path, caplog):
    path = write_vcf(tmp_path / "v.vcf", [f"1 9 {SEQUENCE[8]} {OTHER[SEQUENCE[8]]}"])
    manifest = score(job_of(path), tmp_path / "out")
    assert "the header declares no contigs" in caplog.text
    assert (manifest.contigs.renamed, manifest.contigs.unknown) == ({"1": "chrI"}, ())


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
    with pytest.raises(DanqError, match=r"danq_max_abs_logit_diff, danq_max_target, .*--info-prefix danq2_`"):
        files_of(again)
    score(job_of(tmp_path / "one" / "annotated.vcf.gz", info_prefix="danq2_"), tmp_path / "two")
    text = gzip.decompress((tmp_path / "two" / "annotated.vcf.gz").read_bytes()).decode()
    assert "danq2_l2_logit_diff=" in text
    assert ";danq_l2_logit_diff=" in text


def test_a_file_of_which_nothing_can_be_scored_is_told(tmp_path, caplog):
    row = f"chrI\t20\t.\t{SEQUENCE[19]}\t{OTHER[SEQUENCE[19]]}\t.\t.\t.\tDP\t5"
    path = phased_vcf(tmp_path / "v.vcf", [row]).path
    assert score(job_of(path, samples=["all"]), tmp_path / "out").counts.reasons == {"not_carried": 1}
    assert "v.vcf: no allele can be scored; the ledger says why" in caplog.text


def test_records_with_the_keys_are_refused_before_a_model_is_loaded(tmp_path):
    line = f"chrI 20 {SEQUENCE[19]} {OTHER[SEQUENCE[19]]}"
    path = write_vcf(
        tmp_path / "v.vcf", [line, f"{line} PASS danq_max_target=a;Y=1;danq_l2_logit_diff=1"], GENOME
    )
    runner = ToyRunner(FUNCTIONS)
    with pytest.raises(DanqError, match=r"danq_max_target, danq_l2_logit_diff stand in records of .*v.vcf"):
        score(job_of(path, runner), tmp_path / "out")
    assert not runner.windows
    assert score(job_of(path, info_prefix="x_"), tmp_path / "out").counts.scored == 2


def test_lengths_of_another_build_are_told_before_the_model_is_loaded(tmp_path, caplog):
    path = write_vcf(tmp_path / "v.vcf", [f"1 20 {SEQUENCE[19]} {OTHER[SEQUENCE[19]]}"])
    text = path.read_text().replace("#CHROM", "##contig=<ID=1,length=249250621,assembly=b37>\n#CHROM")
    path.write_text(text)
    score(job_of(path), tmp_path / "out")
    assert "another build than the genome small: 1 of 1 contigs" in caplog.text.replace(
        str(GENOME.path), "small"
    )
    assert "(1 249,250,621 bp for " in caplog.text
    assert "the header's may be GRCh37 (hg19)" in caplog.text


def test_counts_add_up_and_name_reasons_in_their_order():
    counts = Counts()
    counts.add(
        pa.table(
            {
                "reason": ["", "star", "missing", "star"],
                "flags": ["padded,swapped", "", "", "padded"],
            }
        )
    )
    counts.add(pa.table({"reason": [""], "flags": [""]}))
    summary = counts.of(4)
    assert (summary.scored, summary.skipped, summary.alleles) == (2, 3, 5)
    assert summary.flags == {"padded": 2, "swapped": 1}
    found = list(summary.reasons)
    assert found == sorted(found, key=list(REASONS).index)
    assert set(found) == {"star", "missing"}
    assert summary.describe().startswith("5 alleles: 2 scored, 3 skipped (")
