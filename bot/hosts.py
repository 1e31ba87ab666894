"""Which GitHub: where its pages and API are, how long its webhooks wait, how far back it redelivers. Pure.

github.com, a tenant of ghe.com, or a GitHub Enterprise Server. All follows from one address, however much of
it is typed in. Sources: https://docs.github.com/en/rest/using-the-rest-api and
https://docs.github.com/en/enterprise-server/webhooks. Run: `pytest tests/unit/bot/test_hosts.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

_CLOUD = "github.com"
_TENANTS = ".ghe.com"
_NAMES_OF_LOOPBACK = ("localhost", "ip6-localhost")


@dataclass(frozen=True, kw_only=True)
class Host:
    """One GitHub. URLs end without a slash."""

    web: str
    api: str
    uploads: str
    graphql: str
    is_server: bool
    """Whether it is somebody's own GitHub Enterprise Server."""

    @property
    def delivery_deadline_s(self) -> float:
        """A delivery that is not answered within so many seconds has failed."""
        return 30.0 if self.is_server else 10.0

    @property
    def redelivery_window(self) -> timedelta:
        """Deliveries older than this can be neither listed nor sent again."""
        return timedelta(days=7) if self.is_server else timedelta(days=3)

    def new_app(self, organisation: str = "") -> str:
        """The page that registers an App, for oneself or for an organisation."""
        owner = f"/organizations/{quote(organisation, safe='')}" if organisation else ""
        return f"{self.web}{owner}/settings/apps/new"


def host_of(address: str) -> Host:
    """The GitHub at an address: of its pages or of its API, with or without `https://`.

    Raises ValueError for what is no address, and for plain http beyond this machine: tokens travel there.
    """
    parts = urlsplit(address if "://" in address else f"https://{address}")
    try:
        name, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise ValueError(f"{address} is no address of a GitHub") from error
    odd = parts.username or parts.password or parts.query or parts.fragment
    if parts.scheme not in ("http", "https") or not name or odd or " " in name:
        raise ValueError(f"{address} is no address of a GitHub: give one such as https://github.example.com")
    if parts.scheme == "http" and not is_loopback(name):
        raise ValueError(f"{address} is not encrypted, and tokens travel there: give its https:// address")
    for cloud in (_CLOUD, name.removeprefix("api.") if name.endswith(_TENANTS) else _CLOUD):
        if name in (cloud, f"api.{cloud}", f"www.{cloud}"):
            api, uploads = f"https://api.{cloud}", f"https://uploads.{cloud}"
            web = f"https://{cloud}"
            return Host(web=web, api=api, uploads=uploads, graphql=f"{api}/graphql", is_server=False)
    at = f"[{name}]" if ":" in name else name
    web = f"{parts.scheme}://{at}{f':{port}' if port else ''}"
    return Host(
        web=web,
        api=f"{web}/api/v3",
        uploads=f"{web}/api/uploads",
        graphql=f"{web}/api/graphql",
        is_server=not is_loopback(name),
    )


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.lower() in _NAMES_OF_LOOPBACK or name.lower().endswith(".localhost")
