"""How the runs on one dataset stand to each other: the best, the network to judge, what it must beat."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from danq.evaluate.compare import Difference, Group, difference, mean_and_sd, values
from danq.models import BASELINES
from danq.report.findings import Level

METRIC = "auprc"
"""What decides which run is best: where positives are rare, as along genomes, the AUROC hardly tells of the
rows that a model calls (Saito & Rehmsmeier 2015, doi 10.1371/journal.pone.0118432)."""
NAMES = {"auprc": "mean AUPRC", "auroc": "mean AUROC"}
_BASELINE, _COMPOSITION = BASELINES


@dataclass(frozen=True)
class Standing:
    """Runs on one dataset, evaluated ones from the best to the worst.

    Attributes
    ----------
    ranked, unmeasured : tuple of Group
        By `METRIC`; and those without metrics.
    """

    dataset: str
    ranked: tuple[Group, ...]
    unmeasured: tuple[Group, ...]

    @property
    def networks(self) -> tuple[Group, ...]:
        """Evaluated runs that are neither baseline nor composition."""
        return tuple(group for group in self.ranked if is_network(group))

    @property
    def subject(self) -> Group | None:
        """The run that is judged: the best network, or what is best where there is none."""
        return next(iter(self.networks or self.ranked), None)

    @property
    def baseline(self) -> Group | None:
        """The best regression on k-mers."""
        return self._first(_BASELINE)

    @property
    def composition(self) -> Group | None:
        """The best model that sees base composition only."""
        return self._first(_COMPOSITION)

    def trained_for(self, group: Group) -> Group:
        """Give the run whose training tells how a run was trained: of an ensemble its best network."""
        members = {member.run for run in group.members for member in run.bundle.members}
        inside = (each for each in self.networks if members & {run.name for run in each.members})
        return next(inside, group)

    def _first(self, model: str) -> Group | None:
        return next((group for group in self.ranked if group.members[0].bundle.model == model), None)


def standing(dataset: str, groups: Sequence[Group]) -> Standing:
    """Rank the runs on one dataset."""
    known = [group for group in groups if mean_of(group, METRIC) is not None]
    ranked = sorted(known, key=lambda group: -(mean_of(group, METRIC) or 0.0))
    left = tuple(group for group in groups if mean_of(group, METRIC) is None)
    return Standing(dataset, tuple(ranked), left)


def is_network(group: Group) -> bool:
    """Tell whether a run is more than a yardstick."""
    return not group.members[0].is_baseline


def mean_of(group: Group, metric: str) -> float | None:
    """Mean of a metric over a run's trainings; None where none was evaluated."""
    known = values(group, metric)
    return mean_and_sd(known)[0] if known else None


def leads(ours: Group, theirs: Group) -> tuple[Difference, ...]:
    """Compare two runs by mean AUPRC, then by mean AUROC; none where they were measured on other rows."""
    return tuple(each for metric in NAMES if (each := difference(ours, theirs, metric)) is not None)


def outcome(compared: Sequence[Difference]) -> Level:
    """Judge leads.

    Green where the first is sure and no other surely behind; red where one is surely behind and the first not
    surely ahead; amber otherwise.
    """
    behind = any(each.sure < 0 for each in compared)
    ahead = compared[0].sure > 0
    return "red" if behind and not ahead else "green" if ahead and not behind else "amber"


def decisive(compared: Sequence[Difference]) -> Difference:
    """Give the lead that an outcome is told with: the first that is surely behind, or else the first."""
    return next((each for each in compared if each.sure < 0), compared[0])


def listed(compared: Iterable[Difference]) -> str:
    """Write leads in a row."""
    return ", ".join(f"{NAMES[each.metric]} {each.words}" for each in compared)
