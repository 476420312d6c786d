"""Who trains together, by TF_CONFIG or Slurm's variables, and trainings of two processes on this machine."""

import csv
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from pydantic import ValidationError
from tiny_dataset import write_tiny_dataset

from danq.errors import DanqError
from danq.learn import workers
from danq.learn.devices import workers_of
from danq.learn.manifest import BundleManifest
from danq.learn.options import TrainOptions
from danq.learn.workers import ALONE, Workers, expand_nodes, find_workers, meet, tf_config

TWO = ["one:2001", "two:2002"]
NODES = {
    "n1": ["n1"],
    "n[1-2],m5,o[3-4,6]": ["n1", "n2", "m5", "o3", "o4", "o6"],
    "gpu[08-11]": ["gpu08", "gpu09", "gpu10", "gpu11"],
    "rack[1-2]n[07,9]-ib": ["rack1n07-ib", "rack1n9-ib", "rack2n07-ib", "rack2n9-ib"],
}


@pytest.mark.parametrize("text", NODES)
def test_slurms_short_form_of_nodes_is_written_out(text):
    assert expand_nodes(text) == NODES[text]


@pytest.mark.parametrize("text", ["", "n[1-2", "n[a-b]", "n]1[", "n[]"])
def test_what_is_no_list_of_nodes_is_refused(text):
    with pytest.raises(DanqError, match="SLURM_JOB_NODELIST: expected nodes such as"):
        expand_nodes(text)


def slurm(**variables):
    return {f"SLURM_{name}": str(value) for name, value in variables.items()}


def test_tasks_of_slurm_become_workers_each_on_its_node_with_ports_of_the_job():
    job = slurm(JOB_ID=7, JOB_NODELIST="n[9-11]", NTASKS=4, TASKS_PER_NODE="1(x2),2", PROCID=3)
    found = find_workers(job)
    assert found == Workers(("n9:12448", "n10:12448", "n11:12448", "n11:12449"), 3)
    assert not found.leads
    # the step is what counts, and others have other ports
    step = slurm(STEP_ID=2, STEP_NODELIST="n[10-11]", STEP_NUM_TASKS=2, STEP_TASKS_PER_NODE="1(x2)", PROCID=0)
    assert find_workers(job | step) == Workers(("n10:12464", "n11:12464"), 0)
    # evenly where it is not said; on one node the machine needs no name
    few = slurm(JOB_ID=8, JOB_NODELIST="n[1-2]", NTASKS=2, PROCID=1)
    assert find_workers(few) == Workers(("n1:12512", "n2:12512"), 1)
    assert find_workers(few | slurm(JOB_NODELIST="n1")).addresses == ("localhost:12512", "localhost:12513")


