"""What a snapshot holds: preference pairs, judged answers, demonstrations, triplets, and where each is from.

The nouns of training, for all its stages; frozen, standard library only. A prompt is kept as the messages
that the policy reads (`learning/prompt.py`), so that the tokenizer's own chat template makes the same tokens
in training and in serving. Left out: how rows are made, of feedback and of published data, and kept.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from storage.records import Message


class Source(enum.Enum):
    """Who or what a row's judgement is from."""

    EDIT = "edit"
    THUMB = "thumb"
    EXAMPLE = "example"  # an answer that people kept: posted, approved as a draft, or thumbed up
    CORPUS = "corpus"
    AI = "ai"


class Split(enum.Enum):
    """The part of the data that a row is in: by its group, never by itself."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a row is from. `group` is the unit of splitting: a thread, or a corpus's question."""

    source: Source
    group: str
    split: Split
    template: str
    """The version of `learning/prompt.py` whose words the prompt has."""
    repository_id: int = 0
    """GitHub's id; 0 for a corpus."""
    private: bool = False
    """Whether the repository was private when the row was made: such rows stay in its own snapshot."""
    people: tuple[int, ...] = ()
    """Whose judgement it is, by GitHub's ids, sorted; empty for a corpus."""
    trust: str = ""
    """The least permission among `people`, as `storage.records.Permission` names it; "" for a corpus."""
    asked_at: datetime | None = None
    judged_at: datetime | None = None
    adapter: str = ""
    """The model and adapter that wrote the generated text; "" where people wrote all of it."""
    is_generated: bool = False
    is_paraphrased: bool = False
    url: str = ""
    """Attribution: the post that it is from."""
    licence: str = ""
    """SPDX name of a corpus's licence; "" for the repository's own threads."""


@dataclass(frozen=True, kw_only=True)
class PreferencePair:
    """One answer over another to one prompt. `margin` > 0 says how much better, on its source's scale."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    margin: float
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An answer that people found good or bad (TRL's unpaired preference: prompt, completion, label)."""

    prompt: tuple[Message, ...]
    completion: str
    label: bool
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """An answer to learn from (TRL's prompt-completion)."""

    prompt: tuple[Message, ...]
    completion: str
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Triplet:
    """Plain texts for the reward model's encoder: a question, a better and a worse answer to it."""

    question: str
    better: str
    worse: str
    margin: float
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All rows of a snapshot, in no meaningful order: `snapshot.py` sorts them."""

    pairs: tuple[PreferencePair, ...] = ()
    judged: tuple[Judged, ...] = ()
    demonstrations: tuple[Demonstration, ...] = ()
    triplets: tuple[Triplet, ...] = ()

    @property
    def prompted(self) -> tuple[PreferencePair | Judged | Demonstration, ...]:
        """The rows whose prompts a policy is asked: all but triplets, which hold plain questions."""
        return (*self.pairs, *self.judged, *self.demonstrations)

    def origins(self, split: Split) -> dict[tuple[Message, ...], Origin]:
        """The different prompts of a part, and where each is from: a private row, where there is one."""
        found: dict[tuple[Message, ...], Origin] = {}
        for row in self.prompted:
            if row.origin.split is split and (row.prompt not in found or row.origin.private):
                found[row.prompt] = row.origin
        return found
