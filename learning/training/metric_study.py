"""Do the metrics say what people say? Each metric against people's judgements of the same answers. A stage.

A metric *agrees* in a contest when it is higher for the answer that people found better; a tie is half. Half
is what a coin gives. Beside it, where answers were rated by themselves, its rank correlation with the mean
rating, and always that with the untrained encoder's cosine of question and answer. With --reward a trained
reward model is one more metric, and each has its rank correlation with it; questions that it learned from are
left out, and counted. Intervals resample questions. BERTScore is made with that encoder's last layer, not the
one of published tables.
Left out: how contests and their references are found (`learning/training/judged_data.py`).
Run: `thumbprint evaluate metrics --data FOLDER --reward DIR`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from learning.intervals import Interval, bootstrap, spearman
from learning.models import hub, store
from learning.models.encoder import Encoder
from learning.training import judged_data
from learning.training.alarms import distinct
from learning.training.arguments import one_sentence
from learning.training.evaluate_report import plain
from learning.training.judged_data import Contest
from learning.training.metrics import Overlap, matched, overlap
from learning.training.reward_data import key_of
from learning.training.reward_model import CACHE, RewardModel
from storage.errors import ConfigurationError, DataError, SetupError

CHUNK = 32
"""Contests whose texts go through the encoder together."""

COSINE, TRAINED = "cosine", "reward model"
REFERENCE = ("ROUGE-1", "ROUGE-2", "ROUGE-L", "BLEU", "BERTScore")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric. `with_rating` is None where people only compared, `with_trained` without a reward model."""

    metric: str
    agreement: Interval
    with_rating: Interval | None
    with_cosine: Interval
    with_trained: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """All metrics over one folder of judgements."""

    data: str
    encoder: str
    contests: int
    questions: int
    reward: str = ""
    """The trained reward model: its folder's name, and the start of its manifest's hash; "" without one."""
    seen: int = 0
    """Questions that are left out, for the reward model learned from them."""
    lines: tuple[Line, ...] = field(default=())


