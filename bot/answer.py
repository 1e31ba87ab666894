"""Flow 1, the jobs' halves: read, compose, store, post. One function a step, each safe to carry out again.

    acknowledge          beside it          compose_job → post          and, when one failed for good, fail

What keeps an answer single: its id follows from the question, so composing twice stores once; and `post`
looks for our marker in the thread before it creates (ADR 0004). No transaction is open while a model or
GitHub works. Left out: order, patience and resumption (`bot/jobs.py`).
Run: `pytest tests/unit/bot/test_answer.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from bot.admission import admit
from bot.compose import Composition, compose
from bot.config import Effective
from bot.configurations import to_tell
from bot.context import Context
from bot.effects import hosts_of
from bot.github import Client
from bot.hearing import heard
from bot.memory import Memory
from bot.notices import REFUSED, notice
from bot.obey import obey
from bot.plan import plan_of
from bot.posting import create, find, is_answer, posted, target, today
from bot.quotas import Limits, sentence
from bot.reply import Marker, Why, render_body, stored_body
from bot.repo_config import RepoConfig
from bot.slash import RIGHTS, parse
from bot.undo import set_learning
from storage.errors import GitHubRefused, Gone, ThumbprintError
from storage.records import (
    Answer,
    AnswerStatus,
    Learning,
    Question,
    Reaction,
    Repository,
    Thread,
)
from storage.rights import What

__all__ = ["acknowledge", "compose", "compose_job", "fail", "post"]

log = structlog.get_logger()


def acknowledge(context: Context, question: Question) -> None:
    """👀 on the question, at once, if it is let in. One that is gone, or a locked thread, is no error."""
    client = context.github.of(question)
    try:
        repository = client.repository(question.repository_id)
        chosen = context.configurations.of(client, repository)
        if not heard(client, repository, question, chosen, context.settings.app_slug):
            return
        if not admit(context, client, question, repository, chosen.config).admission.granted:
            return
        asked = replace(question, full_name=repository.full_name)
        client.react(asked.full_name, asked.post_kind, target(asked), Reaction.EYES)
    except (Gone, GitHubRefused) as error:
        log.info("acknowledge_skipped", answer=question.answer_id, reason=str(error))


def compose_job(context: Context, question: Question) -> str:
    """Compose the answer and store it with all that led to it; returns its id.

    An answer that is there already is left as it is. A command gets its reply for an answer, and a question
    that is not let in a sentence, or nothing (`bot/admission.py`). When the question was deleted or its
    thread is gone meanwhile, the answer is CANCELLED. May raise what GitHub and the models raise.
    """
    with context.database.unit(read_only=True) as unit:
        if unit.answers.get(question.answer_id) is not None:
            return question.answer_id
    client = context.github.of(question)
    try:
        repository = client.repository(question.repository_id)
        chosen = context.configurations.of(client, repository)
        asked = heard(client, repository, question, chosen, context.settings.app_slug)
        if asked is None:
            _store(context, Composition(answer=_without_answer(question), why=_no_why(question)))
            return question.answer_id
        if not _let_in(context, client, asked, repository, chosen):
            return question.answer_id
        thread = _thread(client, repository, question)
    except Gone as error:
        log.info("answer_cancelled", answer=question.answer_id, reason=str(error))
        _store(context, Composition(answer=_without_answer(question), why=_no_why(question)))
        return question.answer_id
    memory = _memory(context, repository, chosen.config)
    plan = plan_of(context.settings, chosen.config)
    asked = replace(asked, full_name=repository.full_name)
    hosts = hosts_of(context.settings.github_url)
    done = compose(asked, thread, memory, context.models, plan, datetime.now(UTC), hosts)
    _store(context, _with_evidence(context, done), chosen)
    log.info(
        "answer_composed",
        answer=done.answer.id,
        attempts=len(done.generations),
        candidates=len(done.candidates),
        repairs=len(done.answer.repairs),
        abstained=bool(done.answer.abstained),
    )
    return done.answer.id


def post(context: Context, answer_id: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Post a pending answer, once. One that is posted, cancelled, failed or deleted is left alone.

    Raises GitHubUnavailable when it is unknown whether the comment was created; calling again looks first.
    """
    with context.database.unit(read_only=True) as unit:
        answer = unit.answers.get(answer_id)
    if answer is None or answer.status is not AnswerStatus.PENDING:
        return
    client = context.github.of(answer.question)
    try:
        asked = today(client, answer.question)
        comment = find(client, asked) or create(client, asked, stored_body(answer), sleep)
    except Gone as error:
        log.info("answer_cancelled", answer=answer.id, reason=str(error))
        _save(context, replace(answer, status=AnswerStatus.CANCELLED))
        return
    _save(context, posted(answer, comment))
    log.info("answer_posted", answer=answer.id, thread=answer.question.thread_key, comment=comment.id)


