"""A reward model's folder, as whoever loads no torch knows it: its format, its card, and whether it is whole.

`manifest.json` has the hash and size of each file that scores. The card and the figures that judged the model
come later, and lie beside them. Left out: scoring (`learning/training/reward_model.py`). Imports no torch.
Run: pytest tests/unit/learning/training/test_publish.py
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from learning.models import store
from storage.errors import ModelError

FORMAT = "thumbprint-reward-1"
CARD, FIGURES = "README.md", "report.json"


def read(folder: Path) -> Mapping[str, Any] | None:
    """The manifest, every file compared with it; None where no reward model is.

    Raises ModelError that names the first file which is not as it was written.
    """
    about = store.manifest(folder)
    if about.get("format") != FORMAT:
        return None
    bad = store.damaged(folder)
    if bad is not None:
        raise ModelError(f"{folder / bad} is damaged (its hash has changed): train the reward model anew.")
    return about


def behind(about: Mapping[str, Any]) -> frozenset[str]:
    """The reward models that it goes on from, and they from: SHA-256 of their manifests."""
    parent = about.get("started_from")
    return frozenset([*about.get("reward_models", ()), *([parent] if parent else [])])


def private(about: Mapping[str, Any]) -> int | None:
    """Rows of private repositories that it learned from; None where its manifest does not say."""
    found = about.get("private")
    return found if isinstance(found, int) else None
