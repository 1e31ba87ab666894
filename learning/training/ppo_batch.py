"""A batch of PPO before anything is learned: prompts, answers, their scores, advantages, and what to report.

Each process answers its part of the prompts and scores it; then all have everything, so that whitening,
alarms and the KL controller see the batch as one process would. A made-up fact is judged by a rule and by no
reward, for none sees a thread. Left out: the update (`ppo_update.py`).
Run: `pytest tests/unit/learning/training/test_ppo.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from learning.models.tokenizer import Tokens
from learning.prompt import question_of
from learning.training import alarms, ppo_math, rollouts
from learning.training.facts import Fact, told
from learning.training.facts_made import prompted
from learning.training.ppo_update import Sample
from learning.training.processes import Processes
from learning.training.roles import Role, Roles
from learning.training.rows import Origin, Rows, Split
from learning.training.signs import signs
from storage.errors import TrainingError
from storage.records import Message

Reward = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""Scores (questions, answers) -> one finite number an answer; plain texts."""
TOLD = 0.5
"""What an answer earns that tells its fact, and what one loses that does not."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What the policy is asked: token ids, and the question in it as plain text, which rewards judge by."""

    ids: tuple[int, ...]
    question: str
    text: str
    """The whole message in which the question stands: what is in it may be said again."""
    origin: Origin
    """Of one of the rows with it: of a private one, where there is one."""
    fact: Fact | None = None
    """What its thread says, where it is made up: then telling it is what is rewarded."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One answer to a prompt, read by policy and reference; tensors (tokens,) on the CPU."""

    prompt: Prompt
    answer: rollouts.Answer
    score: float
    independent: float
    log_probs: Tensor
    reference: Tensor
    entropies: Tensor
    values: Tensor


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """How scores become rewards: the options of `ppo.py` of the same names."""

    shortest: int
    longest: int
    per_token: float
    most: float
    missing_eos: float
    sign_cost: float
    whiten_rewards: bool
    discount: float
    trace: float


def prompts_of(rows: Rows, split: Split, tokens: Tokens, longest: int) -> list[Prompt]:
    """The different prompts of that part of a snapshot, in an order of their own: those of at most `longest`
    tokens. A longer one is left out: cut, it would not be what is served."""
    found, made = rows.origins(split), []
    for messages in sorted(found, key=lambda each: [(one.role, one.content) for one in each]):
        one = _prompt(messages, found[messages], tokens)
        if 0 < len(one.ids) <= longest:
            made.append(one)
    return made


def facts_of(facts: Sequence[Fact], tokens: Tokens, longest: int) -> list[Prompt]:
    """The prompts of made-up facts, in their order, those of at most `longest` tokens."""
    made = []
    for fact in facts:
        one = replace(_prompt(*prompted(fact), tokens), fact=fact)
        if len(one.ids) <= longest:
            made.append(one)
    return made


def _prompt(messages: tuple[Message, ...], origin: Origin, tokens: Tokens) -> Prompt:
    ids = tuple(tokens.chat([{"role": one.role, "content": one.content} for one in messages]))
    return Prompt(ids=ids, question=question_of(messages), text=messages[-1].content, origin=origin)


def answered(
    roles: Roles,
    prompts: Sequence[Prompt],
    chances: Tensor,
    *,
    temperature: float,
    at_once: int,
    part: int,
    reward: Reward,
    independent: Reward | None,
    against: Role,
    processes: Processes,
) -> list[Episode]:
    """An episode for each prompt, the same list in every process. `chances` (prompts, T): random numbers.

    `at_once` answers are written at once and `part` read, those of like length together. `against` says
    whose log-probabilities stand beside the policy's. Raises TrainingError for a reward that
    returns something else than a finite number an answer.
    """
    own, share = processes.own(prompts), chances[processes.rank :: processes.count]
    answers = (
        rollouts.write(roles, [one.ids for one in own], share, temperature=temperature, at_once=at_once)
        if own
        else []
    )
    texts = [one.text for one in answers]
    scores = _judged(reward, own, texts, "The reward")
    others = _judged(independent, own, texts, "The independent reward") if independent else scores
    order = sorted(range(len(own)), key=lambda place: len(own[place].ids) + len(answers[place].ids))
    found: dict[int, Episode] = {}
    for start in range(0, len(order), part):
        like = order[start : start + part]
        reads = _read(roles, [own[i] for i in like], [answers[i] for i in like], temperature, against)
        for place, read in zip(like, reads, strict=True):
            found[place] = Episode(
                prompt=own[place],
                answer=answers[place],
                score=scores[place],
                independent=others[place],
                log_probs=read[0],
                reference=read[1],
                entropies=read[2],
                values=read[3],
            )
    return processes.gather([found[place] for place in range(len(own))])


def _judged(reward: Reward, prompts: Sequence[Prompt], texts: Sequence[str], name: str) -> list[float]:
    """An answer's score by the reward or, to a made-up fact, by whether it tells it."""
    free = [(one.question, text) for one, text in zip(prompts, texts, strict=True) if one.fact is None]
    found = iter(scored(reward, [asked for asked, _ in free], [text for _, text in free], name))
    return [
        next(found) if one.fact is None else TOLD if told(one.fact, text) else -TOLD
        for one, text in zip(prompts, texts, strict=True)
    ]


