"""Attacks through names: line breaks, columns and escape sequences in what files call things."""

import json
import logging
import subprocess
import sys

import polars as pl
import pytest
from bundles import manifest
from tiny_dataset import write_tiny_dataset

from danq.cli import _Printable
from danq.data.dataset import open_dataset
from danq.data.examples.deepsea import _targets
from danq.data.examples.files import unlabelled_texts
from danq.data.examples.making import build_example_dataset
from danq.data.options import DatasetOptions
from danq.data.regions.targets import read_targets
from danq.errors import DanqError, check_name, printable
from danq.genome.contigs import read_aliases
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome
from danq.genome.motifs import read_motifs
from danq.genome.tracks import read_intervals
from danq.learn.manifest import BundleManifest
from danq.score.manifest import ScoreCounts
from danq.variants.text import open_variants

EVIL = "\x1b[2Jx"
HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def test_what_breaks_lines_columns_or_the_terminal_is_no_name():
    for name in ("CTCF", "H3K4me3 (day 2)", "=cmd", "naïve T", "名前", "<b>", "a\u00a0b", "👩‍🔬"):
        assert check_name(name, "here") == name == printable(name)
    for name in ("a\nb", "a\tb", "a\rb", EVIL, "a\x00", "a\x7f", "a\x9bm", "a\u2028", "\u202eb", "\udc80"):
        with pytest.raises(DanqError, match=r"^here: expected a name of printable characters, received '"):
            check_name(name, "here")
        assert printable(name).isprintable()


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def refused(path, read, where=None):
    with pytest.raises(DanqError, match="printable characters, received") as refusal:
        read(path)
    assert str(refusal.value).startswith(f"{where or path}")
    assert printable(str(refusal.value)) == str(refusal.value)


def test_names_are_refused_where_they_enter(tmp_path):
    fasta = write(tmp_path / "g.fa", f">chrI\nACGT\n>{EVIL}\nACGT\n")
    refused(fasta, lambda path: build_genome(path, tmp_path / "genome"), f"{fasta}:3")
    refused(write(tmp_path / "t.bed", f"{EVIL}\t0\t5\n"), read_intervals)
    write(tmp_path / "one.bed", "chrI\t0\t5\n")
    table = write(tmp_path / "t.tsv", f"target\tpath\n{EVIL}\tone.bed\n")
    refused(table, read_targets, f"{table}:2")
    refused(write(tmp_path / "a.tsv", f"name\talias\nchrI\t{EVIL}\n"), read_aliases)
    refused(write(tmp_path / "m.txt", f">{EVIL}\n1 2\n3 4\n5 6\n7 8\n"), read_motifs)
    refused(write(tmp_path / "names.txt", f"one\n{EVIL}\n"), lambda path: _targets(path, 2))
    texts = write(tmp_path / "t.csv", f"name,text,label\n{EVIL},a b,1\n")
    refused(texts, lambda path: unlabelled_texts(path, "text", "utf-8"))
    options = DatasetOptions(kind="text", examples=texts)
    refused(texts, lambda _: build_example_dataset(options, "d", tmp_path / "d"))
    samples = write(tmp_path / "s.vcf", f"{HEAD}\tFORMAT\t{EVIL}\n")
    refused(samples, open_variants, f"{samples}:2")
    header = write(tmp_path / "h.vcf", f"##fileformat=VCFv4.2\n##contig=<ID={EVIL}>\n{HEAD[21:]}\n")
    refused(header, open_variants, f"{header}:2")
    refused(write(tmp_path / "v.tsv", f"variant\t{EVIL}\nchrI:1:A:C\t1\n"), open_variants)


@pytest.mark.parametrize("column", [0, 2, 4, 6])
def test_a_variant_of_such_a_name_is_malformed(tmp_path, column):
    fields = ["chrI", "5", "rs1", "A", "C", ".", "PASS", "."]
    fields[column] += EVIL
    text = open_variants(write(tmp_path / "v.vcf", "\n".join([HEAD, "\t".join(fields)]) + "\n"))
    (line,) = text.lines()
    assert text.fields(line.text) is None


@pytest.mark.parametrize(
    "change", [{"targets": ("CTCF", "a\n##INFO=<ID=x>")}, {"run": EVIL}, {"model": "\n.py"}]
)
def test_a_bundle_with_such_names_is_refused(tmp_path, change):
    manifest().model_copy(update=change).write(tmp_path)
    refused(tmp_path, BundleManifest.read, tmp_path / "bundle.json")


def test_a_dataset_and_a_genome_with_such_names_are_refused(tmp_path):
    dataset = write_tiny_dataset(tmp_path / "tiny")
    table = pl.read_parquet(dataset / "examples.parquet")
    table.with_columns(pl.col("name").str.replace("row3$", EVIL)).write_parquet(dataset / "examples.parquet")
    refused(dataset, open_dataset, dataset / "examples.parquet")
    build_genome(write(tmp_path / "g.fa", ">chrI\nACGT\n"), tmp_path / "genome")
    path = tmp_path / "genome" / "genome.json"
    content = json.loads(path.read_text())
    content["contigs"][0]["name"] = "a\tb"
    path.write_text(json.dumps(content))
    refused(tmp_path / "genome", open_genome, path)


def test_reasons_are_a_closed_list():
    counts = {"records": 1, "alleles": 1, "scored": 0, "skipped": 1, "flags": {}}
    assert ScoreCounts(**counts, reasons={"star": 1}).describe().endswith("(star 1)")
    with pytest.raises(ValueError, match=r"expected reasons of ref_mismatch, .*received '<img"):
        ScoreCounts(**counts, reasons={"<img src=x onerror=alert(1)>": 1})


def test_logs_and_refusals_escape_what_is_not_printable(tmp_path):
    record = logging.makeLogRecord({"msg": "read %s", "args": (EVIL + "\n",), "levelname": "INFO"})
    assert _Printable("%(levelname)s %(message)s").format(record) == r"INFO read \x1b[2Jx\n"
    done = subprocess.run(
        [sys.executable, "-c", "from danq.cli import main; main()", "genome", "--out", "x", "--", EVIL],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (2, "danq: \\x1b[2Jx: no such file\n")


def test_a_file_may_be_called_like_an_option(tmp_path):
    write(tmp_path / "--help", ">chrI\nACGT\n")
    done = subprocess.run(
        [sys.executable, "-c", "from danq.cli import main; main()", "genome", "--out", "x", "--", "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert (tmp_path / "x" / "genome.json").is_file()
