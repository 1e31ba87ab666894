"""What is sent to GitHub: `app.yml`, with the addresses of this server. Pure, but for reading that file.

Run: `pytest tests/unit/webhooks/test_setup.py`.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from bot.hosts import Host, is_loopback

WEBHOOK_PATH = "/webhooks/github"
BACK_PATH = "/setup/created"


@cache
def base() -> dict[str, Any]:
    """What `app.yml` says."""
    said: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "app.yml").read_text())
    return said


def manifest(public_url: str, visited_url: str) -> dict[str, Any]:
    """The manifest for a server that GitHub reaches at `public_url` and this browser at `visited_url`."""
    return {
        **base(),
        "url": public_url,
        "hook_attributes": {"url": f"{public_url}{WEBHOOK_PATH}", "active": True},
        "redirect_url": f"{visited_url}{BACK_PATH}",
    }


def public_address(text: str, host: Host) -> str:
    """The address at which a GitHub reaches this server, tidied. Raises ValueError with what is wrong."""
    given = text.strip().rstrip("/").removesuffix(WEBHOOK_PATH)
    if not given:
        raise ValueError("Say at which address GitHub reaches this machine, such as https://bot.example.com.")
    parts = urlsplit(given if "://" in given else f"https://{given}")
    try:
        name, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        name = ""
    odd = parts.query or parts.fragment or parts.username or parts.password or " " in given
    if parts.scheme not in ("http", "https") or not name or odd:
        raise ValueError(f"{text.strip()} is no address: give one such as https://bot.example.com.")
    here = is_loopback(urlsplit(host.web).hostname or "")
    if not here and parts.scheme == "http" and not host.is_server:
        raise ValueError(f"{given} is not encrypted: give the https:// address of your proxy or tunnel.")
    if not here and _is_unreachable(name, private_too=not host.is_server):
        raise ValueError(
            f"GitHub cannot reach {name}: give the address of a proxy or tunnel that leads to this machine."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"


def _is_unreachable(name: str, *, private_too: bool) -> bool:
    if is_loopback(name):
        return True
    try:
        return private_too and not ip_address(name).is_global
    except ValueError:
        return private_too and "." not in name
