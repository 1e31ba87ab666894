import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from learning.training import corpus
from storage.errors import DataError

DATA = Path(__file__).parents[5] / "shared/data"

RANKED = {
    "id": "so-1",
    "title": None,
    "question": "How do I sort a list?",
    "n_answers": 4,
    "answers": [{"rank": 0, "text": "Use sorted."}, {"rank": 3, "text": "Write a loop."}],
}
VOTED = {
    "id": "ai-1",
    "title": "What is backprop?",
    "question": "Is it an abbreviation?",
    "url": "https://ai.stackexchange.com/q/1",
    "tags": ["definitions"],
    "created": "2016-08-02",
    "answers": [
        {"id": 7, "score": -1, "accepted": False, "created": "2018-06-01", "text": "No."},
        {"id": 3, "score": 10, "accepted": True, "created": "2016-08-02", "text": "Yes, it is."},
    ],
}


def kept(folder: Path, rows: Iterable[dict[str, Any]], name: str = "questions.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return folder


def test_a_ranked_page_keeps_its_order_and_has_no_votes(tmp_path: Path) -> None:
    (found,) = corpus.read(kept(tmp_path, [RANKED]))
    assert [(a.rank, a.text, a.score) for a in found.answers] == [
        (0, "Use sorted.", None),
        (3, "Write a loop.", None),
    ]
    assert (found.voted, found.n_answers, found.asked) == (False, 4, "How do I sort a list?")
    assert found.licence == "CC-BY-SA-3.0 AND CC-BY-SA-4.0"


def test_a_voted_page_is_read_best_first_with_its_dates_and_licences(tmp_path: Path) -> None:
    (found,) = corpus.read(kept(tmp_path, [VOTED], "questions.jsonl.gz"))
    assert [(a.rank, a.score, a.accepted) for a in found.answers] == [(0, 10, True), (1, -1, False)]
    assert (found.voted, found.tags, found.url) == (True, ("definitions",), VOTED["url"])
    assert found.asked == "What is backprop?\n\nIs it an abbreviation?"
    assert found.created is not None and found.created.isoformat() == "2016-08-02T00:00:00+00:00"
    assert found.licence == "CC-BY-SA-3.0 AND CC-BY-SA-4.0"
    (older,) = corpus.read(kept(tmp_path / "older", [{**VOTED, "answers": VOTED["answers"][1:]}]))
    assert older.licence == "CC-BY-SA-3.0"


def test_a_row_says_its_own_licence(tmp_path: Path) -> None:
    (found,) = corpus.read(kept(tmp_path, [{**RANKED, "licence": "Apache-2.0"}]))
    assert found.licence == "Apache-2.0"


def test_compressed_or_plain_is_told_by_the_content_not_by_the_name(tmp_path: Path) -> None:
    kept(tmp_path, [RANKED])
    packed = gzip.compress(b"\xef\xbb\xbf" + (tmp_path / "questions.jsonl").read_bytes() + b"\n\n")
    (tmp_path / "questions.jsonl").write_bytes(packed)
    assert [one.id for one in corpus.read(tmp_path)] == ["so-1"]
    assert [one.id for one in corpus.read(tmp_path / "questions.jsonl")] == ["so-1"]


def test_a_folder_s_questions_file_goes_before_its_others(tmp_path: Path) -> None:
    kept(tmp_path, [RANKED], "a.jsonl")
    kept(tmp_path, [VOTED], "b.jsonl.gz")
    assert [one.id for one in corpus.read(tmp_path)] == ["so-1", "ai-1"]
    kept(tmp_path, [VOTED])
    assert [one.id for one in corpus.read(tmp_path)] == ["ai-1"]


WRONG: list[tuple[Any, str]] = [
    ({**RANKED, "id": ""}, "`id` must be text"),
    ({**RANKED, "question": 7}, "`question` must be text"),
    ({**RANKED, "title": 7}, "`title` must be text or null"),
    ({**RANKED, "answers": []}, "`answers` must be a list"),
    ({**RANKED, "answers": ["Use sorted."]}, "`answers` must be a list"),
    ({**RANKED, "answers": [{"text": "Use sorted."}]}, "needs a `rank`"),
    ({**RANKED, "answers": [{"rank": 0, "text": "a"}, {"score": 0, "text": "b"}]}, "needs a `rank`"),
    ({**RANKED, "answers": [{"rank": 0.5, "text": "a"}]}, "`rank` must be a whole number"),
    ({**RANKED, "answers": [{"rank": True, "text": "a"}]}, "`rank` must be a whole number"),
    ({**RANKED, "answers": [{"rank": 1, "text": "a"}, {"rank": 1, "text": "b"}]}, "ranks must be different"),
    ({**RANKED, "answers": [{"rank": -1, "text": "a"}]}, "ranks must be different"),
    ({**RANKED, "answers": [{"rank": 0, "text": " "}]}, "`text` must be text"),
    ({**VOTED, "answers": [{"score": None, "text": "a"}]}, "`score` must be a whole number"),
    (
        {**VOTED, "answers": [{"score": 10**400, "text": "a"}]},
        "`score` must be a whole number, and no larger",
    ),
    ({**VOTED, "created": "yesterday"}, "`created` must be a date"),
    ({**VOTED, "created": 2016}, "`created` must be a date"),
    ({**VOTED, "created": "0001-01-01T00:00:00+14:00"}, "`created` must be a date"),
    ({**VOTED, "tags": 7}, "`tags` must be a list of texts"),
    ({**VOTED, "tags": "pandas"}, "`tags` must be a list of texts"),
    ({**VOTED, "tags": [7]}, "`tags` must be a list of texts"),
    ({**VOTED, "question": "\ud800"}, "is not UTF-8"),
    ([RANKED], "is no JSON object"),
]


@pytest.mark.parametrize(("row", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_line_is_named_with_its_file(tmp_path: Path, row: Any, said: str) -> None:
    kept(tmp_path, [{**RANKED, "id": "so-0"}, row])
    with pytest.raises(DataError) as caught:
        list(corpus.read(tmp_path))
    assert "questions.jsonl, line 2" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("line", [b"{", b'{"id": "\xff"}', b"not json"])
def test_a_line_that_is_no_json_is_named(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "questions.jsonl").write_bytes(json.dumps(RANKED).encode() + b"\n" + line)
    with pytest.raises(DataError, match=r"line 2 is (no JSON|not UTF-8)"):
        list(corpus.read(tmp_path))


def test_a_damaged_archive_is_named_with_the_last_whole_line(tmp_path: Path) -> None:
    rows = [{**RANKED, "id": f"so-{n}", "question": f"{n * 7919} " * 50} for n in range(200)]
    path = kept(tmp_path, rows, "questions.jsonl.gz") / "questions.jsonl.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"questions.jsonl.gz is damaged after line \d+"):
        list(corpus.read(tmp_path))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    path.write_bytes(flipped)
    with pytest.raises(DataError):
        list(corpus.read(tmp_path))


def test_one_id_twice_is_named_with_both_places(tmp_path: Path) -> None:
    kept(tmp_path, [RANKED, VOTED, RANKED])
    with pytest.raises(DataError, match=r"line 3: question so-1 was read already at .*line 1"):
        list(corpus.read(tmp_path))


def test_a_folder_without_questions_says_so(tmp_path: Path) -> None:
    for folder, said in ((tmp_path / "none", "There is no folder"), (tmp_path, "has no questions.jsonl.gz")):
        with pytest.raises(DataError, match=said):
            list(corpus.read(folder))
    with pytest.raises(DataError, match="files are empty"):
        list(corpus.read(kept(tmp_path, [])))
    kept(tmp_path, [RANKED], "questions.jsonl.gz")
    with pytest.raises(DataError, match="has both"):
        list(corpus.read(tmp_path))


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not here")
def test_the_real_sets_are_read_whole() -> None:
    short = list(corpus.read(DATA / "so_python/mini_300.jsonl.gz"))
    assert len(short) == 300
    assert not any(one.voted for one in short)
    voted = list(corpus.read(DATA / "se_scored"))
    assert len(voted) == 592
    assert all(one.voted and one.created for one in voted)
    assert sum(answer.accepted for one in voted for answer in one.answers) == 356
