"""What a configuration says of a region to look at."""

from pydantic import Field

from danq.options import Closed

LONGEST = 50_000
"""bp of a region at most: a figure shows no more."""
FLANK = 500
"""bp on either side of a variant that is looked at."""


class View(Closed):
    """One region to look at."""

    region: str = Field(
        description="`chr4:410,000-411,000` (1-based, both ends included) or a contig; at most 50 kb"
    )
    runs: list[str] = Field([], description="runs that predict it; every run on DNA where empty")
    genome: str | None = Field(
        None, description="name of the genome it lies on; may be left out where there is only one"
    )
    title: str = Field("", description="what the report calls it; the region where left out")

    @property
    def name(self) -> str:
        """What it is called."""
        return self.title or self.region


def as_view(entry: "str | View") -> View:
    """Make of an entry of the configuration, which may be the region alone, a view."""
    return View(region=entry) if isinstance(entry, str) else entry
