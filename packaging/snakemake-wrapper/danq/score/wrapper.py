"""Snakemake wrapper for `danq score`: what alleles change in a model's predictions."""

__author__ = "The danq developers"
__license__ = "MIT"

import shutil
import sys
import tempfile
from pathlib import Path

from snakemake.shell import shell

MANIFESTS = ("bundle.json", "genome.json", "background.json")


def named(path):
    """Give what danq is called with: a directory, if rules know it by the manifest that they make in it."""
    return str(Path(path).parent) if Path(path).name in MANIFESTS else path


outputs = dict(snakemake.output.items())
# a single output needs no name
scores = Path(outputs.setdefault("scores", snakemake.output[0] if not outputs else ""))
table = f"scores{scores.suffix}"
written = {"scores": table, "ledger": "ledger.tsv", "manifest": "scores.json", "vcf": "annotated.vcf.gz"}
# of samples, and of what is known of the variants
written |= {"haplotypes": f"haplotypes{scores.suffix}", "agreement": "truth.tsv", "compared": "truth.parquet"}
if table not in ("scores.parquet", "scores.tsv"):
    received = outputs["scores"] or "none"
    sys.exit(f"danq: output.scores: expected a name that ends in .parquet or .tsv, received {received}")
if "index" in outputs:
    written["index"] = f"annotated.vcf.gz{Path(outputs['index']).suffix}"
if unknown := outputs.keys() - written:
    sys.exit(f"danq: output: expected {', '.join(written)}; received {', '.join(unknown)}")

models = snakemake.input.model
arguments = [("--model", named(model)) for model in ([models] if isinstance(models, str) else models)]
inputs = {name: snakemake.input.get(name) for name in ("genome", "vcf", "aliases", "background")}
arguments += [(f"--{name}", named(path)) for name, path in inputs.items() if path]
words = [word for pair in arguments for word in pair] + ["--format", scores.suffix[1:]]

extra = snakemake.params.get("extra", "")
log = snakemake.log_fmt_shell(stdout=True, stderr=True)
# beside the results: these are moved, and may be large
with tempfile.TemporaryDirectory(dir=scores.parent, prefix=".danq-") as directory:
    shell("danq score {words:q} --threads {snakemake.threads} {extra} --out {directory:q}/results {log}")
    for name, path in outputs.items():
        file = Path(directory, "results", written[name])
        if not file.exists():
            sys.exit(f"danq: output.{name}: expected none, danq score made no {file.name} of this input")
        shutil.move(file, path)
