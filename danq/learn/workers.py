"""Processes that train one model together: who they are, by TF_CONFIG or Slurm, and their first meeting.

Needs no TensorFlow: its own meeting waits for an hour and hears no signal.
"""

import json
import logging
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

from danq.errors import DanqError
from danq.progress import duration

log = logging.getLogger("danq")

TF_CONFIG = "TF_CONFIG"
WAIT_SECONDS = 600.0
_FIRST_PORT, _PORTS = 12_000, 20_000
"""Ports below those that systems give to connections by themselves, from 32768 on."""
_EXAMPLE = '{"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}'
_ADDRESS = re.compile(r".+:([0-9]{1,5})")
_NODES = re.compile(r"(?:[^,\[\]]|\[[^\[\]]*\])+")
_PART = re.compile(r"\[([^\]]*)\]|([^\[]+)")
_TASKS = re.compile(r"(\d+)(?:\(x(\d+)\))?")


@dataclass(frozen=True)
class Workers:
    """All processes of a training, and which of them this one is.

    Attributes
    ----------
    addresses : tuple of str
        ``host:port`` of each; the first leads: it alone writes.
    index : int
        0-based place of this one among them.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def leads(self) -> bool:
        """Whether this process writes checkpoints, log and results."""
        return self.index == 0


ALONE = Workers(("localhost:0",), 0)


def find_workers(environment: Mapping[str, str]) -> Workers:
    """Read who trains together from TF_CONFIG, or from Slurm's variables where that is not set.

    Raises
    ------
    DanqError
        If neither is set, or what they say does not fit together.
    """
    if TF_CONFIG in environment:
        return _from_tf_config(environment[TF_CONFIG])
    if "SLURM_PROCID" in environment:
        return _from_slurm(environment)
    raise DanqError(
        "train.distribute: multi_worker expects a task of Slurm's (`srun danq train …`) or the environment "
        f"variable TF_CONFIG with {_EXAMPLE}; received neither; `mirrored` uses all GPUs of one machine"
    )


def tf_config(workers: Workers) -> str:
    """Write TF_CONFIG, by which TensorFlow knows the workers."""
    task = {"type": "worker", "index": workers.index}
    return json.dumps({"cluster": {"worker": list(workers.addresses)}, "task": task})


def _from_tf_config(text: str) -> Workers:
    wrong = DanqError(f"train.distribute: multi_worker expects TF_CONFIG with {_EXAMPLE}; received {text}")
    try:
        read: Any = json.loads(text)
        cluster, task = read["cluster"], read["task"]
        kind, index = task.get("type", "worker"), int(str(task["index"]))
        chiefs, others = cluster.get("chief", []), cluster.get("worker", [])
        addresses = [*chiefs, *others]
        own = {"chief": chiefs, "worker": others}[kind]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise wrong from None
    listed = isinstance(chiefs, list) and isinstance(others, list)
    if not listed or not 0 <= index < len(own):
        raise wrong
    matches = [isinstance(address, str) and _ADDRESS.fullmatch(address) for address in addresses]
    if not all(match and 0 < int(match[1]) < 1 << 16 for match in matches):
        raise wrong
    if len(set(addresses)) < len(addresses):
        raise wrong
    return Workers(tuple(addresses), index + (len(chiefs) if kind == "worker" else 0))


def _from_slurm(environment: Mapping[str, str]) -> Workers:
    """Give each task of the step, or else of the job, an address: its node, and a port of this job's."""

    def value(*names: str) -> str:
        return next((environment[f"SLURM_{name}"] for name in names if f"SLURM_{name}" in environment), "")

    def number(*names: str) -> int:
        text = value(*names)
        if not text.isdecimal():
            raise DanqError(
                f"SLURM_{names[-1]}: expected a number, as in a task of srun's; received {text!r}"
            )
        return int(text)

    index, tasks = number("PROCID"), number("STEP_NUM_TASKS", "NTASKS")
    if tasks == 1:
        return ALONE
    if "SLURM_TASK_PID" in environment and "SLURM_STEP_ID" not in environment:
        raise DanqError(
            f"train.distribute: multi_worker expects to be started by srun in each of the job's {tasks} "
            "tasks, as `srun danq train …`; received one process, the batch script's"
        )
    nodes = expand_nodes(value("STEP_NODELIST", "JOB_NODELIST"))
    counts = _tasks_of_nodes(value("STEP_TASKS_PER_NODE", "TASKS_PER_NODE"), tasks, len(nodes))
    places = [(node, place) for node, count in enumerate(counts) for place in range(count)]
    if len(places) != tasks or index >= tasks or len(counts) != len(nodes):
        raise DanqError(
            f"expected {tasks} tasks on the nodes {', '.join(nodes)} and this one among them; received task "
            f"{index}, and of the nodes {', '.join(map(str, counts))} tasks"
        )
    here = value("NODEID") or str(places[index][0]), value("LOCALID") or str(places[index][1])
    if here != tuple(map(str, places[index])):
        raise DanqError(
            f"expected tasks numbered node by node (srun --distribution=block); received task {index} as "
            f"number {here[1]} of node {here[0]}"
        )
    step = value("STEP_ID")
    # steps of a job beside each other, and jobs on one node, have ports of their own
    base = 64 * number("JOB_ID") + 8 * (int(step) if step.isdigit() else 0)
    host = ["localhost"] if len(nodes) == 1 else nodes
    return Workers(
        tuple(f"{host[node]}:{_FIRST_PORT + (base + place) % _PORTS}" for node, place in places), index
    )


