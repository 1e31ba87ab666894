"""Published questions → a snapshot: read, filter, pair, judge, split, write. A stage; no network is loaded.

The same folders and options make the same snapshot, byte for byte, wherever they lie. Every valid pair is in
it unless a cap is given; what that drops is in the manifest, as what the filters drop is. Left out: this
installation's own feedback.
Run: `thumbprint corpus build --data FOLDER`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from learning.training import corpus, corpus_filters, snapshot
from learning.training.corpus import CorpusQuestion
from learning.training.corpus_filters import Count
from learning.training.corpus_rows import By, Cut, Votes, capped, rows_of
from storage.errors import ConfigurationError, DataError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What decides the rows; all of it stands in the snapshot's manifest."""

    filters: tuple[str, ...] = ()
    """Filters or groups of them, as `learning/training/corpus_filters.py` names them."""
    limit: int = 0
    """How many of the kept questions, chosen by the hash of their ids; 0 for all."""
    most_pairs: int = 0
    """Pairs of one question at most, those with the largest margins; 0 for all."""
    votes: Votes = "log"
    """The scale of voted answers."""
    by: By = "id"
    """What a question's part of the data follows from: its id's hash, or its time."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """What was written, the filters' table, and what the cap on pairs took."""

    snapshot: snapshot.Snapshot
    read: int
    counts: tuple[Count, ...]
    cut: Cut


def run(folders: Sequence[Path], into: Path, options: Options) -> Built:
    """Build a snapshot of some folders' questions under `into`.

    Raises DataError for folders that cannot be read, or nothing to pair; ConfigurationError for a filter that
    there is not; SetupError where nothing can be written.
    """
    try:
        corpus_filters.names(options.filters)
    except ValueError as error:
        raise ConfigurationError(f"--filter: {error}.") from error
    questions, data = _read(folders)
    kept, counts = corpus_filters.apply(questions, options.filters)
    kept = _limited(kept, options.limit)
    try:
        whole = rows_of(kept, votes=options.votes, by=options.by)
    except ValueError as error:
        raise DataError(f"{error}: leave --by at id, or give each question its `created`.") from error
    if not whole.pairs:
        raise DataError(
            f"Of {len(questions)} questions {len(kept)} are left, without a pair: apply fewer filters."
        )
    rows, cut = capped(whole, options.most_pairs)
    about = {
        "made_of": "corpus",
        "consent": "published by their authors under the licence that each row names",
        "data": data,
        "options": asdict(options),
        "questions_read": len(questions),
        "questions_kept": len(kept),
        "filters": [asdict(count) for count in counts],
        "pairs": {"valid": len(whole.pairs), "dropped": cut.pairs, "questions_cut": cut.questions},
        "licences": dict(sorted(Counter(one.licence for one in kept).items())),
    }
    written = snapshot.write(rows, into, about=about)
    return Built(snapshot=written, read=len(questions), counts=tuple(counts), cut=cut)


def _read(folders: Sequence[Path]) -> tuple[list[CorpusQuestion], list[dict[str, object]]]:
    """All questions, and of each file its name, its SHA-256 and how many it has. One id is in one folder."""
    questions: list[CorpusQuestion] = []
    data: list[dict[str, object]] = []
    place: dict[str, Path] = {}
    for folder in folders:
        found = list(corpus.read(folder))
        for one in found:
            if one.id in place:
                raise DataError(f"Question {one.id} is in {place[one.id]} and in {folder}: give one of them.")
            place[one.id] = folder
        questions += found
        for path in corpus.files(folder):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            held = sum(1 for _ in corpus.lines(path))
            data.append({"file": path.name, "sha256": digest, "questions": held})
    return questions, sorted(data, key=lambda file: str(file["sha256"]))


def _limited(questions: list[CorpusQuestion], limit: int) -> list[CorpusQuestion]:
    if not 0 < limit < len(questions):
        return questions
    return sorted(questions, key=lambda one: hashlib.sha256(f"limit/{one.id}".encode()).digest())[:limit]
