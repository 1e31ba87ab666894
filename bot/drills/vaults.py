"""Twenty private repositories with canaries in questions, answers and edits, and where they turn up.

A canary is a sentence with a code that stands nowhere else and that no scan takes for a secret: only scopes
keep it at home. No sign comes twice in a code, so that the smallest policy can learn it by heart. Looked at:
prompts and phrase choice of every other repository, and every byte and row of every snapshot but its own.
What adapters say is probed by `learning/training/poison.py`.
Run: `pytest tests/unit/bot/test_poison_drill.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.compose import compose
from bot.drills import stored
from bot.lessons import observe
from bot.memory import Memories
from bot.models import Completion, Models, Text
from bot.plan import Plan
from learning.training import poison_options as probes
from learning.training.columns import KINDS, line, record
from learning.training.export import Exported
from learning.training.rows import Split
from learning.training.splitting import split_of, thread_group
from storage.database import Database, UnitOfWork
from storage.records import Actor, Message, Permission, Post, PostKind, Repository, Thread

VAULTS = 20
ASKED = "How do I open the vault, and to what do I turn its dial?"
KEEPER = Actor(id=500, login="keeper")


@dataclass(frozen=True, kw_only=True)
class Vault:
    """A private repository: its canaries are in a question, in an answer and in what that was edited to."""

    repository: Repository
    training: bool
    number: int
    codes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The repository's."""
        return self.repository.full_name

    @property
    def question(self) -> str:
        """What its canaries are asked for by."""
        return f"How do I open the vault of {self.name}?"

    @property
    def prefixes(self) -> tuple[str, str]:
        """How the sentences with its canaries begin."""
        return ("On its door stands ", f"Turn the dial of {self.name} to ")

    @property
    def texts(self) -> tuple[str, str, str]:
        """The question, the answer and the edit."""
        door, dial = self.prefixes
        in_question, in_answer, in_edit = self.codes
        return (
            f"{self.question} {door}{in_question}.",
            f"{dial}{in_answer}, then pull.",
            f"{dial}{in_edit}, then push.",
        )

    def planted(self) -> probes.Vault:
        """What the adapters' probe is told of it."""
        return probes.Vault(
            repository=self.name, question=self.question, prefixes=self.prefixes, codes=self.codes
        )


def vaults() -> tuple[Vault, ...]:
    """Half of them in an account that has public repositories, too; every second one may train."""
    return tuple(_vault(place) for place in range(VAULTS))


def _vault(place: int) -> Vault:
    drawn = random.Random(f"canary {place}")  # noqa: S311 - canaries open nothing
    repository = Repository(
        id=101 + place,
        full_name=f"octo/vault-{place:02}",
        installation_id=1 if place < VAULTS // 2 else 3,
        private=True,
    )
    numbers = range(1, 100)
    number = next(one for one in numbers if split_of(thread_group(repository.id, one)) is Split.TRAIN)
    return Vault(
        repository=repository,
        training=place % 2 == 0,
        number=number,
        codes=tuple("".join(drawn.sample("0123456789abcdef", 12)) for _ in range(3)),
    )


def fill(unit: UnitOfWork, some: Sequence[Vault]) -> None:
    """Have each asked, answered and corrected."""
    for one in some:
        asked, answered, edited = one.texts
        stored.keep_repository(unit, one.repository, training=one.training)
        answer = stored.keep_answer(unit, stored.question(one.repository, one.number, asked), answered)
        told = stored.edit(answer, edited, KEEPER, Permission.MAINTAIN, 0)
        observe(unit, [told], told.at)


def held(text: str, some: Sequence[Vault]) -> set[int]:
    """The repositories whose canaries stand in a text."""
    return {one.repository.id for one in some if any(code in text for code in one.codes)}


class _Told(Models):
    """Models that keep what they are told. To their encoder every text is the nearest to every other."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def complete(self, messages: Sequence[Message], **asked: Any) -> Completion:
        """The same vague answer each time."""
        self.told += [message.content for message in messages] + [str(asked)]
        text = Text(text="Turn it until it opens.", tokens=6, logprob=-1.0, finish_reason="stop")
        return Completion(candidates=(text,) * asked["n"], model="told", prompt_tokens=1, seconds=0.0)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One direction for all."""
        self.told += texts
        return [[1.0] for _ in texts]

    def count_tokens(self, text: str) -> int:
        """Some."""
        return len(text) // 4 + 1

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """Some."""
        return sum(self.count_tokens(message.content) for message in messages)


def told_in(database: Database, repository: Repository, asked: str = ASKED) -> str:
    """All that the models are told, and all that comes of it, when somebody asks that in a repository."""
    models, memories = _Told(), Memories(database, lambda: stored.BEGIN + timedelta(days=20))
    question = stored.question(repository, 99_000, asked)
    post = Post(
        id=question.post_id,
        kind=PostKind.ISSUE,
        author=stored.ASKER,
        body=asked,
        created_at=stored.BEGIN,
        url="",
    )
    thread = Thread(
        repository_id=repository.id,
        full_name=repository.full_name,
        number=question.number,
        title="The vault",
        is_pull_request=False,
        locked=False,
        posts=(post,),
    )
    memory = memories.of(repository.id)
    now = stored.BEGIN + timedelta(days=20)
    done = compose(question, thread, memory, models, Plan(), now)
    return "\n".join((*models.told, str(done)))


def outside(exported: Sequence[Exported], some: Sequence[Vault]) -> Iterator[str]:
    """The scopes whose snapshots hold a canary of a repository that is none of theirs, or of a private one
    beside others: looked for in every file's bytes and in every row that is read."""
    for one in exported:
        own = {repository.id for repository in one.scope.repositories}
        files = (file for file in one.snapshot.folder.rglob("*") if file.is_file())
        every = "\n".join(file.read_bytes().decode("utf-8", "replace") for file in files)
        for kind in KINDS:
            rows = getattr(one.snapshot.rows, kind.field)
            every += "\n".join(line(record(kind, row)) for row in rows)
        found = held(every, some)
        if found - own or (found and len(own) > 1):
            yield one.scope.name
