"""The model card of a reward model: what it is, its data, hashes and options, how good it is, and its limits.

Everything in it comes from the model's manifest and the report that judged it; both lie beside it then.
Left out: the judging (`reward_report.py`).
Run: python -m learning.training.reward_card --model DIR --report DIR --licence SPDX
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from learning.models import store
from learning.training.arguments import one_sentence, parse
from learning.training.card import table
from learning.training.reward_folder import CARD, FIGURES
from learning.training.reward_model import CACHE, ENCODER, HEAD, RewardModel
from storage.errors import DataError

PAGE = "report.md"

LIMITS = """\
- It says which of two answers people would have put first, and is right as often as the table says.
- It looks at how an answer is made and what it is about: not at whether code runs or a fact is true.
- It knows the people, the language and the years of its data, and no others.
- A policy that climbs it for long finds what it does not see: watch a second one that trains nothing."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the card is of."""

    model: Path
    """The reward model's folder, into which the card and the report's figures are written."""
    report: Path
    """The folder that `thumbprint evaluate reward --out` made."""
    licence: str
    """Of the data's texts, as SPDX names it."""
    cache: Path = CACHE
    """Of downloaded models."""


def card(about: Mapping[str, Any], page: str, licence: str) -> str:
    """Markdown with the front matter that the Hugging Face hub reads. `page` is the report's own."""
    front = ["---", "library_name: sentence-transformers", "license: other", "tags:", "- thumbprint"]
    given, data, asked = about["options"], about["data"], about["questions"]
    every = {**given, **given["tuning"], **given["reading"]}
    options = {name: value for name, value in every.items() if not isinstance(value, Mapping)}
    own = any(name.startswith(f"{ENCODER}/") for name in about["files"])
    tuned = "which was trained and is here" if own else "which stays as it comes and is fetched"
    counts = " and on what is counted in an answer" if about["surface"] else ""
    head = f", a head on its vectors{counts}" if HEAD in about["files"] else ""
    lines = [
        *[*front, "- reward-model", "---", ""],
        "# A reward model: which answer to a question is better",
        "",
        "Trained by Thumbprint, a self-hosted GitHub App that answers questions and learns from feedback: "
        f"(question, answer) → [-1, 1] by the `{about['encoder']}` encoder, {tuned}{head}, "
        "and a calibration.",
        "",
        "## Data and licence",
        "",
        f"`{given['data']}`, `{data}` by the hash of its files: {asked['train']} questions trained it, "
        f"{asked['validation']} calibrated it. `seen.txt` has a hash of each, so that none ever judges it.",
        "",
        f"The texts are their authors', under {licence}. None of them is in here.",
        "",
        "## Hashes",
        "",
        *table(
            ("what", "SHA-256"),
            {
                "encoder": f"`{about['encoder_sha256']}`",
                **{name: f"`{one['sha256']}`" for name, one in sorted(about["files"].items())},
            },
        ),
        "",
        "## Options",
        "",
        *table(("option", "value"), options),
        "",
        "## How good it is",
        "",
        page.partition("\n\n")[2].strip(),
        "",
        "## Limits",
        "",
        LIMITS,
        "",
        "## Use",
        "",
        "`thumbprint train ppo --reward <this folder>`, `thumbprint evaluate reward --model <this folder>`.",
    ]
    return "\n".join(lines) + "\n"


def run(options: Options) -> Path:
    """Write the card. Raises ModelError for a damaged model, DataError where the report is of another one."""
    model = RewardModel.load(options.model, cache=options.cache)
    page, figures = options.report / PAGE, options.report / FIGURES
    if not (page.is_file() and figures.is_file()):
        raise DataError(f"{options.report} holds no report: `thumbprint evaluate reward --out` makes one.")
    judged = json.loads(figures.read_text(encoding="utf-8"))["about"]["models"]
    if [one["sha256"] for one in judged] != [store.sha256_of(options.model / store.MANIFEST)]:
        raise DataError(f"{options.report} judged another model than {options.model}: judge this one first.")
    file = options.model / CARD
    file.write_text(card(model.about, page.read_text(encoding="utf-8"), options.licence), encoding="utf-8")
    shutil.copyfile(figures, options.model / FIGURES)
    return file


@one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    console = Console(stderr=True)
    console.print(str(run(parse(Options, __doc__, argv))), markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
