"""Flow 1, the jobs' halves: read, compose, store, post. One function a step, each safe to carry out again.

    acknowledge          beside it          compose_job → post          and, when one failed for good, fail

What keeps an answer single: its id follows from the question, so composing twice stores once; who posts it
takes it first, and looks for our marker (`bot/posting.py`). No transaction is open while a model or GitHub
works. Left out: what becomes of a taken answer (`bot/outcome.py`); order, patience and resumption
(`bot/jobs.py`).
Run: `pytest tests/unit/bot/test_answer.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from bot import drafts
from bot.adapters import Served
from bot.admission import admit
from bot.compose import Composition, compose
from bot.config import Effective
from bot.configurations import to_tell
from bot.context import Context
from bot.effects import hosts_of
from bot.github import Client
from bot.hearing import as_it_stands, heard, target, unless_late
from bot.learning_mode import follow
from bot.marker import Marker
from bot.notices import EDITED_COMMAND, REFUSED, REWRITTEN, notice
from bot.obey import obey
from bot.outcome import fail, post_taken
from bot.plan import plan_of
from bot.posting import take
from bot.quotas import Limits, sentence
from bot.reply import Why, as_posted, render_body
from bot.slash import RIGHTS, parse
from bot.waiting import WAITED, hold_back, in_quiet
from storage.errors import GitHubRefused, Gone, ModelRequestError, RateLimited
from storage.postings import OPEN
from storage.records import (
    Answer,
    AnswerStatus,
    Question,
    Reaction,
    Repository,
    Thread,
)
from storage.rights import What

__all__ = ["acknowledge", "compose", "compose_job", "fail", "post"]

log = structlog.get_logger()

TOLD = 3
"""How often a server that lost an adapter is told again for one answer; then it answers without one."""

REWORDED = 3
"""How often a question is composed anew because it was changed; then what there is is posted."""


def acknowledge(context: Context, question: Question) -> None:
    """👀 on the question, at once, if it is let in; it is no must.

    One that is gone, a locked thread, and a limit that answers need more, are no errors.
    """
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
    except (Gone, GitHubRefused, RateLimited) as error:
        log.info("acknowledge_skipped", answer=question.answer_id, reason=str(error))


def compose_job(context: Context, question: Question) -> str:
    """Compose the answer and store it with all that led to it; returns its id.

    An answer that is there already is left as it is. The question is taken as it stands now. A command gets
    its reply for an answer, and a question that is not let in a sentence, or nothing (`bot/admission.py`).
    When the question was deleted, asks nothing any more, or its thread is gone meanwhile, the answer is
    CANCELLED. Where a repository wants drafts, what a model wrote is one (`bot/drafts.py`). May raise what
    GitHub and the models raise, NotThereYet where GitHub may only be late, and Quiet in quiet hours.
    """
    with context.database.unit(read_only=True) as unit:
        if unit.answers.is_composed(question.answer_id):
            return question.answer_id
    client = context.github.of(question)
    try:
        repository = client.repository(question.repository_id)
        chosen = follow(context, client, repository)
        asked, rewritten = as_it_stands(client, repository, question, chosen, context.settings.app_slug)
        if not _let_in(context, client, asked, repository, chosen, rewritten):
            return question.answer_id
        hold_back(asked, chosen.config, datetime.now(UTC))
        thread = client.read_thread(repository, question.number)
    except Gone as error:
        unless_late(context, question, error)
        log.info("answer_cancelled", answer=question.answer_id, reason=str(error))
        _store(context, Composition(answer=_without_answer(question), why=_no_why(question)))
        return question.answer_id
    asked = replace(asked, full_name=repository.full_name)
    done = _composed(context, asked, thread, repository, chosen)
    notes = [done.why.note, *([WAITED] if in_quiet(asked, chosen.config) else [])]
    done = replace(done, why=replace(done.why, note=" ".join(filter(None, notes))))
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

    Where the question was changed since it was answered, its last text is answered. Raises GitHubUnavailable
    when it is unknown whether the comment was created (calling again looks first), RateLimited when its turn
    has not come, Overtaken when another worker took it.
    """
    for left in reversed(range(REWORDED)):
        with context.database.unit(read_only=True) as unit:
            answer = unit.answers.get(answer_id)
        if answer is None or answer.status not in (*OPEN, AnswerStatus.OUTDATED):
            return
        if answer.status is AnswerStatus.OUTDATED:
            compose_job(context, answer.question)
        context.github.expect_to_write(answer.question)
        posting = take(context, answer_id, sleep)
        if posting is None or post_taken(context, posting, mind_edits=left > 0):
            return


