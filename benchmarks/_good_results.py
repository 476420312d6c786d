"""Small good files of results (datasets, evaluations, scores, work folders), and what reads them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Made = dict[str, tuple[Path, Callable[[Path], object]]]


def good_results(folder: Path) -> Made:
    """Write results of every kind that danq reads back: name → file and what reads it."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    made: Made = {}
    for part in (_genome, _evaluation, _scores, _dataset, _training, _survey, _bundle, _network):
        made |= part(folder)
    return made


def _genome(folder: Path) -> Made:
    from danq.genome.encode import build_genome
    from danq.genome.fasta import open_genome

    build_genome(folder / "genome.fa", folder / "encoded")
    return {
        name: (folder / "encoded" / name, lambda path: open_genome(path.parent))
        for name in ("genome.json", "contigs.tsv")
    }


def _evaluation(folder: Path) -> Made:
    from results_tree import build

    from danq.evaluate.runs import read_run

    if not (folder / "tree").exists():
        build(folder / "tree", {"net": ("d", "danq", 2.0)}, ("a", "b"), 10)
    run = folder / "tree" / "runs" / "net"
    names = (
        "metrics.tsv",
        "calibration.tsv",
        "pairs.tsv",
        "curves.parquet",
        "resamples.parquet",
        "summary.json",
    )
    files = [run / "history.tsv", *(run / "evaluation" / name for name in names)]
    return {path.name: (path, lambda _: read_run(run)) for path in files}


def _scores(folder: Path) -> Made:
    from results_tree import write_scores

    from danq.report.callsets import read_callset, strongest_targets
    from danq.score.measures import EFFECT

    allele = {"allele": 1, "contig": "chrI", "id": ".", "ref": "A", "alt": "C"}
    rows = [{"row": number, "pos": 9 * number, **allele} for number in range(1, 30)]
    if not (folder / "scored").exists():
        write_scores(folder / "scored", "c", ("a", "b"), rows, np.random.default_rng(0).normal(size=(29, 2)))
    place = folder / "scored" / "scores" / "c"

    def read(_: Path) -> object:
        callset = read_callset(place)
        return list(callset.blocks([EFFECT])), strongest_targets(callset, 1)

    return {name: (place / name, read) for name in ("scores.parquet", "scores.json")}


def _dataset(folder: Path) -> Made:
    from tiny_dataset import write_tiny_dataset

    from danq.data.dataset import open_dataset

    place = folder / "tiny"
    if not place.exists():
        write_tiny_dataset(place)

    def read(_: Path) -> object:
        dataset = open_dataset(place)
        rows = dataset.rows("train")
        return dataset.labels(rows), dataset.codes(rows), dataset.ids(rows), dataset.counts("train")

    return {
        f"tiny-{name}": (place / name, read) for name in ("dataset.json", "examples.parquet", "codes.npy")
    }


def _training(folder: Path) -> Made:
    from danq.learn.train.state import Checkpoint, CheckpointStore
    from danq.learn.trial_tables import TRIALS_FILE, read_trials
    from danq.learn.trials import BestTrial

    store = CheckpointStore(folder / "checkpoint", "ab")
    state = store.directory / "state.npz"
    if not state.exists():
        store.write(Checkpoint({"w": np.ones((3, 4), np.float32), "v": np.zeros(2)}, {"epoch": 1}))

    def read(path: Path) -> object:
        kept = path.read_bytes()
        found = store.read()
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(kept)
        return found

    header = "trial\tstatus\trung\tepochs\tbest_epoch\tmetric\tvalue\tseconds\treason\toptions.units\n"
    lines = "1\tbest\t1\t3\t2\tloss\t0.5\t1.5\t\t3\n2\tended early\t1\t1\t1\tloss\t0.75\t1\t\t[1, 2]\n"
    (folder / TRIALS_FILE).write_text(header + lines)
    best = {"kind": BestTrial.KIND, "format_version": 1, "search": "s", "trial": 1, "parameters": {"a": 1}}
    best |= {"metric": "loss", "value": 0.5, "best_epoch": 2, "space": "ab"}
    (folder / BestTrial.FILE).write_text(json.dumps(best))
    return {
        "state.npz": (state, read),
        TRIALS_FILE: (folder / TRIALS_FILE, lambda path: read_trials(path.parent)),
        BestTrial.FILE: (folder / BestTrial.FILE, lambda path: BestTrial.read(path.parent)),
    }


