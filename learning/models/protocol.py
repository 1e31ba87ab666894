"""The requests that the model server understands, and the shapes that it answers in: OpenAI's and vLLM's.

Beyond OpenAI's: `phrase_bias` in chat completions, `thumbprint` in the entries of /v1/models (what the server
can do), /tokenize and the adapter calls as vLLM has them. Left out: streaming, tools, images, n > 16.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from learning.models.policy import Options, Written
from learning.models.tokenizer import Tokens


class ChatMessage(BaseModel):
    """One message; content may be a string or text parts."""

    model_config = ConfigDict(extra="ignore")
    role: str = Field(pattern="^(system|user|assistant|developer)$")
    content: str

    @field_validator("content", mode="before")
    @classmethod
    def _joined(cls, value: Any) -> Any:
        if isinstance(value, list) and all(
            isinstance(part, dict) and part.get("type") == "text" for part in value
        ):
            return "".join(str(part.get("text", "")) for part in value)
        return value


class PhraseBias(BaseModel):
    """A phrase and the logits that its tokens are pushed by; clamped to ±4."""

    text: str = Field(max_length=500)
    bias: float = Field(ge=-100, le=100)


class ChatRequest(BaseModel):
    """POST /v1/chat/completions. Unknown fields are ignored, as OpenAI's clients send many."""

    model_config = ConfigDict(extra="ignore")
    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    n: int = Field(1, ge=1, le=16)
    seed: int | None = None
    temperature: float = Field(1.0, ge=0.0, le=2.0)
    top_p: float = Field(1.0, gt=0.0, le=1.0)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool | None = False
    logit_bias: dict[int, float] | None = None
    phrase_bias: list[PhraseBias] = Field(default_factory=list, max_length=200)
    stop: str | list[str] | None = None
    stream: bool = False

    def options(self, otherwise: int) -> Options:
        """What the policy is asked; `otherwise` is the length when none is given."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Options(
            n=self.n,
            seed=time.time_ns() % 2**31 if self.seed is None else self.seed,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_completion_tokens or self.max_tokens or otherwise,
            stop=tuple(each for each in stop if each),
            logit_bias=self.logit_bias or {},
            phrase_bias=tuple((each.text, each.bias) for each in self.phrase_bias),
        )


class EmbeddingRequest(BaseModel):
    """POST /v1/embeddings, of texts."""

    model_config = ConfigDict(extra="ignore")
    model: str
    input: str | list[str]
    encoding_format: str = "float"


class TokenizeRequest(BaseModel):
    """POST /tokenize: a text or a conversation."""

    model_config = ConfigDict(extra="ignore")
    model: str | None = None
    prompt: str | None = None
    messages: list[ChatMessage] | None = None


class LoadAdapter(BaseModel):
    """POST /v1/load_lora_adapter."""

    lora_name: str = Field(min_length=1, max_length=200)
    lora_path: str = Field(min_length=1)


class UnloadAdapter(BaseModel):
    """POST /v1/unload_lora_adapter."""

    model_config = ConfigDict(extra="ignore")
    lora_name: str


def completion(
    model: str, prompt_tokens: int, written: Sequence[Written], tokens: Tokens, logprobs: bool
) -> dict[str, Any]:
    """OpenAI's chat.completion object."""
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": each.text, "refusal": None},
            "finish_reason": each.finish_reason,
            "logprobs": {"content": _logprobs(each, tokens), "refusal": None} if logprobs else None,
        }
        for index, each in enumerate(written)
    ]
    made = sum(len(each.ids) for each in written)
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": _usage(prompt_tokens, made),
    }


def _logprobs(written: Written, tokens: Tokens) -> list[dict[str, Any]]:
    pieces = [tokens.piece(token) for token in written.ids]
    return [
        {"token": piece, "logprob": logprob, "bytes": list(piece.encode()), "top_logprobs": []}
        for piece, logprob in zip(pieces, written.logprobs, strict=True)
    ]


def embeddings(model: str, vectors: Sequence[Any], prompt_tokens: int) -> dict[str, Any]:
    """OpenAI's list of embedding objects; a vector is a list of floats or their base64."""
    data = [
        {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)
    ]
    return {"object": "list", "data": data, "model": model, "usage": _usage(prompt_tokens, 0)}


def model_entry(
    name: str, *, root: str, parent: str | None, features: dict[str, Any], longest: int
) -> dict[str, Any]:
    """One entry of /v1/models, with vLLM's extra fields and ours."""
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "thumbprint",
        "root": root,
        "parent": parent,
        "max_model_len": longest,
        "thumbprint": features,
    }


def problem(message: str, status: int, code: str) -> dict[str, Any]:
    """OpenAI's error object."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _usage(prompt: int, made: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
