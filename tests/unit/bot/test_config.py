"""Layers are merged key by key; what is wrong is a sentence with line and remedy, and costs only its key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from bot.config import ORGANISATION_PATH, PATH, Effective, Origin, layer, merge
from bot.in_force import in_force
from bot.manner import LANGUAGES, TONES, manner_of
from bot.plan import plan_of
from bot.quotas import Limits
from bot.repo_config import Language, RepoConfig, Tone, schema
from bot.settings import Settings
from bot.yaml_file import read
from storage.records import Learning

ROOT = Path(__file__).parents[3]


def settings(**chosen: Any) -> Settings:
    return Settings(_env_file=None, **chosen)  # type: ignore[call-arg]


def effective(own: str = "", defaults: str = "", **chosen: Any) -> Effective:
    layers = (
        layer(Origin.ORGANISATION, ORGANISATION_PATH, defaults),
        layer(Origin.REPOSITORY, PATH, own),
    )
    return merge(layers, settings(**chosen))


def said(own: str, **chosen: Any) -> str:
    (problem,) = effective(own, **chosen).problems
    return str(problem)


def test_a_key_of_the_repository_stands_over_its_organisations_over_the_servers() -> None:
    found = effective("candidates: 6", "min_score: 0.2\ncandidates: 2", max_tokens=99)
    plan = plan_of(settings(max_tokens=99), found.config)
    assert (plan.min_score, plan.candidates, plan.max_tokens) == (0.2, 6, 99)
    origins = [found.origin(key) for key in ("candidates", "min_score", "max_tokens")]
    assert origins == [Origin.REPOSITORY, Origin.ORGANISATION, Origin.SERVER]


def test_a_bad_key_costs_itself_only_and_leaves_it_to_the_layer_below() -> None:
    found = effective("candidates: many\nmax_tokens: 64\ncolour: red", "candidates: 2")
    assert found.config == RepoConfig(candidates=2, max_tokens=64)
    assert [problem.line for problem in found.problems] == [1, 3]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "min_scor: 1",
            "`.github/thumbprint.yml`, line 1: there is no key `min_scor`: did you mean `min_score`?",
        ),
        ("\nmin_score: 7", "line 2: `min_score` is `7`, and it takes a number from -1 to 1."),
        ("min_score: nan", "a number from -1 to 1"),
        ("candidates: many", "`candidates` is `many`, and it takes a whole number from 1 to 16."),
        ("candidates: true", "`candidates` is `true`, and it takes a whole number from 1 to 16."),
        ("questions_per_person: false", "it takes a whole number from 0 to 1000."),
        ("min_score: on", "a number from -1 to 1"),
        ("mention: perhaps", "it takes `true` or `false`"),
        ("training: [1]", "`training` takes `true` or `false`"),
        ("learning: frosen", "one of `on`, `frozen`, `off`. Did you mean `frozen`?"),
        ("language: german", "one of `ar`"),
        ("triggers: /ask", "it takes a list of at most 5, such as `[/ask, /docs]`"),
        ("triggers:\n- /ask\n- docs", "line 3: `triggers.1` is `docs`, and it takes a word such as `/ask`"),
        ("quiet_hours:\n- from: 22:00\n  to: 7:00", "line 3: `quiet_hours.0.to` is `7:00`"),
        ("quiet_hours: [{from: '22:00'}]", "`quiet_hours.0` lacks `to`"),
        ("quiet_hours: [{from: '00:00', to: '00:00'}]", "these hours never end"),
        ("quiet_hours: [{from: '1:00', to: '02:00', dais: [mon]}]", "`quiet_hours.0.from`"),
        ("time_zone: Europe/Berln", "did you mean Europe/Berlin?"),
        ("time_zone: ../../etc/passwd", "no such time zone"),
        ("time_zone: localtime", "whatever the server has"),
        ("time_zone: /etc/localtime", "no such time zone: names are such as Europe/Berlin"),
        ("model: gpt", "`model` is `gpt`, and this server offers `policy`."),
        ("candidates: 2\ncandidates: 3", "line 2: `candidates` stands there twice: keep one."),
        (
            "a: &x 1",
            "line 1: it uses an anchor or alias (`&`, `*`): write the value out. Nothing in this file",
        ),
        ("candidates: [", "it is no YAML. Nothing in this file holds until that is mended."),
        ("`@ada`: 1", "no YAML"),
        ('"`@ada` #1 <img src=x>": 1', "`` `@ada` #1 <img src=x> ``"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_remedy(text: str, sentence: str) -> None:
    assert sentence in said(text)
    assert effective(text).config == RepoConfig()


def test_a_fault_of_the_file_itself_is_said_and_leaves_all_defaults() -> None:
    own = layer(Origin.REPOSITORY, PATH, None, "it is no UTF-8 text (line 3): save it as UTF-8")
    found = merge((layer(Origin.ORGANISATION, "o/.github/thumbprint.yml", "candidates: 2"), own), settings())
    assert found.config.candidates == 2 and "UTF-8 text (line 3)" in str(found.problems[0])


def test_what_is_wrong_in_an_organisations_file_is_not_quoted_in_a_thread_but_shown_to_an_admin() -> None:
    found = effective(defaults="a: 1\nsecret-plan: 1\nmodel: secret-model", own="triggers: [/docs]")
    said = "\n".join(found.remarks())
    assert "`thumbprint.yml`, line 2: something is wrong there: `/docs config` tells an admin what." in said
    assert len(found.remarks()) == 3 and "secret" not in said
    assert [("secret-" in str(problem)) for problem in found.problems] == [False, True, True]


def test_many_problems_are_told_in_part() -> None:
    found = effective("".join(f"key{n}: 1\n" for n in range(30)))
    assert len(found.remarks()) == 6 and "25 more" in found.remarks()[-1]


@pytest.mark.parametrize("word", ["on", "off", "frozen"])
def test_yamls_on_and_off_mean_what_they_say(word: str) -> None:
    assert effective(f"learning: {word}").config.learning == word


def test_quotas_are_lowered_and_never_raised_and_closed_doors_stay_closed() -> None:
    limits = Limits.of(settings(), effective("questions_per_person: 2\nstrangers: false").config)
    assert (limits.person, limits.open_to_strangers) == (2, False)
    more = "questions_per_person: 60\nstrangers: true\nquestions_per_stranger: 3"
    found = effective(more, questions_per_person=9, strangers=False)
    limits = Limits.of(settings(questions_per_person=9, strangers=False), found.config)
    assert (limits.person, limits.stranger, limits.open_to_strangers) == (9, 3, False)
    assert "allows 9 at most: 9 holds" in str(found.problems[0]) and "stays so" in str(found.problems[1])


def test_what_is_said_to_hold_in_place_of_a_refused_or_bad_value_is_what_holds() -> None:
    for own, defaults, holds in (("100", "20", 20), ("20", "100", 20), ("100", "99", 50)):
        found = effective(f"questions_per_person: {own}", f"questions_per_person: {defaults}")
        assert Limits.of(settings(), found.config).person == holds
        assert all(f"allows 50 at most: {holds} holds." in str(one) for one in found.problems)
        assert len(found.problems) == 1 + (own == "100" and defaults == "99")
    for own in ("candidates: many", "candidates: 3\ncandidates: 4"):
        found = effective(own, "candidates: 2")
        assert found.config.candidates == 2 and "the default" not in str(found.problems[0])
    found = effective("model: elses", "model: legal-v2", models_allowed="legal-v2")
    assert found.config.model == "legal-v2" and "the default" not in str(found.problems[0])


def test_a_model_is_one_that_the_operator_allows() -> None:
    assert effective("model: legal-v2", models_allowed="legal-v2, other").config.model == "legal-v2"
    assert effective("model: policy").config.model == "policy"


def test_tone_and_language_are_sentences_of_ours() -> None:
    assert set(TONES) == set(get_args(Tone)) and set(LANGUAGES) == set(get_args(Language))
    found = effective("tone: formal\nlanguage: de").config
    assert manner_of(found) == ("Be formal and polite.", "Answer in German.")
    assert plan_of(settings()).manner == ()


def test_the_plan_is_the_servers_where_the_repository_says_nothing() -> None:
    chosen = settings(candidates=3, min_score=0.1, use_bias=False)
    plan = plan_of(chosen, effective("max_tokens: 32").config)
    assert (plan.candidates, plan.min_score, plan.max_tokens) == (3, 0.1, 32)
    assert not plan.mechanisms.bias and plan.mechanisms.repair and plan.n == 3
    assert plan_of(settings(use_best_of_n=False)).n == 1


def test_every_key_is_shown_as_it_is_in_force() -> None:
    assert list(in_force(settings(), Effective(), Learning.ON)) == list(RepoConfig.model_fields)


def test_the_schema_for_editors_is_the_models() -> None:
    """`.venv/bin/python -m bot.repo_config > docs/thumbprint.schema.json` writes it."""
    kept = json.loads((ROOT / "docs/thumbprint.schema.json").read_text())
    assert kept == schema()
    jsonschema.Draft202012Validator.check_schema(kept)


def example() -> str:
    page = (ROOT / "docs/configuration.md").read_text()
    return re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]


def test_the_documented_example_says_every_key_and_holds_for_model_and_editors() -> None:
    values = read(example()).values
    assert set(values) == set(RepoConfig.model_fields)
    found = effective(example(), models_allowed=values["model"])
    assert found.problems == () and set(found.origins) == set(RepoConfig.model_fields)
    jsonschema.validate(values, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values, "min_scor": 1}, schema())
    assert "# yaml-language-server: $schema=" in example()


def test_the_page_describes_every_key_as_the_model_does() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", page, re.MULTILINE)
    wanted = [(name, field.description) for name, field in RepoConfig.model_fields.items()]
    assert [(name, text) for name, _, text in rows] == wanted
