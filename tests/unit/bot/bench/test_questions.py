import gzip
import json
from pathlib import Path

import pytest

from bot.bench import questions, rules
from bot.bench.course import check
from bot.bench.loop import SMALL
from bot.bench.questions import AskedQuestion
from storage.errors import ConfigurationError


def line(**changes: object) -> str:
    return json.dumps({"id": "q1", "title": "how to", "question": "I want to.", **changes})


def saved(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_both_halves_follow_from_the_id_alone() -> None:
    asked = [AskedQuestion(id=f"q{i}", title="t", body="b") for i in range(400)]
    again = [AskedQuestion(id=f"q{i}", title="other", body="") for i in range(400)]
    assert [one.teaches for one in asked] == [one.teaches for one in again]
    assert 150 < sum(one.teaches for one in asked) < 250


def test_rows_without_a_title_are_left_out_and_bodies_cut(tmp_path: Path) -> None:
    long = line(id="q2", question="x" * 5000)
    loaded = questions.load(saved(tmp_path, line(id="q3", title=None), long))
    assert [one.id for one in loaded] == ["q2"]
    assert len(loaded[0].body) == questions.BODY_CHARACTERS


def test_gzip_is_read_by_its_ending(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl.gz"
    file.write_bytes(gzip.compress(line().encode()))
    assert [one.title for one in questions.load(file)] == ["how to"]


def test_the_same_file_gives_the_same_order(tmp_path: Path) -> None:
    rows = [line(id=f"q{i}") for i in range(20)]
    first = questions.load(saved(tmp_path, *rows))
    assert first == questions.load(saved(tmp_path, *reversed(rows)))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ((line(), "{"), "line 2 is not JSON"),
        (("[1]",), "line 1 is not an object"),
        ((line(id=""),), "line 1 has no text under `id`"),
        ((line(question=3),), "line 1 has no text under `question`"),
        ((line(title=3),), "line 1: `title` must be text or null"),
        ((line(title=None),), "holds no question with a title"),
    ],
)
def test_a_wrong_questions_file_is_refused_by_its_line_with_a_remedy(
    tmp_path: Path, rows: tuple[str, ...], says: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        questions.load(saved(tmp_path, *rows))
    assert says in str(refused.value)


def test_a_damaged_gzip_and_a_missing_file_are_named(tmp_path: Path) -> None:
    damaged = tmp_path / "questions.jsonl.gz"
    damaged.write_bytes(gzip.compress(line().encode() * 50)[:-12])
    with pytest.raises(ConfigurationError, match="cannot be read after line"):
        questions.load(damaged)
    with pytest.raises(ConfigurationError, match="--questions FILE"):
        questions.load(tmp_path / "none.jsonl")


def test_a_small_run_asks_our_own_questions_where_stack_overflows_are_not_beside_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert questions.default_file(small=True) == questions.PACKAGED_SMALL
    check(rules.load(rules.PACKAGED_SMALL), questions.load(questions.PACKAGED_SMALL), SMALL.size)
    with pytest.raises(ConfigurationError, match="--questions FILE"):
        questions.load(questions.default_file(small=False))
