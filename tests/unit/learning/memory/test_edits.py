"""Diffs: what a person replaced, at the right width; cosmetics teach nothing; real edits."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.memory.edits import diff
from learning.memory.pieces import blocks
from learning.memory.text import count_words
from tests.beside import beside
from tests.clock import works_within

OWN = Path(__file__).parents[3] / "data" / "edits.jsonl"
"""Of our own writing, as people edit answers; the real ones stand beside the checkout."""


def lines_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file, gzip by its ending."""
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return [json.loads(line) for line in text.decode("utf-8").splitlines()]


@cache
def edits_of(source: str) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Before and after: our own, or real revisions of posts and drafts of models edited by writers."""
    files = [(OWN, "before", "after")]
    if source == "real":
        files = [
            (beside("edits/se_revisions.jsonl.gz"), "before", "after"),
            (beside("edits/llm_drafts_lamp.jsonl.gz"), "draft", "edited"),
        ]
    return tuple(
        (row[before].replace("\r\n", "\n"), row[after].replace("\r\n", "\n"), row)
        for file, before, after in files
        for row in lines_of(file)
    )


REPLACED = [
    ("Use `requests.get(url)` to fetch.", "Use `client.get(url)` to fetch.", ("requests.get", "client.get")),
    ("Run:\n```bash\npip install x\n```", "Run:\n```bash\nuv add x\n```", ("pip install", "uv add")),
    ("run pip install foo now", "run uv add foo now", ("pip install", "uv add")),
    ("Run `pip install foo`.", "Run `uv pip install foo`.", ("pip install", "uv pip install")),
    ("```\nsudo pip install x\n```", "```\npip install x\n```", ("sudo pip install", "pip install")),
    ("Do `npm install`.", "Do `npm ci`.", ("npm install", "npm ci")),
    ("python3 -m pip install x", "python3 -m uv add x", ("pip install", "uv add")),
    ("It is in setup.py now.", "It is in pyproject.toml now.", ("setup.py", "pyproject.toml")),
    ("See src/old/io.py there.", "See src/new/io.py there.", ("src/old/io.py", "src/new/io.py")),
    ("Call get_user to fetch it.", "Call fetch_user to fetch it.", ("get_user", "fetch_user")),
    ("Open the directory.", "Open the folder.", ("directory", "folder")),
    ("It listens on port 8000 here.", "It listens on port 8080 here.", ("port 8000", "port 8080")),
    ("import logging\n\nlogging.info(x)", "import structlog\n\nstructlog.info(x)", ("logging", "structlog")),
    ("`f = open(x)`; the `open` call", "`f = safe_open(x)`; the `open` call", ("open(", "safe_open(")),
]


@pytest.mark.parametrize(("before", "after", "pair"), REPLACED)
def test_a_replacement_is_as_small_as_means_the_same_elsewhere(
    before: str, after: str, pair: tuple[str, str]
) -> None:
    assert pair in [(r.wrong, r.right) for r in diff(before, after).replaced]


COSMETIC = [
    ("Hello  World, it's *fine*.", "hello world - it’s fine"),
    ("use a list", "Use a **list**."),
    ("A line\nand another", "A line and\nanother"),
    ("Use MyClass.", "Use `MyClass`."),
    ("- one\n- two", "* one\n* two"),
    ("The built in way.", "The built-in way."),
    ("This creates lists.", "This is creating a list."),
    ("with GitHub", "with Github"),
    ("First this. Then that.", "Then that. First this."),
]


@pytest.mark.parametrize(("before", "after"), COSMETIC)
def test_cosmetic_edits_teach_nothing(before: str, after: str) -> None:
    edit = diff(before, after)
    assert not edit.teaches, edit


def test_the_case_of_an_identifier_is_no_cosmetic() -> None:
    (only,) = diff("Call `getitem(x)`.", "Call `getItem(x)`.").replaced
    assert (only.wrong, only.right) == ("getitem", "getItem")


def test_what_was_added_or_removed_is_whole_sentences() -> None:
    edit = diff("Do it. I hope this helps!", "Do it. See docs/a.md first.\n\nAnd test it.")
    assert edit.removed == ("I hope this helps!",)
    assert edit.added == ("See docs/a.md first.", "And test it.")


def test_a_form_that_also_stands_uncorrected_takes_its_neighbour_along() -> None:
    (only,) = diff("Open the file, then list the file.", "Open the archive, then list the file.").replaced
    assert (only.wrong, only.right) == ("Open the file", "Open the archive")


def test_a_rewritten_sentence_is_no_list_of_replacements() -> None:
    edit = diff(
        "The quick red fox often jumps above lazy dogs in gardens.",
        "Every owl sleeps while nobody watches its nest.",
    )
    assert not edit.replaced
    assert edit.removed
    assert edit.added


def test_the_longest_common_wording_is_not_punished() -> None:
    edit = diff(
        "Keep the whole long sentence but call load_all.", "Keep the whole long sentence but call load_some."
    )
    assert not edit.removed
    assert [r.wrong for r in edit.replaced] == ["load_all"]


def test_the_context_is_the_line_as_corrected() -> None:
    (only,) = diff("One.\nCall load_all now.\nTwo.", "One.\nCall load_some now.\nTwo.").replaced
    assert only.context == "Call load_some now."


TEXT = st.text(alphabet=st.sampled_from("ab. `\n_/-XY\r+@#\x0c\u2028é"), max_size=80)


@given(TEXT, TEXT)
@settings(max_examples=400, deadline=None)
def test_any_two_texts_have_a_diff_within_its_bounds(before: str, after: str) -> None:
    edit = diff(before, after)
    assert 0.0 <= edit.distance <= 1.0
    assert edit.words_before == count_words(before)
    assert edit.words_after == count_words(after)
    for one in edit.replaced:
        assert one.wrong in before.replace("\r\n", "\n")
        assert one.right in after.replace("\r\n", "\n")


@given(TEXT)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    edit = diff(text, text)
    assert (edit.distance, edit.teaches) == (0.0, False)


@given(TEXT, TEXT)
@settings(max_examples=200, deadline=None)
def test_the_blocks_hold_every_line_that_changed(before: str, after: str) -> None:
    old, new = before.split("\n"), after.split("\n")
    result: list[str] = []
    at = 0
    for gone, come in blocks(before, after):
        result += old[at : gone.start] + new[come.start : come.stop]
        at = gone.stop
    assert result + old[at:] == new


@pytest.mark.parametrize(("source", "least"), [("own", 12), ("real", 301)])
def test_edits_replace_what_stood_by_what_stands(source: str, least: int) -> None:
    replaced = 0
    for before, after, _ in edits_of(source):
        for one in diff(before, after).replaced:
            replaced += 1
            assert one.wrong in before
            assert one.right in after
            assert one.wrong != one.right
    assert replaced >= least


@pytest.mark.parametrize(("source", "least"), [("own", 12), ("real", 10)])
def test_edits_that_change_only_typography_teach_nothing(source: str, least: int) -> None:
    checked = 0
    for before, after, _ in edits_of(source):
        plain = ["".join(c for c in text.casefold() if c.isalnum()) for text in (before, after)]
        if plain[0] == plain[1] and "`" not in before + after and "http" not in before + after:
            checked += 1
            assert not diff(before, after).replaced
    assert checked >= least


def test_many_small_real_edits_are_cosmetic() -> None:
    revisions = [(b, a) for b, a, row in edits_of("real") if (row.get("similarity") or 0.0) >= 0.97]
    silent = sum(not diff(before, after).teaches for before, after in revisions)
    assert 0.1 <= silent / len(revisions) <= 0.5


def test_long_texts_are_compared_in_seconds() -> None:
    before = "\n".join(f"line {n} of the stanza with word{n % 7}" for n in range(4000))
    after = before.replace("word3", "word9").replace("stanza", "verse", 200)
    with works_within(20.0):
        assert diff(before, after).teaches
        assert diff("a b " * 20_000, "b c " * 20_000).distance > 0


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        (
            "```python\nimport requests\nrequests.get(url)\n```",
            "```python\nimport httpx\nhttpx.get(url)\n```",
            {("requests", "httpx")},
        ),
        (
            "```python\nimport logging\nlogging.basicConfig(level=logging.INFO)\n```",
            "```python\nimport structlog\nstructlog.basicConfig(level=structlog.INFO)\n```",
            {("logging", "structlog")},
        ),
        (
            "```\nload_all\nsave_all\n```",
            "```\nload_some\nsave_some\n```",
            {("load_all", "load_some"), ("save_all", "save_some")},
        ),
        (
            "Edit `setup.py`, `setup.cfg`.",
            "Edit `pyproject.toml`, `ruff.toml`.",
            {("setup.py", "pyproject.toml"), ("setup.cfg", "ruff.toml")},
        ),
        (
            "Edit setup.py, setup.cfg now.",
            "Edit pyproject.toml, ruff.toml now.",
            {("setup.py", "pyproject.toml"), ("setup.cfg", "ruff.toml")},
        ),
    ],
)
def test_neighbours_that_changed_together_are_a_replacement_each(
    before: str, after: str, pairs: set[tuple[str, str]]
) -> None:
    assert {(r.wrong, r.right) for r in diff(before, after).replaced} == pairs
