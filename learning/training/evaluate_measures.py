"""What every answer is worth: overlap, BERTScore, rewards and signs of a collapse, by system and seed.

Rewards hear whether an answer ended by itself. Kept in a file that says of which answers and judges it is:
one of others is made anew. Left out: means and intervals (`learning/training/evaluate_figures.py`).
Run: `pytest tests/unit/learning/training/test_evaluate.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from learning.models import hub, store
from learning.models.encoder import Encoder
from learning.prompt import question_of
from learning.training.alarms import echo_rate, yes_no_rate
from learning.training.answers import Asked, Written
from learning.training.evaluate_figures import Answer
from learning.training.metrics import matched, overlap
from learning.training.reward_model import ENCODER, RewardModel, hash_of
from storage.errors import DataError, ModelError

CHUNK = 64
"""Answers whose texts go through the encoders together."""


@dataclass(frozen=True, kw_only=True)
class Judges:
    """What answers are held against."""

    encoder: Encoder
    reward: RewardModel | None
    independent: RewardModel | None

    @classmethod
    def load(
        cls, encoder: str, reward: Path | None, independent: Path | None, *, cache: Path, kept: Path
    ) -> Judges:
        """From their folders. Each text is read once by those that read alike, and its vector is in `kept`.

        Raises ModelError for what is missing or damaged.
        """
        return cls(
            encoder=Encoder(hub.resolve(encoder, "encoder", cache)),
            reward=_reading(reward, cache, kept),
            independent=_reading(independent, cache, kept),
        )

    @property
    def seen(self) -> frozenset[str]:
        """Keys of the questions that a reward model learned from."""
        models = [one for one in (self.reward, self.independent) if one is not None]
        return frozenset(key for one in models for key in one.seen)


def _reading(folder: Path | None, cache: Path, kept: Path) -> RewardModel | None:
    if folder is None:
        return None
    model = RewardModel.load(folder, cache=cache)
    own = (folder / ENCODER).is_dir()
    model.keep(kept, store.sha256_of(folder / store.MANIFEST) if own else model.about["encoder_sha256"])
    return model


def judges_id(encoder: str, reward: Path | None, independent: Path | None, *, cache: Path) -> str:
    """Which judges these are, without loading them. Raises ModelError for a folder that holds no model."""
    made = [hash_of(hub.resolve(encoder, "encoder", cache))]
    for folder in (reward, independent):
        if folder is not None and not (folder / store.MANIFEST).is_file():
            raise ModelError(f"{folder} holds no reward model: `thumbprint train reward` makes one.")
        made.append(store.sha256_of(folder / store.MANIFEST) if folder else "")
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:32]


def measured(
    system: str,
    seed: int,
    questions: Sequence[Asked],
    written: Sequence[Written],
    judges: Judges,
    judged_by: str,
    file: Path,
    tell: Callable[[int], None] = lambda done: None,
) -> list[Answer]:
    """Every answer with its values; from `file` where it holds them of the judges `judged_by`.

    `tell` hears how many are done.
    """
    asked = {one.id: one for one in questions}
    head = hashlib.sha256(judged_by.encode())
    for one in written:
        head.update(
            json.dumps([asked[one.question_id].key, asked[one.question_id].reference, asdict(one)]).encode()
        )
    values = _kept(file, head.hexdigest())
    if values is None:
        values = []
        for start in range(0, len(written), CHUNK):
            part = written[start : start + CHUNK]
            values += _values([asked[one.question_id] for one in part], part, judges)
            tell(len(values))
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps({"of": head.hexdigest(), "values": values}))
        partial.replace(file)
    tell(len(written))
    return [
        Answer(
            system=system,
            seed=seed,
            question=one.question_id,
            group=asked[one.question_id].group,
            attempt=one.attempt,
            text=one.text,
            reference=asked[one.question_id].reference,
            values=each,
        )
        for one, each in zip(written, values, strict=True)
    ]


def _kept(file: Path, of: str) -> list[dict[str, float]] | None:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(found, Mapping) or found.get("of") != of:
        return None
    values: list[dict[str, float]] = found["values"]
    return values


def _values(asked: Sequence[Asked], written: Sequence[Written], judges: Judges) -> list[dict[str, float]]:
    """What is measured of some answers, each with the question that it is to."""
    questions = [question_of(one.messages) for one in asked]
    texts = [one.text for one in written]
    rewards = {
        name: model.score(questions, texts, [one.ended for one in written])
        for name, model in (("reward", judges.reward), ("independent", judges.independent))
        if model is not None
    }
    unique = list(dict.fromkeys(text for text in (*texts, *(one.reference for one in asked)) if text))
    vectors = dict(zip(unique, judges.encoder.embed_tokens(unique), strict=True))
    made = []
    for place, (one, each) in enumerate(zip(asked, written, strict=True)):
        if not one.reference:
            raise DataError(f"Question {one.id} has an empty answer to compare with: leave it out.")
        words = overlap(each.text, one.reference)
        f1 = matched(vectors[each.text][1], vectors[one.reference][1]).f1 if each.text else 0.0
        made.append(
            {
                **{name: found[place] for name, found in rewards.items()},
                **asdict(words),
                "bertscore": f1,
                "tokens": float(each.tokens),
                "written": float(each.tokens),
                "yes_no": yes_no_rate([each.text]),
                "echo": echo_rate([questions[place]], [each.text]),
                "ended": float(each.ended),
            }
        )
    return made
