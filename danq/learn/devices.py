"""Which devices train a model, and making their arithmetic repeatable."""

import atexit
import logging
import os
import platform
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import keras
import tensorflow as tf

from danq.errors import DanqError
from danq.jobs import sole_writer
from danq.learn.cudnn import use_both_directions
from danq.learn.gpu import why_no_gpu
from danq.learn.options import Deterministic, Precision, TrainOptions
from danq.learn.startup import held_back, quiet
from danq.learn.workers import ALONE, TF_CONFIG, Workers, adopt, find_workers, meet
from danq.threads import threads, usable_cores

log = logging.getLogger("danq")

_END_SECONDS = 60
"""After so long a process that is at its end is ended, whatever TensorFlow waits for."""


def find_gpus() -> list[str]:
    """Names of the GPUs TensorFlow can use, in their order; empty where there is none."""
    return [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]


def describe_device() -> str:
    """One phrase for what computes here: ``2 GPUs (NVIDIA A100)``, ``CPU (2 threads on 2 of 4 cores, …)``."""
    gpus = find_gpus()
    if gpus:
        return f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''} ({', '.join(dict.fromkeys(gpus))})"
    number = f"{threads()} thread{'s' if threads() > 1 else ''}"
    return f"CPU ({number} on {usable_cores()} of {os.cpu_count()} cores, {processor_name()})"


def processor_name() -> str:
    """Model name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def choose_strategy(options: TrainOptions, workers: Workers = ALONE) -> tf.distribute.Strategy:
    """Choose the devices of a training; to be called before anything else is computed.

    Returns
    -------
    tf.distribute.Strategy
        One device, all GPUs of the machine, or those of all workers.

    Raises
    ------
    DanqError
        If a GPU is required and there is none, the batch cannot be shared equally, or a worker does not come.
    """
    if options.batch_size % len(workers.addresses):
        raise _unshared(options, len(workers.addresses), "workers")
    with _meeting(workers):
        _use_gpus(options.require_gpu)
        strategy = _strategy(options.distribute, workers)
    replicas = strategy.num_replicas_in_sync
    if options.batch_size % replicas:
        raise _unshared(options, replicas, "devices")
    return strategy


def _unshared(options: TrainOptions, number: int, devices: str) -> DanqError:
    return DanqError(
        f"train.batch_size: expected a multiple of the {number} {devices} that share a batch, "
        f"received {options.batch_size}"
    )


def _use_gpus(required: bool) -> None:
    if prepare_gpus():
        return
    if required:
        raise DanqError(
            f"train.require_gpu: expected a GPU, found none ({why_no_gpu()}); "
            "`danq doctor` shows what there is"
        )
    log.warning(
        "TRAINING ON CPU: no GPU found (%s); `danq doctor` shows what this machine offers", why_no_gpu()
    )


def prepare_gpus() -> bool:
    """Let GPUs take memory as they need it and use cuDNN for both directions at once; whether there are any.

    Products of float32 are float32 from here on, not TF32 (10-bit mantissas), unless a training asks for
    that: variant effects are small enough to be spoilt by it.
    """
    use_tf32(False)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # the device is in use already: its memory was claimed some other way
            log.debug("%s: memory is claimed already", gpu.name)
    if gpus:
        use_both_directions()
    elif TF_CONFIG not in os.environ:  # workers are found before anything is computed
        _compute_truth_values()
    return bool(gpus)


@cache
def _compute_truth_values() -> None:
    """Compute with truth values, as masks do: oneDNN says once that it cannot on many processors, in vain."""
    if quiet():
        with held_back():
            tf.transpose([[True]])


def use_tf32(on: bool) -> None:
    """Choose whether GPUs may round the factors of float32 products to 10-bit mantissas."""
    tf.config.experimental.enable_tensor_float_32_execution(on)


def _strategy(distribute: str, workers: Workers) -> tf.distribute.Strategy:
    if len(workers.addresses) > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if distribute == "mirrored" or (distribute == "multi_worker" and len(find_gpus()) > 1):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


@contextmanager
def _meeting(workers: Workers) -> Iterator[None]:
    """Meet the other workers, and keep TensorFlow from taking away the requests to stop when it does so."""
    if len(workers.addresses) == 1:
        yield
        return
    tf.get_logger().setLevel("WARNING")
    adopt(workers)
    meet(workers, len(find_gpus()))
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        # TensorFlow takes SIGTERM for itself, to tell the other workers of it, and nothing stops any more
        for number in numbers:
            signal.signal(number, signal.getsignal(number))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        atexit.register(_end_soon)


def _end_soon() -> None:
    """Have the process killed if it is not at its end soon: there is nothing left to write."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_END_SECONDS)


def workers_of(options: TrainOptions) -> Workers:
    """Tell who trains together, and which of them this process is; says so where it is alone after all.

    Raises
    ------
    DanqError
        As `find_workers`, or if there are not as many as asked for.
    """
    if options.distribute != "multi_worker":
        return ALONE
    workers = find_workers(os.environ)
    number = len(workers.addresses)
    if options.workers not in (None, number):
        raise DanqError(
            f"train.workers: expected as many as were started, {number}; received {options.workers}"
        )
    if number == 1:
        os.environ.pop(TF_CONFIG, None)
        log.warning("train.distribute: multi_worker, and one task only: this process trains alone")
    return workers


@contextmanager
def sole_trainer(workers: Workers, *folders: Path) -> Iterator[None]:
    """Write to these directories as the only job; of several workers of one training the first does.

    The log is the first one's, too: the others' hold errors alone.

    Raises
    ------
    DanqError
        As `danq.jobs.sole_writer`.
    """
    level = log.level
    with ExitStack() as stack:
        if workers.leads:
            for folder in folders:
                stack.enter_context(sole_writer(folder))
        else:
            log.setLevel(logging.ERROR)
            stack.callback(log.setLevel, level)
        yield


@contextmanager
def repeatable(seed: int, precision: Precision, deterministic: Deterministic = "auto") -> Iterator[None]:
    """Seed every generator, make operations deterministic, and set the arithmetic within the block.

    Parameters
    ----------
    seed : int
        Governs initial weights and dropout.
    precision : {'float32', 'tf32', 'mixed_bfloat16', 'mixed_float16'}
        Keras's dtype policy, where tf32 is float32 whose products GPUs may round; what was set before is set
        again at the end.
    deterministic : {'auto', True, False}
        Whether operations are asked to give equal bytes at each run; ``auto`` asks wherever they can, which
        is everywhere.
    """
    before = keras.config.dtype_policy()
    keras.utils.set_random_seed(seed % 2**32)
    if deterministic is not False:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy("float32" if precision == "tf32" else precision)
    use_tf32(precision == "tf32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
        use_tf32(False)
