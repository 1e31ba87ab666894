"""An adapter with its evaluation in its card, as it is handed to others: a copy, so that the first stays.

The weights are the same to the byte, and the card says by which evaluation they were judged: the copy has an
id of its own, for its card is among its files. Left out: the rest of the card (`learning/training/card.py`).

    python -m learning.training.adapter_card --adapter DIR --report DIR --out DIR
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile

from rich.console import Console

from learning.models import adapters, store
from learning.training import artefact, evaluate_page, evaluate_report
from learning.training.arguments import one_sentence, parse
from learning.training.card import card
from learning.training.evaluate import REPORT
from storage.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which adapter, and what was found about it."""

    adapter: Path
    """The adapter's folder, as its training wrote it."""
    report: Path
    """The folder that `thumbprint evaluate policy --out` made, this adapter among its systems."""
    out: Path
    """The new folder."""


def run(options: Options) -> adapters.Manifest:
    """Write the copy; its manifest.

    Raises ModelError for a damaged adapter, DataError for a report that is none or of other adapters,
    ConfigurationError where `out` is taken, SetupError for a full disk.
    """
    about, file = artefact.read(options.adapter), options.report / REPORT
    if not file.is_file():
        raise DataError(
            f"{options.report} holds no evaluation: `thumbprint evaluate policy --out` makes one."
        )
    try:
        report = evaluate_report.of_json(file.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is no evaluation of policies, or a damaged one: evaluate again.") from error
    names = [
        name for name, every in report.about["systems"].items() if about.id in [one["id"] for one in every]
    ]
    if not names:
        raise DataError(
            f"{options.report} is of other adapters than {about.id[:12]} in {options.adapter}: evaluate it."
        )
    artefact.refuse_taken(options.out)
    size = sum((options.adapter / name).stat().st_size for name in about.files)
    with store.making(
        options.out.parent, options.out, size // store.MIB + 1, what="The folder", remedy="name another --out"
    ) as folder:
        kept = {name: digest for name, digest in about.files.items() if name != artefact.CARD}
        for name in kept:
            copyfile(options.adapter / name, folder / name)
        count = len(report.about["systems"][names[0]])
        which = "the system" if count == 1 else f"one of the {count} adapters of the system"
        told = f"This adapter is {which} `{names[0]}`.\n\n{_inner(evaluate_page.markdown(report))}"
        (folder / artefact.CARD).write_text(card(replace(about, files=kept), told), encoding="utf-8")
        copied = replace(about, files={**kept, artefact.CARD: store.sha256_of(folder / artefact.CARD)})
        (folder / adapters.MANIFEST).write_text(copied.text(), encoding="utf-8")
    return copied


def _inner(page: str) -> str:
    """A report under the card's own headings: without its title, each heading a level lower."""
    lines = page.partition("\n")[2].strip().splitlines()
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in lines)


@one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    console = Console(stderr=True)
    console.print(run(parse(Options, __doc__, argv)).id, markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
