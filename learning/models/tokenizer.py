"""A model folder's tokenizer: conversations to token ids and back, with strangers' special tokens defused.

Left out: counting for the bot, which asks the server (/tokenize).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from learning.models.convert import set_right

FALLBACK_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}Question: {{ m['content'] }}\n\n"
    "{% elif m['role'] == 'assistant' %}Answer: {{ m['content'] }}\n\n{% else %}{{ m['content'] }}\n\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"
)


class Tokens:
    """A model folder's tokenizer: chat messages to ids and back, special tokens in texts defused."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self._inner: Any = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
        template = self._inner.chat_template
        set_right(self._inner)
        self._inner.chat_template = template or FALLBACK_TEMPLATE
        self._special = [text for text in self._inner.get_added_vocab() if text.strip()]
        self.piece = lru_cache(maxsize=None)(self._piece)

    def chat(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Token ids of a conversation, ready for the answer. Raises ValueError if the template refuses it."""
        safe = [{"role": each["role"], "content": self._defused(each["content"])} for each in messages]
        try:
            text = self._inner.apply_chat_template(safe, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # a model's own template may raise anything
            raise ValueError(f"the model's chat template refuses these messages: {error}") from error
        return list(self._inner(text, add_special_tokens=False).input_ids)

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text, nothing added, nothing in it special."""
        return list(self._inner(self._defused(text), add_special_tokens=False).input_ids)

    def answer(self, text: str) -> list[int]:
        """Token ids of an answer as a policy learns to write it: its text, then the token that ends a turn.

        Raises ValueError when the tokenizer has no such token.
        """
        return [*self.encode(text), self.end]

    @property
    def end(self) -> int:
        """The token that ends a turn. Raises ValueError when the tokenizer has none."""
        if self._inner.eos_token_id is None:
            raise ValueError("the model's tokenizer has no token that ends a text")
        return int(self._inner.eos_token_id)

    @property
    def pad(self) -> int:
        """The token that fills up short rows; another one than `end` wherever the vocabulary has one."""
        return int(self._inner.pad_token_id)

    @property
    def inner(self) -> Any:
        """The Hugging Face tokenizer itself, for trainers that want one."""
        return self._inner

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, without special tokens."""
        return str(
            self._inner.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    def _piece(self, token: int) -> str:
        return str(self._inner.decode([token]))

    def _defused(self, text: str) -> str:
        """`text` in which no special token can be read: `<|im_end|>` written by a stranger ends nothing."""
        for special in self._special:
            text = text.replace(special, special[0] + " " + special[1:])
        return text


def end_tokens(folder: Path) -> frozenset[int]:
    """Ids that end a text, from generation_config.json or config.json."""
    for name in ("generation_config.json", "config.json"):
        file = folder / name
        ends = json.loads(file.read_text()).get("eos_token_id") if file.is_file() else None
        if ends is not None:
            return frozenset(ends if isinstance(ends, list) else [ends])
    return frozenset()
