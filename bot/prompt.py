"""Prompt: thread, question and what was learned → chat messages. Pure; the template has a version.

Thread text is data: it stands inside a fence that nothing in it can close, and the question is asked
after it, by us. Lessons are one line each, their wordings as code spans. Without lessons, notes and
examples the prompt is, to the byte, that of a bot without memory. Left out: what is chosen
(`learning/memory/choice.py`, `bot/memory.py`), budgets (`bot/answer.py`).
Run: `thumbprint why ANSWER` prints a prompt; `pytest tests/unit/bot/test_prompt.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.memory import Example
from bot.sanitise import code_span
from storage.records import Message, Phrase, PhraseKind, PhraseWeight

TEMPLATE = "t1"
"""Bump with any change of the words below: answers name the template that made them."""

SYSTEM = "You answer questions about a software project, briefly and correctly."
THREAD = "The discussion so far:"
LESSONS = "Rules of this project:"
ASK = "Answer this question in a few sentences:"
AGAIN = "Your last answer broke these rules. Keep them now:"

FIXED = (SYSTEM, THREAD, LESSONS, ASK, AGAIN)
"""Our own sentences: an answer that repeats one is an echo."""


def build(
    question: str,
    thread_text: str,
    lessons: Sequence[PhraseWeight] = (),
    examples: Sequence[Example] = (),
    notes: Sequence[str] = (),
    again: Sequence[PhraseWeight] = (),
) -> tuple[Message, ...]:
    """The messages for one generation. `again` are the lessons that the last attempt broke.

    `question` and `thread_text` are within their budgets already.
    """
    messages = [Message(role="system", content=SYSTEM)]
    for example in examples:
        messages.append(Message(role="user", content=f"{ASK} {example.question.strip()}"))
        messages.append(Message(role="assistant", content=example.text.strip()))
    parts = []
    if thread_text.strip():
        parts.append(f"{THREAD}\n{fence(thread_text)}")
    rules = [f"- {note}" for note in notes] + [f"- {rule(weight)}" for weight in lessons]
    if rules:
        parts.append(LESSONS + "\n" + "\n".join(rules))
    if again:
        parts.append(AGAIN + "\n" + "\n".join(f"- {rule(weight)}" for weight in again))
    parts.append(f"{ASK} {question.strip()}")
    messages.append(Message(role="user", content="\n\n".join(parts)))
    return tuple(messages)


def rule(weight: PhraseWeight) -> str:
    """One lesson as the policy reads it."""
    phrase = weight.phrase
    match phrase.kind:
        case PhraseKind.CORRECTION:
            return f"Write {code_span(phrase.right)}, not {code_span(phrase.text)}."
        case PhraseKind.MENTION:
            return f"Mention {code_span(phrase.right or phrase.text)}."
        case PhraseKind.LENGTH:
            return f"Answer in at most {phrase.limit_words} words."
        case PhraseKind.SILENCE:
            return "Leave questions like this one to people."
        case PhraseKind.WORDING:
            return f"{'Say' if weight.weight > 0 else 'Do not say'} {_quoted(phrase)}."


def fence(text: str) -> str:
    """`text` between two lines of tildes that are longer than any run of tildes in it.

    Runs of eight and more are cut to seven, so that the fence stays short.
    """
    text = re.sub("~{8,}", "~" * 7, text)
    longest = max((len(run) for run in re.findall("~+", text)), default=0)
    line = "~" * max(3, longest + 1)
    return f"{line}\n{text}\n{line}"


def _quoted(phrase: Phrase) -> str:
    return code_span(phrase.text)