def test_tensorflow_is_told_what_slurm_says_and_tf_config_comes_first():
    found = Workers(tuple(TWO), 1)
    assert find_workers({"TF_CONFIG": tf_config(found), **slurm(PROCID=0, NTASKS=9)}) == found
    chief = {"cluster": {"chief": TWO[:1], "worker": TWO[1:]}, "task": {"type": "worker", "index": 0}}
    # a first worker beside a chief does not lead
    assert find_workers({"TF_CONFIG": json.dumps(chief)}) == found


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "expects a task of Slurm's .* or the environment variable TF_CONFIG"),
        (
            slurm(PROCID="x", NTASKS=2),
            "SLURM_PROCID: expected a number, as in a task of srun's; received 'x'",
        ),
        (slurm(PROCID="²", NTASKS=2), "SLURM_PROCID: expected a number"),
        (slurm(PROCID=0), "SLURM_NTASKS: expected a number"),
        (slurm(PROCID=0, NTASKS=2, TASK_PID=9, JOB_NODELIST="n1"), "started by srun in each of the job's 2"),
        (slurm(PROCID=2, NTASKS=2, JOB_ID=1, JOB_NODELIST="n1"), "received task 2, and of the nodes 2 tasks"),
        (
            slurm(PROCID=1, NTASKS=4, JOB_ID=1, JOB_NODELIST="n[1-2]", NODEID=1, LOCALID=0),
            r"numbered node by node \(srun --distribution=block\); received task 1 as number 0 of node 1",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(variables, message):
    with pytest.raises(DanqError, match=message):
        find_workers(variables)


@pytest.mark.parametrize(
    "text",
    [
        *("no json", "{}", '{"cluster": {"worker": null}}', "[]"),
        json.dumps({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": 2}}),
        json.dumps({"cluster": {"worker": TWO}, "task": {"type": "ps", "index": 0}}),
        json.dumps({"cluster": {"worker": ["a:1", "a:1"]}, "task": {"index": 0}}),
        json.dumps({"cluster": {"worker": ["a", "b:x"]}, "task": {"index": 0}}),
        json.dumps({"cluster": {"worker": ["a:65536", "b:1"]}, "task": {"index": 1}}),
        json.dumps({"cluster": {"worker": TWO}, "task": {"index": 1.5}}),
        json.dumps({"cluster": {"worker": [["a", 1], ["b", 1]]}, "task": {"index": 0}}),
    ],
)
def test_a_tf_config_that_names_no_workers_is_refused(text):
    with pytest.raises(DanqError, match="multi_worker expects TF_CONFIG with"):
        find_workers({"TF_CONFIG": text})


def test_one_task_trains_alone_and_another_number_than_asked_for_is_refused(monkeypatch, caplog):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for name, value in slurm(PROCID=0, NTASKS=1).items():
        monkeypatch.setenv(name, value)
    assert workers_of(TrainOptions(distribute="multi_worker")) == ALONE
    assert "one task only: this process trains alone" in caplog.text
    with pytest.raises(DanqError, match="expected as many as were started, 1; received 4"):
        workers_of(TrainOptions(distribute="multi_worker", workers=4))
    assert workers_of(TrainOptions()) == ALONE


def test_options_that_do_not_go_together_are_refused():
    with pytest.raises(ValidationError, match="expected nothing unless `distribute` is multi_worker"):
        TrainOptions(workers=2)
    with pytest.raises(ValidationError, match="expected a multiple of the 3 workers that share a batch"):
        TrainOptions(distribute="multi_worker", workers=3)


def test_workers_wait_for_each_other_and_say_who_did_not_come(caplog):
    caplog.set_level(logging.INFO)
    addresses = tuple(f"localhost:{free_port()}" for _ in range(3))
    calls = [threading.Thread(target=meet, args=(Workers(addresses, number),)) for number in (1, 2)]
    for call in calls:
        call.start()
    meet(Workers(addresses, 0))
    for call in calls:
        call.join(600)
        assert not call.is_alive()
    assert f"waiting for the other workers: {addresses[1]}, {addresses[2]}" in caplog.text
    for index, late in ((0, "worker 1 .*, worker 2 .*"), (1, "worker 0 .*")):
        with pytest.raises(DanqError, match=f"{late} did not come within 0 s"):
            meet(Workers(addresses, index), wait=0.1)
    with socket.create_server(("", 0)) as other:
        taken = f"localhost:{other.getsockname()[1]}", addresses[1]
        with pytest.raises(DanqError, match=r"workers of this training speak with each other: .* in use"):
            meet(Workers(taken, 0), wait=1)


def test_workers_with_unlike_gpus_are_refused_all_of_them():
    addresses = tuple(f"localhost:{free_port()}" for _ in range(3))
    refused = []

    def come(number, gpus):
        with pytest.raises(DanqError) as error:
            meet(Workers(addresses, number), gpus)
        refused.append(str(error.value))

    calls = [threading.Thread(target=come, args=both) for both in ((1, 2), (2, 1))]
    for call in calls:
        call.start()
    come(0, 2)
    for call in calls:
        call.join(600)
    assert len(refused) == 3
    assert all(
        "GPUs for each worker; received those of worker 0 2, worker 1 2, worker 2 1;" in line
        for line in refused
    )


def test_a_stranger_on_the_port_is_no_worker(monkeypatch):
    addresses = tuple(f"localhost:{free_port()}" for _ in range(2))
    leading = threading.Thread(target=meet, args=(Workers(addresses, 0),))
    leading.start()
    for words in (b"GET / HTTP/1.0\r\n\r\n", b'1 ["other:1", "other:2"]\n', b"1\n"):
        host, _, port = addresses[0].partition(":")
        for _ in range(1000):
            try:
                with socket.create_connection((host, int(port)), timeout=5) as call:
                    call.sendall(words)
                    assert call.recv(10) == b""
                break
            except ConnectionRefusedError:
                workers.time.sleep(0.05)
        else:
            pytest.fail("nobody listens")
    assert leading.is_alive()
    meet(Workers(addresses, 1))
    leading.join(600)


def start(kind, dataset, out, repository, *request, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "devices_script", kind, str(dataset), str(out), *request],
        env={**os.environ, "PYTHONPATH": f"{repository / 'tests'}:{repository}", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*processes, statuses=None):
    """Wait for processes; what they wrote on stderr."""
    errors = [process.communicate(timeout=500)[1] for process in processes]
    for process, error, status in zip(processes, errors, statuses or [0] * len(processes), strict=True):
        assert process.returncode == status, error
    return errors


def losses(out):
    with (out / "history.tsv").open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return [float(row[name]) for row in rows for name in ("train_loss", "valid_loss", "valid_auroc")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def train_both(data, out, repository, *request):
    """Two workers, the second of which sends itself a signal."""
    addresses = tuple(f"localhost:{free_port()}" for _ in range(2))
    requests = ((), request)
    return [
        start("multi_worker", data, out, repository, *requests[index], TF_CONFIG=tf_config(own))
        for index, own in enumerate((Workers(addresses, 0), Workers(addresses, 1)))
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, repository):
    """Data, and what two workers learnt of it."""
    path = tmp_path_factory.mktemp("workers")
    data, out = write_tiny_dataset(path / "tiny"), path / "both"
    finish(*train_both(data, out, repository))
    return data, out


@pytest.mark.slow
def test_two_devices_and_two_workers_train_like_one(undisturbed, tmp_path, repository):
    """Without dropout; gradients are clipped after the sum over devices, not before."""
    data, both = undisturbed
    out = {kind: tmp_path / kind for kind in ("one", "mirrored")}
    finish(*(start(kind, data, out[kind], repository) for kind in out))
    for path in (out["mirrored"], both):
        assert losses(path) == pytest.approx(losses(out["one"]), rel=1e-4)
    assert BundleManifest.read(both).training["device"].startswith("2 workers, each CPU")


@pytest.mark.environment
@pytest.mark.slow
def test_workers_stop_together_and_go_on_to_equal_weights(undisturbed, tmp_path, repository):
    data, both = undisturbed
    # one is killed: the other does not wait for it
    messages = finish(*train_both(data, tmp_path, repository, "SIGKILL", "2"), statuses=[1, -signal.SIGKILL])
    assert "stopped by the loss of another worker" in messages[0]
    assert messages[0].rstrip().endswith("the same command goes on from the start")
    # one is told to stop: both do, at one step
    messages = finish(*train_both(data, tmp_path, repository, "SIGTERM", "3"), statuses=[143, 143])
    assert "stopped by SIGTERM in epoch 2 after step" in messages[0]
    assert "stopped by" not in messages[1]
    finish(*train_both(data, tmp_path, repository))
    bundles = [BundleManifest.read(path) for path in (both, tmp_path)]
    assert bundles[0].digest == bundles[1].digest
    assert [bundle.training["resumed"] for bundle in bundles] == [0, 1]
