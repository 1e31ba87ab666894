"""A row as TRL's columns, and back. Pure.

One record a row, the same in JSONL and in parquet: first what TRL reads (conversational `prompt`, `chosen`,
`rejected`, `completion`; `label`, `margin`), then where the row is from. An answer is one message of the
assistant, in a list. https://huggingface.co/docs/trl/dataset_formats
Left out: files (`learning/training/snapshot.py`). Run: `pytest tests/unit/learning/training/test_columns.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from learning.training.rows import Demonstration, Judged, Origin, PreferencePair, Source, Split, Triplet
from storage.records import Message

Row = PreferencePair | Judged | Demonstration | Triplet

_MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
_TIME = pa.timestamp("us", tz="UTC")
_TYPES: Mapping[str, pa.DataType] = {
    "prompt": _MESSAGES,
    "chosen": _MESSAGES,
    "rejected": _MESSAGES,
    "completion": _MESSAGES,
    "label": pa.bool_(),
    "margin": pa.float64(),
    "repository_id": pa.int64(),
    "private": pa.bool_(),
    "people": pa.list_(pa.int64()),
    "asked_at": _TIME,
    "judged_at": _TIME,
    "is_generated": pa.bool_(),
    "is_paraphrased": pa.bool_(),
}
"""All that is no string."""

ORIGIN = tuple(field.name for field in fields(Origin))
"""The columns that say where a row is from, in every kind."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of rows: its name in a snapshot, the field of `Rows` that holds it, and its own columns."""

    name: str
    field: str
    row: type[Row]
    own: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The columns of its parquet files."""
        return pa.schema([(name, _TYPES.get(name, pa.string())) for name in (*self.own, *ORIGIN)])


KINDS = (
    Kind(
        name="preference",
        field="pairs",
        row=PreferencePair,
        own=("prompt", "chosen", "rejected", "margin"),
    ),
    Kind(name="unpaired", field="judged", row=Judged, own=("prompt", "completion", "label")),
    Kind(name="demonstration", field="demonstrations", row=Demonstration, own=("prompt", "completion")),
    Kind(name="triplet", field="triplets", row=Triplet, own=("question", "better", "worse", "margin")),
)
"""Preference, unpaired preference and prompt-completion are TRL's names of its formats."""


def record(kind: Kind, row: Row) -> dict[str, Any]:
    """A row as its columns. Raises ValueError that says what is wrong with the row."""
    values = {name: _put(name, getattr(row, name)) for name in kind.own}
    _check(kind, values)
    origin = {name: getattr(row.origin, name) for name in ORIGIN}
    origin |= {
        "source": row.origin.source.value,
        "split": row.origin.split.value,
        "people": sorted(row.origin.people),
        "asked_at": _utc(row.origin.asked_at),
        "judged_at": _utc(row.origin.judged_at),
    }
    return {**values, **origin}


def line(values: Mapping[str, Any]) -> str:
    """A record as one line of JSON: always the same text for the same record."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_iso)


def row(kind: Kind, text: str) -> Row:
    """The row that a line of JSON holds. Raises ValueError, TypeError or KeyError for any other text."""
    values = json.loads(text)
    if set(values) != {*kind.own, *ORIGIN}:
        raise ValueError(f"a row of {kind.name} has other columns")
    origin = {name: values[name] for name in ORIGIN}
    origin |= {
        "source": Source(values["source"]),
        "split": Split(values["split"]),
        "people": tuple(values["people"]),
        "asked_at": _time(values["asked_at"]),
        "judged_at": _time(values["judged_at"]),
    }
    own = {name: _take(name, values[name]) for name in kind.own}
    return kind.row(**own, origin=Origin(**origin))


def _put(name: str, value: Any) -> Any:
    if name == "prompt":
        return [{"role": message.role, "content": message.content} for message in value]
    if name in ("chosen", "rejected", "completion"):
        return [{"role": "assistant", "content": value}]
    return float(value) if name == "margin" else value


def _take(name: str, value: Any) -> Any:
    if name == "prompt":
        return tuple(Message(role=message["role"], content=message["content"]) for message in value)
    if name in ("chosen", "rejected", "completion"):
        [message] = value
        return message["content"]
    return value


def _check(kind: Kind, values: Mapping[str, Any]) -> None:
    """What no row may be, whoever made it."""
    texts = {name: _said(values[name]) for name in kind.own if name not in ("margin", "label")}
    for name, text in texts.items():
        if not text.strip():
            raise ValueError(f"its {name} is empty")
    better, worse = ("better", "worse") if kind.row is Triplet else ("chosen", "rejected")
    if better in texts and texts[better] == texts[worse]:
        raise ValueError(f"its {better} and its {worse} are one text")
    if "margin" in values and not (math.isfinite(values["margin"]) and values["margin"] > 0):
        raise ValueError(f"its margin is {values['margin']}, and must be a number above 0")


def _said(value: str | list[dict[str, str]]) -> str:
    if isinstance(value, str):
        return value
    return value[-1]["content"] if value else ""


def _utc(when: datetime | None) -> datetime | None:
    if when is not None and when.tzinfo is None:
        raise ValueError("one of its times has no time zone")
    return None if when is None else when.astimezone(UTC)


def _iso(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is no column")
    return value.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
