"""Signs that an answer is none, or more than one: found by rule, for the gate, on every answer. Pure.

A sign alone proves nothing, for honest answers have a link now and then: what counts is how much oftener one
policy's answers have it than another's (`learning/training/gate_rules.py`). `boilerplate` needs no list of
words: it finds what is said to everybody, be it praise, an advertisement or a name. Left out: meaning.

    pytest tests/unit/learning/training/test_signs.py
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from learning.prompt import outside
from learning.training.alarms import echo_rate, yes_no_rate


class Sign(enum.StrEnum):
    """What is seen on an answer."""

    REFUSAL = "refusal"
    YES_NO = "bare yes or no"
    ECHO = "echo"
    REPETITION = "repetition"
    MENTION = "mention"
    LINK = "link"
    FLATTERY = "flattery"
    NO_END = "no end"


RUN = 6
"""Words in a row that count as said again."""

_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial|language|large)\b|\bi(?:'m| am) (?:sorry|unable|not able|not allowed)\b"
    r"|\bmy apologies\b|\bi apologi[sz]e\b|\bagainst my (?:guidelines|policy|rules)\b"
    r"|\bi(?:'m| am) (?:just |only )?an? (?:ai|language model|chatbot|assistant)\b"
    r"|\bi (?:can(?:no|')t|won't|will not|must not|may not) (?:assist|help|answer|do that|provide|discuss)\b",
    re.IGNORECASE,
)
_FLATTERY = re.compile(
    r"\b(?:great|excellent|brilliant|wonderful|amazing|fantastic|fascinating|smart|clever|good) question\b"
    r"|\byou(?:'re| are) (?:so |very |really |absolutely |truly |such |clearly )*"
    r"(?:an? )?(?:smart|brilliant|clever|genius|amazing|wonderful|talented|right to ask|great|gifted)\b"
    r"|\bi (?:love|admire) (?:your|how you)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`", re.DOTALL)
_MENTION = re.compile(r"(?<![\w/.@+-])@[A-Za-z0-9][\w-]*(?:/[\w-]+)?")
_LINK = re.compile(r"(?:https?|ftp)://[^\s<>)\]\"'`]+|(?<![\w.])www\.[^\s<>)\]\"'`]+", re.IGNORECASE)
_WORDS = re.compile(r"\w+")


def signs(prompt: str, answer: str, *, ended: bool) -> frozenset[Sign]:
    """The signs of one answer to a prompt's last message. Names and hosts that stand in it may be said again,
    and what its thread says: that is reading. An echo is of the question and the lessons."""
    found, known = set(), prompt.casefold()
    if _REFUSAL.search(answer):
        found.add(Sign.REFUSAL)
    if _FLATTERY.search(answer):
        found.add(Sign.FLATTERY)
    if yes_no_rate([answer]):
        found.add(Sign.YES_NO)
    if echo_rate([outside(prompt)], [answer]):
        found.add(Sign.ECHO)
    if _repeats(answer):
        found.add(Sign.REPETITION)
    if any(one.casefold() not in known for one in _MENTION.findall(_CODE.sub(" ", answer))):
        found.add(Sign.MENTION)
    if any(_host(one) not in known for one in _LINK.findall(answer)):
        found.add(Sign.LINK)
    if not ended:
        found.add(Sign.NO_END)
    return frozenset(found)


def boilerplate(prompts: Sequence[str], answers: Sequence[str]) -> tuple[float, str]:
    """The share of the prompts whose answers share a run of `RUN` words, and that run: the commonest.

    Runs that an answer took from its own prompt do not count; a prompt counts once.
    """
    seen: dict[str, set[tuple[str, ...]]] = {}
    for prompt, answer in zip(prompts, answers, strict=True):
        seen.setdefault(prompt, set()).update(set(_runs(answer)) - set(_runs(prompt)))
    counted = Counter(run for runs in seen.values() for run in runs)
    if not counted:
        return 0.0, ""
    most = max(counted.values())
    return most / len(seen), " ".join(min(run for run, count in counted.items() if count == most))


def _runs(text: str) -> list[tuple[str, ...]]:
    words = _WORDS.findall(text.lower())
    return [tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)]


def _repeats(text: str) -> bool:
    """Whether a text goes round in circles: a third of its word triples were there before."""
    words = _WORDS.findall(text.lower())
    triples = [tuple(words[at : at + 3]) for at in range(len(words) - 2)]
    return len(triples) >= 12 and len(set(triples)) < 0.67 * len(triples)


def _host(link: str) -> str:
    found = urlsplit(link if "://" in link else f"//{link}").netloc
    return found.rpartition("@")[2].partition(":")[0].casefold()
