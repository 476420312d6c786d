"""Sections of the report about data and origin: repeats, class balance, splits, options, provenance."""

from collections.abc import Iterator

from danq.data.manifest import REASONS, DatasetManifest
from danq.errors import first_few
from danq.evaluate.runs import LeakageSummary
from danq.genome.intervals import OF_SUMMITS, in_words
from danq.learn.ending import ended
from danq.learn.manifest import BundleManifest
from danq.metrics import AREAS
from danq.report.content import Column, Section, figure, headed, listing, section, table
from danq.report.plots import MOST_LINES, Line, Plot, bar_view, line_view
from danq.report.results import Results

_MOST_NAMES, _SHARE = 30, "Positive rows (%)"
_SPLIT = {"train": "training", "valid": "validation", "test": "test"}
_REST = "rows that neither overlap nor repeat a training row"


def leakage(results: Results) -> Section | None:
    """Tell what test rows share with training, and the metrics without those."""
    rows, sentences = {}, dict[str, str]()
    for run in results.runs:
        if run.measured is None or run.measured.leakage is None:
            continue
        measured, leak = run.measured, run.measured.leakage
        sentences.setdefault(run.dataset, _sentence(run.dataset, leak))
        rows[results.label(run)] = {
            "auroc": measured.auroc.mean,
            "auroc_left": leak.auroc.mean,
            "auprc": measured.auprc.mean,
            "auprc_left": leak.auprc.mean,
            "left": leak.left,
            "scored": f"{leak.scored} of {measured.targets}",
        }
    columns: dict[str, Column] = {}
    for area in AREAS:
        head = f"Mean {area.upper()}"
        columns[area] = Column("All rows", "on all test rows", 4, head)
        columns[f"{area}_left"] = Column("Without repeats", f"on test {_REST}", 4, head)
    columns |= {
        "left": Column("Rows left", f"test {_REST}", 0),
        "scored": Column("Scored", "targets that still have positives and negatives, of all targets"),
    }
    prose = " ".join(sentences.values())
    return section("repeats", "Repeats of training rows", "made", prose, table("Run", columns, rows))


def _sentence(dataset: str, leak: LeakageSummary) -> str:
    if not leak.word_bp:
        return (
            f"Of {leak.windows:,} test rows of {dataset}, {leak.repeats:,} are the same as a "
            "training row; they are left out of the columns “without repeats”."
        )
    sample = f" (in {leak.words_sampled:.0%} of the words)" if leak.words_sampled < 1 else ""
    share = leak.repeats / max(leak.windows, 1)
    return (
        f"Of {leak.windows:,} test windows of {dataset}, {leak.overlapping:,} overlap a training "
        f"window and {leak.repeats:,} ({share:.1%}) nearly repeat training sequence: at least "
        f"{leak.smallest_share:.0%} of the {leak.word_bp}-bp words of the window, or of its bin, "
        f"occur on either strand of the training windows{sample}. Both kinds are left out of the columns "
        "“without repeats”."
    )


def balance(results: Results) -> Section | None:
    """Positives of each target and split, as shares; sorted lines where the targets are too many for bars."""
    views, several = [], len(results.datasets) > 1
    prose = "Positive rows of each target in the training, validation and test rows."
    for name, manifest in results.datasets.items():
        labels = [split for split, n in manifest.n.items() if n]
        shares = {
            target.name: {
                _SPLIT[split]: 100 * target.counts[split] / max(manifest.labelled(target, split), 1)
                for split in labels
            }
            for target in manifest.targets
        }
        before = f"{name}: " if several else ""
        if len(shares) <= MOST_LINES:
            counts = {t.name: {_SPLIT[split]: t.counts[split] for split in labels} for t in manifest.targets}
            views += [bar_view(f"{before}share", _SHARE, shares), bar_view(f"{before}number", "Rows", counts)]
            continue
        lines = [
            Line(
                split, list(enumerate(sorted((each[split] for each in shares.values()), reverse=True), 1)), i
            )
            for i, split in enumerate(_SPLIT[split] for split in labels)
        ]
        plot = Plot("Share of positive rows", ("Rank of the target", _SHARE), lines, logarithmic=True)
        views.append(line_view(f"{before}share", [plot], size=(620, 320)))
        prose += f" Of {name}, targets stand in falling order, for each split on its own."
    return section("balance", "Class balance", "made", prose, figure(views))


