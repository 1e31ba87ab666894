"""The JSON that GitHub's REST API and webhooks use for people, repositories, issues, comments, reactions.

Complete enough for githubkit's strict models (a test parses them), in the order of GitHub's examples.
Left out: counts and links that nothing here has (forks, stars) are zero or null.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from webhooks.playground.links import REPOSITORY_LINKS, USER_LINKS
from webhooks.playground.people import OWNER
from webhooks.playground.state import State
from webhooks.playground.things import CONTENTS, Comment, Installation, Issue, Person, Reaction, Repository

Json = dict[str, Any]

PERMISSIONS = {"contents": "read", "issues": "write", "metadata": "read", "pull_requests": "write"}
EVENTS = ["issue_comment", "issues", "pull_request", "pull_request_review_comment", "push", "repository"]


def when(moment: datetime) -> str:
    """GitHub's format: `2026-11-21T03:15:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def user(state: State, person: Person) -> Json:
    """A `simple-user`."""
    api = f"{state.base_url}/api/v3/users/{person.login}"
    links = {
        f"{link.split('{')[0]}_url".replace("orgs_url", "organizations_url"): f"{api}/{link}"
        for link in USER_LINKS.split()
    }
    return {
        "login": person.login,
        "id": person.id,
        "node_id": f"{'BOT' if person.is_bot else 'U'}_kg{person.id}",
        "avatar_url": f"{state.base_url}/avatars/{person.login}.svg",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{state.base_url}/{person.login}",
        **links,
        "type": person.kind,
        "site_admin": False,
    }


def public_user(state: State, person: Person) -> Json:
    """A `public-user`: one who says nothing of themselves."""
    said = ("bio", "blog", "company", "email", "hireable", "location")
    counts = ("followers", "following", "public_gists", "public_repos")
    return (
        user(state, person)
        | dict.fromkeys(said)
        | dict.fromkeys(counts, 0)
        | {"user_view_type": "public", "name": person.name}
        | {"created_at": "2015-01-01T00:00:00Z", "updated_at": "2015-01-01T00:00:00Z"}
    )


def repository(state: State, repo: Repository) -> Json:
    """A `repository`."""
    api = f"{state.base_url}/api/v3/repos/{repo.full_name}"
    page = f"{state.base_url}/{repo.full_name}"
    links = {}
    for link in REPOSITORY_LINKS.split():
        name, _, path = link.partition(":")
        links[f"{name}_url"] = f"{api}/{path}"
    zero = ("size", "stargazers_count", "watchers_count", "forks_count", "forks", "watchers")
    return {
        "id": repo.id,
        "node_id": repo.node_id,
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(state, state.people[repo.owner]),
        "html_url": page,
        "description": repo.description,
        "fork": False,
        "url": api,
        **links,
        "created_at": when(repo.created_at),
        "updated_at": when(repo.created_at),
        "pushed_at": when(repo.created_at),
        "git_url": f"git://127.0.0.1/{repo.full_name}.git",
        "ssh_url": f"git@127.0.0.1:{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": "Python",
        "license": None,
        **dict.fromkeys(zero, 0),
        "open_issues_count": (count := sum(i.state == "open" for i in state.issues(repo.id))),
        "open_issues": count,
        **dict.fromkeys(("has_issues", "has_projects", "has_downloads", "has_wiki"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "disabled", "is_template"), False),
        "archived": repo.archived,
        "topics": repo.topics,
        "visibility": "private" if repo.private else "public",
        "default_branch": "main",
        "web_commit_signoff_required": False,
    }


def reaction_counts(state: State, post: Issue | Comment, url: str) -> Json:
    """A `reaction-rollup`: counts without names."""
    given = [reaction.content for reaction in state.reactions_to(post)]
    counts: Json = {content: given.count(content) for content in CONTENTS}
    return {"url": f"{url}/reactions", "total_count": len(given), **counts}


def reaction(state: State, given: Reaction) -> Json:
    """A `reaction`."""
    return {
        "id": given.id,
        "node_id": f"REA_kw{given.id}",
        "user": user(state, state.people[given.login]),
        "content": given.content,
        "created_at": when(given.created_at),
    }


