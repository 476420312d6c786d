"""danq beside what one would use instead: the same data, one machine, one run, taking turns; one table.

    python benchmarks/side_by_side.py [--only CONTEST ...] [--rounds 3] [--json F]
        [--torch-python PYTHON] [--onnx-python PYTHON]

PyTorch and ONNX Runtime are no dependencies of danq: give the Python of an environment that has NumPy and
torch, and of one that has danq, onnxruntime, onnx and tf2onnx. bedtools is looked for on the PATH. A rival
that is not there is left out, and the table says so.

Contestants are processes of their own, without a GPU. In each round all do the same work one after the other,
so that the machine's other work weighs on all alike; of networks a first round, which compiles, does not
count. Of a rival's batch sizes the fastest is compared. How many times as fast danq is, is the median over
rounds of the ratio (least and most in brackets); the ratio of processor times, of all threads and of programs
that were called, stands beside it, for a machine that is not idle. Variables that set OpenBLAS's kernels are
taken out of the environment; contests whose names end in ``avx2`` are held to AVX2.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._contestants import CONTESTANTS, PREPARATIONS
from benchmarks._contests import CONTESTS, Contest
from benchmarks._labelling import labels_of
from benchmarks._turns import Contestant, environment, serve

HEADER = (
    "| | danq | instead | | danq is … times as fast | by processor time | results | load |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def main() -> None:
    """Hold the contests and print the table, or take part in one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=CONTESTS,
        default=list(CONTESTS),
        metavar="CONTEST",
        help=", ".join(CONTESTS),
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count (default 3)")
    parser.add_argument("--json", type=Path, help="also write everything measured, after each contest")
    parser.add_argument("--torch-python", help="Python of an environment with PyTorch and NumPy")
    parser.add_argument("--onnx-python", help="Python of one with danq, onnxruntime, onnx and tf2onnx")
    parser.add_argument("--inherit-kernels", action="store_true", help="leave OpenBLAS's variables as set")
    parser.add_argument("--part", nargs=2, metavar=("KIND", "DIR"), help=argparse.SUPPRESS)
    parser.add_argument("--prepare", nargs=2, metavar=("KIND", "DIR"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.prepare:
        PREPARATIONS[chosen.prepare[0]](Path(chosen.prepare[1]))
    elif chosen.part:
        take_part(chosen.part[0], Path(chosen.part[1]))
    else:
        hold_all(chosen)


def take_part(kind: str, folder: Path) -> None:
    """Serve rounds of one contestant; results are kept as arrays in the folder."""

    def report(argument: str, result: Any) -> str:
        path = folder / f"{kind} {argument}.npy"
        np.save(path, labels_of(result) if isinstance(result, Path) else np.asarray(result))
        return str(path)

    packages = ("numpy", "tensorflow", "keras", "torch", "onnxruntime", "scikit-learn", "polars")
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    serve(CONTESTANTS[kind](folder), report, versions)


def hold_all(chosen: argparse.Namespace) -> None:
    """Hold the contests asked for, print rows of the table as they come, and write the JSON."""
    processors = Path("/proc/cpuinfo").read_text().split("model name\t: ")
    measured: dict[str, Any] = {"processor": processors[-1].partition("\n")[0], "cores": os.cpu_count()}
    measured |= {"rounds": chosen.rounds, "contests": {}}
    sys.stdout.write("{processor}, {cores} cores; {rounds} rounds\n\n".format(**measured) + HEADER)
    for name in chosen.only:
        with tempfile.TemporaryDirectory() as folder:
            outcome = hold(CONTESTS[name], Path(folder), chosen)
        measured["contests"][name] = outcome
        sys.stdout.write(rows(CONTESTS[name], outcome))
        sys.stdout.flush()
        if chosen.json:
            chosen.json.write_text(json.dumps(measured, indent=1) + "\n")


def hold(contest: Contest, folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Hold one contest: seconds of every round, ratios, and how far results agree."""
    here = {"torch": chosen.torch_python, "onnx": chosen.onnx_python}
    here["bedtools"] = sys.executable if shutil.which("bedtools") else None
    settings = environment(contest.settings, chosen.inherit_kernels)

    def python(entry: str) -> str | None:
        return here.get(kind_of(entry).partition("_")[2], sys.executable)

    rivals = {rival: [*filter(python, entries)] for rival, entries in contest.rivals.items()}
    entries = [contest.ours, *(entry for group in rivals.values() for entry in group)]
    contestants = {}
    for kind in dict.fromkeys(map(kind_of, entries)):
        if kind in PREPARATIONS:
            # PyTorch's environment has no danq
            able = sys.executable if kind.endswith("torch") else python(kind)
            command = [able, __file__, "--prepare", kind, str(folder)]
            subprocess.run(command, env=settings, check=True)
        command = [python(kind), __file__, "--part", kind, str(folder)]
        contestants[kind] = Contestant(command, settings, folder / f"{kind}.log")
    told = {kind: contestant.answer() for kind, contestant in contestants.items()}
    loads, answers = [os.getloadavg()[0]], {entry: [] for entry in entries}
    for _ in range(contest.warm_up + chosen.rounds):
        for entry in entries:
            answers[entry].append(contestants[kind_of(entry)].round(entry.partition(":")[2]))
    loads.append(os.getloadavg()[0])
    for contestant in contestants.values():
        contestant.end()
    return {"processes": told, "load": loads, **judged(contest, folder, rivals, answers)}


def judged(
    contest: Contest, folder: Path, rivals: dict[str, list[str]], answers: dict[str, list[Any]]
) -> dict[str, Any]:
    """Seconds of the rounds that count, and of each rival's fastest contestant ratios and agreement."""
    spent = {
        measure: {
            entry: [answer[measure] for answer in told[contest.warm_up :]] for entry, told in answers.items()
        }
        for measure in ("seconds", "processor_seconds")
    }
    results = {entry: Path(told[-1]["result"]) for entry, told in answers.items()}
    found = {}
    for rival, entries in rivals.items():
        if entries:
            best = min(entries, key=lambda entry: statistics.median(spent["seconds"][entry]))
            found[rival] = {
                "fastest": best,
                "ratios": ratios(spent["seconds"], best, contest.ours),
                "processor_ratios": ratios(spent["processor_seconds"], best, contest.ours),
                "agreement": contest.agreement(folder, results[contest.ours], results[best]),
            }
    return {**spent, "rivals": found}


def ratios(seconds: dict[str, list[float]], theirs: str, ours: str) -> list[float]:
    """How many times our seconds theirs are, round by round."""
    return [a / b for a, b in zip(seconds[theirs], seconds[ours], strict=True)]


def kind_of(entry: str) -> str:
    """Name a contestant without what it is asked for."""
    return entry.partition(":")[0]


def rows(contest: Contest, outcome: dict[str, Any]) -> str:
    """Rows of the table, one a rival."""

    def speed(entry: str) -> str:
        median = statistics.median(outcome["seconds"][entry])
        return f"{median:.1f} s" if contest.unit == "s" else f"{contest.count / median:.0f} {contest.unit}"

    lines = []
    for rival in contest.rivals:
        if rival not in outcome["rivals"]:
            lines.append(f"| {contest.title} | {speed(contest.ours)} | {rival} | not there | | | | |\n")
            continue
        found = outcome["rivals"][rival]
        _, _, argument = found["fastest"].partition(":")
        batch = f", batch {argument.split()[-1]}" if argument else ""
        load = "–".join(f"{value:.1f}" for value in outcome["load"])
        lines.append(
            f"| {contest.title} | {speed(contest.ours)} | {rival}{batch} | {speed(found['fastest'])} "
            f"| {spread(found['ratios'])} | {spread(found['processor_ratios'])} "
            f"| {found['agreement']} | {load} |\n"
        )
    return "".join(lines)


def spread(values: list[float]) -> str:
    """Median, least and most."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    main()
