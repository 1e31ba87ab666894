"""Webhook payloads, in the shapes of GitHub's examples, and which event each act fires.

Left out: events that the app has no subscription for (labels, stars); reactions, which GitHub never sends.
"""

from __future__ import annotations

import json

from webhooks.playground import shapes
from webhooks.playground.shapes import Json
from webhooks.playground.state import State
from webhooks.playground.things import Comment, Issue

_SHARED = """
id node_id number title user labels state locked assignee assignees milestone body html_url created_at
updated_at closed_at author_association active_lock_reason draft
"""


def fire(state: State, action: str, actor: str, post: Issue | Comment, changes: Json | None = None) -> None:
    """Queue the delivery for what `actor` did to `post`; none without the app, or while it is suspended."""
    repo = state.repositories[post.repository_id]
    if repo.installation_id is None or state.installation(repo.installation_id).suspended_at is not None:
        return
    payload: Json = {"action": action}
    if changes is not None:
        payload["changes"] = changes
    if isinstance(post, Issue):
        event = "issues"
        payload["issue"] = shapes.issue(state, post)
    else:
        thread = state.issue(post.repository_id, post.number)
        event = "issue_comment" if post.kind == "issue_comment" else "pull_request_review_comment"
        if post.kind == "issue_comment":
            payload["issue"] = shapes.issue(state, thread)
        else:
            payload["pull_request"] = pull_request(state, thread)
        payload["comment"] = shapes.comment(state, post)
    payload |= {
        "repository": shapes.repository(state, repo),
        "sender": shapes.user(state, state.people[actor]),
        "installation": {"id": repo.installation_id, "node_id": f"MDIz{repo.installation_id}"},
    }
    state.queue(event, action, repo.id, json.dumps(payload, separators=(",", ":"), ensure_ascii=False))


def pull_request(state: State, of: Issue) -> Json:
    """A `pull-request` as a review comment's delivery has it: without git there are no commits in it."""
    repo = state.repositories[of.repository_id]
    issue = shapes.issue(state, of)
    url = f"{state.base_url}/api/v3/repos/{repo.full_name}/pulls/{of.number}"
    kept = _SHARED.split()
    sha = "0" * 40
    branch = {"sha": sha, "user": issue["user"], "repo": shapes.repository(state, repo)}
    return {name: issue[name] for name in kept} | {
        "url": url,
        "issue_url": issue["url"],
        "comments_url": issue["comments_url"],
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{url.rsplit('/', 1)[0]}/comments{{/number}}",
        "diff_url": f"{issue['html_url']}.diff",
        "patch_url": f"{issue['html_url']}.patch",
        "commits_url": f"{url}/commits",
        "statuses_url": f"{url.rsplit('/', 2)[0]}/statuses/{sha}",
        "merged_at": None,
        "merge_commit_sha": None,
        "auto_merge": None,
        "_links": {
            "self": {"href": url},
            "html": {"href": issue["html_url"]},
            "issue": {"href": issue["url"]},
            "comments": {"href": f"{issue['url']}/comments"},
            "review_comments": {"href": f"{url}/comments"},
            "review_comment": {"href": f"{url.rsplit('/', 1)[0]}/comments{{/number}}"},
            "commits": {"href": f"{url}/commits"},
            "statuses": {"href": f"{url.rsplit('/', 2)[0]}/statuses/{sha}"},
        },
        "head": branch | {"label": f"{of.author}:patch-{of.number}", "ref": f"patch-{of.number}"},
        "base": branch | {"label": f"{repo.owner}:main", "ref": "main"},
    }


def whole_pull_request(state: State, of: Issue) -> Json:
    """A `pull-request` as it is read by itself."""
    return pull_request(state, of) | {
        **dict.fromkeys(("merged", "maintainer_can_modify"), False),
        **dict.fromkeys(("additions", "deletions", "changed_files", "commits"), 0),
        "merged_by": None,
        "mergeable": True,
        "mergeable_state": "clean",
        "comments": len(state.comments(of)),
        "review_comments": len(state.comments(of, "review_comment")),
    }
