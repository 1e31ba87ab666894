"""The verbs: one sentence for what went wrong, exit codes, and what they print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app, main
from bot.commands import shared
from bot.control import cancel
from bot.drafts import token_of
from bot.lessons import observe
from bot.queue import Job, JobName, Queue
from storage import tables
from storage.database import Database
from storage.errors import ConfigurationError
from storage.records import FeedbackKind, PhraseKind
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.storage.things import (
    NOW,
    REPOSITORY,
    candidate,
    delivery,
    feedback,
    generation,
    phrase,
    posted,
    prompt,
    weight,
)

TEXT = "Run `npm test` in the root folder."
ANSWER = posted(text=TEXT, candidate_id=None, repairs=(), phrase_ids=())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in os.environ:
        if name.startswith("THUMBPRINT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THUMBPRINT_HOME", str(tmp_path / "var"))
    monkeypatch.setattr(shared.out, "width", 200)
    yield tmp_path / "var"


@pytest.fixture
def taught(home: Path) -> str:
    """A repository with one correction; returns its phrase id."""
    database = Database(f"sqlite:///{home / 'playground.db'}")
    database.migrate()
    with database.unit() as unit:
        unit.repositories.upsert(REPOSITORY)
        unit.answers.save(ANSWER)
        unit.answers.add_prompt(prompt(answer_id=ANSWER.id, phrase_ids=()))
        unit.answers.add_generation(generation(biased_phrase_ids=()))
        unit.answers.add_candidates([candidate(0, violations=())])
        edit = feedback(
            kind=FeedbackKind.EDIT, reaction=None, before=TEXT, after=TEXT.replace("npm test", "make check")
        )
        observe(unit, [edit], NOW)
        unit.commit()
        (correction,) = [w for w in unit_weights(database) if w.phrase.kind is PhraseKind.CORRECTION]
    database.dispose()
    return correction.phrase.id


def unit_weights(database: Database):  # type: ignore[no-untyped-def]
    with database.unit(read_only=True) as unit:
        return unit.phrases.weights(REPOSITORY.id)


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def failing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["thumbprint", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    said = capsys.readouterr()
    assert said.out == "" and "Traceback" not in said.err
    return said.err


def test_phrases_are_listed_searched_exported_and_forgotten(taught: str) -> None:
    for words in (("list",), ("search", "make check")):
        code, out, _ = run("phrases", *words, "--repo", "octo/inkwell")
        assert code == 0 and taught in out and "+0.67" in out and "active" in out
    assert taught in run("phrases", "export", "--repo", "1")[1]
    assert taught not in run("phrases", "search", "no such words", "--repo", "1")[1]
    code, out, _ = run("phrases", "forget", taught)
    assert code == 0 and "make check" in out
    assert taught not in run("phrases", "list", "--repo", "1")[1]


def test_a_phrase_is_shown_with_who_taught_it_by_what(taught: str) -> None:
    code, out, _ = run("phrases", "show", taught)
    assert code == 0 and "+0.67 active" in out and "make check" in out
    event = feedback()
    assert f"@{event.actor.login} ({event.permission.value}) edited" in out and event.url in out
    assert "There is no phrase p_none" in str(
        CliRunner().invoke(app, ["phrases", "show", "p_none"]).exception
    )


def test_a_list_that_is_cut_says_so_and_an_empty_one_has_no_head(taught: str, home: Path) -> None:
    database = Database(f"sqlite:///{home / 'playground.db'}")
    wordings = [
        phrase(f"w{number}", kind=PhraseKind.WORDING, right="", text=f"wording {number}")
        for number in range(2)
    ]
    with database.unit() as unit:
        unit.phrases.put_weights([weight(one, weight=0.1) for one in wordings])
        unit.commit()
    database.dispose()
    out = run("phrases", "list", "--repo", "1", "--limit", "2")[1]
    assert taught in out and "2 of 3, the strongest first: --limit 3 shows all." in out
    assert "--limit" not in run("phrases", "list", "--repo", "1")[1]
    out = run("phrases", "search", "no such words", "--repo", "1")[1]
    assert out == "octo/inkwell has taught nothing that has these words.\n"


def test_learning_is_frozen_and_unfrozen(taught: str, home: Path) -> None:
    assert "frozen" in run("phrases", "freeze", "--repo", "1")[1]
    assert "is off" in run("phrases", "freeze", "--repo", "1", "--off")[1]
    out = run("phrases", "freeze", "--repo", "1", "--undo")[1]
    assert "is on" in out and "meanwhile" not in out
    run("phrases", "freeze", "--repo", "1")
    database = Database(f"sqlite:///{home / 'playground.db'}")
    with database.unit() as unit:
        observe(unit, [feedback("later", answer_id=ANSWER.id)], NOW)
        unit.commit()
    database.dispose()
    out = run("phrases", "freeze", "--repo", "1", "--undo")[1]
    assert "What one person said meanwhile is used when a worker has asked GitHub about them." in out


def test_why_tells_prompt_seed_scores_and_what_people_did(taught: str) -> None:
    code, out, _ = run("why", ANSWER.id)
    assert code == 0
    for part in (
        "Be brief.",
        f"seed {2**40}",
        "How do I run the tests?",
        TEXT,
        "edited",
        "hubot-not (write)",
    ):
        assert part in out


def test_nothing_that_people_wrote_acts_on_the_operators_terminal(home: Path) -> None:
    hostile = "clear\x1b[2J\x1b]0;owned\x07 back\rover \x9b31m"
    database = Database(f"sqlite:///{home / 'playground.db'}")
    database.migrate()
    asked = replace(ANSWER, text=hostile, question=replace(ANSWER.question, text=hostile))
    with database.unit() as unit:
        unit.repositories.upsert(REPOSITORY)
        unit.answers.save(asked)
        unit.answers.add_prompt(prompt(answer_id=ANSWER.id, phrase_ids=()))
        unit.answers.add_generation(generation(biased_phrase_ids=()))
        unit.answers.add_candidates([candidate(0, text=hostile, violations=())])
        edit = feedback(
            kind=FeedbackKind.EDIT,
            reaction=None,
            before=TEXT,
            after=TEXT.replace("npm test", "make\x1b[2Jcheck"),
        )
        observe(unit, [edit], NOW)
        unit.commit()
    database.dispose()
    for words in (
        ("why", ANSWER.id),
        ("phrases", "list", "--repo", "1"),
        ("phrases", "export", "--repo", "1"),
    ):
        code, out, _ = run(*words)
        assert code == 0
        assert not [sign for sign in out if unicodedata.category(sign) == "Cc" and sign not in "\n\t"], words
        assert "�[2J" in out


def test_a_candidate_keeps_its_lines_on_a_narrow_terminal(
    taught: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.out, "width", 80)
    told = run("why", ANSWER.id)[1]
    assert f"\n  {candidate(0).text}\n" in told and "· score +0.10  phrases +0.25" in told


def test_a_jobs_id_stands_whole_on_a_narrow_terminal(
    home: Path, put: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.out, "width", 80)
    told = run("jobs")[1]
    assert all(f"answer/1/issue_comment/{number}" in told for number in (1, 2, 3))


def test_jobs_say_what_waits_rests_and_failed_and_why(
    home: Path, put: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.out, "width", 200)
    code, out, _ = run("jobs")
    assert code == 0 and "waiting 2, running 0, failed 1; workers 0" in out
    lines = {
        line.split("answer/1/issue_comment/")[1][0]: line for line in out.splitlines() if "answer/" in line
    }
    assert "rests until" in lines["1"] and "RateLimited: wait" in lines["1"]
    assert lines["2"].strip().startswith("waits") and f"{REPOSITORY.full_name}#2" in lines["2"]
    assert lines["3"].strip().startswith("parked") and " 5 " in lines["3"] and "Poisoned: again" in lines["3"]


def test_a_job_is_cancelled_and_tried_again_by_hand(
    home: Path, put: Queue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    second, parked = "answer/1/issue_comment/2", "answer/1/issue_comment/3"
    assert run("jobs", "cancel", second) == (0, f"{second} is cancelled.\n", "")
    assert "waiting 1, running 0, failed 1" in run("jobs")[1]
    assert "No job" in failing(monkeypatch, capsys, "jobs", "cancel", second)
    for job in (second, parked):
        assert run("jobs", "retry", job) == (0, f"{job} waits for its turn.\n", "")
        assert "waits or runs already" in failing(monkeypatch, capsys, "jobs", "retry", job)
    told = run("jobs")[1]
    assert "waiting 3, running 0, failed 0" in told and "parked" not in told
    assert "There is no job x" in failing(monkeypatch, capsys, "jobs", "retry", "x")


@pytest.fixture
def put(home: Path) -> Iterator[Queue]:
    """Three questions: one rests, one waits, one was parked."""
    database = Database(f"sqlite:///{home / 'playground.db'}")
    queue = Queue(database)
    queue.migrate()
    with database.unit() as unit:
        for number in (1, 2, 3):
            question = replace(ANSWER.question, post_id=number, number=number)
            unit.repositories.upsert(REPOSITORY)
            unit.deliveries.add(delivery(f"g{number}"))
            unit.answers.ask(question)
            name = f"answer/1/issue_comment/{number}"
            job = Job(
                name=JobName.ANSWER,
                id=name,
                thread_key=question.thread_key,
                repository=REPOSITORY,
                question=question,
            )
            assert queue.put(unit, job, f"g{number}")
        now = unit.executors.now()
        for _ in range(5):
            unit.jobs.begin_attempt("answer/1/issue_comment/3", "compose", "w", now)
        cancel(database, unit, ["answer/1/issue_comment/3"])
        jobs = {"outcome": "parked", "error": "Poisoned: again"}
        unit.connection.execute(tables.jobs.update().where(tables.jobs.c.id.endswith("3")).values(jobs))
        unit.jobs.rest("answer/1/issue_comment/1", now + timedelta(hours=1), "RateLimited: wait")
        unit.commit()
    yield queue
    queue.close()
    database.dispose()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("why", "a_none"), "no answer a_none"),
        (("phrases", "list", "--repo", "octo/none"), "known are: none yet"),
        (("phrases", "forget", "p_none"), "no phrase p_none"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    sentence: str,
) -> None:
    assert sentence in failing(monkeypatch, capsys, *words)


def test_a_wrong_setting_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THUMBPRINT_PORT", "eighty")
    assert "THUMBPRINT_PORT is wrong" in failing(monkeypatch, capsys, "jobs")
    monkeypatch.delenv("THUMBPRINT_PORT")
    Path(".env").write_text("THUMBPRINT_PROT=80\n")
    assert "no setting THUMBPRINT_PROT" in failing(monkeypatch, capsys, "jobs")


def answered_by_script(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """`ask` talks to a model that always writes this text."""
    scripted = ScriptedModels(rounds=[[text] * 4])
    monkeypatch.setattr(scripted, "ready", lambda: None, raising=False)
    monkeypatch.setattr("bot.models.Models", lambda settings: scripted)


def test_ask_prints_the_answer_and_beside_it_what_it_learned_from(
    taught: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by_script(monkeypatch, "To run the tests, type `npm test` in the root folder.")
    code, out, err = run("ask", "How do I run the tests?", "--repo", "octo/inkwell")
    assert code == 0 and out == "To run the tests, type `make check` in the root folder.\n"
    assert "1 lesson of octo/inkwell concerned it" in err and "write “make check”, not “npm test”" in err
    assert "repaired: npm test → make check" in err


def test_ask_without_a_repository_knows_no_lesson_and_reads_odd_bytes(
    taught: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by_script(monkeypatch, "To run the tests, type `npm test` in the root folder.")
    code, out, err = run("ask", "How do I run \udcff the tests?")
    assert code == 0 and "npm test" in out and "lesson" not in err


def test_ask_wants_a_question(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "There is no question" in failing(monkeypatch, capsys, "ask", "  ")


def test_models_list_says_what_is_there_a_line_each_however_narrow_the_terminal(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "a folder with a long name" / "my-llama"
    own.mkdir(parents=True)
    (own / "model.safetensors").write_bytes(b"x" * 2**20)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("THUMBPRINT_MODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("THUMBPRINT_POLICY", str(own))
    monkeypatch.setenv("THUMBPRINT_ADAPTER", "nobody-here/no-such-adapter")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, out, _ = run("models", "list")
    assert code == 0
    heads = [line.split() for line in out.splitlines()[::2]]
    assert [(words[0], words[2]) for words in heads] == [
        ("policy", "missing"),
        ("encoder", "missing"),
        ("policy", "ready"),
        ("adapter", "missing"),
    ]
    assert heads[2][1:5] == ["my-llama", "ready", "1", "MiB"]
    assert out.splitlines()[5].strip() == str(own)


def test_without_a_model_server_ask_says_what_to_start(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THUMBPRINT_MODEL_PORT", "9")
    said = failing(monkeypatch, capsys, "ask", "How?")
    assert "127.0.0.1:9" in said


def test_a_thread_that_cannot_be_read_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "none.md cannot be read" in failing(monkeypatch, capsys, "ask", "How?", "--thread", "none.md")


def test_wrong_usage_is_exit_code_2(home: Path) -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2
    assert CliRunner().invoke(app, ["phrases", "list"]).exit_code == 2


def test_the_model_verb_leaves_a_foreign_server_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THUMBPRINT_MODEL_URL", "http://127.0.0.1:9/v1")
    assert "THUMBPRINT_MODEL_URL" in failing(monkeypatch, capsys, "model")


def test_the_playground_never_runs_beside_a_github_app(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THUMBPRINT_APP_ID", "7")
    assert "never runs beside" in failing(monkeypatch, capsys, "playground")


@pytest.mark.slow
def test_help_and_version_need_no_torch() -> None:
    script = """
