"""Rerank: candidates → Pick | Retry(reason, violations) | Abstain(reason). Pure.

A candidate is first tidied (an invented next question, a half sentence at the end go), then guarded:

- empty: no word in it, or a placeholder     - refusal: speaks of being a model instead of answering
- echo: says the question or the prompt again, which an encoder takes for the best answer of all
- repetition: the same words over and over   - no_end: cut off by the token limit before anything was said

`score` = phrase score + ½ · bounded similarity + `GROUNDED` · (what the comments bear out − half of what
only says the issue again) − 1 for each guard − ½ for each broken lesson. Similarity is bounded at `SIMILAR`:
beyond it texts repeat the question. With repairs on, broken lessons cost `MENDING` in place of the phrase
score, because a good answer with a wrong name can be mended, and one that says nothing cannot.
Left out: what a lesson is and whether a text keeps it (`learning/memory/choice.py`).
Run: `pytest tests/unit/bot/test_rerank.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from learning.memory.text import terms
from storage.records import Candidate

SIMILAR = 0.7
GROUNDED = 0.75
FEW = 6
MENDING = 0.1
UNUSABLE = frozenset({"empty", "echo", "refusal", "repetition", "no_end"})

_WORDS = re.compile(r"\w+(?:[./-]\w+)*")
_NEXT = re.compile(
    r"\n\s*(?:#+\s*|\*\*)?(?:question|user|human|title|text|q|thread|notes?)(?:\*\*)?\s*:.*",
    re.IGNORECASE | re.DOTALL,
)
_LABEL = re.compile(
    r"\A\s*(?:\*\*)?(?:answer|a|response|reply|assistant)(?:\*\*)?\s*:(?:\*\*)?\s*", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"\[(?:insert|your|add|enter|answer|placeholder|todo)\b[^\]]*\]|<(?:insert|your|answer|placeholder)\b[^>]*>"
    r"|\blorem ipsum\b|\byour answer (?:here|goes here)\b|\bto be (?:added|written)\b"
    r"|\A\W*(?:todo|tbd|n/?a)\W*\Z",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial|language|large)\b|\bi(?:'m| am) (?:sorry|unable|not able)\b"
    r"|\bmy apologies\b|\bi apologi[sz]e\b"
    r"|\bi(?:'m| am) (?:an? |just an? )?(?:ai|language model|chatbot)\b"
    r"|\bi (?:can't|cannot) (?:assist|help|answer)\b",
    re.IGNORECASE,
)
_ABOUT = frozenset(terms("the answer to this question is as follows text says"))
_SENTENCE_END = re.compile(r"[.!?:…][\"')\]*_`]*(?=\s|\Z)|\n")


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A candidate with its scores filled in, and its text as it would be posted.

    `spoken_of`: whether any lesson concerns it or its question; where none does, its phrase score of 0
    says nothing. `disliked`: the ids of the wordings that lower its score.
    """

    candidate: Candidate
    text: str
    violations: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    spoken_of: bool = False


@dataclass(frozen=True, kw_only=True)
class Pick:
    """This candidate is good enough, or the best that could be had."""

    best: Scored


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Ask again. `violations` are the ids of the lessons that the best candidate breaks, or that lower it."""

    reason: str
    violations: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Abstain:
    """Better no answer than any of these; `reason` is a sentence for people."""

    reason: str


def tidy(text: str, finish_reason: str) -> str:
    """A candidate as it would be posted: no label in front, no invented next turn, no half sentence.

    An open fence at a cut-off end loses its last line and is closed; a cut-off sentence goes.
    """
    text = _NEXT.sub("", _LABEL.sub("", text.strip())).strip()
    if finish_reason != "length":
        return text
    opened = _open_fence(text)
    if opened is not None:
        head, code = text[:opened].rstrip(), text[opened:]
        lines = code.split("\n")
        if len(lines) > 3:
            fence = re.match(r"\s*(`{3,}|~{3,})", code)
            return f"{head}\n\n" * bool(head) + "\n".join(lines[:-1]) + "\n" + (fence[1] if fence else "```")
        text = head
    if text.endswith("```"):
        return text
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    kept = text[: ends[-1]].rstrip() if ends else ""
    return re.sub(r"\n\s*(?:\d+[.)]|[-*])\s*\Z", "", kept).removesuffix(":").rstrip() if kept else ""


def guards(text: str, question: str, prompt: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the guards that a tidied text fails. `prompt` holds our own sentences in the prompt."""
    words = [word.casefold() for word in _WORDS.findall(text)]
    if not words:
        return ("empty",)
    failed = []
    if _PLACEHOLDER.search(text):
        failed.append("empty")
    if _REFUSAL.search(text):
        failed.append("refusal")
    if _echoes(text, words, question) or any(line and line.casefold() in text.casefold() for line in prompt):
        failed.append("echo")
    if _repeats(words, text):
        failed.append("repetition")
    return tuple(failed)


