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
    own += ["--launcher", settings.retrain_launcher]
    try:
        recipe = _parsed([*own, *shlex.split(settings.retrain_options), *options])
    except ValueError as wrong:
        raise ConfigurationError(
            f"An option of the night is wrong, in THUMBPRINT_RETRAIN_OPTIONS or on the command line: {wrong}"
            "; `python -m learning.training.retrain --help` lists them."
        ) from wrong
    recipe.check()
    return recipe


def begun_with(flags: Sequence[str]) -> Recipe:
    """The recipe of a night that was begun. Raises ConfigurationError for one of another version."""
    try:
        return _parsed(flags)
    except ValueError as error:
        raise ConfigurationError(
            f"It was begun by another version of Thumbprint, whose options are not these ({error}): the next "
            "night begins anew."
        ) from error


def _parsed(flags: Sequence[str]) -> Recipe:
    """Raises ValueError that says what is wrong."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parse(Recipe, "", flags)
    except SystemExit as error:
        raise ValueError(said.getvalue().strip().rpartition("error: ")[2] or str(error)) from error