def data(results: Results) -> Section | None:
    """Tell what the rows are, how they were split, and which bins were left out and why."""
    parts = [
        headed(name if len(results.datasets) > 1 else "", listing(["", ""], list(_listed(results, manifest))))
        for name, manifest in results.datasets.items()
    ]
    prose = "What was learned from."
    if any(manifest.window for manifest in results.datasets.values()):
        prose += (
            " Windows are what a model sees; the bin in the middle of a window carries the labels. Bins are "
            "left out for one reason each, the first that applies."
        )
    return section("data", "Data and splits", "made", prose, *parts)


def _listed(results: Results, manifest: DatasetManifest) -> Iterator[tuple[str, str]]:
    if manifest.genome:
        genome = results.genomes.get(manifest.genome.name)
        size = f", {genome.length:,} bp in {len(genome.contigs):,} contigs" if genome else ""
        yield "Genome", f"{manifest.genome.name}{size}"
    yield from facts(manifest)


def facts(manifest: DatasetManifest) -> Iterator[tuple[str, str]]:
    """Say of a dataset what its rows are, how they were split, and what was left out: title and text."""
    kind = "one of them a row" if manifest.task == "multiclass" else "any number of them a row"
    yield "Targets", f"{len(manifest.targets):,}, {kind}"
    if manifest.classes:
        negative, positive = manifest.classes
        yield "Positive class", f"{positive}; negative: {negative}"
    if manifest.window:
        window = f"{manifest.window:,} bp"
        window += f", labelled bin of {manifest.bin:,} bp in its centre" if manifest.bin else ""
        yield "Window", window + (f", in steps of {manifest.step:,} bp" if manifest.step else "")
    if manifest.shape:
        yield "Images", " x ".join(map(str, manifest.shape)) + " (height, width, channels)"
    for split, n in manifest.n.items():
        yield f"Rows, {_SPLIT[split]}", f"{n:,}"
    if manifest.unknown_labels:
        whole = len(manifest.targets) * max(manifest.sub_bins, 1) * sum(manifest.n.values())
        yield "Unknown labels, no part of training and metrics", f"{manifest.unknown_labels:,} of {whole:,}"
    held_out = manifest.options["split"] or {}
    for split in ("valid", "test"):
        if isinstance(held_out.get(split), list):
            yield f"Regions, {_SPLIT[split]}", ", ".join(held_out[split])
    for reason, n in manifest.left_out.items():
        if n:
            yield f"Left out: {REASONS.get(reason, reason.replace('_', ' '))}", f"{n:,}"
    yield from _of_contigs(manifest)
    yield from _of_records(manifest)
    rare = sorted(manifest.targets, key=lambda target: (target.counts["test"], target.name))[:5]
    yield "Rarest targets in test", ", ".join(f"{each.name} ({each.counts['test']:,})" for each in rare)


def _of_contigs(manifest: DatasetManifest) -> Iterator[tuple[str, str]]:
    """Tell which contigs take no part, and which names of tracks are not the genome's."""
    if manifest.renamed:
        pairs = (f"{file} → {own}" for file, own in manifest.renamed.items())
        yield "Contig names read as", first_few(pairs, _MOST_NAMES)
    if manifest.contigs_left_out:
        bp = sum(manifest.contigs_left_out.values())
        yield f"Contigs that take no part ({bp:,} bp)", first_few(manifest.contigs_left_out, _MOST_NAMES)
    if manifest.unknown_contigs:
        listed = (f"{contig} ({n:,})" for contig, n in manifest.unknown_contigs.items())
        yield "Regions on contigs that the genome lacks", first_few(listed, _MOST_NAMES)


def _of_records(manifest: DatasetManifest) -> Iterator[tuple[str, str]]:
    """Tell which records of tracks and exclusions were left out or adjusted, reason by reason."""
    files = {each.name: each.track for each in manifest.targets if each.track} | manifest.exclude
    by_summit = {each.name for each in manifest.targets if each.rule == "summit"}
    for kind in ("left_out", "adjusted"):
        counts = {name: getattr(records, kind) for name, records in files.items()}
        for reason in sorted({reason for each in counts.values() for reason in each} - {"unknown_contig"}):
            of_reason = [
                f"{name} ({each[reason]:,})"
                for name, each in counts.items()
                if each.get(reason) and (reason not in OF_SUMMITS or name in by_summit)
            ]
            done = "left out" if kind == "left_out" else "kept"
            if of_reason:
                yield f"Records of tracks {done}: {in_words(reason)}", first_few(of_reason, _MOST_NAMES)


