"""How wide a correction is: names of files, addresses and code spans are one phrase, and nothing less."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from learning.memory.choice import assess
from learning.memory.index import PhraseIndex
from learning.memory.repair import repair
from storage.records import PhraseKind, PhraseWeight
from tests.unit.learning.memory.people import of_kind, taught


def learned(before: str, after: str) -> list[PhraseWeight]:
    """The corrections that one writer's edit teaches."""
    return of_kind(taught(("How is it done?", before, after)), PhraseKind.CORRECTION)


def pairs(before: str, after: str) -> set[tuple[str, str]]:
    return {(w.phrase.text, w.phrase.right) for w in learned(before, after)}


def carried_out(lessons: list[PhraseWeight], text: str) -> str:
    """The text as it would be posted: what it breaks is repaired."""
    return repair(text, assess(PhraseIndex.build(lessons), text).violations)[0]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("config.json", "settings.json"),
        ("settings.json", "inkwell.json"),
        ("logging.yaml", "logs.yaml"),
        ("json.txt", "data.txt"),
        ("csv.md", "tables.md"),
        ("json.py", "orjson.py"),
        ("my-config.yml", "my-settings.yml"),
        ("2024-data.csv", "2025-data.csv"),
        ("config.prod.toml", "settings.prod.toml"),
        ("logging.strange", "logs.strange"),
        ("old.example.com", "new.example.com"),
        ("ops@example.com", "dev@example.com"),
        ("jo.ops@mail.example.org", "jo.dev@mail.example.org"),
        ("csv/io.py", "tables/io.py"),
    ],
)
@pytest.mark.parametrize("around", ["Look at {} first.", "Look at `{}` first.", "```\nedit {}\n```"])
def test_a_file_a_path_and_an_address_are_one_phrase(wrong: str, right: str, around: str) -> None:
    found = {(bad, good) for bad, good in pairs(around.format(wrong), around.format(right))}
    assert found
    for bad, good in found:
        assert wrong in bad
        assert right in good


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("open('json.txt'); json.loads(x)", "open('json.txt'); orjson.loads(x)"),
        ("Edit `json.txt`, json.py and `json.prod.yaml`.", None),
        ("```python\nwith open('json.log') as f:\n    json.load(f)\n```", None),
        ("```python\nimport json\njson.log\n```", "```python\nimport orjson\norjson.log\n```"),
    ],
)
def test_a_name_that_was_corrected_is_no_part_of_a_file_name(text: str, after: str | None) -> None:
    before = "```python\nimport json\nx = json.loads(s)\n```"
    lessons = learned(before, before.replace("json", "orjson"))
    expected = text.replace("json.load(", "orjson.load(") if after is None else after
    assert carried_out(lessons, text) == expected


def test_a_name_and_the_file_of_that_name_are_two_corrections_of_one_edit() -> None:
    before = "```python\nimport config\nconfig.load('config.toml')\n```\n\nThen edit `config.toml`."
    lessons = learned(before, before.replace("config", "settings"))
    assert carried_out(lessons, before) == before.replace("config", "settings")


def test_what_is_called_is_no_file() -> None:
    assert ("answered.", "replied.") in pairs("Call `answered.json()`.", "Call `replied.json()`.")
    assert ("frame.", "table.") in pairs("Call `frame.head(3)`.", "Call `table.head(3)`.")
    assert ("logging", "structlog") in pairs("Log by `logging.info`.", "Log by `structlog.info`.")


STEMS = st.sampled_from(
    ["config", "json", "csv", "logging", "data", "test", "random", "my-app", "io2", "alt"]
)
ENDINGS = st.sampled_from(["json", "py", "yaml", "txt", "md", "ini", "conf", "log"])
TEXTS = st.lists(
    st.sampled_from(
        [
            "import logging, json\nlogging.info(json.dumps(x))",
            "from csv import reader",
            "import random as config",
            "`config.get(x)` and `data.append(test)`",
            "The config of a test, as csv data.",
            "my-app, alt and io2.",
            "Open app/config.json or ../config.json or /etc/config.json.",
            "config.json.bak and json.pyc",
            "```python\nimport test\ntest.json()\ndata.json\n```",
        ]
    ),
    min_size=1,
    max_size=4,
).map("\n\n".join)


