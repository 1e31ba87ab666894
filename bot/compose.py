"""Flow 1 without GitHub or database: question, thread and memory → one answer, and all that led to it.

One function a step; whatever is decided here follows from the arguments, the models' replies and the seed,
which comes from the answer's id, so the same question composed twice asks the models for the same.
Left out: reading, storing and posting (`bot/answer.py`).
Run: `thumbprint ask "How do I …?"`; `pytest tests/unit/bot/test_compose.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.memory import Example, Memory, nearest
from bot.models import Models
from bot.plan import Plan
from bot.prompt import FIXED, TEMPLATE, build
from bot.reply import Marker, Why, render_body
from bot.rerank import Abstain, Pick, Retry, Scored, grounded, guards, rank, score, tidy
from bot.sanitise import ALLOWED_HOSTS, sanitise
from bot.sources import sources
from bot.thread import cut, render
from learning.memory.choice import EMPTY, Choice, assess, biases, choose, line
from learning.memory.repair import repair
from storage.records import (
    Answer,
    AnswerStatus,
    Candidate,
    Generation,
    Message,
    PhraseKind,
    PhraseWeight,
    Prompt,
    Question,
    Repair,
    Thread,
    stable_id,
)

HINT = "Write your question behind the command, for example: `/ask How do I run the tests?`"
ABSTAIN = "I would rather leave this one to the people here."
SILENT = "People here asked me to leave questions like this one to them."


@dataclass(frozen=True, kw_only=True)
class Composition:
    """An answer that is ready to be stored and posted, every prompt, generation and candidate, and the fold."""

    answer: Answer
    why: Why
    prompts: tuple[Prompt, ...] = ()
    generations: tuple[Generation, ...] = ()
    candidates: tuple[Candidate, ...] = ()


@dataclass(kw_only=True)
class _Work:
    """What one composition has gathered so far."""

    question: Question
    asked: str
    thread: Thread
    memory: Memory
    models: Models
    plan: Plan
    choice: Choice
    examples: Sequence[Example] = ()
    prompts: list[Prompt] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    broken: dict[str, PhraseWeight] = field(default_factory=dict)


def compose(
    question: Question,
    thread: Thread,
    memory: Memory,
    models: Models,
    plan: Plan,
    now: datetime,
    allowed_hosts: Iterable[str] = ALLOWED_HOSTS,
) -> Composition:
    """Answer a question about a thread. The answer is PENDING; its body's fold has no links to feedback yet.

    Raises ModelUnavailable and what else `models` raises; an unanswerable question is an abstention, no error.
    """
    asked = cut(question.text.strip(), plan.context_tokens // 3, models.count_tokens)
    work = _Work(
        question=question,
        asked=asked,
        thread=thread,
        memory=memory,
        models=models,
        plan=plan,
        choice=_choice(asked, memory, models, plan),
    )
    if not asked:
        return _finish(work, now, text=HINT, abstained="the question is empty")
    if work.choice.silence:
        return _finish(work, now, text=SILENT, abstained="people deleted answers to questions like this")
    if plan.mechanisms.examples:
        work.examples = nearest(memory.examples, asked, models.embed)
    decision = _generate(work)
    if isinstance(decision, Abstain):
        return _finish(work, now, text=f"{ABSTAIN} {decision.reason}", abstained=decision.reason)
    text, repairs, reason = _mend(decision.best, work)
    text = sanitise(text, allowed_hosts).strip()
    if reason or not text:
        reason = reason or "Nothing was left of what I wrote."
        return _finish(work, now, text=f"{ABSTAIN} {reason}", abstained=reason)
    return _finish(work, now, text=text, best=decision.best, repairs=repairs)


def seed_of(question: Question, plan: Plan, attempt: int) -> int:
    """The seed of one attempt: from the answer's id, so that a repeated job asks for the same, and below 2³¹."""
    digest = hashlib.sha256(f"{question.answer_id}/{plan.seed}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def _choice(asked: str, memory: Memory, models: Models, plan: Plan) -> Choice:
    """The lessons that concern the question; none where no mechanism would use them."""
    using = plan.mechanisms
    if not asked or not (using.prompt or using.regenerate or using.best_of_n or using.bias or using.repair):
        return EMPTY

    def similarity(texts: list[str]) -> list[float]:
        if not texts:
            return []
        own, *others = models.embed([asked, *texts])
        return [_cosine(own, other) for other in others]

    return choose(memory.index, asked, plan.phrase_tokens, models.count_tokens, similarity)


def _generate(work: _Work) -> Pick | Abstain:
    """Rounds of generation until a candidate is good enough, or there are no more."""
    plan = work.plan
    rounds = plan.rounds if plan.mechanisms.regenerate else 1
    broken: tuple[PhraseWeight, ...] = ()
    for attempt in range(1, rounds + 1):
        prompt = _prompt(work, attempt, broken)
        work.prompts.append(prompt)
        work.scored += _candidates(work, prompt, broken)
        decision = rank(
            work.scored,
            min_score=plan.min_score,
            floor=plan.floor,
            rounds_left=rounds - attempt,
            repairs=plan.mechanisms.repair,
        )
        if not isinstance(decision, Retry):
            return decision
        broken = tuple(work.broken[phrase_id] for phrase_id in decision.violations)
    raise AssertionError("rank() asks for no retry when no round is left")


def _prompt(work: _Work, attempt: int, broken: Sequence[PhraseWeight]) -> Prompt:
    """The prompt of one attempt, its thread text as long as the context allows."""
    plan, models = work.plan, work.models
    shown = work.choice if plan.mechanisms.prompt else EMPTY
    rules = (*work.memory.notes, *shown.lines)
    again = [line(lesson) for lesson in broken]
    examples = [
        replace(
            example,
            question=cut(example.question, plan.example_tokens // 2, models.count_tokens),
            text=cut(example.text, plan.example_tokens, models.count_tokens),
        )
        for example in work.examples
    ]

    def messages(thread_text: str) -> tuple[Message, ...]:
        return build(work.asked, thread_text, rules, examples, again)

    room = plan.context_tokens - models.count_prompt(messages("x"))
    built = messages("")
    while room > 0:
        built = messages(render(work.thread, work.question, room, models.count_tokens))
        over = models.count_prompt(built) - plan.context_tokens
        if over <= 0:
            break
        room -= max(over, 8)
        built = messages("")
    return Prompt(
        id=stable_id("p", work.question.answer_id, attempt),
        answer_id=work.question.answer_id,
        attempt=attempt,
        template=TEMPLATE,
        messages=built,
        phrase_ids=shown.phrase_ids,
        tokens=models.count_prompt(built),
    )


def _candidates(work: _Work, prompt: Prompt, broken: Sequence[PhraseWeight]) -> list[Scored]:
    """One generation: its candidates, tidied, guarded and scored."""
    plan, models = work.plan, work.models
    towards = biases(work.choice, broken) if plan.mechanisms.bias else ()
    seed = seed_of(work.question, plan, prompt.attempt)
    done = models.complete(
        prompt.messages,
        n=plan.n,
        seed=seed,
        temperature=plan.temperature,
        top_p=plan.top_p,
        max_tokens=plan.max_tokens,
        biases=towards,
    )
    generation = Generation(
        id=stable_id("g", prompt.id),
        prompt_id=prompt.id,
        model=done.model,
        seed=seed,
        temperature=plan.temperature,
        top_p=plan.top_p,
        max_tokens=plan.max_tokens,
        n=plan.n,
        biased_phrase_ids=work.choice.phrase_ids if towards else (),
        seconds=done.seconds,
    )
    work.generations.append(generation)
    read = "\n".join((work.thread.title, *(one.body for one in work.thread.posts if not one.by_us)))
    texts = [tidy(one.text, one.finish_reason) for one in done.candidates]
    similar = _similarities(work, texts)
    scored = []
    for index, (one, text, similarity) in enumerate(zip(done.candidates, texts, similar, strict=True)):
        assessed = assess(work.memory.index, text, work.choice)
        failed = guards(text, work.asked, FIXED) if text else ("no_end",) if one.text.strip() else ("empty",)
        violations = tuple(lesson.phrase.id for lesson in assessed.violations)
        work.broken.update((lesson.phrase.id, lesson) for lesson in assessed.violations)
        candidate = Candidate(
            id=stable_id("c", generation.id, index),
            generation_id=generation.id,
            index=index,
            text=one.text,
            tokens=one.tokens,
            logprob=one.logprob,
            finish_reason=one.finish_reason,
            phrase_score=assessed.score,
            similarity=similarity,
            guards=failed,
            violations=violations,
            score=score(
                assessed.score,
                similarity,
                failed,
                violations,
                grounded(text, read, work.asked),
            ),
        )
        scored.append(Scored(candidate=candidate, text=text, violations=violations))
    return scored


def _similarities(work: _Work, texts: Sequence[str]) -> list[float]:
    """Cosine of the question and each text; 0 for an empty one."""
    if not any(texts):
        return [0.0] * len(texts)
    asked, *vectors = work.models.embed([work.asked, *(text or "-" for text in texts)])
    return [_cosine(asked, vector) if text else 0.0 for text, vector in zip(texts, vectors, strict=True)]


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Of two vectors of unit length."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def _mend(best: Scored, work: _Work) -> tuple[str, tuple[Repair, ...], str]:
    """The picked text with its broken lessons carried out, the repairs, and why not even that helped, or ""."""
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


def _finish(
    work: _Work,
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
    lessons = dict.fromkeys(work.choice.weights)
    lessons.update(dict.fromkeys(work.broken[r.phrase_id] for r in repairs if r.phrase_id in work.broken))
    if work.choice.silence:
        lessons[work.choice.silence] = None
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
        lessons=tuple(lessons),
        repairs=repairs,
        sources=sources(text, work.asked, work.thread, work.question, work.examples) if best else (),
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
