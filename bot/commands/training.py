"""Training: the verbs that make data, train and judge. Each stage is a file of `learning/training/`.

Stages that load a network run as processes of their own (`python -m learning.training.STAGE`), for nothing
here may import torch; those that need none are called. Left out: what a stage does, and its options' meaning.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from bot.commands.shared import become, cache_flag, load_settings, out
from storage.errors import ConfigurationError

if TYPE_CHECKING:
    from learning.training.corpus_build import Built

corpus = typer.Typer(help="Published questions, made into training data.", no_args_is_help=True)
train = typer.Typer(help="Training, a stage each, in a process of its own.", no_args_is_help=True)
evaluate = typer.Typer(help="Judge what was trained, on questions it never saw.", no_args_is_help=True)
MORE = {"allow_extra_args": True, "ignore_unknown_options": True}
"""For a stage's verb: options that it does not know itself are the stage's."""


class Votes(enum.StrEnum):
    """How votes become a score."""

    LOG = "log"
    TANH = "tanh"


class Algorithm(enum.StrEnum):
    """How the policy is trained."""

    PPO = "ppo"
    DPO = "dpo"
    KTO = "kto"
    RLOO = "rloo"


class Trainer(enum.StrEnum):
    """What trains the reward model."""

    OURS = "ours"
    TRL = "trl"


class By(enum.StrEnum):
    """What a question's part of the data follows from."""

    ID = "id"
    TIME = "time"


@corpus.command()
def build(
    data: Annotated[
        list[Path], typer.Option("--data", help="A folder of questions.jsonl.gz; may be given several times.")
    ],
    into: Annotated[
        Path | None,
        typer.Option("--out", help="Where snapshots are kept; else training/snapshots of the home."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many questions; 0 for all.")] = 0,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="A filter, or a group: recipe, code, images, links, long; repeatable."),
    ] = None,
    pairs: Annotated[
        int,
        typer.Option("--pairs", min=0, help="Pairs of one question at most, the widest apart; 0 for all."),
    ] = 0,
    votes: Annotated[Votes, typer.Option("--votes", help="The scale of voted answers.")] = Votes.LOG,
    by: Annotated[By, typer.Option("--by", help="Split by the questions' ids, or by time.")] = By.ID,
) -> None:
    """Make a snapshot of published questions, and show what each filter catches.

    It has every pair of a better and a worse answer (for reward and DPO), good and bad answers (KTO) and
    demonstrations (SFT). Good is what was accepted or has votes above zero, bad what has votes below zero;
    where only a page's order is known, the first and the last of three different answers or more.
    """
    from learning.training import corpus_build

    options = corpus_build.Options(
        filters=tuple(filters or ()), limit=limit, most_pairs=pairs, votes=votes.value, by=by.value
    )
    folder = into or load_settings().home / "training" / "snapshots"
    _show_built(corpus_build.run(data, folder, options), pairs)


def _show_built(built: Built, most_pairs: int) -> None:
    """The table of filters and of the cap on pairs, the counts of each part, and where the snapshot is."""
    table = Table(box=None, header_style="bold")
    table.add_column("filter")
    for name in ("questions", "answers", "questions out", "answers out", "pairs out"):
        table.add_column(name, justify="right")
    for count in built.counts:
        out_of = (count.questions_dropped, count.answers_dropped) if count.applied else ("", "")
        table.add_row(count.name, *(str(cell) for cell in (count.questions, count.answers, *out_of)))
    if most_pairs:
        name = f"more than {most_pairs} pairs"
        table.add_row(name, str(built.cut.questions), "", "", "", str(built.cut.pairs))
    out.print(table)
    rows = built.snapshot.rows
    origins = [one.origin for one in rows.pairs] + [one.origin for one in rows.judged]
    origins += [one.origin for one in rows.demonstrations]
    groups = {origin.group: origin.split.value for origin in origins}
    good = sum(one.label for one in rows.judged)
    parts = ", ".join(f"{part} {list(groups.values()).count(part)}" for part in sorted({*groups.values()}))
    out.print(
        f"{built.read:,} questions read, {len(groups):,} kept ({parts}): "
        f"{len(rows.pairs):,} pairs and triplets, {len(rows.demonstrations):,} demonstrations, "
        f"{good:,} good and {len(rows.judged) - good:,} bad answers."
    )
    out.print(str(built.snapshot.folder), markup=False)


@train.command(context_settings=MORE)
def sft(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="The snapshot to learn from.")],
    into: Annotated[Path, typer.Option("--out", help="The adapter's folder, which must be new.")],
    model: Annotated[str, typer.Option("--model", help="The base; else the one that is served.")] = "",
) -> None:
    """Fine-tune a LoRA adapter on a snapshot's demonstrations; the same command goes on where it was ended.

    Every further option is the stage's: `python -m learning.training.sft --help` lists them.
    """
    settings = load_settings()
    base = ["--model", model or settings.policy, "--cache", str(settings.model_cache)]
    become("sft", ["--data", str(data), "--out", str(into), *base, *context.args])


