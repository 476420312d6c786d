"""What the workflow asks of a configuration: the files of each job, checked before any starts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.config import parse_config
from danq.config.merged import checked_config, write_once
from danq.config.workflow import (
    any_of,
    callset_files,
    check_files,
    dataset_files,
    run_files,
)
from danq.errors import DanqError
from tests.unit.config.good_config import GOOD, changed, with_callset


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with every file that the good configuration names."""
    monkeypatch.chdir(tmp_path)
    Path("genome.fa").write_text(">chrI\nACGT\n")
    Path("targets.tsv").write_text("target\tpath\none\ttracks/one.bed\n")
    Path("tracks").mkdir()
    Path("tracks/one.bed").write_text("chrI\t0\t2\n")
    return tmp_path


def test_files_of_a_dataset_and_a_run(project: Path):
    Path("black.bed").write_text("chrI\t0\t1\n")
    Path("motifs.meme").write_text("")
    raw = changed("datasets/marks/exclude", ["black.bed"])
    raw["runs"]["small"]["options"]["motifs"] = "motifs.meme"
    raw["runs"]["small"]["train"] = {"init_from": "bundles/old"}
    config = parse_config(raw, "c.yaml")
    assert dataset_files(config, "marks") == [Path("targets.tsv"), Path("black.bed"), Path("tracks/one.bed")]
    assert run_files(config, "small") == [Path("motifs.meme"), Path("bundles/old/bundle.json")]
    with pytest.raises(
        DanqError, match=r"runs\.small\.train\.init_from: .*'bundles/old/bundle\.json' \(no such"
    ):
        check_files(config, "c.yaml")


@pytest.fixture
def variants(project: Path) -> Path:
    Path("variants.vcf").write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    return project


def test_files_of_a_callset(variants: Path):
    raw = with_callset(aliases="names.tsv", background="common")
    Path("names.tsv").write_text("")
    config = parse_config(raw, "c.yaml")
    assert callset_files(config, "demo") == [
        Path("variants.vcf"),
        Path("names.tsv"),
        Path("common/background.json"),
        Path("common/background.npy"),
    ]
    with pytest.raises(
        DanqError,
        match=r"callsets\.demo\.background: expected a file, received 'common/background\.json' \(no",
    ):
        check_files(config, "c.yaml")
    Path("common").mkdir()
    for name in ("background.json", "background.npy"):
        Path("common", name).write_text("")
    check_files(config, "c.yaml")


def test_what_a_callset_names_is_checked_before_any_training(variants: Path):
    table = {"vcf": "alleles.tsv"}
    Path("alleles.tsv").write_text("variant\te\nchrI:1:A:C\t1\n")
    check_files(parse_config(with_callset(targets=["one"], regions=["chrI:1-2", "chrII"]), "c.yaml"), "")
    for keys, expected in (
        (
            {"targets": ["one", "two"]},
            r"c\.yaml: callsets\.demo\.targets\.1: expected a target \(one\), .* 'two'",
        ),
        ({"annotate": ["ONE"]}, r"callsets\.demo\.annotate\.0: expected a target \(one\), received 'ONE'"),
        ({"regions": ["chrI:2-1"]}, r"callsets\.demo\.regions\.0: expected a contig or a region such as"),
        ({"samples": ["s"]}, r"callsets\.demo\.samples: variants\.vcf: expected genotypes of samples"),
        (table | {"truth": "E"}, r"callsets\.demo\.truth: alleles\.tsv: truth E: no such column; .* has e"),
        (table | {"truth": "e", "truth_group": "g"}, r"demo\.truth_group: .*truth_group g: no such column"),
        ({"aliases": "targets.tsv"}, r"callsets\.demo\.aliases: targets\.tsv:1: expected the columns `name`"),
    ):
        with pytest.raises(DanqError, match=expected):
            check_files(parse_config(with_callset(**keys), "c.yaml"), "c.yaml")
    Path("variants.vcf").write_text("##fileformat=VCFv4.2\n")
    with pytest.raises(DanqError, match=r"c\.yaml: callsets\.demo\.vcf: variants\.vcf"):
        check_files(parse_config(with_callset(), "c.yaml"), "c.yaml")
    Path("variants.vcf").write_text("chrI:1:A:C\n")
    Path("more.tsv").write_text("target\tpath\ntwo\ttracks/one.bed\n")
    raw = with_callset()
    raw["datasets"]["fold"]["targets"] = "more.tsv"
    with pytest.raises(
        DanqError, match=r"demo\.runs\.1: expected the targets of the other runs, .* more\.tsv"
    ):
        check_files(parse_config(raw, "c.yaml"), "c.yaml")


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("genome.fa", r"c\.yaml: genomes\.yeast: expected a file, received 'genome\.fa' \(no such file\)"),
        ("targets.tsv", r"c\.yaml: datasets\.marks\.targets: expected a file"),
        ("tracks/one.bed", r"targets\.tsv:2: expected a track file"),
    ],
)
def test_missing_files_are_named_with_their_key(project: Path, missing: str, expected: str):
    config = parse_config(GOOD, "c.yaml")
    check_files(config, "c.yaml")
    Path(missing).unlink()
    with pytest.raises(DanqError, match=expected):
        check_files(config, "c.yaml")