def fail(
    context: Context,
    question: Question,
    error: ThumbprintError,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Tell the asker: 😕 on the question, and one sentence with how to retry. Then the answer is FAILED.

    Says nothing when the answer was posted after all. Safe to carry out again: the sentence is marked too.
    """
    with context.database.unit(read_only=True) as unit:
        known = unit.answers.get(question.answer_id)
    if known is not None and known.status is not AnswerStatus.PENDING:
        return
    text = f"I could not answer this: {_cause(error)} To try again, ask once more in a new comment."
    body = render_body(text, replace(_no_why(question), note="The attempt failed; nothing was answered."))
    answer = replace(known or _without_answer(question), status=AnswerStatus.FAILED)
    client = context.github.of(question)
    try:
        asked = today(client, question)
        comment = find(client, asked)
        if comment is None:
            client.react(asked.full_name, asked.post_kind, target(asked), Reaction.CONFUSED)
            create(client, asked, body, sleep)
        elif known is not None and is_answer(comment):
            answer = posted(known, comment)
    except (Gone, GitHubRefused) as refused:
        log.warning("failure_not_told", answer=answer.id, reason=str(refused))
    _save(context, answer)
    log.info("answer_failed", answer=answer.id, kind=type(error).__name__)


def _let_in(
    context: Context, client: Client, question: Question, repository: Repository, chosen: Effective
) -> bool:
    """Whether a question is to be answered. A command is carried out; whoever is refused is told, once."""
    asker = admit(context, client, question, repository, chosen.config)
    admission, command = asker.admission, parse(question.text)
    if command and (admission.granted or RIGHTS[command.command] is not What.ASK):
        obey(context, client, question, repository, asker, command, chosen)
        return False
    if admission.granted:
        return True
    text = sentence(admission.refused, asker.row, Limits.of(context.settings, chosen.config))
    silent = not admission.told
    made = notice(context.settings, question, text, REFUSED, datetime.now(UTC), silent=silent)
    _store(context, Composition(answer=made, why=_no_why(question)))
    return False


def _thread(client: Client, repository: Repository, question: Question) -> Thread:
    """The thread. Raises Gone when the question went.

    A question that is missing in a list is asked for itself: lists may lag behind.
    """
    thread = client.read_thread(repository, question.number)
    if not any((one.id, one.kind) == (target(question), question.post_kind) for one in thread.posts):
        client.read_post(repository.full_name, question.post_kind, target(question))
    return thread


def _memory(context: Context, repository: Repository, config: RepoConfig) -> Memory:
    """What the repository taught. What its files say of learning holds for as long as they say it."""
    said = Learning(config.learning) if config.learning else None
    with context.database.unit() as unit:
        known = unit.repositories.upsert(repository)
        kept = unit.configurations.get(repository.id)
        learning = said or (Learning.ON if kept and kept.learning else known.learning)
        if learning is not known.learning:
            set_learning(unit, context.queue, known.id, learning, datetime.now(UTC))
        if kept and kept.learning is not said:
            unit.configurations.keep(replace(kept, learning=said))
        unit.commit()
    return context.memories.of(repository.id)


def _with_evidence(context: Context, done: Composition) -> Composition:
    """The composition with links, in the fold, to the feedback that taught its lessons."""
    ids = [lesson.phrase.id for lesson in done.why.lessons]
    if not ids:
        return done
    with context.database.unit(read_only=True) as unit:
        evidence = unit.phrases.evidence_of(ids)
    why = replace(done.why, evidence=evidence)
    return replace(done, why=why, answer=replace(done.answer, body=render_body(done.answer.text, why)))


def _store(context: Context, done: Composition, chosen: Effective | None = None) -> None:
    """Everything in one transaction; an answer that another run stored first stays.

    What is wrong with the configuration stands in the first answer after it was found.
    """
    with context.database.unit() as unit:
        if unit.answers.get(done.answer.id) is not None:
            return
        if chosen and (remarks := to_tell(unit, done.answer.question.repository_id, done.answer.id, chosen)):
            body = render_body(done.answer.text, replace(done.why, remarks=remarks))
            done = replace(done, answer=replace(done.answer, body=body))
        for prompt in done.prompts:
            unit.answers.add_prompt(prompt)
        for generation in done.generations:
            unit.answers.add_generation(generation)
        unit.answers.add_candidates(done.candidates)
        unit.answers.save(done.answer)
        unit.commit()


def _save(context: Context, answer: Answer) -> None:
    with context.database.unit() as unit:
        unit.answers.save(answer)
        unit.commit()


def _cause(error: ThumbprintError) -> str:
    """The error's sentence for people in a thread: no word of ours about settings or paths."""
    return {
        "ModelUnavailable": "the model was not to be reached.",
        "GitHubUnavailable": "GitHub was not to be reached.",
        "RateLimited": "GitHub asked me to wait for too long.",
        "DatabaseBusy": "my database was busy for too long.",
        "DatabaseFull": "my disk was full for too long.",
    }.get(type(error).__name__, "something is wrong on my side, and my operator has to look at the log.")


def _without_answer(question: Question) -> Answer:
    return Answer(
        id=question.answer_id,
        question=question,
        status=AnswerStatus.CANCELLED,
        text="",
        body="",
        candidate_id=None,
        created_at=datetime.now(UTC),
    )


def _no_why(question: Question) -> Why:
    return Why(marker=Marker(answer_id=question.answer_id))
