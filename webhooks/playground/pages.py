"""The pages for people: repositories, issues, threads, deliveries; server-rendered, kept fresh by a script.

Whom one acts as is a cookie: on loopback everyone may be anyone. Left out: code browsing beyond one file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from webhooks.playground import files, people, shapes, views
from webhooks.playground.api import services
from webhooks.playground.refusals import Refused, not_found
from webhooks.playground.render import avatar, difference, markdown
from webhooks.playground.state import State
from webhooks.playground.things import WRITERS, Delivery, Issue, Person, Repository

HERE = Path(__file__).parent
PERSON_COOKIE = "playground_person"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
TEMPLATES = Environment(
    loader=PackageLoader("webhooks.playground"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)


def show(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page, with what every page needs."""
    state = services(request).state
    viewer = _viewer(request)
    repository: Repository | None = values.get("repository")
    html = TEMPLATES.get_template(template).render(
        values
        | {
            "viewer": views.person(state, viewer.login, repository),
            "people": [views.person(state, p.login, repository) for p in people.switchable(state)],
            "repositories": [one for one in state.repositories.values() if not one.deleted],
            "revision": state.revision,
            "app_url": request.app.state.app_url,
            "version": _static_version(),
        }
    )
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(html, status, headers | {"X-Content-Type-Options": "nosniff"})


async def overview(request: Request) -> Response:
    """GET /: the repositories."""
    state = services(request).state
    counts = {r.id: sum(i.state == "open" for i in state.issues(r.id)) for r in state.repositories.values()}
    return show(request, "overview.html", counts=counts)


async def issue_list(request: Request) -> Response:
    """GET /{owner}/{name}/issues, `?state=closed` for the closed ones."""
    state, repository = services(request).state, _repository(request)
    wanted = "closed" if request.query_params.get("state") == "closed" else "open"
    issues = [views.summary(state, issue) for issue in state.issues(repository.id)]
    return show(
        request,
        "issues.html",
        repository=repository,
        wanted=wanted,
        issues=[issue for issue in issues if issue["state"] == wanted],
        open=sum(issue["state"] == "open" for issue in issues),
        closed=sum(issue["state"] == "closed" for issue in issues),
    )


async def new_issue(request: Request) -> Response:
    """GET /{owner}/{name}/issues/new."""
    return show(request, "new.html", repository=_repository(request))


async def thread(request: Request) -> Response:
    """GET /{owner}/{name}/issues/{number}."""
    state, repository = services(request).state, _repository(request)
    issue = _issue(request)
    with state.lock:
        view = views.thread(state, issue, _viewer(request))
        newest = [views.delivery(sent) for sent in _newest(state, 6)]
        return show(request, "issue.html", repository=repository, issue=view, deliveries=newest)


async def deliveries(request: Request) -> Response:
    """GET /deliveries: what was sent to the app, with request and response; and how to misbehave."""
    state = services(request).state
    with state.lock:
        rows = [
            views.delivery(d)
            | {"request": d.request_headers, "body": _pretty(d.body), "response": d.response_body}
            for d in _newest(state, 40)
        ]
        return show(request, "deliveries.html", rows=rows, rules=state.misbehaviour.rules())


async def history(request: Request) -> Response:
    """GET /history?node=…&revision=…: what one revision changed, as a word diff."""
    state = services(request).state
    post = state.posts.get(request.query_params.get("node", ""))
    if post is None or post.deleted:
        raise not_found()
    for index, revision in enumerate(post.revisions):
        if str(revision.id) == request.query_params.get("revision"):
            before = post.revisions[index - 1].body if index else ""
            changed = difference(before, revision.body) if index else difference(revision.body, revision.body)
            return show(
                request,
                "_history.html",
                author=views.person(state, revision.editor, None),
                at=shapes.when(revision.at),
                first=index == 0,
                last=index == len(post.revisions) - 1,
                deleted_by=revision.deleted_by,
                changed=changed,
                node=post.node_id,
                revision_id=revision.id,
            )
    raise not_found()


async def preview(request: Request) -> Response:
    """POST /preview: Markdown in, safe HTML out."""
    text = (await request.body()).decode(errors="replace")[:70_000]
    return HTMLResponse(markdown(text), headers={"Content-Security-Policy": POLICY})


async def blob(request: Request) -> Response:
    """GET /{owner}/{name}/blob/main/{path}."""
    repository = _repository(request)
    path = request.path_params["path"]
    if path not in repository.files and path != files.CONFIGURATION:
        raise not_found()
    text = repository.files.get(path)
    return show(request, "file.html", repository=repository, path=path, text=text)


async def edit_file(request: Request) -> Response:
    """GET /{owner}/{name}/edit/main/{path}: the file in a form, for who may write."""
    repository, path = _repository(request), request.path_params["path"]
    text = repository.files.get(path, "")
    begin = files.TEMPLATE if path == files.CONFIGURATION and not text else text
    may = services(request).state.role(repository, _viewer(request).login) in WRITERS
    return show(
        request, "edit_file.html", repository=repository, path=path, text=begin, was=text, may_write=may
    )


async def person_avatar(request: Request) -> Response:
    """GET /avatars/{login}.svg."""
    state = services(request).state
    who = state.person(request.path_params["login"])
    svg = avatar(who.login, who.name, who.is_bot, who.login == state.bot.login)
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})


def refused_page(request: Request, error: Refused) -> Response:
    """An error for people."""
    return show(request, "error.html", error.status, message=error.message, code=error.status)


def _repository(request: Request) -> Repository:
    params = request.path_params
    return services(request).state.repository(f"{params['owner']}/{params['name']}")


def _issue(request: Request) -> Issue:
    issue = services(request).state.issue(_repository(request).id, request.path_params["number"])
    if issue.deleted:
        raise Refused(410, "This issue was deleted")
    return issue


def _viewer(request: Request) -> Person:
    """Whom the page is for: `?as=`, for a tab's own refreshes, else the browser's cookie."""
    login = request.query_params.get("as") or unquote(request.cookies.get(PERSON_COOKIE, ""))
    return views.viewer_of(services(request).state, login)


def _newest(state: State, count: int) -> list[Delivery]:
    return sorted(state.deliveries.values(), key=lambda d: -d.id)[:count]


def _pretty(body: str) -> str:
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False)


def _static_version() -> int:
    return max(int(file.stat().st_mtime) for file in (HERE / "static").iterdir())


async def _to_issues(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path.rstrip('/')}/issues")


ROUTES: list[Route | Mount] = [
    Route("/", overview),
    Mount("/static", StaticFiles(directory=HERE / "static")),
    Route("/avatars/{login}.svg", person_avatar),
    Route("/deliveries", deliveries),
    Route("/history", history),
    Route("/preview", preview, methods=["POST"]),
    Route("/{owner}/{name}", _to_issues),
    Route("/{owner}/{name}/issues", issue_list),
    Route("/{owner}/{name}/issues/new", new_issue),
    Route("/{owner}/{name}/issues/{number:int}", thread),
    Route("/{owner}/{name}/pull/{number:int}", thread),
    Route("/{owner}/{name}/blob/main/{path:path}", blob),
    Route("/{owner}/{name}/edit/main/{path:path}", edit_file),
]