def scored(reward: Reward, questions: Sequence[str], answers: Sequence[str], name: str) -> list[float]:
    """What `reward` says, as plain numbers. Raises TrainingError naming it when that is no use."""
    if not answers:
        return []
    scores = [float(score) for score in reward(questions, answers)]
    if len(scores) != len(answers):
        raise TrainingError(f"{name} returned {len(scores)} numbers for {len(answers)} answers.")
    odd = next((score for score in scores if not math.isfinite(score)), None)
    if odd is not None:
        raise TrainingError(f"{name} returned {odd}: mend it so that every answer gets a finite number.")
    return scores


@torch.no_grad()
def _read(
    roles: Roles,
    prompts: Sequence[Prompt],
    answers: Sequence[rollouts.Answer],
    temperature: float,
    against: Role,
) -> list[tuple[Tensor, ...]]:
    batch = roles.sequences([one.ids for one in prompts], [one.ids for one in answers])
    policy, reference = roles.read(batch, temperature), roles.read(batch, temperature, against)
    assert policy.values is not None
    on_device = (policy.log_probs, reference.log_probs, policy.entropies, policy.values)
    tables = [table.cpu() for table in on_device]
    return [
        tuple(table[row, : len(answer.ids)].clone() for table in tables) for row, answer in enumerate(answers)
    ]


def samples(
    episodes: Sequence[Episode], shaping: Shaping, coefficient: float
) -> tuple[list[Sample], dict[str, float]]:
    """What the policy learns from, advantages whitened over the whole batch; and the objective's figures."""
    lengths = torch.tensor([len(one.answer.ids) for one in episodes])
    mask = ppo_math.answer_mask(lengths, int(lengths.max()))
    policy, reference, values = (
        pad_sequence([getattr(one, name) for one in episodes], batch_first=True)
        for name in ("log_probs", "reference", "values")
    )
    raw = torch.tensor([one.score for one in episodes])
    ended = torch.tensor([one.answer.ended for one in episodes])
    penalty = ppo_math.length_penalty(
        lengths,
        shortest=shaping.shortest,
        longest=shaping.longest,
        per_token=shaping.per_token,
        most=shaping.most,
    )
    odd = torch.tensor([float(_has_sign(one)) for one in episodes])
    losses = penalty + shaping.sign_cost * odd
    scores = ppo_math.final_scores(raw, ended, lengths, losses, shaping.missing_eos)
    rewards = ppo_math.kl_rewards(scores, policy, reference, mask, coefficient)
    total = rewards.sum(1).mean()
    if shaping.whiten_rewards:
        rewards = ppo_math.masked_whiten(rewards, mask, shift_mean=False)
    advantages, returns = ppo_math.gae(rewards, values, mask, discount=shaping.discount, trace=shaping.trace)
    advantages = ppo_math.masked_whiten(advantages, mask)
    made = [
        Sample(
            prompt=one.prompt.ids,
            answer=one.answer.ids,
            log_probs=one.log_probs,
            values=one.values,
            advantages=advantages[row, : len(one.answer.ids)],
            returns=returns[row, : len(one.answer.ids)],
        )
        for row, one in enumerate(episodes)
    ]
    return made, {
        **figures(episodes),
        "scores": float(scores.mean()),
        "non_score_reward": float(total - scores.mean()),
        "rlhf_reward": float(total),
        "length_penalty": float(penalty.mean()),
        "value": float(ppo_math.masked_mean(values, mask)),
    }


def figures(episodes: Sequence[Episode]) -> dict[str, float]:
    """Means over answers: reward as the model gave it, KL and entropy in nats, length in tokens, rates.

    Rewards are of what rewards judged; of made-up facts, where there are any, the share that is `told`.
    """
    count, texts = len(episodes), [one.answer.text for one in episodes]
    free = [one for one in episodes if one.prompt.fact is None]
    facts = [one.score > 0 for one in episodes if one.prompt.fact is not None]
    return {
        "reward": math.fsum(one.score for one in free) / len(free),
        "independent": math.fsum(one.independent for one in free) / len(free),
        **({"told": sum(facts) / len(facts)} if facts else {}),
        "kl": math.fsum(float((one.log_probs - one.reference).sum()) for one in episodes) / count,
        "entropy": math.fsum(float(one.entropies.mean()) for one in episodes) / count,
        "length": sum(len(one.answer.ids) for one in episodes) / count,
        "ended": sum(one.answer.ended for one in episodes) / count,
        "signs": sum(_has_sign(one) for one in episodes) / count,
        "yes_no": alarms.yes_no_rate(texts),
        "echo": alarms.echo_rate([one.prompt.question for one in episodes], texts),
        "distinct_2": alarms.distinct(texts),
    }


def _has_sign(one: Episode) -> bool:
    """Whether the answer is none, or more than one, by rule; a missing end has a price of its own."""
    return bool(signs(one.prompt.text, one.answer.text, ended=True))
