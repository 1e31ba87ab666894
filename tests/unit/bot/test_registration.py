"""What GitHub hands out once, as an App is registered, is seen nowhere from then on."""

from __future__ import annotations

import httpx
import pytest

from bot.hosts import host_of
from bot.registration import _app
from storage import redaction
from storage.errors import GitHubRefused
from storage.redaction import CUT, redact

PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{'Ab1+' * 16}\n-----END RSA PRIVATE KEY-----\n"
SAID = {
    "id": 7,
    "slug": "thumbprint",
    "html_url": "https://github.com/apps/thumbprint",
    "pem": PEM,
    "webhook_secret": "plain-word-hook",
    "client_secret": "plain-word-client",
}


@pytest.mark.parametrize("webhook_secret", ["plain-word-hook", None])
def test_key_and_secrets_of_a_new_app_are_hidden_before_anything_is_done_with_them(
    monkeypatch: pytest.MonkeyPatch, webhook_secret: str | None
) -> None:
    monkeypatch.setattr(redaction, "_live", {})
    said = httpx.Response(201, json={**SAID, "webhook_secret": webhook_secret})
    host = host_of("https://api.github.com")
    if webhook_secret:
        assert _app(said, host).webhook_secret == webhook_secret
        assert redact(f"kept {webhook_secret}") == f"kept {CUT}"
    else:
        with pytest.raises(GitHubRefused, match="without a webhook"):
            _app(said, host)
    assert redact("plain-word-client") == CUT and redact("Ab1+" * 16) == CUT
