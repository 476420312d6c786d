"""How time and memory grow with genome, windows, targets, variants and samples: exponents and slopes.

    python benchmarks/growth.py [--only variants samples] [--json growth.json] [--rounds 2]

Each verb runs at four sizes over a factor of 30, and once at a thirtieth of the least, which is little more
than its start. Every run is a process of its own on one thread. Its processor time (user and system, children
included) decides, because another program's work does not count in it; wall time stands beside it.

Fitted is seconds = a + b·sizeᵖ, by least squares of relative errors, a ≥ 0. A straight line through the
logarithms of whole times would take the start for slow growth and hide a verb that grows too fast; here a is
what the start takes and p is how the rest grows. The slope is b of a + b·size; that of memory is fitted to
the peaks of resident memory in the same way. The inputs are made up, in a temporary folder (5 GB).
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAIN = "from danq.cli import main; main()"
LIBRARIES = ("OMP", "OPENBLAS", "RAYON")
VARIABLES = ("POLARS_MAX_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
ONE_THREAD = dict.fromkeys((*(f"{name}_NUM_THREADS" for name in LIBRARIES), *VARIABLES), "1")
BIN, CONTIGS, PEAKS, MEGABASES = 200, 8, 250, 10
"""Bp of a bin; contigs of a genome; peaks of a track on 1 Mb; Mb of the genome where something else grows."""
RECORDS, SPACING = 1_000, 16
"""Records of the VCF whose samples grow; bp from one record to the next."""
MODEL = {"filters": 8, "kernel": 8, "padding": "same", "pool": 40, "units": 4, "dense": 8}

Steps = Iterator[tuple[str, str]]
"""Name in the table (none where a verb only prepares) and what stands after ``danq``, run in turn."""


class Run(NamedTuple):
    """What a process used: seconds of processor and of wall time, peak resident memory in MB."""

    cpu: float
    wall: float
    peak: float


class Growth(NamedTuple):
    """What grows: its unit, the largest size, and the steps of one size, in whose folder they run."""

    unit: str
    largest: int
    steps: Callable[[Path, int], Steps]

    def sizes(self) -> list[int]:
        """Four sizes over a factor of 30, in equal ratios, after one of nearly nothing."""
        factors = (1 / 900, 1 / 30, 30 ** (-2 / 3), 30 ** (-1 / 3), 1)
        return [max(1, round(self.largest * factor)) for factor in factors]


def apart(function: Callable[..., None], *arguments: object) -> None:
    """Call in a forked process: a child's peak memory counts from that of the process that starts it."""
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit("the inputs could not be made")


def block() -> NDArray[np.uint8]:
    """Draw 10,000 lines of 60 letters, which contigs repeat."""
    return np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, (10_000, 60))]


def write_fasta(path: Path, megabases: float) -> None:
    """Write contigs of equal length as plain text."""
    lines = np.insert(block(), 60, ord("\n"), axis=1)
    wanted = int(megabases * 1e6 / CONTIGS / 60)
    with path.open("wb") as stream:
        for contig in range(CONTIGS):
            stream.write(b">chr%d\n" % (contig + 1))
            for first in range(0, wanted, len(lines)):
                stream.write(lines[: wanted - first].tobytes())


def write_tracks(folder: Path, megabases: float, tracks: int, window: int) -> None:
    """Write BED files with the same density of peaks everywhere, their table, and the configuration."""
    length = int(megabases * 1e6 / CONTIGS) - 2 * BIN
    for track in range(tracks):
        random = np.random.default_rng(track)
        with (folder / f"{track}.bed").open("w") as stream:
            for contig in range(1, CONTIGS + 1):
                starts = np.sort(random.integers(0, length, max(1, int(PEAKS * megabases / CONTIGS))))
                stream.writelines(f"chr{contig}\t{start}\t{start + BIN}\n" for start in starts.tolist())
    rows = "".join(f"t{track}\t{track}.bed\n" for track in range(tracks))
    (folder / "targets.tsv").write_text("target\tpath\n" + rows)
    dataset = {"genome": "g", "targets": "targets.tsv", "window": window, "bin": BIN, "keep": "all"}
    dataset |= {"split": {"valid": ["chr7"], "test": ["chr8"]}}
    train = {"batch_size": 500, "epochs": 1}
    trained = {"model": "danq", "dataset": "d", "options": MODEL, "train": train}
    settings = {"genomes": {"g": "g.fa"}, "datasets": {"d": dataset}, "runs": {"r": trained}}
    (folder / "c.json").write_text(json.dumps(settings))


