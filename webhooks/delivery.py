"""Headers and bytes become a verified Delivery, or a refusal with the HTTP status to answer with. Pure.

Ten lines of our own, because githubkit's verification takes SHA-1 and an empty secret, and raises TypeError
on a header that is not ASCII.
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries.
Left out: reading the body within its cap (`webhooks/bodies.py`), and what it means (`webhooks/route.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import from_json

from storage.errors import BadDelivery, ConfigurationError
from storage.records import Delivery

ROTATION = timedelta(days=7)
"""The longest that two secrets hold side by side: GitHub redelivers for 3 days, GHES for 7."""

DEEPEST = 200
"""Levels of a payload. GitHub's have less than ten; jobs read it again, in other places on the stack."""

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_GUID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_EVENT = re.compile(r"[a-z0-9_]{1,60}")


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What a delivery may be signed with: the current secret, and the former one until a moment."""

    current: str = field(repr=False)
    former: str = field(default="", repr=False)
    former_until: datetime | None = None

    def check(self, now: datetime) -> None:
        """Raises ConfigurationError without a current secret, or for a former one without a near end."""
        if not self.current:
            raise ConfigurationError(
                "no webhook secret is configured: set THUMBPRINT_WEBHOOK_SECRET to the one of the GitHub "
                "App, or register an App with `thumbprint setup`"
            )
        if self.former and (self.former_until is None or self.former_until - now > ROTATION):
            raise ConfigurationError(
                "THUMBPRINT_WEBHOOK_SECRET_OLD is accepted for a while only: set "
                f"THUMBPRINT_WEBHOOK_SECRET_OLD_UNTIL to a time within {ROTATION.days} days"
            )

    def at(self, now: datetime) -> tuple[str, ...]:
        """Those that hold at a moment, the current one first."""
        rotating = self.former and self.former_until is not None and now < self.former_until
        return (self.current, self.former) if rotating else (self.current,)


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    received_at: datetime,
    read: Container[str] | None = None,
) -> Delivery:
    """Check a webhook's signature, then its headers and, of the events to `read` (None: of all), its JSON.

    Header names are looked up in lower case. `secrets`: the current one and, while it is rotated, the former.
    Raises BadDelivery: 401 for a signature that is missing, malformed or wrong, 400 for a request that is
    signed but not GitHub's; ConfigurationError where no secret is given, for then nothing can be trusted.
    """
    secrets = [secret for secret in secrets if secret]
    if not secrets:
        raise ConfigurationError("no webhook secret is configured: set THUMBPRINT_WEBHOOK_SECRET")
    check_signature(headers.get("x-hub-signature-256"), body, secrets)
    guid = headers.get("x-github-delivery", "")
    event = headers.get("x-github-event", "")
    if not _GUID.fullmatch(guid) or not _EVENT.fullmatch(event):
        raise BadDelivery("X-GitHub-Delivery and X-GitHub-Event must name the delivery", status=400)
    payload = parse(body) if read is None or event in read else None
    action = payload.get("action") if payload else None
    return Delivery(
        guid=guid,
        event=event,
        action=action if isinstance(action, str) else "",
        body=body,
        received_at=received_at,
        payload=payload,
    )


def signature_in(header: str | None) -> str:
    """The hex digits in a signature's header, whatever they sign. Raises BadDelivery(401)."""
    if header is None:
        raise BadDelivery("the X-Hub-Signature-256 header is missing: set the webhook's secret", status=401)
    found = _SIGNATURE.fullmatch(header)
    if found is None:
        raise BadDelivery("the X-Hub-Signature-256 header is not sha256= and 64 hex digits", status=401)
    return found.group(1)


def check_signature(header: str | None, body: bytes, secrets: Sequence[str]) -> None:
    """Compare in constant time with what each secret gives. Raises BadDelivery(401)."""
    signature = signature_in(header).encode()
    expected = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    matches = [hmac.compare_digest(signature, one) for one in expected]  # all of them, whichever fits
    if not any(matches):
        raise BadDelivery("the signature does not fit: compare the webhook's secret with ours", status=401)


def parse(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Of a key that comes twice the last one counts. Raises BadDelivery(400).

    What the faster parser does not take (lone surrogates, a byte order mark, what is no JSON) the standard
    library's reads, or says why not. It takes no more than `DEEPEST` levels either, or one more.
    """
    try:
        payload = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        payload = _read(body)
    if not isinstance(payload, dict):
        raise BadDelivery("the body is not a JSON object", status=400)
    return payload


def _read(body: bytes) -> Any:
    try:
        payload = json.loads(body, parse_constant=_no_number)
    except RecursionError as error:
        raise BadDelivery(_TOO_DEEP, status=400) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadDelivery(
            "the body is not JSON: set the content type application/json", status=400
        ) from error
    except ValueError as error:  # an integer beyond the interpreter's limit
        raise BadDelivery("the body holds a number that is too long to be read", status=400) from error
    _check_depth(payload)
    return payload


_TOO_DEEP = f"the body is nested more than {DEEPEST} levels deep"


def _no_number(name: str) -> None:
    raise BadDelivery(f"the body holds {name}, which is no JSON number", status=400)


def _check_depth(payload: Any) -> None:
    level: list[Any] = [payload]
    for _ in range(DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for values in inner for one in values if isinstance(one, dict | list)]
        if not level:
            return
    raise BadDelivery(_TOO_DEEP, status=400)
