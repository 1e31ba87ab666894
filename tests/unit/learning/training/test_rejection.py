"""The best of a policy's own answers: who chooses it, what is never chosen, and what the snapshot says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from learning.models.policy import Options as Sampling
from learning.models.policy import Policy
from learning.models.policy import Written as Draft
from learning.prompt import build
from learning.training import rejection, sft, snapshot
from learning.training.answers import Asked, Written
from learning.training.arguments import parse
from learning.training.facts import Fact, told
from learning.training.facts_made import made_up
from learning.training.origins import judge
from learning.training.rejection import NEAR, WORDS, Drafts, best, first_told
from learning.training.rejection_options import Options
from learning.training.reward_model import Reading, RewardModel, open_encoder
from learning.training.rows import Rows, Source, Split
from learning.training.sft_options import by_steps
from learning.training.splitting import split_of
from storage.errors import ConfigurationError, DataError, ThumbprintError
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.made import demonstration, origin

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
FACT = Fact(question="Where is it?", thread="ann wrote:\nIt is in conf/a.yml.", wanted="conf/a.yml")


def drafts(*texts: str, number: int = 1, messages: tuple = ()) -> Drafts:
    asked = Asked(
        id=str(number),
        group=str(number),
        messages=messages or build(f"How do I sort {number} lists in one go?", ""),
        reference="",
    )
    written = tuple(
        Written(question_id=str(number), attempt=n, text=text, tokens=3, ended=True)
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
        "ended": 4,
        "candidates": 4,
        "sound": 4,
        "chosen": 2,
        "reward_of_all": pytest.approx((7 + 21 + 5 + 3) / 400),
        "reward_of_chosen": 0.12,
    }


def test_the_shortest_beginning_that_the_reward_likes_as_much_is_shown_and_no_beginning_is_rejected() -> None:
    """Answers that end where the limit is teach that answers end there."""
    two = "Use `sorted`.\n\nIt takes a `key`."
    answer = f"{two}\n\nIt is stable, too."

    def reward(*likes: float) -> Rows:
        by_text = dict(zip(["Use `sorted`.", two, answer, "Sort."], likes, strict=True))
        return best([drafts(answer, "Sort.")], lambda _, texts: [by_text[text] for text in texts])[0]

    for likes, wanted in (
        ((0.5 - NEAR, 0.5 - NEAR, 0.5, 0.1), "Use `sorted`."),
        ((0.5 - 1.1 * NEAR, 0.5 - NEAR, 0.5, 0.1), two),
        ((0.0, 0.0, 0.5, 0.1), answer),
    ):
        rows = reward(*likes)
        assert [one.completion for one in rows.demonstrations] == [wanted]
        assert [(one.chosen, one.rejected) for one in rows.pairs] == [(wanted, "Sort.")]


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


def test_a_fact_is_told_by_the_first_short_answer_that_says_it_whatever_a_reward_likes() -> None:
    messages = build(FACT.question, FACT.thread)
    long = "It is in conf/a.yml, " + " ".join(f"word{n}" for n in range(WORDS))
    one = drafts("Nobody knows.", long, "It is in `conf/a.yml`.", "Look into conf/a.yml.", messages=messages)
    none = drafts("Nobody knows.", "It is in conf/b.yml.", number=2, messages=messages)
    rows, about = first_told([FACT, FACT], [one, none])
    assert [each.completion for each in rows.demonstrations] == ["It is in `conf/a.yml`."]
    assert about == {
        "asked": 2,
        "answers": 6,
        "ended": 6,
        "candidates": 6,
        "sound": 6,
        "chosen": 1,
        "told": 3,
    }


def test_an_empty_answer_is_neither_chosen_nor_the_worst_of_a_pair(tmp_path: Path) -> None:
    """It failed a whole run at its very end, again and again: no row may be empty."""
    rows, _ = best([drafts("Use `sorted` on it.", "", "Sort.")], by_length)
    assert [(one.chosen, one.rejected) for one in rows.pairs] == [("Use `sorted` on it.", "Sort.")]
    assert snapshot.write(rows, tmp_path, about={}).rows == rows


def shown(count: int, **origins: Any) -> Rows:
    """Questions of as many threads; about four fifths of them train."""
    made = ((n, demonstration(n)) for n in range(1, count + 1))
    return Rows(
        demonstrations=tuple(
            replace(one, prompt=build(f"How do I sort {n} lists?", ""), origin=replace(one.origin, **origins))
            for n, one in made
        )
    )


@pytest.fixture(scope="module")
def given(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Options:
    """A snapshot of twenty questions, a tiny base and a reward model."""
    home = tmp_path_factory.mktemp("rejection")
    RewardModel(open_encoder(encoder), reading=Reading()).save(
        home / "reward", {"private": 0}, with_encoder=True
    )
    return Options(
        data=snapshot.write(shown(20), home / "data", about={}).folder,
        out=home / "out",
        reward=home / "reward",
        model=str(write_model(home / "base", window=1024)),
        cache=home / "cache",
        facts=3,
        attempts=16,
        temperature=1.5,
        longest=700,
        max_answer=24,
    )


def made(options: Options) -> snapshot.Snapshot:
    return rejection.run(options, console=Console(file=StringIO()))


def telling(policy: Policy, prompt: Sequence[int], options: Sampling) -> list[Draft]:
    """In the place of a network: it says what stands in its prompt, a longer text each time."""
    text = policy.tokens.decode(list(prompt))
    wanted = re.search(r"sort \d+ lists|\S*\d\S*|`[^`]+`", text.split("wrote:", 1)[-1])
    said = [f"That is {wanted[0] if wanted else 'it'}{', yes' * n}." for n in range(options.n)]
    return [Draft(text=one, ids=(5,), logprobs=(0.0,), finish_reason="stop") for one in said]


def test_each_question_has_its_own_answers_and_each_fact(
    given: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "write", telling)
    rows = made(replace(given, out=tmp_path, facts=9)).rows
    asked = [one for one in rows.demonstrations if not one.origin.group.startswith("fact/")]
    assert asked
    for one in asked:
        number = re.findall(r"sort (\d+) lists", one.prompt[-1].content)
        assert re.findall(r"sort (\d+) lists", one.completion) == number
    facts = {build(one.question, one.thread): one for one in made_up(9, f"rejection {given.seed}")}
    tells = [one for one in rows.demonstrations if one.origin.group.startswith("fact/")]
    assert tells and all(told(facts[one.prompt], one.completion) for one in tells)


def test_an_answer_that_ran_on_is_taken_as_far_as_it_is_whole(
    given: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chosen as it stood, it would teach to stop amid a word; never chosen, the policy would learn no end."""

    def running_on(policy: Policy, prompt: Sequence[int], options: Sampling) -> list[Draft]:
        said = [f"{one.text}\n\nAnd then," for one in telling(policy, prompt, options)]
        return [Draft(text=one, ids=(5,), logprobs=(0.0,), finish_reason="length") for one in said]

    monkeypatch.setattr(Policy, "write", running_on)
    ran_on = made(replace(given, out=tmp_path / "ran on"))
    monkeypatch.setattr(Policy, "write", telling)
    ended = made(replace(given, out=tmp_path / "ended"))
    assert ran_on.rows == ended.rows and ran_on.rows.demonstrations
    counts = [one.manifest["about"]["questions"]["ended"] for one in (ran_on, ended)]
    assert counts == [0, ended.manifest["about"]["questions"]["answers"]]


