"""What each stage of a night is told: a recipe, and the folders of what went before → its own options. Pure.

What a recipe does not say is the stage's own default; the stage keeps all of it in its manifest. Left out:
carrying the stages out (`learning/training/night_stages.py`).
Run: `pytest tests/unit/learning/training/test_retrain.py`.
"""

from __future__ import annotations

from pathlib import Path

from learning.models.packages import ENCODER
from learning.training import evaluate_options, gate_options, ppo_options, reward_options, sft_options
from learning.training.answers import Sampling
from learning.training.night_options import STEP, Recipe
from learning.training.reward_encoder import Loss, Tuning
from learning.training.reward_model import Reading

SHIPPED = Path(__file__).parents[1] / "shipped" / "reward"
"""The reward model that ships: a head on the packaged encoder as it comes, with its card."""
SHIPPED_LIMIT = 0.25
"""The most that its head goes along with length; one that goes on from it keeps to it, too."""


def sft(recipe: Recipe, data: Path, out: Path) -> sft_options.Options:
    """Of supervised fine-tuning."""
    return sft_options.Options(
        data=data,
        out=out,
        model=recipe.model,
        cache=recipe.cache,
        parent=recipe.parent,
        rank=recipe.rank,
        alpha=2 * recipe.rank,
        learning_rate=recipe.sft_rate,
        epochs=recipe.sft_epochs,
        max_steps=recipe.sft_steps,
        batch=recipe.sft_batch,
        accumulate=STEP // recipe.sft_batch,
        longest=recipe.max_prompt,
        checkpoint_every=recipe.checkpoint_every,
        threads=recipe.threads,
        cpu=recipe.cpu,
        seed=recipe.seed,
    )


def reward_model(recipe: Recipe, data: Path, out: Path) -> reward_options.Options:
    """Of the reward model that trains the policy: the one that ships learns on, or one begins at the encoder.

    A model that learns on is held to what it was, and rehearses the corpus, where the recipe has one.
    """
    start = recipe.reward_parent or _shipped(recipe)
    usual: Loss = "none" if start else "triplet"
    limit = SHIPPED_LIMIT if start == SHIPPED else 1.0
    return reward_options.Options(
        data=data,
        out=out,
        encoder=recipe.encoder,
        start=start,
        rehearse=recipe.corpus if start else None,
        tuning=Tuning(
            loss=usual if recipe.reward_loss == "usual" else recipe.reward_loss,
            epochs=recipe.reward_epochs,
            checkpoint_steps=10 * recipe.checkpoint_every,
            seed=recipe.seed,
        ),
        reading=Reading(surface=recipe.reward_surface),
        length_limit=recipe.reward_length_limit or limit,
        threads=recipe.threads,
        cache=recipe.cache,
    )


def _shipped(recipe: Recipe) -> Path | None:
    """The reward model that ships, where it is what the recipe means: it knows one encoder and one way."""
    packaged = recipe.encoder in ("packaged", ENCODER.name)
    return SHIPPED if packaged and recipe.reward_loss == "usual" else None


def independent_model(recipe: Recipe, data: Path, out: Path) -> reward_options.Options:
    """Of the reward model that judges alone: a head on the encoder as it comes, fitted anew.

    It goes on from nothing and counts nothing, so that it shares no parameter of a head with the one that
    trains, and has learned from the night's data alone.
    """
    return reward_options.Options(
        data=data,
        out=out,
        encoder=recipe.encoder,
        tuning=Tuning(loss="none", seed=recipe.seed + 1),
        threads=recipe.threads,
        cache=recipe.cache,
    )


def ppo(
    recipe: Recipe, base: Path, data: Path, out: Path, *, sft: Path, reward: Path, independent: Path
) -> ppo_options.Options:
    """Of PPO, which goes on from the fine-tuned adapter and is held to it."""
    return ppo_options.Options(
        model=base,
        data=data,
        out=out,
        adapter=sft,
        reward=reward,
        independent=independent,
        cache=recipe.cache,
        steps=recipe.steps,
        batch=recipe.batch,
        minibatch=recipe.minibatch,
        rollout=min(recipe.batch, 32),
        epochs=recipe.ppo_epochs,
        max_prompt=recipe.max_prompt,
        max_answer=recipe.max_answer,
        longest=recipe.max_answer,
        shortest=min(8, recipe.max_answer),
        checkpoint_every=recipe.checkpoint_every,
        seed=recipe.seed,
        cpu=recipe.cpu,
    )


def evaluation(
    recipe: Recipe, data: Path, out: Path, *, sft: Path, policy: Path, reward: Path, independent: Path
) -> evaluate_options.Options:
    """Of the evaluation: base, fine-tuned, trained and serving policy on questions that nobody trained on."""
    systems = [f"sft={sft}", f"ppo={policy}"]
    systems += [f"deployed={recipe.deployed}"] if recipe.deployed else []
    return evaluate_options.Options(
        data=data,
        out=out,
        model=recipe.model,
        adapter=tuple(systems),
        deployed="deployed" if recipe.deployed else "base",
        reward=reward,
        independent=independent,
        encoder=recipe.encoder,
        questions=recipe.questions,
        attempts=recipe.attempts,
        best_of=recipe.best_of,
        seeds=recipe.seeds,
        seed=recipe.seed,
        max_prompt=recipe.max_prompt,
        threads=recipe.threads,
        cache=recipe.cache,
        sampling=Sampling(max_tokens=recipe.max_answer),
    )


def gate(
    recipe: Recipe, data: Path, out: Path, *, policy: Path, reward: Path, independent: Path
) -> gate_options.Options:
    """Of the gate, which judges the trained policy against the one that serves."""
    return gate_options.Options(
        adapter=policy,
        data=data,
        out=out,
        model=recipe.model,
        deployed=recipe.deployed,
        independent=independent,
        trained_by=reward,
        memory=recipe.memory,
        limit=recipe.questions,
        max_prompt=recipe.max_prompt,
        max_tokens=recipe.max_answer,
        seed=recipe.seed,
        threads=recipe.threads,
        cache=recipe.cache,
    )