def run(
    data: Path, encoder: Path, limit: int = 0, name: str = "", reward: Path | None = None, cache: Path = CACHE
) -> Report:
    """Judge the metrics on a folder's judgements, of at most `limit` questions (0: all).

    `reward`: a reward model's folder, judged beside them on questions that it never saw; which are sampled
    does not depend on it. Raises DataError for a folder without judgements or of seen questions alone,
    ModelError for a reward model that is none, or damaged.
    """
    contests = judged_data.read(data)
    names = list(dict.fromkeys(one.question for one in contests))
    if limit:
        kept = set(names[:: max(1, len(names) // limit)][:limit])
        contests = [one for one in contests if one.question in kept]
    model = RewardModel.load(reward, cache=cache) if reward else None
    contests, seen = unseen(contests, model.seen if model else frozenset())
    if not contests:
        raise DataError(f"{reward} learned from all {seen} questions of {data}: give a folder of others.")
    found = values(contests, Encoder(encoder))
    if model:
        found[TRAINED] = rewards(contests, model)
    return Report(
        data=data.name,
        encoder=name or encoder.name,
        contests=len(contests),
        questions=len({one.question for one in contests}),
        reward=f"{reward.resolve().name} {store.sha256_of(reward / store.MANIFEST)[:12]}" if reward else "",
        seen=seen,
        lines=tuple(_line(metric, found, contests) for metric in found),
    )


def unseen(contests: Sequence[Contest], seen: Set[str]) -> tuple[list[Contest], int]:
    """Contests of questions whose keys are not among `seen`, and how many questions are left out."""
    out = {one.question for one in contests if key_of(one.question) in seen}
    return [one for one in contests if one.question not in out], len(out)


def rewards(contests: Sequence[Contest], model: RewardModel) -> list[tuple[float, float]]:
    """The reward, in [-1, 1], of the better and of the worse answer, for all contests."""
    asked = [one.question for one in contests]
    better, worse = (model.score(asked, side) for side in zip(*map(_two, contests), strict=True))
    return list(zip(better, worse, strict=True))


def values(contests: Sequence[Contest], encoder: Encoder) -> dict[str, list[tuple[float, float]]]:
    """Each metric's value of the better and of the worse answer, for all contests."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in (*REFERENCE, COSINE)}
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
            found[COSINE].append((better, worse))
            found["words"].append((float(len(one.better.split())), float(len(one.worse.split()))))
            found["distinct-2"].append((distinct([one.better]), distinct([one.worse])))
    return found


def _two(contest: Contest) -> tuple[str, str]:
    return contest.better, contest.worse


def _line(name: str, found: Mapping[str, Sequence[tuple[float, float]]], contests: Sequence[Contest]) -> Line:
    pairs = found[name]
    wins = [1.0 if better > worse else 0.5 if better == worse else 0.0 for better, worse in pairs]
    is_rated = all(one.ratings for one in contests)

    def with_(others: Sequence[tuple[float, float]]) -> Interval:
        """Rank correlation over the different answers; of one that is in several contests the last counts."""
        rows = {
            (one.question, text): both
            for one, two, besides in zip(contests, pairs, others, strict=True)
            for text, *both in zip(_two(one), two, besides, strict=True)
        }
        ours, theirs = zip(*rows.values(), strict=True)
        return spearman(ours, theirs, [question for question, _ in rows])

    return Line(
        metric=name,
        agreement=bootstrap(wins, [one.question for one in contests]),
        with_rating=with_([one.ratings or (0.0, 0.0) for one in contests]) if is_rated else None,
        with_cosine=with_(found[COSINE]),
        with_trained=with_(found[TRAINED]) if TRAINED in found else None,
    )


def markdown(report: Report) -> str:
    """The report as a table."""
    heads = ["metric", "agrees with people, %", "with the rating, ρ", "with the cosine, ρ"]
    lines = [
        f"{report.data}: {report.contests:,} contests of {report.questions:,} questions; "
        f"BERTScore and cosine by the encoder {report.encoder}.",
        "",
    ]
    if report.reward:
        heads.append("with the reward model, ρ")
        left = f"{report.seen:,} questions from which it learned are left out"
        lines[1:1] = [f"Reward model: {report.reward}; {left}."]
    lines += [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
    for one in report.lines:
        rhos = [one.with_rating, one.with_cosine, one.with_trained][: len(heads) - 2]
        cells = [one.metric, _said(one.agreement, 100, 1)]
        cells += ["" if rho is None else _said(rho, 1, 2) for rho in rhos]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _said(found: Interval, times: float, digits: int) -> str:
    value, low, high = (f"{part * times:.{digits}f}" for part in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


@one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; with --out writes it as JSON too."""
    parser = argparse.ArgumentParser(description="Each metric against people's judgements.")
    parser.add_argument("--data", type=Path, required=True, help="a folder of judged answers")
    parser.add_argument("--encoder", default="packaged", help="`packaged`, a Hugging Face id or a folder")
    parser.add_argument("--reward", type=Path, help="a trained reward model, judged beside the metrics")
    parser.add_argument("--cache", type=Path, default=CACHE, help="the models' folder")
    parser.add_argument("--limit", type=int, default=0, help="questions at most; 0 for all")
    parser.add_argument("--out", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args(argv)
    if given.out and given.out.is_dir():
        raise ConfigurationError(f"{given.out} is a folder: name a file for the figures by --out.")
    encoder = hub.resolve(given.encoder, "encoder", given.cache)
    report = run(given.data, encoder, given.limit, given.encoder, given.reward, given.cache)
    sys.stdout.write(markdown(report) + "\n")
    if given.out:
        _write(report, given.out)
    return 0


def _write(report: Report, file: Path) -> None:
    """The figures as JSON. Raises SetupError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(plain(dataclasses.asdict(report)), indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise SetupError(
            f"The figures cannot be written to {file} ({error.strerror}): make room there, or name another "
            "file by --out."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
