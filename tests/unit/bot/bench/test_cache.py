import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bot.bench import cache
from bot.bench.cache import CachedModels, Generations
from bot.models import Completion, Models, Text
from bot.settings import Settings
from learning.memory.choice import Bias
from storage.errors import ModelRequestError, ModelUnavailable
from storage.records import Message

ASKED = (Message(role="user", content="how?"),)
HOW = {"seed": 1, "temperature": 0.6, "top_p": 0.9, "max_tokens": 8}


class Counting(Models):
    """Models that say what they were asked."""

    def __init__(self) -> None:
        super().__init__(Settings(model_url="http://127.0.0.1:9/v1"))
        self.asked: list[dict[str, Any]] = []

    def complete(self, messages: Sequence[Message], **asked: Any) -> Completion:
        self.asked.append(asked)
        texts = [
            Text(
                text=f"{messages[0].content} {i} {asked['seed']}",
                tokens=3,
                logprob=-1.0,
                finish_reason="stop",
            )
            for i in range(asked["n"])
        ]
        return Completion(candidates=tuple(texts), model="m", prompt_tokens=4, seconds=2.0)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked.append({"texts": list(texts)})
        return [[float(len(text))] for text in texts]


def opened(inner: Models, file: Path, model: str = "m") -> tuple[CachedModels, Generations]:
    kept = Generations(file, model)
    return CachedModels(inner, kept), kept


def test_what_was_generated_once_is_not_generated_again_not_even_by_the_next_run(tmp_path: Path) -> None:
    inner, file = Counting(), tmp_path / "g.jsonl"
    first, kept = opened(inner, file)
    given = first.complete(ASKED, n=4, **HOW)
    assert first.complete(ASKED, n=4, **HOW) == given
    kept.close()
    file.write_text(file.read_text() + '{"key": "cut o')
    second, kept = opened(inner, file)
    assert second.complete(ASKED, n=4, **HOW) == given
    kept.close()
    assert len(inner.asked) == 1


def test_everything_that_a_generation_follows_from_is_part_of_the_key(tmp_path: Path) -> None:
    inner = Counting()
    models, kept = opened(inner, tmp_path / "g.jsonl")
    models.complete(ASKED, n=4, **HOW)
    models.complete(ASKED, n=4, **{**HOW, "seed": 2})
    models.complete(ASKED, n=4, **{**HOW, "max_tokens": 9})
    models.complete(ASKED, n=4, **HOW, biases=(Bias(text="uv add", value=2.0),))
    models.complete(ASKED, n=4, **HOW, biases=(Bias(text="uv add", value=3.0),))
    models.complete((Message(role="user", content="why?"),), n=4, **HOW)
    kept.close()
    another, kept = opened(inner, tmp_path / "g.jsonl", "another")
    another.complete(ASKED, n=4, **HOW)
    kept.close()
    assert len(inner.asked) == 7


def test_one_candidate_is_the_first_of_four(tmp_path: Path) -> None:
    inner = Counting()
    models, kept = opened(inner, tmp_path / "g.jsonl")
    four = models.complete(ASKED, n=4, **HOW)
    assert models.complete(ASKED, n=1, **HOW).candidates == four.candidates[:1]
    assert len(inner.asked) == 1
    kept.close()


def test_each_text_is_embedded_once_and_alone_so_that_no_vector_follows_from_what_came_before(
    tmp_path: Path,
) -> None:
    inner = Counting()
    models, kept = opened(inner, tmp_path / "g.jsonl")
    assert models.embed(["a", "bb", "a"]) == [[1.0], [2.0], [1.0]]
    models.embed(["bb", "ccc"])
    assert inner.asked == [{"texts": ["a"]}, {"texts": ["bb"]}, {"texts": ["ccc"]}]
    kept.close()


def test_a_server_that_restarts_does_not_end_a_run_of_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Restarting(Counting):
        def complete(self, messages: Sequence[Message], **asked: Any) -> Completion:
            if not self.asked:
                self.asked.append({})
                raise ModelUnavailable("down")
            return super().complete(messages, **asked)

    monkeypatch.setattr(cache, "PAUSES_S", (0.0,))
    models, kept = opened(Restarting(), tmp_path / "g.jsonl")
    assert len(models.complete(ASKED, n=4, **HOW).candidates) == 4
    kept.close()


def test_two_workers_do_not_make_the_same_generation_twice(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Counting):
        def complete(self, messages: Sequence[Message], **asked: Any) -> Completion:
            begun.set()
            assert go_on.wait(10)
            return super().complete(messages, **asked)

    inner, kept = Slow(), Generations(tmp_path / "g.jsonl", "m")
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(CachedModels(inner, kept).complete, ASKED, n=4, **HOW)
        assert begun.wait(10)
        other = pool.submit(CachedModels(inner, kept).complete, ASKED, n=4, **HOW)
        go_on.set()
        assert one.result(10) == other.result(10)
    kept.close()
    assert len(inner.asked) == kept.made == 1


def test_a_generation_that_failed_for_one_worker_is_tried_by_the_other(tmp_path: Path) -> None:
    class Refusing(Counting):
        def complete(self, messages: Sequence[Message], **asked: Any) -> Completion:
            self.asked.append(asked)
            raise ModelRequestError("no")

    models, kept = opened(Refusing(), tmp_path / "g.jsonl")
    for _ in range(2):
        with pytest.raises(ModelRequestError):
            models.complete(ASKED, n=4, **HOW)
    kept.close()
    assert kept.made == 0


def test_after_a_stop_nothing_new_is_generated_and_a_pause_ends(tmp_path: Path) -> None:
    class Down(Counting):
        def complete(self, messages: Sequence[Message], **asked: Any) -> Completion:
            kept.stop()
            raise ModelUnavailable("down")

    models, kept = opened(Down(), tmp_path / "g.jsonl")
    began = time.monotonic()
    with pytest.raises(CancelledError):
        models.complete(ASKED, n=4, **HOW)
    kept.close()
    assert time.monotonic() - began < 1.0
