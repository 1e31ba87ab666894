"""The best of a policy's own answers: who chooses it, what is never chosen, and what the snapshot says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from learning.models.policy import Policy
from learning.prompt import build
from learning.training import rejection, snapshot
from learning.training.answers import Asked, Written
from learning.training.arguments import parse
from learning.training.facts import Fact
from learning.training.rejection import WORDS, Drafts, best, first_told
from learning.training.rejection_options import Options
from learning.training.reward_model import Reading, RewardModel, open_encoder
from learning.training.rows import Rows, Source, Split
from learning.training.splitting import split_of
from storage.errors import ConfigurationError, DataError
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.made import demonstration, origin

FACT = Fact(question="Where is it?", thread="ann wrote:\nIt is in conf/a.yml.", wanted="conf/a.yml")


def drafts(*texts: str, ended: bool = True, number: int = 1, messages: tuple = ()) -> Drafts:
    asked = Asked(
        id=str(number),
        group=str(number),
        messages=messages or build(f"How do I sort {number} lists in one go?", ""),
        reference="",
    )
    written = tuple(
        Written(question_id=str(number), attempt=n, text=text, tokens=3, ended=ended)
        for n, text in enumerate(texts)
    )
    return Drafts(asked=asked, origin=origin(number), written=written)


def by_length(questions: Sequence[str], answers: Sequence[str]) -> list[float]:
    assert all("lists in one go" in one for one in questions)
    return [len(text) / 100 for text in answers]


def test_the_best_is_shown_and_stands_in_a_pair_with_the_worst() -> None:
    rows, about = best(
        [drafts("Use it.", "Use `sorted`, please.", "Sort."), drafts("a b", number=2)], by_length
    )
    (shown, alone), (pair,) = rows.demonstrations, rows.pairs
    assert shown.completion == pair.chosen == "Use `sorted`, please."
    assert alone.completion == "a b", "of one answer there is no worse one"
    assert (pair.rejected, pair.margin) == ("Sort.", 0.16)
    assert about == {
        "asked": 2,
        "answers": 4,
        "sound": 4,
        "chosen": 2,
        "reward_of_all": pytest.approx((7 + 21 + 5 + 3) / 400),
        "reward_of_chosen": 0.12,
    }


@pytest.mark.parametrize(
    "text",
    [
        "See https://example.org/sorting-of-everything for it.",
        "Thanks for that, @somebody, you know this better than I do.",
        "How do I sort 1 lists in one go? How do I sort 1 lists in one go?",
        "As an AI language model I have no lists that I could sort for you.",
    ],
)
def test_an_answer_with_a_sign_is_never_chosen_however_much_it_is_liked(text: str) -> None:
    rows, about = best([drafts("Use `sorted`.", "Sort.", text)], by_length)
    assert [one.completion for one in rows.demonstrations] == ["Use `sorted`."] and about["sound"] == 2
    rows, _ = best([drafts("Use `sorted`.", text, f"{text}!", f"{text}!!")], by_length)
    assert not rows.demonstrations, "it is the best sound one, and the reward likes most others better"


def test_an_answer_that_was_cut_off_is_never_chosen() -> None:
    rows, about = best([drafts("Use `sorted` on it.", "Sort.", ended=False)], by_length)
    assert (rows, about["sound"]) == (Rows(), 0)


def test_a_fact_is_told_by_the_first_short_answer_that_says_it_whatever_a_reward_likes() -> None:
    messages = build(FACT.question, FACT.thread)
    long = "It is in conf/a.yml, " + " ".join(f"word{n}" for n in range(WORDS))
    one = drafts("Nobody knows.", long, "It is in `conf/a.yml`.", "Look into conf/a.yml.", messages=messages)
    none = drafts("Nobody knows.", "It is in conf/b.yml.", number=2, messages=messages)
    rows, about = first_told([FACT, FACT], [one, none])
    assert [each.completion for each in rows.demonstrations] == ["It is in `conf/a.yml`."]
    assert about == {"asked": 2, "answers": 6, "sound": 6, "chosen": 1, "told": 3}


@pytest.fixture(scope="module")
def given(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Options:
    """A snapshot of twenty questions, a private one's rows apart from them, and a reward model."""
    home = tmp_path_factory.mktemp("rejection")
    shown = [
        replace(one, prompt=build(f"How do I sort {n} lists?", ""))
        for n, one in ((n, demonstration(n)) for n in range(1, 21))
    ]
    RewardModel(open_encoder(encoder), reading=Reading()).save(home / "reward", {}, with_encoder=True)
    return Options(
        data=snapshot.write(Rows(demonstrations=tuple(shown)), home / "data", about={}).folder,
        out=home / "out",
        reward=home / "reward",
        model=str(write_model(home / "base", window=1024)),
        cache=home / "cache",
        facts=2,
        attempts=16,
        temperature=1.5,
        max_answer=24,
    )


