"""What the pages show: posts, threads and deliveries as plain values for the templates, seen by one person.

Left out: HTML, which is in `templates/`, and GitHub's JSON, which is in `shapes.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from webhooks.playground import people, shapes
from webhooks.playground.render import markdown
from webhooks.playground.state import State
from webhooks.playground.things import CONTENTS, WRITERS, Comment, Delivery, Issue, Person, Repository

View = dict[str, Any]

NAMES = {"+1": "thumbs up", "-1": "thumbs down"}
ASK = re.compile(r"^\s*(/ask\b|@thumbprint\b)", re.MULTILINE)
THINKING = timedelta(minutes=10)


def viewer_of(state: State, login: str) -> Person:
    """Whom the browser acts as: the cookie's login, or the maintainer."""
    known = {person.login: person for person in people.switchable(state)}
    return known.get(login, state.people[people.MAINTAINER])


def person(state: State, login: str, repository: Repository | None) -> View:
    """Name, avatar and badge of somebody."""
    who = state.people[login]
    role = state.role(repository, login) if repository else "none"
    member = repository is not None and login in repository.collaborators
    badge = "Maintainer" if role in WRITERS else "Contributor" if member else ""
    return {
        "login": login,
        "name": who.name,
        "about": who.about,
        "is_bot": who.is_bot,
        "is_ours": login == state.bot.login,
        "badge": "" if who.is_bot else badge,
        "role": role if member or (repository and repository.private) else "visitor",
    }


def post(state: State, of: Issue | Comment, viewer: Person) -> View:
    """An issue's text or a comment, with what the viewer may do to it."""
    repository = state.repositories[of.repository_id]
    writes = state.role(repository, viewer.login) in WRITERS
    mine = of.author == viewer.login
    kind = "issue" if isinstance(of, Issue) else of.kind
    prefix = {"issue": "issue-", "issue_comment": "issuecomment-"}.get(kind, "discussion_r")
    view: View = {
        "node": of.node_id,
        "anchor": f"{prefix}{of.id}",
        "kind": kind,
        "author": person(state, of.author, repository),
        "asks": bool(ASK.search(of.body)) and not state.people[of.author].is_bot,
        "html": markdown(of.body, repository.full_name, mine or writes),
        "body": of.body,
        "created_at": shapes.when(of.created_at),
        "history": _history(state, of) if of.edited else [],
        "reactions": _reactions(state, of, viewer),
        "can_edit": mine or writes,
        "can_hide": isinstance(of, Comment) and (mine or writes),
        "hidden": of.hidden if isinstance(of, Comment) else "",
        "can_delete": isinstance(of, Comment) and (mine or writes),
        "place": f"{of.path}:{of.line}" if isinstance(of, Comment) and of.path else "",
    }
    view["version"] = hashlib.sha256(repr(sorted(view.items())).encode()).hexdigest()[:12]
    return view


def thread(state: State, issue: Issue, viewer: Person) -> View:
    """A whole issue page."""
    repository = state.repositories[issue.repository_id]
    comments = sorted(
        [*state.comments(issue), *state.comments(issue, "review_comment")],
        key=lambda comment: (comment.created_at, comment.kind, comment.id),
    )
    everything: list[Issue | Comment] = [issue, *comments]
    posts = [post(state, each, viewer) for each in everything]
    return summary(state, issue) | {
        "posts": posts,
        "can_close": issue.author == viewer.login or state.role(repository, viewer.login) in WRITERS,
        "thinking": _thinking(state, everything),
        "steps": _steps(state, everything),
        "suggestions": _suggestions(issue),
        "participants": [
            person(state, login, repository) for login in dict.fromkeys(p.author for p in everything)
        ],
    }


def summary(state: State, issue: Issue) -> View:
    """A row of the issue list."""
    repository = state.repositories[issue.repository_id]
    comments = state.comments(issue)
    return {
        "number": issue.number,
        "title": issue.title,
        "labels": issue.labels,
        "state": issue.state,
        "locked": issue.locked,
        "is_pull": issue.is_pull,
        "node": issue.node_id,
        "author": person(state, issue.author, repository),
        "created_at": shapes.when(issue.created_at),
        "comments": len(comments),
        "answers": sum(comment.author == state.bot.login for comment in comments),
        "path": f"/{repository.full_name}/{'pull' if issue.is_pull else 'issues'}/{issue.number}",
    }


def delivery(of: Delivery) -> View:
    """A row of the list of deliveries."""
    outcome = "pending" if of.status == "pending" else "failed" if of.failed else "ok"
    return {
        "id": of.id,
        "guid": of.guid,
        "event": of.event,
        "action": of.action,
        "outcome": outcome,
        "code": of.status_code or of.status,
        "status": of.status,
        "milliseconds": round(of.seconds * 1000),
        "at": shapes.when(of.sent_at or of.queued_at),
        "redelivery": of.redelivery,
    }


def _history(state: State, of: Issue | Comment) -> list[View]:
    newest_first = list(enumerate(of.revisions))[::-1]
    return [
        {
            "id": revision.id,
            "author": person(state, revision.editor, None),
            "at": shapes.when(revision.at),
            "first": index == 0,
            "deleted": revision.deleted_at is not None,
        }
        for index, revision in newest_first
    ]


def _reactions(state: State, of: Issue | Comment, viewer: Person) -> list[View]:
    given = state.reactions_to(of)
    shown = []
    for content in CONTENTS:
        logins = [reaction.login for reaction in given if reaction.content == content]
        shown.append(
            {
                "content": content,
                "name": NAMES.get(content, content),
                "count": len(logins),
                "mine": viewer.login in logins,
                "who": ", ".join(logins),
            }
        )
    return shown


def _thinking(state: State, posts: Sequence[Issue | Comment]) -> bool:
    """Whether our bot has put its eyes on the newest question and has not answered yet."""
    bot = state.bot.login
    for each in reversed(posts):
        if each.author == bot:
            return False
        for reaction in state.reactions_to(each):
            if reaction.login == bot and reaction.content == "eyes":
                return state.clock() - reaction.created_at < THINKING
    return False


def _steps(state: State, posts: Sequence[Issue | Comment]) -> list[bool]:
    """Which of the newcomer's three steps are done: asked, taught, asked again after that."""
    bot = state.bot.login
    asks = [p.created_at for p in posts if p.author != bot and ASK.search(p.body)]
    taught = [r.at for p in posts if p.author == bot for r in p.revisions[1:] if r.editor != bot]
    taught += [
        r.created_at for p in posts if p.author == bot for r in state.reactions_to(p) if r.login != bot
    ]
    again = bool(taught) and any(at >= min(taught) for at in asks[1:])
    return [bool(asks), bool(taught), again]


def _suggestions(issue: Issue) -> list[str]:
    """Ready-made questions for the comment box: the issue's own last question, or its title."""
    questions = re.findall(r"[A-Z][^.?!\n]*\?", issue.body)
    found = [issue.title] if issue.title.endswith("?") else []
    found += [question for question in questions[-1:] if question not in found]
    return [f"/ask {question}" for question in found]
