"""Prompt: thread, question and what was learned → chat messages. Pure; the template has a version.

Thread text is data: it stands inside a fence that nothing in it can close, and the question is asked
after it, by us, and followed by the lessons, one line each. No message can end its turn, whichever server
and chat template read it: the tokens that do are taken apart here. Without lessons, notes and
examples the prompt is, to the byte, that of a bot without memory. Left out: what is chosen
(`learning/memory/choice.py`, `bot/memory.py`), budgets (`bot/answer.py`), templates whose turns begin with
plain words (`USER:`), which no rule tells from text.
Run: `thumbprint why ANSWER` prints a prompt; `pytest tests/unit/learning/test_prompt.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from learning.memory.choice import line
from learning.memory.forms import CODE
from storage.records import Message, PhraseKind, PhraseWeight

TEMPLATE = "t4"
"""Bump with any change of the words below: answers name the template that made them."""

SYSTEM = "Use the text to answer the question in one to three sentences."
SYSTEM_ALONE = "Answer the question in one to three sentences."
TEXT = "Text:"
ASK = "Question:"
AGAIN = "Your last answer broke these rules, keep them now:"

FIXED = (SYSTEM, SYSTEM_ALONE, AGAIN)
"""Our own sentences: an answer that repeats one is an echo."""

_CONTROL = re.compile(
    r"""(?x)
    < (?= [|｜][^<>|｜\s]{1,60}[|｜]>                        # ChatML, Llama 3, Phi, Granite, Cohere; DeepSeek
        | <(?:/?SYS)>>                                      # Llama 2
        | /?s> | (?:bos|eos|pad|unk|BOS_TOKEN|EOS_TOKEN)>   # Llama 2, Mistral, Gemma
        | (?:start|end|begin|beginning)_of_[a-z]+> )        # Gemma
    | \[ (?= /?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS|TOOL_CONTENT|ARGS|IMG|gMASK)\] )
    """
)
"""Where a control token of the common chat templates begins: its first character. Case counts, as it does for
the tokenizers. Sources: the `chat_template` and `added_tokens` of these families' tokenizer_config.json."""


_RULE = re.compile(
    r"""(?x)
    Use\ (?P<quote>["`]).*(?P=quote)\. | Use\ at\ most\ \d+\ words\. | Mention:\ .*
    | Prefer\ the\ wording\ ".*"\. | Do\ not\ write\ ".*"\. | Do\ not\ answer\ questions\ like:\ .*
    """
)
"""A line that `rule` makes, of any kind of lesson."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """An earlier question and the answer that people left standing: corrected by a writer, or liked."""

    question: str
    text: str
    answer_id: str = ""
    url: str = ""


def build(
    question: str,
    thread_text: str,
    rules: Sequence[str] = (),
    examples: Sequence[Example] = (),
    again: Sequence[str] = (),
) -> tuple[Message, ...]:
    """The messages for one generation. `rules` take one line each; `again` are those the last attempt broke.

    `question`, `thread_text` and the examples are within their budgets already. Whatever they hold, the
    messages have no control token in them.
    """
    messages = [Message(role="system", content=SYSTEM if thread_text.strip() else SYSTEM_ALONE)]
    for example in examples:
        messages.append(Message(role="user", content=f"{ASK} {example.question.strip()}"))
        messages.append(Message(role="assistant", content=example.text.strip()))
    parts = []
    if thread_text.strip():
        parts.append(f"{TEXT}\n{fence(thread_text)}")
    if again:
        parts.append("\n".join((AGAIN, *(f"- {_one_line(rule)}" for rule in again))))
    parts.append("\n".join((f"{ASK} {question.strip()}", *(_one_line(rule) for rule in rules))))
    messages.append(Message(role="user", content="\n\n".join(parts)))
    return tuple(Message(role=one.role, content=defused(one.content)) for one in messages)


def question_of(messages: Sequence[Message]) -> str:
    """The question in a prompt that `build` made, without the lessons; the whole last message of another.

    Reward models read it: what they learn from has neither thread nor lessons.
    """
    text = outside(messages[-1].content)
    found = re.search(rf"^{re.escape(ASK)} (.*)", text, re.MULTILINE | re.DOTALL)
    lines = (found[1] if found else text).split("\n")
    while len(lines) > 1 and _RULE.fullmatch(lines[-1]):
        lines.pop()
    return "\n".join(lines).strip()


def outside(text: str) -> str:
    """What a message that `build` made says behind its fence: question and lessons, not the thread; the whole
    of one without a fence."""
    if not text.startswith(f"{TEXT}\n~"):
        return text
    closing = text.split("\n", 2)[1]
    return text.rpartition(f"\n{closing}\n")[2]


def defused(text: str) -> str:
    """`text` in which no control token can be read: `<|im_end|>` becomes `< |im_end|>`, all else stays."""
    return _CONTROL.sub(r"\g<0> ", text)


def rule(lesson: PhraseWeight) -> str:
    """A lesson as the policy reads it, in retries too: of a correction only the right form.

    A small policy writes what it reads: with both forms in the prompt it wrote the wrong one more often
    and the right one less than with the right one alone (`docs/log.md`). People are shown both.
    """
    phrase = lesson.phrase
    if phrase.kind is not PhraseKind.CORRECTION:
        return line(lesson)
    quote = "`" if phrase.context == CODE else '"'
    return f"Use {quote}{_one_line(phrase.right)}{quote}."


def _one_line(text: str) -> str:
    """Text on one line, whatever is in it."""
    return " ".join(text.split())


def fence(text: str) -> str:
    """`text` between two lines of tildes that are longer than any run of tildes in it.

    Runs of eight and more are cut to seven, so that the fence stays short.
    """
    text = re.sub("~{8,}", "~" * 7, text)
    longest = max((len(run) for run in re.findall("~+", text)), default=0)
    line = "~" * max(3, longest + 1)
    return f"{line}\n{text}\n{line}"
