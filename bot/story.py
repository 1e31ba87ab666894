"""The story of an answer on a terminal: what the rows say about why it says what it says.

The page of `webhooks/pages` tells the same from the same rows. Nothing is read here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from bot.wording import did, number, printable, says, stands
from storage.records import Attempt, Evidence, Phrase, PhraseWeight, Story


def tell(
    console: Console,
    story: Story,
    phrases: Mapping[str, Phrase],
    names: Mapping[str, Phrase],
    weights: Mapping[str, PhraseWeight],
    evidence: Mapping[str, Sequence[Evidence]],
) -> None:
    """Print the question, what was taught, each attempt and its candidates, the pick, what people did.

    `phrases` concerned the answer; `names` are those and all that a candidate broke.
    """
    answer = story.answer
    question = answer.question
    _head(console, f"{answer.id} · {stands(story)}")
    _line(
        console,
        f"{question.full_name}#{question.number}, asked by {question.asker.login}",
        str(question.asked_at),
    )
    _line(console, "where", answer.comment_url or "not posted")
    _head(console, "Question")
    _text(console, question.text)
    _head(console, "What people taught that concerned it")
    for phrase_id, phrase in phrases.items():
        _lesson(console, phrase, weights.get(phrase_id), evidence.get(phrase_id, ()))
    if not phrases:
        _text(console, "nothing")
    for attempt in story.attempts:
        _attempt(console, attempt, answer.candidate_id, names)
    for repair in answer.repairs:
        _line(console, "repaired", f"{repair.before} → {repair.after}")
    _head(console, f"Abstained: {answer.abstained}" if answer.abstained else "Answer")
    _text(console, answer.text)
    _head(console, "What people did")
    for event in story.feedback:
        _line(
            console, f"{event.at:%Y-%m-%d %H:%M} {event.actor.login} ({event.permission.value})", did(event)
        )
    if not story.feedback:
        _text(console, "nothing yet")


def _attempt(console: Console, attempt: Attempt, picked: str | None, names: Mapping[str, Phrase]) -> None:
    prompt, generation = attempt.prompt, attempt.generation
    _head(console, f"Attempt {prompt.attempt}: prompt of {prompt.tokens} tokens, template {prompt.template}")
    if prompt.reason:
        _line(console, "asked again", prompt.reason)
    for message in prompt.messages:
        console.print(Text(f"{message.role}:", style="bold"))
        _text(console, message.content)
    if generation is None:
        return
    _line(
        console,
        f"{generation.n} candidates by {generation.model}",
        f"seed {generation.seed}, temperature {generation.temperature}, top-p {generation.top_p}, "
        f"at most {generation.max_tokens} tokens, {generation.seconds:.1f} s",
    )
    if generation.adapter:
        _line(console, "adapter", generation.adapter)
    for one in attempt.candidates:
        broken = [f"breaks: {says(names[i])}" if i in names else i for i in one.violations]
        scores = (
            f"phrases {one.phrase_score:+.2f}",
            f"similarity {one.similarity:.2f}",
            f"log-prob {one.logprob:.2f}",
            f"{one.tokens} tokens",
        )
        head = f"{'→ picked' if one.id == picked else '·'} score {one.score:+.2f}"
        _line(console, head, ", ".join((*scores, *one.guards, *broken)))
        _text(console, one.text)


def _lesson(
    console: Console, phrase: Phrase, weight: PhraseWeight | None, evidence: Sequence[Evidence]
) -> None:
    value = None if weight is None else weight.weight
    standing = "forgotten or taken back since" if value is None else number(value)
    _line(console, says(phrase, value), f"{standing}  {phrase.id}")
    for one in evidence:
        _line(
            console,
            f"    {one.actor_login} ({one.permission.value}), {one.at:%Y-%m-%d}, {one.mass:+.2f}",
            one.url,
        )


def _head(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}", style="bold cyan"))


def _line(console: Console, name: str, value: str) -> None:
    console.print(Text.assemble(printable(name), "  ", (printable(value), "dim")))


def _text(console: Console, text: str) -> None:
    console.print(Text("\n".join(f"  {line}" for line in printable(text).splitlines())))
