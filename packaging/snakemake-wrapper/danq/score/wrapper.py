"""Snakemake wrapper for `danq score`: what alleles change in a model's predictions."""

__author__ = "The danq developers"
__license__ = "MIT"

import shutil
import sys
import tempfile
from pathlib import Path

from snakemake.shell import shell

WRITTEN = {"ledger": "ledger.tsv", "vcf": "annotated.vcf.gz", "manifest": "scores.json"}

scores = Path(snakemake.output.get("scores", snakemake.output[0]))
formats = {".parquet": "parquet", ".tsv": "tsv"}
if scores.suffix not in formats:
    sys.exit(f"danq: output.scores: expected a name that ends in .parquet or .tsv, received {scores}")
written = WRITTEN | {"scores": f"scores{scores.suffix}"}

given = snakemake.input.model
arguments = [("--model", model) for model in ([given] if isinstance(given, str) else given)]
arguments += [("--genome", snakemake.input.genome), ("--vcf", snakemake.input.vcf)]
for name in ("aliases", "background"):
    if path := snakemake.input.get(name):
        arguments.append((f"--{name}", path))
arguments.append(("--format", formats[scores.suffix]))
words = [word for pair in arguments for word in pair]

extra = snakemake.params.get("extra", "")
log = snakemake.log_fmt_shell(stdout=True, stderr=True)
# beside the results: these are moved, and may be large
with tempfile.TemporaryDirectory(dir=scores.parent, prefix=".danq-") as directory:
    shell("danq score {words:q} --threads {snakemake.threads} {extra} --out {directory:q}/results {log}")
    results = Path(directory, "results")
    wanted = {"scores": scores} | {
        name: snakemake.output.get(name) for name in WRITTEN if snakemake.output.get(name)
    }
    for name, path in wanted.items():
        shutil.move(results / written[name], path)
    if index := snakemake.output.get("index"):
        (found,) = results.glob(f"{written['vcf']}.[tc][bs]i")
        shutil.move(found, index)
