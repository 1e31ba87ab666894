"""An adapter or a reward model goes to a hub: checked first, with its card, private unless said otherwise.

`HF_ENDPOINT` names another hub than huggingface.co, `HF_TOKEN` (or `hf auth login`) the account. What learned
from a private repository never becomes public, nor what does not say. Imports no torch. Left out: pulling,
which `learning/models/hub.py` does; using a reward model by its name on a hub: fetch its folder first.

    thumbprint models push DIR --to OWNER/NAME
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from learning.models import adapters, store
from learning.training import reward_folder
from storage.errors import ConfigurationError, ModelError, SetupError


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What is uploaded: a folder that was found whole, and what its manifest says."""

    what: str
    """adapter or reward model, for people."""
    title: str
    """Of the commit."""
    private: int | None
    """Rows of private repositories that it learned from; None where it does not say."""
    names: tuple[str, ...]
    """The files, as paths in the folder."""


def push(folder: Path, repo: str, *, public: bool = False) -> str:
    """Upload an adapter or a reward model of ours, files and card, as one commit; the repository's address.

    Raises ModelError for a folder that is damaged or neither of them, ConfigurationError for a name, a token
    or a visibility that cannot be, SetupError when the hub refuses or cannot be reached.
    """
    parcel = _adapter(folder) or _reward(folder)
    if parcel is None:
        raise ModelError(
            f"{folder} holds no adapter and no reward model of ours: without {adapters.MANIFEST} or a reward "
            f"model's {store.MANIFEST} nobody can say what it is."
        )
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", repo):
        raise ConfigurationError(f"{repo!r} is no repository of a hub: give --to OWNER/NAME.")
    if public and parcel.private is None:
        raise ConfigurationError(
            f"The {parcel.what} does not say whether it learned from private repositories: it cannot be "
            "public. Train it anew."
        )
    if public and parcel.private:
        raise ConfigurationError(
            f"The {parcel.what} learned from {parcel.private} answers in private repositories: it cannot be "
            "public."
        )
    from huggingface_hub import HfApi, constants, get_token

    token = get_token()
    if not token:
        raise ConfigurationError(
            "There is no token for the hub: set HF_TOKEN to one that may write, or run `hf auth login`."
        )
    return _upload(HfApi(endpoint=constants.ENDPOINT, token=token), folder, repo, parcel, public)


def _adapter(folder: Path) -> Parcel | None:
    about = adapters.read(folder)
    if about is None:
        return None
    return Parcel(
        what="adapter",
        title=f"Thumbprint adapter {about.id[:12]} ({about.stage}, run {about.run})",
        private=about.private,
        names=(*about.files, adapters.MANIFEST),
    )


def _reward(folder: Path) -> Parcel | None:
    about = reward_folder.read(folder)
    if about is None:
        return None
    beside = [name for name in (reward_folder.CARD, reward_folder.FIGURES) if (folder / name).is_file()]
    return Parcel(
        what="reward model",
        title=f"Thumbprint reward model {store.sha256_of(folder / store.MANIFEST)[:12]}",
        private=reward_folder.private(about),
        names=(*about["files"], store.MANIFEST, *beside),
    )


def _upload(api: Any, folder: Path, repo: str, parcel: Parcel, public: bool) -> str:
    try:
        url = str(api.create_repo(repo, private=not public, exist_ok=True))
        if not public and not api.repo_info(repo).private:
            raise ConfigurationError(
                f"{repo} is public: name another repository, or say --public if this {parcel.what} may be."
            )
        api.upload_folder(
            repo_id=repo,
            folder_path=str(folder),
            allow_patterns=sorted(parcel.names),
            commit_message=parcel.title,
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
