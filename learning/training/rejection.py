"""Rejection sampling: several answers to each prompt, of which the best is a demonstration to learn from.

    snapshot's questions ─┐                 ┌─ the reward model's best, a pair with its worst
    made-up facts ────────┴─ n answers each ┴─ the first that tells the fact, by a rule

Llama 2 (arXiv 2307.09288, §3.2.3) and RAFT (arXiv 2304.06767): fine-tuned on its own best answers, a policy
comes some of the way to best of n at the price of one. The base answers as it is served; an answer that ran
on is taken as far as its last whole block, and each beginning that could be an answer is a candidate, too
(`blocks.py`): so the policy learns to end, and where. Only one without a sign is chosen (`signs.py`): it has
no link, for nobody checked where that leads, and says neither the question nor itself again. A killed run
goes on from the answers that it has. Left out: learning from them (`sft.py`; DPO from the pairs), answers of
an adapter.

    python -m learning.training.rejection --data SNAPSHOT --reward DIR --out DIR
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from statistics import fmean, median

from rich.console import Console

from learning.models.policy import Policy
from learning.prompt import question_of
from learning.training import answers, origins, snapshot
from learning.training.answers import Asked, Sampling, Written
from learning.training.arguments import one_sentence, parse
from learning.training.blocks import beginnings, whole_blocks
from learning.training.facts import Fact, told
from learning.training.facts_made import made_up, prompted
from learning.training.ppo_batch import Reward, scored
from learning.training.rejection_options import Options
from learning.training.reward_model import RewardModel
from learning.training.rows import Demonstration, Origin, PreferencePair, Rows, Source, Split
from learning.training.signs import signs
from storage.errors import ConfigurationError, DataError

WORDS = 60
"""The most words in which a fact is told."""
NEAR = 0.05
"""Of candidates whose rewards lie no further below the best one's the shortest is taken: no reward model
tells so little apart, and who asks wants to read little."""
TELL = 50
"""So often the console hears how many prompts are answered."""


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """A prompt, where it is from, and the answers to it, of those that ran on what is whole of them."""

    asked: Asked
    origin: Origin
    written: tuple[Written, ...]

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """Each text once: the beginnings of each answer that could be one, the answer the last of them."""
        return tuple(dict.fromkeys(text for one in self.written for text in beginnings(one.text)))

    @cached_property
    def whole(self) -> frozenset[str]:
        """Those candidates that are an answer and not the beginning of one."""
        return frozenset(text for one in self.written if (text := one.text.strip()))

    @cached_property
    def sound(self) -> tuple[str, ...]:
        """Those candidates that have no sign: `learning/training/signs.py`."""
        prompt = self.asked.messages[-1].content
        return tuple(text for text in self.candidates if not signs(prompt, text, ended=True))


def run(options: Options, *, console: Console | None = None) -> snapshot.Snapshot:
    """Write the answers that are missing, choose, and write the snapshot into `out`.

    Raises ConfigurationError for options that cannot be, DataError for a snapshot without questions, answers
    of another run and where none was chosen, ModelError for damaged files, TrainingError for a reward that is
    no number, SetupError for a full disk.
    """
    options.check()
    console, cache = console or Console(stderr=True), options.cache.expanduser()
    data, judge = snapshot.read(options.data), origins.judge(options.reward)
    reward = RewardModel.load(options.reward, cache=cache)  # before hours of writing, for it may be damaged
    policy = answers.load(options.model, None, cache=cache)
    if options.longest + options.max_answer > policy.context:
        raise ConfigurationError(
            f"Prompts of {options.longest} and answers of {options.max_answer} tokens are more than the "
            f"model's window of {policy.context}: shorten one."
        )
    asked = answers.fitting(policy, answers.asked(options.data, Split.TRAIN), options.longest)
    asked = asked[: options.questions or None]
    known = data.rows.origins(Split.TRAIN)
    facts = {one.id: (one, fact, origin) for one, fact, origin in _facts(options, known.values())}
    threads = answers.fitting(policy, [one for one, _, _ in facts.values()], options.longest)
    questions = _drafts(policy, asked, [known[one.messages] for one in asked], "questions", options, console)
    tried = _drafts(policy, threads, [facts[one.id][2] for one in threads], "facts", options, console)
    liked, of_liked = best(questions, reward.score)
    telling, of_telling = first_told([facts[one.id][1] for one in threads], tried)
    rows = replace(liked, demonstrations=liked.demonstrations + telling.demonstrations)
    if not rows.demonstrations:
        raise DataError(
            f"None of the answers to {len(asked)} questions and {len(threads)} made-up facts is one to learn "
            "from: ask more, or let answers be longer."
        )
    about = {
        "made_of": "answers",
        "consent": "that of the snapshot whose questions were answered",
        "snapshot": data.id,
        "policy": answers.identity(policy),
        "chosen_by": {**asdict(judge), "reward_models": sorted(judge.reward_models)},
        "options": options.recorded,
        "questions": of_liked,
        "facts": of_telling,
    }
    return snapshot.write(rows, options.out, about=about)


def best(every: Sequence[Drafts], reward: Reward) -> tuple[Rows, dict[str, float]]:
    """Of each prompt's sound candidates the shortest of those that the reward likes best (`NEAR`), unless it
    likes most answers better, alone and in a pair with the worst answer; and what was found: counts, mean
    rewards of all answers and of the chosen.

    Raises TrainingError for a reward that is no finite number.
    """
    flat = [(question_of(one.asked.messages), text) for one in every for text in one.candidates]
    rewards = iter(scored(reward, [asked for asked, _ in flat], [text for _, text in flat], "The reward"))
    shown, pairs, all_, chosen = [], [], list[float](), list[float]()
    for one in every:
        found = {text: next(rewards) for text in one.candidates}
        answered = [found[text] for text in one.whole]
        all_ += answered
        highest = max((found[text] for text in one.sound), default=None)
        if highest is None or highest < median(answered):
            continue
        top = min((text for text in one.sound if found[text] >= highest - NEAR), key=len)
        chosen.append(found[top])
        shown.append(_demonstration(one, top))
        last = min(sorted(one.whole), key=found.__getitem__)
        if (margin := round(found[top] - found[last], 6)) > 0:
            pairs.append(
                PreferencePair(
                    prompt=one.asked.messages, chosen=top, rejected=last, margin=margin, origin=one.origin
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
    """Of each fact's candidates the first that is sound, short and tells it; and what was found: counts."""
    shown, tells = [], 0
    for fact, one in zip(facts, every, strict=True):
        tells += sum(told(fact, each.text) for each in one.written)
        short = (text for text in one.sound if told(fact, text) and len(text.split()) <= WORDS)
        if (text := next(short, None)) is not None:
            shown.append(_demonstration(one, text))
    return Rows(demonstrations=tuple(shown)), {**_counts(every, shown), "told": tells}