def grounded(text: str, thread_text: str, question: str) -> float:
    """The share, in [0, 1], of what a text says beyond the question that the thread says too.

    At least `FEW` terms are expected, so that one lucky word is no proof.
    """
    said = set(terms(text)) - set(terms(question))
    return len(said & set(terms(thread_text))) / max(FEW, len(said))


def repeated(text: str, other: str) -> float:
    """The share, in [0, 1], of a text's runs of three words that stand in another."""
    theirs = set(_runs(other))
    own = _runs(text)
    return sum(run in theirs for run in own) / len(own) if own else 0.0


def score(
    phrase_score: float,
    similarity: float,
    failed: Sequence[str],
    broken: int = 0,
    grounds: float = 0.0,
    *,
    repairs: bool = False,
) -> float:
    """What candidates are ranked by; see the module's first lines. `broken` counts the lessons broken."""
    near = 0.5 * min(max(similarity, 0.0), SIMILAR) + GROUNDED * grounds - len(failed)
    if broken and repairs:
        return near - MENDING
    return near + phrase_score - 0.5 * broken


def rank(
    scored: Sequence[Scored], *, min_score: float, floor: float, rounds_left: int, repairs: bool
) -> Pick | Retry | Abstain:
    """Decide from all candidates of all rounds so far; ties go to the more likely, then to the earlier one.

    While `rounds_left` > 0, a best candidate that fails a guard, breaks a lesson or scores below `min_score`
    (where any lesson speaks of it) is tried again. After that the best is picked; or none, when all are
    unusable, or when the best is under `floor` and no repair can help (what one leaves the caller judges).
    """
    usable = [one for one in scored if not UNUSABLE & set(one.candidate.guards)]
    if not usable:
        names = sorted({guard for one in scored for guard in one.candidate.guards})
        if rounds_left > 0:
            return Retry(reason=f"no usable candidate ({', '.join(names) or 'none came'})", violations=())
        return Abstain(reason="I could not write an answer that I would stand by.")
    best = max(usable, key=lambda one: (one.candidate.score, one.candidate.logprob))
    found = best.candidate
    low = best.spoken_of and found.phrase_score < min_score
    if rounds_left > 0 and (best.violations or low):
        why = (
            "a lesson is broken"
            if best.violations
            else f"score {found.phrase_score:.2f} is below {min_score:.2f}"
        )
        return Retry(reason=why, violations=best.violations or best.disliked)
    if found.phrase_score < floor and not (repairs and best.violations):
        return Abstain(reason="What I would have written is what people here have rejected before.")
    return Pick(best=best)


def _open_fence(text: str) -> int | None:
    """Where the fence starts that nothing closes, or None."""
    opened: tuple[int, str] | None = None
    at = 0
    for line in text.split("\n"):
        mark = re.match(r"\s*(`{3,}(?!.*`)|~{3,})", line)  # with a backtick behind it, it is code in a line
        if mark and opened is None:
            opened = (at, mark[1])
        elif mark and opened and mark[1].startswith(opened[1]) and not line.strip().strip(mark[1][0]):
            opened = None
        at += len(line) + 1
    return opened[0] if opened else None


def _echoes(text: str, words: Sequence[str], question: str) -> bool:
    """Whether a text is the question again: nothing new in it, or most runs of three words shared."""
    if len(words) > 1 and not set(terms(text)) - set(terms(question)) - _ABOUT:
        return True
    return repeated(text, question) >= 0.6


def _runs(text: str) -> list[tuple[str, ...]]:
    words = [word.casefold() for word in _WORDS.findall(text)]
    return [tuple(words[i : i + 3]) for i in range(len(words) - 2)]


def _repeats(words: Sequence[str], text: str) -> bool:
    """Whether a text goes round in circles: few different runs of three words, or a line three times."""
    own = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
    if len(own) >= 12 and len(set(own)) / len(own) < 0.68:
        return True
    lines = [line.strip() for line in text.split("\n") if len(line.split()) > 2]
    return any(lines.count(line) >= 3 for line in set(lines))
