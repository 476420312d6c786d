"""The number of threads is asked for; the same number gives the same bytes on whatever cores a job gets."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
import yaml
from tiny_dataset import write_tiny_dataset

needs_two_cores = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="fewer than two cores"
)

BLAS = """
import os, sys
from hashlib import sha256
os.sched_setaffinity(0, set(map(int, sys.argv[1].split(","))))
from danq.threads import described_threads, use_threads
use_threads(int(sys.argv[2]) or None)
import numpy as np
from threadpoolctl import threadpool_info
a = np.random.default_rng(0).random((700, 700), np.float32)
(blas,) = {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}
print(blas, *described_threads().values(), sha256((a @ a).tobytes() + (a @ a[0]).tobytes()).hexdigest())
"""


def multiplied(cores, threads):
    words = [sys.executable, "-c", BLAS, cores, str(threads)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


@needs_two_cores
def test_matrix_products_take_the_threads_that_were_asked_for():
    first, second = (str(core) for core in sorted(os.sched_getaffinity(0))[:2])
    *one, digest_one = multiplied(first, 2)
    *two, digest_two = multiplied(f"{first},{second}", 2)
    assert (one, two) == (["2", "2", "1"], ["2", "2", "2"])
    assert digest_one == digest_two
    assert multiplied(first, 0)[:3] == ["1", "1", "1"], "without a number the cores decide"


def test_more_threads_than_any_machine_has_are_refused_before_they_are_started():
    environment = os.environ | {"COLUMNS": "200"}
    words = [sys.executable, "-c", "from danq.cli import main; main()", "evaluate", "--threads", "100000"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=600)
    assert ended.returncode == 2
    assert "'--threads': Input should be less than or equal to 1024" in ended.stderr


VERBS = """
import os, sys
os.sched_setaffinity(0, set(map(int, sys.argv[1].split(","))))
from danq.cli import app
place, out, threads = sys.argv[2:]
data = ["--threads", threads, "--dataset", f"{place}/tiny"]
train = ["train", "--config", f"{place}/config.yaml", "--run", "net", *data, "--out", f"{out}/net"]
app(train, standalone_mode=False)
for split in ("valid", "test"):
    predict = ["predict", "--model", f"{out}/net", "--split", split, *data, "--out", f"{out}/{split}.npz"]
    app(predict, standalone_mode=False)
evaluate = ["evaluate", *data, "--out", f"{out}/evaluation", f"{out}/valid.npz", f"{out}/test.npz"]
app(evaluate, standalone_mode=False)
"""


@needs_two_cores
@pytest.mark.slow
def test_cores_change_no_byte_of_weights_predictions_and_metrics(tmp_path):
    """A DanQ of full width: on a small one TensorFlow would not share the work between threads."""
    write_tiny_dataset(tmp_path / "tiny")
    (tmp_path / "rows.csv").write_text("sequence,label\n")
    dataset = {"examples": str(tmp_path / "rows.csv"), "window": 60, "split": {"valid": 0.2, "test": 0.2}}
    run = {"model": "danq", "dataset": "tiny", "train": {"batch_size": 16, "epochs": 1}}
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"datasets": {"tiny": dataset}, "runs": {"net": run}})
    )
    first, second = (str(core) for core in sorted(os.sched_getaffinity(0))[:2])
    digests, training = {}, {}
    for cores, threads in ((first, 2), (f"{first},{second}", 2), (first, 1)):
        out = tmp_path / f"{len(cores)}.{threads}"
        words = [sys.executable, "-c", VERBS, cores, str(tmp_path), str(out), str(threads)]
        subprocess.run(words, check=True)
        info = json.loads((out / "net/bundle.json").read_text())
        names = ("valid.npz", "test.npz", "evaluation/metrics.tsv", "evaluation/calibration.tsv")
        files = [hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names]
        digests[out.name] = [info["digest"], *files]
        training[out.name] = info["training"]
        assert info["provenance"]["threads"] == threads
    assert digests["1.2"] == digests["3.2"]
    assert digests["1.1"][0] != digests["1.2"][0], "or the test could not fail"
    kept = {name: (each["threads"], each["usable_cores"]) for name, each in training.items()}
    assert kept == {"1.2": (2, 1), "3.2": (2, 2), "1.1": (1, 1)}
    assert training["1.2"]["device"].startswith("CPU (2 threads on 1 of ")
