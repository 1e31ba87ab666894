"""Who may set up, what GitHub is asked for, and which addresses it could reach."""

from __future__ import annotations

import hmac

import pytest

from bot.hosts import host_of
from webhooks.playground.registration import check
from webhooks.route import HANDLED
from webhooks.setup.manifest import base, manifest, public_address
from webhooks.setup.visits import MOST_VISITS, STATE_LIFE_S, Visits

CLOUD, SERVER, PLAYGROUND = map(host_of, ("github.com", "git.acme.test", "http://127.0.0.1:8001"))


def test_the_manifest_is_app_yml_with_our_addresses_and_as_github_takes_it() -> None:
    made = manifest("https://bot.acme.test", "http://127.0.0.1:4000")
    assert check(made) is made and made == base() | {
        "url": "https://bot.acme.test",
        "hook_attributes": {"url": "https://bot.acme.test/webhooks/github", "active": True},
        "redirect_url": "http://127.0.0.1:4000/setup/created",
    }
    assert sorted(made["default_events"]) == sorted(HANDLED)


@pytest.mark.parametrize(
    ("given", "host", "address"),
    [
        ("https://bot.acme.test", CLOUD, "https://bot.acme.test"),
        (" bot.acme.test/ ", CLOUD, "https://bot.acme.test"),
        ("https://Bot.acme.test/webhooks/github", CLOUD, "https://bot.acme.test"),
        ("https://acme.test/thumbprint/", CLOUD, "https://acme.test/thumbprint"),
        ("http://10.0.0.7:8000", SERVER, "http://10.0.0.7:8000"),
        ("https://bot", SERVER, "https://bot"),
        ("http://127.0.0.1:8000", PLAYGROUND, "http://127.0.0.1:8000"),
    ],
)
def test_the_public_address_is_tidied(given: str, host: object, address: str) -> None:
    assert public_address(given, host) == address  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "host", "why"),
    [
        ("", CLOUD, "Say at which address"),
        ("ftp://bot.acme.test", CLOUD, "is no address"),
        ("https://bot.acme.test/?x=1", CLOUD, "is no address"),
        ("https://u:p@bot.acme.test", CLOUD, "is no address"),
        ("https://bot.acme.test:port", CLOUD, "is no address"),
        ("http://bot.acme.test", CLOUD, "not encrypted"),
        ("https://localhost:8000", CLOUD, "cannot reach localhost"),
        ("https://10.0.0.7", CLOUD, "cannot reach 10.0.0.7"),
        ("https://bot", CLOUD, "cannot reach bot"),
        ("https://127.0.0.1", SERVER, "cannot reach 127.0.0.1"),
    ],
)
def test_an_address_that_github_could_not_reach_is_refused_before_it_is_asked(
    given: str, host: object, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        public_address(given, host)  # type: ignore[arg-type]


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return real(one, other)

    monkeypatch.setattr("webhooks.setup.visits.hmac.compare_digest", compare)
    visits = Visits("t0ken", lambda: 0.0)
    assert (
        visits.sign_in("wrong") is None
        and visits.sign_in("é\ud800".encode("utf-8", "replace").decode()) is None
    )
    visit = visits.sign_in(" t0ken\n")
    assert visit is not None and visits.known(visit.id) is visit and len(compared) == 3


def test_the_token_lets_in_one_browser_and_none_once_an_app_is_registered() -> None:
    visits = Visits("t0ken", lambda: 0.0)
    visit = visits.sign_in("t0ken")
    assert visit is not None and visits.known(visit.id) is visit
    assert visits.sign_in("t0ken") is None and visits.sign_in("") is None
    unused = Visits("t0ken", lambda: 0.0)
    unused.use_up_token()
    assert unused.sign_in("t0ken") is None and unused.sign_in("") is None


def test_what_a_visit_began_it_alone_finishes_once_and_within_the_hour() -> None:
    now = [0.0]
    visits = Visits("t", lambda: now[0])
    one, other = visits.new(), visits.new()
    states = [visits.begin(one, CLOUD) for _ in range(3)]
    assert visits.finish(other, states[0]) is None and visits.finish(one, "made up") is None
    assert visits.finish(one, states[0]) is CLOUD and visits.finish(one, states[0]) is None
    now[0] = STATE_LIFE_S - 1
    assert visits.finish(one, states[1]) is CLOUD
    now[0] = STATE_LIFE_S
    assert visits.finish(one, states[2]) is None


def test_visits_are_bounded_and_show_no_secret() -> None:
    visits = Visits("t", lambda: 0.0)
    first = visits.new()
    for _ in range(MOST_VISITS):
        newest = visits.new()
    assert visits.known(first.id) is None and visits.known(newest.id) is newest
    state = visits.begin(newest, CLOUD)
    assert state not in repr(newest)
