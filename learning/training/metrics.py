"""How near answers are to people's, by the published metrics. Pure.

ROUGE-1/2/L (F1, no stemming) by rouge-score, SacreBLEU's sentence and corpus BLEU as shares of 1, BERTScore's
greedy matching (arXiv 1904.09675: no idf, no rescaling) over whatever unit vectors an encoder gives a token.
BLEU and BERTScore were *best* for a published policy that had fallen to 19 tokens: read them beside length
and the signs of a collapse (`distinct`, `yes_no_rate`, `echo_rate` of `learning/training/alarms.py`). Left
out: what counts tokens and makes vectors; rewards.
Run: `pytest tests/unit/learning/training/test_metrics.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""(tokens, dimensions), of unit length each."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How near one answer is to one reference by words, each in [0, 1]."""

    rouge_1: float
    rouge_2: float
    rouge_l: float
    bleu: float


@dataclass(frozen=True, kw_only=True)
class Match:
    """BERTScore of one answer: precision, recall, F1."""

    precision: float
    recall: float
    f1: float


def overlap(answer: str, reference: str) -> Overlap:
    """ROUGE and sentence BLEU of one answer. An answer without a word overlaps with nothing."""
    from sacrebleu import sentence_bleu

    found = _rouge().score(reference, answer)
    return Overlap(
        rouge_1=float(found["rouge1"].fmeasure),
        rouge_2=float(found["rouge2"].fmeasure),
        rouge_l=float(found["rougeL"].fmeasure),
        bleu=sentence_bleu(answer, [reference]).score / 100,
    )


def bleu(answers: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU over all answers, in [0, 1]. Raises ValueError for none, or sides of unequal length."""
    from sacrebleu import corpus_bleu

    if not answers or len(answers) != len(references):
        raise ValueError("BLEU needs an answer for every reference, and one at least")
    return float(corpus_bleu(list(answers), [list(references)]).score) / 100


def matched(answer: Vectors, reference: Vectors) -> Match:
    """BERTScore of token vectors: each token with its most similar one on the other side, then the means."""
    if not len(answer) or not len(reference):
        return Match(precision=0.0, recall=0.0, f1=0.0)
    similar = answer @ reference.T
    precision, recall = float(similar.max(axis=1).mean()), float(similar.max(axis=0).mean())
    both = precision + recall
    return Match(precision=precision, recall=recall, f1=2 * precision * recall / both if both > 0 else 0.0)


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
