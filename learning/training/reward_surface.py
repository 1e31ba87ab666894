"""What can be counted in an answer, beside its question: how it is made, where an encoder reads what it says.

Each count is between 0 and 1 and full at what good answers have, so that more of it earns nothing: a policy
that learns from it can climb it no further. Pure. Left out: marks of a page and not of an answer ("EDIT",
addresses of one documentation), which tell which answer was accepted and make none better.
Run: pytest tests/unit/learning/training/test_reward_surface.py
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SURFACE = (
    "words",
    "words_squared",
    "prose_words",
    "code_blocks",
    "code_spans",
    "code_share",
    "paragraphs",
    "links",
    "quotes",
    "asked_words_used",
    "words_that_were_asked",
    "first_person",
    "other_answers",
    "addressed",
    "lower_case_start",
    "whole_end",
    "print_statement",
)
"""The names of the counts, in their order; a saved head is of these, or it is refused."""

SHORTEST, LONGEST = 6, 300
"""Words between which a length counts, as a logarithm: the dead band of the reward's length term."""

_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SPAN = re.compile(r"`[^`\n]+`")
_WORD = re.compile(r"\w+")
_I = re.compile(r"\b(?:I|I'\w+|[Mm]y|[Mm]e)\b")
_OTHERS = re.compile(
    r"\b(?:accepted|other|previous|above|top) answers?\b|\banswers? (?:above|below)\b", re.IGNORECASE
)
_PRINT = re.compile(r"^\s*(?:>>> )?print [^(=]", re.MULTILINE)
_QUOTE = re.compile(r"^>", re.MULTILINE)


def surface(questions: Sequence[str], answers: Sequence[str]) -> Array:
    """The counts of each answer to its question: (n, `len(SURFACE)`), all in [0, 1]."""
    rows = [_counted(question, answer) for question, answer in zip(questions, answers, strict=True)]
    return np.asarray(rows, dtype=np.float64).reshape(len(answers), len(SURFACE))


def _counted(question: str, answer: str) -> tuple[float, ...]:
    fenced = _FENCED.findall(answer)
    prose = _FENCED.sub(" ", answer)
    asked, said = (set(_WORD.findall(text.lower())) for text in (question, answer))
    words = _length(answer)
    return (
        words,
        words**2,
        _length(prose),
        _full(len(fenced), 3),
        _full(len(_SPAN.findall(prose)), 6),
        sum(map(len, fenced)) / len(answer) if answer else 0.0,
        _full(prose.strip().count("\n\n"), 8),
        _full(len(re.findall(r"https?://", prose)), 2),
        float(bool(_QUOTE.search(prose))),
        len(asked & said) / max(1, len(asked)),
        len(asked & said) / max(1, len(said)),
        float(bool(_I.search(prose))),
        float(bool(_OTHERS.search(prose))),
        float("@" in _SPAN.sub(" ", prose)),
        float(answer.lstrip()[:1].islower()),
        float(answer.rstrip()[-1:] in (".", "!", "?", "`", ")", ":")),
        float(bool(_PRINT.search(answer))),
    )


def _length(text: str) -> float:
    """The words on a logarithmic scale: 0 up to `SHORTEST`, 1 from `LONGEST` on."""
    words = min(LONGEST, max(SHORTEST, len(text.split())))
    return float(np.log(words / SHORTEST) / np.log(LONGEST / SHORTEST))


def _full(count: int, most: int) -> float:
    return min(count, most) / most
