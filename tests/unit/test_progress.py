"""Lines of progress where there is no terminal, and times as a person would say them."""

import logging
from types import SimpleNamespace

import pytest

from danq.progress import duration, progress


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.2, "0 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (540, "9 min"),
        (9000, "2 h 30 min"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_a_time_is_written_as_a_person_would_say_it(seconds: float, expected: str):
    assert duration(seconds) == expected


def test_a_line_says_how_far_it_is_with_its_level_and_remark(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    caplog.set_level(logging.INFO, logger="danq")
    monkeypatch.setattr("danq.progress._LINE_SECONDS", 0.0)
    with progress("scoring", 1_200, "variants") as advance:
        advance(400)
        assert not caplog.records, "what is done first foretells nothing"
        advance(200, "half of them odd")
    (record,) = caplog.records
    assert record.levelname == "PROGRESS"
    assert record.message.startswith("scoring: 600 of 1,200 variants, ")
    assert record.message.endswith(" left; half of them odd")


def test_what_is_done_first_does_not_slow_the_forecast(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    caplog.set_level(logging.INFO, logger="danq")
    monkeypatch.setattr("danq.progress._LINE_SECONDS", 0.0)
    with progress("training", 10_000, "samples") as advance:
        # the first takes half a second
        for seconds, samples in ((1.5, 1), (1.75, 100)):
            monkeypatch.setattr("danq.progress.time", SimpleNamespace(monotonic=lambda now=seconds: now))
            advance(samples)
    assert "101 of 10,000 samples, 400/s" in caplog.records[0].message
