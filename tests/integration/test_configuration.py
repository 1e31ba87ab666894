"""What a repository's files say takes effect on the next question, through a worker's steps.

GitHub is the playground; only the model is scripted. What a file means: `tests/unit/bot/test_config.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from bot import hearing
from bot.config import PATH
from bot.configurations import Configurations
from bot.github import Client
from bot.github_shapes import File
from bot.learning_mode import follow_due
from bot.plan import ROUNDS
from bot.ports import free_port
from bot.reply import answer_text
from bot.repo_config import RepoConfig
from bot.settings import Settings
from bot.thawing import recheck_due
from storage.database import Database
from storage.records import AnswerStatus, Learning, Repository
from tests.integration import test_drafts, test_quiet_hours
from tests.integration.answered import MAINTAINER, READER, SECOND, STRANGER, working
from tests.integration.chosen import QUESTION, body, file
from tests.integration.playground_fixture import playground, playground_at, receiver
from tests.integration.test_who_may import GOOD, Town, build, town
from webhooks.app import create_app
from webhooks.drills.world import served, wait_until
from webhooks.playground import seed

__all__ = ["build", "playground", "receiver", "town"]

pytestmark = pytest.mark.slow

HERE = "paperboat/inkwell"


def defaults(town: Town, text: str) -> None:
    """Give the organisation a `.github` repository with defaults."""
    with town.playground.state.change():
        made = seed.add_repository(town.playground.state, 77, ".github", private=True)
    made.files["thumbprint.yml"] = text
    file(town, town.playground.repository().files.get(PATH, ""))


def tokens_of(town: Town) -> list[str]:
    """What tokens the App asks the playground for from now on."""
    seen: list[str] = []
    issue_token = town.playground.guard.issue_token

    def noted(installation: int, wanted: Any) -> Any:
        seen.append(f"token {wanted.get('repositories', '')}")
        return issue_token(installation, wanted)

    town.playground.guard.issue_token = noted
    return seen


# ---------------------------------------------------------------- what takes effect


def test_three_layers_are_merged_key_by_key(build: Callable[..., Town]) -> None:
    town = build(candidates=1, max_tokens=100)
    defaults(town, "candidates: 2\nmin_score: 0.3\n")
    file(town, "candidates: 3\n")
    town.say(READER, QUESTION)
    (asked,) = town.scripted.asked
    assert (asked["n"], asked["max_tokens"]) == (3, 100)
    town.role(READER, "admin")
    said = town.say(READER, "config")
    for row in (
        "| `candidates` | 3 | this repository's file |",
        "| `min_score` | 0.3 | the organisation's file |",
        "| `max_tokens` | 100 | the server |",
    ):
        assert row in said


def test_tone_and_language_are_in_the_prompt_as_our_sentences(town: Town) -> None:
    town.say(READER, QUESTION)
    file(town, "tone: formal\nlanguage: de\n")
    town.say(READER, QUESTION)
    before, after = (one["messages"][-1].content for one in town.scripted.asked)
    assert before.endswith(f"Question: {QUESTION}")
    assert after.endswith(f"Question: {QUESTION}\nBe formal and polite.\nAnswer in German.")
    town.scripted.rounds = [["Answer in German."], [GOOD]]
    assert town.say(READER, QUESTION) != "Answer in German."


def test_a_model_is_asked_for_only_if_the_operator_allows_it(build: Callable[..., Town]) -> None:
    town = build(models_allowed="legal-v2")
    file(town, "model: legal-v2\n")
    town.say(READER, QUESTION)
    file(town, "model: somebody/elses\n")
    town.say(READER, QUESTION)
    assert [one.get("model", "") for one in town.scripted.asked] == ["legal-v2", ""]
    assert "this server offers `legal-v2`, `policy`" in body(town)


def test_a_file_shuts_strangers_out_and_lowers_a_quota(town: Town) -> None:
    file(town, "strangers: false\nquestions_per_person: 1\n")
    assert town.say(STRANGER, QUESTION).startswith("Here I answer people with access")
    assert town.say(READER, QUESTION) == GOOD
    assert town.say(READER, QUESTION).startswith("That was your 1 question of today")
    assert town.say(MAINTAINER, "help").count("yes, 1 a day") > 0


def test_learning_follows_the_file_and_ends_with_its_line(town: Town) -> None:
    file(town, "learning: frozen\n")
    town.say(READER, QUESTION)
    town.edit(MAINTAINER, "npm test", "make check")
    assert town.learning() is Learning.FROZEN and town.corrections() == []
    file(town, "")
    town.say(READER, QUESTION)
    assert town.learning() is Learning.ON and town.corrections() == []
    recheck_due(town.context, datetime.now(UTC))
    assert town.corrections()


def test_what_a_file_says_of_learning_holds_for_the_next_edit_and_thumb_though_nobody_asked(
    town: Town,
) -> None:
    file(town, "learning: frozen\n")
    town.edit(MAINTAINER, "npm test", "make check")
    assert town.learning() is Learning.FROZEN and town.events() and town.corrections() == []
    file(town, "learning: off\n")
    known = len(town.events())
    town.playground.react(SECOND, town.comment, "+1")
    town.poll()
    assert town.learning() is Learning.OFF and len(town.events()) == known
    file(town, "learning: on\n")
    town.poll()
    recheck_due(town.context, datetime.now(UTC))
    assert town.learning() is Learning.ON and town.corrections() and len(town.events()) > known


def test_what_was_learned_is_not_used_while_a_file_says_off(town: Town) -> None:
    town.edit(MAINTAINER, "npm test", "make check")
    town.say(READER, QUESTION)
    file(town, "learning: off\n")
    town.say(READER, QUESTION, number=3)
    taught, plain = ("".join(m.content for m in one["messages"]) for one in town.scripted.asked)
    assert "make check" in taught and "make check" not in plain


def test_a_changed_file_acts_by_the_clock_too_and_one_that_was_not_read_yet_trains_nobody(town: Town) -> None:
    def training() -> set[int]:
        with town.database.unit(read_only=True) as unit:
            return set(unit.configurations.in_training())

    file(town, "training: true\nlearning: frozen\n")
    town.say(READER, QUESTION)
    assert training() and town.learning() is Learning.FROZEN
    file(town, "training: false\n")
    assert training() == set()
    follow_due(town.context)
    assert training() == set() and town.learning() is Learning.ON
    file(town, "training: true\n")
    follow_due(town.context)
    assert training() == {town.playground.repository().id}


def test_a_higher_min_score_has_weak_answers_written_anew(town: Town) -> None:
    town.edit(MAINTAINER, "npm test", "make check")
    for chosen, rounds in (("min_score: -1\n", 1), ("min_score: 1\n", ROUNDS)):
        file(town, chosen)
        before = len(town.scripted.asked)
        town.say(READER, QUESTION)
        assert len(town.scripted.asked) - before == rounds, chosen


def test_a_file_sets_the_length_and_the_number_of_texts(build: Callable[..., Town]) -> None:
    town = build(candidates=1, max_tokens=100)
    file(town, "candidates: 5\nmax_tokens: 64\n")
    town.say(READER, QUESTION)
    assert (town.scripted.asked[-1]["n"], town.scripted.asked[-1]["max_tokens"]) == (5, 64)


def test_a_file_lowers_the_quotas_of_strangers_and_of_all(town: Town) -> None:
    file(town, "questions_per_stranger: 1\n")
    assert town.say(STRANGER, QUESTION) == GOOD
    assert town.say(STRANGER, QUESTION).startswith("That was your 1 question of today")
    file(town, "questions_per_repository: 1\n")
    assert town.say(READER, QUESTION).startswith("I have answered all the questions of today")
    file(town, "questions_per_repository: 9999\n")
    assert town.say(READER, QUESTION) == GOOD and "this server allows 500 at most: 500 holds" in body(town)


def test_what_a_person_froze_is_not_undone_by_a_file_that_says_nothing(town: Town) -> None:
    town.role(READER, "maintain")
    town.say(READER, "freeze")
    file(town, "tone: brief\n")
    town.say(READER, QUESTION)
    assert town.learning() is Learning.FROZEN
    town.role(READER, "admin")
    assert "| `learning` | frozen | somebody here |" in town.say(READER, "config")
    file(town, "learning: frozen\n")
    assert "| `learning` | frozen | this repository's file |" in town.say(READER, "config")
    assert "says `learning: frozen`, and that holds" in town.say(READER, "unfreeze")


def test_a_repository_trains_only_after_it_said_so(town: Town) -> None:
    def training() -> set[int]:
        with town.database.unit(read_only=True) as unit:
            return set(unit.configurations.in_training())

    town.say(READER, QUESTION)
    assert training() == set()
    file(town, "training: true\n")
    town.say(READER, QUESTION)
    assert training() == {town.playground.repository().id}
    file(town, "training: false\n")
    town.say(READER, QUESTION)
    assert training() == set()


def test_other_words_ask_and_a_mention_may_not(town: Town) -> None:
    file(town, "triggers: [/docs]\nmention: false\n")
    for post, trigger, answered in (
        ("/docs How do I run the tests?", "/docs", True),
        ("/ask How do I run the tests?", "/ask", False),
        ("@thumbprint How do I run the tests?", "@", False),
        ("/ask me nothing\n/docs How do I run the tests?", "/ask", True),
    ):
        comment = town.playground.say(READER, 2, post)
        asked = replace(town.question(comment, "as the receiver took it"), trigger=trigger)
        count = len(town.playground.answers(2))
        town.work(asked)
        assert len(town.playground.answers(2)) - count == answered, post
        assert bool(town.playground.state.reactions_to(comment)) is answered
        assert town.stored(asked.answer_id).status is (
            AnswerStatus.POSTED if answered else AnswerStatus.CANCELLED
        )
    assert QUESTION in town.scripted.asked[-1]["messages"][-1].content
    comment = town.playground.say(READER, 2, "/docs help")
    town.work(replace(town.question(comment, "help"), trigger="/docs"))
    assert "`/docs freeze`" in body(town) and "`/docs help` says what" in body(town)


@pytest.mark.parametrize("text", ["show", "forget", "forget p_0123456789abcdef", "freeze", "", "How?"])
def test_no_reply_speaks_of_a_word_that_does_not_ask_here(town: Town, text: str) -> None:
    file(town, "triggers: [/docs]\nquestions_per_stranger: 0\n" + "".join(f"k{n}: 1\n" for n in range(9)))
    town.edit(MAINTAINER, "npm test", "make check")
    town.role(SECOND, "maintain")
    asker = STRANGER if text == "How?" else SECOND
    comment = town.playground.say(asker, 2, f"/docs {text}")
    town.work(replace(town.question(comment, text), trigger="/docs"))
    assert "/docs" in body(town) and "/ask" not in body(town)


# ---------------------------------------------------------------- what is wrong


def test_what_is_wrong_is_said_once_in_the_thread_of_the_next_question(town: Town) -> None:
    file(town, "candidates: 2\nmin_scor: 1\n")
    assert town.say(READER, QUESTION) == GOOD
    sentence = "`.github/thumbprint.yml`, line 2: there is no key `min_scor`: did you mean `min_score`?"
    assert sentence in body(town) and town.scripted.asked[-1]["n"] == 2
    assert town.say(READER, QUESTION, number=3) == GOOD and sentence not in body(town, 3)
    file(town, "candidates: 2\nmin_scor: 1\ntone: rude\n")
    town.say(READER, QUESTION)
    assert sentence in body(town) and "line 3: `tone` is `rude`" in body(town)
    file(town, "candidates: 2\n")
    town.say(READER, QUESTION)
    file(town, "candidates: 2\nmin_scor: 1\n")
    town.say(READER, QUESTION)
    assert sentence in body(town)


def test_what_was_to_be_said_in_an_answer_that_never_came_out_is_said_by_the_next(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "SHOWN_AFTER", timedelta(0))  # GitHub's copies are never late
    file(town, "min_scor: 1\n")
    comment = town.playground.say(READER, 2, f"/ask {QUESTION}")
    asked = town.question(comment, QUESTION)
    town.work(asked, post=False)
    town.playground.delete(READER, comment)
    town.work(asked)
    assert town.stored(asked.answer_id).status is AnswerStatus.CANCELLED
    town.say(READER, QUESTION)
    assert "did you mean `min_score`" in body(town)


def test_what_stands_about_the_configuration_is_no_part_of_the_answer(town: Town) -> None:
    file(town, "min_scor: 1\n")
    town.say(READER, QUESTION)
    assert answer_text(body(town)) == GOOD == town.last.text


def test_config_lists_what_is_wrong_and_reads_the_files_anew(town: Town) -> None:
    town.say(READER, QUESTION)
    town.role(READER, "admin")
    town.playground.repository().files[PATH] = "tone: rude\nlanguage: de\n"  # nobody heard of it
    said = town.say(READER, "config")
    assert "| `language` | de | this repository's file |" in said
    assert "line 1: `tone` is `rude`, and it takes one of" in said
    town.say(READER, QUESTION)
    assert "tone" not in body(town)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("candidates: [", "it is no YAML"),
        ("a: &a [1]\nb: *a\n", "it uses an anchor"),
        ("x" * 20_000, "characters"),
        ("# " + "x" * 70_000, "bytes, and 65536 are allowed"),
        ("candidates: 2 # \udce9\n", "it is no UTF-8 text (line 1)"),
    ],
)
def test_a_file_that_is_none_leaves_all_defaults_and_is_said(town: Town, content: str, sentence: str) -> None:
    file(town, content)
    assert town.say(READER, QUESTION) == GOOD
    assert sentence in body(town) and town.scripted.asked[-1]["n"] == 4


# ---------------------------------------------------------------- how often it is read


def test_files_are_read_once_in_minutes_and_an_organisation_without_defaults_once_an_hour(town: Town) -> None:
    client = town.context.github.of(town.answer.question)
    there = client.repository(town.playground.repository().id)
    reads: list[str] = []
    contents = client.read_file

    def read(full_name: str, path: str) -> Any:
        reads.append(full_name)
        return contents(full_name, path)

    client.read_file = read  # type: ignore[method-assign]
    tokens = tokens_of(town)
    now = [town.answer.created_at]
    kept = Configurations(town.database, town.context.settings, clock=lambda: now[0])
    organisation, own = f"{there.full_name.partition('/')[0]}/.github", there.full_name
    for later_s, expected in ((0, [organisation, own]), (200, []), (301, [own]), (3601, [organisation, own])):
        reads.clear()
        now[0] = town.answer.created_at + timedelta(seconds=later_s)
        kept.of(client, there)
        assert reads == expected, later_s
    assert len([one for one in tokens if ".github" in one]) == 2
    reads.clear()
    with town.database.unit() as unit:
        unit.configurations.changed(there.id)
        unit.commit()
    kept.of(client, there)
    assert reads == [own]


# ---------------------------------------------------------------- every key

ACTS = {
    "triggers": test_other_words_ask_and_a_mention_may_not,
    "mention": test_other_words_ask_and_a_mention_may_not,
    "strangers": test_a_file_shuts_strangers_out_and_lowers_a_quota,
    "questions_per_person": test_a_file_shuts_strangers_out_and_lowers_a_quota,
    "questions_per_stranger": test_a_file_lowers_the_quotas_of_strangers_and_of_all,
    "questions_per_repository": test_a_file_lowers_the_quotas_of_strangers_and_of_all,
    "candidates": test_a_file_sets_the_length_and_the_number_of_texts,
    "max_tokens": test_a_file_sets_the_length_and_the_number_of_texts,
    "min_score": test_a_higher_min_score_has_weak_answers_written_anew,
    "tone": test_tone_and_language_are_in_the_prompt_as_our_sentences,
    "language": test_tone_and_language_are_in_the_prompt_as_our_sentences,
    "model": test_a_model_is_asked_for_only_if_the_operator_allows_it,
    "learning": test_what_a_file_says_of_learning_holds_for_the_next_edit_and_thumb_though_nobody_asked,
    "training": test_a_changed_file_acts_by_the_clock_too_and_one_that_was_not_read_yet_trains_nobody,
    "quiet_hours": test_quiet_hours.test_a_question_asked_in_them_gets_eyes_and_waits_for_their_end,
    "time_zone": test_quiet_hours.test_they_are_those_of_the_time_zone,
    "draft": test_drafts.test_an_answer_waits_until_it_is_approved_and_is_then_posted_once,
}
"""Where it is shown that each key is obeyed, not only read."""


def test_a_former_owners_defaults_are_not_kept_for_a_repository_that_changed_hands_meanwhile(
    tmp_path: Path,
) -> None:
    database = Database(f"sqlite:///{tmp_path}/thumbprint.db")
    database.migrate()
    read = Repository(id=1, full_name="octo/inkwell", installation_id=2)
    moved = replace(read, full_name="mona/inkwell", installation_id=3)

    class Reader:
        def read_file(self, full_name: str, path: str) -> File:
            with database.unit() as unit:
                unit.repositories.settle(moved)
                unit.commit()
            return File(size=15, content=b"training: true\n")

    with database.unit() as unit:
        unit.repositories.upsert(read)
        unit.commit()
    found = Configurations(database, Settings(_env_file=None)).of(cast(Client, Reader()), read)
    assert found.config.training
    with database.unit(read_only=True) as unit:
        assert unit.repositories.get(1) == moved
        assert unit.configurations.get(1) is None and unit.configurations.in_training() == []
    database.dispose()


def test_every_key_is_one_that_acts_and_stands_in_what_config_shows(town: Town) -> None:
    assert set(ACTS) == set(RepoConfig.model_fields)
    town.role(READER, "admin")
    said = town.say(READER, "config")
    assert all(f"| `{key}` |" in said for key in ACTS)


# ---------------------------------------------------------------- the whole way


def test_a_changed_file_is_heard_of_by_its_push_and_acts_on_the_next_comment(tmp_path: Path) -> None:
    """Page, delivery, receiver, queue and worker: other words ask from the moment of the commit on."""
    port = free_port()
    with playground_at(tmp_path / "playground", f"http://127.0.0.1:{port}") as there:
        town = Town(there, tmp_path / "home")
        with served(create_app(town.context.settings), port), working(town.context):

            def commit(text: str, login: str = MAINTAINER) -> int:
                answer = httpx.post(
                    f"{there.base_url}/playground/act",
                    json={"as": login, "do": "write", "repository": HERE, "path": PATH, "text": text},
                    trust_env=False,
                )
                there.wait_for_deliveries()
                return answer.status_code

            there.say(READER, 2, f"/docs {QUESTION}")  # nothing is known of the repository yet
            there.say(READER, 2, f"/ask {QUESTION}")
            wait_until(lambda: len(there.answers(2)) == 1, 60, "no answer came")
            assert commit("triggers: [/docs]\n", READER) == 403
            assert commit("triggers: [/docs]\n") == 200
            there.say(READER, 2, f"/ask {QUESTION}")
            there.say(READER, 2, f"/docs {QUESTION}")
            wait_until(lambda: len(there.answers(2)) == 2, 60, "no answer came")
            asked = [one for one in there.comments(2) if one.author == READER and QUESTION in one.body]
            heard = [bool(there.state.reactions_to(one)) for one in asked]
            assert heard == [False, True, False, True]
            assert commit("") == 200 and PATH not in there.repository().files
            there.say(READER, 2, f"/ask {QUESTION}")
            wait_until(lambda: len(there.answers(2)) == 3, 60, "no answer came")
        town.github.close()
        town.database.dispose()
