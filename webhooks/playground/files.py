"""Files on the default branch, as a page edits them: who may write changes one, and a push is delivered.

Left out: branches, commits as things of their own, directories. Raises Refused with GitHub's status.
"""

from __future__ import annotations

import hashlib
import json
import re

from webhooks.playground import shapes
from webhooks.playground.refusals import forbidden, invalid, not_found
from webhooks.playground.shapes import Json
from webhooks.playground.state import State
from webhooks.playground.things import WRITERS, Repository

MAX_BYTES = 1_000_000
_PATH = re.compile(r"(?!.*(^|/)\.{1,2}(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,8}")
CONFIGURATION = ".github/thumbprint.yml"

TEMPLATE = """\
# What this repository chooses; every key may be left out. /ask config shows what holds.
triggers: [/ask]
tone: friendly
learning: on
"""


def write(state: State, actor: str, repository: Repository, path: str, text: str) -> None:
    """Put a text into a file on the default branch; an empty one takes the file away."""
    role = state.role(repository, actor)
    if role == "none":
        raise not_found()
    if role not in WRITERS:
        raise forbidden("Must have write access to the repository.")
    if not _PATH.fullmatch(path) or len(path) > 200:
        raise invalid("Commit", "path", "invalid")
    text = text.replace("\r\n", "\n")
    try:
        if len(text.encode()) > MAX_BYTES:
            raise invalid("Commit", "content", "too_large")
    except UnicodeEncodeError as error:
        raise invalid("Commit", "content", "invalid") from error
    kept = repository.files.get(path)
    if text == (kept or ""):
        return
    with state.change():
        if text:
            repository.files[path] = text
        else:
            del repository.files[path]
        state.keep(repository)
        kind = "removed" if not text else "added" if kept is None else "modified"
        _push(state, actor, repository, path, kind)


def _push(state: State, actor: str, repository: Repository, path: str, kind: str) -> None:
    """Queue the delivery of a push with one commit; none without the app, or while it is suspended."""
    installed = repository.installation_id
    if installed is None or state.installation(installed).suspended_at is not None:
        return
    now = shapes.when(state.clock())
    text = repository.files.get(path, "").encode()
    after, before = (
        hashlib.sha1(one + now.encode(), usedforsecurity=False).hexdigest() for one in (text, b"")
    )
    person = state.people[actor]
    whoever = {"name": person.name, "email": f"{actor}@example.invalid", "username": actor}
    url = f"{state.base_url}/{repository.full_name}"
    commit: Json = {
        "id": after,
        "tree_id": before,
        "distinct": True,
        "message": f"Change {path}",
        "timestamp": now,
        "url": f"{url}/commit/{after}",
        "author": whoever,
        "committer": whoever,
        **{name: [path] if name == kind else [] for name in ("added", "removed", "modified")},
    }
    payload = {
        "ref": "refs/heads/main",
        "before": before,
        "after": after,
        "base_ref": None,
        "created": False,
        "deleted": False,
        "forced": False,
        "compare": f"{url}/compare/{before[:12]}...{after[:12]}",
        "commits": [commit],
        "head_commit": commit,
        "pusher": {"name": actor, "email": whoever["email"]},
        "repository": shapes.repository(state, repository),
        "sender": shapes.user(state, person),
        "installation": {"id": installed, "node_id": f"MDIz{installed}"},
    }
    state.queue("push", "", repository.id, json.dumps(payload, separators=(",", ":"), ensure_ascii=False))
