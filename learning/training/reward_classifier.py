"""A reward by reading question and answer together: an encoder with one output, trained pairwise.

Where a bi-encoder compares two vectors, this reads `question [SEP] answer` and says a number; slower, for no
answer's vector serves two questions. Left out: training (`reward_trl.py`).

    pytest tests/unit/learning/training/test_reward_trl.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from learning.training.reward_head import Array
from storage.errors import ModelError

AT_ONCE = 32


class Classifier:
    """A sequence classifier with one label, and its tokenizer."""

    def __init__(self, folder: Path, longest: int, device: str = "cpu") -> None:
        """Open an encoder, whose output is new, or a classifier; of safetensors. Raises ModelError."""
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        given: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), **given)
            self.model: Any = AutoModelForSequenceClassification.from_pretrained(
                str(folder), num_labels=1, dtype=torch.float32, use_safetensors=True, **given
            )
            self.model.to(device).eval()
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"The encoder in {folder} cannot be loaded: {error}") from error
        except (RuntimeError, AssertionError) as error:  # as torch says that it has no such device
            raise ModelError(f"The encoder in {folder} cannot be loaded on {device!r}: {error}") from error
        self.longest = min(longest, int(getattr(self.model.config, "max_position_embeddings", longest)))

    def ids(self, question: str, answer: str) -> list[int]:
        """Tokens of both, the longer one cut where they are too long together."""
        found = self.tokenizer(question, answer, truncation="longest_first", max_length=self.longest)
        return list(found["input_ids"])

    @torch.no_grad()
    def raw(self, questions: Sequence[str], answers: Sequence[str]) -> Array:
        """The outputs, (n,); those of like length are read together."""
        rows = [self.ids(*pair) for pair in zip(questions, answers, strict=True)]
        places = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        found = np.zeros(len(rows))
        for start in range(0, len(places), AT_ONCE):
            chosen = places[start : start + AT_ONCE]
            longest = max(len(rows[place]) for place in chosen)
            ids = torch.full((len(chosen), longest), int(self.tokenizer.pad_token_id))
            attention = torch.zeros_like(ids)
            for row, place in enumerate(chosen):
                ids[row, : len(rows[place])] = torch.tensor(rows[place])
                attention[row, : len(rows[place])] = 1
            device = self.model.device
            logits = self.model(input_ids=ids.to(device), attention_mask=attention.to(device)).logits
            found[chosen] = logits.squeeze(-1).double().cpu().numpy()
        return found

    def save(self, folder: Path) -> None:
        """Write it as safetensors, with its tokenizer."""
        self.model.save_pretrained(str(folder))
        self.tokenizer.save_pretrained(str(folder))