def expand_nodes(text: str) -> list[str]:
    """List the nodes of Slurm's short form, such as ``rack[1-2]n[07-09,12],login``.

    Raises
    ------
    DanqError
        If it is none.
    """
    parts = _NODES.findall(text)
    if not text or ",".join(parts) != text:
        _no_nodes(text)
    return [name for part in parts for name in _expanded(part, text)]


def _expanded(part: str, text: str) -> Iterator[str]:
    pieces = [
        [piece] if piece else [name for spread in ranges.split(",") for name in _spread(spread, text)]
        for ranges, piece in _PART.findall(part)
    ]
    # a bracket that is left over
    if "".join(piece or f"[{ranges}]" for ranges, piece in _PART.findall(part)) != part:
        _no_nodes(text)
    return ("".join(names) for names in product(*pieces))


def _spread(spread: str, text: str) -> list[str]:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", spread)
    if match is None:
        return _no_nodes(text)
    first, last = match[1], match[2] or match[1]
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


def _no_nodes(text: str) -> list[str]:
    raise DanqError(f"SLURM_JOB_NODELIST: expected nodes such as n[1-3,7]; received {text!r}")


def _tasks_of_nodes(text: str, tasks: int, nodes: int) -> list[int]:
    """Read ``2(x3),1``; where Slurm does not say, tasks are spread evenly."""
    if not text and tasks % nodes == 0:
        return [tasks // nodes] * nodes
    matches = [_TASKS.fullmatch(part) for part in text.split(",")]
    return [int(match[1]) for match in matches if match for _ in range(int(match[2] or 1))]


def meet(workers: Workers, gpus: int = 0, wait: float = WAIT_SECONDS) -> None:
    """Wait until all workers are there: TensorFlow would wait for them without hearing any signal.

    Raises
    ------
    DanqError
        If a worker does not come or has not as many GPUs as the others, or the port of this one is taken.
    """
    host, _, port = workers.addresses[workers.index].rpartition(":")
    until = time.monotonic() + wait
    token = json.dumps(workers.addresses).encode()
    try:
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        # of the others too: whether the port is free
        with socket.create_server(("", int(port)), family=family, dualstack_ipv6=dual) as server:
            if workers.leads:
                _gather(server, workers, token, gpus, until, wait)
    except (OSError, OverflowError) as error:
        raise DanqError(
            f"port {port} of {host}, by which the workers of this training speak with each other: {error}; "
            "another program has it, or TF_CONFIG names another machine's"
        ) from None
    if not workers.leads:
        _call(workers, token, gpus, until, wait)


def _gather(
    server: socket.socket, workers: Workers, token: bytes, gpus: int, until: float, wait: float
) -> None:
    """Hear all other workers call, and tell them to begin, or why not."""
    numbers = {0: gpus}
    missing = dict(enumerate(workers.addresses[1:], 1))
    log.info("waiting for the other workers: %s", ", ".join(missing.values()))
    server.settimeout(1)
    with ExitStack() as calls:
        waiting: list[socket.socket] = []
        while missing:
            if time.monotonic() > until:
                raise _late(missing, wait)
            with suppress(TimeoutError, ConnectionError):
                call, _ = server.accept()
                call.settimeout(5)
                with ExitStack() as strangers:
                    strangers.enter_context(call)
                    number, there, names = (
                        *call.makefile("rb").readline(1_000_000).split(b" ", 2),
                        b"",
                        b"",
                    )[:3]
                    known = names.strip() == token and number.isdigit() and there.isdigit()
                    if known and missing.pop(int(number), ""):
                        strangers.pop_all()
                        numbers[int(number)] = int(there)
                        waiting.append(calls.enter_context(call))
        differ = _differing(numbers) if len(set(numbers.values())) > 1 else None
        for call in waiting:
            with suppress(OSError):
                call.sendall(f"{differ or 'begin'}\n".encode())
                # it closes first, so that the port is free for TensorFlow
                call.recv(1)
    if differ:
        raise differ


def _differing(numbers: Mapping[int, int]) -> DanqError:
    listed = ", ".join(f"worker {number} {gpus}" for number, gpus in sorted(numbers.items()))
    return DanqError(
        f"train.distribute: multi_worker expects as many GPUs for each worker; received those of {listed}; "
        "`danq doctor` on a node shows what it offers"
    )


def _call(workers: Workers, token: bytes, gpus: int, until: float, wait: float) -> None:
    """Call the first worker until it says to begin, or why not."""
    host, _, port = workers.addresses[0].rpartition(":")
    # an address of IPv6
    host = host.strip("[]")
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=5) as call:
            call.sendall(b"%d %d %s\n" % (workers.index, gpus, token))
            call.settimeout(max(until - time.monotonic(), 1))
            answer = call.makefile("rb").readline(1_000_000).decode(errors="replace").strip()
            if answer == "begin":
                return
            if answer:
                raise DanqError(answer)
        time.sleep(0.3)
    raise _late({0: workers.addresses[0]}, wait)


def _late(missing: Mapping[int, str], wait: float) -> DanqError:
    names = ", ".join(f"worker {number} ({address})" for number, address in missing.items())
    return DanqError(
        f"{names} did not come within {duration(wait)}; see what became of it, and start all workers of a "
        "training at once, as `srun danq train …` does"
    )


def adopt(workers: Workers) -> None:
    """Let TensorFlow know the workers."""
    os.environ[TF_CONFIG] = tf_config(workers)
