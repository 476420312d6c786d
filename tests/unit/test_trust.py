"""Attacks through bundles and configurations of others: none has code run, and no model reads files."""

import json
import re

import numpy as np
import pytest
import typer
from tiny_dataset import OWN_LAYER, WINDOW, tiny_run, write_tiny_dataset
from untrained import save_model
from verbs import danq

from danq.cli import app
from danq.config import load_config
from danq.errors import DanqError
from danq.files import sha256
from danq.learn.bundle import load_bundle
from danq.learn.manifest import BundleManifest
from danq.learn.predict.predictor import Predictor
from danq.learn.train.run import train_run
from danq.models import load_model_module
from danq.score.runner import WholeWindows, open_runner

EVIL = "from pathlib import Path\nPath({marker!r}).touch()\nfrom danq.models.danq import *\n"


@pytest.fixture
def evil(tmp_path):
    """A bundle that names a file beside it as the code of its model, what the file is, and what it leaves."""
    file, marker = tmp_path / "evil.py", tmp_path / "was_here"
    file.write_text(EVIL.format(marker=str(marker)))
    save_model(tmp_path / "bundle", model=str(file), model_file=sha256(file))
    return tmp_path / "bundle", file, marker


def test_a_bundle_runs_no_code(evil):
    bundle, _, marker = evil
    assert isinstance(open_runner(bundle), WholeWindows)
    assert load_bundle(bundle).info.model == str(evil[1])
    # as long as the weights do not load, either
    (bundle / "model.keras").write_bytes(b"PK nothing")
    for load in (open_runner, load_bundle):
        with pytest.raises(DanqError):
            load(bundle)
    assert not marker.exists()


def test_the_file_that_the_user_names_is_run(evil, tmp_path, capsys):
    bundle, file, marker = evil
    whole = open_runner(bundle)
    other = tmp_path / "other.py"
    other.write_text(file.read_text() + "\n")
    (tmp_path / "r.bed").write_text("chrI\t1\t30\n")
    (tmp_path / "g.fa").write_text(">chrI\n" + "ACGTAACC" * 20 + "\n")
    predict = ["predict", "--model", bundle, "--bed", tmp_path / "r.bed", "--genome", tmp_path / "g.fa"]
    predict += ["--out", tmp_path / "p.tsv", "--trust-model-code"]
    assert danq(*predict, other) == 2
    assert f"--trust-model-code {other}: expected the very file that" in capsys.readouterr().err
    assert not marker.exists()
    assert danq(*predict, file) == 0
    assert marker.exists()
    shared = open_runner(bundle, trusted=[file])
    assert type(shared).__name__ == "SharedWork"
    codes, group = np.random.default_rng(0).integers(0, 4, (3, 40), np.uint8), np.arange(3)
    np.testing.assert_allclose(
        shared.logits(codes, codes, group).alternate, whole.logits(codes, codes, group).alternate, atol=1e-5
    )


@pytest.mark.parametrize("verb", ["score", "background", "ism"])
def test_scoring_runs_the_file_only_where_the_user_names_it(evil, tmp_path, verb):
    bundle, file, marker = evil
    (tmp_path / "g.fa").write_text(">chrI\n" + "ACGTAACC" * 20 + "\n")
    (tmp_path / "v.tsv").write_text("variant\nchrI:41:A:G\n")
    words = ["--model", bundle, "--genome", tmp_path / "g.fa", "--vcf", tmp_path / "v.tsv"]
    assert danq(verb, *words, "--out", tmp_path / "a") == 0
    assert not marker.exists()
    assert danq(verb, *words, "--out", tmp_path / "b", "--trust-model-code", file) == 0
    assert marker.exists()