def _composed(
    context: Context, asked: Question, thread: Thread, repository: Repository, chosen: Effective
) -> Composition:
    """The answer, all of it by one adapter, or by the model that the repository chose.

    Where the server lost the adapter meanwhile, it is told again, and the answer begun anew.
    """
    plan, memory = plan_of(context.settings, chosen.config), context.memories.of(repository.id)
    hosts = hosts_of(context.settings.github_url)
    for tries in range(TOLD + 1):
        served = Served()
        if not plan.model and tries < TOLD:
            served = context.adapters.choose(repository.installation_id, repository.id, asked.thread_key)
        using = replace(plan, model=served.model or plan.model, adapter=served.adapter)
        try:
            return compose(asked, thread, memory, context.models, using, datetime.now(UTC), hosts)
        except ModelRequestError as error:
            if not context.adapters.lost(served, error):
                raise
    raise AssertionError("without an adapter nothing is lost")


def _let_in(
    context: Context,
    client: Client,
    question: Question,
    repository: Repository,
    chosen: Effective,
    rewritten: bool,
) -> bool:
    """Whether a question is to be answered. A command is carried out; whoever is refused is told, once.

    One that was `rewritten` since it was delivered changes nothing: whoever may write edits others' posts.
    """
    asker = admit(context, client, question, repository, chosen.config)
    admission, command = asker.admission, parse(question.text)
    if command and rewritten and RIGHTS[command.command] is not What.ASK:
        _say(context, question, EDITED_COMMAND, REWRITTEN, chosen, silent=not admission.granted)
        return False
    if command and (admission.granted or RIGHTS[command.command] is not What.ASK):
        obey(context, client, question, repository, asker, command, chosen)
        return False
    if admission.granted:
        return True
    text = sentence(admission.refused, asker.row, Limits.of(context.settings, chosen.config))
    _say(context, question, text, REFUSED, chosen, silent=not admission.told)
    return False


def _say(
    context: Context, question: Question, text: str, name: str, chosen: Effective, *, silent: bool
) -> None:
    now = datetime.now(UTC)
    made = notice(context.settings, question, text, name, now, silent=silent, word=chosen.word)
    _store(context, Composition(answer=made, why=_no_why(question)))


def _with_evidence(context: Context, done: Composition) -> Composition:
    """The composition with links, in the fold, to the feedback that taught its lessons."""
    ids = [lesson.phrase.id for lesson in done.why.lessons]
    with context.database.unit(read_only=True) as unit:
        evidence = unit.phrases.evidence_of(ids)
    why = replace(done.why, evidence=evidence)
    return replace(done, why=why, answer=replace(done.answer, body=render_body(done.answer.text, why)))


def _store(context: Context, done: Composition, chosen: Effective | None = None) -> None:
    """Everything in one transaction; an answer that another run stored first stays.

    Of a question whose asker was forgotten meanwhile nothing is kept but that it gets no answer.
    What is wrong with the configuration stands in the first answer after it was found.
    """
    with context.database.unit() as unit:
        if unit.answers.is_composed(done.answer.id):
            return
        unit.answers.ask(done.answer.question)
        if not unit.answers.reword(done.answer.question):
            forgotten = unit.answers.question(done.answer.id) or done.answer.question
            unit.answers.save(_without_answer(forgotten))
            unit.commit()
            return
        if chosen and (remarks := to_tell(unit, done.answer.question.repository_id, done.answer.id, chosen)):
            body = render_body(done.answer.text, replace(done.why, remarks=remarks))
            done = replace(done, answer=replace(done.answer, body=body))
        for prompt in done.prompts:
            unit.answers.add_prompt(prompt)
        for generation in done.generations:
            unit.answers.add_generation(generation)
        unit.answers.add_candidates(done.candidates)
        answer = context.signer.sign_answer(as_posted(done.answer))
        if chosen and chosen.config.draft and done.generations:
            answer = drafts.hold(unit, answer, datetime.now(UTC), context.settings.draft_days)
        unit.answers.save(answer)
        unit.commit()


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
