"""The policy that ships, made again from published questions. It reads as its stages.

    corpus → **snapshot → best → SFT → independent reward → PPO → evaluation → card**

The bare policy answers the training part's questions several times, and made-up facts; what the reward model
chose, and to facts a rule, is what fine-tuning learns from (`rejection.py`). The reward model that trains is
the one that ships (`learning/shipped/reward`). Each stage is skipped where its output is whole; one that was
killed goes on from its checkpoints: hours may be had in pieces. Left out: people's answers as demonstrations,
which made the packaged policy worse (ADR 0025); the gate, which wants the memory's evidence (`thumbprint
gate`).

    python -m learning.training.shipped --data ../shared/data/so_python --out var/policy
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console

from learning.models import hub, store
from learning.training import (
    adapter_card,
    artefact,
    corpus_build,
    evaluate,
    evaluate_options,
    night_journal,
    ppo,
    ppo_options,
    rejection,
    rejection_options,
    reward,
    reward_options,
    sft,
    sft_options,
    snapshot,
)
from learning.training.answers import Sampling
from learning.training.arguments import one_sentence, parse
from learning.training.evaluate import REPORT
from learning.training.night_journal import Journal
from learning.training.reward_encoder import Tuning
from learning.training.shipped_options import Recipe
from storage.errors import DataError, ModelError

STEP = 16
"""Demonstrations a step of fine-tuning."""


def run(recipe: Recipe, *, console: Console | None = None) -> Path | None:
    """Make what is left, as far as `until`; the adapter's folder with its card, None if it ended before.

    Raises what its stages raise (DataError, ModelError, TrainingError, SetupError, ConfigurationError): what
    was whole by then is kept for the next try.
    """
    recipe.check()
    made = Shipped(recipe, console or Console(stderr=True))
    stages: dict[str, Callable[[], object]] = {
        "snapshot": made.snapshot,
        "best": made.best,
        "sft": made.sft,
        "independent": made.independent,
        "ppo": made.ppo,
        "evaluation": made.evaluation,
        "card": made.card,
    }
    for name, stage in stages.items():
        made.console.print(f"shipped: {name}", markup=False)
        stage()
        gc.collect()  # a stage's networks are not to stand beside the next one's
        if name == recipe.until:
            break
    return made.out / "card" if recipe.until == "card" else None


class Shipped:
    """One making over its folder: `out`/best, /sft, /independent, /ppo/adapter, /evaluation and /card."""

    def __init__(self, recipe: Recipe, console: Console) -> None:
        self.recipe, self.console, self.out = recipe, console, recipe.out
        self.sft_folder, self.judge = self.out / "sft", self.out / "independent"
        self.policy, self.report = self.out / "ppo" / "adapter", self.out / "evaluation"
        self.journal = Journal(recipe.out, recipe.recorded)
        if recipe.threads:
            torch.set_num_threads(recipe.threads)

    def snapshot(self) -> Path:
        """All published questions: those of the training part are asked."""

        def work() -> dict[str, object]:
            built = corpus_build.run([self.recipe.data], self.out / "data", corpus_build.Options())
            return {
                "folder": built.snapshot.folder.name,
                "questions": built.snapshot.manifest["about"]["questions_kept"],
            }

        return self._written("snapshot", self.out / "data", work)

    def best(self) -> Path:
        """The best of what the base answers itself."""
        recipe = self.recipe

        def work() -> dict[str, object]:
            made = rejection.run(
                rejection_options.Options(
                    data=self.snapshot(),
                    out=self.out / "best",
                    reward=recipe.reward,
                    model=recipe.model,
                    cache=recipe.cache,
                    questions=recipe.asked,
                    facts=recipe.facts,
                    attempts=recipe.drafts,
                    longest=recipe.max_prompt,
                    max_answer=recipe.max_answer,
                    seed=recipe.seed,
                    processes=recipe.processes,
                ),
                console=self.console,
            )
            about = made.manifest["about"]
            return {"folder": made.folder.name, "questions": about["questions"], "facts": about["facts"]}

        return self._written("best", self.out / "best", work)

    def sft(self) -> None:
        """The adapter that learned from the best."""
        recipe = self.recipe
        self._trained(
            "sft",
            self.sft_folder,
            lambda: sft.run(
                sft_options.Options(
                    data=self.best(),
                    out=self.sft_folder,
                    model=recipe.model,
                    cache=recipe.cache,
                    rank=recipe.rank,
                    alpha=2 * recipe.rank,
                    dropout=0.0,
                    learning_rate=recipe.sft_rate,
                    epochs=recipe.sft_epochs,
                    max_steps=recipe.sft_steps,
                    batch=STEP // 2,
                    accumulate=2,
                    longest=recipe.max_prompt + recipe.max_answer,
                    threads=recipe.threads,
                    seed=recipe.seed,
                ),
                console=self.console,
            ),
        )

    def independent(self) -> None:
        """A head on another encoder as it comes, fitted on the training part: it trains nothing."""

        recipe = self.recipe

        def work() -> dict[str, object]:
            told = reward_options.Options(
                data=recipe.data,
                out=self.judge,
                encoder=recipe.judge,
                tuning=Tuning(loss="none", precision=recipe.precision, seed=recipe.seed + 1),
                length_limit=recipe.judge_length,
                most_questions=recipe.judge_questions,
                threads=recipe.threads,
                cache=recipe.cache,
            )
            return dict(reward.run(told, self.console).manifest["questions"])

        self.journal.stage("independent", work, lambda: store.state(self.judge) == "ready")

    def ppo(self) -> None:
        """The adapter that the reward likes better, held to the fine-tuned one."""
        recipe = self.recipe
        self._trained(
            "ppo",
            self.policy,
            lambda: ppo.run(
                ppo_options.Options(
                    model=hub.resolve(recipe.model, "policy", recipe.cache, console=self.console),
                    data=self.snapshot(),
                    out=self.out / "ppo",
                    adapter=self.sft_folder,
                    reward=recipe.reward,
                    independent=self.judge,
                    cache=recipe.cache,
                    steps=recipe.steps,
                    batch=recipe.batch,
                    minibatch=recipe.batch // 4,
                    epochs=recipe.epochs,
                    learning_rate=recipe.rate,
                    facts=recipe.batch_facts,
                    sign_cost=recipe.sign_cost,
                    rank=recipe.rank,
                    alpha=2 * recipe.rank,
                    temperature=0.8,
                    trace=1.0,  # values begin at 0: with less, an end's whole price is its last tokens'
                    max_prompt=recipe.max_prompt,
                    max_answer=recipe.max_answer,
                    longest=recipe.max_answer,
                    kl_coefficient=0.02,
                    missing_eos=recipe.missing_eos,
                    validate_every=16,
                    validation=48,
                    checkpoint_every=4,
                    dtype={"bf16": "bfloat16", "fp32": "float32"}[recipe.precision],
                    seed=recipe.seed,
                ),
                console=self.console,
            ),
        )

    def evaluation(self) -> None:
        """Base, fine-tuned and trained policy on questions of the test part, as people wrote them."""
        recipe = self.recipe

        def work() -> dict[str, object]:
            told = evaluate_options.Options(
                data=recipe.data,
                out=self.report,
                model=recipe.model,
                adapter=(f"sft={self.sft_folder}", f"ppo={self.policy}"),
                reward=recipe.reward,
                independent=self.judge,
                encoder=recipe.encoder,
                questions=recipe.questions,
                attempts=recipe.attempts,
                seeds=recipe.seeds,
                best_of=recipe.best_of,
                seed=recipe.seed,
                threads=recipe.threads,
                processes=recipe.processes,
                cache=recipe.cache,
                sampling=Sampling(),
            )
            evaluate.run(told, console=self.console)
            return {}

        self.journal.stage("evaluation", work, lambda: (self.report / REPORT).is_file())

    def card(self) -> None:
        """The adapter with its evaluation in its card."""
        out = self.out / "card"
        told = adapter_card.Options(adapter=self.policy, report=self.report, out=out)
        self._trained("card", out, lambda: adapter_card.run(told))
        self.console.print(f"The adapter with its card: {out}", markup=False)

    def _written(self, name: str, into: Path, work: Callable[[], dict[str, object]]) -> Path:
        """A stage that writes a snapshot `into` a folder: skipped where that can be read."""
        note = self.out / "stages" / f"{name}.json"

        def stands() -> bool:
            try:
                snapshot.read(into / str(night_journal.read(note)["folder"]))
            except DataError:
                return False
            return True

        return into / str(self.journal.stage(name, work, stands)["folder"])

    def _trained(self, name: str, adapter: Path, work: Callable[[], object]) -> None:
        """A stage that leaves an adapter: skipped where each byte of it is as it was written."""

        def note() -> dict[str, object]:
            work()
            made = artefact.read(adapter)
            return {"adapter": made.id, **made.metrics}

        def stands() -> bool:
            try:
                artefact.read(adapter)
            except ModelError:
                return False
            return True

        self.journal.stage(name, note, stands)


@one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run(parse(Recipe, __doc__ or "", argv))
    return 0


if __name__ == "__main__":
    sys.exit(main())
