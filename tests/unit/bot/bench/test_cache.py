from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.bench import cache
from bot.bench.cache import CachedModels
from bot.models import Completion, Models, Text
from bot.settings import Settings
from learning.memory.choice import Bias
from storage.errors import ModelUnavailable
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


def test_what_was_generated_once_is_not_generated_again_not_even_by_the_next_run(tmp_path: Path) -> None:
    inner, file = Counting(), tmp_path / "g.jsonl"
    first = CachedModels(inner, file, "m")
    given = first.complete(ASKED, n=4, **HOW)
    assert first.complete(ASKED, n=4, **HOW) == given
    first.close()
    file.write_text(file.read_text() + '{"key": "cut o')
    second = CachedModels(inner, file, "m")
    assert second.complete(ASKED, n=4, **HOW) == given
    second.close()
    assert len(inner.asked) == 1


def test_everything_that_a_generation_follows_from_is_part_of_the_key(tmp_path: Path) -> None:
    inner = Counting()
    models = CachedModels(inner, tmp_path / "g.jsonl", "m")
    models.complete(ASKED, n=4, **HOW)
    models.complete(ASKED, n=4, **{**HOW, "seed": 2})
    models.complete(ASKED, n=4, **{**HOW, "max_tokens": 9})
    models.complete(ASKED, n=4, **HOW, biases=(Bias(text="uv add", value=2.0),))
    models.complete(ASKED, n=4, **HOW, biases=(Bias(text="uv add", value=3.0),))
    models.complete((Message(role="user", content="why?"),), n=4, **HOW)
    models.close()
    another = CachedModels(inner, tmp_path / "g.jsonl", "another")
    another.complete(ASKED, n=4, **HOW)
    another.close()
    assert len(inner.asked) == 7


def test_one_candidate_is_the_first_of_four(tmp_path: Path) -> None:
    inner = Counting()
    models = CachedModels(inner, tmp_path / "g.jsonl", "m")
    four = models.complete(ASKED, n=4, **HOW)
    assert models.complete(ASKED, n=1, **HOW).candidates == four.candidates[:1]
    assert len(inner.asked) == 1
    models.close()


def test_each_text_is_embedded_once(tmp_path: Path) -> None:
    inner = Counting()
    models = CachedModels(inner, tmp_path / "g.jsonl", "m")
    assert models.embed(["a", "bb", "a"]) == [[1.0], [2.0], [1.0]]
    models.embed(["bb", "ccc"])
    assert inner.asked == [{"texts": ["a", "bb"]}, {"texts": ["ccc"]}]
    models.close()


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
    models = CachedModels(Restarting(), tmp_path / "g.jsonl", "m")
    assert len(models.complete(ASKED, n=4, **HOW).candidates) == 4
    models.close()
