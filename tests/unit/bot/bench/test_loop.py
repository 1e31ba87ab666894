import json
import random
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot.bench.crew import Crew
from bot.bench.loop import run
from bot.drills.scripted import ScriptedModel, scripted_model
from bot.settings import Settings
from storage.errors import ConfigurationError

RULES = """
repositories:
  - name: a/files
    topic: files
    rules: [{name: safe, kind: identifier, wrong: open, right: safe_open, pattern: '(?<![.\\w])open(?=\\()'}]
  - name: a/short
    topic: lists
    rules: [{name: ten, kind: length, limit_words: 10}]
"""


def says_what_the_seed_says(request: dict[str, Any]) -> dict[str, Any]:
    draw = random.Random(request["seed"])
    texts = [
        f"You can call open('{draw.choice('abcd')}') or read {draw.choice('xyz')} with a loop over each of "
        "its many lines, and then close it."
        for _ in range(request.get("n", 1))
    ]
    message = [{"role": "assistant", "content": text} for text in texts]
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": request["model"],
        "choices": [
            {"finish_reason": "stop", "index": place, "message": said} for place, said in enumerate(message)
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 22},
    }


@pytest.fixture
def talking() -> Any:
    with scripted_model() as stand_in:
        stand_in.complete = says_what_the_seed_says  # type: ignore[method-assign]
        yield stand_in


def run_small(
    tmp_path: Path, out: str, server: ScriptedModel, workers: int, learners: tuple[str, ...] = ()
) -> tuple[dict[str, Any], Any, Any]:
    rules, questions = tmp_path / "rules.yml", tmp_path / "questions.jsonl"
    rules.write_text(RULES)
    rows = [
        {"id": f"{about}{number}", "title": f"{about} {number}?", "question": f"How do I do {number}?"}
        for about in ("files", "lists", "other")
        for number in range(30)
    ]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = run(
        Settings(home=tmp_path),
        small=True,
        rules_file=rules,
        questions_file=questions,
        model_url=server.url,
        workers=workers,
        learners=learners,
        out=tmp_path / out,
        console=Console(quiet=True),
    )
    courses = json.loads((tmp_path / out / "courses.json").read_text())
    lines = (tmp_path / out / "trials.jsonl").read_text().splitlines()[1:]
    trials = [[{**row, "seconds": 0} for row in json.loads(line)["rows"]] for line in lines]
    trials.sort(key=lambda rows: (rows[0]["repository"], rows[0]["learner"]))
    return found, courses, trials


def test_courses_and_trials_are_the_same_whatever_the_number_of_workers(
    tmp_path: Path, talking: ScriptedModel
) -> None:
    one = run_small(tmp_path, "one", talking, 1)
    three = run_small(tmp_path, "three", talking, 3)
    assert one[1:] == three[1:]
    assert len(one[2]) == 6
    assert one[0]["overall"]["none"]["broken"]["0"]["value"] == 1.0


def test_a_run_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, talking: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_small(tmp_path, "whole", talking, 2)
    each, calls = Crew.each, []

    def interrupted(self: Crew, tasks: Any, work: Any) -> Any:
        calls.append(tasks)
        for done, found in enumerate(each(self, tasks, work)):
            if len(calls) == 2 and done == 2:  # the third trial
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(Crew, "each", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path, "stopped", talking, 2)
    monkeypatch.setattr(Crew, "each", each)
    assert (tmp_path / "stopped" / "trials.jsonl").read_text().count("\n") == 3
    assert run_small(tmp_path, "stopped", talking, 2)[1:] == whole[1:]


def test_learners_can_be_added_to_a_run_and_all_are_reported(tmp_path: Path, talking: ScriptedModel) -> None:
    run_small(tmp_path, "out", talking, 2, ("none",))
    found, _, trials = run_small(tmp_path, "out", talking, 2, ("oracle",))
    assert found["trials"]["cells"] == {"none": 2, "oracle": 2}
    assert len(trials) == 4
    with pytest.raises(ConfigurationError, match="There is no learner `some`: choose among none, last-k"):
        run_small(tmp_path, "out", talking, 2, ("some",))


def test_a_repository_about_which_nobody_asks_is_refused_before_a_model_is_started(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "repositories:\n  - name: a/lonely\n    topic: zyzzyva\n    rules:\n"
        "      - {name: tame, kind: term, wrong: zyzzyva, right: weevil}\n"
    )
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"id": "1", "title": "How?", "question": "How do I do it?"}\n')
    with pytest.raises(ConfigurationError, match=r"`a/lonely`: 0 teaching and 0 unseen .* widen `topic`"):
        run(Settings(home=tmp_path), small=True, rules_file=rules, questions_file=questions)
    assert not (tmp_path / "bench").exists()