@train.command(context_settings=MORE)
def rejection(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="The snapshot whose questions are answered.")],
    reward: Annotated[Path, typer.Option("--reward", help="The folder of the reward model that chooses.")],
    into: Annotated[Path, typer.Option("--out", help="Where answers and snapshot go; a killed run goes on.")],
    model: Annotated[str, typer.Option("--model", help="The base; else the one that is served.")] = "",
) -> None:
    """Rejection sampling: several answers to each question, the best of them a snapshot for `train sft`.

    Every further option is the stage's: `python -m learning.training.rejection --help` lists them.
    """
    given = ["--model", model or load_settings().policy, "--data", str(data), "--reward", str(reward)]
    become("rejection", [*given, "--out", str(into), *cache_flag(), *context.args])


@train.command(context_settings=MORE)
def ppo(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="The snapshot whose questions are answered.")],
    reward: Annotated[Path, typer.Option("--reward", help="The folder of the reward model.")],
    into: Annotated[Path, typer.Option("--out", help="The run's folder; a killed run goes on in it.")],
    model: Annotated[str, typer.Option("--model", help="The base; else the one that is served.")] = "",
) -> None:
    """Train the policy by PPO on a snapshot's questions; the same command goes on where it was ended.

    Every further option is the stage's: `python -m learning.training.ppo --help` lists them.
    """
    from learning.models import hub

    settings = load_settings()
    base = hub.resolve(model or settings.policy, "policy", settings.model_cache)
    given = ["--model", str(base), "--data", str(data), "--reward", str(reward), "--out", str(into)]
    become("ppo", [*given, *cache_flag(), *context.args])


@train.command("policy", context_settings=MORE)
def train_policy(
    context: typer.Context,
    algorithm: Annotated[Algorithm, typer.Option("--algorithm", help="PPO is ours, the others are TRL's.")],
    data: Annotated[Path, typer.Option("--data", help="The snapshot to learn from.")],
    into: Annotated[Path, typer.Option("--out", help="The adapter's folder; PPO's is `adapter` in it.")],
    reward: Annotated[
        Path | None, typer.Option("--reward", help="PPO and RLOO: the folder of the reward model.")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="The base; else the one that is served.")] = "",
) -> None:
    """Train the policy by the algorithm that you choose; the same command goes on where it was ended.

    DPO learns pairs, KTO thumbs as they are, PPO and RLOO what a reward model says of their own answers.
    Further options: `python -m learning.training.alternatives --help`, and of PPO `train ppo --help`.
    """
    given = ["--reward", str(reward)] if reward else []
    if algorithm is Algorithm.PPO:
        if reward is None:
            raise ConfigurationError("PPO needs a reward: name the folder of a reward model by --reward.")
        ppo(context, data, reward, into, model)
    base = ["--algorithm", algorithm.value, "--model", model or load_settings().policy]
    become(
        "alternatives", [*base, "--data", str(data), "--out", str(into), *given, *cache_flag(), *context.args]
    )


