"""Do the metrics say what people say? Each metric against people's judgements of the same answers. A stage.

A metric *agrees* in a contest when it is higher for the answer that people found better; a tie is half. Half
is what a coin gives. Beside it, where answers were rated by themselves, its rank correlation with the mean
rating, and always that with the reward, here the untrained encoder's cosine of question and answer. Intervals
resample questions. BERTScore is made with that encoder's last layer, not the one of published tables.
Left out: how contests and their references are found (`learning/training/judged_data.py`).
Run: `thumbprint evaluate metrics --data FOLDER`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from learning.intervals import Interval, bootstrap, spearman
from learning.models import hub
from learning.models.encoder import Encoder
from learning.training import judged_data
from learning.training.alarms import distinct
from learning.training.judged_data import Contest
from learning.training.metrics import Overlap, matched, overlap
from storage.errors import ThumbprintError

CHUNK = 32
"""Contests whose texts go through the encoder together."""

REWARD = "cosine"
REFERENCE = ("ROUGE-1", "ROUGE-2", "ROUGE-L", "BLEU", "BERTScore")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric. `with_rating` is None where people only compared."""

    metric: str
    agreement: Interval
    with_rating: Interval | None
    with_reward: Interval


@dataclass(frozen=True, kw_only=True)
class Report:
    """All metrics over one folder of judgements."""

    data: str
    encoder: str
    contests: int
    questions: int
    lines: tuple[Line, ...] = field(default=())


def run(data: Path, encoder: Path, limit: int = 0, name: str = "") -> Report:
    """Judge the metrics on a folder's judgements, of at most `limit` questions (0: all).

    Raises DataError for a folder without judgements.
    """
    contests = judged_data.read(data)
    names = list(dict.fromkeys(one.question for one in contests))
    if limit:
        kept = set(names[:: max(1, len(names) // limit)][:limit])
        contests = [one for one in contests if one.question in kept]
    found = values(contests, Encoder(encoder))
    return Report(
        data=data.name,
        encoder=name or encoder.name,
        contests=len(contests),
        questions=len({one.question for one in contests}),
        lines=tuple(_line(name, pairs, found[REWARD], contests) for name, pairs in found.items()),
    )


def values(contests: Sequence[Contest], encoder: Encoder) -> dict[str, list[tuple[float, float]]]:
    """Each metric's value of the better and of the worse answer, for all contests."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in (*REFERENCE, REWARD)}
    found |= {"words": [], "distinct-2": []}
    for start in range(0, len(contests), CHUNK):
        part = contests[start : start + CHUNK]
        texts = list(dict.fromkeys(t for one in part for t in (one.question, one.reference, *_two(one))))
        vectors = dict(zip(texts, encoder.embed_tokens(texts), strict=True))
        for one in part:
            words: list[Overlap] = [overlap(text, one.reference) for text in _two(one)]
            found["ROUGE-1"].append((words[0].rouge_1, words[1].rouge_1))
            found["ROUGE-2"].append((words[0].rouge_2, words[1].rouge_2))
            found["ROUGE-L"].append((words[0].rouge_l, words[1].rouge_l))
            found["BLEU"].append((words[0].bleu, words[1].bleu))
            better, worse = (matched(vectors[text][1], vectors[one.reference][1]).f1 for text in _two(one))
            found["BERTScore"].append((better, worse))
            better, worse = (float(vectors[text][0] @ vectors[one.question][0]) for text in _two(one))
            found[REWARD].append((better, worse))
            found["words"].append((float(len(one.better.split())), float(len(one.worse.split()))))
            found["distinct-2"].append((distinct([one.better]), distinct([one.worse])))
    return found


def _two(contest: Contest) -> tuple[str, str]:
    return contest.better, contest.worse


def _line(
    name: str,
    pairs: Sequence[tuple[float, float]],
    reward: Sequence[tuple[float, float]],
    contests: Sequence[Contest],
) -> Line:
    wins = [1.0 if better > worse else 0.5 if better == worse else 0.0 for better, worse in pairs]
    rows: dict[tuple[str, str], tuple[float, float, float]] = {}
    for one, two, paid in zip(contests, pairs, reward, strict=True):
        for text, value, cosine, rating in zip(_two(one), two, paid, one.ratings or (0.0, 0.0), strict=True):
            rows[one.question, text] = (value, cosine, rating)
    groups = [question for question, _ in rows]
    table = list(rows.values())
    is_rated = all(one.ratings for one in contests)
    said = [value for value, _, _ in table]
    return Line(
        metric=name,
        agreement=bootstrap(wins, [one.question for one in contests]),
        with_rating=spearman(said, [rating for _, _, rating in table], groups) if is_rated else None,
        with_reward=spearman(said, [cosine for _, cosine, _ in table], groups),
    )


def markdown(report: Report) -> str:
    """The report as a table."""
    lines = [
        f"{report.data}: {report.contests:,} contests of {report.questions:,} questions; "
        f"BERTScore and cosine by the encoder {report.encoder}.",
        "",
        "| metric | agrees with people, % | with the rating, ρ | with the reward, ρ |",
        "| --- | --- | --- | --- |",
    ]
    for one in report.lines:
        rating = "" if one.with_rating is None else _said(one.with_rating, 1, 2)
        cells = (one.metric, _said(one.agreement, 100, 1), rating, _said(one.with_reward, 1, 2))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _said(found: Interval, times: float, digits: int) -> str:
    value, low, high = (f"{part * times:.{digits}f}" for part in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; with --out writes it as JSON too. 1 and a sentence for what went wrong."""
    parser = argparse.ArgumentParser(description="Each metric against people's judgements.")
    parser.add_argument("--data", type=Path, required=True, help="a folder of judged answers")
    parser.add_argument("--encoder", default="packaged", help="`packaged`, a Hugging Face id or a folder")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/thumbprint"), help="the models' folder")
    parser.add_argument("--limit", type=int, default=0, help="questions at most; 0 for all")
    parser.add_argument("--out", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args(argv)
    try:
        encoder = hub.resolve(given.encoder, "encoder", given.cache)
        report = run(given.data, encoder, given.limit, given.encoder)
        if given.out:
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps(dataclasses.asdict(report), indent=1) + "\n")
    except (ThumbprintError, OSError) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    sys.stdout.write(markdown(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
