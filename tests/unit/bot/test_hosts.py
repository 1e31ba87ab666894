"""From one address follows where a GitHub's pages and API are, and how patient it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.hosts import host_of

CLOUD = ("https://github.com", "https://api.github.com", "https://uploads.github.com")
TENANT = ("https://acme.ghe.com", "https://api.acme.ghe.com", "https://uploads.acme.ghe.com")
SERVER = ("https://git.acme.test", "https://git.acme.test/api/v3", "https://git.acme.test/api/uploads")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("github.com", CLOUD),
        ("https://github.com/", CLOUD),
        ("https://api.github.com", CLOUD),
        ("https://www.GitHub.com/acme", CLOUD),
        ("acme.ghe.com", TENANT),
        ("https://api.acme.ghe.com", TENANT),
        ("git.acme.test", SERVER),
        ("https://git.acme.test/api/v3/", SERVER),
        ("https://GIT.acme.test/", SERVER),
        ("https://git.acme.test:8443", tuple(url.replace(".test", ".test:8443") for url in SERVER)),
    ],
)
def test_pages_api_and_uploads_follow_from_any_address_of_a_github(
    address: str, found: tuple[str, ...]
) -> None:
    host = host_of(address)
    assert (host.web, host.api, host.uploads) == found
    assert host_of(host.api) == host == host_of(host.web)
    assert host.graphql == host.api.removesuffix("/v3") + "/graphql"


@pytest.mark.parametrize(
    ("address", "deadline_s", "days"),
    [
        ("github.com", 10, 3),
        ("acme.ghe.com", 10, 3),
        ("git.acme.test", 30, 7),
        ("http://127.0.0.1:8001", 10, 3),
    ],
)
def test_a_server_of_ones_own_waits_longer_and_redelivers_from_further_back(
    address: str, deadline_s: float, days: int
) -> None:
    host = host_of(address)
    assert (host.delivery_deadline_s, host.redelivery_window) == (deadline_s, timedelta(days=days))


def test_an_app_is_registered_for_oneself_or_for_an_organisation() -> None:
    assert host_of("git.acme.test").new_app() == "https://git.acme.test/settings/apps/new"
    assert host_of("github.com").new_app("a b") == "https://github.com/organizations/a%20b/settings/apps/new"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://",
        "ftp://git.acme.test",
        "http://git.acme.test",
        "https://u:p@github.com",
        "https://x:y",
        "a b",
    ],
)
def test_what_is_no_address_or_not_encrypted_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"is no address|not encrypted"):
        host_of(address)


def test_the_playground_is_reached_without_encryption_on_this_machine() -> None:
    assert host_of("http://127.0.0.1:8001/api/v3").api == "http://127.0.0.1:8001/api/v3"
    assert host_of("http://[::1]:8001").web == "http://[::1]:8001"
