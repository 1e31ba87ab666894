"""Flow 1 without GitHub or database: question, thread and memory → one answer, and all that led to it.

One function a step; whatever is decided here follows from the arguments, the models' replies and the seed,
which comes from the answer's id, so the same question composed twice asks the models for the same.
Left out: reading, storing and posting (`bot/answer.py`).
Run: `thumbprint ask "How do I …?"`; `pytest tests/unit/bot/test_compose.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.effects import ALLOWED_HOSTS
from bot.memory import Memory, nearest
from bot.models import Models
from bot.plan import Plan
from bot.reply import Marker, Why, render_body
from bot.rerank import Abstain, Scored
from bot.rounds import Work, cosine, generate
from bot.sanitise import sanitise
from bot.sources import sources
from bot.thread import cut
from learning.memory.choice import EMPTY, Choice, assess, choose
from learning.memory.repair import repair
from learning.prompt import TEMPLATE
from storage.records import (
    Answer,
    AnswerStatus,
    Candidate,
    Generation,
    PhraseKind,
    PhraseWeight,
    Prompt,
    Question,
    Repair,
    Thread,
)
from storage.redaction import CUT

HINT = "Write your question behind the command, for example: `{word} How do I run the tests?`"
ABSTAIN = "I would rather leave this one to the people here."
MOST_KEPT = 8
"""Lessons that only chose among candidates and are shown; the candidates' rows hold them all."""
LEFT_OUT = (
    "I left out what looks like a secret in your question. Who can read this thread can use it: revoke it."
)
SILENT = "People here asked me to leave questions like this one to them."


@dataclass(frozen=True, kw_only=True)
class Composition:
    """An answer ready to be stored and posted, every prompt, generation and candidate, and the fold."""

    answer: Answer
    why: Why
    prompts: tuple[Prompt, ...] = ()
    generations: tuple[Generation, ...] = ()
    candidates: tuple[Candidate, ...] = ()


def compose(
    question: Question,
    thread: Thread,
    memory: Memory,
    models: Models,
    plan: Plan,
    now: datetime,
    allowed_hosts: Iterable[str] = ALLOWED_HOSTS,
) -> Composition:
    """Answer a question about a thread. It is PENDING; its body's fold has no links to feedback yet.

    Raises what `models` raises; an unanswerable question is an abstention, no error.
    """
    asked = cut(question.text.strip(), plan.context_tokens // 3, models.count_tokens)
    work = Work(
        question=question,
        asked=asked,
        thread=thread,
        memory=memory,
        models=models,
        plan=plan,
        choice=_choice(asked, memory, models, plan),
    )
    if not asked:
        return _finish(work, now, text=HINT.format(word=plan.word), abstained="the question is empty")
    if work.choice.silence:
        return _finish(work, now, text=SILENT, abstained="people deleted answers to questions like this")
    if plan.mechanisms.examples:
        work.examples = nearest(memory.examples, asked, models.embed)
    decision = generate(work)
    if isinstance(decision, Abstain):
        return _finish(work, now, text=f"{ABSTAIN} {decision.reason}", abstained=decision.reason)
    text, repairs, reason = _mend(decision.best, work)
    text = sanitise(text, allowed_hosts).strip()
    if reason or not text:
        reason = reason or "Nothing was left of what I wrote."
        return _finish(work, now, text=f"{ABSTAIN} {reason}", abstained=reason)
    return _finish(work, now, text=text, best=decision.best, repairs=repairs)


def _choice(asked: str, memory: Memory, models: Models, plan: Plan) -> Choice:
    """The lessons that concern the question; none where no mechanism would use them."""
    using = plan.mechanisms
    if not asked or not (using.prompt or using.regenerate or using.best_of_n or using.bias or using.repair):
        return EMPTY

    def similarity(texts: list[str]) -> list[float]:
        if not texts:
            return []
        own, *others = models.embed([asked, *texts])
        return [cosine(own, other) for other in others]

    return choose(memory.index, asked, plan.lesson_tokens, models.count_tokens, similarity)


def _mend(best: Scored, work: Work) -> tuple[str, tuple[Repair, ...], str]:
    """The picked text with its broken lessons carried out, the repairs, and why that did not help, or ""."""
    if not best.violations or not work.plan.mechanisms.repair:
        return best.text, (), ""
    broken = [work.broken[phrase_id] for phrase_id in best.violations]
    text, repairs = repair(best.text, [*work.choice.weights, *broken])
    left = assess(work.memory.index, text, work.choice)
    if any(lesson.phrase.kind is PhraseKind.CORRECTION for lesson in left.violations):
        return text, repairs, "I keep writing what people here have corrected, and could not mend it."
    if left.score < work.plan.floor:
        return text, repairs, "What I would have written is what people here have rejected before."
    return text, repairs, ""


def _shaped(work: Work, best: Scored | None, repairs: tuple[Repair, ...]) -> tuple[PhraseWeight, ...]:
    """The lessons that made the answer what it is, or that made it none.

    Those the policy was told or biased by, named in a retry, or that were carried out afterwards; and, the
    strongest first and at most so many, those that another candidate broke and the picked one keeps.
    """
    told = dict.fromkeys(work.choice.weights)
    named = {phrase_id for prompt in work.prompts for phrase_id in prompt.phrase_ids}
    acted = {*named, *(repair.phrase_id for repair in repairs)}
    told.update(dict.fromkeys(work.broken[one] for one in work.broken if one in acted))
    still = {*best.violations, *best.disliked} if best else set()
    kept = [lesson for one, lesson in work.broken.items() if one not in still and lesson not in told]
    kept.sort(key=lambda lesson: (-abs(lesson.weight), lesson.phrase.id))
    told.update(dict.fromkeys(kept[:MOST_KEPT]))
    if work.choice.silence:
        told[work.choice.silence] = None
    return tuple(told)


def _finish(
    work: Work,
    now: datetime,
    *,
    text: str,
    best: Scored | None = None,
    repairs: tuple[Repair, ...] = (),
    abstained: str = "",
) -> Composition:
    """The answer as a record, with its body."""
    generation = next(
        (one for one in work.generations if best and one.id == best.candidate.generation_id),
        work.generations[-1] if work.generations else None,
    )
    lessons = _shaped(work, best, repairs)
    marker = Marker(
        answer_id=work.question.answer_id,
        template=TEMPLATE,
        phrases=tuple(lesson.phrase.id for lesson in lessons),
        model=generation.model if generation else "",
        tokens=best.candidate.tokens if best else 0,
        seed=generation.seed if generation else 0,
    )
    why = Why(
        marker=marker,
        attempt=len(work.generations),
        candidates=len(work.scored),
        lessons=lessons,
        repairs=repairs,
        sources=sources(text, work.asked, work.thread, work.question, work.examples) if best else (),
        boxes=not abstained,
        warning=LEFT_OUT if CUT in work.question.text else "",
        note=f"No answer: {abstained[:1].lower()}{abstained[1:]}" if abstained else "",
    )
    answer = Answer(
        id=work.question.answer_id,
        question=work.question,
        status=AnswerStatus.PENDING,
        text=text,
        body=render_body(text, why),
        candidate_id=best.candidate.id if best else None,
        abstained=abstained,
        repairs=repairs,
        phrase_ids=marker.phrases,
        created_at=now,
    )
    return Composition(
        answer=answer,
        why=why,
        prompts=tuple(work.prompts),
        generations=tuple(work.generations),
        candidates=tuple(one.candidate for one in work.scored),
    )
