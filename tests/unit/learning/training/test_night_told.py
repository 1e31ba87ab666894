"""What a night tells the two reward models: where each begins, and what the judging one does not share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from learning.models import store
from learning.models.packages import ENCODER
from learning.training import night_told
from learning.training.night_options import Recipe
from storage.errors import ConfigurationError

DATA, OUT, CORPUS, PARENT = Path("data"), Path("out"), Path("corpus"), Path("parent")
RECIPE = Recipe(data=DATA, out=OUT)


@pytest.mark.parametrize("cpu", [True, False])
def test_both_trainings_of_the_policy_stay_off_the_gpu_where_the_night_does(cpu: bool) -> None:
    recipe = replace(RECIPE, cpu=cpu)
    told = night_told.ppo(recipe, DATA, DATA, OUT, sft=OUT, reward=OUT, independent=OUT)
    assert (night_told.sft(recipe, DATA, OUT).cpu, told.cpu) == (cpu, cpu)


@pytest.mark.parametrize("encoder", ["packaged", ENCODER.name])
def test_with_the_packaged_encoder_the_reward_goes_on_from_the_model_that_ships(encoder: str) -> None:
    told = night_told.reward_model(replace(RECIPE, encoder=encoder), DATA, OUT)
    assert (told.start, told.tuning.loss) == (night_told.SHIPPED, "none")
    assert told.length_limit == night_told.SHIPPED_LIMIT
    assert told.penalty == 0  # chosen on the validation part
    assert told.rehearse is None


def test_the_model_that_ships_is_what_a_night_takes_it_for() -> None:
    about = store.manifest(night_told.SHIPPED)
    assert store.damaged(night_told.SHIPPED) is None
    assert (about["encoder"], about["encoder_sha256"]) == ("packaged", ENCODER.model_sha256)
    assert about["options"]["length_limit"] == night_told.SHIPPED_LIMIT
    assert about["options"]["tuning"]["loss"] == "none" and about["reading"]["surface"]


def test_what_learns_on_rehearses_the_corpus_and_what_begins_does_not() -> None:
    corpus = replace(RECIPE, corpus=CORPUS)
    assert night_told.reward_model(corpus, DATA, OUT).rehearse == CORPUS
    assert night_told.reward_model(replace(corpus, reward_parent=PARENT), DATA, OUT).rehearse == CORPUS
    assert night_told.reward_model(replace(corpus, encoder="a/b"), DATA, OUT).rehearse is None


def test_another_encoder_is_trained_by_triplets_from_where_it_comes() -> None:
    told = night_told.reward_model(replace(RECIPE, encoder="a/b"), DATA, OUT)
    assert (told.start, told.tuning.loss, told.length_limit) == (None, "triplet", 1.0)
    assert not told.reading.surface


def test_a_parent_that_is_named_takes_the_place_of_the_one_that_ships() -> None:
    told = night_told.reward_model(replace(RECIPE, reward_parent=PARENT), DATA, OUT)
    assert (told.start, told.tuning.loss, told.length_limit) == (PARENT, "none", 1.0)


def test_a_way_that_is_named_begins_at_the_encoder() -> None:
    named = replace(RECIPE, reward_loss="none", reward_surface=True, reward_length_limit=0.3)
    told = night_told.reward_model(named, DATA, OUT)
    assert (told.start, told.tuning.loss, told.length_limit) == (None, "none", 0.3)
    assert told.reading.surface


def test_the_reward_that_judges_shares_no_head_with_the_one_that_trains() -> None:
    for recipe in (RECIPE, replace(RECIPE, reward_parent=PARENT, corpus=CORPUS, reward_surface=True)):
        told = night_told.independent_model(recipe, DATA, OUT)
        assert (told.start, told.rehearse, told.tuning.loss) == (None, None, "none")
        assert not told.reading.surface
        assert told.tuning.seed != night_told.reward_model(recipe, DATA, OUT).tuning.seed


@pytest.mark.parametrize("limit", [-0.1, 1.1])
def test_a_length_limit_that_is_no_correlation_is_refused(limit: float) -> None:
    with pytest.raises(ConfigurationError, match="reward_length_limit is"):
        replace(RECIPE, reward_length_limit=limit).check()
