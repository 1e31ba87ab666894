import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from learning.intervals import Interval
from learning.models import hub
from learning.models.encoder import Encoder
from learning.training.judged_data import Contest
from learning.training.metric_study import Line, Report, main, markdown, rewards, run, unseen, values
from learning.training.reward_data import key_of
from learning.training.reward_head import Calibration
from learning.training.reward_model import Reading, RewardModel, hash_of, open_encoder
from storage.errors import DataError, ModelError

SAME = Contest(
    question="How do I sort a list?",
    reference="Call sorted on the list.",
    better="Call sorted on the list.",
    worse="Bananas grow in warm countries.",
    ratings=(3.0, 0.0),
)


def test_the_table_says_value_and_interval_and_leaves_out_what_was_not_rated() -> None:
    half = Interval(value=0.5, low=0.4, high=0.625, groups=7)
    line = Line(metric="BLEU", agreement=half, with_rating=None, with_cosine=half)
    said = markdown(
        Report(data="x", encoder="packaged", contests=1234, questions=7, lines=(line,))
    ).splitlines()
    assert said[0].startswith("x: 1,234 contests of 7 questions")
    assert said[-1] == "| BLEU | 50.0 [40.0, 62.5] |  | 0.50 [0.40, 0.62] |"


def test_a_reward_model_is_a_column_and_says_how_many_questions_it_knew() -> None:
    half = Interval(value=0.5, low=0.4, high=0.625, groups=7)
    line = Line(metric="BLEU", agreement=half, with_rating=half, with_cosine=half, with_trained=half)
    report = Report(
        data="x", encoder="e", contests=9, questions=7, reward="night 0a1b", seen=3, lines=(line,)
    )
    said = markdown(report).splitlines()
    assert said[1] == "Reward model: night 0a1b; 3 questions from which it learned are left out."
    assert said[3].endswith("| with the reward model, ρ |")
    assert {row.count("|") for row in said[3:]} == {6}


