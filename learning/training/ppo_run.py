"""A run of PPO, a step at a time: prompts, answers, rewards, an update, the alarms, and what to report of it.

Left out: the loop with its checkpoints and metrics (`ppo.py`).
Run: `pytest tests/unit/learning/training/test_ppo.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from learning.models import adapters
from learning.models.tokenizer import Tokens
from learning.models.weights import read_config
from learning.training import artefact, ppo_batch, ppo_update, rollouts, snapshot
from learning.training.alarms import Seen
from learning.training.facts_made import MOST, made_up
from learning.training.origins import judge
from learning.training.ppo_batch import Prompt, Reward
from learning.training.ppo_checkpoint import State
from learning.training.ppo_options import Options
from learning.training.processes import Processes
from learning.training.roles import Role, Roles
from learning.training.rows import Split
from learning.training.sft_data import refuse_other_templates
from storage.errors import ConfigurationError, DataError

UPDATE = ("ratio", "first_ratio")
"""Figures of the update that say whether the reading is sound, not what the optimizer did: `val/*`."""


class Run:
    """A run in one of its processes: what stays the same from step to step."""

    def __init__(self, options: Options, reward: Reward, independent: Reward | None) -> None:
        options.check()
        self.options, self.reward, self.independent = options, reward, independent
        self.processes = Processes(cpu=options.cpu)
        self.snapshot = data = snapshot.read(options.data)
        refuse_other_templates(data.rows.prompted, f"The snapshot {data.id[:12]}")
        read_config(options.model)
        self.parent: adapters.Manifest | None = None
        if options.adapter is not None:  # before it is loaded, for one of another base may not fit
            self.parent = artefact.check(options.adapter, base=options.model, tokens=Tokens(options.model))
        self.roles = Roles.load(
            options.model,
            adapter=options.adapter,
            rank=options.rank,
            alpha=options.alpha,
            seed=options.seed,
            dtype=options.dtype,
            device=self.processes.device,
        )
        if options.max_prompt + options.max_answer > self.roles.context:
            raise ConfigurationError(
                f"Prompts of {options.max_prompt} and answers of {options.max_answer} tokens are more than "
                f"the model's window of {self.roles.context}: shorten one."
            )
        self.prompts = ppo_batch.prompts_of(data.rows, Split.TRAIN, self.roles.tokens, options.max_prompt)
        if len(self.prompts) < options.batch:
            raise DataError(
                f"The snapshot has {len(self.prompts)} different prompts to train on, fewer than the "
                f"batch of {options.batch}: make a larger snapshot, or a smaller batch."
            )
        made = made_up(min(options.steps * options.facts, MOST), f"ppo {options.seed}")
        self.facts = ppo_batch.facts_of(made, self.roles.tokens, options.max_prompt)
        if made and not self.facts:
            raise ConfigurationError(
                f"No made-up fact fits into a prompt of {options.max_prompt} tokens: raise --max-prompt, or "
                "ask none by --facts 0."
            )
        held_out = ppo_batch.prompts_of(data.rows, Split.VALIDATION, self.roles.tokens, options.max_prompt)
        self.held_out = held_out[: options.validation]
        self.optimizer = torch.optim.Adam(self.roles.trained().values(), lr=options.learning_rate, eps=1e-5)
        self.base = adapters.base_hash(options.model)
        parent = self.parent.id if self.parent else ""
        self.judges = {
            name: judge(folder)
            for name, folder in (
                ("reward_model", options.reward),
                ("independent_model", options.independent),
            )
            if folder is not None
        }
        """Which reward models judge, by their manifests: others make another run."""
        named = {name: one.sha256 for name, one in self.judges.items()}
        self.id = artefact.run_id("ppo", data.id, self.base, parent, named, options.recorded)

    def batch(self, step: int) -> list[Prompt]:
        """The prompts of a step: all of them in one order an epoch, batch after batch; then its facts."""
        size, facts = self.options.batch - self.options.facts, self.options.facts
        start, count = (step - 1) * size, len(self.prompts)
        found = []
        for place in range(start, start + size):
            order = self._order(place // count)
            found.append(self.prompts[order[place % count]])
        first = (step - 1) * facts
        return found + [self.facts[place % len(self.facts)] for place in range(first, first + facts)]

    def _order(self, epoch: int) -> list[int]:
        seed = rollouts.seed_of(self.options.seed, "prompts", epoch)
        return list(torch.randperm(len(self.prompts), generator=torch.Generator().manual_seed(seed)).tolist())

    def step(self, state: State) -> tuple[State, dict[str, float], str | None]:
        """One step: the state after it, its metrics, and the reason of an alarm."""
        options, step = self.options, state.step + 1
        rate = options.learning_rate * (1 - state.step / options.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        episodes = self._answered(self.batch(step), step, "reference")
        samples, objective = ppo_batch.samples(episodes, options.shaping, state.controller.coefficient)
        learned = ppo_update.learn(self.roles, self.optimizer, samples, options.rules, step, self.processes)
        other = objective.pop("independent")
        if self.independent is not None:
            objective["independent"] = other
        metrics = {f"objective/{name}": value for name, value in objective.items()}
        metrics |= {f"{'val' if name in UPDATE else 'ppo'}/{name}": value for name, value in learned.items()}
        metrics |= {"ppo/kl_coefficient": state.controller.coefficient, "ppo/learning_rate": rate}
        if options.validate_every and self.held_out and step % options.validate_every == 0:
            metrics |= self._validated()
        reason = state.alarms.look(
            Seen(
                kl=objective["kl"],
                yes_no=objective["yes_no"],
                echo=objective["echo"],
                distinct=objective["distinct_2"],
                never_ends=1 - objective["ended"],
                reward=objective["reward"],
                independent=objective.get("independent"),
            )
        )
        after = replace(state, step=step, controller=state.controller.after(objective["kl"], options.batch))
        return after, metrics, reason

    def _validated(self) -> dict[str, float]:
        """Answers to the held-out prompts, always with the same random numbers, beside the bare base."""
        found = ppo_batch.figures(self._answered(self.held_out, "validation", "base"))
        if self.independent is None:
            found.pop("independent")
        return {f"val/{'kl_to_base' if name == 'kl' else name}": value for name, value in found.items()}

    def _answered(self, prompts: Sequence[Prompt], step: int | str, against: Role) -> list[ppo_batch.Episode]:
        options = self.options
        return ppo_batch.answered(
            self.roles,
            prompts,
            rollouts.draws(options.seed, step, range(len(prompts)), options.max_answer),
            temperature=options.temperature,
            at_once=options.rollout,
            part=options.part if self.processes.device.type == "cpu" else options.rollout,
            reward=self.reward,
            independent=self.independent,
            against=against,
            processes=self.processes,
        )
