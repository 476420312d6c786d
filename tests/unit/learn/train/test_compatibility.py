"""What a dataset cannot tell a training is said before it starts."""

from pathlib import Path

import pytest

from danq.data.dataset import open_dataset
from danq.errors import DanqError
from danq.learn.options import TrainOptions
from danq.learn.train.compatibility import check_data
from danq.models import kmer_logistic
from tests.unit.data.test_dataset import SEQUENCES, SPLIT, make

TRACKS = {"A": [("chrI", 0, 6), ("chrI", 40, 60), ("chrIII", 12, 18)]}


def test_a_validation_without_positives_is_told_before_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    _, out = make(tmp_path, SEQUENCES, TRACKS, split=SPLIT, keep="all")
    data = open_dataset(out)
    caplog.clear()
    check_data(kmer_logistic, data, TrainOptions())
    [line] = caplog.messages
    assert line.startswith(f"{out}: the 4 validation rows hold no positive, or no negative, of any target; ")
    with pytest.raises(DanqError, match=r"train\.monitor: auprc needs a target with positive and negative"):
        check_data(kmer_logistic, data, TrainOptions(monitor="auprc"))
    tracks = {"A": [*TRACKS["A"], ("chrII", 12, 18)]}
    _, sound = make(tmp_path / "sound", SEQUENCES, tracks, split=SPLIT, keep="all")
    caplog.clear()
    check_data(kmer_logistic, open_dataset(sound), TrainOptions(monitor="auprc"))
    assert caplog.messages == []


def test_training_rows_of_one_class_are_refused_with_what_was_left_out(tmp_path: Path):
    _, out = make(tmp_path, SEQUENCES, TRACKS, split=SPLIT)
    expected = "found 3 of one; `keep` of the dataset left out 7 training bins without a positive"
    with pytest.raises(DanqError, match=expected):
        check_data(kmer_logistic, open_dataset(out), TrainOptions())
