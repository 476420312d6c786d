import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import yaml
from tiny_dataset import SMALL, write_tiny_dataset
from typer.testing import CliRunner
from verbs import danq_process

from danq.cli import app
from danq.errors import DanqError
from danq.learn.bundle import load_bundle, model_weights
from danq.storage import sealed

RUNS = {
    "small": {"model": "danq", "dataset": "tiny", "options": SMALL, "train": {"batch_size": 16, "epochs": 1}},
    "gpu": {"model": "danq", "dataset": "tiny", "train": {"require_gpu": True}},
    "long": {"model": "danq", "dataset": "tiny", "options": SMALL, "train": {"batch_size": 4, "epochs": 60}},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A dataset and a configuration that names it."""
    place = tmp_path_factory.mktemp("place")
    write_tiny_dataset(place / "tiny")
    (place / "rows.csv").write_text("sequence,label\n")
    dataset = {"examples": str(place / "rows.csv"), "window": 60, "split": {"valid": 0.2, "test": 0.2}}
    config = {"datasets": {"tiny": dataset}, "runs": RUNS}
    (place / "config.yaml").write_text(yaml.safe_dump(config))
    return place


def arguments(place, run, out):
    return [
        *("train", "--config", str(place / "config.yaml"), "--run", run),
        *("--dataset", str(place / "tiny"), "--out", str(out)),
    ]


def call(*words):
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_train_writes_a_bundle_and_closes_with_device_and_speed(place, tmp_path, caplog):
    caplog.set_level("INFO", "danq")
    result = call(*arguments(place, "small", tmp_path / "small"))
    assert result.exit_code == 0
    assert json.loads((tmp_path / "small" / "bundle.json").read_text())["run"] == "small"
    closing = caplog.messages[-1]
    assert closing.startswith("trained small: 1 epochs in")
    for part in ("device ", ", float32", " samples/s", "% of the time waiting for input"):
        assert part in closing


def test_an_output_that_cannot_be_written_is_refused_before_training(place, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with pytest.raises(DanqError, match="file"):
        call(*arguments(place, "small", tmp_path / "file" / "small"))
    assert not any("epoch" in message for message in caplog.messages)


def test_a_dataset_that_the_run_does_not_name_is_refused(place, tmp_path):
    """Another fold, say, whose training rows are this run's test rows."""
    manifest = json.loads((place / "tiny" / "dataset.json").read_text())
    (tmp_path / "fold").mkdir()
    (tmp_path / "fold" / "dataset.json").write_text(json.dumps(sealed(manifest | {"name": "tiny.fold2"})))
    words = arguments(place, "small", tmp_path / "out")
    words[words.index(str(place / "tiny"))] = str(tmp_path / "fold")
    with pytest.raises(DanqError, match="expected dataset 'tiny', which run 'small' names"):
        call(*words)


def test_unknown_run(place, tmp_path):
    with pytest.raises(DanqError, match="expected --run of gpu, long, small, composition; received 'smal'"):
        call(*arguments(place, "smal", tmp_path / "out"))


def test_a_required_gpu_is_missed_before_the_data_are_read(place, tmp_path, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    words = arguments(place, "gpu", tmp_path / "out")
    (tmp_path / "without_rows").mkdir()
    shutil.copy(place / "tiny" / "dataset.json", tmp_path / "without_rows")
    words[words.index("--dataset") + 1] = str(tmp_path / "without_rows")
    with pytest.raises(DanqError, match="require_gpu: expected a GPU, found none"):
        call(*words)
    assert not (tmp_path / "out").exists()


def test_summary_of_a_dataset_and_without_one(place):
    config = str(place / "config.yaml")
    text = call("summary", "--config", config, "--run", "small", "--dataset", str(place / "tiny")).output
    assert text.startswith("danq: window 60 bp, 3 targets, multilabel")
    lines = [line.split() for line in text.splitlines()]
    assert ["conv", "Conv1D", "(n,", "55,", "6)", "150"] in lines
    assert "│" in text
    with pytest.raises(DanqError, match="name it with --dataset"):
        call("summary", "--config", config, "--run", "small")


def test_summary_reads_window_and_targets_from_the_configuration(repository, monkeypatch):
    monkeypatch.chdir(repository)
    text = call("summary", "--config", "config/config.yaml", "--run", "danq").output
    assert "6 targets, multilabel" in text.splitlines()[0]
    lines = text.splitlines()
    end = next(number for number, line in enumerate(lines) if re.fullmatch(r"[\d,]+ parameters", line))
    counts = [int(line.split()[-1].replace(",", "")) for line in lines[4 : end - 1]]
    assert int(lines[end].split()[0].replace(",", "")) == sum(counts) > 0


def test_summary_of_the_published_network(place, tmp_path):
    targets = "".join(f"t{number}\tt.bed\n" for number in range(919))
    (tmp_path / "targets.tsv").write_text(f"target\tpath\n{targets}")
    (tmp_path / "t.bed").write_text("chr1\t0\t9\n")
    (tmp_path / "g.fa").write_text(">chr1\nACGT\n")
    config = {
        "genomes": {"g": str(tmp_path / "g.fa")},
        "datasets": {
            "d": {"targets": str(tmp_path / "targets.tsv"), "split": {"valid": ["a"], "test": ["b"]}}
        },
        "runs": {"danq": {"model": "danq", "dataset": "d"}},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    assert (
        "\n46,926,479 parameters\n"
        in call("summary", "--config", str(tmp_path / "c.yaml"), "--run", "danq").output
    )


def test_doctor_ends_with_a_verdict():
    lines = call("doctor").output.splitlines()
    assert lines[-1].startswith("verdict ")
    assert any(line.startswith("fast recurrent path (lstm)") for line in lines)


def test_what_is_stopped_before_its_work_begins_says_so_and_blames_no_file(place, tmp_path):
    (tmp_path / "own.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    config = yaml.safe_load((place / "config.yaml").read_text())
    config["runs"]["small"]["model"] = str(tmp_path / "own.py")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    words = ["--config", "config.yaml", "--run", "small", "--dataset", place / "tiny", "--out", "run"]
    ended = danq_process("train", *words, cwd=tmp_path)
    assert ended.returncode == 143, ended.stderr
    assert ended.stderr.endswith(" WARNING stopped by SIGTERM; the same command begins again\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_cluster_time_limit_ends_with_143_and_the_same_command_goes_on(place, tmp_path):
    """The signal comes at a moment nobody chose; the end is byte-equal to a training never stopped."""
    command = [
        sys.executable,
        "-c",
        "from danq.cli import main; main()",
        *arguments(place, "long", tmp_path / "cut"),
    ]
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stderr=subprocess.PIPE, text=True
    )
    # a pipe that holds fewer lines than the training writes: it waits before its end
    fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
    for line in process.stderr:
        if "epoch 2/60" in line:
            break
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 143, errors
    assert "stopped by SIGTERM in epoch" in errors
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [".checkpoint"]
    for out in ("cut", "whole"):
        call(*arguments(place, "long", tmp_path / out))
    assert load_bundle(tmp_path / "cut").info.training["resumed"] == 1
    cut, whole = (model_weights(load_bundle(tmp_path / out).model) for out in ("cut", "whole"))
    assert [array.tobytes() for array in cut] == [array.tobytes() for array in whole]
    golden = [(tmp_path / out / "golden.npz").read_bytes() for out in ("cut", "whole")]
    assert golden[0] == golden[1]
