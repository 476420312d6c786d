"""Everything that only a GPU can tell of danq, in one command of at most six minutes.

    python benchmarks/gpu.py --json results.json [--torch-python PYTHON] [--only SECTION ...] [--small]

Sections run one after the other, each in a process of its own, and write their figures as they come; one that
fails leaves its error instead. Without ``--torch-python`` PyTorch is looked for in this Python. ``--small``
takes a small network and few rows, so that the script itself can be tried without a GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks._gpu_training import parts_section, peak_gib, torch_section, training_section

REPOSITORY = Path(__file__).resolve().parents[1]
MAIN = "from danq.cli import main; main()"

Options = SimpleNamespace


def scoring_section(chosen: Options, note: Callable[[str, Any], None]) -> None:
    """Isolated SNVs and saturation: what `danq score` runs, beside plain `predict`; TF32's error."""
    from benchmarks._scoring import plain, saturated, snvs
    from benchmarks.prediction import untrained
    from danq.learn.devices import prepare_gpus, use_tf32
    from danq.score.runner import open_runner_of

    prepare_gpus()
    bundle = untrained()
    runner = open_runner_of(bundle)
    rounds, span = (1, 4) if chosen.small else (20, 333)
    note("runner", {"kind": type(runner).__name__, "rows": getattr(runner, "_rows", None)})
    for name, arrays in (
        ("isolated SNVs", snvs(8 if chosen.small else 1_000)),
        ("saturation", saturated(span)),
    ):
        runner.logits(*arrays)
        started = time.perf_counter()
        for _ in range(rounds):
            logits = runner.logits(*arrays)
        ours = rounds * len(arrays[1]) / (time.perf_counter() - started)
        differences = (logits.alternate - logits.reference[:, arrays[2]]).mean(axis=0)
        result = {"danq_alleles_per_second": ours}
        for batch in (8,) if chosen.small else (128, 1024, 4096):
            plain(bundle.model, batch, *arrays)
            started = time.perf_counter()
            expected = plain(bundle.model, batch, *arrays)
            result[f"predict_batch_{batch}"] = len(arrays[1]) / (time.perf_counter() - started)
        result["largest_difference"] = float(np.abs(differences - expected).max())
        use_tf32(True)
        coarse = open_runner_of(bundle)
        coarse.logits(*arrays)
        started = time.perf_counter()
        for _ in range(rounds):
            logits = coarse.logits(*arrays)
        result["tf32_alleles_per_second"] = rounds * len(arrays[1]) / (time.perf_counter() - started)
        use_tf32(False)
        wrong = (logits.alternate - logits.reference[:, arrays[2]]).mean(axis=0) - differences
        result["tf32_error"] = {
            "median": float(np.median(np.abs(wrong))),
            "largest": float(np.abs(wrong).max()),
            "median_effect": float(np.median(np.abs(differences))),
        }
        result["peak_gib"] = peak_gib()
        note(name, result)