QUESTIONS = ("how do i sort a list", "how do i open a file", "how do i read the value of a key")
LEVELS = ("Excellent", "Acceptable", "Bad")
ANSWERS = ("use sort it works", "open the file and read each value of it", "never mind the same problem")


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """Three questions of three answers each: the best is the reference, the others are the contest."""
    folder = tmp_path / "judged"
    folder.mkdir()
    rows = [
        {"question": question, "answer": f"{text} {question[9:]}", "ratings": [level]}
        for question in QUESTIONS
        for text, level in zip(ANSWERS, LEVELS, strict=True)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def trained(encoder: Path, folder: Path, *known: str) -> Path:
    """A reward model of the tiny encoder that was trained on the questions `known`."""
    model = RewardModel(
        open_encoder(encoder),
        reading=Reading(longest_tokens=64),
        calibration=Calibration(centre=0.3, slope=2.0),
        seen=frozenset(map(key_of, known)),
    )
    model.save(folder, {"encoder": str(encoder), "encoder_sha256": hash_of(encoder)}, with_encoder=False)
    return folder


def test_a_question_that_the_reward_model_knew_is_known_whatever_its_spaces_and_capitals() -> None:
    contests = [dataclasses.replace(SAME, question=question) for question in (*QUESTIONS, QUESTIONS[1])]
    left, count = unseen(contests, {key_of(f" {QUESTIONS[1].upper()} ")})
    assert [one.question for one in left] == [QUESTIONS[0], QUESTIONS[2]] and count == 1
    assert unseen(contests, frozenset()) == (contests, 0)


def test_a_trained_reward_is_judged_beside_the_metrics_on_questions_that_it_never_saw(
    encoder: Path, judged: Path, tmp_path: Path
) -> None:
    folder = trained(encoder, tmp_path / "night", QUESTIONS[1])
    without = run(judged, encoder)
    report = run(judged, encoder, reward=folder)
    assert (without.questions, without.seen, without.reward) == (3, 0, "")
    assert (report.questions, report.contests, report.seen) == (2, 2, 1)
    assert [one.metric for one in report.lines] == [*(one.metric for one in without.lines), "reward model"]
    lines = {one.metric: one for one in report.lines}
    assert lines["reward model"].with_trained and lines["reward model"].with_trained.value == 1
    assert lines["reward model"].with_cosine == lines["cosine"].with_trained
    assert all(one.with_trained is None for one in without.lines)


def test_the_trained_reward_is_that_of_the_model_answer_by_answer(encoder: Path, tmp_path: Path) -> None:
    model = RewardModel.load(trained(encoder, tmp_path / "night"))
    contests = [dataclasses.replace(SAME, question=question) for question in QUESTIONS]
    alone = [
        (model.score([one.question], [one.better])[0], model.score([one.question], [one.worse])[0])
        for one in contests
    ]
    assert rewards(contests, model) == [pytest.approx(pair) for pair in alone]
    assert len({pair[0] for pair in alone}) == 3


def test_which_questions_are_sampled_does_not_depend_on_the_reward_model(
    encoder: Path, judged: Path, tmp_path: Path
) -> None:
    report = run(judged, encoder, limit=1, reward=trained(encoder, tmp_path / "a", QUESTIONS[1]))
    assert (report.questions, report.seen) == (1, 0)
    with pytest.raises(DataError, match="learned from all 1 questions"):
        run(judged, encoder, limit=1, reward=trained(encoder, tmp_path / "b", QUESTIONS[0]))


def test_a_folder_without_a_reward_model_is_refused_before_anything_is_read(
    encoder: Path, judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match="holds no reward model"):
        run(judged, encoder, reward=tmp_path)
    given = ["--data", str(judged), "--encoder", str(encoder), "--out", str(tmp_path / "found.json")]
    assert main([*given, "--reward", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("✗ ")
    assert main([*given, "--reward", str(trained(encoder, tmp_path / "night"))]) == 0
    assert "| reward model |" in capsys.readouterr().out
    assert json.loads((tmp_path / "found.json").read_text())["reward"].startswith("night ")


def test_a_folder_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path / "none"), "--encoder", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("✗ ")


@pytest.mark.slow
def test_with_the_packaged_encoder_every_metric_finds_the_reference_itself() -> None:
    encoder = Encoder(hub.resolve("packaged", "encoder", Path("~/.cache/thumbprint")))
    found = values([SAME], encoder)
    for name in ("ROUGE-1", "ROUGE-2", "ROUGE-L", "BLEU", "BERTScore"):
        better, worse = found[name][0]
        assert better == pytest.approx(1.0, abs=1e-5)
        assert worse < 0.5
    assert found["cosine"][0][0] > found["cosine"][0][1]
    assert found["words"] == [(5.0, 5.0)]
    assert found["distinct-2"] == [(1.0, 1.0)]


@pytest.mark.slow
def test_a_text_s_tokens_are_its_own_whatever_stands_beside_it() -> None:
    encoder = Encoder(hub.resolve("packaged", "encoder", Path("~/.cache/thumbprint")))
    texts = ["sort a list", "", "How do I sort a long list of pairs by their second part?"]
    ((whole, tokens), (_, nothing), _) = encoder.embed_tokens(texts)
    ((_, alone),) = encoder.embed_tokens(["sort a list"])
    assert tokens.shape == (3, 384)
    assert nothing.shape == (0, 384)
    assert tokens == pytest.approx(alone, abs=1e-4)
    assert np.linalg.norm(tokens, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert whole == pytest.approx(np.array(encoder.embed(["sort a list"])[0]), abs=1e-4)


def test_a_place_that_takes_no_figures_is_one_sentence_and_the_table_is_not_lost(
    encoder: Path, judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(judged), "--encoder", str(encoder), "--out"]
    assert main([*given, str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "is a folder: name a file" in said.err and not said.out  # before anything is read
    assert main([*given, str(judged / "rows.jsonl" / "found.json")]) == 1
    said = capsys.readouterr()
    assert "cannot be written" in said.err and "| ROUGE-1 |" in said.out


def test_what_is_no_number_is_null_in_the_figures(encoder: Path, judged: Path, tmp_path: Path) -> None:
    """Where all answers have one word, words have no rank correlation with anything."""
    rows = [json.loads(line) for line in (judged / "rows.jsonl").read_text().splitlines()]
    alike = [{**row, "answer": row["answer"] if n % 3 == 0 else "so"} for n, row in enumerate(rows)]
    (judged / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in alike))
    out = tmp_path / "found.json"
    assert main(["--data", str(judged), "--encoder", str(encoder), "--out", str(out)]) == 0
    found = json.loads(out.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    words = next(line for line in found["lines"] if line["metric"] == "words")
    assert words["with_rating"]["value"] is None
