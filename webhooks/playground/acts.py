"""What people and the app do on the playground, each with GitHub's rules and the webhook that it fires.

The same functions serve the pages, the REST API and the tests. Reactions fire no webhook, as on GitHub.
Left out: assigning, milestones, reviews. Raises Refused with GitHub's status and message.
"""

from __future__ import annotations

import re

from webhooks.playground import payloads
from webhooks.playground.refusals import Refused, forbidden, invalid, not_found
from webhooks.playground.state import State
from webhooks.playground.things import (
    CLASSIFIERS,
    CONTENTS,
    WRITERS,
    Comment,
    CommentKind,
    Issue,
    Post,
    Reaction,
    Repository,
    Revision,
)

MAX_BODY = 65_536
TASK = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+\[(?P<mark>[ xX])\][ \t]", re.MULTILINE)
"""A box of a task list. Left out: code blocks with what looks like one."""

RESOURCES: dict[str, str] = {
    "issue_comment": "IssueComment",
    "review_comment": "PullRequestReviewComment",
    "issue": "Issue",
}


def open_issue(
    state: State,
    actor: str,
    repository: Repository,
    title: str,
    body: str = "",
    labels: tuple[str, ...] = (),
    is_pull: bool = False,
) -> Issue:
    """A new issue, or a pull request without a diff. Anyone who can read the repository may."""
    if not title.strip():
        raise invalid("Issue", "title", "missing_field")
    _check_reader(state, actor, repository)
    _check_body("issue", body, may_be_empty=True)
    with state.change():
        now, via_app = state.clock(), actor == state.bot.login
        issue = Issue(
            id=state.next_id("issue"),
            repository_id=repository.id,
            number=state.next_number(repository.id),
            author=actor,
            title=title.strip()[:256],
            body=body,
            labels=list(labels),
            created_at=now,
            updated_at=now,
            revisions=[_revision(state, actor, body)],
            via_app=via_app,
            is_pull=is_pull,
        )
        state.keep(issue)
        if not is_pull:
            payloads.fire(state, "opened", actor, issue)
    return issue


def say(
    state: State,
    actor: str,
    issue: Issue,
    body: str,
    kind: CommentKind = "issue_comment",
    path: str = "",
    line: int = 1,
    reply_to: Comment | None = None,
) -> Comment:
    """A new comment. 410 on a deleted issue, 403 on a locked one (unless by a writer), 422 on a bad body."""
    repository = state.repositories[issue.repository_id]
    _check_reader(state, actor, repository)
    _check_open(state, actor, issue)
    _check_body(kind, body)
    with state.change():
        now = state.clock()
        root = reply_to and (reply_to.in_reply_to_id or reply_to.id)
        comment = Comment(
            id=state.next_id(kind),
            kind=kind,
            repository_id=issue.repository_id,
            number=issue.number,
            author=actor,
            body=body,
            created_at=now,
            updated_at=now,
            revisions=[_revision(state, actor, body)],
            via_app=actor == state.bot.login,
            path=reply_to.path if reply_to else path,
            line=(reply_to.line if reply_to else line) if kind == "review_comment" else 0,
            diff_hunk=reply_to.diff_hunk if reply_to else "",
            in_reply_to_id=root or None,
        )
        issue.updated_at = now
        state.keep(comment, issue)
        payloads.fire(state, "created", actor, comment)
    return comment


def edit(state: State, actor: str, post: Issue | Comment, body: str) -> None:
    """Change a post's text. Its author may, and whoever may write; an unchanged text changes nothing."""
    _check_writer_or_author(state, actor, post)
    _check_body(_kind(post), body, may_be_empty=isinstance(post, Issue))
    if body == post.body:
        return
    with state.change():
        before, post.body, post.updated_at = post.body, body, state.clock()
        post.revisions.append(_revision(state, actor, body))
        state.keep(post)
        payloads.fire(state, "edited", actor, post, {"body": {"from": before}})


def tick(state: State, actor: str, post: Issue | Comment, number: int) -> None:
    """Tick a box of a task list, or clear it: an edit of the post like any other, as on GitHub."""
    found = list(TASK.finditer(post.body))
    if not 0 <= number < len(found):
        raise not_found()
    at = found[number].start("mark")
    edit(state, actor, post, post.body[:at] + ("x" if post.body[at] == " " else " ") + post.body[at + 1 :])