def issue(state: State, of: Issue) -> Json:
    """An `issue`; a pull request has `pull_request` in it."""
    repo = state.repositories[of.repository_id]
    api = f"{state.base_url}/api/v3/repos/{repo.full_name}"
    url, page = f"{api}/issues/{of.number}", html_url(state, of)
    shape: Json = {
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "id": of.id,
        "node_id": of.node_id,
        "number": of.number,
        "title": of.title,
        "user": user(state, state.people[of.author]),
        "labels": [_label(api, name, index) for index, name in enumerate(of.labels)],
        "state": of.state,
        "locked": of.locked,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": len(state.comments(of)),
        "created_at": when(of.created_at),
        "updated_at": when(of.updated_at),
        "closed_at": when(of.updated_at) if of.state == "closed" else None,
        "author_association": repo.association(of.author),
        "active_lock_reason": None,
        "body": of.body,
        "reactions": reaction_counts(state, of, url),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": app(state) if of.via_app else None,
        "state_reason": None,
    }
    if of.is_pull:
        shape["draft"] = False
        shape["pull_request"] = {
            "url": f"{api}/pulls/{of.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": None,
        }
    return shape


def comment(state: State, of: Comment) -> Json:
    """An `issue-comment`, or a `pull-request-review-comment`."""
    repo = state.repositories[of.repository_id]
    api = f"{state.base_url}/api/v3/repos/{repo.full_name}"
    on_issue = of.kind == "issue_comment"
    url = f"{api}/{'issues' if on_issue else 'pulls'}/comments/{of.id}"
    shape: Json = {
        "url": url,
        "html_url": html_url(state, of),
        "id": of.id,
        "node_id": of.node_id,
        "user": user(state, state.people[of.author]),
        "created_at": when(of.created_at),
        "updated_at": when(of.updated_at),
        "body": of.body,
        "author_association": repo.association(of.author),
        "reactions": reaction_counts(state, of, url),
    }
    if on_issue:
        shape["issue_url"] = f"{api}/issues/{of.number}"
        shape["performed_via_github_app"] = app(state) if of.via_app else None
        return shape
    pull = f"{api}/pulls/{of.number}"
    sha = "0" * 40
    shape |= {
        "pull_request_review_id": of.in_reply_to_id or of.id,
        "diff_hunk": of.diff_hunk,
        "path": of.path,
        "position": of.line,
        "original_position": of.line,
        "line": of.line,
        "original_line": of.line,
        "side": "RIGHT",
        "commit_id": sha,
        "original_commit_id": sha,
        "pull_request_url": pull,
        "subject_type": "line",
        "_links": {
            "self": {"href": url},
            "html": {"href": shape["html_url"]},
            "pull_request": {"href": pull},
        },
    }
    return shape | ({"in_reply_to_id": of.in_reply_to_id} if of.in_reply_to_id else {})


def app(state: State) -> Json:
    """An `integration`: our app."""
    slug, created = state.credentials.slug, when(min(r.created_at for r in state.repositories.values()))
    return {
        "id": int(state.credentials.app_id),
        "client_id": f"Iv1.{state.credentials.app_id:0>16}",
        "slug": slug,
        "node_id": f"A_kw{state.credentials.app_id}",
        "owner": user(state, state.people[OWNER]),
        "name": slug.capitalize(),
        "description": "Answers /ask in issues.",
        "external_url": state.base_url,
        "html_url": f"{state.base_url}/apps/{slug}",
        "created_at": created,
        "updated_at": created,
        "permissions": PERMISSIONS,
        "events": EVENTS,
    }


def installation(state: State, of: Installation) -> Json:
    """An `installation`."""
    about, account = app(state), user(state, state.people[of.account])
    return {
        "id": of.id,
        "account": account,
        "repository_selection": "selected",
        "access_tokens_url": f"{state.base_url}/api/v3/app/installations/{of.id}/access_tokens",
        "repositories_url": f"{state.base_url}/api/v3/installation/repositories",
        "html_url": f"{state.base_url}/installations/{of.id}",
        "app_id": about["id"],
        "app_slug": about["slug"],
        "client_id": about["client_id"],
        "target_id": account["id"],
        "target_type": "Organization",
        "permissions": about["permissions"],
        "events": about["events"],
        "created_at": when(of.created_at),
        "updated_at": when(of.suspended_at or of.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(state, state.people[of.suspended_by]) if of.suspended_by else None,
        "suspended_at": when(of.suspended_at) if of.suspended_at else None,
    }


def html_url(state: State, post: Issue | Comment) -> str:
    """The page where people see the post."""
    thread = post if isinstance(post, Issue) else state.issue(post.repository_id, post.number)
    repo = state.repositories[post.repository_id]
    page = f"{state.base_url}/{repo.full_name}/{'pull' if thread.is_pull else 'issues'}/{post.number}"
    if isinstance(post, Issue):
        return page
    return f"{page}#{'issuecomment-' if post.kind == 'issue_comment' else 'discussion_r'}{post.id}"


def _label(api: str, name: str, index: int) -> Json:
    return {
        "id": 9001 + index,
        "node_id": f"LA_kw{9001 + index}",
        "url": f"{api}/labels/{name}",
        "name": name,
        "color": "0e8a16",
        "default": False,
        "description": None,
    }
