"""The only client of the model endpoint: OpenAI's protocol, whichever server speaks it.

Ours, vLLM, llama.cpp, Ollama and `transformers serve` are one code path. What a server cannot do is found
out once, from its refusal or an answer without it, never from a failure; said once in the log; and done
without: `n` (n calls with seed, seed + 1, ...), phrase biases (sent only to servers that announce them in
/v1/models), log-probabilities (0.0), embeddings (null vectors), token counts (`bot/tokens.py`), adapters by
vLLM's calls (the model answers as it is). No secret goes to a server in a text, nor comes from one
(`redact_said`). Left out: streaming, retries: a job's.

    thumbprint ask "What does this do?"
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from openai.types import Model
from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion import Choice

from bot.endpoint import Endpoint, logprobs_of, refused_fields, refuses, unknown_call
from bot.settings import Settings
from bot.tokens import Counter
from storage.errors import ModelRequestError, ModelUnavailable, ThumbprintError
from storage.records import Message
from storage.redaction import redact_said

log = structlog.get_logger()
QUEUE_S = 15.0  # what the client waits beyond the server's own time cap


class Biased(Protocol):
    """A wording and the logits to push it by: `learning.memory.choice.Bias`."""

    @property
    def text(self) -> str:
        """The wording."""
        ...

    @property
    def value(self) -> float:
        """Logits, within ±4."""
        ...


@dataclass(frozen=True, kw_only=True)
class Text:
    """One candidate. `logprob` is the mean per token in nats, 0.0 where a server does not say.

    `finish_reason` is OpenAI's: `stop` for a finished text, `length` for one that was cut.
    """

    text: str
    tokens: int
    logprob: float
    finish_reason: str


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What one `complete` gave: candidates in order, the model that wrote them, and how long it took."""

    candidates: tuple[Text, ...]
    model: str
    prompt_tokens: int
    seconds: float


