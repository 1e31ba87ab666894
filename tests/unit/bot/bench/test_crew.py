import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from pathlib import Path

import pytest

from bot.bench.cache import CachedModels, Generations
from bot.bench.crew import Crew
from bot.models import Models
from bot.ports import free_ports
from bot.settings import Settings


def _nothing() -> None:
    pass


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Crew]:
    kept = Generations(tmp_path / "g.jsonl", "m")
    inner = [Models(Settings(model_url="http://127.0.0.1:9/v1")) for _ in range(2)]
    yield Crew(models=tuple(CachedModels(one, kept) for one in inner), kept=kept, tend=_nothing)
    kept.close()
    for one in inner:
        one.close()


def test_two_workers_work_at_the_same_time_with_models_of_their_own(pair: Crew) -> None:
    meeting = threading.Barrier(2, timeout=10)
    used: list[CachedModels] = []

    def work(models: CachedModels, task: int) -> int:
        used.append(models)
        meeting.wait()
        return task * task

    with closing(pair.each(range(4), work)) as found:
        assert dict(found) == {0: 0, 1: 1, 2: 4, 3: 9}
    assert {id(one) for one in used} == {id(one) for one in pair.models}


def test_results_come_to_the_caller_s_thread(pair: Crew) -> None:
    with closing(pair.each([1], lambda _, task: threading.get_ident())) as found:
        ((_, worked_in),) = found
    assert worked_in != threading.get_ident()
    assert not [one for one in threading.enumerate() if one.name.startswith("bench")]


def test_a_task_that_fails_ends_all_and_begins_nothing_new(pair: Crew) -> None:
    begun: list[int] = []

    def work(models: CachedModels, task: int) -> int:
        begun.append(task)
        if task == 0:
            raise ValueError("broken")
        with pytest.raises(CancelledError):
            for _ in range(1000):
                pair.kept.patiently(_nothing)
                time.sleep(0.01)
        raise CancelledError

    with closing(pair.each(range(100), work)) as found, pytest.raises(ValueError, match="broken"):
        list(found)
    assert len(begun) < 10
    assert not [one for one in threading.enumerate() if one.name.startswith("bench")]


def test_ctrl_c_keeps_what_was_finished_and_leaves_no_worker_running(pair: Crew) -> None:
    kept: list[int] = []

    def work(models: CachedModels, task: int) -> int:
        pair.kept.patiently(_nothing)
        return task

    def consume() -> None:
        with closing(pair.each(range(100), work)) as found:
            for task, _ in found:
                kept.append(task)
                if len(kept) == 3:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert len(kept) == 3
    assert not [one for one in threading.enumerate() if one.name.startswith("bench")]
    with pytest.raises(CancelledError):
        pair.kept.patiently(_nothing)


def test_the_processes_are_looked_after_while_workers_work(pair: Crew) -> None:
    tended = threading.Event()
    crew = Crew(models=pair.models, kept=pair.kept, tend=tended.set)
    with closing(crew.each([1], lambda _, task: tended.wait(10))) as found:
        assert list(found) == [(1, True)]


def test_free_ports_differ() -> None:
    assert len(set(free_ports(4))) == 4
