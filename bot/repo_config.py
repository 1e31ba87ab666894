"""RepoConfig: what a repository may choose in its `.github/thumbprint.yml`, and its JSON Schema. Pure.

One field a key, its description and bounds beside it: `docs/configuration.md` and
`docs/thumbprint.schema.json` follow from here, and tests compare them. A key that is not said is None, so
that layers are merged key by key. Left out: reading a file (`bot/config.py`), what the server says where
nobody chose (`bot/settings.py`).

    python -m bot.repo_config > docs/thumbprint.schema.json
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from bot.quiet import DAYS, MINUTES_A_WEEK, Window, minutes_of

Tone = Literal["plain", "friendly", "formal", "brief"]
Language = Literal[
    "ar", "bn", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja",
    "ko", "nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh",
]  # fmt: skip
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TriggerWord = Annotated[str, StringConstraints(pattern=r"^/[a-z][a-z0-9-]{0,29}$")]
Time = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class QuietWindow(BaseModel):
    """A time of day in which questions wait, on the days on which it begins."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="QuietWindow")

    begin: Time = Field(alias="from", description='When it begins, such as "22:00".')
    to: Time = Field(
        description='When it ends, such as "07:00": the next day, unless it is later than `from`.'
    )
    days: list[Day] = Field(
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        min_length=1,
        max_length=7,
        description="Days on which it begins; all where none is named.",
    )

    @property
    def window(self) -> Window:
        """As minutes of a day."""
        return Window(
            minutes_of(self.begin), minutes_of(self.to), frozenset(DAYS.index(d) for d in self.days)
        )


def _ends(windows: list[QuietWindow]) -> list[QuietWindow]:
    quiet = {minute for one in windows for minute in one.window.minutes()}
    if len(quiet) == MINUTES_A_WEEK:
        raise ValueError(
            "these hours never end: leave some minutes of the week in which questions are answered"
        )
    return windows


def _on_or_off(value: object) -> object:
    """What other YAML readers make of `on` and `off` means what it says."""
    return ("on" if value else "off") if isinstance(value, bool) else value


def _zone(name: str) -> str:
    if name == "localtime":  # a file of the server's, where it has one
        raise ValueError("that is whatever the server has: names are such as Europe/Berlin")
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        near = get_close_matches(name, available_timezones() - {"localtime"}, n=1)
        meant = f"did you mean {near[0]}?" if near else "names are such as Europe/Berlin"
        raise ValueError(f"there is no such time zone: {meant}") from error
    return name


class RepoConfig(BaseModel):
    """What one repository chooses; None where it leaves the choice to the layer below."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Thumbprint")

    triggers: list[TriggerWord] | None = Field(
        None,
        min_length=1,
        max_length=5,
        description="Words that ask, at the start of a line.",
        examples=[["/ask", "/docs"]],
    )
    mention: bool | None = Field(None, description="Whether a mention of the bot asks, too.")
    strangers: bool | None = Field(
        None, description="Whether people without granted access may ask; a server that says no stands."
    )
    questions_per_person: int | None = Field(
        None, ge=0, le=1_000, description="Questions of one person a day (UTC), at most the server's number."
    )
    questions_per_stranger: int | None = Field(
        None,
        ge=0,
        le=1_000,
        description="The same for people without granted access, at most the server's number.",
    )
    questions_per_repository: int | None = Field(
        None, ge=0, le=10_000, description="The same of all people, at most the server's number."
    )
    candidates: int | None = Field(
        None, ge=1, le=16, description="Texts that are written for an answer; the best is posted."
    )
    max_tokens: int | None = Field(None, ge=16, le=1024, description="Longest answer, in tokens.")
    min_score: float | None = Field(
        None, ge=-1.0, le=1.0, description="Phrase score below which an answer is generated again."
    )
    tone: Tone | None = Field(None, description="How answers sound.")
    language: Language | None = Field(
        None, description="Language of the answers, as ISO 639-1 has it; unless named, the model's choice."
    )
    model: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")] | None = Field(
        None,
        description="Model or adapter that writes the answers: one that the server's operator allows.",
        examples=["policy"],
    )
    learning: Annotated[Literal["on", "frozen", "off"], BeforeValidator(_on_or_off)] | None = Field(
        None,
        description="Whether feedback acts: `on`; `frozen` (recorded, nothing changes); `off`.",
    )
    training: bool | None = Field(
        None, description="Whether what was asked, answered and corrected here may train a model."
    )
    quiet_hours: Annotated[list[QuietWindow], AfterValidator(_ends)] | None = Field(
        None,
        max_length=7,
        description="Times in which questions wait; they are answered when the time ends.",
        examples=[[{"from": "22:00", "to": "07:00"}]],
    )
    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)] | None = Field(
        None, description="Time zone of `quiet_hours`, by its name.", examples=["Europe/Berlin"]
    )
    draft: bool | None = Field(
        None, description="Whether an answer waits on a page of the server until somebody there approves it."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _number_or_not(cls, value: object, info: ValidationInfo) -> object:
        """Yes and no are no numbers: a quota of `false` would let in nobody."""
        numbers = (int | None, float | None)
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation in numbers:
            raise PydanticCustomError("not_a_number", "a number is wanted")
        return value


EMPTY = RepoConfig()
"""Nothing chosen."""

SCHEMA_URL = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The JSON Schema of a file, for editors: what a file may say, without what only we say (null)."""
    made = RepoConfig.model_json_schema(by_alias=True)
    made["properties"] = {name: _said(one) for name, one in made["properties"].items()}
    return {"$schema": SCHEMA_URL, **made, "description": "Thumbprint's configuration of a repository."}


def _said(one: dict[str, Any]) -> dict[str, Any]:
    """A property without the null that stands for a key that is not there."""
    one = {name: value for name, value in one.items() if name not in ("default", "title")}
    choices = [choice for choice in one.pop("anyOf", ()) if choice != {"type": "null"}]
    return {**choices[0], **one} if len(choices) == 1 else one


def main() -> None:
    """Print the schema."""
    print(json.dumps(schema(), indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