@train.command("reward", context_settings=MORE)
def train_reward(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="A snapshot, or a folder with questions.jsonl.gz.")],
    into: Annotated[Path, typer.Option("--out", help="The model's folder; a killed run goes on.")],
    trainer: Annotated[
        Trainer, typer.Option("--trainer", help="A bi-encoder of ours, or pairwise by TRL's RewardTrainer.")
    ] = Trainer.OURS,
) -> None:
    """Train the reward model. Further options: `python -m learning.training.reward --help` (`reward_trl`)."""
    stage = "reward" if trainer is Trainer.OURS else "reward_trl"
    become(stage, ["--data", str(data), "--out", str(into), *cache_flag(), *context.args], online=True)


@evaluate.command("reward", context_settings=MORE)
def evaluate_reward(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="A snapshot, or a folder with questions.jsonl.gz.")],
    model: Annotated[
        Path | None, typer.Option("--model", help="A trained reward model; else the untrained encoder.")
    ] = None,
    into: Annotated[Path | None, typer.Option("--out", help="Folder for report.md and report.json.")] = None,
) -> None:
    """Judge a reward model. Further options: `python -m learning.training.reward_report --help`."""
    given = ["--data", str(data)]
    given += ["--model", str(model)] if model else []
    given += ["--out", str(into)] if into else []
    become("reward_report", [*given, *cache_flag(), *context.args], online=True)


@evaluate.command("policy", context_settings=MORE)
def evaluate_policy(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="A snapshot, or a folder with questions.jsonl.gz.")],
    into: Annotated[Path, typer.Option("--out", help="The report's folder; a killed run goes on in it.")],
    adapter: Annotated[
        list[str] | None, typer.Option("--adapter", help="NAME=FOLDER of an adapter; repeatable.")
    ] = None,
    reward: Annotated[Path | None, typer.Option("--reward", help="The reward model that trained.")] = None,
    independent: Annotated[
        Path | None, typer.Option("--independent", help="A reward model that trained nothing.")
    ] = None,
    questions: Annotated[int, typer.Option("--questions", min=0, help="How many; 0 for all.")] = 0,
    model: Annotated[str, typer.Option("--model", help="The base; else the one that is served.")] = "",
) -> None:
    """Compare adapters with their base, and best of n, on questions that they never saw, as they would serve.

    Every further option is the stage's: `python -m learning.training.evaluate --help` lists them.
    """
    settings = load_settings()
    given = ["--data", str(data), "--out", str(into), "--questions", str(questions)]
    given += ["--model", model or settings.policy, "--encoder", settings.encoder, *cache_flag()]
    given += [word for one in adapter or () for word in ("--adapter", one)]
    given += ["--reward", str(reward)] if reward else []
    given += ["--independent", str(independent)] if independent else []
    become("evaluate", [*given, *context.args])


@evaluate.command("metrics")
def evaluate_metrics(
    data: Annotated[
        Path, typer.Option("--data", help="A folder of answers that people rated, or compared in twos.")
    ],
    limit: Annotated[int, typer.Option("--limit", min=0, help="Questions at most; 0 for all.")] = 0,
    reward: Annotated[
        Path | None, typer.Option("--reward", help="A trained reward model, judged beside the metrics.")
    ] = None,
    into: Annotated[Path | None, typer.Option("--out", help="A file for the figures as JSON.")] = None,
) -> None:
    """Hold each text metric against people's judgements of the same answers."""
    given = ["--data", str(data), "--limit", str(limit), "--encoder", load_settings().encoder]
    given += ["--reward", str(reward)] if reward else []
    given += ["--out", str(into)] if into else []
    become("metric_study", [*given, *cache_flag()])
