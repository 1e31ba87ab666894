"""Taking the gate's figures: both policies answer, a reward compares them, their distance is measured.

Each policy is made by `learning/training/answers.py` as the server makes it, and its answers are kept in the
run's folder as they are written. Left out: what follows from the figures (`learning/training/gate_rules.py`).

    pytest tests/unit/learning/training/test_gate.py
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from learning.intervals import Interval, bootstrap
from learning.models.policy import Policy
from learning.prompt import question_of
from learning.training import answers, gate_figures, gate_rules
from learning.training.answers import Asked, Sampling
from learning.training.canaries import SUITE, Canary
from learning.training.gate_figures import Fault, Said
from learning.training.gate_kl import nats_a_token
from learning.training.gate_memory import Memory
from learning.training.gate_options import Options
from learning.training.gate_rules import Figures
from learning.training.ppo_batch import Reward
from storage.errors import DataError, ModelError


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What one policy wrote: to the questions, and to the canaries."""

    said: tuple[Said, ...]
    canaries: tuple[tuple[Canary, str, bool], ...]


def figures_of(
    options: Options,
    questions: Sequence[Asked],
    judge: Reward | None,
    memory: Memory | None,
    console: Console,
) -> tuple[Figures, list[Fault]]:
    """All figures, and what was wrong with the candidate's answers to canaries.

    Raises ModelError (a model, or a reward that is no number), DataError (no question fits the window),
    SetupError (full disk).
    """
    candidate = answers.load(options.model, options.adapter, cache=options.cache)
    base = answers.load(options.model, None, cache=options.cache)
    serving = answers.load(options.model, options.deployed, cache=options.cache) if options.deployed else base
    asked = answers.fitting(base, questions, options.max_prompt)
    if not asked:
        raise DataError(
            f"None of {len(questions)} questions of {options.data} fits into {options.max_prompt} tokens: "
            "raise --max-prompt."
        )
    with Progress(console=console) as progress:
        ours = written(candidate, asked, options, "candidate", progress)
        theirs = written(serving, asked, options, "serving", progress)
        kl_deployed = _distance(candidate, serving, ours.said, asked, options, "serving", progress)
        kl_base = (
            _distance(candidate, base, ours.said, asked, options, "base", progress)
            if serving is not base
            else kl_deployed
        )
    ours_came_to, faults = gate_figures.side(ours.said, ours.canaries)
    theirs_came_to, _ = gate_figures.side(theirs.said, theirs.canaries)
    wins, reward, slices = _compared(judge, ours.said, theirs.said)
    absent = "no independent reward model was named (--independent)"
    missing = {} if judge else dict.fromkeys(gate_rules.JUDGED, absent)
    if memory is None:
        missing[gate_rules.MEMORY] = "no evidence was given (--memory): `thumbprint gate` makes it"
    figures = Figures(
        questions=len({one.id for one in asked}),
        candidate=ours_came_to,
        serving=theirs_came_to,
        wins=wins,
        reward=reward,
        slices=slices,
        length=gate_figures.lengths(ours.said, theirs.said),
        kl_base=kl_base,
        kl_deployed=kl_deployed,
        memory=memory,
        missing=missing,
    )
    return figures, faults


def written(
    policy: Policy, asked: Sequence[Asked], options: Options, name: str, progress: Progress
) -> Answers:
    """The policy's answers, kept as `out`/name.jsonl and `out`/name-canaries.jsonl.

    A canary that does not fit the model's window is asked of no policy; a kind of which none does is not
    taken.
    """
    suite = [Asked(id=one.id, group=one.id, messages=one.messages, reference="") for one in SUITE]
    suite = list(answers.fitting(policy, suite, policy.context - 1))
    texts = _write(policy, asked, options, name, progress)
    tried = _write(policy, suite, options, f"{name}-canaries", progress)
    by_id, canary_of = {one.id: one for one in asked}, {one.id: one for one in SUITE}
    said = tuple(
        Said(
            group=by_id[one.question_id].group,
            question=question_of(by_id[one.question_id].messages),
            prompt=by_id[one.question_id].messages[-1].content,
            text=one.text,
            tokens=one.tokens,
            ended=one.ended,
        )
        for one in texts
    )
    return Answers(
        said=said, canaries=tuple((canary_of[one.question_id], one.text, one.ended) for one in tried)
    )


def _write(
    policy: Policy, asked: Sequence[Asked], options: Options, name: str, progress: Progress
) -> list[answers.Written]:
    task = progress.add_task(f"answers: {name}", total=len(asked))
    written = answers.write(
        policy,
        asked,
        attempts=options.attempts,
        sampling=Sampling(
            temperature=options.temperature, top_p=options.top_p, top_k=0, max_tokens=options.max_tokens
        ),
        stores={options.seed: _store(options.out, name)},
        tell=lambda done: progress.update(task, completed=done),
    )
    return written[options.seed]


def _store(out: Path, name: str) -> Path:
    return out / f"{name}.jsonl"


def _distance(
    ours: Policy,
    theirs: Policy,
    said: Sequence[Said],
    asked: Sequence[Asked],
    options: Options,
    name: str,
    progress: Progress,
) -> Interval:
    """KL in nats a token on the candidate's first answers to the first questions."""
    task = progress.add_task(f"distance: {name}", total=min(options.distances, len(asked)))
    values, groups = [], []
    for one, first in list(zip(asked, said[:: options.attempts], strict=True))[: options.distances]:
        prompt = ours.tokens.chat([{"role": each.role, "content": each.content} for each in one.messages])
        answer = ours.tokens.answer(first.text) if first.ended else ours.tokens.encode(first.text)
        if answer:
            values.append(nats_a_token(ours, theirs, prompt, answer))
            groups.append(one.group)
        progress.advance(task)
    return bootstrap(values, groups)


def _compared(
    judge: Reward | None, ours: Sequence[Said], theirs: Sequence[Said]
) -> tuple[Interval | None, Interval | None, dict[str, Interval]]:
    if judge is None:
        return None, None, {}
    rewards = []
    for said in (ours, theirs):
        found = list(judge([one.question for one in said], [one.text for one in said]))
        if len(found) != len(said) or not all(map(math.isfinite, found)):
            raise ModelError(
                "The independent reward gives what is no number, or not one an answer: train it anew."
            )
        rewards.append(found)
    wins, reward, slices = gate_figures.compared(ours, *rewards)
    return wins, reward, dict(slices)