def delete(state: State, actor: str, post: Issue | Comment) -> None:
    """Delete a comment, or an issue with its thread. Its author may delete a comment; writers anything."""
    _check_writer_or_author(state, actor, post)
    with state.change():
        post.deleted = True
        state.keep(post)
        payloads.fire(state, "deleted", actor, post)


def redact(state: State, actor: str, post: Issue | Comment, revision_id: int) -> None:
    """Delete one revision from a post's history; the text that stands now stays."""
    _check_writer_or_author(state, actor, post)
    for revision in post.revisions[:-1]:
        if revision.id == revision_id and revision.deleted_at is None:
            with state.change():
                revision.body, revision.deleted_at, revision.deleted_by = "", state.clock(), actor
                state.keep(post)
            return
    raise not_found()


def react(state: State, actor: str, post: Issue | Comment, content: str) -> tuple[Reaction, bool]:
    """React; (reaction, False) when it was there already. No webhook. 403 on a locked thread."""
    if content not in CONTENTS:
        raise invalid("Reaction", "content", "invalid")
    issue = post if isinstance(post, Issue) else state.issue(post.repository_id, post.number)
    _check_reader(state, actor, state.repositories[post.repository_id])
    _check_open(state, actor, issue)
    for reaction in state.reactions_to(post):
        if (reaction.login, reaction.content) == (actor, content):
            return reaction, False
    with state.change():
        reaction = Reaction(
            id=state.next_id("reaction"),
            subject=post.node_id,
            login=actor,
            content=content,
            created_at=state.clock(),
        )
        state.keep(reaction)
    return reaction, True


def withdraw(state: State, actor: str, post: Issue | Comment, reaction_id: int) -> None:
    """Take back one's own reaction. 404 when there is none, 403 when it is somebody else's."""
    for reaction in state.reactions_to(post):
        if reaction.id == reaction_id:
            if reaction.login != actor:
                raise forbidden()
            with state.change():
                state.drop_reaction(reaction)
            return
    raise not_found()


def minimise(state: State, actor: str, comment: Comment, reason: str) -> None:
    """Hide a comment for a reason, or show it again for "". Writers may, and its author. Fires no webhook.

    It changes neither `updated_at` nor the edit history, and nobody is told who did it.
    """
    _check_writer_or_author(state, actor, comment)
    if reason and reason not in CLASSIFIERS:
        raise invalid("Minimizable", "classifier", "invalid")
    with state.change():
        comment.hidden = reason
        state.keep(comment)


def set_locked(state: State, actor: str, issue: Issue, locked: bool) -> None:
    """Lock or unlock a conversation."""
    _check_writer(state, actor, issue)
    with state.change():
        issue.locked = locked
        state.keep(issue)
        payloads.fire(state, "locked" if locked else "unlocked", actor, issue)


def set_open(state: State, actor: str, issue: Issue, is_open: bool) -> None:
    """Close or reopen."""
    _check_writer_or_author(state, actor, issue)
    with state.change():
        issue.state = "open" if is_open else "closed"
        state.keep(issue)
        payloads.fire(state, "reopened" if is_open else "closed", actor, issue)


def _kind(post: Post) -> str:
    return post.kind if isinstance(post, Comment) else "issue"


def _revision(state: State, actor: str, body: str) -> Revision:
    return Revision(id=state.next_id("revision"), editor=actor, at=state.clock(), body=body)


def _check_body(kind: str, body: str, may_be_empty: bool = False) -> None:
    if not body.strip() and not may_be_empty:
        raise invalid(RESOURCES[kind], "body", "unprocessable", "Body cannot be blank")
    if len(body) > MAX_BODY:
        raise invalid(
            RESOURCES[kind], "body", "unprocessable", f"Body is too long (maximum is {MAX_BODY} characters)"
        )


def _check_open(state: State, actor: str, issue: Issue) -> None:
    if issue.deleted:
        raise Refused(410, "This issue was deleted")
    role = state.role(state.repositories[issue.repository_id], actor)
    if issue.locked and role not in WRITERS:
        raise forbidden("Unable to create comment because issue is locked.")


def _check_reader(state: State, actor: str, repository: Repository) -> None:
    if actor != state.bot.login and state.role(repository, actor) == "none":
        raise not_found()


def _check_writer(state: State, actor: str, post: Post) -> None:
    role = state.role(state.repositories[post.repository_id], actor)
    if actor != state.bot.login and role not in WRITERS:
        raise forbidden("Must have write access to the repository.")


def _check_writer_or_author(state: State, actor: str, post: Post) -> None:
    if actor != post.author:
        _check_writer(state, actor, post)
