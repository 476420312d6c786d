"""What a model card says a model is for, and what it was not tested on."""

from collections.abc import Iterator

from danq.data.manifest import DatasetManifest
from danq.evaluate.compare import Group
from danq.evaluate.remarks import remarks
from danq.evaluate.runs import Run
from danq.learn.manifest import BundleManifest
from danq.report.findings import Finding
from danq.report.markdown import text
from danq.report.reliance import calibrated, leaking

KINDS = {"dna": "DNA sequences", "text": "texts", "image": "images"}
"""Kind of data → its rows, in words."""


def use(info: BundleManifest) -> str:
    """Say in two sentences what the model is for."""
    kind = KINDS[info.data_kind]
    use = f"To predict the targets of {kind} like those of the dataset `{info.dataset.name}`"
    if info.data_kind == "dna":
        use += ", and to compare the effects of variants (`danq score`) and mutations (`danq ism`) on them"
    return f"{use}, in research. It is no medical device and was not tested for decisions about people."


def limits(run: Run, data: DatasetManifest | None) -> Iterator[str]:
    """Say one by one what it was not tested on, and how far its figures can be relied on."""
    info = run.bundle
    yield from _of_data(info, data)
    if run.summary is None or run.measured is None:
        yield "Nothing was measured: how good the model is, is not known from this card."
        return
    group = Group(run.name, run.family, (run,))
    for finding in (calibrated(group), leaking(group, None, info.data_kind == "dna")):
        yield _finding(finding)
    if not_scored := ", ".join(f"{n:,} ({why})" for why, n in run.measured.not_scored.items()):
        yield f"Targets without a score on the {run.split} split: {text(not_scored)}."
    metrics, pairs = run.on_split(run.metrics), run.on_split(run.pairs)
    if metrics is not None and pairs is not None:
        yield from (f"{text(remark[0].upper() + remark[1:])}." for remark in remarks(metrics, pairs))
    if run.is_baseline:
        yield "It is a yardstick that other models are compared with."
    else:
        yield "A comparison with simpler models stands in the report of the run, not here."


def _finding(finding: Finding) -> str:
    return f"**{finding.title}.** {text(finding.figure)}. {finding.meaning}"


def _of_data(info: BundleManifest, data: DatasetManifest | None) -> Iterator[str]:
    if info.data_kind == "dna":
        yield (
            f"It sees {info.window or 0:,} bp and nothing beyond; other genomes, cell types and conditions "
            "than those of the tracks or examples were not tested."
        )
        yield "Effects of variants were not compared with experiments in this evaluation."
    else:
        yield f"Other {KINDS[info.data_kind]} than those of the dataset were not tested."
    if data is None:
        return
    held_out = (data.options.get("split") or {}).get("test")
    if isinstance(held_out, list) and held_out:
        yield f"It was tested on {text(', '.join(held_out))} alone, which it had not seen."
    elif held_out:
        yield "Its test rows were drawn at random among all rows, so that they are as the training rows are."
    shares = [_share(data, split) for split in ("train", "test")]
    if shares[0] is not None and shares[1] is not None:
        yield (
            f"A target is positive in {shares[0]:.2%} of the training rows on average and in "
            f"{shares[1]:.2%} of the test rows; where it is rarer or more frequent, "
            "probabilities are off and AUPRC is another."
        )


def _share(data: DatasetManifest, split: str) -> float | None:
    labelled = [data.labelled(target, split) for target in data.targets]
    shares = [t.counts[split] / n for t, n in zip(data.targets, labelled, strict=True) if n]
    return sum(shares) / len(shares) if shares else None
