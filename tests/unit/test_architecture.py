"""The import chain, checked by import-linter on the code as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_every_import_contract_is_kept() -> None:
    """In a process of its own: it sets up logging anew, which closes what handlers of others write to."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert re.search(rf"Contracts: {len(CONTRACTS)} kept, 0 broken", done.stdout), done.stdout


def test_the_contracts_name_every_room() -> None:
    layers = next(one for one in CONTRACTS if one["type"] == "layers")["layers"]
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(layers) == rooms