class Models:
    """Policy and encoder by URL. Thread-safe; connects at the first call, not before."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        ours = not settings.model_url
        timeout_s = settings.model_timeout_s + QUEUE_S
        key = settings.model_key.get_secret_value()
        self._policy = Endpoint(settings.resolved_model_url, key, timeout_s, proxies=not ours)
        same = settings.resolved_encoder_url == settings.resolved_model_url
        own = settings.encoder_key.get_secret_value()
        self._encoder = (
            self._policy if same else Endpoint(settings.resolved_encoder_url, own, timeout_s, proxies=True)
        )
        self._counter = Counter(settings.resolved_model_url, settings.model_name, key, proxies=not ours)
        self._announced: dict[str, dict[str, Any]] = {}
        self._lacks: set[str] = set()
        self._proven: set[str] = set()
        self._embedded = False

    def complete(
        self,
        messages: Sequence[Message],
        *,
        n: int,
        seed: int,
        temperature: float,
        top_p: float,
        max_tokens: int,
        biases: Sequence[Biased] = (),
        stop: Sequence[str] = (),
        model: str = "",
    ) -> Completion:
        """`n` candidates for a conversation. The same arguments give the same texts, if it keeps seeds.

        `model` is another one of the same server, or an adapter; "" is `model_name`.

        Raises ModelUnavailable (down, busy, too slow: try again), ModelRequestError (rejected).
        """
        begin = time.monotonic()
        body: dict[str, Any] = {
            "model": model or self._settings.model_name,
            "messages": [{"role": each.role, "content": redact_said(each.content)} for each in messages],
            "seed": seed,
            "temperature": temperature,
            "top_p": top_p,
            "max_tokens": max_tokens,
            **({"stop": list(stop)} if stop else {}),
        }
        if biases and self._announces("phrase_bias", body["model"]):
            phrases = [{"text": redact_said(each.text), "bias": each.value} for each in biases]
            body["extra_body"] = {"phrase_bias": phrases}
        elif biases and body["model"] in self._announced:
            self._lack("phrase_bias", "answers are not biased while they are decoded")
        answers = self._ask(body, n)
        texts = tuple(_text(choice, answer) for answer in answers for choice in answer.choices)
        usage = answers[0].usage
        return Completion(
            candidates=texts[:n],
            model=answers[0].model or body["model"],
            prompt_tokens=usage.prompt_tokens if usage else 0,
            seconds=time.monotonic() - begin,
        )

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of unit length a text.

        Where the server has no embeddings: null vectors, [0.0], so that every cosine is 0.0 and similarity is
        off. Raises ModelUnavailable.
        """
        if not texts:
            return []
        if "embeddings" in self._lacks:
            return [[0.0] for _ in texts]
        try:
            vectors = self._encoder.embeddings(self._settings.encoder_name, [*map(redact_said, texts)])
        except (ModelRequestError, ModelUnavailable) as error:
            if self._embedded or not refuses(error, "embedding"):
                raise
            self._lack("embeddings", "similarity is off")
            return [[0.0] for _ in texts]
        self._embedded = True
        return vectors

    def count_tokens(self, text: str) -> int:
        """Tokens of a text; an upper estimate where the server does not count. Raises ModelUnavailable."""
        return self._counter.text(redact_said(text))

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of a rendered conversation; an upper estimate where the server does not count."""
        return self._counter.prompt(
            [Message(role=each.role, content=redact_said(each.content)) for each in messages]
        )

    def load_adapter(self, name: str, folder: str) -> bool:
        """Have the server load an adapter under a name; False where it takes none at all, which is said once.

        Loaded already is loaded. Raises ModelRequestError (it refuses this one), ModelUnavailable.
        """
        if "adapters" in self._lacks:
            return False
        try:
            self._policy.load_adapter(name, folder)
        except (ModelRequestError, ModelUnavailable) as error:
            if "already been loaded" in str(error):
                return True
            if not unknown_call(error, name, folder):
                raise
            self._lack("adapters", "it answers as it is, whatever was promoted")
            return False
        return True

    def unload_adapter(self, name: str) -> None:
        """Have the server let an adapter go. Raises ModelRequestError (it has none), ModelUnavailable."""
        self._policy.unload_adapter(name)

    def names(self) -> list[str]:
        """The models and adapters that the server lists. Raises ModelUnavailable."""
        return [each.id for each in self._known()]

    def ready(self) -> str | None:
        """None when the server answers and knows the model, else one sentence that says what is amiss."""
        try:
            known = self.names()
        except ThumbprintError as error:
            return str(error)
        name = self._settings.model_name
        if self._settings.model_url or name in known:
            return None
        return f"The model server has no model {name}, only {', '.join(known) or 'none'}."

    def close(self) -> None:
        """Close the connections."""
        self._policy.close()
        self._encoder.close()
        self._counter.close()

    # ------------------------------------------------------------ what a server can do

    def _known(self) -> list[Model]:
        """The models that the server lists; none for a server that answers, but not to this question."""
        try:
            return self._policy.models()
        except ThumbprintError as error:
            if refuses(error, "models"):
                return []
            raise

    def _announces(self, feature: str, name: str) -> bool:
        """Whether the server says in /v1/models that a model can do `feature`; not while that fails."""
        if name not in self._announced:
            try:
                told = [each.to_dict().get("thumbprint") for each in self._known() if each.id == name]
            except ModelUnavailable:
                return False
            self._announced[name] = told[0] if told and isinstance(told[0], dict) else {}
        return bool(self._announced[name].get(feature))

    def _lack(self, feature: str, so: str) -> None:
        if feature not in self._lacks:
            self._lacks.add(feature)
            log.warning(
                "model_feature_missing", feature=feature, so=so, server=self._settings.resolved_model_url
            )

    def _ask(self, body: dict[str, Any], n: int) -> list[ChatCompletion]:
        """`n` choices in as few requests as the server can do it in."""
        if n > 1 and "n" in self._lacks:
            return self._one_by_one(body, range(n))
        first = self._create(body, n)
        if len(first.choices) >= n:
            return [first]
        self._lack("n", f"{n} candidates are {n} calls with seeds of their own")
        return [first, *self._one_by_one(body, range(len(first.choices), n))]

    def _one_by_one(self, body: dict[str, Any], places: Sequence[int]) -> list[ChatCompletion]:
        # not side by side: some servers (transformers') keep one random state for all requests
        return [self._create({**body, "seed": body["seed"] + place}, 1) for place in places]

    def _create(self, body: dict[str, Any], n: int) -> ChatCompletion:
        """One request, without what the server refuses of `n` and `logprobs` before it ever took it."""
        extras: dict[str, Any] = {"n": n} if n > 1 else {}
        if "logprobs" not in self._lacks:
            extras["logprobs"] = True
        while True:
            try:
                answer = self._policy.chat({**body, **extras})
                break
            except (ModelRequestError, ModelUnavailable) as error:
                refused = refused_fields(error, extras.keys() - self._proven)
                if not refused:
                    raise
                extras = {name: value for name, value in extras.items() if name not in refused}
        self._proven |= extras.keys()
        written = any(choice.message.content for choice in answer.choices)
        if "logprobs" not in extras or (
            written and not any(logprobs_of(choice) for choice in answer.choices)
        ):
            self._lack("logprobs", "candidates carry no log-probabilities")
        return answer


def _text(choice: Choice, answer: ChatCompletion) -> Text:
    content = redact_said(choice.message.content or "")
    logprobs = logprobs_of(choice)
    made = answer.usage.completion_tokens if answer.usage and len(answer.choices) == 1 else 0
    return Text(
        text=content,
        tokens=len(logprobs) or made or len(content.split()),
        logprob=sum(logprobs) / len(logprobs) if logprobs else 0.0,
        finish_reason=getattr(choice, "finish_reason", None) or "stop",  # some servers send null
    )