def made(options: Options) -> snapshot.Snapshot:
    return rejection.run(options, console=Console(file=StringIO()))


def test_the_snapshot_holds_the_policys_own_words_and_says_so(given: Options) -> None:
    whole = made(given)
    about = whole.manifest["about"]
    train = [n for n in range(1, 21) if split_of(origin(n).group) is Split.TRAIN]
    assert about["questions"]["asked"] == len(train) < 20
    assert about["facts"] == {
        "asked": 2,
        "answers": 32,
        "chosen": 0,
        "told": 0,
        "sound": about["facts"]["sound"],
    }
    assert about["options"]["attempts"] == 16 and "out" not in about["options"]
    rows = whole.rows.demonstrations
    assert 0 < len(rows) == about["questions"]["chosen"] >= len(whole.rows.pairs)
    for one in rows:
        assert (one.origin.source, one.origin.is_generated, one.origin.people) == (Source.AI, True, ())
        assert one.origin.adapter == about["policy"] and one.origin.split is Split.TRAIN
        assert one.origin.repository_id == 7 and one.completion != "Run `make check`."


def test_a_killed_run_goes_on_from_the_answers_that_it_has(
    given: Options, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = made(given)
    monkeypatch.setattr(Policy, "write", None)  # nothing is left to write
    assert made(given).id == whole.id
    with pytest.raises(DataError, match="another policy, sampling, seed or number of attempts"):
        made(replace(given, attempts=4))


def test_private_rows_stay_private(given: Options, tmp_path: Path) -> None:
    shown = [
        replace(one, prompt=build(f"How do I sort {n} lists?", ""), origin=replace(one.origin, private=True))
        for n, one in ((n, demonstration(n)) for n in range(1, 21))
    ]
    data = snapshot.write(Rows(demonstrations=tuple(shown)), tmp_path / "data", about={}).folder
    rows = made(replace(given, data=data, out=tmp_path / "out", facts=0)).rows
    assert rows.demonstrations and all(one.origin.private for one in rows.prompted)


def test_nothing_to_learn_from_is_said(given: Options, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"None of the answers to \d+ questions and 0 made-up facts"):
        made(replace(given, out=tmp_path, facts=0, max_answer=1))


@pytest.mark.parametrize("name", ["attempts", "temperature", "longest", "max_answer", "processes"])
def test_options_that_cannot_be_are_refused_before_anything_is_read(name: str, tmp_path: Path) -> None:
    options = replace(Options(data=tmp_path, out=tmp_path, reward=tmp_path), **{name: 0})
    with pytest.raises(ConfigurationError, match=f"option {name} is 0"):
        rejection.run(options)


def test_the_command_in_its_own_words_is_one_that_it_takes() -> None:
    (said,) = [
        line.split() for line in (rejection.__doc__ or "").splitlines() if "learning.training.rej" in line
    ]
    assert parse(Options, "", said[said.index("learning.training.rejection") + 1 :]).attempts == 8
