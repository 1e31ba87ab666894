"""One server that speaks OpenAI's protocol: three requests, its errors as ours, no retries.

With `bot/deadline.py` the only file that calls the `openai` package. What is asked of a server, and what is
done without where it cannot, is `bot/models.py`. Left out: streaming. Run: `pytest
tests/unit/bot/test_models.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import openai
from openai.types import Model
from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion import Choice

from bot.deadline import WholeTimeout
from storage.errors import ModelRequestError, ModelUnavailable, ThumbprintError

LIST_S = 5.0  # listing models is a look, not work


class Endpoint:
    """A server by URL. Thread-safe; connects at the first request, not before.

    Every request raises ModelUnavailable (down, busy, too slow: try again) or ModelRequestError (rejected).
    """

    def __init__(self, url: str, key: str, timeout_s: float, *, proxies: bool) -> None:
        """`timeout_s` is a request's whole time; `proxies`: whether the environment's proxy settings hold."""
        self._client = openai.OpenAI(
            base_url=url,
            api_key=key or "none",
            timeout=timeout_s,
            max_retries=0,
            http_client=WholeTimeout(trust_env=proxies),
        )

    def chat(self, body: dict[str, Any]) -> ChatCompletion:
        """POST /chat/completions; at least one choice."""
        with _mapped("policy"):
            answer: ChatCompletion = self._client.chat.completions.create(**body)
            if not answer.choices:
                raise ModelUnavailable("The model server answered without any text.")
            for choice in answer.choices:
                if not isinstance(choice.message.content or "", str):
                    raise TypeError("a text that is none")
        return answer

    def embeddings(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """POST /embeddings: a vector of unit length a text, in their order."""
        with _mapped("encoder"):
            given = self._client.embeddings.create(model=model, input=list(texts), encoding_format="float")
            ordered = sorted(given.data, key=lambda each: each.index)
            if len(ordered) != len(texts):
                raise ModelRequestError(f"The encoder gave {len(ordered)} vectors for {len(texts)} texts.")
            return [_unit(each.embedding) for each in ordered]

    def models(self) -> list[Model]:
        """GET /models."""
        with _mapped("policy"):
            return self._client.with_options(timeout=LIST_S).models.list().data

    def load_adapter(self, name: str, folder: str) -> None:
        """POST /load_lora_adapter, vLLM's call: the files in `folder`, on the server, get this name."""
        with _mapped("policy"):
            said = {"lora_name": name, "lora_path": folder}
            self._client.post("/load_lora_adapter", body=said, cast_to=str)

    def unload_adapter(self, name: str) -> None:
        """POST /unload_lora_adapter."""
        with _mapped("policy"):
            self._client.post("/unload_lora_adapter", body={"lora_name": name}, cast_to=str)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@contextmanager
def _mapped(which: str) -> Iterator[None]:
    """openai's errors as ours, the cause kept."""
    try:
        yield
    except openai.APITimeoutError as error:
        raise ModelUnavailable(f"The {which} server took too long.") from error
    except openai.APIConnectionError as error:
        raise ModelUnavailable(f"The {which} server cannot be reached: is it running?") from error
    except openai.APIStatusError as error:
        code, said = error.status_code, _said(error)
        if code >= 500 or code in (408, 409, 429):
            after = error.response.headers.get("retry-after", "")
            wait_s = float(after) if after.isdigit() else None
            message = f"The {which} server is not able now ({code}): {said}"
            raise ModelUnavailable(message, retry_after_s=wait_s) from error
        raise ModelRequestError(f"The {which} server refused ({code}): {said}") from error
    except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
        # openai's client reads answers without checking them: a proxy's HTML page arrives as a string
        raise ModelUnavailable(
            f"The {which} server answered something that is not OpenAI's protocol: is its address right?"
        ) from error


def logprobs_of(choice: Choice) -> list[float]:
    """The log-probabilities of a choice's tokens, where the server says them."""
    return [each.logprob for each in (choice.logprobs.content or ())] if choice.logprobs else []


def _unit(vector: Sequence[float]) -> list[float]:
    length = sum(x * x for x in vector) ** 0.5
    return [x / length for x in vector] if length else list(vector)


def status(error: ThumbprintError) -> int:
    """The HTTP status behind one of our errors, 0 when there was no answer."""
    cause = error.__cause__
    return cause.status_code if isinstance(cause, openai.APIStatusError) else 0


REFUSALS = (400, 404, 405, 422, 501)
"""How servers answer to what they do not know; what else they answer may be over in a moment."""

NAMED = {"n": r"[`'\"]n[`'\"]|completion choice", "logprobs": "logprobs", "embedding": "embedding"}
"""How a refusal names what it refuses, also by a server that answers 500 to it, as llama.cpp's does."""


def refuses(error: ThumbprintError, feature: str) -> bool:
    """Whether an error is a server's clear word that it does not do something, and no failure of a moment."""
    return status(error) in REFUSALS or (status(error) == 500 and _names(error, feature))


def unknown_call(error: ThumbprintError, *given: str) -> bool:
    """Whether a server does not have the call itself: it names nothing of what it was given."""
    cause = error.__cause__
    said = cause.response.text if isinstance(cause, openai.APIStatusError) else ""
    return status(error) in (404, 405, 501) and not any(one in said for one in given)


def refused_fields(error: ThumbprintError, fields: Collection[str]) -> set[str]:
    """Which fields of a request a server does not take: those that it names, or all where it names none."""
    named = {field for field in fields if _names(error, field)}
    if status(error) in REFUSALS:
        return named or set(fields)
    return named if status(error) == 500 else set()


def _names(error: ThumbprintError, feature: str) -> bool:
    cause = error.__cause__
    said = cause.response.text if isinstance(cause, openai.APIStatusError) else ""
    return feature in NAMED and re.search(NAMED[feature], said) is not None


def _said(error: openai.APIStatusError) -> str:
    """The server's own sentence, short; nothing that might hold what it was asked."""
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    return str(said).splitlines()[0][:200] if isinstance(said, str) and said else "no reason given"
