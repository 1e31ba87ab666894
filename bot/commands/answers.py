"""ask and why: an answer on the terminal, and the whole story of one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.shared import err, find_repository, load_settings, open_database, out
from bot.story import tell
from storage.errors import ConfigurationError, Gone, ModelUnavailable
from storage.records import Actor, Post, PostKind, Question, Repository, Thread

ASKER = Actor(id=0, login="you")


def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    repo: Annotated[
        str, typer.Option("--repo", help="owner/name: answer with what this repository taught.")
    ] = "",
    thread: Annotated[
        Path | None,
        typer.Option("--thread", help="A text file to read as the issue: its first line is the title."),
    ] = None,
) -> None:
    """Answer on the terminal; nothing is posted and nothing is stored."""
    from bot.compose import compose
    from bot.memory import Memories, Memory
    from bot.models import Models
    from bot.plan import plan_of

    settings = load_settings()
    repository = Repository(id=0, full_name="none/none", installation_id=0)
    memory = Memory()
    if repo:
        with open_database(settings) as database:
            repository = find_repository(database, repo)
            memory = Memories(database).of(repository.id)
    now = datetime.now(UTC)
    asked = _question(question, repository, now)
    issue = _thread(thread, asked)
    began = time.monotonic()
    plan, models = plan_of(settings), Models(settings)
    if amiss := models.ready():
        raise ModelUnavailable(
            f"{amiss} It is asked for at {settings.resolved_model_url}: start it with `thumbprint model`, "
            "or everything with `thumbprint run`."
        )
    with err.status(f"Writing {plan.n} candidates, scoring them, picking the best …"):
        done = compose(asked, issue, memory, models, plan, now)
    out.print(done.answer.text, markup=False)
    taught = f"{len(done.answer.phrase_ids)} lessons of {repository.full_name if repo else 'no repository'}"
    err.print(
        f"\n[dim]{time.monotonic() - began:.1f} s, {len(done.generations)} generations, "
        f"{len(done.candidates)} candidates, {taught}[/dim]"
    )
    for repair in done.answer.repairs:
        err.print(f"repaired: {repair.before} → {repair.after}", style="dim", markup=False)


def why(answer: Annotated[str, typer.Argument(help="The id that stands in the fold of the answer.")]) -> None:
    """The story of an answer: prompt, phrases and who taught them, candidates, scores, pick, repairs."""
    with open_database(load_settings()) as database, database.unit(read_only=True) as unit:
        story = unit.answers.story(answer)
        if story is None:
            raise Gone(
                f"There is no answer {answer} here: its id stands at the end of the fold in its comment."
            )
        ids = {i for attempt in story.attempts for i in attempt.prompt.phrase_ids} | set(
            story.answer.phrase_ids
        )
        phrases = unit.phrases.phrases_of(ids)
        evidence = unit.phrases.evidence_of(ids)
        weights = unit.phrases.weights_of(ids)
    tell(out, story, phrases, weights, evidence)


def _question(text: str, repository: Repository, now: datetime) -> Question:
    return Question(
        repository_id=repository.id,
        full_name=repository.full_name,
        installation_id=repository.installation_id,
        number=0,
        post_id=0,
        post_kind=PostKind.ISSUE,
        asker=ASKER,
        text=text,
        asked_at=now,
    )


def _thread(file: Path | None, question: Question) -> Thread:
    """The file as an issue, else an empty one. Raises ConfigurationError for a file that cannot be read."""
    title, body = "", question.text
    if file is not None:
        try:
            title, _, body = file.read_text().partition("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{file} cannot be read as text: name another file with --thread."
            ) from error
    post = Post(
        id=0, kind=PostKind.ISSUE, author=ASKER, body=body.strip(), created_at=question.asked_at, url=""
    )
    return Thread(
        repository_id=question.repository_id,
        full_name=question.full_name,
        number=0,
        title=title.strip(),
        is_pull_request=False,
        locked=False,
        posts=(post,),
    )
