"""Base composition, the least that a model of sequence has to beat: regression on counts of dinucleotides.

The dinucleotides of both strands of the window tell its G+C and its CpGs, and nothing of motifs. It is the
regression on k-mers, with the shortest words that do, trained in seconds.
"""

from typing import Annotated

from pydantic import Field

from danq.models import kmer_logistic
from danq.models.kmer_logistic import KIND, build, check_window, encoder, fit, logits

__all__ = ["KIND", "Options", "build", "check_window", "encoder", "fit", "logits"]


class Options(kmer_logistic.Options):
    """As of `kmer_logistic`; there is little to choose between, for there are ten counts."""

    k: list[Annotated[int, Field(ge=1, le=8)]] = Field(
        [2], min_length=1, description="word lengths in bp to choose from; 2 counts G+C and CpG, too"
    )
    c: list[Annotated[float, Field(gt=0)]] = Field(
        [1e-3, 1e-1],
        min_length=1,
        description="inverse strengths of the L2 penalty (scikit-learn's C) to choose from",
    )
