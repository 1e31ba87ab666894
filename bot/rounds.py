"""The rounds of one answer: prompt → generation → candidates tidied, guarded and scored → again, or enough.

Left out: which lessons concern the question, and what becomes of the pick (`bot/compose.py`).
Run: `thumbprint why ANSWER` shows each round; `pytest tests/unit/bot/test_compose.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bot.memory import Memory
from bot.models import Models, Text
from bot.plan import Plan
from bot.rerank import Abstain, Pick, Retry, Scored, grounded, guards, rank, repeated, score, tidy
from bot.thread import cut, render
from learning.memory.choice import EMPTY, Choice, assess, biases
from learning.prompt import FIXED, TEMPLATE, Example, build, rule
from storage.records import (
    Candidate,
    Generation,
    Message,
    PhraseKind,
    PhraseWeight,
    Prompt,
    Question,
    Thread,
    stable_id,
)

SAID = 20_000
"""Characters of a thread that candidates are compared with."""


@dataclass(kw_only=True)
class Work:
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
    """Lessons that a candidate broke, or a disliked wording that it used, by phrase id."""

    @property
    def issue(self) -> str:
        """What the thread began with: to say it again is no answer."""
        return "\n".join((self.thread.title, *(one.body[:SAID] for one in self.thread.posts[:1])))

    @property
    def comments(self) -> str:
        """What people said after that, newest first: where facts come from."""
        said = [one.body for one in self.thread.posts[1:] if not (one.by_us or one.author.is_bot)]
        return "\n".join(reversed(said))[:SAID]


def generate(work: Work) -> Pick | Abstain:
    """Rounds of generation until a candidate is good enough, or there are no more."""
    plan = work.plan
    rounds = plan.rounds if plan.mechanisms.regenerate else 1
    broken: tuple[PhraseWeight, ...] = ()
    reason = ""
    for attempt in range(1, rounds + 1):
        prompt = _prompt(work, attempt, broken, reason)
        work.prompts.append(prompt)
        work.scored += _candidates(work, prompt, broken)
        decision = rank(
            work.scored,
            min_score=plan.min_score,
            floor=plan.floor if plan.mechanisms.regenerate else -1.0,
            rounds_left=rounds - attempt,
            repairs=plan.mechanisms.repair,
        )
        if not isinstance(decision, Retry):
            return decision
        broken = tuple(work.broken[phrase_id] for phrase_id in decision.violations)
        reason = decision.reason
    raise AssertionError("rank() asks for no retry when no round is left")


def _prompt(work: Work, attempt: int, broken: Sequence[PhraseWeight], reason: str) -> Prompt:
    """The prompt of one attempt, its thread text as long as the context allows.

    Where even no thread fits, examples go first, the farthest before the nearest, then named violations.
    """
    plan, models = work.plan, work.models
    shown = work.choice if plan.mechanisms.prompt else EMPTY
    rules = (*plan.manner, *work.memory.notes, *(rule(lesson) for lesson in shown.weights))
    again = _within([rule(lesson) for lesson in broken], plan.lesson_tokens, models.count_tokens)
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

    for least in (examples, again):
        while least and models.count_prompt(messages("")) > plan.context_tokens:
            least.pop()
    room = plan.context_tokens - models.count_prompt(messages("x"))
    built = messages("")
    while room > 0:
        tried = messages(render(work.thread, work.question, room, models.count_tokens))
        over = models.count_prompt(tried) - plan.context_tokens
        if over <= 0:
            built = tried
            break
        room -= max(over, 8)
    named = [lesson.phrase.id for lesson in broken[: len(again)]]
    return Prompt(
        id=stable_id("p", work.question.answer_id, attempt),
        answer_id=work.question.answer_id,
        attempt=attempt,
        template=TEMPLATE,
        messages=built,
        phrase_ids=tuple(dict.fromkeys((*shown.phrase_ids, *named))),
        tokens=models.count_prompt(built),
        reason=reason,
    )


def _within(lines: Sequence[str], tokens: int, count_tokens: Callable[[str], int]) -> list[str]:
    """The first lines that together take at most `tokens`."""
    kept: list[str] = []
    for line in lines:
        tokens -= count_tokens(f"- {line}\n")
        if tokens < 0:
            break
        kept.append(line)
    return kept


def _candidates(work: Work, prompt: Prompt, broken: Sequence[PhraseWeight]) -> list[Scored]:
    """One generation: what it was asked for, and its candidates with their scores."""
    plan = work.plan
    towards = biases(work.choice, broken) if plan.mechanisms.bias else ()
    seed = seed_of(work.question, plan, prompt.attempt)
    done = work.models.complete(
        prompt.messages,
        n=plan.n,
        seed=seed,
        temperature=plan.temperature,
        top_p=plan.top_p,
        max_tokens=plan.max_tokens,
        biases=towards,
        **({"model": plan.model} if plan.model else {}),
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
        biased_phrase_ids=tuple(dict.fromkeys((*work.choice.phrase_ids, *(one.phrase.id for one in broken))))
        if towards
        else (),
        seconds=done.seconds,
        adapter=plan.adapter,
    )
    work.generations.append(generation)
    texts = [tidy(one.text, one.finish_reason) for one in done.candidates]
    return [
        _scored(work, generation, index, one, text, similarity)
        for index, (one, text, similarity) in enumerate(
            zip(done.candidates, texts, _similarities(work, texts), strict=True)
        )
    ]


def _scored(
    work: Work, generation: Generation, index: int, wrote: Text, text: str, similarity: float
) -> Scored:
    """One candidate, guarded and scored; the lessons that it breaks are noted."""
    assessed = assess(work.memory.index, text, work.choice)
    disliked = [lesson for lesson in assessed.hits if lesson.weight < 0]
    work.broken.update((lesson.phrase.id, lesson) for lesson in (*assessed.violations, *disliked))
    violations = tuple(lesson.phrase.id for lesson in assessed.violations)
    told = (*work.choice.weights, *work.broken.values())
    ours = (
        *FIXED,
        *work.plan.manner,
        *(rule(one) for one in told if one.phrase.kind is not PhraseKind.CORRECTION),
    )
    failed = guards(text, work.asked, ours) if text else ("no_end" if wrote.text.strip() else "empty",)
    grounds = grounded(text, work.comments, work.asked) - 0.5 * repeated(text, work.issue)
    repairs = work.plan.mechanisms.repair
    candidate = Candidate(
        id=stable_id("c", generation.id, index),
        generation_id=generation.id,
        index=index,
        text=wrote.text,
        tokens=wrote.tokens,
        logprob=wrote.logprob,
        finish_reason=wrote.finish_reason,
        phrase_score=assessed.score,
        similarity=similarity,
        guards=failed,
        violations=violations,
        score=score(assessed.score, similarity, failed, len(violations), grounds, repairs=repairs),
    )
    spoken_of = bool(assessed.hits or violations or work.choice)
    return Scored(
        candidate=candidate,
        text=text,
        violations=violations,
        disliked=tuple(lesson.phrase.id for lesson in disliked),
        spoken_of=spoken_of,
    )


def _similarities(work: Work, texts: Sequence[str]) -> list[float]:
    """Cosine of the question and each text; 0 for an empty one."""
    if not any(texts):
        return [0.0] * len(texts)
    asked, *vectors = work.models.embed([work.asked, *(text or "-" for text in texts)])
    return [cosine(asked, vector) if text else 0.0 for text, vector in zip(texts, vectors, strict=True)]


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Of two vectors of unit length."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def seed_of(question: Question, plan: Plan, attempt: int) -> int:
    """The seed of one attempt, below 2³¹: from the answer's id, so that a repeated job asks for the same."""
    digest = hashlib.sha256(f"{question.answer_id}/{plan.seed}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
