"""Answers as the served policy writes them, kept as they are written."""

from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from learning.models.policy import Options, Policy
from learning.models.policy import Written as Draft
from learning.training import answers, snapshot
from learning.training.answer_pool import carried_out
from learning.training.answers import Asked, Sampling, Written, asked, write
from learning.training.rows import Rows, Split
from learning.training.splitting import split_of
from storage.errors import ConfigurationError, DataError, SetupError
from storage.records import Message
from tests.unit.learning.training.conftest import made_up
from tests.unit.learning.training.made import demonstration, judged, origin, pair

SHORT = Sampling(max_tokens=6)


@pytest.fixture(scope="module")
def policy(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return answers.load(base, None, cache=tmp_path_factory.mktemp("cache"))


def question(number: int) -> Asked:
    messages = (Message(role="user", content=f"Question: {number}?"),)
    return Asked(id=str(number), group=str(number), messages=messages, reference="so")


QUESTIONS = tuple(question(n) for n in range(4))


def said(
    policy: Policy, some: tuple[Asked, ...] = QUESTIONS, seed: int = 0, store: Path | None = None
) -> list[Written]:
    return write(policy, some, attempts=2, sampling=SHORT, stores={seed: store})[seed]


def test_a_text_follows_from_seed_and_question_and_from_nothing_else(policy: Policy) -> None:
    every = said(policy)
    assert [(one.question_id, one.attempt) for one in every[:3]] == [("0", 0), ("0", 1), ("1", 0)]
    assert said(policy, QUESTIONS[2:3]) == every[4:6]
    assert said(policy, seed=1) != every
    assert every[0].text != every[1].text
    assert all(1 <= one.tokens <= 6 or one.ended for one in every)


def test_a_killed_run_goes_on_and_comes_to_the_same(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "run" / "a.jsonl"
    whole = said(policy)
    said(policy, QUESTIONS[:2], store=store)
    with store.open("a") as file:
        file.write('{"question": "2", "key": "torn')
    seen: list[int] = []
    again = write(policy, QUESTIONS, attempts=2, sampling=SHORT, stores={0: store}, tell=seen.append)
    assert again == {0: whole}
    assert seen == [1, 2, 3, 4]
    monkeypatch.setattr(Policy, "write", None)  # nothing is left to write
    assert said(policy, store=store) == whole


def test_all_seeds_are_written_in_one_batch_and_one_that_lost_its_file_is_written_as_it_was(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = {seed: tmp_path / f"{seed}.jsonl" for seed in (5, 6, 7)}
    batches, inner = list[int](), Policy.write

    def counted(self: Policy, prompt: list[int], options: Options) -> tuple[Draft, ...]:
        batches.append(options.n * (1 + len(options.also)))
        return inner(self, prompt, options)

    monkeypatch.setattr(Policy, "write", counted)
    whole = write(policy, QUESTIONS, attempts=2, sampling=SHORT, stores=stores)
    assert batches == [6] * len(QUESTIONS)
    assert list(whole) == [5, 6, 7]
    assert len({tuple(one.text for one in each) for each in whole.values()}) == 3
    lines = stores[6].read_text().splitlines(keepends=True)
    stores[6].write_text("".join(lines[:3]))  # the head, and two questions
    kept = stores[5].read_bytes()
    assert write(policy, QUESTIONS, attempts=2, sampling=SHORT, stores=stores) == whole
    assert batches == [6] * (len(QUESTIONS) + 2)
    assert (stores[5].read_bytes(), stores[6].read_text()) == (kept, "".join(lines))


def test_two_processes_write_what_one_writes_in_the_same_order(policy: Policy, tmp_path: Path) -> None:
    whole, seen = said(policy), list[int]()
    said(policy, QUESTIONS[1:2], store=tmp_path / "a.jsonl")  # one is there already
    given = {"attempts": 2, "sampling": SHORT, "stores": {0: tmp_path / "a.jsonl"}}
    assert write(policy, QUESTIONS, **given, processes=2, tell=seen.append) == {0: whole}
    assert seen == [1, 2, 3, 4]
    kept = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row.get("question") for row in kept] == [None, "1", "0", "2", "3"]


def gone(policy: Policy, item: int) -> int:
    if item:
        os._exit(9)
    return item


@pytest.mark.slow
def test_where_a_process_is_gone_what_was_made_before_is_there_and_the_rest_is_said(policy: Policy) -> None:
    made = carried_out(policy, [0, 1], gone, processes=2)
    found = []
    with pytest.raises(SetupError, match="give fewer"):
        found += made
    assert found in ([], [0])


def fails(policy: Policy, item: int) -> None:
    if item == 0:
        raise DataError("the first cannot be answered")
    time.sleep(600)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_where_one_fails_nobody_waits_for_the_others(policy: Policy) -> None:
    with pytest.raises(DataError, match="the first"):
        list(carried_out(policy, [0, 1, 2, 3], fails, processes=2))
    assert multiprocessing.active_children() == []


def waits(policy: Policy, folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them_even_where_it_is_killed(
    base: Path, tmp_path: Path
) -> None:
    code = (
        "from pathlib import Path; from learning.models.policy import Policy\n"
        "from learning.training.answer_pool import carried_out\n"
        "from tests.unit.learning.training.test_answers import waits\n"
        "if __name__ == '__main__':\n"
        f"    list(carried_out(Policy(Path({str(base)!r})), [{str(tmp_path)!r}] * 2, waits, 2))"
    )
    (tmp_path / "main.py").write_text(code)
    started = subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        wait_for(lambda: len(pids(tmp_path)) == 2)
    finally:
        started.kill()
        started.wait()
    wait_for(lambda: not any(alive(one) for one in pids(tmp_path)))


def pids(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name.isdecimal()]


def alive(pid: str) -> bool:
    """Whether a process runs: one that ended and that nobody asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 180
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_answers_of_another_run_are_not_taken_for_this_one(policy: Policy, tmp_path: Path) -> None:
    store = tmp_path / "a.jsonl"
    said(policy, store=store)
    with pytest.raises(DataError, match="another policy, sampling, seed"):
        said(policy, seed=1, store=store)
    changed = replace(QUESTIONS[0], messages=(Message(role="user", content="Question: other?"),))
    assert said(policy, (changed,), store=store) == said(policy, (changed,))


def test_a_damaged_store_is_named_with_its_line(policy: Policy, tmp_path: Path) -> None:
    store = tmp_path / "a.jsonl"
    said(policy, store=store)
    lines = store.read_text().splitlines()
    store.write_text("\n".join([lines[0], "{]", *lines[2:]]) + "\n")
    with pytest.raises(DataError, match="line 2, is damaged"):
        said(policy, store=store)


def test_two_processes_never_write_to_one_store(policy: Policy, tmp_path: Path) -> None:
    store = tmp_path / "a.jsonl"
    with store.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="Another process writes"):
            said(policy, store=store)


def test_a_store_that_cannot_be_written_is_one_sentence_and_goes_on_once_it_can(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SetupError, match="make room there"):
        said(policy, store=Path("/dev/full/a.jsonl"))
    store, lines = tmp_path / "a.jsonl", iter(range(2))

    def full(descriptor: int) -> None:
        if next(lines, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(SetupError, match=r"No space left.*make room there"):
        patch.setattr("os.fsync", full)
        said(policy, store=store)
    assert said(policy, store=store) == said(policy)


def test_a_prompt_that_leaves_no_room_is_named_and_can_be_left_out(policy: Policy) -> None:
    long = replace(QUESTIONS[0], messages=(Message(role="user", content="word " * 200),))
    with pytest.raises(DataError, match="Question 0 has"):
        said(policy, (long,))
    assert answers.fitting(policy, (long, QUESTIONS[1]), 100) == (QUESTIONS[1],)


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"top_p": 0.0}, {"top_k": -1}, {"max_tokens": 0}])
def test_sampling_that_cannot_be_is_refused(policy: Policy, wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="temperature over 0"):
        write(policy, QUESTIONS, attempts=1, sampling=replace(SHORT, **wrong), stores={0: None})


def test_published_questions_are_asked_as_they_are_served(folder_of: Callable[..., Path]) -> None:
    folder = folder_of(made_up(60))
    found = asked(folder, Split.TEST)
    assert found
    assert all(split_of(one.id) is Split.TEST for one in found)
    one = found[0]
    number = one.id.removeprefix("q")
    assert one.messages[-1].content.startswith("Question: how do i sort a")
    assert f" {number} it works because" in one.reference
    assert len(asked(folder, None)) == 60


def test_a_smaller_evaluation_is_the_beginning_of_a_larger_one(folder_of: Callable[..., Path]) -> None:
    folder = folder_of(made_up(60))
    assert asked(folder, None, 20)[:5] == asked(folder, None, 5)


def test_a_snapshots_prompt_is_asked_once_with_what_people_showed_for_it(tmp_path: Path) -> None:
    other = (Message(role="user", content="Question: other?"),)
    third = (Message(role="user", content="Question: third?"),)
    made = Rows(
        demonstrations=(
            demonstration(1, completion="Shown."),
            demonstration(1, completion="Said again.", prompt=third, origin=origin(1, is_paraphrased=True)),
        ),
        pairs=(
            pair(1, chosen="Chosen."),
            pair(1, chosen="A little better.", prompt=other, margin=0.1),
            pair(1, chosen="Much better.", prompt=other, margin=0.9),
        ),
        judged=(judged(1, label=False, prompt=third), judged(1, completion="Liked.", prompt=other)),
    )
    folder = snapshot.write(made, tmp_path, about={}).folder
    found = asked(folder, None)
    assert sorted(one.reference for one in found) == ["Much better.", "Shown."]
    assert len({one.id for one in found}) == 2


def test_data_without_a_question_to_ask_says_so(tmp_path: Path) -> None:
    folder = snapshot.write(Rows(judged=(judged(1, label=False),)), tmp_path, about={}).folder
    with pytest.raises(DataError, match="no question in its part test"):
        asked(folder, Split.TEST)
    with pytest.raises(DataError, match="There is no folder"):
        asked(tmp_path / "nowhere", None)


def test_the_identity_changes_with_the_adapter(base: Path, policy: Policy, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (adapter / name).write_text(json.dumps({}))
    bare = answers.identity(policy)
    policy.adapter = adapter
    try:
        assert answers.identity(policy) != bare
    finally:
        policy.adapter = None
