"""An adapter goes to a hub: checked first, with its card, private unless it is said otherwise.

`HF_ENDPOINT` names another hub than huggingface.co, `HF_TOKEN` (or `hf auth login`) the account. An adapter
that learned from a private repository never becomes public. Imports no torch. Left out: pulling, which
`learning/models/hub.py` does.

    thumbprint models push DIR --to OWNER/NAME
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from learning.models import adapters
from learning.models.adapters import Manifest
from storage.errors import ConfigurationError, ModelError, SetupError


def push(folder: Path, repo: str, *, public: bool = False) -> str:
    """Upload an adapter of ours, files and card, as one commit; the address of the repository.

    Raises ModelError for a folder that is damaged or no adapter of ours, ConfigurationError for a name, a
    token or a visibility that cannot be, SetupError when the hub refuses or cannot be reached.
    """
    manifest = adapters.read(folder)
    if manifest is None:
        raise ModelError(
            f"{folder} holds no adapter of ours: without {adapters.MANIFEST} nobody can say what it is."
        )
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", repo):
        raise ConfigurationError(f"{repo!r} is no repository of a hub: give --to OWNER/NAME.")
    private = manifest.private
    if public and private is None:
        raise ConfigurationError(
            "The adapter does not say whether it learned from private repositories: it cannot be public. "
            "Train it anew."
        )
    if public and private:
        raise ConfigurationError(
            f"The adapter learned from {private} answers in private repositories: it cannot be public."
        )
    from huggingface_hub import HfApi, constants, get_token

    token = get_token()
    if not token:
        raise ConfigurationError(
            "There is no token for the hub: set HF_TOKEN to one that may write, or run `hf auth login`."
        )
    return _upload(HfApi(endpoint=constants.ENDPOINT, token=token), folder, repo, manifest, public)


def _upload(api: Any, folder: Path, repo: str, manifest: Manifest, public: bool) -> str:
    try:
        url = str(api.create_repo(repo, private=not public, exist_ok=True))
        if not public and not api.repo_info(repo).private:
            raise ConfigurationError(
                f"{repo} is public: name another repository, or say --public if this adapter may be."
            )
        names = sorted([*manifest.files, adapters.MANIFEST])
        api.upload_folder(
            repo_id=repo,
            folder_path=str(folder),
            allow_patterns=names,
            commit_message=f"Thumbprint adapter {manifest.id[:12]} ({manifest.stage}, run {manifest.run})",
        )
    except ConfigurationError:
        raise
    except Exception as error:  # the hub's client lets its HTTP library's errors through
        status = getattr(getattr(error, "response", None), "status_code", None)
        why = {401: "it does not know the token", 403: "the token may not write there"}.get(
            status or 0, f"{type(error).__name__}{f', status {status}' if status else ''}"
        )
        raise SetupError(f"{repo} was not uploaded: {why}. Nothing on this machine was changed.") from error
    return url
