"""Rejection sampling: several answers to each prompt, of which the best is a demonstration to learn from.

    snapshot's questions ─┐                                 ┌─ the reward model's best, a pair with its worst
    made-up facts ────────┴─ n answers each, of the policy ─┴─ the first that tells the fact, by a rule

Llama 2 (arXiv 2307.09288, §3.2.3) and RAFT (arXiv 2304.06767): fine-tuned on its own best answers, a policy
comes some of the way to best of n at the price of one. Only an answer without a sign is chosen (`signs.py`):
it ended by itself, has no link, for nobody checked where that leads, and says neither the question nor itself
again. A killed run goes on from the answers that it has. Left out: learning from them (`sft.py`; DPO, pairs).

    python -m learning.training.rejection --data SNAPSHOT --adapter DIR --reward DIR --out DIR
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

from rich.console import Console

from learning.models.policy import Policy
from learning.prompt import TEMPLATE, build, question_of
from learning.training import answers, origins, snapshot
from learning.training.answers import Asked, Sampling, Written
from learning.training.arguments import one_sentence, parse
from learning.training.facts import Fact, told
from learning.training.facts_made import made_up
from learning.training.ppo_batch import Reward, scored
from learning.training.rejection_options import Options
from learning.training.reward_model import RewardModel
from learning.training.rows import Demonstration, Origin, PreferencePair, Rows, Source, Split
from learning.training.signs import signs
from storage.errors import DataError

WORDS = 60
"""The most words in which a fact is told."""
OURS = "Apache-2.0"
"""The licence of made-up facts, which are a part of Thumbprint."""
TELL = 50
"""So often the console hears how many prompts are answered."""


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """A prompt, where it is from, and the answers to it."""

    asked: Asked
    origin: Origin
    written: tuple[Written, ...]

    @property
    def sound(self) -> tuple[int, ...]:
        """The places of those that have no sign: `learning/training/signs.py`."""
        question, prompt = question_of(self.asked.messages), self.asked.messages[-1].content
        return tuple(
            place
            for place, one in enumerate(self.written)
            if one.text and not signs(question, one.text, ended=one.ended, prompt=prompt)
        )


def run(options: Options, *, console: Console | None = None) -> snapshot.Snapshot:
    """Write the answers that are missing, choose, and write the snapshot into `out`.

    Raises ConfigurationError for options that cannot be, DataError for a snapshot without questions, answers
    of another run and where none was chosen, ModelError for damaged files, SetupError for a full disk.
    """
    options.check()
    console = console or Console(stderr=True)
    data, judge = snapshot.read(options.data), origins.judge(options.reward)
    policy = answers.load(options.model, options.adapter, cache=options.cache.expanduser())
    asked = answers.fitting(policy, answers.asked(options.data, Split.TRAIN), options.longest)
    asked = asked[: options.questions or None]
    facts = made_up(options.facts, f"rejection {options.seed}")
    of_facts = tuple(_asked(one) for one in facts)
    written = {
        name: _written(policy, some, options.out / f"{name}.jsonl", options, console)
        for name, some in (("questions", asked), ("facts", of_facts))
    }
    known, writer = data.rows.origins(Split.TRAIN), answers.identity(policy)
    questions = [
        Drafts(asked=one, origin=_own(known[one.messages], writer), written=drafts)
        for one, drafts in zip(asked, written["questions"], strict=True)
    ]
    threads = [
        Drafts(asked=one, origin=_made_up(one, writer), written=drafts)
        for one, drafts in zip(of_facts, written["facts"], strict=True)
    ]
    model = RewardModel.load(options.reward, cache=options.cache.expanduser())
    (liked, of_liked), (telling, of_telling) = best(questions, model.score), first_told(facts, threads)
    rows = replace(liked, demonstrations=liked.demonstrations + telling.demonstrations)
    if not rows.demonstrations:
        raise DataError(
            f"None of the answers to {len(questions)} questions and {len(threads)} made-up facts is one to "
            "learn from: ask more, or let answers be longer."
        )
    about = {
        "made_of": "answers",
        "consent": "that of the snapshot whose questions were answered",
        "snapshot": data.id,
        "policy": writer,
        "reward_model": judge.sha256,
        "options": options.recorded,
        "questions": of_liked,
        "facts": of_telling,
    }
    return snapshot.write(rows, options.out, about=about)


def best(every: Sequence[Drafts], reward: Reward) -> tuple[Rows, dict[str, float]]:
    """Of each prompt's sound answers the one that the reward likes best, unless it likes most others better,
    alone and in a pair with the worst; and what was found: counts, mean rewards of all and of the chosen.

    Raises TrainingError for a reward that is no finite number.
    """
    flat = [(question_of(one.asked.messages), each.text) for one in every for each in one.written]
    rewards = iter(scored(reward, [asked for asked, _ in flat], [text for _, text in flat], "The reward"))
    shown, pairs, all_, chosen = [], [], list[float](), list[float]()
    for one in every:
        found = [next(rewards) for _ in one.written]
        all_ += found
        top = max(one.sound, key=lambda place: found[place], default=None)
        if top is None or found[top] < median(found):
            continue
        chosen.append(found[top])
        shown.append(_demonstration(one, top))
        last = min(range(len(found)), key=found.__getitem__)
        if (margin := round(found[top] - found[last], 6)) > 0:
            pairs.append(
                PreferencePair(
                    prompt=one.asked.messages,
                    chosen=one.written[top].text,
                    rejected=one.written[last].text,
                    margin=margin,
                    origin=one.origin,
                )
            )
    return Rows(demonstrations=tuple(shown), pairs=tuple(pairs)), {
        **_counts(every, shown),
        **{
            f"reward_of_{name}": round(fmean(some or [0.0]), 6)
            for name, some in (("all", all_), ("chosen", chosen))
        },
    }


def first_told(facts: Sequence[Fact], every: Sequence[Drafts]) -> tuple[Rows, dict[str, float]]:
    """Of each fact's answers the first that is sound, short and tells it; and what was found: counts."""
    shown, tells = [], 0
    for fact, one in zip(facts, every, strict=True):
        tells += sum(told(fact, each.text) for each in one.written)
        short = (
            place
            for place in one.sound
            if told(fact, one.written[place].text) and len(one.written[place].text.split()) <= WORDS
        )
        if (place := next(short, None)) is not None:
            shown.append(_demonstration(one, place))
    return Rows(demonstrations=tuple(shown)), {**_counts(every, shown), "told": tells}


