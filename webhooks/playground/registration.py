"""GitHub's side of the manifest flow: the page that creates an App, the code, its conversion, installation.

As strict as GitHub with the manifest, whose errors are GitHub's. An App that is installed takes the place of
the playground's own until the next start. Left out: Apps without a manifest, choosing repositories.
Source: https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from webhooks.playground import pages, people, shapes
from webhooks.playground.api import services
from webhooks.playground.credentials import Credentials, new_key
from webhooks.playground.refusals import Refused, not_found
from webhooks.playground.state import State

CODE_LIFE = timedelta(hours=1)
LONGEST_NAME = 34
KEYS = {
    *(
        "name",
        "url",
        "hook_attributes",
        "redirect_url",
        "callback_urls",
        "setup_url",
        "description",
        "public",
    ),
    *("default_events", "default_permissions", "request_oauth_on_install", "setup_on_update"),
}
NEEDS: Mapping[str, tuple[str, ...]] = {
    "push": ("contents",),
    "repository": ("metadata",),
    "issue_comment": ("issues", "pull_requests"),
    "issues": ("issues",),
    "pull_request": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",),
}
"""Events, and the permissions of which one is needed to hear of them."""


@dataclass
class Registered:
    """An App that was created here, its secrets, and its code until that is used or too old."""

    id: int
    slug: str
    name: str
    manifest: dict[str, Any]
    expires: datetime
    pem: bytes = field(repr=False)
    webhook_secret: str = field(repr=False)
    code: str = field(repr=False)


class Registry:
    """The Apps that were created on one playground."""

    def __init__(self, state: State, home: Path) -> None:
        self._state, self._home = state, home
        self._apps: list[Registered] = []

    def create(self, manifest: dict[str, Any], name: str) -> Registered:
        """A new App. Raises Refused 422 for a name that is taken or too long."""
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        taken = {self._state.credentials.slug, *(app.slug for app in self._apps)}
        if not slug or len(name) > LONGEST_NAME or slug in taken:
            raise Refused(422, "Name is already taken, too long or empty")
        made = Registered(
            id=1_000_000 + secrets.randbelow(900_000),
            slug=slug,
            name=name,
            manifest=manifest,
            expires=self._state.clock() + CODE_LIFE,
            pem=new_key(),
            webhook_secret=secrets.token_hex(20),
            code=secrets.token_hex(20),
        )
        self._apps.append(made)
        return made

    def convert(self, code: str) -> Registered:
        """The App of a code, once. Raises Refused 404 for a code that is unknown, used or an hour old."""
        for app in self._apps:
            if app.code and secrets.compare_digest(app.code.encode(), code.encode()):
                app.code = ""
                if app.expires > self._state.clock():
                    return app
        raise not_found()

    def of_slug(self, slug: str) -> Registered:
        """A created App. Raises Refused 404."""
        found = next((app for app in self._apps if app.slug == slug), None)
        if found is None:
            raise not_found()
        return found

    def install(self, app: Registered) -> None:
        """From now on this is the App that is installed here."""
        key_file = self._home / f"app-{app.id}.pem"
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(app.pem)
        former = self._state.credentials
        with self._state.change():
            self._state.credentials = Credentials(
                app_id=str(app.id),
                private_key_file=key_file.absolute(),
                webhook_secret=app.webhook_secret,
                installation_id=former.installation_id,
                slug=app.slug,
            )
            self._state.hook_url = app.manifest["hook_attributes"]["url"]
            people.settle(self._state)


def check(manifest: Any) -> dict[str, Any]:
    """A manifest as GitHub takes it. Raises Refused 422 with GitHub's sentence."""
    if not isinstance(manifest, dict):
        raise _invalid("The configuration does not appear to be a valid GitHub App manifest.")
    for key in manifest:
        if key not in KEYS:
            raise _invalid(f'Error "{key}" is not a permitted key.')
    hook = manifest.get("hook_attributes")
    for given in (manifest, *([hook] if hook is not None else [])):
        if not isinstance(given, dict) or "url" not in given:
            raise _invalid('Error "url" wasn\'t supplied.')
    urls = [manifest["url"], manifest.get("redirect_url"), *([hook["url"]] if hook else [])]
    for url in urls:
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
            raise _invalid(f"Error {url!r} is not a URL.")
    permissions, events = manifest.get("default_permissions", {}), manifest.get("default_events", [])
    for name, level in permissions.items():
        if name not in shapes.PERMISSIONS or level not in ("read", "write"):
            raise _invalid(f"Error default permission records resource {name} is not supported.")
    for event in events:
        if not any(need in permissions for need in NEEDS.get(event, ())):
            raise _invalid(f"Error default events unsupported: {event}")
    return manifest