def _facts(options: Options, known: Iterable[Origin]) -> Iterator[tuple[Asked, Fact, Origin]]:
    """Made-up facts as they are asked; beside a private repository's rows they are its own, too."""
    private = next((one for one in known if one.private), None)
    for fact in made_up(options.facts, f"rejection {options.seed}"):
        messages, origin = prompted(fact)
        if private is not None:
            origin = replace(origin, private=True, repository_id=private.repository_id)
        yield (
            Asked(id=origin.group, group=origin.group, messages=messages, reference=fact.wanted),
            fact,
            origin,
        )


def _drafts(
    policy: Policy,
    asked: Sequence[Asked],
    known: Sequence[Origin],
    name: str,
    options: Options,
    console: Console,
) -> list[Drafts]:
    """The answers to each, in the order of what is asked, kept in the file of that name."""

    def tell(done: int) -> None:
        if done % TELL == 0:
            console.print(f"{name}: {done} of {len(asked)} answered", markup=False)

    every = answers.write(
        policy,
        asked,
        attempts=options.attempts,
        sampling=Sampling(temperature=options.temperature, max_tokens=options.max_answer),
        stores={options.seed: options.out / f"{name}.jsonl"},
        processes=options.processes,
        tell=tell,
    )[options.seed]
    found: dict[str, list[Written]] = {}
    for draft in every:
        whole = draft if draft.ended else replace(draft, text=whole_blocks(draft.text))
        found.setdefault(draft.question_id, []).append(whole)
    writer = answers.identity(policy)
    return [
        Drafts(asked=one, origin=_own(origin, writer), written=tuple(found[one.id]))
        for one, origin in zip(asked, known, strict=True)
    ]


def _own(origin: Origin, writer: str) -> Origin:
    """Of a prompt's origin what stays where the policy answered: no person judged it."""
    return replace(
        origin, source=Source.AI, people=(), trust="", judged_at=None, adapter=writer, is_generated=True
    )


def _demonstration(one: Drafts, text: str) -> Demonstration:
    return Demonstration(prompt=one.asked.messages, completion=text, origin=one.origin)


def _counts(every: Sequence[Drafts], shown: Sequence[Demonstration]) -> dict[str, float]:
    return {
        "asked": len(every),
        "answers": sum(len(one.written) for one in every),
        "ended": sum(draft.ended for one in every for draft in one.written),
        "candidates": sum(len(one.candidates) for one in every),
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
