"""Phrases, evidence, weights and changes as the rows of their tables, and back. Pure.

Left out: the queries (`phrases.py`). Run: `pytest tests/unit/storage/test_phrases.py`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from storage.records import Change, Evidence, Permission, Phrase, PhraseKind, PhraseWeight


def phrase_row(phrase: Phrase) -> dict[str, Any]:
    """A phrase as a row."""
    return {**asdict(phrase), "kind": phrase.kind.value}


def to_phrase(row: Any) -> Phrase:
    """A phrase from a row with its columns."""
    return Phrase(
        id=row.id,
        repository_id=row.repository_id,
        kind=PhraseKind(row.kind),
        text=row.text,
        right=row.right,
        context=row.context,
        limit_words=row.limit_words,
    )


def evidence_row(one: Evidence) -> dict[str, Any]:
    """One share as a row."""
    return {**asdict(one), "permission": one.permission.value}


def to_evidence(row: sa.Row[Any]) -> Evidence:
    """One share from its row."""
    return Evidence(**{**row._mapping, "permission": Permission(row.permission)})


def weight_row(weight: PhraseWeight) -> dict[str, Any]:
    """A weight as a row; its phrase is one of another table."""
    return {
        "phrase_id": weight.phrase.id,
        "repository_id": weight.phrase.repository_id,
        "ups": weight.ups,
        "downs": weight.downs,
        "weight": weight.weight,
        "active": weight.active,
        "people": weight.people,
        "as_of": weight.as_of,
        "taught_at": weight.taught_at,
        "contexts": list(weight.contexts),
        "event_ids": list(weight.event_ids),
    }


def to_weight(row: Any) -> PhraseWeight:
    """A weight from a row that is joined with its phrase's."""
    return PhraseWeight(
        phrase=to_phrase(row),
        ups=row.ups,
        downs=row.downs,
        weight=row.weight,
        active=row.active,
        people=row.people,
        as_of=row.as_of,
        taught_at=row.taught_at,
        contexts=tuple(row.contexts),
        event_ids=tuple(row.event_ids),
    )


def change_row(change: Change) -> dict[str, Any]:
    """A change as a row; its phrase is one of another table."""
    return {
        "repository_id": change.phrase.repository_id,
        "phrase_id": change.phrase.id,
        "before": change.before,
        "after": change.after,
        "at": change.at,
        "event_ids": list(change.event_ids),
    }


def to_change(row: Any) -> Change:
    """A change from a row that is joined with its phrase's."""
    return Change(
        phrase=to_phrase(row),
        before=row.before,
        after=row.after,
        at=row.at,
        event_ids=tuple(row.event_ids),
    )