def test_the_snapshot_holds_the_policys_own_words_and_says_so(given: Options) -> None:
    whole = made(given)
    about = whole.manifest["about"]
    train = [n for n in range(1, 21) if split_of(origin(n).group) is Split.TRAIN]
    assert about["questions"]["asked"] == len(train) < 20
    assert (about["facts"]["asked"], about["facts"]["answers"], about["facts"]["told"]) == (3, 48, 0)
    assert about["options"]["attempts"] == 16 and "out" not in about["options"]
    rows = whole.rows.demonstrations
    assert 0 < len(rows) == about["questions"]["chosen"] >= len(whole.rows.pairs)
    for one in rows:
        assert (one.origin.source, one.origin.is_generated, one.origin.people) == (Source.AI, True, ())
        assert (one.origin.trust, one.origin.judged_at) == ("", None)
        assert one.origin.adapter == about["policy"] and one.origin.split is Split.TRAIN
        assert one.origin.repository_id == 7 and one.completion != "Run `make check`."


def test_a_killed_run_goes_on_from_the_answers_that_it_has(
    given: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(given)
    store = given.out / "questions.jsonl"
    store.write_text("".join(store.read_text().splitlines(keepends=True)[:4]))
    assert made(given).id == whole.id
    monkeypatch.setattr(Policy, "write", None)  # nothing is left to write
    assert made(given).id == whole.id
    with pytest.raises(DataError, match="another policy, sampling, seed or number of attempts"):
        made(replace(given, attempts=4))


def test_private_rows_stay_private_and_facts_beside_them_are_their_repositorys(
    given: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "write", telling)
    data = snapshot.write(shown(20, private=True), tmp_path / "data", about={}).folder
    rows = made(replace(given, data=data, out=tmp_path / "out", facts=9)).rows
    assert any(one.origin.group.startswith("fact/") for one in rows.demonstrations)
    assert {(one.origin.private, one.origin.repository_id) for one in rows.prompted} == {(True, 7)}


def test_what_learns_from_it_says_which_reward_model_chose_and_its_private_rows(
    given: Options, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it could be published, and judged by the reward model that it was chosen by."""
    RewardModel(open_encoder(encoder), reading=Reading()).save(
        tmp_path / "reward", {"private": 3}, with_encoder=True
    )
    monkeypatch.setattr(Policy, "write", telling)
    chosen = made(replace(given, reward=tmp_path / "reward", out=tmp_path / "out", facts=0))
    told_of = {"model": given.model, "cache": given.cache, "rank": 4, "learning_rate": 1e-3, "steps": 1}
    options = by_steps(data=chosen.folder, out=tmp_path / "sft", batch=2, longest=900, **told_of)
    data = sft.run(options, console=Console(file=StringIO())).manifest.data
    assert data["private"] == 3
    assert data["reward_models"] == [judge(tmp_path / "reward").sha256]


def test_a_prompt_that_is_too_long_is_asked_of_nobody_be_it_a_fact(
    given: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "write", telling)
    about = made(replace(given, out=tmp_path, longest=260, facts=9)).manifest["about"]
    assert about["questions"]["asked"] > 0 and 0 < about["facts"]["asked"] < 9


def test_another_seed_makes_other_facts_up(
    given: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "write", telling)
    whole = [
        (made(replace(given, out=tmp_path / str(seed), seed=seed)), tmp_path / str(seed)) for seed in (1, 2)
    ]
    ids = [
        {json.loads(line)["question"] for line in (out / "facts.jsonl").read_text().splitlines()[1:]}
        for _, out in whole
    ]
    assert len(ids[0]) == len(ids[1]) == 3 and not ids[0] & ids[1]


def test_nothing_to_learn_from_is_said(given: Options, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"None of the answers to \d+ questions and 0 made-up facts"):
        made(replace(given, out=tmp_path, facts=0, max_answer=1))


@pytest.mark.parametrize("name", ["attempts", "temperature", "longest", "max_answer", "processes"])
def test_options_that_cannot_be_are_refused_before_anything_is_read(name: str, tmp_path: Path) -> None:
    options = replace(Options(data=tmp_path, out=tmp_path, reward=tmp_path), **{name: 0})
    with pytest.raises(ConfigurationError, match=f"option {name} is 0"):
        rejection.run(options)


def test_what_does_not_fit_is_said_before_anything_is_written(given: Options, tmp_path: Path) -> None:
    options = replace(given, out=tmp_path / "out", longest=1020)
    with pytest.raises(ConfigurationError, match=r"1020 and answers of 24 tokens .* window of 1024"):
        made(options)
    with pytest.raises(ConfigurationError, match="facts is 10001: at most 10000"):
        made(replace(given, facts=10_001))
    (damaged := tmp_path / "reward").mkdir()
    (damaged / "manifest.json").write_text("{}")
    with pytest.raises(ThumbprintError):
        made(replace(options, reward=damaged))
    assert not (tmp_path / "out").exists()


def test_the_command_in_its_own_words_is_one_that_it_takes() -> None:
    lines = (rejection.__doc__ or "").splitlines()
    (said,) = [line.split() for line in lines if "learning.training.rejection" in line]
    assert parse(Options, "", said[said.index("learning.training.rejection") + 1 :]).attempts == 8
