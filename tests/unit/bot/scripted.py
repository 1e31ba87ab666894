"""Models that say what a test tells them, in turn, and keep what they were asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.models import Completion, Text
from storage.records import Message


@dataclass
class ScriptedModels:
    """`rounds` are the candidates of each call; the last repeats. A text that ends in `…` was cut off."""

    rounds: list[list[str]]
    asked: list[dict[str, Any]] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)

    def complete(self, messages: Sequence[Message], **wanted: Any) -> Completion:
        texts = self.rounds[min(len(self.asked), len(self.rounds) - 1)]
        self.asked.append({"messages": tuple(messages), **wanted})
        candidates = tuple(
            Text(
                text=text.removesuffix("…"),
                tokens=len(text.split()),
                logprob=-1.0,
                finish_reason="length" if text.endswith("…") else "stop",
            )
            for text in texts[: wanted["n"]]
        )
        return Completion(candidates=candidates, model="scripted", prompt_tokens=1, seconds=0.1)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded += texts
        return [_bag(text) for text in texts]

    def count_tokens(self, text: str) -> int:
        return (len(text) + 3) // 4

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(self.count_tokens(message.content) + 4 for message in messages)


def _bag(text: str) -> list[float]:
    """Words hashed into 64 places: texts without a common word are far apart."""
    vector = [0.0] * 64
    for word in text.casefold().replace("?", " ").split():
        vector[sum(ord(c) * 31**i for i, c in enumerate(word)) % 64] += 1.0
    length = sum(x * x for x in vector) ** 0.5 or 1.0
    return [x / length for x in vector]
