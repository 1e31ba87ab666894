"""What a repository chose, read from its default branch over its organisation's defaults.

`.github/thumbprint.yml` in the repository, over `thumbprint.yml` in `<owner>/.github`. A file that cannot
be read as such changes nothing: defaults are used and a line is logged. Left out: saying so in the
thread. Run: `pytest tests/unit/bot/test_config.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog
import yaml
from pydantic import ValidationError

from bot.github import Client
from bot.settings import RepoConfig

log = structlog.get_logger()

PATH = ".github/thumbprint.yml"
ORGANISATION_PATH = "thumbprint.yml"
LARGEST = 16_384
"""Characters beyond which a file is no configuration of ours."""


def read_config(client: Client, full_name: str) -> RepoConfig:
    """A repository's choices. May raise what reading from GitHub raises."""
    owner = full_name.partition("/")[0]
    places = ((f"{owner}/.github", ORGANISATION_PATH), (full_name, PATH))
    return merge((f"{name}/{path}", client.read_file(name, path)) for name, path in places)


def merge(files: Iterable[tuple[str, str | None]]) -> RepoConfig:
    """Files (place, text or None) from the most general to the most special, as one configuration.

    A key of a later file replaces an earlier one's; a bad file is passed over and logged.
    """
    chosen: dict[str, object] = {}
    for place, text in files:
        if text is None or not text.strip():
            continue
        try:
            chosen |= parse(text)
        except ValueError as error:
            log.warning("config_ignored", place=place, reason=str(error))
    return RepoConfig.model_validate(chosen)


def parse(text: str) -> dict[str, object]:
    """One file's keys and values. Raises ValueError with a sentence that names the first thing wrong."""
    if len(text) > LARGEST:
        raise ValueError(f"it has {len(text)} characters, {LARGEST} are allowed")
    try:
        said = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("it is no YAML") from error
    if not isinstance(said, dict):
        raise ValueError("it is no mapping of keys to values")
    said = {("on" if key is True else str(key)): value for key, value in said.items()}
    if isinstance(said.get("learning"), bool):
        said["learning"] = "on" if said["learning"] else "off"
    try:
        return RepoConfig.model_validate(said).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from error
