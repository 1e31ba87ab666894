"""Published questions with ranked or voted answers: any folder of JSON lines → typed questions. Lazy.

A line is one question. Two formats, told apart by the answers of each line:

    ranked  {"id", "title", "question", "url", "n_answers", "answers": [{"rank", "text"}]}
    voted   {"id", "title", "question", "url", "tags", "created",
             "answers": [{"score", "accepted", "created", "text"}]}

Ranks are the page's order, best first, from 0. Only `id`, `question`, and of an answer `text` with `rank` or
`score` are required; other keys are passed over. The files are `questions.jsonl` or `questions.jsonl.gz`;
without one of them every *.jsonl and *.jsonl.gz of the folder, by name. Compressed or plain is told by their
content. Left out: which questions are kept, and pairs of their answers.
Run: `pytest tests/unit/learning/training/test_corpus.py`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.errors import DataError

NAMED = ("questions.jsonl", "questions.jsonl.gz")
TERMS = datetime(2018, 5, 2, tzinfo=UTC)
"""From here on Stack Exchange's posts are under CC BY-SA 4.0, before it under 3.0 (its help pages)."""
LARGEST = 2**53
"""Of votes, ranks and counts: up to here a float holds each whole number."""


@dataclass(frozen=True, kw_only=True)
class CorpusAnswer:
    """One answer. `rank` is its place on the page, the best is 0; gaps are answers that were left out."""

    rank: int
    text: str
    score: int | None = None
    """Votes for less votes against; None where only the page's order is known."""
    accepted: bool = False
    """Whether the asker accepted it; never true where only the order is known."""
    created: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CorpusQuestion:
    """A question with its answers, best first. `id` is the unit of splitting."""

    id: str
    title: str
    question: str
    answers: tuple[CorpusAnswer, ...]
    url: str = ""
    licence: str = ""
    """SPDX expression; of posts without dates it names both of Stack Exchange's licences."""
    n_answers: int = 0
    """How many answers the page had: at least as many as are here."""
    created: datetime | None = None
    tags: tuple[str, ...] = ()

    @property
    def asked(self) -> str:
        """The title and the text below it: what the policy is asked and the encoder reads."""
        return "\n\n".join(part for part in (self.title, self.question) if part)

    @property
    def voted(self) -> bool:
        """Whether its answers have votes; else they have the page's order."""
        return all(answer.score is not None for answer in self.answers)


def read(folder: Path) -> Iterator[CorpusQuestion]:
    """Every question of a folder (or of one file), in the files' order.

    Raises DataError that names file and line: of a folder without questions, a damaged archive, a
    line that is no question, two questions of one id.
    """
    known: dict[str, str] = {}
    for path in files(folder):
        for line, raw in lines(path):
            place = f"{path}, line {line}"
            found = _question(_object(raw, place), place)
            if found.id in known:
                raise DataError(
                    f"{place}: question {found.id} was read already at {known[found.id]}: keep one of them."
                )
            known[found.id] = place
            yield found
    if not known:
        raise DataError(f"{folder} has no questions: its files are empty.")


def files(folder: Path) -> list[Path]:
    """The files that are read. Raises DataError where there is none, or it is unclear which."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: give one that holds questions.jsonl.gz.")
    named = [folder / name for name in NAMED if (folder / name).is_file()]
    if len(named) > 1:
        raise DataError(f"{folder} has both {' and '.join(NAMED)}: keep one of them.")
    found = named or sorted(path for suffix in ("*.jsonl", "*.jsonl.gz") for path in folder.glob(suffix))
    if not found:
        raise DataError(f"{folder} has no questions.jsonl.gz, nor another file of JSON lines.")
    return found


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The numbered lines of a file that have something on them. Raises DataError for a damaged archive."""
    number = 0
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield number, text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged after line {number}: fetch it again ({error}).") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _object(raw: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode("utf-8"))
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise DataError(f"{place} is not UTF-8: save the file as such.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place} is no JSON ({error}): one object a line.") from error
    if not isinstance(found, dict):
        raise DataError(f"{place} is no JSON object: one question a line.")
    return found


def _question(row: dict[str, Any], place: str) -> CorpusQuestion:
    answers = _answers(row, place)
    created = _time(row, "created", place)
    return CorpusQuestion(
        id=_text(row, "id", place),
        title=_text(row, "title", place, empty=True),
        question=_text(row, "question", place),
        answers=answers,
        url=_text(row, "url", place, empty=True),
        licence=_text(row, "licence", place, empty=True) or _licence(created, answers),
        n_answers=max(_whole(row, "n_answers", place, 0), len(answers), answers[-1].rank + 1),
        created=created,
        tags=_tags(row, place),
    )


def _answers(row: dict[str, Any], place: str) -> tuple[CorpusAnswer, ...]:
    given = row.get("answers")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise DataError(f"{place}: `answers` must be a list of at least one object.")
    ranked = ["rank" in one for one in given]
    voted = ["score" in one for one in given]
    if not (all(ranked) or all(voted)):
        raise DataError(f"{place}: every answer needs a `rank`, or every answer a `score`.")
    if all(voted) and not all(ranked):
        given = sorted(given, key=lambda one: -_whole(one, "score", place))
    answers = [
        CorpusAnswer(
            rank=_whole(one, "rank", place, n),
            text=_text(one, "text", place),
            score=_whole(one, "score", place) if all(voted) else None,
            accepted=one.get("accepted") is True,
            created=_time(one, "created", place),
        )
        for n, one in enumerate(given)
    ]
    answers.sort(key=lambda one: one.rank)
    ranks = [one.rank for one in answers]
    if ranks[0] < 0 or len(set(ranks)) < len(ranks):
        raise DataError(f"{place}: ranks must be different whole numbers from 0 on, not {ranks}.")
    return tuple(answers)


def _text(row: dict[str, Any], key: str, place: str, *, empty: bool = False) -> str:
    found = row.get(key)
    if found is None and empty:
        return ""
    if not isinstance(found, str) or not (empty or found.strip()):
        raise DataError(f"{place}: `{key}` must be {'text or null' if empty else 'text'}.")
    return found


def _whole(row: dict[str, Any], key: str, place: str, default: int | None = None) -> int:
    found = row.get(key, default)
    if not isinstance(found, int) or isinstance(found, bool) or abs(found) > LARGEST:
        raise DataError(f"{place}: `{key}` must be a whole number, and no larger than 2^53.")
    return found


def _tags(row: dict[str, Any], place: str) -> tuple[str, ...]:
    found = row.get("tags") or []
    if not isinstance(found, list) or not all(isinstance(tag, str) for tag in found):
        raise DataError(f"{place}: `tags` must be a list of texts.")
    return tuple(found)


def _time(row: dict[str, Any], key: str, place: str) -> datetime | None:
    """A date or a time of ISO 8601; UTC where it names no zone."""
    found = row.get(key)
    if found is None:
        return None
    try:
        time = datetime.fromisoformat(found)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{place}: `{key}` must be a date as 2018-05-02.") from error


def _licence(created: datetime | None, answers: tuple[CorpusAnswer, ...]) -> str:
    """Stack Exchange's own terms, by the posts' dates; both licences where a post has none."""
    times = [created, *(answer.created for answer in answers)]
    names = {f"CC-BY-SA-{'4.0' if time >= TERMS else '3.0'}" for time in times if time is not None}
    if None in times:
        names = {"CC-BY-SA-3.0", "CC-BY-SA-4.0"}
    return " AND ".join(sorted(names))
