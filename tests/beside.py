"""Real data that stands beside the checkout and is not shipped, because of its licence or its size."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def beside(name: str) -> Path:
    """`../shared/data/<name>`, seen from the checkout; without it the test is skipped, in one sentence."""
    file = ROOT.parent / "shared" / "data" / name
    if not file.exists():
        pytest.skip(
            f"Needs real data that is not shipped: put it at ../shared/data/{name} beside the checkout."
        )
    return file