@given(STEMS, STEMS, ENDINGS, st.sampled_from(["Edit `{}` now.", "Edit {} now.", "```\ncat {}\n```"]), TEXTS)
@settings(max_examples=200, deadline=None)
def test_a_file_that_is_called_otherwise_changes_no_text_without_its_name(
    wrong: str, right: str, ending: str, around: str, text: str
) -> None:
    name = f"{wrong}.{ending}"
    assume(wrong != right and name not in text.replace(f"/{name}", "").replace(f"{name}.", "").split())
    assume(name != "data.json")
    lessons = learned(around.format(name), around.format(f"{right}.{ending}"))
    assert lessons
    assert carried_out(lessons, text) == text
    assert carried_out(lessons, f"{text}\n\nSee `{name}`.") == f"{text}\n\nSee `{right}.{ending}`."


@pytest.mark.parametrize(
    ("before", "after", "pair"),
    [
        ("Set `y = 2` there.", "Set `y = 3` there.", ("`y = 2`", "`y = 3`")),
        ("Add `-r` to it.", "Add `-R` to it.", ("`-r`", "`-R`")),
        ("Add `-r` to it.", "Add `-a` to it.", ("`-r`", "`-a`")),
    ],
)
def test_a_code_span_too_short_to_mean_anything_else_is_one_phrase(
    before: str, after: str, pair: tuple[str, str]
) -> None:
    assert pairs(before, after) == {pair}
    lessons = learned(before, after)
    assert carried_out(lessons, before) == after
    for text in ("`cp -r a b` with -r", "`my = 2`", "```\ny = 2\n```"):
        assert carried_out(lessons, text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [("Set `True`.", "Set `False`."), ("Take `2`.", "Take `3`."), ("See `x`.", "See `y`.")],
)
def test_a_span_that_is_only_a_value_or_a_letter_is_right_elsewhere(before: str, after: str) -> None:
    assert not learned(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("テストは make test で実行します。", "テストは make check で実行します。"),
        ("Führe make test aus.", "Führe make check aus."),
        ("Run make test there.", "Run make check there."),
        ("请运行 go test 。", "请运行 go vet 。"),
    ],
)
def test_a_command_in_any_language_takes_its_program_along(before: str, after: str) -> None:
    ((wrong, right),) = pairs(before, after)
    assert wrong in ("make test", "go test")
    assert right in ("make check", "go vet")
    assert carried_out(learned(before, after), "Write a test, and test it.") == "Write a test, and test it."


def test_the_verb_to_make_is_no_program() -> None:
    assert pairs("You make directories.", "You make folders.") == {("directories", "folders")}


def test_a_name_that_changed_only_its_case_is_found_and_corrected() -> None:
    lessons = learned("Call `getitem(x)`.", "Call `getItem(x)`.")
    assert carried_out(lessons, "Then `getitem(y)`.") == "Then `getItem(y)`."
    assert carried_out(lessons, "Then `getItem(y)`.") == "Then `getItem(y)`."


IMPORTS = st.sampled_from(
    [
        "import directory",
        "from paths import directory",
        "import logging",
        "from csv import reader as test",
        "import config.json",
    ]
)
UNNAMED = [
    ("Open the directory.", "Open the folder."),
    ("Edit `logging.yaml`.", "Edit `logs.yaml`."),
    ("Edit csv.md.", "Edit tables.md."),
    ("Run `make test`.", "Run `make check`."),
    ("Run make test.", "Run make check."),
    ("Write to test@example.com.", "Write to dev@example.com."),
]


@given(st.lists(IMPORTS, min_size=1, max_size=4), st.sampled_from(UNNAMED))
@settings(max_examples=60, deadline=None)
def test_no_import_changes_unless_an_identifier_was_corrected(
    lines: list[str], edit: tuple[str, str]
) -> None:
    text = "```python\n" + "\n".join([*lines, "directory.open()"]) + "\n```"
    lessons = learned(*edit)
    assert lessons
    after = carried_out(lessons, text).split("\n")
    assert [line for line in after if "import" in line] == lines