def test_checking_somebody_s_configuration_runs_no_file(evil, tmp_path, capsys, caplog, monkeypatch):
    _, file, marker = evil
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.fa").write_text(">chrI\nACGT\n")
    (tmp_path / "one.bed").write_text("chrI\t0\t2\n")
    (tmp_path / "t.tsv").write_text("target\tpath\none\tone.bed\n")
    text = (
        "genomes: {g: g.fa}\ndatasets: {d: {targets: t.tsv, split: {valid: [chrI], test: [chrII]}}}\n"
        f"runs: {{r: {{model: {file}, dataset: d, options: {{filter: 3}}}}}}\n"
    )
    (tmp_path / "c.yaml").write_text(text)
    with caplog.at_level("WARNING", "danq"):
        assert danq("config", "check", "c.yaml") == 0
    assert f"{file} was not run: options of its runs are unchecked" in caplog.text
    # what does not need a model does not run it either
    capsys.readouterr()
    assert danq("dataset", "--config", "c.yaml", "--name", "d", "--genome", "nowhere", "--out", "out") == 2
    assert capsys.readouterr().err.startswith("danq: nowhere")
    assert not marker.exists()
    assert danq("config", "check", "c.yaml", "--trust-model-code", file) == 2
    assert "runs.r.options.filter: unknown key" in capsys.readouterr().err
    assert marker.exists()


def test_a_search_over_somebody_s_model_runs_no_file_either(evil, tmp_path):
    _, file, marker = evil
    run = {"model": str(file), "dataset": "d", "search": {"trials": 2, "options": {"filters": [3, 4]}}}
    config = {"datasets": {"d": {"examples": "e.csv"}}, "runs": {"r": run}}
    assert load_config(_yaml(tmp_path / "c.yaml", config)).runs["r"].search is not None
    assert not marker.exists()


def _yaml(path, content):
    path.write_text(json.dumps(content))
    return path


def test_a_trusted_file_is_run_as_it_was_compared(evil):
    bundle, file, marker = evil
    file.write_text(file.read_text() + "\n")
    with pytest.raises(DanqError, match="expected the file with SHA-256"):
        load_model_module(str(file), BundleManifest.read(bundle).model_file)
    assert not marker.exists()


def app_command():
    return typer.main.get_command(app)


def shell_commands(repository):
    """Every shell command of the workflow, in one piece each."""
    for path in sorted((repository / "workflow" / "rules").glob("*.smk")):
        for block in re.findall(r"shell:\s*((?:\"[^\"]*\"\s*)+)", path.read_text()):
            yield "".join(re.findall(r'"([^"]*)"', block))


def positional(verb):
    """Whether a verb takes anything that is no option."""
    command = app_command().get_command(None, verb)
    return any(parameter.param_type_name == "argument" for parameter in command.params)


def test_no_rule_takes_a_file_for_an_option(repository):
    commands = list(shell_commands(repository))
    assert len(commands) == sum(
        path.read_text().count("shell:") for path in (repository / "workflow" / "rules").glob("*.smk")
    )
    with_files = 0
    for command in commands:
        # what starts several processes of it is danq's own
        words = command.removeprefix("{params.launch}").split()
        assert words[0] == "danq"
        assert words[-2:] == ["2>", "{log:q}"]
        words = words[2:-2]
        # what is no option, nor the value of one, nor options that the rule puts together, stands behind --
        end = words.index("--") if "--" in words else len(words)
        loose = [
            word
            for before, word in zip(["", *words], words[:end], strict=False)
            if not (word.startswith(("--", "{params.")) or before.startswith("--"))
        ]
        assert not loose, command
        assert ("--" in words) == positional(command.split()[1]), command
        with_files += "--" in words
    assert with_files >= 2


def test_layers_of_one_s_own_are_loaded_only_with_trust(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN_LAYER)
    options = {"filters": 6, "kernel": 6, "pool": 9, "units": 4, "dense": 5}
    run = tiny_run(str(file), options, epochs=1)
    train_run("own", run, write_tiny_dataset(tmp_path / "tiny"), tmp_path / "own", tmp_path)
    with pytest.raises(DanqError, match=r"received danq_own_model_\w+\.Twice.*needs --trust-model-code"):
        load_bundle(tmp_path / "own")
    predictor = Predictor(load_bundle(tmp_path / "own", [file]))
    assert predictor.logits(np.zeros((2, WINDOW), np.uint8)).shape == (2, 3)