def options(results: Results) -> Section | None:
    """Every option of every run, side by side."""
    flat = {results.label(run): _flat(run.bundle) for run in results.drawn}
    keys = dict.fromkeys(key for each in flat.values() for key in each)
    rows = [[key, *(each.get(key, "") for each in flat.values())] for key in keys]
    prose = (
        "All options with their values, defaults included. Lists and paths are shown as they were read. A "
        "model that is not trained in epochs takes the seed alone of `train`."
    )
    if results.first_drawn:
        prose += " Of a run with several seeds or folds the first is shown; the others differ in these."
    return section("options", "Options", "made", prose, listing(["Option", *flat], rows))


def _flat(bundle: BundleManifest) -> dict[str, str]:
    flat, train = {"model": bundle.model}, bundle.train
    if ended(train, bundle.training) is None:
        train = {key: value for key, value in train.items() if key == "seed"}
    parts = {"options": bundle.options, "train": train, "predict": bundle.predict}
    for part, entries in parts.items():
        for key, value in entries.items():
            nested = value if isinstance(value, dict) else {"": value}
            for inner, each in nested.items():
                flat[f"{part}.{key}{'.' if inner else ''}{inner}"] = "–" if each is None else str(each)
    return flat


def provenance(results: Results) -> Section | None:
    """Where every run came from."""
    bundles = [run.bundle for run in results.runs]
    origins = [bundle.provenance for bundle in bundles]
    rows: list[list[object]] = [
        ["Command", *(origin.get("command", "") for origin in origins)],
        ["Finished", *(origin.get("created", "") for origin in origins)],
        ["Device", *(bundle.training.get("device", "") for bundle in bundles)],
        ["Platform", *(origin.get("platform", "") for origin in origins)],
        ["Seed", *(bundle.train.get("seed", "") for bundle in bundles)],
        ["Digest of the model", *(bundle.digest for bundle in bundles)],
        ["Digest of the dataset", *(bundle.dataset.digest for bundle in bundles)],
    ]
    if any(bundle.dataset.genome_digest for bundle in bundles):
        rows.append(["Digest of the genome", *(each.dataset.genome_digest or "–" for each in bundles)])
    kept = [origin.get("versions") for origin in origins]
    versions = [each if isinstance(each, dict) else {} for each in kept]
    rows += [[name, *(each.get(name, "") for each in versions)] for name in sorted(set().union(*versions))]
    prose = (
        "What made each run: command, machine, seed, SHA-256 digests of what went in and came out, versions."
    )
    heads = ["", *map(results.label, results.runs)]
    return section("provenance", "Provenance", "made", prose, listing(heads, rows))


def provenance_of_scores(results: Results) -> Section | None:
    """Where the scores came from: variants, genome, models, rules."""
    scores = [callset.manifest for callset in results.callsets]
    rows: list[list[object]] = [
        ["Variants", *(each.vcf.name for each in scores)],
        ["SHA-256 of the variants", *(each.vcf.sha256 for each in scores)],
        ["Genome", *(each.genome.path for each in scores)],
        ["Digest of the genome", *(each.genome.digest for each in scores)],
        ["Models", *(", ".join(bundle.run for bundle in each.bundles) for each in scores)],
        ["Digests of the models", *(", ".join(b.digest for b in each.bundles) for each in scores)],
    ]
    options = list(dict.fromkeys(key for each in scores for key in each.options))
    for key in options:
        values = [each.options.get(key) for each in scores]
        values = [", ".join(map(str, each)) or None if isinstance(each, list) else each for each in values]
        rows.append([key, *("–" if value is None else value for value in values)])
    rows.append(["Command", *(each.provenance.get("command", "") for each in scores)])
    heads = ["", *(callset.name for callset in results.callsets)]
    prose = "Which variants were scored by which models, with all options. Formulas are in the documentation."
    body = listing(heads, rows if scores else [])
    return section("provenance-of-scores", "Provenance of the scores", "made", prose, body)
