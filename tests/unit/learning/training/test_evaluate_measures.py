"""What an answer is worth: each value is of that very answer, its question and its reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from learning.models.encoder import Encoder
from learning.prompt import build
from learning.training.answers import Asked, Written
from learning.training.evaluate_measures import Judges, measured
from learning.training.metrics import overlap
from learning.training.reward_model import Reading, RewardModel, open_encoder
from storage.errors import DataError

QUESTION = "how do i sort a list of items in python code"
REFERENCE = "use the sort of the list it works"
TEXTS = ("Yes.", QUESTION, REFERENCE, "try the value of the key", "")


@pytest.fixture(scope="module")
def judges(encoder: Path) -> Judges:
    model = RewardModel(open_encoder(encoder), reading=Reading(longest_tokens=64))
    return Judges(encoder=Encoder(encoder), reward=model, independent=None)


def asked(reference: str = REFERENCE) -> Asked:
    return Asked(id="q", group="q", messages=build(QUESTION, "A thread of others."), reference=reference)


def written(ended: bool = True) -> list[Written]:
    return [
        Written(question_id="q", attempt=n, text=text, tokens=7 + n, ended=ended)
        for n, text in enumerate(TEXTS)
    ]


def test_overlap_rates_and_lengths_are_those_of_each_answer(judges: Judges, tmp_path: Path) -> None:
    found = measured("base", 0, [asked()], written(), judges, "", tmp_path / "a.json")
    values = [one.values for one in found]
    assert [one["yes_no"] for one in values] == [1, 0, 0, 0, 1]
    assert [one["echo"] for one in values] == [0, 1, 0, 0, 0]
    assert [one["rouge_1"] for one in values] == [overlap(text, REFERENCE).rouge_1 for text in TEXTS]
    assert (values[2]["rouge_l"], values[2]["bleu"]) == pytest.approx((1.0, 1.0))
    assert values[2]["bertscore"] == pytest.approx(1.0, abs=1e-5)
    assert values[4]["bertscore"] == 0.0 < values[3]["bertscore"] < 0.999
    assert [one["tokens"] for one in values] == [one["written"] for one in values] == [7, 8, 9, 10, 11]
    assert {one["ended"] for one in values} == {1.0}


def test_a_reward_reads_the_question_alone_and_hears_whether_the_answer_ended(
    judges: Judges, tmp_path: Path
) -> None:
    assert judges.reward is not None
    for ended in (True, False):
        found = measured("base", 0, [asked()], written(ended), judges, "", tmp_path / f"{ended}.json")
        wanted = judges.reward.score([QUESTION] * len(TEXTS), TEXTS, [ended] * len(TEXTS))
        assert [one.values["reward"] for one in found] == pytest.approx(wanted)
    whole, cut = (judges.reward.score([QUESTION], TEXTS[3:4], [ended])[0] for ended in (True, False))
    assert cut < whole


def test_what_was_measured_is_kept_for_these_answers_and_judges_alone(
    judges: Judges, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.json"
    found = measured("base", 0, [asked()], written(), judges, "judges", file)
    kept = json.loads(file.read_text())
    kept["values"][0]["rouge_1"] = 0.123
    file.write_text(json.dumps(kept))
    assert measured("base", 0, [asked()], written(), judges, "judges", file)[0].values["rouge_1"] == 0.123
    file.write_text(json.dumps(kept))
    assert measured("base", 0, [asked()], written(), judges, "others", file) == found
    file.write_text(json.dumps(kept))
    assert (
        measured("base", 0, [asked()], written(False), judges, "judges", file)[0].values["rouge_1"] != 0.123
    )
    file.write_text("{")
    assert measured("base", 0, [asked()], written(), judges, "judges", file) == found


def test_a_question_without_a_reference_is_named(judges: Judges, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Question q has an empty answer"):
        measured("base", 0, [asked("")], written(), judges, "", tmp_path / "a.json")
