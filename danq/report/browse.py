"""A page of igv.js that shows what was looked at: one file, opened from disk, that asks no network."""

import importlib.util
import json
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from danq.errors import DanqError, first_few
from danq.files import published, readable
from danq.genome.fasta import Genome, open_genome
from danq.report.browse_tracks import peaks, predictions, reference, shown, stretches, variants
from danq.report.callsets import Callset, read_callset
from danq.report.content import TEMPLATES, inline_digest, text
from danq.report.locus import choose_targets
from danq.report.plots import PALETTE
from danq.views.manifest import Viewed, read_views

LARGEST = 64_000_000
"""Bytes of data that a page holds at most."""
MOST_TARGETS = 12
"""Targets of a run that have tracks unless some are named."""
_HERE = Path(__file__).parent
_LIBRARY = ("js/igv.iife.js", "js/igv.min.js")
"""Where the package igv-notebook keeps igv.js."""


def write_browser(
    results: Path,
    out: Path,
    library: str,
    runs: Collection[str] = (),
    genome: str | None = None,
    targets: Sequence[str] = (),
) -> None:
    """Write the page.

    Parameters
    ----------
    results : Path
        Results directory; what runs looked at lies in its ``views``.
    library : str
        igv.js, as from `igv_library`.
    runs, targets : collection of str, sequence of str
        Runs whose predictions are shown, all where empty; targets, chosen for each run where empty.
    genome : str, optional
        Name of the genome that is shown, where runs looked at several.

    Raises
    ------
    DanqError
        If no run looked at anything, something named is not there, a file is damaged, or the page would hold
        more than `LARGEST` bytes of data.
    """
    viewed = _viewed(results, runs, genome)
    opened = open_genome(results / "genomes" / viewed[0].entry.genome)
    if any(each.entry.genome_digest != opened.digest for each in viewed):
        raise DanqError(f"{opened.path}: expected the genome that runs looked at, received another")
    callsets = [read_callset(path.parent) for path in sorted((results / "scores").glob("*/scores.json"))]
    callsets = [each for each in callsets if each.wide and each.manifest.genome.digest == opened.digest]
    settings, note = _settings(viewed, opened, callsets, targets)
    data = json.dumps(settings, ensure_ascii=True, separators=(",", ":"))
    if len(data) > LARGEST:
        raise DanqError(
            f"{out}: expected at most {LARGEST // 1_000_000} MB of data, received {len(data) / 1e6:.0f} MB; "
            "name fewer runs or targets"
        )
    page = _page(viewed, data, note, library)
    with published(out) as partial:
        partial.write_text(page, encoding="utf-8")


def _viewed(results: Path, runs: Collection[str], genome: str | None) -> list[Viewed]:
    folders = {path.parent.name: path.parent for path in sorted(results.glob("views/*/views.json"))}
    for run in runs:
        if run not in folders:
            known = first_few(folders) or "none"
            raise DanqError(f"--run: expected a run that looked at regions ({known}), received {run!r}")
    viewed = list(chain.from_iterable(read_views(folders[run]) for run in runs or folders))
    genomes = list(dict.fromkeys(each.entry.genome for each in viewed))
    if not viewed:
        raise DanqError(
            f"{results}: expected regions that a run looked at (views/<run>/views.json), found none; name "
            "some under `views` of the configuration"
        )
    if genome is None and len(genomes) > 1:
        raise DanqError(f"--genome: expected one of {first_few(genomes)}, received nothing")
    if genome is not None and genome not in genomes:
        raise DanqError(f"--genome: expected one of {first_few(genomes)}, received {genome!r}")
    return [each for each in viewed if each.entry.genome == (genome or genomes[0])]


