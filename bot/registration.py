"""The last step of GitHub's manifest flow: a code, good once for an hour, becomes the App with its secrets.

Left out: the pages before it (`webhooks/setup`), keeping the App (`bot/app_store.py`), the client secret,
which nothing here needs; all of them are hidden from then on. Source: https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest
Run: `pytest tests/integration/test_setup.py`.
"""

from __future__ import annotations

from urllib.parse import quote

import httpx

from bot.app_store import RegisteredApp
from bot.hosts import Host
from storage.errors import GitHubRefused, GitHubUnavailable
from storage.redaction import hide

TIMEOUT_S = 20.0


def exchange(host: Host, code: str) -> RegisteredApp:
    """The App that a code stands for. A code is used up by it.

    Raises GitHubRefused for a code that is expired, used or made up, and for an App that lacks something;
    GitHubUnavailable when GitHub could not be asked: then the code may still be good.
    """
    url = f"{host.api}/app-manifests/{quote(code, safe='')}/conversions"
    headers = {"Accept": "application/vnd.github+json", "User-Agent": "thumbprint"}
    try:
        said = httpx.post(url, headers=headers, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        raise GitHubUnavailable(
            f"{host.web} could not be reached ({type(error).__name__}): try again within the hour."
        ) from error
    if said.status_code >= 500 or said.status_code in (403, 429):
        raise GitHubUnavailable(f"{host.web} answered {said.status_code}: try again within the hour.")
    if said.status_code != 201:
        raise GitHubRefused(
            f"{host.web} does not know this registration any more ({said.status_code}): its code is good "
            "once and for one hour.",
            status=said.status_code,
        )
    return _app(said, host)


def _app(said: httpx.Response, host: Host) -> RegisteredApp:
    try:
        given = said.json()
        app = RegisteredApp(
            id=int(given["id"]),
            slug=str(given["slug"]),
            html_url=str(given["html_url"]),
            github_url=host.api,
            webhook_secret=str(given["webhook_secret"] or ""),
            private_key=str(given["pem"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise GitHubRefused(
            f"{host.web} answered the registration with something else than an App.", status=said.status_code
        ) from error
    hide([app.webhook_secret, app.private_key, str(given.get("client_secret") or "")])
    if not app.webhook_secret:
        raise GitHubRefused(
            f"{host.web} registered the App without a webhook, and so without its secret.",
            status=said.status_code,
        )
    return app