def _survey(folder: Path) -> Made:
    import pyarrow as pa

    from danq.tables import reading_batches, writing_batches
    from danq.variants.survey_file import ALLELES, _rows

    path = folder / "alleles.arrow"
    row: dict[str, Any] = {
        "row": 1,
        "allele": 1,
        "contig": "chrI",
        "pos": 5,
        "id": "rs",
        "ref": "A",
        "alt": "C",
    }
    row |= {"reason": "", "flags": ["x"], "index": 0, "start": 4, "removed": 1, "inserted": b"\1"}
    row |= {"swapped": False}
    with writing_batches(path, ALLELES, "ab") as writer:
        writer.write_batch(pa.RecordBatch.from_pylist([row] * 30, ALLELES))

    def read(path: Path) -> object:
        with reading_batches(path, "ab") as reader:
            return [list(_rows(reader[number])) for number in range(len(reader))]

    return {"alleles.arrow": (path, read)}


def _bundle(folder: Path) -> Made:
    from bundles import manifest

    from danq.learn.bundle_files import GOLDEN_FILE
    from danq.learn.export import opened_bundles, write_archive
    from danq.learn.golden import golden_digest, read_golden_rows
    from danq.learn.manifest import BundleManifest, read_members

    bundle = folder / "exported"
    bundle.mkdir(exist_ok=True)
    manifest().write(bundle)
    (bundle / "model.keras").write_bytes((folder / "m.keras").read_bytes())
    arrays = {
        "inputs": np.zeros((3, 40), np.uint8),
        "logits": np.zeros((3, 2), np.float32),
        "names": np.array(["a", "b", "c"]),
        "split": np.array(["test"] * 3),
        "batch_size": np.array(16),
        "bundle_digest": np.array(manifest().digest),
    }
    np.savez(bundle / GOLDEN_FILE, **arrays, digest=np.array(golden_digest(arrays)))
    write_archive(bundle, folder / "bundle.zip", private=False)

    def read(path: Path) -> object:
        with opened_bundles([path]) as (opened,):
            return read_members(opened)

    return {
        "bundle.zip": (folder / "bundle.zip", read),
        GOLDEN_FILE: (bundle / GOLDEN_FILE, lambda path: read_golden_rows(path, manifest())),
        BundleManifest.FILE: (bundle / BundleManifest.FILE, lambda path: BundleManifest.read(path.parent)),
    }


def _network(folder: Path) -> Made:
    from safetensors.numpy import save_file

    from danq.learn.keras_layers import describe_layers
    from danq.learn.network import Network, read_stored

    def reading(name: str, shape: list[int | None]) -> dict[str, Any]:
        tensor = {"shape": shape, "dtype": "float32", "keras_history": [name, 0, 0]}
        return {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}

    arrays = {name: [np.ones((4, 3), np.float32), np.ones(3, np.float32)] for name in ("rnn", "logits")}
    layers: list[dict[str, Any]] = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 4], "dtype": "float32"}}
    ]
    for name, source in zip(arrays, ("x", "rnn"), strict=True):
        options = {"name": name, "units": 3, "activation": "tanh", "dtype": "float32"}
        layer = {"class_name": "Dense", "config": options, "inbound_nodes": [reading(source, [None, 4])]}
        layers.append(layer)
    content = {
        "layers": [{"module": "keras.layers", "inbound_nodes": []} | layer for layer in layers],
        "input_layers": {"x": ["x", 0, 0]},
        "output_layers": ["logits", 0, 0],
    }
    described = describe_layers({"class_name": "Functional", "config": content}, arrays)
    network = Network.model_validate_json(json.dumps(described))
    network.write(folder)
    flat = [array for of_layer in arrays.values() for array in of_layer]
    names = [array.name for array in network.weights]
    save_file(dict(zip(names, flat, strict=True)), folder / "weights.safetensors")
    return {
        "network.json": (folder / "network.json", lambda path: Network.read(path.parent)),
        "weights.safetensors": (folder / "weights.safetensors", lambda path: read_stored(path, network)),
    }
