"""A day on a playground of its own, so that there is something to learn from: asked, answered, corrected.

The questions and the corrections are of our own writing (`bot/bench/data/questions-small.jsonl`,
`bot/drills/data/corrections.jsonl`). What wrote the answers that are corrected is scripted: each sends people
off to install a package that nobody needs. All else is as it ships: deliveries, receiver, worker, the edits
of a maintainer, and what becomes of them in the database. Left out: people who disagree.
Run: `make train-demo`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.bench.questions import PACKAGED_SMALL, AskedQuestion, load
from bot.drills.questions import Questions
from bot.drills.town import Town, town
from storage.database import Database
from storage.records import Post, PostKind, Repository

CORRECTIONS = Path(__file__).parent / "data" / "corrections.jsonl"
OPT_IN = "training: true\n"
DATABASE = "thumbprint.db"
"""As `town` names it."""
DEMO = (
    "--least 20 --rank 8 --sft-epochs 12 --sft-steps 24 --sft-rate 5e-4 --sft-batch 8 --reward-epochs 1 "
    "--steps 4 --batch 8 --minibatch 4 --ppo-epochs 1 --max-prompt 384 --max-answer 96 "
    "--checkpoint-every 2 --questions 8 --attempts 1 --best-of 0 --no-benchmark"
)
"""The options of a night of minutes on two cores."""


def drafted(title: str) -> str:
    """What the scripted model writes to a question: the same bad advice, in the question's own words."""
    words = re.findall(r"[a-z]{4,}", title.lower())
    name = "-".join(words[-2:]) or "helper"
    return (
        f"Install the package `easy-{name}` with pip and read its manual, there is a call for it. "
        "It depends on your needs. Please come back if you need further help."
    )


def evening(home: Path, tick: Callable[[], object] = lambda: None) -> Path:
    """Live through the day; the database's file in `home`. One that is there is kept as it is."""
    file = home / "playground.db"
    if file.exists():
        return file
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(f"{DATABASE}*"):  # of a day that was cut short
        left.unlink()
    answers = _answers()
    asked = [one for one in load(PACKAGED_SMALL) if one.id in answers]
    with town(under=home) as everything:
        _live(everything, asked, answers, tick)
    (home / DATABASE).rename(file)
    return file


def still(database: Database, now: datetime) -> None:
    """Let the day's opt-in hold, however long ago the day was: its playground is gone, and nobody to ask."""
    with database.unit() as unit:
        for repository in unit.repositories.all():
            said = unit.configurations.get(repository.id, to_change=True)
            if said is not None and said.training:
                unit.configurations.keep(replace(said, as_of=now))
        unit.commit()


def _live(
    everything: Town, asked: list[AskedQuestion], answers: dict[str, str], tick: Callable[[], object]
) -> None:
    everything.model.write = lambda request: drafted(_title(request, asked))
    since, questions = datetime.now(UTC).replace(microsecond=0), Questions(everything)
    threads: list[tuple[Repository, int, AskedQuestion]] = []
    for repository in everything.repositories:
        where = {"repository": repository.full_name, "path": ".github/thumbprint.yml"}
        everything.act("write", text=OPT_IN, **where)
    for place, one in enumerate(asked):
        repository = everything.repositories[place % len(everything.repositories)]
        made = everything.act(
            "open", repository=repository.full_name, title=one.title, body=f"{one.body}\n\n/ask {one.title}"
        )
        threads.append((repository, int(made["number"]), one))
    questions.quieten()
    for repository, number, one in threads:
        for post in _posted(everything, repository, number, since):
            everything.act(
                "edit", node=post.node_id, body=post.body.replace(drafted(one.title), answers[one.id])
            )
        tick()
    questions.quieten()


def _posted(everything: Town, repository: Repository, number: int, since: datetime) -> list[Post]:
    client = everything.github.client(repository.installation_id, repository.id, writes=False)
    return client.our_comments(repository.full_name, number, PostKind.ISSUE, since)


def _title(request: dict[str, Any], asked: list[AskedQuestion]) -> str:
    """The title of the question that a prompt ends with."""
    text = request["messages"][-1]["content"]
    return max((one.title for one in asked if one.title in text), key=text.rfind, default="")


def _answers() -> dict[str, str]:
    rows = map(json.loads, CORRECTIONS.read_text(encoding="utf-8").splitlines())
    return {row["id"]: row["answer"] for row in rows}
