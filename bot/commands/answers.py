"""ask and why: an answer on the terminal, and the whole story of one."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.shared import err, find_repository, load_settings, open_database, out
from bot.story import tell
from bot.wording import number, printable, says
from storage.errors import ConfigurationError, Gone, ModelUnavailable
from storage.records import Actor, Post, PostKind, Question, Repository, Thread

if TYPE_CHECKING:
    from bot.compose import Composition
    from bot.settings import Settings

ASKER = Actor(id=0, login="you")


def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    repo: Annotated[
        str,
        typer.Option("--repo", help="owner/name: answer with what this repository taught, by its adapter."),
    ] = "",
    thread: Annotated[
        Path | None,
        typer.Option("--thread", help="A text file to read as the issue: its first line is the title."),
    ] = None,
) -> None:
    """Answer on the terminal; nothing is posted and nothing is stored."""
    from bot.adapters import Adapters
    from bot.compose import compose
    from bot.memory import Memories, Memory
    from bot.models import Models
    from bot.plan import plan_of

    text = _readable(question)
    if not text.strip():
        raise ConfigurationError('There is no question: try `thumbprint ask "How do I run the tests?"`.')
    settings = load_settings()
    repository = Repository(id=0, full_name="none/none", installation_id=0)
    memory = Memory()
    if repo:
        with open_database(settings) as database:
            repository = find_repository(database, repo)
            memory = Memories(database).of(repository.id)
    now = datetime.now(UTC)
    asked = _question(text, repository, now)
    issue = _thread(thread, asked)
    began = time.monotonic()
    plan, models = plan_of(settings), Models(settings)
    if amiss := models.ready():
        raise ModelUnavailable(f"{amiss} {_remedy(settings)}")
    if repo:
        with open_database(settings) as database:
            served = Adapters(database, models).choose(repository.installation_id, repository.id, "")
        plan = replace(plan, model=served.model, adapter=served.adapter)
    with err.status(f"Writing {plan.n} candidates, scoring them, picking the best …"):
        done = compose(asked, issue, memory, models, plan, now)
    out.print(done.answer.text, markup=False)
    _say_how(done, repository.full_name if repo else "", time.monotonic() - began)


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
        broken = {i for attempt in story.attempts for one in attempt.candidates for i in one.violations}
        phrases, names = unit.phrases.phrases_of(ids), unit.phrases.phrases_of(ids | broken)
        evidence = unit.phrases.evidence_of(ids)
        weights = unit.phrases.weights_of(ids)
    tell(out, story, phrases, names, weights, evidence)


def _say_how(done: Composition, taught_in: str, seconds: float) -> None:
    """How the answer came about, on stderr: a line, and one for each lesson and repair."""
    attempts, candidates = len(done.generations), len(done.candidates)
    parts = [f"{seconds:.1f} s", f"{candidates} candidates in {attempts} attempt{'s' * (attempts != 1)}"]
    if taught_in:
        lessons = len(done.why.lessons)
        parts.append(f"{lessons or 'no'} lesson{'s' * (lessons != 1)} of {taught_in} concerned it")
    lines = ["", ", ".join(parts)]
    lines += [f"learned: {says(one.phrase, one.weight)} ({number(one.weight)})" for one in done.why.lessons]
    lines += [f"repaired: {repair.before} → {repair.after}" for repair in done.answer.repairs]
    for line in lines:
        err.print(printable(line), style="dim", markup=False)


def _remedy(settings: Settings) -> str:
    where = settings.resolved_model_url
    if settings.model_url:
        return f"THUMBPRINT_MODEL_URL says that it is at {where}."
    return f"It belongs at {where}: start it with `thumbprint model`, or everything with `thumbprint run`."


def _readable(words: str) -> str:
    """What a terminal sent, without bytes that are no text."""
    return words.encode(errors="surrogateescape").decode(errors="replace")


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