def write_vcf(path: Path, records: int, samples: int = 0) -> None:
    """Write SNVs of `write_fasta`'s genome; a tenth of the haplotypes of phased samples carries each."""
    random, bases = np.random.default_rng(0), block().tobytes().decode()
    of_contig = int(MEGABASES * 1e6 / CONTIGS) // SPACING - 50
    with path.open("w") as stream:
        header = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO" + "\tFORMAT" * bool(samples)
        stream.write(
            "\t".join(["##fileformat=VCFv4.3\n" + header, *(f"s{n}" for n in range(samples))]) + "\n"
        )
        for record in range(records):
            place = BIN + SPACING * (record % of_contig)
            ref = bases[place % len(bases)]
            alt = {"A": "C", "C": "G", "G": "T", "T": "A"}[ref]
            fields = [f"chr{record // of_contig + 1}", str(place + 1), ".", ref, alt, ".", ".", "."]
            if samples:
                calls = (random.random((samples, 2)) < 0.1).astype(int).tolist()
                fields += ["GT", *(f"{first}|{second}" for first, second in calls)]
            stream.write("\t".join(fields) + "\n")


def dataset(folder: Path, megabases: float, tracks: int, names: tuple[str, str], window: int = BIN) -> Steps:
    """Encode a genome and label its bins."""
    apart(write_fasta, folder / "g.fa", megabases)
    apart(write_tracks, folder, megabases, tracks, window)
    yield names[0], "genome g.fa --out g"
    yield names[1], "dataset --config c.json --name d --genome g --out d"


def evaluation(path: str) -> Steps:
    """Evaluate without intervals and with them."""
    yield "danq evaluate", f"evaluate {path} --resamples 0 --out e"
    yield "… 1,000 resamples", f"evaluate {path} --resamples 1000 --out i"


def of_genome(folder: Path, megabases: int) -> Steps:
    """Read a FASTA and label its bins, 5,000 a Mb, by 8 targets."""
    yield from dataset(folder, megabases, 8, ("danq genome", "danq dataset"))


def of_windows(folder: Path, windows: int) -> Steps:
    """Train one epoch, predict and evaluate; windows of 1,000 bp, 3 of 4 of which train and are predicted."""
    yield from dataset(folder, windows * BIN / 1e6, 8, ("", ""), window=1_000)
    yield "danq train, one epoch", "train --config c.json --run r --dataset d --out r"
    yield "danq predict", "predict --model r --dataset d --split train --out train.npz"
    yield from evaluation("train.npz")


def of_targets(folder: Path, targets: int) -> Steps:
    """Label the bins of 10 Mb; evaluate drawn predictions of 5,000 rows."""
    yield from dataset(folder, MEGABASES, targets, ("", "danq dataset"))
    apart(lambda: import_module("benchmarks.evaluation").draw(folder / "p.npz", targets, 5_000))
    yield from evaluation("p.npz")


def scoring(folder: Path) -> Steps:
    """Train a model of windows of 200 bp on a genome of 10 Mb, once for all sizes."""
    if not (model := folder.parent / "model").exists():
        yield from dataset(folder, MEGABASES, 8, ("", ""))
        yield "", "train --config c.json --run r --dataset d --out r"
        shutil.copytree(folder, model)


SCORE = "score --model ../model/r --genome ../model/g --vcf v.vcf --threads 1"


def of_variants(folder: Path, variants: int) -> Steps:
    """Score SNVs; read them only (and time 256 of them); write what is computed already."""
    yield from scoring(folder)
    apart(write_vcf, folder / "v.vcf", variants)
    yield "danq score", f"{SCORE} --out s"
    yield "… survey (--dry-run)", f"{SCORE} --dry-run"
    yield "", f"{SCORE} --work w --shard 1/1"
    yield "… writing", f"{SCORE} --work w --out t"


def of_scored_targets(folder: Path, targets: int) -> Steps:
    """Score 10,000 SNVs by a model of so many targets; write what is computed already."""
    yield from dataset(folder, MEGABASES, targets, ("", ""))
    yield "", "train --config c.json --run r --dataset d --out r"
    apart(write_vcf, folder / "v.vcf", 10 * RECORDS)
    score = SCORE.replace("../model/", "")
    yield "danq score, 10,000 alleles", f"{score} --out s"
    yield "", f"{score} --work w --shard 1/1"
    yield "… writing", f"{score} --work w --out t"


def of_samples(folder: Path, samples: int) -> Steps:
    """Score the alleles of 1,000 records on the haplotypes of all samples of a phased VCF."""
    yield from scoring(folder)
    apart(write_vcf, folder / "v.vcf", RECORDS, samples)
    yield "danq score --sample all", f"{SCORE} --sample all --out s"