def danq(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a verb of the command line."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def last_line(process: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Exit status and the last line of the log that is danq's own."""
    lines = [line for line in process.stderr.splitlines() if line.strip()]
    return {"status": process.returncode, "line": lines[-1][-400:] if lines else "", "lines": len(lines)}


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Run verbs at once whose time is not measured."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [job.result() for job in [pool.submit(call) for call in calls]]


def doctor_section(chosen: Options, note: Callable[[str, Any], None]) -> None:
    """Run `danq doctor`: as it is, with the GPU hidden, and without the libraries."""
    note("doctor", danq("doctor").stdout.splitlines())
    hidden, lost = together(
        lambda: danq("doctor", CUDA_VISIBLE_DEVICES=""), lambda: danq("doctor", LD_LIBRARY_PATH="/nowhere")
    )
    for name, process in (("hidden", hidden), ("no libraries", lost)):
        note(name, [line for line in process.stdout.splitlines() if "GPU" in line])


def example_section(chosen: Options, note: Callable[[str, Any], None]) -> None:
    """One epoch of the example on GPU and CPU; each bundle predicts on both; scores on both; refusals."""
    import yaml

    configuration = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    run = configuration["runs"]["danq"]
    run["train"] |= {"epochs": 1} | ({"samples_per_epoch": 300} if chosen.small else {})
    huge = run | {"train": run["train"] | {"batch_size": 200_000}, "options": {}}
    required = run | {"train": run["train"] | {"require_gpu": True}}
    configuration |= {"runs": {"danq": run, "huge": huge, "required": required}, "callsets": {}}
    path = chosen.work / "config.json"
    path.write_text(json.dumps(configuration))
    config = REPOSITORY / "benchmarks_gpu.json"
    config.write_text(json.dumps(configuration))
    try:
        of_example(chosen, note, config)
    finally:
        config.unlink()


def of_example(chosen: Options, note: Callable[[str, Any], None], config: Path) -> None:
    """Train, predict and score on both devices."""
    work, cpu = chosen.work, {"CUDA_VISIBLE_DEVICES": ""}
    genome, data = work / "genome", work / "yeast"
    for made in (
        danq("genome", REPOSITORY / "resources/example/genome.fa.gz", "--out", genome),
        danq("dataset", "--config", config, "--name", "yeast", "--genome", genome, "--out", data),
    ):
        if made.returncode:
            note("preparation", last_line(made))
            return
    train = ("train", "--config", config, "--dataset", data)
    devices = {"gpu": {}, "cpu": cpu}
    trained_on = together(
        *(
            lambda device=device: danq(*train, "--run", "danq", "--out", work / device, **devices[device])
            for device in devices
        )
    )
    history = {}
    for device, process in zip(devices, trained_on, strict=True):
        note(f"trained on {device}", last_line(process))
        lines = (work / device / "history.tsv").read_text().splitlines()
        history[device] = dict(zip(lines[0].split("\t"), lines[1].split("\t"), strict=True))
    note("history", history)

    def predicted(bundle: str, device: str) -> Any:
        out = work / f"{bundle}-on-{device}.npz"
        predict = ("predict", "--model", work / bundle, "--dataset", data, "--split", "valid", "--out", out)
        danq(*predict, **devices[device])
        with np.load(out) as arrays:
            return arrays["logits"]

    pairs = [(bundle, device) for bundle in devices for device in devices]
    logits = together(*(lambda pair=pair: predicted(*pair) for pair in pairs))
    for number, bundle in enumerate(devices):
        apart = np.abs(logits[2 * number] - logits[2 * number + 1]).max()
        note(f"bundle of {bundle}", {"largest logit difference": float(apart)})
    note("required, hidden", last_line(danq(*train, "--run", "required", "--out", work / "no", **cpu)))
    score_both(chosen, note, genome)
    if not chosen.small:
        note("batch 200,000", last_line(danq(*train, "--run", "huge", "--out", work / "huge")))


def score_both(chosen: Options, note: Callable[[str, Any], None], genome: Path) -> None:
    """Score SNVs of chromosome IV by the verb on both devices: time of the verb, differences."""
    import polars

    codes = np.load(genome / "codes.npy", mmap_mode="r")
    first = polars.read_csv(genome / "contigs.tsv", separator="\t").filter(polars.col("name") == "chrIV")
    offset, length = int(first["offset"][0]), int(first["length"][0])
    count = 50 if chosen.small else 50_000
    places = np.sort(np.random.default_rng(0).choice(np.arange(1_000, length - 1_000), count, replace=False))
    ref = codes[offset + places]
    lines = [
        f"chrIV\t{place + 1}\t.\t{'ACGTN'[base]}\t{'CGTAA'[base]}\t.\t.\t.\n"
        for place, base in zip(places.tolist(), ref.tolist(), strict=True)
    ]
    vcf, few = chosen.work / "snvs.vcf", chosen.work / "few.vcf"
    head = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    vcf.write_text(head + "".join(lines))
    few.write_text(head + "".join(lines[:2_000]))
    score = ("score", "--model", chosen.work / "gpu", "--genome", genome)
    started = time.perf_counter()
    whole = danq(*score, "--vcf", vcf, "--out", chosen.work / "scores")
    note("danq score", last_line(whole) | {"seconds": time.perf_counter() - started, "alleles": count})

    def differences(device: str, **environment: str) -> Any:
        out = chosen.work / f"few-{device}"
        danq(*score, "--vcf", few, "--out", out, **environment)
        table = polars.read_parquet(out / "scores.parquet")
        columns = [name for name in table.columns if name.endswith("__logit_diff")]
        return table.select(columns).to_numpy()

    tables = together(lambda: differences("gpu"), lambda: differences("cpu", CUDA_VISIBLE_DEVICES=""))
    note(
        "scores of both",
        {"largest difference of a logit_diff": float(np.nanmax(np.abs(tables[0] - tables[1])))},
    )


SECTIONS: dict[str, Callable[[Options, Callable[[str, Any], None]], None]] = {
    "doctor": doctor_section,
    "training": lambda chosen, note: training_section(chosen, note, True),
    "torch": torch_section,
    "scoring": scoring_section,
    "example": example_section,
    "not deterministic": lambda chosen, note: training_section(chosen, note, False),
    "parts": parts_section,
}


def main() -> None:
    """Run the sections, each in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, default=Path("gpu.json"), help="where figures are written")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections to run")
    parser.add_argument("--torch-python", default=sys.executable, help="Python that has PyTorch")
    parser.add_argument(
        "--small", action="store_true", help="a small network and few rows, to try the script"
    )
    parser.add_argument("--section", choices=SECTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.section:
        run_section(chosen)
        return
    from danq.learn.gpu import gpu_possible

    if not (chosen.small or gpu_possible()):
        sys.stdout.write("no GPU here: nothing measured; --small tries the script itself\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.only:
            python = chosen.torch_python if name == "torch" else sys.executable
            command = [python, __file__, "--json", chosen.json.resolve(), "--section", name, "--work", folder]
            started = time.perf_counter()
            ended = subprocess.run(
                [*map(str, command), *(["--small"] if chosen.small else [])],
                cwd=REPOSITORY,
                env={
                    **os.environ,
                    "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
                },
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            errors = ended.stderr.splitlines()[-15:] if ended.returncode else []
            write(chosen.json, name, "seconds", round(time.perf_counter() - started, 1))
            if errors:
                write(chosen.json, name, "failed", errors)


def run_section(chosen: Options) -> None:
    """Run one section in this process."""

    def note(name: str, value: Any) -> None:
        write(chosen.json, chosen.section, name, value)

    SECTIONS[chosen.section](chosen, note)


def write(path: Path, section: str, name: str, value: Any) -> None:
    """Add a figure to the file of results, and say it."""
    results = json.loads(path.read_text()) if path.exists() else {}
    results.setdefault(section, {})[name] = value
    path.write_text(json.dumps(results, indent=1) + "\n")
    sys.stdout.write(f"{section}: {name}: {json.dumps(value)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
