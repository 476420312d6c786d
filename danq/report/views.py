"""The section of the report about regions that were looked at."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from danq.report.content import Section, View, figure, headed, section
from danq.report.locus import MOST_VARIANTS, Locus, choose_targets, locus_svg
from danq.report.results import Results
from danq.score.measures import EFFECT, TARGET
from danq.views.manifest import Viewed, ViewEntry
from danq.views.places import variants_in


def regions(results: Results) -> Section | None:
    """Draw every region that was looked at, as each run that predicted it sees it."""
    figures = []
    for entry, by_run in _places(results).items():
        seen = [_seen(results, entry, members) for members in by_run]
        drawn = [View(run.locus.viewed.run, locus_svg(run.locus)) for run in seen]
        figures.append(headed(entry.title, figure(drawn, " ".join(_caption(entry, seen)))))
    prose = (
        "Predicted probability along each region, drawn at the centre of each bin; under it, in the same "
        "colour, the intervals of the target's track that the labels were made from. Variants that were "
        "scored stand below, with their logit difference in the target that each changes most."
    )
    return section("regions", "Regions", "variants", prose, *figures)


class _Seen(NamedTuple):
    """A region as a run sees it, of how many trainings, and how many of its alleles were scored."""

    locus: Locus
    trainings: int
    alleles: int


def _places(results: Results) -> dict[ViewEntry, list[list[Viewed]]]:
    """Sort what was looked at by its place: for each, by run, what its repeats saw."""
    names = {run.name: group.name for group in results.groups for run in group.members}
    places: dict[ViewEntry, dict[str, list[Viewed]]] = {}
    order = [run.name for run in results.runs]
    for viewed in sorted(results.views, key=lambda viewed: order.index(viewed.run)):
        # rows and peaks may differ from run to run
        key = viewed.entry.model_copy(update={"first": 0, "rows": 0, "stride": 0, "peaks": False})
        run = names.get(viewed.run, viewed.run)
        places.setdefault(key, {}).setdefault(run, []).append(replace(viewed, run=run))
    return {entry: list(by_run.values()) for entry, by_run in places.items()}


def _seen(results: Results, entry: ViewEntry, members: Sequence[Viewed]) -> _Seen:
    mean = np.stack([viewed.probabilities for viewed in members]).mean(axis=0, dtype=np.float32)
    viewed = replace(members[0], probabilities=mean)
    trained = [each.name for group in results.groups for each in group.members if group.name == viewed.run]
    variants, total = _variants(results, entry, viewed, trained or [viewed.run])
    return _Seen(Locus(viewed, variants, choose_targets(viewed, variants)), len(members), total)


def _variants(
    results: Results, entry: ViewEntry, viewed: Viewed, trained: Collection[str]
) -> tuple[pl.DataFrame, int]:
    """Gather the alleles of a region that the run scored, the strongest of them first, and count them all.

    Around a callset's variant they are those of that callset.
    """
    frames, total = [pl.DataFrame()], 0
    for callset in results.callsets:
        made = callset.manifest
        if (
            entry.callset not in (None, callset.name)
            or made.genome.digest != entry.genome_digest
            or not {bundle.run for bundle in made.bundles} & set(trained)
        ):
            continue
        place = (callset.path, entry.contig, entry.start, entry.end)
        here = _ranked(variants_in(*place, ()))
        total += len(here)
        strongest = here.head(MOST_VARIANTS)
        drawn = {number for group in choose_targets(viewed, strongest).values() for number in group}
        changed = set(strongest[TARGET].to_list()) if len(strongest) else set()
        drawn |= {number for number, name in enumerate(viewed.targets) if name in changed}
        frames.append(_ranked(variants_in(*place, sorted(drawn))).head(MOST_VARIANTS))
    return _ranked(pl.concat(frames, how="diagonal")), total


def _ranked(variants: pl.DataFrame) -> pl.DataFrame:
    if EFFECT not in variants.columns:
        return variants
    return variants.sort(EFFECT, descending=True, maintain_order=True)


def _caption(entry: ViewEntry, seen: Sequence[_Seen]) -> Iterator[str]:
    yield f"{entry.place} of {entry.genome}."
    for locus, trainings, alleles in seen:
        viewed, shown = locus.viewed, len(locus.colours)
        facts = [f"mean of {trainings} trainings"] if trainings > 1 else []
        facts.append(f"a value every {viewed.entry.stride} bp")
        if not viewed.entry.peaks:
            facts.append("no track of its dataset lies on this genome")
        if len(viewed.targets) > shown:
            which = "that the strongest variants change or that are predicted highest"
            facts.append(f"of {len(viewed.targets):,} targets the {shown} {which}")
        if alleles > MOST_VARIANTS:
            facts.append(f"of {alleles:,} alleles the {MOST_VARIANTS} strongest")
        yield f"{viewed.run}: {'; '.join(facts)}."
