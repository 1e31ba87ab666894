"""Answers of a policy as it serves: questions with people's answers → the policy's, kept as they are written.

    policy = load("packaged", adapter, cache=cache)       # merged and int8, as the server makes it
    questions = asked(folder, Split.TEST, limit=500)      # of a snapshot, or of published questions
    stores = {seed: folder / f"base-{seed}.jsonl" for seed in range(3)}
    written = write(policy, questions, attempts=3, sampling=Sampling(), stores=stores)

All attempts at a question, of all seeds, are one batch, and their random numbers follow from (seed, question)
alone: neither the other questions, nor where a killed run began again, nor how many processes write changes a
text. Which seeds are asked together may: the int8 products round a batch's rows by one scale. Left out: the
file that keeps them (`learning/training/answer_store.py`), judging them, greedy decoding, GPUs.
Run: `pytest tests/unit/learning/training/test_answers.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from learning.models import hub
from learning.models.adapters import NEEDED, base_hash
from learning.models.policy import Options, Policy
from learning.models.store import sha256_of
from learning.prompt import build, defused
from learning.training import answer_store, corpus, snapshot
from learning.training.answer_pool import carried_out
from learning.training.rows import Rows, Split
from learning.training.sft_data import refuse_other_templates
from learning.training.splitting import split_of
from storage.errors import ConfigurationError, DataError
from storage.records import Message


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are drawn; by default as published, in the middle of its temperatures from 0.7 to 0.9."""

    temperature: float = 0.8
    """Over 0: lower is surer."""
    top_p: float = 0.9
    """The nucleus: the likeliest tokens whose chances come to this much."""
    top_k: int = 50
    """Of so many likeliest tokens; 0 for all."""
    max_tokens: int = 256
    """The longest answer, its end not counted."""

    def check(self) -> None:
        """Raise ConfigurationError that names what cannot be."""
        if not (self.temperature > 0 and 0 < self.top_p <= 1 and self.top_k >= 0 and self.max_tokens > 0):
            raise ConfigurationError(
                "Answers need a temperature over 0, a top-p in (0, 1], a top-k of 0 or more and at least 1 "
                f"token, not {self.temperature}, {self.top_p}, {self.top_k} and {self.max_tokens}."
            )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question: what the policy reads, and the answer that people gave. Groups are what is resampled."""

    id: str
    group: str
    messages: tuple[Message, ...]
    reference: str

    @property
    def key(self) -> str:
        """16 hex digits that follow from the messages: the same id with other words is another question."""
        text = json.dumps([[one.role, one.content] for one in self.messages])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Written:
    """One attempt, from 0. `tokens` without the end; `ended` by itself, not by the limit."""

    question_id: str
    attempt: int
    text: str
    tokens: int
    ended: bool


def load(model: str | Path, adapter: Path | None, *, cache: Path) -> Policy:
    """The policy as the server makes it: the adapter checked, merged into `model` and packed as int8.

    `model` is what a setting may say: `packaged`, a folder, a .gguf file, a Hugging Face id. Raises
    ModelError for files that are damaged, and for an adapter of another base or template.
    """
    return Policy(hub.resolve(str(model), "policy", cache), adapter=adapter)


def identity(policy: Policy) -> str:
    """32 hex digits: two policies of one identity write the same texts."""
    made = [base_hash(policy.folder)]
    if policy.adapter is not None:
        made += [sha256_of(policy.adapter / name) for name in NEEDED]
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:32]


def asked(folder: Path, split: Split | None, limit: int = 0) -> tuple[Asked, ...]:
    """A snapshot's questions, or those of a folder in the format of `learning/training/corpus.py`.

    Of one part, or of all (None). The order is by chance but always the same, and `limit` (0: all) takes its
    first, so that a larger evaluation holds the smaller one. Raises DataError where there is none, and for a
    snapshot with prompts of another template.
    """
    is_snapshot = (folder / snapshot.MANIFEST).is_file()
    found = _of_snapshot(folder, split) if is_snapshot else _of_corpus(folder, split)
    order = sorted(found, key=lambda one: hashlib.sha256(f"{one.id} {one.key}".encode()).digest())
    if not order:
        part = f"in its part {split.value}" if split else "in it"
        raise DataError(f"{folder} has no question {part} with an answer to compare with: give other data.")
    return tuple(order[:limit] if limit else order)


def _of_corpus(folder: Path, split: Split | None) -> Iterator[Asked]:
    for one in corpus.read(folder):
        if split is None or split_of(one.id) is split:
            yield Asked(
                id=one.id,
                group=one.id,
                messages=build(one.asked, ""),
                reference=defused(one.answers[0].text.strip()),
            )


def _of_snapshot(folder: Path, split: Split | None) -> Iterator[Asked]:
    rows = snapshot.read(folder).rows
    refuse_other_templates(rows.prompted, f"The snapshot {folder.name[:12]}")
    return _of_rows(rows, split)


def _of_rows(rows: Rows, split: Split | None) -> Iterator[Asked]:
    """Each different prompt once: with what people showed for it, else chose, else liked."""
    shown = [(row.prompt, row.completion, row.origin) for row in rows.demonstrations]
    chosen = [(row.prompt, row.chosen, row.origin) for row in sorted(rows.pairs, key=lambda row: -row.margin)]
    liked = [(row.prompt, row.completion, row.origin) for row in rows.judged if row.label]
    seen: set[tuple[Message, ...]] = set()
    for messages, reference, origin in (*shown, *chosen, *liked):
        if messages in seen or origin.is_paraphrased or split not in (None, origin.split):
            continue
        seen.add(messages)
        one = Asked(id="", group=origin.group, messages=messages, reference=reference)
        yield Asked(id=one.key, group=one.group, messages=messages, reference=reference)


def fitting(policy: Policy, questions: Sequence[Asked], longest: int) -> tuple[Asked, ...]:
    """The questions whose prompts have at most `longest` tokens: cut, they would not be what is served."""
    return tuple(one for one in questions if len(_prompt(policy, one)) <= longest)


def write(
    policy: Policy,
    questions: Sequence[Asked],
    *,
    attempts: int,
    sampling: Sampling,
    stores: Mapping[int, Path | None],
    processes: int = 1,
    tell: Callable[[int], None] = lambda done: None,
) -> dict[int, list[Written]]:
    """Every attempt at every question, in their order, by seed: those in `stores`, side by side.

    A store is a file of JSON lines: what it holds of this policy, sampling, seed and number of attempts is
    kept; a question that one of them lacks is written whole, as it would have been. `processes` write side by
    side, and the same. `tell` hears how many questions are done. Raises DataError for a file of another run
    and for a prompt that leaves no room, ConfigurationError where another process writes to it, SetupError
    for a full disk and for a process that is gone.
    """
    sampling.check()
    head = {"policy": identity(policy), "attempts": attempts, "sampling": asdict(sampling)}
    with ExitStack() as stack:
        kept = {
            seed: stack.enter_context(answer_store.opened(store, {**head, "seed": seed}))
            for seed, store in stores.items()
        }
        missing = [
            one for one in questions if any((one.id, one.key) not in known for known, _ in kept.values())
        ]
        work = partial(_drafts, attempts=attempts, sampling=sampling, seeds=tuple(stores))
        fresh = stack.enter_context(closing(carried_out(policy, missing, work, processes)))
        lacking, found = set(missing), {seed: list[Written]() for seed in stores}
        for done, one in enumerate(questions, 1):
            made = next(fresh) if one in lacking else {}
            for seed, (known, keep) in kept.items():
                drafts = known.get((one.id, one.key))
                if drafts is None:
                    drafts = made[seed]
                    keep({"question": one.id, "key": one.key, "written": drafts})
                found[seed] += [Written(question_id=one.id, attempt=n, **d) for n, d in enumerate(drafts)]
            tell(done)
    return found


def _drafts(
    policy: Policy, question: Asked, *, attempts: int, sampling: Sampling, seeds: tuple[int, ...]
) -> dict[int, list[dict[str, Any]]]:
    """The attempts at one question by seed, as they are stored."""
    prompt = _prompt(policy, question)
    if len(prompt) >= policy.context:
        raise DataError(
            f"Question {question.id} has {len(prompt)} tokens, but the model's window {policy.context}: "
            "leave it out."
        )
    first, *rest = (_drawn(question, seed) for seed in seeds)
    written = policy.write(prompt, Options(n=attempts, seed=first, also=tuple(rest), **asdict(sampling)))
    drafts = [
        {"text": each.text.strip(), "tokens": len(each.ids), "ended": each.finish_reason == "stop"}
        for each in written
    ]
    return {seed: drafts[n * attempts : (n + 1) * attempts] for n, seed in enumerate(seeds)}


def _drawn(question: Asked, seed: int) -> int:
    """The seed of a question's random numbers."""
    digest = hashlib.sha256(f"{seed} {question.id} {question.key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 24


def _prompt(policy: Policy, question: Asked) -> list[int]:
    return policy.tokens.chat([{"role": one.role, "content": one.content} for one in question.messages])
