"""A batch before anything is learned: what an answer earns, and under which distribution it is read."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from learning.prompt import build
from learning.training import rollouts
from learning.training.facts import Fact
from learning.training.ppo_batch import (
    TOLD,
    Episode,
    Prompt,
    Shaping,
    answered,
    facts_of,
    figures,
    samples,
)
from learning.training.processes import Processes
from learning.training.roles import Roles
from learning.training.rollouts import Answer
from learning.training.rows import Rows, Split
from tests.unit.learning.training.made import demonstration, judged, origin, pair
from tests.unit.learning.training.test_rollouts import alone

FREE = Shaping(
    shortest=0,
    longest=99,
    per_token=0.0,
    most=0.0,
    missing_eos=0.0,
    sign_cost=0.0,
    whiten_rewards=False,
    discount=1.0,
    trace=1.0,
)


def prompt(*ids: int) -> Prompt:
    return Prompt(ids=ids, question="Why?", text="Why?", origin=origin(1))


def episode(
    score: float, drift: Sequence[float], *, ended: bool = True, values: Sequence[float] = ()
) -> Episode:
    """An answer of as many tokens as `drift` has: log π − log ρ of each."""
    count = len(drift)
    policy = -torch.arange(1.0, count + 1)
    return Episode(
        prompt=prompt(5, 6),
        answer=Answer(ids=tuple(range(20, 20 + count)), ended=ended, text="so"),
        score=score,
        independent=-score,
        log_probs=policy,
        reference=policy - torch.tensor(drift),
        entropies=torch.ones(count),
        values=torch.tensor(values or [0.0] * count),
    )


MIXED = (
    episode(1.0, [0.5, 0.0, -0.2]),
    episode(0.4, [0.0, 1.0, 0.0, 0.0, 0.5], ended=False),
    episode(-0.6, [0.1]),
)


def test_an_answer_earns_its_score_less_kl_length_and_a_missing_end() -> None:
    """Values of nought, no discount, trace 1: what is to come at the first token is all that it earns."""
    shaping = replace(FREE, shortest=2, longest=3, per_token=0.5, most=0.75, missing_eos=0.25)
    made, found = samples(MIXED, shaping, 0.1)
    scores = [1.0, 0.4 - 0.75 - 0.25, -0.6 - 0.5]
    kl = [0.3, 1.5, 0.1]
    wanted = [score - 0.1 * far for score, far in zip(scores, kl, strict=True)]
    assert [float(one.returns[0]) for one in made] == pytest.approx(wanted)
    assert [len(one.returns) for one in made] == [len(one.advantages) for one in made] == [3, 5, 1]
    assert found["scores"] == pytest.approx(statistics.fmean(scores))
    assert found["non_score_reward"] == pytest.approx(-0.1 * statistics.fmean(kl))
    assert found["rlhf_reward"] == pytest.approx(statistics.fmean(wanted))
    assert found["length_penalty"] == pytest.approx((0.75 + 0.5) / 3)
    assert found["reward"] == pytest.approx(0.8 / 3) and found["independent"] == pytest.approx(-0.8 / 3)
    assert found["kl"] == pytest.approx(statistics.fmean(kl))
    assert (found["length"], found["ended"]) == (3.0, pytest.approx(2 / 3))


def test_an_answer_with_a_sign_loses_its_price_and_a_missing_end_is_no_sign() -> None:
    link = replace(MIXED[1], answer=replace(MIXED[1].answer, text="see https://example.org/a"))
    made, found = samples([MIXED[0], link], replace(FREE, sign_cost=0.3, missing_eos=0.25), 0.0)
    assert [float(one.returns[0]) for one in made] == pytest.approx([1.0, 0.4 - 0.3 - 0.25])
    assert found["signs"] == 0.5 and found["length_penalty"] == 0.0
    its_own = replace(link, prompt=replace(link.prompt, text="What is https://example.org/a for?"))
    made, found = samples([its_own], replace(FREE, sign_cost=0.3), 0.0)
    assert float(made[0].returns[0]) == pytest.approx(0.4) and found["signs"] == 0


FACT = Fact(question="On which port?", thread="ann wrote:\nOn 8421.", wanted="8421")


@torch.no_grad()
def test_a_made_up_fact_is_judged_by_its_rule_and_asked_of_no_reward(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = Roles.load(base)
    texts = ["It is 8421.", "It is 1.", "So what?"]
    monkeypatch.setattr(
        rollouts,
        "write",
        lambda roles, prompts, *given, **more: [Answer(ids=(9, 2), ended=True, text=text) for text in texts],
    )
    (fact,) = facts_of([FACT], roles.tokens, 256)
    assert "ann wrote" in fact.text and fact.question == "On which port?"
    found = answered(
        roles,
        [fact, fact, prompt(5, 6)],
        torch.zeros(3, 2),
        temperature=1.0,
        at_once=3,
        part=3,
        reward=lambda asked, said: [0.1 for one in asked if one == "Why?"],
        independent=lambda asked, said: [-0.2 for one in asked if one == "Why?"],
        against="base",
        processes=Processes(cpu=True),
    )
    assert [one.score for one in found] == [TOLD, -TOLD, 0.1]
    assert [one.independent for one in found] == [TOLD, -TOLD, -0.2]
    told = figures(found)
    assert (told["reward"], told["independent"], told["told"]) == (0.1, -0.2, 0.5)
    assert "told" not in figures(found[2:])
    assert facts_of([FACT], roles.tokens, 10) == []


def test_a_prompt_of_a_private_and_a_public_row_is_private_and_of_another_part_is_not_there() -> None:
    public, private = demonstration(1), judged(2, origin=origin(2, private=True, split=Split.TRAIN))
    public = replace(public, origin=replace(public.origin, split=Split.TRAIN))
    elsewhere = pair(3, prompt=build("Why?", ""), origin=origin(3, split=Split.TEST))
    for rows in (
        Rows(demonstrations=(public,), judged=(private,), pairs=(elsewhere,)),
        Rows(
            pairs=(elsewhere, pair(2, origin=private.origin)),
            judged=(replace(private, origin=public.origin),),
        ),
    ):
        assert rows.origins(Split.TRAIN) == {public.prompt: private.origin}


def test_advantages_are_whitened_over_all_tokens_of_the_batch() -> None:
    made, _ = samples(MIXED, FREE, 0.1)
    every = torch.cat([one.advantages for one in made])
    assert len(every) == 9
    assert (float(every.mean()), float(every.var())) == pytest.approx((0.0, 1.0), abs=1e-5)


@pytest.mark.parametrize(("discount", "trace"), [(0.5, 1.0), (1.0, 0.5), (0.9, 0.0)])
def test_discount_and_trace_are_the_options(discount: float, trace: float) -> None:
    one = episode(2.0, [0.0, 0.0], values=[0.3, 0.7])
    [made], found = samples([one], replace(FREE, discount=discount, trace=trace), 0.1)
    last = 2.0 - 0.7
    assert made.returns.tolist() == pytest.approx([discount * 0.7 + discount * trace * last, 2.0])
    assert found["value"] == pytest.approx(0.5)


def test_rewards_are_whitened_where_it_is_wished_and_keep_their_mean() -> None:
    """With neither discount nor trace a token's return is its own reward."""
    alone = replace(FREE, discount=0.0, trace=0.0)
    plain, white = (
        torch.cat([one.returns for one in samples(MIXED, shaping, 0.1)[0]])
        for shaping in (alone, replace(alone, whiten_rewards=True))
    )
    assert float(plain.var()) != pytest.approx(1.0, abs=0.1)
    assert float(white.var()) == pytest.approx(1.0, abs=1e-4)
    wanted = (plain - plain.mean()) / plain.std() + plain.mean()
    torch.testing.assert_close(white, wanted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_answers_are_drawn_and_read_at_one_temperature_by_policy_and_reference(base: Path) -> None:
    """Against the network alone, each text by itself: softmax(logits / 0.6) over the whole vocabulary."""
    roles = Roles.load(base, rank=4)
    for name, each in roles.trained().items():
        if "lora_B" in name:
            each.normal_(0, 0.2, generator=torch.Generator().manual_seed(len(name)))
    prompts = [prompt(5, 6, 7, 8), prompt(40), prompt(9, 9)]
    chances = rollouts.draws(3, 1, range(3), 6)
    found = answered(
        roles,
        prompts,
        chances,
        temperature=0.6,
        at_once=2,
        part=2,
        reward=lambda asked, said: [float(len(text)) for text in said],
        independent=lambda asked, said: [-1.0 for _ in said],
        against="base",
        processes=Processes(cpu=True),
    )
    for one, asked, row in zip(found, prompts, chances, strict=True):
        answer = list(one.answer.ids)
        assert answer == alone(roles, list(asked.ids), row, 0.6)
        text = torch.tensor([[*asked.ids, *answer]])
        policy = _known(roles.model(text).logits, answer)
        with roles.model.disable_adapter():
            reference = _known(roles.model(text).logits, answer)
        torch.testing.assert_close(one.log_probs, policy, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(one.reference, reference, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(policy, reference, atol=1e-2)
        assert (one.score, one.independent) == (len(one.answer.text), -1.0)


def _known(logits: torch.Tensor, answer: list[int]) -> torch.Tensor:
    rows = (logits[0, -len(answer) - 1 : -1] / 0.6).log_softmax(-1)
    return rows[range(len(answer)), answer]
