"""bench: measurements that a person runs."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.shared import become, cache_flag, err, load_settings, out
from bot.commands.training import MORE

app = typer.Typer(
    help="Measurements: the policy's, the memory's and the receiver's speed, the measured loop.",
    no_args_is_help=True,
)


@app.command()
def policy(
    repeats: Annotated[int, typer.Option(min=2, help="Measured turns, after one to warm up.")] = 10,
    tokens: Annotated[int, typer.Option(min=8, help="New tokens of each candidate.")] = 128,
    llama_python: Annotated[str, typer.Option(help="A Python that has llama-cpp-python.")] = sys.executable,
) -> None:
    """Tokens/s of our model process at batch 1, 4 and 8, beside llama.cpp where it is installed."""
    from bot.bench import policy as measured

    settings = load_settings()
    measured.run(
        settings.model_cache,
        repeats=repeats,
        tokens=tokens,
        threads=settings.threads,
        llama_python=llama_python,
        console=out,
    )


@app.command()
def phrases(
    count: Annotated[int, typer.Option("--phrases", min=1, help="Phrases in the repository.")] = 100_000,
    events: Annotated[int, typer.Option(min=5, help="Events to fold.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Of the made-up repository.")] = 0,
) -> None:
    """How long the memory takes to choose for a prompt, and to fold all events anew."""
    from bot.bench import phrases as measured

    measured.run(phrases=count, events=events, seed=seed, console=out)


@app.command()
def receiver(
    probot: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="A folder with Probot, to be measured beside ours."),
    ] = None,
    turns: Annotated[int, typer.Option(min=1, help="Measured turns of each side and kind.")] = 10,
    count: Annotated[int, typer.Option(min=10, help="Deliveries a turn.")] = 5_000,
    per_second: Annotated[float, typer.Option(min=1, help="Questions a second, for acknowledgements.")] = 50,
    seconds: Annotated[float, typer.Option(min=1, help="How long, for acknowledgements.")] = 60,
    generating: Annotated[bool, typer.Option(help="Also beside a model process that generates.")] = True,
) -> None:
    """Deliveries a second and seconds to the acknowledgement, beside Probot where it is installed."""
    from bot.bench import receiver as measured

    measured.run(
        load_settings().model_cache,
        probot=probot,
        turns=turns,
        count=count,
        per_second=per_second,
        seconds=seconds,
        generating=generating,
        console=out,
    )


@app.command()
def loop(
    small: Annotated[bool, typer.Option("--small", help="Minutes instead of hours; what CI runs.")] = False,
    rules: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Your own rules; see docs/bench-loop.md.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Your own questions, one JSON a line.")
    ] = None,
    model_url: Annotated[str, typer.Option(help="An OpenAI-compatible server; else ours is started.")] = "",
    seeds: Annotated[int | None, typer.Option(min=1, help="How many seeds.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=32, help="Side by side, a model process each; default: a CPU each, 4 at most."
        ),
    ] = None,
    learners: Annotated[
        list[str] | None,
        typer.Option("--learner", help="Only this one; repeat for more. Default: all eight."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder of the results; a run resumes in it.")
    ] = None,
) -> None:
    """Does the bot do what its people taught? Hidden rules, a rule-based maintainer, unseen questions."""
    from bot.bench import loop as measured
    from bot.bench.tables import markdown

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = measured.run(
            load_settings(),
            small=small,
            rules_file=rules,
            questions_file=questions,
            model_url=model_url,
            seeds=seeds,
            workers=workers,
            learners=learners or (),
            out=folder,
            console=err,
        )
    except KeyboardInterrupt:
        err.print("Stopped. What was finished is kept: the same command goes on from there.")
        raise typer.Exit(130) from None
    out.print(markdown(found), markup=False)


@app.command(context_settings=MORE)
def ppo(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="The snapshot whose questions are answered.")],
    reward: Annotated[Path, typer.Option("--reward", help="The folder of the reward model.")],
    into: Annotated[Path, typer.Option("--out", help="Folder of the results; a run resumes in it.")],
    model: Annotated[str, typer.Option("--model", help="The base; else the one that is served.")] = "",
) -> None:
    """Our PPO beside TRL 1.12's (`make var/trl-1.12`): samples/s, peak memory, reward at equal KL.

    Every further option is the stage's: `python -m learning.training.bench_ppo --help` lists them.
    """
    from learning.models import hub

    settings = load_settings()
    base = hub.resolve(model or settings.policy, "policy", settings.model_cache)
    given = ["--model", str(base), "--data", str(data), "--reward", str(reward), "--out", str(into)]
    become("bench_ppo", [*given, *cache_flag(), *context.args])
