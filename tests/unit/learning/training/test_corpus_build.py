import json
from pathlib import Path
from typing import Any

import pytest

from learning.training import corpus_build, snapshot
from learning.training.corpus_build import Options
from learning.training.corpus_filters import RECIPE, REPEATED
from storage.errors import ConfigurationError, DataError


def question(n: int, **over: Any) -> dict[str, Any]:
    answers = [{"rank": rank, "text": f"answer {rank} to {n}"} for rank in range(3)]
    return {"id": f"q{n}", "title": "sort", "question": f"How do I sort {n}?", "answers": answers, **over}


def folder_of(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.mkdir()
    (path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    coded = [question(n, question="How?\n\n```\nsorted(x)\n```") for n in range(40, 50)]
    return folder_of(tmp_path / "data", [*(question(n) for n in range(40)), *coded])


def test_the_same_questions_make_the_same_snapshot_wherever_they_lie(data: Path, tmp_path: Path) -> None:
    here = corpus_build.run([data], tmp_path / "a", Options()).snapshot
    again = corpus_build.run([data.rename(tmp_path / "moved")], tmp_path / "b", Options()).snapshot
    assert here.id == again.id
    for path in sorted(here.folder.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (again.folder / path.relative_to(here.folder)).read_bytes()


def test_a_snapshot_has_every_pair_and_its_manifest_every_filter(data: Path, tmp_path: Path) -> None:
    built = corpus_build.run([data], tmp_path / "out", Options(filters=("question-code",)))
    rows = snapshot.read(built.snapshot.folder).rows
    assert (len(rows.pairs), len(rows.triplets), len(rows.demonstrations)) == (120, 120, 40)
    assert sorted(one.label for one in rows.judged) == [False] * 40 + [True] * 40
    about = built.snapshot.manifest["about"]
    assert [count["name"] for count in about["filters"]] == [REPEATED, *RECIPE]
    assert (about["questions_read"], about["questions_kept"]) == (50, 40)
    assert about["options"]["filters"] == ["question-code"]
    assert about["data"][0]["file"] == "questions.jsonl"
    assert str(tmp_path) not in json.dumps(dict(built.snapshot.manifest))


def test_what_a_cap_on_pairs_drops_is_in_the_manifest_and_without_one_nothing_is(tmp_path: Path) -> None:
    answers = [{"rank": rank, "text": f"answer {rank}"} for rank in range(6)]
    data = folder_of(tmp_path / "data", [question(1, answers=answers), question(2)])
    whole = corpus_build.run([data], tmp_path / "out", Options()).snapshot
    assert len(whole.rows.pairs) == len(whole.rows.triplets) == 15 + 3
    assert whole.manifest["about"]["pairs"] == {"valid": 18, "dropped": 0, "questions_cut": 0}
    built = corpus_build.run([data], tmp_path / "out", Options(most_pairs=10))
    assert len(built.snapshot.rows.pairs) == len(built.snapshot.rows.triplets) == 10 + 3
    assert built.snapshot.manifest["about"]["pairs"] == {"valid": 18, "dropped": 5, "questions_cut": 1}
    assert (built.cut.pairs, built.cut.questions) == (5, 1)


def test_a_limit_keeps_the_same_questions_whatever_their_order(data: Path, tmp_path: Path) -> None:
    lines = (data / "questions.jsonl").read_text().splitlines(keepends=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "questions.jsonl").write_text("".join(reversed(lines)))
    kept = [
        {
            one.origin.group
            for one in corpus_build.run([folder], tmp_path / "out", Options(limit=7)).snapshot.rows.pairs
        }
        for folder in (data, other)
    ]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 7


def test_several_folders_make_one_snapshot_and_one_question_is_in_one_of_them(
    data: Path, tmp_path: Path
) -> None:
    votes = [{"score": 9, "text": "a"}, {"score": 0, "text": "b"}]
    other = folder_of(tmp_path / "other", [question(99, answers=votes)])
    built = corpus_build.run([data, other], tmp_path / "out", Options())
    assert built.read == 51
    assert "q99" in {one.origin.group for one in built.snapshot.rows.pairs}
    with pytest.raises(DataError, match="Question q0 is in"):
        corpus_build.run([data, data], tmp_path / "out", Options())


def test_the_manifest_says_of_each_file_how_many_questions_it_has(data: Path, tmp_path: Path) -> None:
    lines = (data / "questions.jsonl").read_text().splitlines(keepends=True)
    parts = tmp_path / "parts"
    parts.mkdir()
    for name, some in (("a.jsonl", lines[:12]), ("b.jsonl", ["\n", *lines[12:]])):
        (parts / name).write_text("".join(some))
    built = corpus_build.run([parts], tmp_path / "out", Options())
    told = {one["file"]: one["questions"] for one in built.snapshot.manifest["about"]["data"]}
    assert told == {"a.jsonl": 12, "b.jsonl": 38}


def test_what_cannot_be_built_says_why_and_writes_nothing(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigurationError, match="there is no filter colour"):
        corpus_build.run([data], out, Options(filters=("colour",)))
    with pytest.raises(DataError, match="no time to split by: leave --by at id"):
        corpus_build.run([data], out, Options(by="time"))
    single = folder_of(tmp_path / "single", [question(1, answers=[{"rank": 0, "text": "a"}])])
    with pytest.raises(DataError, match="Of 1 questions 1 are left, without a pair"):
        corpus_build.run([single], out, Options())
    assert not out.exists()
