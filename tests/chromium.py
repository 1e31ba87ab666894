"""Where Chromium is, for the browser tests. Left out: browsers that playwright downloads itself."""

from __future__ import annotations

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Its path. Without it: a failure in CI, elsewhere a skip, both with what to install."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        said = "There is no Chromium here: `apt-get install chromium` for the browser tests."
        if os.environ.get("CI"):
            pytest.fail(said, pytrace=False)
        pytest.skip(said)
    return found
