"""A delivery is trusted for its signature alone; everything else is refused with one clear status."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import BadDelivery, ConfigurationError
from webhooks.delivery import DEEPEST, ROTATION, Secrets, check_signature, parse, verify

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SECRET = "It's a Secret to Everybody"
GITHUBS = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def signed(body: bytes, secret: str = SECRET, **headers: str) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "x-hub-signature-256": f"sha256={digest}",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-github-event": "issues",
        **headers,
    }


def test_githubs_own_vector_is_accepted() -> None:
    check_signature(GITHUBS, b"Hello, World!", [SECRET])


def test_a_signed_delivery_is_read() -> None:
    body = json.dumps({"action": "opened"}).encode()
    delivery = verify(signed(body), body, [SECRET], NOW)
    assert (delivery.event, delivery.action, delivery.body) == ("issues", "opened", body)
    assert delivery.guid == "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def test_the_former_secret_is_accepted_while_it_is_rotated() -> None:
    body = b"{}"
    verify(signed(body, "old"), body, ["new", "old"], NOW)
    with pytest.raises(BadDelivery) as caught:
        verify(signed(body, "older"), body, ["new", "old"], NOW)
    assert caught.value.status == 401


def test_the_former_secret_holds_until_its_end_and_not_a_moment_longer() -> None:
    until = NOW + timedelta(hours=1)
    secrets = Secrets(current="new", former="old", former_until=until)
    secrets.check(NOW)
    assert secrets.at(until - timedelta(microseconds=1)) == ("new", "old")
    assert secrets.at(until) == ("new",)
    assert "old" not in repr(secrets) and "new" not in repr(secrets)


def test_a_rotation_that_is_over_stops_nothing() -> None:
    secrets = Secrets(current="new", former="old", former_until=NOW - timedelta(days=400))
    secrets.check(NOW)
    assert secrets.at(NOW) == ("new",)


@pytest.mark.parametrize("until", [None, NOW + ROTATION + timedelta(seconds=1)])
def test_a_rotation_without_a_near_end_does_not_start(until: datetime | None) -> None:
    with pytest.raises(
        ConfigurationError, match="THUMBPRINT_WEBHOOK_SECRET_OLD_UNTIL to a time within 7 days"
    ):
        Secrets(current="new", former="old", former_until=until).check(NOW)
    Secrets(current="new", former_until=until).check(NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_nothing_is_trusted(secrets: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="THUMBPRINT_WEBHOOK_SECRET"):
        verify(signed(b"{}", ""), b"{}", secrets, NOW)


def test_a_signature_is_compared_in_constant_time_with_each_secrets_whichever_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return real(one, other)

    monkeypatch.setattr("webhooks.delivery.hmac.compare_digest", compare)
    for secret in ("new", "old"):
        check_signature(signed(b"{}", secret)["x-hub-signature-256"], b"{}", ["new", "old"])
    with pytest.raises(BadDelivery):
        check_signature(GITHUBS, b"{}", ["new", "old"])
    both = [
        signed(b"{}", one)["x-hub-signature-256"].removeprefix("sha256=").encode() for one in ("new", "old")
    ]
    assert compared == both * 3


def test_an_empty_former_secret_opens_no_door() -> None:
    with pytest.raises(BadDelivery):
        verify(signed(b"{}", ""), b"{}", [SECRET, ""], NOW)


HEX = GITHUBS.removeprefix("sha256=")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        HEX,
        f"sha1={HEX}",
        f"sha256={HEX.upper()}",
        f"sha256={HEX}0",
        f"sha256={HEX[:-1]}",
        f"sha256={HEX}\n",
        f" sha256={HEX}",
        f"sha256={HEX},sha256={HEX}",
        "sha256=" + "é" * 64,
        "sha256=" + "٣" * 64,
        "sha256=" + "0" * 64,
    ],
)
def test_a_malformed_or_wrong_signature_is_unauthorised(header: str | None) -> None:
    with pytest.raises(BadDelivery) as caught:
        check_signature(header, b"Hello, World!", [SECRET])
    assert caught.value.status == 401


@given(body=st.binary(max_size=200), at=st.integers(0, 199), to=st.integers(1, 255))
def test_one_changed_byte_breaks_the_signature(body: bytes, at: int, to: int) -> None:
    if not body:
        return
    headers = signed(body)
    changed = bytearray(body)
    changed[at % len(body)] ^= to
    with pytest.raises(BadDelivery):
        check_signature(headers["x-hub-signature-256"], bytes(changed), [SECRET])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe\x00",
        b"payload=%7B%7D",
        b"[" * 200_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_signed_body_that_is_no_json_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadDelivery) as caught:
        verify(signed(body), body, [SECRET], NOW)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"a": NaN}', "holds NaN"),
        (b'{"a": -Infinity}', "holds -Infinity"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number that is too long"),
        (b'{"a": ' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), "more than 200 levels deep"),
        (b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "more than 200 levels deep"),
    ],
)
def test_a_body_that_cannot_be_read_is_told_its_own_reason(body: bytes, reason: str) -> None:
    with pytest.raises(BadDelivery, match=reason) as caught:
        parse(body)
    assert caught.value.status == 400


def test_what_is_odd_but_json_is_read() -> None:
    assert parse(b'{"a": 1, "a": 2}') == {"a": 2}
    assert parse(b'{"a": "\\ud800\\u0000", "b": 1e999}') == {"a": "\ud800\x00", "b": float("inf")}
    assert parse(b'{"a": ' * DEEPEST + b"1" + b"}" * DEEPEST)


def test_events_with_digits_in_their_names_are_events() -> None:
    assert verify(signed(b"{}", **{"x-github-event": "projects_v2_item"}), b"{}", [SECRET], NOW).event


@pytest.mark.parametrize(
    "headers",
    [
        {"x-github-delivery": ""},
        {"x-github-delivery": "a b"},
        {"x-github-delivery": "x" * 101},
        {"x-github-event": ""},
        {"x-github-event": "issues\n"},
        {"x-github-event": "../etc"},
    ],
)
def test_a_delivery_without_a_name_is_a_bad_request(headers: dict[str, str]) -> None:
    with pytest.raises(BadDelivery) as caught:
        verify(signed(b"{}", **headers), b"{}", [SECRET], NOW)
    assert caught.value.status == 400


def test_the_signature_is_looked_at_before_the_body_is_read() -> None:
    with pytest.raises(BadDelivery) as caught:
        verify({**signed(b"{"), "x-hub-signature-256": GITHUBS}, b"{", [SECRET], NOW)
    assert caught.value.status == 401


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "x-hub-signature-256": st.text(max_size=80),
            "x-github-delivery": st.text(max_size=50),
            "x-github-event": st.text(max_size=50),
        },
    ),
    st.binary(max_size=100),
)
def test_whatever_comes_is_refused_and_never_an_error(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadDelivery):
        verify(headers, body, [SECRET], NOW)