GROWTHS = {
    "genome": Growth("Mb", 1_500, of_genome),
    "windows": Growth("windows", 600_000, of_windows),
    "targets": Growth("targets", 3_000, of_targets),
    "variants": Growth("alleles", 300_000, of_variants),
    "scored_targets": Growth("targets", 1_500, of_scored_targets),
    "samples": Growth("samples", 450, of_samples),
}


def run(command: str, folder: Path) -> Run:
    """Run a verb to its end."""
    started = time.perf_counter()
    with (folder / "log").open("wb") as log:
        job = subprocess.Popen(
            [sys.executable, "-c", MAIN, "--quiet", *command.split()],
            env={**os.environ, **ONE_THREAD, "CUDA_VISIBLE_DEVICES": ""},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        # wait4 gives the usage of this one child
        _, status, used = os.wait4(job.pid, 0)
    wall = time.perf_counter() - started
    job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        sys.exit(f"danq {command} ended with status {job.returncode}:\n{(folder / 'log').read_text()}")
    return Run(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def measure(growth: Growth, work: Path, rounds: int) -> dict[str, dict[int, Run]]:
    """Run all steps at every size, in rounds; the run with the least processor time counts."""
    best: dict[str, dict[int, Run]] = defaultdict(dict)
    for size in rounds * growth.sizes():
        folder = Path(tempfile.mkdtemp(dir=work))
        for name, command in growth.steps(folder, size):
            used = run(command, folder)
            if name:
                best[name][size] = min(best[name].get(size, used), used)
                figures = f"{used.cpu:>8.2f} s of processor, {used.wall:>8.2f} s, {used.peak:>6,.0f} MB"
                print(f"  {name:<24} {size:>10,} {growth.unit:<8} {figures}", flush=True)
        shutil.rmtree(folder)
    return best


def line(sizes: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Fit values = a + b·size with a ≥ 0 by least squares of relative errors; a, b and the squares' sum."""
    weighted = np.stack([1 / values, sizes / values], axis=1)
    a, b = np.linalg.lstsq(weighted, np.ones(len(values)), rcond=None)[0]
    if a < 0:
        a, b = 0.0, weighted[:, 1].sum() / (weighted[:, 1] ** 2).sum()
    return float(a), float(b), float(((weighted @ [a, b] - 1) ** 2).sum())


def fit(verb: str, unit: str, runs: dict[int, Run]) -> dict[str, Any]:
    """Exponent, starts and slopes of one verb."""
    sizes = np.array(list(runs), np.float64)
    cpu, _, peaks = np.array(list(runs.values())).T
    powers = np.arange(0.2, 2.001, 0.005)
    exponent = min(powers, key=lambda power: line((sizes / sizes[-1]) ** power, cpu)[2])
    (start, slope, _), (base, growth, _) = line(sizes, cpu), line(sizes, peaks)
    fitted = {"exponent": round(float(exponent), 3), "start_s": start, "ms_per_unit": 1000 * slope}
    memory = {"start_mb": base, "kb_per_unit": 1024 * growth}
    measured = [{"size": size, **used._asdict()} for size, used in runs.items()]
    return {"verb": verb, "unit": unit, **fitted, **memory, "runs": measured}


def main() -> None:
    """Measure, fit and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=GROWTHS, default=list(GROWTHS), help="what grows")
    parser.add_argument("--json", type=Path, help="file of the runs and fits")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each size, the best of which counts")
    chosen = parser.parse_args()
    fits = []
    with tempfile.TemporaryDirectory(prefix="danq-growth-") as work:
        for name in chosen.only:
            print(name, flush=True)
            runs = measure(GROWTHS[name], Path(work), chosen.rounds)
            fits += [fit(verb, GROWTHS[name].unit, of_verb) for verb, of_verb in runs.items()]
            if chosen.json:
                chosen.json.write_text(json.dumps(fits, indent=1) + "\n")
    print(f"\n{'verb':<24} {'over':<8} {'exponent':>8} {'start':>8} {'ms/unit':>9} {'MB':>5} {'KB/unit':>9}")
    for row in fits:
        time_of = f"{row['exponent']:>8.2f} {row['start_s']:>6.2f} s {row['ms_per_unit']:>9.4g}"
        memory = f"{row['start_mb']:>5.0f} {row['kb_per_unit']:>9.3g}"
        print(f"{row['verb']:<24} {row['unit']:<8} {time_of} {memory}")


if __name__ == "__main__":
    main()