def test_a_directory_is_no_file(project: Path):
    with pytest.raises(
        DanqError, match=r"genomes\.yeast: expected a file, received 'tracks' \(a directory\)"
    ):
        check_files(parse_config(changed("genomes/yeast", "tracks"), "c.yaml"), "c.yaml")


def test_the_workflow_ends_with_one_line(project: Path, capsys: pytest.CaptureFixture[str]):
    assert checked_config(GOOD, []).runs["small"].options["filters"] == 16
    with pytest.raises(SystemExit) as end:
        checked_config(changed("runs/small/trian", {}), [])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    Path("twice.yaml").write_text("runs: {}\nruns: {}\n")
    with pytest.raises(SystemExit):
        checked_config(GOOD, ["twice.yaml"])
    assert "twice.yaml:2: key 'runs' stands in line 1 already" in capsys.readouterr().err


def test_values_of_the_command_line_are_numbers_where_they_look_like_it(project: Path):
    # snakemake --config 'runs={small: {…}}' hands over every value as text
    given: dict[str, Any] = {
        "runs": {"small": {"train": {"epochs": "3", "learning_rate": "1e-4", "require_gpu": "true"}}}
    }
    given["runs"]["small"]["train"] |= {"clip_norm": "null", "freeze": ["conv", "lstm"], "optimizer": "adam"}
    merged = changed("runs/small/train", given["runs"]["small"]["train"])
    merged["runs"]["small"]["train"] |= {"seed": 5}
    train = checked_config(merged, [], given).runs["small"].train
    # of a module, below a key of the other workflow's
    assert checked_config(merged, [], {"samples": "3", "models": given}).runs["small"].train == train
    assert (train.epochs, train.learning_rate, train.require_gpu, train.seed) == (3, 0.0001, True, 5)
    assert (train.clip_norm, train.freeze, train.optimizer) == (None, ["conv", "lstm"], "adam")


def test_the_merged_configuration_is_written_only_when_it_changed(tmp_path: Path):
    path = tmp_path / "results" / "config.json"
    write_once(parse_config(GOOD, "c.yaml"), path)
    before = path.stat()
    write_once(parse_config(GOOD, "c.yaml"), path)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino
    write_once(parse_config(changed("runs/small/train/epochs", 3), "c.yaml"), path)
    assert json.loads(path.read_text())["runs"]["small"]["train"]["epochs"] == 3


@given(st.sets(st.text("ab.1", max_size=5), max_size=20), st.text("ab.1x", max_size=6))
def test_any_of_names(names: set[str], other: str):
    pattern = re.compile(f"runs/(?P<run>{any_of(names)})/model")
    for name in names:
        assert pattern.fullmatch(f"runs/{name}/model")["run"] == name
    assert bool(pattern.fullmatch(f"runs/{other}/model")) == (other in names)


def test_many_seeds_are_a_short_pattern():
    assert len(any_of(f"danq.seed{seed}" for seed in range(1000, 2000))) < 3000


def test_jobs_that_share_no_files_get_no_shards_and_need_no_files_of_the_user(project: Path):
    vcf = {"vcf": "a.vcf", "runs": ["small"]}
    Path("a.vcf").write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    merged = changed("callsets", {"a": vcf, "b": vcf | {"vcf": "absent.vcf"}})
    with pytest.raises(SystemExit):
        checked_config(merged, [], shared=False)
    assert set(checked_config(merged, [], shared=False, far_away=True).callsets) == {"a"}
    cut = changed("callsets", {"a": vcf | {"shards": 2}})
    assert checked_config(cut, []).callsets["a"].shards == 2
    genome = changed("genomes/yeast", {"fasta": "genome.fa", "shards": 2})
    for refused in (cut, genome, changed("runs/small/shards", 2)):
        with pytest.raises(SystemExit):
            checked_config(refused, [], shared=False)
