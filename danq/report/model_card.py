"""The model card: a bundle, its data and its evaluation in words, for those who are handed the model.

The first lines are those that the Hugging Face Hub reads of a card (metrics as its ``model-index``). The
same bundle and evaluation give the same bytes; no paths, users, machines or dates stand in it.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from danq.data.manifest import DatasetManifest
from danq.errors import DanqError
from danq.evaluate.runs import Evaluation, read_run
from danq.files import read_whole
from danq.learn.export import CARD_FILE
from danq.learn.manifest import BundleManifest
from danq.report.card_sections import (
    KINDS,
    SPLIT_COLUMNS,
    TARGET_COLUMNS,
    code,
    front,
    limits,
    notes,
    split_rows,
    table,
    target_rows,
    text,
    use,
)
from danq.report.data import facts

log = logging.getLogger("danq")

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=False,  # Markdown; `danq.report.card_sections` escapes what names could make of it
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_MOST_TARGETS = 50


def card_of(bundle: Path, dataset: Path | None, packed: bool, needed: bool) -> str | None:
    """Give the card for an archive, or one that is asked for by itself (`needed`).

    An archive takes the card that lies beside the bundle, with what its owner wrote into it, as long as it is
    of this very bundle; so does what is made of a `packed` bundle, which has no evaluation.

    Parameters are as of `model_card`.

    Raises
    ------
    DanqError
        As `model_card`, if the card is needed; an archive does without, with a warning.
    """
    path = bundle / CARD_FILE
    if path.is_file() and (packed or not needed):
        with path.open("rb") as stream:
            card = read_whole(path, stream).decode("utf-8", "replace")
        if BundleManifest.read(bundle).digest in card:
            return card
    try:
        return model_card(bundle, dataset)
    except DanqError as error:
        if needed:
            raise
        log.warning("no model card in the archive: %s", error)
        return None


def model_card(bundle: Path, dataset: Path | None = None) -> str:
    """Write the card of a bundle in Markdown.

    Parameters
    ----------
    bundle : Path
        Its directory; what `danq evaluate` wrote into ``evaluation`` there is read, too.
    dataset : Path, optional
        Directory of the dataset that it was trained on; left out, that of the same results directory, if it
        is there.

    Raises
    ------
    DanqError
        If a file is damaged, the evaluation is of another bundle, or the dataset another one.
    """
    read = read_run(bundle)
    run = replace(read, name=read.bundle.run)
    info, data = run.bundle, _dataset(bundle, run.bundle, dataset)
    if run.summary is not None:
        evaluated = run.summary.provenance.get("inputs", {}).get("bundle")
        if evaluated not in (None, "", info.digest):
            raise DanqError(
                f"{bundle / 'evaluation' / Evaluation.FILE}: expected the evaluation of the bundle "
                f"{info.digest[:12]}, received that of {evaluated[:12]}; predict and evaluate again"
            )
    rows = list(target_rows(run, data))
    options = {"options": info.options, "train": info.train, "predict": info.predict}
    return _TEMPLATES.get_template("model_card.md").render(
        table=table,
        code=code,
        front=yaml.safe_dump(front(run), sort_keys=False, allow_unicode=True)
        + "# license: fill in, for example cc-by-4.0\n",
        run=text(info.run),
        summary=_summary(info),
        model=list(_model(info)),
        options=yaml.safe_dump(_plain(options), sort_keys=False, allow_unicode=True),
        data=list(_data(info, data)),
        described=data is not None,
        target_columns=TARGET_COLUMNS,
        targets=rows[:_MOST_TARGETS],
        more_targets=max(len(rows) - _MOST_TARGETS, 0),
        split_columns=SPLIT_COLUMNS,
        splits=list(split_rows(run)),
        notes=list(notes(run)),
        use=use(info),
        limits=list(limits(run, data)),
        commands=_commands(info),
        python=_python(info),
        versions=list(info.provenance.get("versions", {}).items()),
    )


def _dataset(bundle: Path, info: BundleManifest, dataset: Path | None) -> DatasetManifest | None:
    place = dataset or bundle.resolve().parent.parent / "datasets" / info.dataset.name
    if dataset is None and not (place / DatasetManifest.FILE).is_file():
        return None
    manifest = DatasetManifest.read(place)
    if manifest.digest == info.dataset.digest:
        return manifest
    if dataset is None:
        return None
    raise DanqError(
        f"{dataset}: expected the dataset {info.dataset.digest[:12]} that {bundle} was trained on, "
        f"received {manifest.digest[:12]}"
    )


def _plain(value: Any) -> Any:
    """Name files of options by their names alone."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return Path(value).name if isinstance(value, str) and "/" in value else value


