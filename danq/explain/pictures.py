"""Which stretches and targets are drawn, collected while the mutants are computed."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from danq.explain.heatmap import HeatMap, svg
from danq.explain.regions import Stretches
from danq.explain.saturation import Chosen, Mutated
from danq.genome.fasta import Genome
from danq.learn.predict.tracks import file_stem

log = logging.getLogger("danq")

MOST_DRAWN, LONGEST_DRAWN, LARGEST = 20, 1_000, 3
"""Stretches drawn; bp of a stretch that is drawn; targets drawn of a stretch where none was asked for."""


def drawn_stretches(stretches: Stretches) -> tuple[int, ...]:
    """Choose the stretches that are drawn: the first `MOST_DRAWN` of at most `LONGEST_DRAWN` bp."""
    short = np.flatnonzero(stretches.end - stretches.start <= LONGEST_DRAWN)
    long = len(stretches) - len(short)
    if long:
        log.info("%d stretches are longer than %s bp and not drawn", long, f"{LONGEST_DRAWN:,}")
    if len(short) > MOST_DRAWN:
        log.info("the first %d of %d stretches are drawn", MOST_DRAWN, len(short))
    return tuple(short[:MOST_DRAWN].tolist())


class Pictures:
    """Heat maps of some stretches, each written when its last mutant has come.

    Parameters
    ----------
    folder : Path
        Where they are written.
    genome : Genome
        The genome.
    stretches : Stretches
        What is mutated.
    chosen : Chosen
        Every target that may be drawn.
    asked : bool
        Draw all of them, not only those with the largest `logit_diff` in a stretch.
    runs : str
        The bundles, for the title.
    """

    def __init__(
        self, folder: Path, genome: Genome, stretches: Stretches, chosen: Chosen, asked: bool, runs: str
    ) -> None:
        self._folder, self._genome, self._stretches = folder, genome, stretches
        self._chosen, self._asked, self._runs = chosen, asked, runs
        self._wanted = frozenset(drawn_stretches(stretches))
        self._number, self._values = -1, np.empty((0, 0, 0), np.float32)
        self.drawn = 0

    def add(self, block: Mutated) -> None:
        """Take the next mutants."""
        at = block.mutants
        for rows in block.runs_of(at.stretch):
            number = int(at.stretch[rows.start])
            if number not in self._wanted:
                continue
            if number != self._number:
                self.finish()
                self._begin(number, at.alt.shape[1] + 1)
            place = (at.position[rows] - self._stretches.start[number])[:, None]
            values = block.logit_diff[rows]
            self._values[place, at.alt[rows]] = values[:, :, list(self._chosen.index)]

    def _begin(self, number: int, rows: int) -> None:
        length = int(self._stretches.end[number] - self._stretches.start[number])
        self._number = number
        self._values = np.full((length, rows, len(self._chosen.index)), np.nan, np.float32)

    def finish(self) -> None:
        """Draw the stretch whose last mutants have come; call it also at the end."""
        if self._number < 0:
            return
        contig, start, end = (
            int(column[self._number])
            for column in (self._stretches.contig, self._stretches.start, self._stretches.end)
        )
        name = self._genome.names[contig]
        for place in self._targets():
            heat = HeatMap(
                target=self._chosen.names[place].partition("_")[2],
                contig=name,
                runs=self._runs,
                start=start,
                ref=np.asarray(self._genome.contig(contig)[start:end]),
                logit_diff=self._values[:, :, place],
            )
            stem = file_stem(f"{self._chosen.names[place]}.{name}_{start + 1}-{end}")
            (self._folder / f"{stem}.svg").write_text(svg(heat), encoding="utf-8")
            self.drawn += 1
        self._number = -1

    def _targets(self) -> Sequence[int]:
        if self._asked:
            return range(len(self._chosen.index))
        largest = np.nanmax(np.abs(self._values), axis=(0, 1))
        places: list[int] = np.argsort(-largest, kind="stable")[:LARGEST].tolist()
        text = self._stretches.text(self._genome, self._number)
        log.info("%s: largest effects on %s", text, ", ".join(self._chosen.names[place] for place in places))
        return places
