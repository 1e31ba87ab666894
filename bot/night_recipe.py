"""The recipe of tonight: the settings', then `THUMBPRINT_RETRAIN_OPTIONS`, then what was asked for.

Left out: the data and the folder, which `bot/night.py` puts in. Run: `pytest tests/unit/bot/test_night.py`.
"""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Sequence

from bot.settings import Settings
from learning.training.arguments import parse
from learning.training.night_options import Recipe
from storage.errors import ConfigurationError


def recipe_of(settings: Settings, options: Sequence[str] = ()) -> Recipe:
    """The recipe, but for its data and folder. Raises ConfigurationError for an option that is wrong."""
    own = ["--data", ".", "--out", ".", "--model", settings.policy, "--encoder", settings.encoder]
    own += ["--cache", str(settings.model_cache.expanduser().absolute())]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            recipe = parse(Recipe, "", [*own, *shlex.split(settings.retrain_options), *options])
    except (SystemExit, ValueError) as error:
        why = said.getvalue().strip().rpartition("error: ")[2] or str(error)
        raise ConfigurationError(
            f"An option of the night is wrong, in THUMBPRINT_RETRAIN_OPTIONS or on the command line: {why}; "
            "`python -m learning.training.retrain --help` lists them."
        ) from error
    recipe.check()
    return recipe
