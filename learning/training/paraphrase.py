"""Questions in other words, by a local T5: more rows of the training part, their answers as they were.

Only a corpus's question that stands alone is reworded: one under a thread, lessons or examples would lose
them. A new row keeps its group, so it stays in its part of the data, and is flagged `is_paraphrased`. Off
unless a folder is named. Left out: fetching a paraphraser, judging whether the words still mean the same.

    pytest tests/unit/learning/training/test_paraphrase.py
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from learning import prompt
from learning.models import store
from learning.training.rows import Demonstration, Source
from storage.errors import ModelError

KINDS = ("t5", "mt5", "umt5")
ASKED = "paraphrase: "
LONGEST = 256  # tokens
AT_ONCE = 8


class Paraphraser:
    """A T5 in a folder that was trained to paraphrase. Raises ModelError for a folder that is no T5."""

    def __init__(self, folder: Path) -> None:
        try:
            kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
        except (OSError, ValueError, AttributeError):
            kind = None
        if kind not in KINDS or not any(folder.glob("*.safetensors")):
            raise ModelError(
                f"{folder} holds no T5 that could paraphrase (it holds {kind or 'no model'}): name a "
                "folder with the config.json, tokenizer and safetensors of a T5, or leave --paraphraser out."
            )
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        try:
            self._tokens: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            self._model: Any = AutoModelForSeq2SeqLM.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            ).eval()
        except Exception as error:  # libraries raise anything for damaged files
            raise ModelError(
                f"The paraphraser in {folder} cannot be loaded, for its files are damaged or incomplete: "
                f"{type(error).__name__}. Fetch them again."
            ) from error

    def __call__(self, texts: Sequence[str], count: int, seed: int) -> list[list[str]]:
        """`count` rewordings of each text, drawn at random by the seed."""
        import torch

        found: list[list[str]] = []
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(seed)
            for start in range(0, len(texts), AT_ONCE):
                part = [ASKED + text for text in texts[start : start + AT_ONCE]]
                read = self._tokens(
                    part, return_tensors="pt", padding=True, truncation=True, max_length=LONGEST
                )
                made = self._model.generate(
                    **read, do_sample=True, top_p=0.95, num_return_sequences=count, max_new_tokens=LONGEST
                )
                said = self._tokens.batch_decode(made, skip_special_tokens=True)
                found += [said[at * count : (at + 1) * count] for at in range(len(part))]
        return found


def named(folder: Path) -> str:
    """A paraphraser as manifests name it: its folder's name, and the first digits of its weights' SHA-256."""
    hashes = "".join(store.sha256_of(file) for file in sorted(folder.glob("*.safetensors")))
    return f"{folder.name} {hashlib.sha256(hashes.encode()).hexdigest()[:12]}"


def reworded(
    rows: Sequence[Demonstration],
    words: Callable[[Sequence[str], int, int], list[list[str]]],
    count: int,
    seed: int,
) -> list[Demonstration]:
    """New rows: each lone question in other words, with the same answer; none that is empty or unchanged."""
    lone = [(row, question) for row in rows if (question := _question(row)) is not None]
    found = []
    for (row, question), texts in zip(lone, words([one for _, one in lone], count, seed), strict=True):
        for text in dict.fromkeys(" ".join(text.split()) for text in texts):
            if text and text.casefold() != " ".join(question.split()).casefold():
                origin = replace(row.origin, is_paraphrased=True)
                found.append(replace(row, prompt=prompt.build(text, ""), origin=origin))
    return found


def _question(row: Demonstration) -> str | None:
    """The question of a corpus's prompt that is nothing but a question, or None."""
    messages = row.prompt if row.origin.source is Source.CORPUS else ()
    last = messages[-1].content if messages else ""
    question = last.removeprefix(prompt.ASK).strip()
    return question if question and prompt.build(question, "") == messages else None
