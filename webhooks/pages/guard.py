"""Who may look at the pages, and who may change something. Pure: decides from headers, peer and settings.

A page tells what private repositories taught, so nobody looks without `THUMBPRINT_PAGES_TOKEN`, and the
pages are closed until it is set. A loopback peer proves nothing: a receiver stands behind a proxy, and all
that a plain one passes on comes from 127.0.0.1. Only in the playground, where nothing is private, this
machine may look without: the peer is loopback, Host names loopback (else a name that was rebound to us by
DNS could read it), and no proxy forwarded it. With a token set, every change needs it there too. The drafts
of a repository are opened by a token of its own, too (`bot/drafts.py`), which opens nothing else: its
maintainers need not be trusted with other repositories.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from bot.drafts import token_of

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1", "ip6-localhost"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
TOKEN_HEADER = "x-thumbprint-token"  # noqa: S105
CLOSED = (
    "The memory pages are closed until THUMBPRINT_PAGES_TOKEN is set: "
    "set it, start the server again, and sign in with it."
)
ELSEWHERE = (
    "These pages are for this machine only: open them at 127.0.0.1, "
    "or set THUMBPRINT_PAGES_TOKEN to reach them from elsewhere."
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why not, in one sentence, with the HTTP status. `ask` wants a sign-in from the browser."""

    status: int
    reason: str
    ask: bool = False


class Guard:
    """The rules, for one token. `form_key` ties the forms' tokens to this server."""

    def __init__(self, token: str, form_key: str, *, playground: bool) -> None:
        self._token, self._secret = token, form_key
        self._playground = playground
        key = form_key or secrets.token_hex(16)
        self.form_token = hmac.new(key.encode(), b"pages", hashlib.sha256).hexdigest()

    @property
    def asks_in_forms(self) -> bool:
        """Whether forms ask for the token: elsewhere than in the playground who sees one has signed in."""
        return bool(self._token) and self._playground

    def may_read(
        self, headers: Mapping[str, str], peer: str, repository_id: int | None = None
    ) -> Refusal | None:
        """None for who may look at the pages; `repository_id`: at the drafts of this repository alone."""
        if self._knows_token(headers, repository_id) or (self._playground and is_local(headers, peer)):
            return None
        if not self._token:
            return Refusal(status=403, reason=ELSEWHERE if self._playground else CLOSED)
        others = "" if repository_id is None else ", or with that of this repository's drafts"
        return Refusal(
            status=401, reason=f"Sign in with the token of THUMBPRINT_PAGES_TOKEN{others}.", ask=True
        )

    def may_change(
        self,
        headers: Mapping[str, str],
        peer: str,
        form: Mapping[str, str] | None,
        repository_id: int | None = None,
    ) -> Refusal | None:
        """None for who may change something; `repository_id`: the drafts of this repository alone.

        `form` is what a browser's form sent, None for an API call.
        """
        if refusal := self.may_read(headers, peer, repository_id):
            return refusal
        if crosses_sites(headers):
            return Refusal(status=403, reason="Only these pages themselves may do that.")
        if form is not None and not hmac.compare_digest(form.get("form", ""), self.form_token):
            return Refusal(status=403, reason="This form is out of date: reload the page and try again.")
        given = (form or {}).get("token", "")
        known = self._knows_token(headers, repository_id) or self._opens(given, repository_id)
        if self._token and not known:
            return Refusal(status=403, reason="That is not the token of THUMBPRINT_PAGES_TOKEN.")
        return None

    def _knows_token(self, headers: Mapping[str, str], repository_id: int | None) -> bool:
        given = (headers.get(TOKEN_HEADER, ""), _password(headers))
        return any(self._opens(one, repository_id) for one in given)

    def _opens(self, given: str, repository_id: int | None) -> bool:
        own = "" if repository_id is None else token_of(self._token, self._secret, repository_id)
        return any(bool(one) and _equal(given, one) for one in (self._token, own))


def is_local(headers: Mapping[str, str], peer: str) -> bool:
    """Whether a request was made on this machine, to a loopback name, by no proxy."""
    if any(name in headers for name in FORWARDED):
        return False
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname
        return ip_address(peer).is_loopback and host in LOOPBACK_NAMES
    except ValueError:
        return False


def crosses_sites(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that another site's page sent this.

    Sec-Fetch-Site decides where it is sent, and no page can set it: behind a proxy Host is another name than
    Origin's. Source: https://www.w3.org/TR/fetch-metadata/
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _password(headers: Mapping[str, str]) -> str:
    """The password of HTTP Basic, or what a Bearer bears (Prometheus sends either); else ""."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