import sys
sys.argv = ["thumbprint", "version"]
from bot.cli import main
try:
    main()
except SystemExit:
    pass
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 and done.stdout.startswith("thumbprint "), done.stderr


def test_a_person_is_found_by_a_name_that_a_kept_webhook_alone_knows_and_an_unknown_name_is_called_so(
    taught: str, home: Path
) -> None:
    def said(*words: str) -> str:
        return CliRunner().invoke(app, ["forget-user", *words]).output

    opened = {"number": 9, "title": "t", "body": "b", "user": {"id": 424_242, "login": "pat-quill"}}
    database = Database(f"sqlite:///{home / 'playground.db'}")
    with database.unit() as unit:
        unit.deliveries.add(delivery("g9", body=json.dumps({"issue": opened}).encode()), REPOSITORY.id)
        unit.commit()
    database.dispose()
    assert said("nobody").startswith("Nobody is known here as nobody") and "numeric id" in said("nobody")
    assert said("7654321").startswith("Nothing is kept about that account.")
    assert "nothing is changed yet" in said("@Pat-Quill") and "Forgotten:" in said("@Pat-Quill", "--yes")
    assert said("pat-quill").startswith("Nobody is known here") and "Nothing is kept" in said("424242")


def test_a_repositorys_drafts_have_a_place_and_a_token_of_their_own(
    taught: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = CliRunner().invoke(app, ["drafts", REPOSITORY.full_name])
    assert isinstance(told.exception, ConfigurationError) and "THUMBPRINT_PAGES_TOKEN" in str(told.exception)
    monkeypatch.setenv("THUMBPRINT_PAGES_TOKEN", "sesame")
    monkeypatch.setenv("THUMBPRINT_WEBHOOK_SECRET", "of the webhook")
    said = CliRunner().invoke(app, ["drafts", REPOSITORY.full_name]).output
    assert f"/drafts?repository_id={REPOSITORY.id}" in said and "sesame" not in said
    assert token_of("sesame", "of the webhook", REPOSITORY.id) in said and "PUBLIC_URL" not in said
    monkeypatch.setenv("THUMBPRINT_DATABASE_URL", f"sqlite:///{home}/playground.db")
    monkeypatch.setenv("THUMBPRINT_APP_ID", "7")
    assert (
        "THUMBPRINT_PUBLIC_URL is not set" in CliRunner().invoke(app, ["drafts", REPOSITORY.full_name]).output
    )


@pytest.mark.parametrize("odd", ["9" * 30, str(2**63), "²", "٣", "0", "-1"])
def test_what_is_no_number_of_an_account_or_repository_is_a_name_that_nobody_has(
    taught: str, odd: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run("forget-user", "--yes", "--", odd)
    assert code == 0 and "Nobody is known here as" in out
    for words in (("phrases", "list", "--repo", odd), ("drafts", "--", odd)):
        assert "No repository" in failing(monkeypatch, capsys, *words)


@pytest.mark.parametrize("verb", [("jobs",), ("runs",), ("phrases", "list", "--repo", "1")])
def test_a_list_of_more_rows_than_there_can_be_is_wrong_usage(taught: str, verb: tuple[str, ...]) -> None:
    code, _, err = run(*verb, "--limit", "9" * 30)
    assert code == 2 and "--limit" in err


@pytest.mark.parametrize("drill", ["kills", "unheard", "repeats"])
def test_a_drill_of_several_workers_wants_postgresql_and_says_so_before_anything_starts(
    home: Path, drill: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "A SQLite file takes one worker" in failing(monkeypatch, capsys, "drill", drill, "--workers", "8")