def _settings(
    viewed: Sequence[Viewed], genome: Genome, callsets: Sequence[Callset], named: Sequence[str]
) -> tuple[dict[str, Any], str]:
    """Make the configuration of igv.js, and a sentence about what was left out."""
    parts = stretches(viewed, genome)
    lengths = dict(zip(genome.names, genome.lengths.tolist(), strict=True))
    tracks: list[dict[str, Any]] = []
    of_dataset: dict[str, dict[str, str]] = {}
    total = 0
    for run in dict.fromkeys(each.run for each in viewed):
        ours = [each for each in viewed if each.run == run]
        colours = _colours(ours, named)
        total = max(total, len(ours[0].targets) if not named and len(colours) < len(ours[0].targets) else 0)
        tracks += predictions(ours, colours, lengths)
        of_dataset.setdefault(ours[0].dataset, {}).update(colours)
    for dataset, colours in of_dataset.items():
        tracks += peaks([each for each in viewed if each.dataset == dataset], colours)
    for callset in callsets:
        tracks += variants(callset, parts, _targets_of(callset))
    settings = {
        "reference": {"id": shown(viewed[0].entry.genome), **reference(genome, parts)},
        "locus": _locus(viewed[0]),
        "tracks": [{**track, "order": number} for number, track in enumerate(tracks)],
        # nothing is to be asked of a network
        "loadDefaultGenomes": False,
        "genomeList": [],
        "search": False,
        "showIdeogram": False,
        "showSVGButton": True,
        "queryParametersSupported": False,
    }
    left_out = f" Of {total:,} targets those with the highest predictions are shown." if total else ""
    return settings, left_out


def _colours(viewed: Sequence[Viewed], named: Sequence[str]) -> dict[str, str]:
    """Choose the targets of a run that are shown, with their colours."""
    known = viewed[0].targets
    for name in named:
        if name not in known:
            raise DanqError(
                f"--target: expected a target of run {viewed[0].run} ({first_few(known)}), received {name!r}"
            )
    chosen = list(dict.fromkeys(named))
    if not named:
        groups = chain.from_iterable(choose_targets(each, pl.DataFrame()).values() for each in viewed)
        numbers = dict.fromkeys(chain.from_iterable(groups))
        chosen = [known[number] for number in sorted(list(numbers)[:MOST_TARGETS])]
    return {name: PALETTE[known.index(name) % len(PALETTE)] for name in chosen}


def _targets_of(callset: Callset) -> list[str]:
    """Names of the targets of a callset's models by their number, as far as they were written."""
    made = callset.manifest
    by_number = dict(zip(made.target_index, made.targets, strict=True))
    return [by_number.get(number, "") for number in range(max(by_number, default=-1) + 1)]


def _locus(viewed: Viewed) -> str:
    entry = viewed.entry
    return f"{shown(entry.contig)}:{entry.start + 1}-{entry.end}"


def _page(viewed: Iterable[Viewed], data: str, note: str, library: str) -> str:
    places = list(dict.fromkeys((_locus(each), text(each.entry.title)) for each in viewed))
    style = (_HERE / "browse.css").read_text(encoding="utf-8")
    script = (_HERE / "browse.js").read_text(encoding="utf-8")
    # as in a page's text, where this is all that would end a script
    library = re.sub(r"</(?=script)", r"<\\/", library, flags=re.IGNORECASE)
    scripts = " ".join(f"'{inline_digest(each)}'" for each in (library, script))
    # igv.js styles its parts itself and draws icons from data
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )
    return TEMPLATES.get_template("browse.html").render(
        title="Regions that were looked at",
        policy=policy,
        places=places,
        note="Sequence, predictions, tracks and variants are those of the listed regions; elsewhere there "
        f"are none. Everything is in this file.{note}",
        data=Markup(data.replace("<", "\\u003c")),
        style=Markup(style),
        library=Markup(library),
        script=Markup(script),
    )


def igv_library(path: Path | None) -> str:
    """Read igv.js: a file of the user's own, or the one in the Python package igv-notebook.

    Raises
    ------
    DanqError
        If there is none, or the file is no script of igv.js that a page can hold.
    """
    if path is None:
        spec = importlib.util.find_spec("igv_notebook")
        folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
        files = [folder / name for folder in folders for name in _LIBRARY if (folder / name).is_file()]
        if not files:
            raise DanqError(
                "igv.js was not found; install it with pip install igv-notebook, or name the file "
                "igv.min.js of the npm package igv as --igv-js"
            )
        path = files[0]
    with readable(path):
        try:
            library = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            library = ""
    if "createBrowser" not in library or re.search(r"\bexport\s*(\{|default\b)", library[-2_000:]):
        raise DanqError(f"{path}: expected igv.min.js, the script of igv.js that is no module")
    return library
