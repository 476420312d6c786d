"""Names of the runs that a run with several seeds or folds is trained as."""

import re
from typing import NamedTuple

_NAME = re.compile(r"(?P<base>.+?)(\.fold(?P<fold>[1-9][0-9]*))?(\.seed(?P<seed>[0-9]+))?")


class Repeat(NamedTuple):
    """What the name of a run or dataset says.

    Attributes
    ----------
    base : str
        Name as the configuration has it.
    fold : int or None
        Which fold tests, from 1 on; None without folds.
    seed : int or None
        Seed of the training; None where there is only one.
    """

    base: str
    fold: int | None = None
    seed: int | None = None

    @property
    def name(self) -> str:
        """``base``, ``base.fold2``, ``base.seed1338`` or ``base.fold2.seed1338``."""
        fold = "" if self.fold is None else f".fold{self.fold}"
        return self.base + fold + ("" if self.seed is None else f".seed{self.seed}")


def read_name(name: str) -> Repeat:
    """Take a name apart; one without such an ending is all base."""
    match = _NAME.fullmatch(name)
    if match is None:
        return Repeat(name)
    fold, seed = (None if text is None else int(text) for text in match.group("fold", "seed"))
    return Repeat(match["base"], fold, seed)
