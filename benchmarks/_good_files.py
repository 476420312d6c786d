"""A small good file of every format that danq reads, and what reads it, for `mutations.py`."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np


def good_files(folder: Path) -> dict[str, tuple[Path, Callable[[Path], object]]]:
    """Write a small good file of every format: name → file and what reads it."""
    import h5py
    import pysam
    from PIL import Image

    from danq.config import load_config
    from danq.data.examples.deepsea import _open
    from danq.data.examples.files import Table, read_records
    from danq.data.examples.images import decode_png, unlabelled_pictures
    from danq.data.regions.targets import read_targets
    from danq.genome.contigs import read_aliases
    from danq.genome.fasta_text import encoded_pieces
    from danq.genome.motifs import read_motifs
    from danq.genome.tracks import read_intervals
    from danq.learn.keras_file import read_network
    from danq.learn.predict.reading import read_predictions
    from danq.tables import reading_batches, writing_batches
    from danq.variants.text import open_variants

    made: dict[str, tuple[Path, Callable[[Path], object]]] = {}

    def add(name: str, data: bytes | str, read: Callable[[Path], object]) -> None:
        path = folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        made[name] = (path, read)

    def variants(path: Path) -> list[object]:
        text = open_variants(path)
        return [text.fields(line.text) for line in text.lines()]

    def arrow(path: Path) -> object:
        with reading_batches(path, "digest") as reader:
            return [reader[number] for number in range(len(reader))]

    def matlab(path: Path) -> object:
        from contextlib import ExitStack

        with ExitStack() as files:
            arrays = _open(path, "train", files)
            return arrays.codes(0, arrays.n), arrays.labels_of(0, arrays.n)

    def rows(path: Path) -> list[object]:
        return list(read_records(path, Table("text", ["label"], texts=True)))

    fasta = ">chrI one\nACGTNNNNacgtRYK\nACGT\n>chrII\r\nACGT\r\n>chrM\n" + "ACGTTT\n" * 50
    add("genome.fa", fasta, lambda path: list(encoded_pieces(path)))
    add("genome.fa.gz", gzip.compress(fasta.encode()), lambda path: list(encoded_pieces(path)))
    add("a.bed", "".join(f"chrI\t{9 * i}\t{9 * i + 5}\tname\t0\t+\n" for i in range(20)), read_intervals)
    peaks = "".join(f"chrI\t{9 * i}\t{9 * i + 5}\tp\t0\t.\t1.5\t-1\t-1\t2\n" for i in range(20))
    add("a.narrowPeak", peaks, read_intervals)
    gff = "##gff-version 3\n" + "".join(
        f"chrI\tx\tgene\t{9 * i + 1}\t{9 * i + 5}\t.\t+\t.\tID=g{i}\n" for i in range(20)
    )
    add("a.gff3", gff, lambda path: read_intervals(path, "gene"))
    add("aliases.tsv", "name\talias\nchrI\t1\nchrII\t2\n", read_aliases)
    (folder / "one.bed").write_text("chrI\t0\t5\n")
    add("targets.tsv", "target\tpath\trule\none\tone.bed\toverlap\ntwo\tone.bed\tsummit\n", read_targets)
    head = "##fileformat=VCFv4.2\n##contig=<ID=chrI,length=1000>\n"
    head += '##INFO=<ID=AF,Number=A,Type=Float,Description="x">\n'
    head += '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
    head += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
    vcf = head + "".join(f"chrI\t{i + 1}\trs{i}\tA\tC,GT\t50\tPASS\tAF=0.5,0.1\tGT\t0|1\n" for i in range(30))
    add("v.vcf", vcf, variants)
    add("v.vcf.gz", gzip.compress(vcf.encode()), variants)
    add("v.tsv", "variant\ty\nchrI:1:A:C\t1\nchrI:5:AC:G\t0\n", variants)
    with (
        pysam.VariantFile(str(folder / "v.vcf")) as source,
        pysam.VariantFile(str(folder / "b.bcf"), "wb", header=source.header) as out,
    ):
        for record in source:
            out.write(record)
    add("v.bcf", (folder / "b.bcf").read_bytes(), variants)
    meme = (
        "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF m one\n"
        "letter-probability matrix: alength= 4 w= 3 nsites= 20\n" + "0.1 0.2 0.3 0.4\n" * 3
    )
    add("m.meme", meme, read_motifs)
    add("m.jaspar", ">MA1 one\nA [1 2 3]\nC [4 5 6]\nG [1 1 1]\nT [2 2 2]\n", read_motifs)
    add("t.csv", "name,text,label\n" + "".join(f'r{i},"a b, {i}",{i % 2}\n' for i in range(20)), rows)
    generator = np.random.default_rng(0)
    labels = {"labels": generator.integers(0, 2, (5, 2), np.uint8), "targets": np.array(["a", "b"])}
    numbers = {
        "ids": np.array(list("abcde")),
        "probabilities": np.zeros((5, 2), np.float32),
        "logits": np.zeros((5, 2), np.float32),
    }
    np.savez(folder / "p.npz", **numbers, **labels, run="r", split="test", task="multilabel")
    add("predictions.npz", (folder / "p.npz").read_bytes(), read_predictions)
    np.savez_compressed(folder / "i.npz", x=generator.integers(0, 9, (5, 4, 4), np.uint8))
    add(
        "images.npz",
        (folder / "i.npz").read_bytes(),
        lambda path: [p.content() for p in unlabelled_pictures(path, "image")],
    )
    import polars as pl

    table = pl.DataFrame(
        {
            "text": [f"a b {i}" for i in range(50)],
            "label": [i % 2 for i in range(50)],
            "name": [str(i) for i in range(50)],
        }
    )
    table.write_parquet(folder / "r.parquet")
    add("rows.parquet", (folder / "r.parquet").read_bytes(), rows)
    Image.fromarray(generator.integers(0, 255, (9, 9, 3), np.uint8)).save(folder / "i.png")
    add("image.png", (folder / "i.png").read_bytes(), lambda path: decode_png(path.read_bytes(), "image.png"))
    config = {
        "genomes": {"g": "g.fa"},
        "datasets": {"d": {"targets": "t.tsv", "split": {"valid": ["chrI"], "test": ["chrII:1-9"]}}},
    }
    config["runs"] = {
        "r": {
            "model": "danq",
            "dataset": "d",
            "options": {"filters": 8},
            "train": {"epochs": 2, "learning_rate": 0.01},
        }
    }
    config["callsets"] = {"c": {"vcf": "v.vcf", "genome": "g", "runs": ["r"]}}
    import yaml

    add("config.yaml", "# a configuration\n" + yaml.safe_dump(config), load_config)
    add("config.json", json.dumps(config), load_config)
    import pyarrow as pa

    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    with writing_batches(folder / "w.arrow", schema, "digest") as writer:
        writer.write_batch(pa.record_batch([list(range(20)), ["x"] * 20], schema=schema))
    add("work.arrow", (folder / "w.arrow").read_bytes(), arrow)
    with h5py.File(folder / "t.mat", "w") as stored:
        stored.create_dataset(
            "trainxdata",
            data=np.eye(4, dtype=np.uint8)[generator.integers(0, 4, (9, 60))].transpose(1, 2, 0),
            compression=1,
        )
        stored["traindata"] = np.ones((3, 9), np.uint8)
    add("train.mat", (folder / "t.mat").read_bytes(), matlab)
    import zipfile

    with h5py.File(folder / "w.h5", "w") as stored:
        stored["layers/dense/vars/0"] = np.ones((4, 3), np.float32)
    layer = {"module": "keras.layers", "class_name": "Dense", "registered_name": None, "config": {"units": 3}}
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr(
            "config.json",
            json.dumps(
                {
                    "config": {"layers": [layer]},
                    "class_name": "Functional",
                    "module": "keras.src.models.functional",
                }
            ),
        )
        archive.write(folder / "w.h5", "model.weights.h5")
    add("model.keras", (folder / "m.keras").read_bytes(), read_network)
    from _good_results import good_results

    return made | good_results(folder)