def _invalid(why: str) -> Refused:
    return Refused(422, f"Invalid GitHub App configuration. {why}")


def registry(request: Request) -> Registry:
    """The Apps of the playground behind a request."""
    found: Registry = request.app.state.registry
    return found


async def new_app(request: Request) -> Response:
    """POST /settings/apps/new?state= with `manifest`: what the App would be, and a button that creates it."""
    fields = await _form(request)
    try:
        manifest = check(json.loads(fields.get("manifest", "")))
    except ValueError as error:
        raise _invalid("The configuration does not appear to be a valid GitHub App manifest.") from error
    owner = request.path_params.get("organisation", "")
    state = services(request).state
    if owner and owner != people.OWNER:
        raise not_found()
    response = pages.show(
        request,
        "new_app.html",
        manifest=manifest,
        text=json.dumps(manifest),
        state=request.query_params.get("state", ""),
        owner=owner or people.MAINTAINER,
        taken=state.credentials.slug,
    )
    back = urlsplit(manifest["redirect_url"])
    allowed = f"form-action 'self' {back.scheme}://{back.netloc}"
    response.headers["Content-Security-Policy"] = pages.POLICY.replace("form-action 'self'", allowed)
    return response


async def create_app(request: Request) -> Response:
    """POST /settings/apps/created, of that page alone: back to who sent the manifest, with a code."""
    fields = await _form(request)
    manifest = check(json.loads(fields.get("manifest", "")))
    app = registry(request).create(manifest, fields.get("name", "").strip())
    query = {"code": app.code} | ({"state": fields["state"]} if fields.get("state") else {})
    return RedirectResponse(f"{manifest['redirect_url']}?{urlencode(query)}", 302)


async def convert(request: Request) -> Response:
    """POST /app-manifests/{code}/conversions: the App with its secrets, for nobody in particular."""
    app, state = registry(request).convert(request.path_params["code"]), services(request).state
    shape = shapes.app(state) | {
        "id": app.id,
        "slug": app.slug,
        "name": app.name,
        "client_id": f"Iv23li{app.id:014d}",
        "html_url": f"{state.base_url}/apps/{app.slug}",
        "external_url": app.manifest["url"],
        "description": app.manifest.get("description"),
        "permissions": app.manifest.get("default_permissions", {}),
        "events": app.manifest.get("default_events", []),
        "client_secret": secrets.token_hex(20),
        "webhook_secret": app.webhook_secret if "hook_attributes" in app.manifest else None,
        "pem": app.pem.decode(),
    }
    return JSONResponse(shape, status_code=201)


async def install_page(request: Request) -> Response:
    """GET /apps/{slug}/installations/new."""
    return pages.show(request, "install.html", app=registry(request).of_slug(request.path_params["slug"]))


async def install(request: Request) -> Response:
    """POST /apps/{slug}/installations/new: into all repositories."""
    registry(request).install(registry(request).of_slug(request.path_params["slug"]))
    return RedirectResponse("/", 303)


async def _form(request: Request) -> dict[str, str]:
    """A urlencoded form, of whatever size GitHub would take."""
    body = (await request.body()).decode(errors="replace")
    return {name: values[0] for name, values in parse_qs(body, max_num_fields=20).items()}


CALLS = [Route("/app-manifests/{code}/conversions", convert, methods=["POST"])]
PAGES = [
    Route("/settings/apps/new", new_app, methods=["POST"]),
    Route("/organizations/{organisation}/settings/apps/new", new_app, methods=["POST"]),
    Route("/settings/apps/created", create_app, methods=["POST"]),
    Route("/apps/{slug}/installations/new", install_page, methods=["GET"]),
    Route("/apps/{slug}/installations/new", install, methods=["POST"]),
]
FROM_ELSEWHERE = re.compile(r"(/organizations/[^/]+)?/settings/apps/new")
"""Where another site's page may send a form: nothing is done before somebody presses the button there."""
