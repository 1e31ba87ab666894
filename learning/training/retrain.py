"""A night: a snapshot becomes an adapter and a verdict on it, stage after stage. It reads as its stages.

    export → **data → SFT → reward → PPO → evaluate → gate** → promotion

What stands here is the part between the database's two ends, in a process that knows no database and no
secret; `bot/night.py` exports before it and promotes after it. Each stage is skipped where its output is
whole, and one that was killed goes on from its own checkpoints: a night may be ended anywhere and begun
again, and comes to the same adapter. Nothing is promoted because something failed: no verdict is a *no*.
Left out: what each stage is told (`learning/training/night_stages.py`).

    python -m learning.training.retrain --data SNAPSHOT --out DIR      # a whole night: thumbprint retrain
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console

from learning.training import launched
from learning.training.arguments import WRONG, parse
from learning.training.night_journal import BROKEN, FAILED, VERDICT, broken, unforeseen, write
from learning.training.night_options import Recipe
from learning.training.night_stages import Stages
from storage.errors import ThumbprintError


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a night came to: its adapter's id and folder, whether it may serve, and why in one sentence.

    Without an adapter, "" both, it ended before PPO: its reward model did not pass its own gates.
    """

    passed: bool
    adapter: str
    folder: str
    reason: str


def run(
    recipe: Recipe, *, point: Callable[[str], None] = lambda name: None, console: Console | None = None
) -> Verdict | None:
    """Carry out what is left of a night. Its verdict stands in `out`/verdict.json from then on; None where
    the recipe has it end before the gate. A reward model that fails a gate of its own trains nothing: then
    the verdict is a *no* before PPO.

    Raises what its stages raise (DataError, ModelError, TrainingError, SetupError, ConfigurationError): then
    there is no verdict, and what was whole is kept for the next try.
    """
    recipe.check()
    night = Stages(recipe, point, console or Console(stderr=True))
    data = night.data()
    sft = night.sft(data)
    reward, unfit = night.reward(data)
    if unfit:
        return _said(recipe, point, Verdict(passed=False, adapter="", folder="", reason=unfit))
    independent = night.independent(data)
    policy = night.ppo(data, sft, reward, independent)
    night.evaluate(data, sft, policy, reward, independent)
    if recipe.until == "evaluate":
        return None
    judged = night.gate(data, policy, reward, independent)
    return _said(recipe, point, Verdict(**judged, folder=str(policy)))


def _said(recipe: Recipe, point: Callable[[str], None], verdict: Verdict) -> Verdict:
    """The verdict, once it is written."""
    write(recipe.out / VERDICT, asdict(verdict))
    point("said")
    return verdict


def main(given: Sequence[str] | None = None) -> int:
    """Command line: an option a field of `Recipe`. Returns 1, with one sentence, when it cannot be done; that
    names the file with the traceback where nobody foresaw why."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    console = Console(stderr=True)
    recipe = parse(Recipe, __doc__ or "", given)
    try:
        verdict = run(recipe, console=console)
    except launched.Broken as error:
        return _failed(recipe, error, broken(str(error), error.said, recipe.out / BROKEN), console)
    except ThumbprintError as error:
        return _failed(recipe, error, str(error), console)
    except Exception as error:
        whole = broken(unforeseen("The night", error), traceback.format_exc(), recipe.out / BROKEN)
        return _failed(recipe, error, whole, console)
    if verdict is not None:
        console.print(f"{'✓' if verdict.passed else '○'} {verdict.reason}", markup=False)
    return 0


def _failed(recipe: Recipe, error: Exception, reason: str, console: Console) -> int:
    """Keep the reason for whoever started this process; on a full disk it is said on stderr alone."""
    console.print(f"{WRONG}{reason}", style="red", markup=False)
    with contextlib.suppress(ThumbprintError):
        write(recipe.out / FAILED, {"error": type(error).__name__, "reason": reason})
    return 1


if __name__ == "__main__":
    sys.exit(main())
