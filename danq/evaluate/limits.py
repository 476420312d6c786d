"""From where on what was measured is worth a word: each limit of the verdict and its diagnoses.

Those on the course of a training stand in `danq.learn.ending`. docs/report.md explains all of them.
"""

FEWEST_POSITIVES = 20
"""Test positives of a target below which it tells little: at an AUROC of .7, 20 of them leave an interval of
about ±.1 (Hanley & McNeil 1982, doi 10.1148/radiology.143.1.7063747), as wide as good and poor models are
apart."""
HALF_WIDTH = 0.05
"""Half the width of the interval of an AUROC that the positives needed are counted for."""
MOST_TIMES = 25.0
"""How many times as many positives may be asked for to tell a difference: of a smaller one, more data of the
same kind is no way to tell it, and it hardly matters."""
DISTINCT = 0.5
"""Correlation of the labels of two targets below which a model should tell them apart; targets that are alike
themselves are not counted."""
ALIKE = 0.95
"""Median correlation of the logits, or effects, of such targets from which on they are predicted alike: what
tells two targets from each other is then a fortieth of the variance of their logits, (1 − r) / 2."""
CALIBRATED, SHIFTED = 0.2, 0.5
"""Calibration error as a part of the share of positives, up to which probabilities are taken for frequencies,
and up to which for roughly that: a model that says .012 for what happens in .010 is off by 20%."""
CHANCE_ECE = 1.5
"""Multiple of the error that drawing labels by the probabilities would give, up to which they are taken for
frequencies, too: few positives leave an error in any model."""
LEAK_AUROC, LARGE_LEAK_AUROC = 0.005, 0.02
"""Drop of the mean AUROC without repeats of training rows from which on leakage is told, and from which on
metrics are not to be relied on: as much as a better recipe gains, and as much as another model gains."""
LEAK_SHARE = 0.2
"""Share of test rows that repeat training rows from which on it is told, whatever the AUROC says: so many are
no test of what is new."""
RATE_TIMES = 2.0
"""How many times as frequent a target may be in one split as in another: beyond it, probabilities are off by
as much, and AUPRC, which depends on it, is another in each split."""
RATE_ERRORS = 3.0
"""Standard errors of the counts by which it must differ, too."""
RATE_SHARE = 0.25
"""Share of targets that must differ so: a single one may do by where a region was cut."""