def _summary(info: BundleManifest) -> str:
    rows = {
        "dna": f"DNA sequences of {info.window or 0:,} bp",
        "text": "texts",
        "image": f"images of {' x '.join(map(str, info.shape or ()))} (height, width, channels)",
    }[info.data_kind]
    output = "the one class" if info.task == "multiclass" else "the targets"
    many = f"{len(info.targets):,} {'classes' if info.task == 'multiclass' else 'targets'}"
    sub_bins = f", each stretch of {info.step:,} bp by itself" if info.step else ""
    return (
        f"A model `{Path(info.model).name}` with {info.parameters:,} parameters, which reads {rows} and "
        f"predicts {output} of each{sub_bins} ({many})."
    )


def _model(info: BundleManifest) -> Iterator[tuple[str, str]]:
    yield "Bundle", info.digest
    if info.members:
        yield "Mean of", ", ".join(f"{each.weight:.3g} {each.run} ({each.model})" for each in info.members)
    if info.model_file:
        yield "File of the model, SHA-256", info.model_file
    yield "Input", KINDS[info.data_kind] + (f", {info.window:,} bp" if info.window else "")
    if info.bin:
        yield "Labelled bin at the window's centre", f"{info.bin:,} bp"
    if info.data_kind == "dna":
        both = info.predict.get("reverse_complement") == "mean"
        yield "Strands", "mean of both" if both else "the one that is given"
    activation = "softmax" if info.task == "multiclass" else "sigmoid"
    yield "Output", f"one logit and probability a target; {activation}"
    if epoch := info.best.get("epoch"):
        yield "Weights of epoch", f"{epoch} of {info.training.get('epochs', epoch)}"


def _data(info: BundleManifest, data: DatasetManifest | None) -> Iterator[tuple[str, str]]:
    yield "Dataset", f"{info.dataset.name}, digest {info.dataset.digest}"
    if info.dataset.genome_digest:
        yield "Digest of the genome", info.dataset.genome_digest
    if data is None:
        return
    options = data.options
    if data.bin and "min_overlap" in options:
        yield (
            "A bin is positive",
            f"rule overlap: more than {options['min_overlap']:.0%} of it is covered; summit: it holds one",
        )
    if data.bin and "keep" in options:
        kept = options["keep"]
        named = ", ".join(f"{key} {value}" for key, value in kept.items()) if isinstance(kept, dict) else kept
        yield "Training bins that are kept", str(named)
    split = options.get("split") or {}
    for name in ("valid", "test"):
        if isinstance(split.get(name), float):
            yield f"Rows drawn for {name}", f"{split[name]:.0%}, seed {split.get('seed')}"
    yield from facts(data)


def _commands(info: BundleManifest) -> str:
    archive = f"{info.run}.zip"
    lines = [
        f"# {archive}: what `danq export <bundle> --format archive --out {archive}` writes",
        "# with --engine onnx, predict needs the extra danq[onnx] and no TensorFlow",
    ]
    if info.data_kind == "dna":
        lines += [
            f"danq predict --model {archive} --fasta sequences.fa --out predictions.tsv",
            f"danq predict --model {archive} --bed regions.bed --genome genome.fa --out regions.tsv",
            f"danq score --model {archive} --genome genome.fa --vcf variants.vcf.gz --out scores",
        ]
    else:
        rows = "texts.csv" if info.data_kind == "text" else "images.npz"
        lines += [f"danq predict --model {archive} --examples {rows} --out predictions.tsv"]
    return "\n".join(lines)


def _python(info: BundleManifest) -> str:
    rows = {"dna": '["ACGTACGT"]', "text": '["a text"]', "image": "images"}[info.data_kind]
    return f'import danq\n\nmodel = danq.load("{info.run}.zip")\npredictions = model.predict({rows})'
