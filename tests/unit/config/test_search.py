"""Searches: what is drawn, what is refused before any job, and the runs that trials are."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.config import Config, parse_config
from danq.config.search import search_name, trial_names, trials, trials_of, with_best
from danq.config.search_checks import cost
from danq.config.space import Range, drawn_at
from danq.config.workflow import run_files, trial_files
from danq.errors import DanqError
from danq.learn.trials import BestTrial
from tests.unit.config.good_config import GOOD

SPACE: dict[str, Any] = {
    "options": {"units": [32, 64, 128], "filters": {"low": 64, "high": 320, "log": True}},
    "train": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "schedule": {"decay": [0.1, 0.01]}},
}


def raw(search: dict[str, Any], **run: Any) -> dict[str, Any]:
    made = copy.deepcopy(GOOD)
    made["runs"]["small"] |= {"search": search, **run}
    return made


def searched(number: int = 5, **keys: Any) -> Config:
    return parse_config(raw({"trials": number, **SPACE, **keys}), "c.yaml")


def drawn(config: Config) -> list[dict[str, Any]]:
    return [trial.drawn for trial in trials_of(config, "small")]


def test_a_draw_depends_on_seed_space_and_number_and_not_on_how_many_there_are():
    assert drawn(searched(20))[:5] == drawn(searched(5))
    assert drawn(searched(5, seed=1)) != drawn(searched(5))
    # these stay for good: a release that draws others would train every trial again
    assert drawn(searched(2))[1] == {
        "options.units": 128,
        "options.filters": 264,
        "train.learning_rate": pytest.approx(0.0019919387944394244, rel=1e-12),
        "train.schedule.decay": drawn(searched(2))[1]["train.schedule.decay"],
    }


def test_a_key_that_is_drawn_as_well_leaves_the_draws_of_the_others():
    fewer = parse_config(raw({"trials": 5, "options": SPACE["options"]}), "c.yaml")
    assert [each["options.filters"] for each in drawn(fewer)] == [
        each["options.filters"] for each in drawn(searched())
    ]


def test_trials_are_the_run_with_the_drawn_values_in_their_places():
    config = searched(3)
    assert not [run for run in config.runs if "trial" in run], (
        "trials are no runs: they are not predicted, evaluated or scored"
    )
    for name, trial in trials(config).items():
        assert name == f"small.trial{trial.number}"
        assert trial.run.options["units"] == trial.drawn["options.units"]
        assert trial.run.train.learning_rate == trial.drawn["train.learning_rate"]
        assert trial.run.train.schedule.decay == trial.drawn["train.schedule.decay"]
        assert trial.run.options["kernel"] == config.runs["small"].options["kernel"]
        assert trial.ends == [15, 60]


def test_repeats_share_a_search_and_folds_have_one_each():
    given_ = raw({"trials": 2, **SPACE}, repeats=2)
    given_["datasets"]["marks"]["split"] = {"folds": 3}
    config = parse_config(given_, "c.yaml")
    assert {search_name(name) for name, run in config.runs.items() if run.search} == {
        "small.fold1",
        "small.fold2",
        "small.fold3",
    }
    assert [trial.name for trial in trials_of(config, "small.fold2")] == [
        "small.fold2.trial1",
        "small.fold2.trial2",
    ]
    assert {trial.run.train.seed for trial in trials(config).values()} == {1337}
    assert trials_of(config, "small.fold2")[0].run.dataset == "marks.fold2"
    again = parse_config(config.model_dump(mode="json"), "config.json")
    assert (again, trials(again)) == (config, trials(config)), "an expanded configuration stays as it is"
    assert trial_names(config) == {name: trial.search for name, trial in trials(config).items()}


def test_epochs_that_are_drawn_end_rungs_at_their_own_parts():
    config = parse_config(raw({"trials": 2, "rungs": [0.1, 0.5], "train": {"epochs": [10, 20]}}), "c.yaml")
    assert {tuple(trial.ends) for trial in trials(config).values()} == {(1, 5, 10), (2, 10, 20)}


def test_a_model_that_fits_itself_has_one_rung():
    search = {"trials": 2, "options": {"k": [[3], [4]]}}
    config = parse_config(raw(search, model="kmer_logistic", options={}), "c.yaml")
    assert [trial.ends for trial in trials(config).values()] == [[60], [60]]
    assert {tuple(trial.run.options["k"]) for trial in trials(config).values()} == {(3,), (4,)}


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 200), st.integers(1, 300), st.booleans())
def test_whole_numbers_lie_within_their_range(uniform: float, low: int, more: int, log: bool):
    value = drawn_at(Range(low=low, high=low + more, log=log), True, uniform)
    assert isinstance(value, int)
    assert low <= value <= low + more


@given(st.floats(0, 1, exclude_max=True), st.floats(1e-6, 10), st.floats(1.01, 1e4), st.booleans())
def test_numbers_lie_within_their_range_and_grow(uniform: float, low: float, factor: float, log: bool):
    parameter = Range(low=low, high=low * factor, log=log)
    value = drawn_at(parameter, False, uniform)
    assert low <= value <= low * factor
    assert drawn_at(parameter, False, uniform / 2) <= value


def test_logarithms_and_steps_are_evenly_drawn():
    middle = drawn_at(Range(low=1e-4, high=1e-2, log=True), False, 0.5)
    assert math.isclose(middle, 1e-3)
    steps = {drawn_at(Range(low=0.1, high=0.3, step=0.1), False, part / 100) for part in range(100)}
    assert sorted(round(step, 9) for step in steps) == [0.1, 0.2, 0.3]
    assert {drawn_at(Range(low=2, high=4), True, part / 100) for part in range(100)} == {2, 3, 4}


def test_a_small_space_is_drawn_without_repeats():
    config = parse_config(raw({"trials": 6, "options": {"units": [2, 3, 4], "pool": [5, 6]}}), "c.yaml")
    assert len({tuple(each.values()) for each in drawn(config)}) == 6


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"options": {"units": [32, 64, 32]}}, "options.units: expected each value once, received [32, 64, 32]"),
    (
        {"trials": 3, "options": {"units": [32, 64]}},
        "trials: expected at most 2, for so many different draws",
    ),
    (
        {"options": {"filters": {"low": 0, "high": 9}}},
        "options.filters: expected a value greater than or equal",
    ),
    ({"options": {"filters": {"low": 0.5, "high": 9}}}, "options.filters: expected an integer, received 0.5"),
    (
        {"trials": 5, "options": {"units": {"low": 8, "high": 10, "step": 0.5}}},
        "options.units.step: expected a whole number, as the key takes, received 0.5",
    ),
    ({"train": {"learning_rate": {"low": 0.1, "high": float("inf")}}}, "train.learning_rate"),
    ({"options": {"filters": {"low": 9, "high": 9}}}, "expected `low` below `high`, received 9 and 9"),
    ({"train": {"average": {"low": 0, "high": 0.9, "log": True}}}, "expected `low` above 0 with `log`"),
    ({"train": {"shift": {"low": 1, "high": 9, "log": True, "step": 2}}}, "expected either `log` or `step`"),
    (
        {"options": {"filters": {"lo": 1, "high": 9}}},
        "unknown key; expected one of high, log, low, step; rec",
    ),
    ({"options": {"filter": [2, 3]}}, "options.filter: unknown key; expected one of activation, "),
    ({"options": {"filters": []}}, "options.filters: expected at least one entry, received none"),
    ({"options": {"filters": 3}}, "options.filters: expected a list, received 3"),
    ({"options": {"filters": {"a": [3]}}}, "options.filters: expected a list of values, or `low` and `high`"),
    ({"train": {"schedule": ["cosine"]}}, "train.schedule: expected a section with keys of its own"),
    (
        {"train": {"schedule": {"kin": ["cosine"]}}},
        "train.schedule.kin: unknown key; expected one of decay, ",
    ),
    ({"train": {"seed": [1, 2]}}, "train.seed: expected another key, for its trials could not be compared"),
    (
        {"train": {"target_weight": ["none", "rare"]}},
        "target_weight: expected `train.monitor` auroc or auprc",
    ),
    (
        {"rungs": [0.5, 0.2], "train": {"shift": [0, 1]}},
        "`rungs`: expected growing parts, received [0.5, 0.2]",
    ),
    ({"rungs": [1.5], "train": {"shift": [0, 1]}}, "rungs.0: expected a value less than 1, received 1.5"),
    ({}, "expected something to draw under `options` or `train`, received nothing"),
]


@pytest.mark.parametrize(("search", "expected"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_search_that_cannot_be_is_refused_with_its_key(search: dict[str, Any], expected: str):
    with pytest.raises(DanqError) as refused:
        parse_config(raw({"trials": 2, **search}), "c.yaml")
    assert str(refused.value).startswith("c.yaml: runs.small.search")
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_draw_whose_values_are_refused_together_is_named():
    # with the defaults of the other, each is refused or taken; what counts is what is drawn together
    search = {"trials": 4, "options": {"widths": [[3], [3, 5]], "filters": [[8], [8, 8]]}}
    with pytest.raises(DanqError) as refused:
        parse_config(raw(search, model="char_word_lstm", options={}), "c.yaml")
    assert "runs.small.search: trial " in str(refused.value)
    assert "): expected as many `filters` as `widths`, received 1 and 2" in str(refused.value)


def test_names_of_searches_and_trials_are_their_own():
    taken = raw({"trials": 2, **SPACE})
    taken["runs"]["small.trial2"] = {"model": "danq", "dataset": "marks"}
    with pytest.raises(
        DanqError, match=r"expected a free name for its trial 'small\.trial2', which is taken"
    ):
        parse_config(taken, "c.yaml")
    twice = raw({"trials": 2, **SPACE})
    twice["runs"]["small.seed1"] = twice["runs"]["small"] | {"search": {"trials": 3, **SPACE}}
    with pytest.raises(
        DanqError, match=r"small\.seed1\.search: expected a name of its own, but another search"
    ):
        parse_config(twice, "c.yaml")


def test_an_ensemble_has_no_search_but_its_members_may():
    both = raw({"trials": 2, **SPACE}, repeats=2)
    both["runs"]["mean"] = {"model": "ensemble", "dataset": "marks", "options": {"members": ["small"]}}
    assert list(trials(parse_config(both, "c.yaml"))) == ["small.trial1", "small.trial2"]
    both["runs"]["mean"]["search"] = {"trials": 2, "train": {"shift": [0, 1]}}
    with pytest.raises(
        DanqError, match=r"runs\.mean\.search: expected nothing, for an ensemble is not trained"
    ):
        parse_config(both, "c.yaml")


def test_the_cost_is_told():
    config = parse_config(raw({"trials": 5, **SPACE}, repeats=2), "c.yaml")
    assert cost(config, "small") == (
        "5 trials (2 end after epoch 15 of 60), of which the best is trained again 2 times: 7 trainings, "
        "as long as 5.5 whole ones"
    )
    of_its_own = parse_config(raw({"trials": 2, "train": {"epochs": [10, 20]}}), "c.yaml")
    assert cost(of_its_own, "small").startswith("2 trials (1 end after 25% of their epochs), of which")
    assert cost(searched(4, rungs=[]), "small").startswith(
        "4 trials, of which the best is trained again once"
    )


def test_files_that_a_trial_reads_are_known():
    config = parse_config(raw({"trials": 2, "options": {"motifs": ["a.meme", "b.meme"]}}), "c.yaml")
    files = [trial_files(trial) for trial in trials_of(config, "small")]
    assert sorted(files) == [[Path("a.meme")], [Path("b.meme")]]
    assert sorted(run_files(config, "small")) == [Path("a.meme"), Path("b.meme")]


def test_the_best_trial_is_taken_over_only_where_it_is_one_of_this_search(tmp_path: Path):
    config = searched(3)
    run, trial = config.runs["small"], trials_of(config, "small")[2]
    best = BestTrial(
        search="small",
        trial=3,
        parameters=trial.drawn,
        metric="loss",
        value=0.5,
        best_epoch=2,
        space=trial.space,
    )
    best.write(tmp_path)
    taken, _ = with_best("small.seed1337", run, tmp_path)
    assert (taken.options, taken.train, taken.search) == (trial.run.options, trial.run.train, None)
    for other in (searched(3, seed=2), searched(2)):
        with pytest.raises(DanqError, match="expected the best trial of search 'small' as it is configured"):
            with_best("small", other.runs["small"], tmp_path)
    with pytest.raises(DanqError, match="expected a run with a search"):
        with_best("small", parse_config(GOOD, "c.yaml").runs["small"], tmp_path)
