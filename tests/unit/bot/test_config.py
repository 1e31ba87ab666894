"""A repository's own choices: its file over its organisation's, and a bad file changes nothing."""

import pytest

from bot.config import merge, parse, read_config
from bot.plan import plan_of
from bot.settings import RepoConfig, Settings


def test_the_repository_stands_over_its_organisation():
    config = merge([("o/.github", "min_score: 0.2\ncandidates: 2"), ("o/r", "candidates: 6")])
    assert (config.min_score, config.candidates, config.max_tokens) == (0.2, 6, None)


def test_both_places_are_read():
    class Files:
        def read_file(self, full_name, path):
            return {
                ("o/.github", "thumbprint.yml"): "max_tokens: 64",
                ("o/r", ".github/thumbprint.yml"): None,
            }[full_name, path]

    assert read_config(Files(), "o/r") == RepoConfig.model_validate({"max_tokens": 64})


@pytest.mark.parametrize(
    "text",
    [
        "min_score: 7",
        "unknown: 1",
        "- a list",
        "just words",
        "a: [",
        "candidates: many",
        "learning: maybe",
        "x: y\n" * 5000,
        "!!python/object/apply:os.system ['true']",
        "{" * 5000,
    ],
)
def test_a_bad_file_changes_nothing_and_says_why(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)
    assert merge([("o/.github", "candidates: 2"), ("o/r", text)]) == RepoConfig.model_validate(
        {"candidates": 2}
    )


@pytest.mark.parametrize(
    ("said", "meant"), [("on", "on"), ("off", "off"), ("frozen", "frozen"), ("true", "on")]
)
def test_yamls_on_and_off_mean_what_they_say(said, meant):
    assert parse(f"learning: {said}") == {"learning": meant}


def test_the_plan_is_the_servers_where_the_repository_says_nothing():
    settings = Settings(_env_file=None, candidates=3, min_score=0.1, use_bias=False)
    plan = plan_of(settings, RepoConfig.model_validate({"max_tokens": 32}))
    assert (plan.candidates, plan.min_score, plan.max_tokens) == (3, 0.1, 32)
    assert not plan.mechanisms.bias and plan.mechanisms.repair and plan.n == 3
    assert plan_of(Settings(_env_file=None, use_best_of_n=False)).n == 1