def _written(
    policy: Policy, asked: Sequence[Asked], store: Path, options: Options, console: Console
) -> list[tuple[Written, ...]]:
    """The answers to each, in the order of what is asked."""
    every = answers.write(
        policy,
        asked,
        attempts=options.attempts,
        sampling=Sampling(temperature=options.temperature, max_tokens=options.max_answer),
        stores={options.seed: store},
        processes=options.processes,
        tell=lambda done: (
            console.print(f"{store.stem}: {done} of {len(asked)} answered", markup=False)
            if done % TELL == 0
            else None
        ),
    )[options.seed]
    return [tuple(every[at : at + options.attempts]) for at in range(0, len(every), options.attempts)]


def _asked(fact: Fact) -> Asked:
    one = Asked(id="", group="", messages=build(fact.question, fact.thread), reference=fact.wanted)
    return replace(one, id=one.key, group=f"fact/{one.key}")


def _own(origin: Origin, writer: str) -> Origin:
    """Of a prompt's origin what stays where the policy answered and a reward judged: no person did."""
    return replace(
        origin, source=Source.AI, people=(), trust="", judged_at=None, adapter=writer, is_generated=True
    )


def _made_up(asked: Asked, writer: str) -> Origin:
    return Origin(
        source=Source.AI,
        group=asked.group,
        split=Split.TRAIN,
        template=TEMPLATE,
        adapter=writer,
        is_generated=True,
        licence=OURS,
    )


def _demonstration(one: Drafts, place: int) -> Demonstration:
    return Demonstration(prompt=one.asked.messages, completion=one.written[place].text, origin=one.origin)


def _counts(every: Sequence[Drafts], shown: Sequence[Demonstration]) -> dict[str, float]:
    return {
        "asked": len(every),
        "answers": sum(len(one.written) for one in every),
        "sound": sum(len(one.sound) for one in every),
        "chosen": len(shown),
    }


@one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """The command line: the snapshot's folder on stdout."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    made = run(parse(Options, __doc__ or "", argv))
    sys.stdout.write(f"{made.folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
