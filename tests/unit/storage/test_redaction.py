"""No secret is left in a log line, a stored failure or an error's sentence: forty of them are planted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import logging
import random
import string
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog

from bot import logs, runner
from bot.queue import Queue
from bot.retry import Failure
from bot.settings import Settings, read_settings
from storage import errors, redaction
from storage.database import Database, UnitOfWork
from storage.redaction import CUT, hide, redact, redact_said
from tests.unit.webhooks.test_route import payload
from webhooks.receiver import Receiver

_DICE = random.Random(3)


def sign(count: int, of: str = string.ascii_letters + string.digits) -> str:
    return "".join(_DICE.choice(of) for _ in range(count - 2)) + "a7"


HEX, UPPER = "0123456789abcdef", string.ascii_uppercase + string.digits
JWT = ".".join(
    base64.urlsafe_b64encode(one).decode().rstrip("=")
    for one in (b'{"alg":"HS256"}', b'{"sub":"1"}', b"s" * 32)
)
PEM = "\n".join(
    ["-----BEGIN RSA " + "PRIVATE KEY-----", *(sign(64) for _ in range(6)), "-----END RSA PRIVATE KEY-----"]
)
PLANTED = {
    **{f"github {kind}": f"gh{kind}_{sign(36)}" for kind in "pousr"},
    "github fine-grained": f"github_pat_{sign(22)}_{sign(59)}",
    "github installation, old": f"v1.{sign(38, HEX)}00",
    "gitlab": f"glpat-{sign(20)}",
    "gitlab deploy": f"gldt-{sign(20)}",
    "aws key": f"AKIA{_DICE.choice('AB') * 15}Q",
    "aws session": f"ASIA{_DICE.choice('CD') * 15}Q",
    "aws secret": f"aws_secret_access_key={sign(40)}",
    "google key": f"AIza{sign(35)}",
    "google token": f"ya29.{sign(60)}",
    "google client": f"GOCSPX-{sign(28)}",
    "slack bot": f"xoxb-{sign(11, string.digits)}-{sign(24)}",
    "slack user": f"xoxp-{sign(40)}",
    "slack app": f"xapp-1-{sign(30)}",
    "slack hook": f"https://hooks.slack.com/services/T{sign(8)}/B{sign(8)}/{sign(24)}",
    "discord hook": f"https://discord.test/api/webhooks/123456/{sign(60)}",
    "stripe": f"sk_live_{sign(24)}",
    "stripe restricted": f"rk_live_{sign(24)}",
    "stripe hook": f"whsec_{sign(32)}",
    "openai": f"sk-proj-{sign(48)}",
    "anthropic": f"sk-ant-{sign(60)}",
    "hugging face": f"hf_{sign(34)}",
    "npm": f"npm_{sign(36)}",
    "pypi": f"pypi-AgEI{sign(70)}",
    "docker": f"dckr_pat_{sign(27)}",
    "sendgrid": f"SG.{sign(22)}.{sign(43)}",
    "mailgun": f"key-{'0f' * 16}",
    "mailchimp": f"{'0f' * 16}-us12",
    "telegram": f"123456789:AA{sign(33)}",
    "shopify": f"shpat_{'0f' * 16}",
    "digitalocean": f"dop_v1_{'0f' * 32}",
    "square": f"sq0atp-{sign(22)}",
    "atlassian": f"ATATT{sign(60)}",
    "linear": f"lin_api_{sign(40)}",
    "notion": f"ntn_{sign(44)}",
    "databricks": f"dapi{'0f' * 16}",
    "vault": f"hvs.{sign(90)}",
    "grafana": f"glsa_{sign(32)}_{'0f' * 4}",
    "new relic": f"NRAK-{sign(27, UPPER)}A7Q",
    "sentry": f"sntrys_{sign(60)}",
    "planetscale": f"pscale_tkn_{sign(40)}",
    "supabase": f"sbp_{'0f' * 20}",
    "figma": f"figd_{sign(40)}",
    "age": f"AGE-SECRET-KEY-1{'QPZRY9X8' * 7}",
    "azure storage": f"AccountKey={sign(86)}==",
    "azure sas": f"https://x.blob.test/c?sv=1&sig={sign(43)}",
    "jwt": JWT,
    "pem": PEM,
    "url": f"postgresql://op:{sign(16)}@db.test/thumbprint",
    "bearer": f"Authorization: Bearer {sign(30)}",
    "basic": f"authorization: Basic {base64.b64encode(b'op:hunter22222').decode()}",
    "password": f"password={sign(14)}",
    "yaml": f"api_key: {sign(20)}",
}
LIVE = {
    "webhook_secret": 'It\'s a "live" webhook secret, ünïcode',
    "webhook_secret_old": "former-hook-value",
    "pages_token": "pages/token+value",
    "model_key": "modelkeyvalue",
    "encoder_key": "encoderkeyvalue",
}
PASSWORD = "p%40ss/w0rd"


def bare(secret: str) -> list[str]:
    """Pieces of a planted secret that are secret themselves, whatever a line does to it."""
    value = secret.split("=", 1)[-1] if secret.startswith(("aws", "password", "Account")) else secret
    value = value.rsplit("sig=", 1)[-1].split(": ")[-1].removeprefix("Bearer ").removeprefix("Basic ")
    if "://op:" in value:
        value = value.split(":")[2].split("@")[0]
    return [line for line in value.splitlines() if "-----" not in line]


@pytest.fixture(autouse=True)
def nothing_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_live", {})


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where the real logs go, as `serve` and `work` configure them; pytest's own afterwards."""
    said = io.StringIO()
    kept, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", said)
    logs.configure("debug")
    yield said
    root.handlers[:], root.level = handlers, level
    structlog.configure(**kept)


def test_more_than_forty_kinds_are_planted() -> None:
    assert len(PLANTED) > 40


@pytest.mark.parametrize("kind", PLANTED)
def test_each_is_cut_out_wherever_it_stands(kind: str) -> None:
    secret = PLANTED[kind]
    for text in (
        secret,
        f"failed with {secret}, sorry",
        json.dumps({"a": secret}),
        repr(secret),
        f"({secret})",
    ):
        for said in (redact(text), redact_said(text)):
            assert CUT in said and not any(piece in said for piece in bare(secret)), said


class Dying:
    """Its end fails, where nobody can catch it."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __del__(self) -> None:
        raise ValueError(f"cannot close {self.secret}")


@pytest.mark.parametrize("kind", PLANTED)
def test_no_log_line_and_no_traceback_holds_one(lines: io.StringIO, kind: str) -> None:
    secret = PLANTED[kind]
    log = structlog.get_logger()
    log.info("asked", reason=secret, nested={"deep": [secret]})
    logging.getLogger("dbos").warning("failed: %s", secret)
    try:
        held = secret
        raise ValueError(f"cannot use {held}")
    except ValueError:
        log.exception("step_failed")
        sys.excepthook(*sys.exc_info())
    Dying(secret)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"do not use {secret}", stacklevel=1)
    said = lines.getvalue()
    assert said.count(CUT) >= 4 and "step_failed" in said and "ended_by_error" in said
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert events[-2:] == ["error_lost", "python_warned"] and len(events) == 6
    assert not any(piece in said for piece in bare(secret)), said


@pytest.mark.parametrize("kind", PLANTED)
def test_no_sentence_of_ours_and_no_stored_failure_holds_one(kind: str) -> None:
    kinds = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.ThumbprintError)
    ]
    assert len(kinds) > 12
    for one in kinds:
        extra = {"status": 400} if one is errors.BadDelivery else {}
        error = one(f"failed with {PLANTED[kind]}", **extra)
        stored = Failure.of(error, "compose")
        for said in (str(error), repr(error), stored.message, str(stored.error()), str(error.args)):
            assert CUT in said and not any(piece in said for piece in bare(PLANTED[kind])), said


def test_every_live_value_of_the_settings_is_hidden_in_each_spelling(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THUMBPRINT_ENV_FILE", "")
    for name, value in LIVE.items():
        monkeypatch.setenv(f"THUMBPRINT_{name.upper()}", value)
    monkeypatch.setenv("THUMBPRINT_DATABASE_URL", f"postgresql://op:{PASSWORD.replace('/', '%2F')}@db.test/t")
    settings = read_settings()
    secret = [name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)]
    assert sorted(secret) == sorted(LIVE), "a new secret setting is planted here too"
    for value in (*LIVE.values(), "p@ss/w0rd"):
        spelled = (
            value,
            json.dumps(value),
            repr(value),
            quote(value, safe=""),
            base64.b64encode(value.encode()).decode(),
        )
        for text in spelled:
            structlog.get_logger().info("asked", reason=text)
            assert value not in str(errors.GitHubRefused(text)) and text.strip("\"'=") not in redact(text)
            assert text.strip("\"'=") not in redact_said(text)
    structlog.get_logger().error("settings", all=repr(settings))
    said = lines.getvalue()
    assert not any(value in said or json.dumps(value)[1:-1] in said for value in (*LIVE.values(), "w0rd"))


def test_secrets_of_the_environment_that_are_no_settings_are_hidden_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THUMBPRINT_ENV_FILE", "")
    monkeypatch.setenv("PGPASSWORD", "quiet-otter-of-the-north")
    monkeypatch.setenv("https_proxy", "http://op:slow%20heron%20by%20the%20lake@proxy.test:3128")
    monkeypatch.setenv("ALL_PROXY", "no address [")
    read_settings()
    for value in ("quiet-otter-of-the-north", "slow%20heron%20by%20the%20lake", "slow heron by the lake"):
        assert redact(f"failed with {value}") == f"failed with {CUT}"


def test_a_wrong_setting_is_told_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THUMBPRINT_ENV_FILE", "")
    monkeypatch.setenv("THUMBPRINT_PORT", "hunter2hunter2")
    with pytest.raises(ValueError, match="port") as raised:
        read_settings()
    assert "hunter2" not in str(raised.value)


def test_the_private_key_is_hidden_line_by_line(tmp_path: Path) -> None:
    hide([PEM])
    assert all(redact(f"read {line}") == f"read {CUT}" for line in PEM.splitlines() if "-----" not in line)


@pytest.mark.parametrize(
    "text",
    [
        "answer_posted repo=9 thread=9/7 answer=a_0123456789abcdef comment=123456789",
        "prompt_tokens=123456 tokens=160 token: none, the secret is missing: set THUMBPRINT_WEBHOOK_SECRET",
        "the database sqlite:///var/thumbprint.db is busy or restarting: try again in a moment",
        "https://github.com/o/r/blob/0123456789abcdef0123456789abcdef01234567/x.py#L1",
        "GitHub refused /repos/o/r/issues/7/comments with 403",
    ],
)
def test_what_is_no_secret_is_left(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("kind", ["github s", "jwt", "pem", "url"])
def test_what_the_queue_writes_down_of_a_failed_step_holds_none(lines: io.StringIO, kind: str) -> None:
    def fail(error: Exception) -> None:
        raise error

    secret = PLANTED[kind]
    for error in (errors.GitHubUnavailable(secret), ValueError(secret), KeyError(secret), OSError(secret)):
        failure = runner._carry_out("compose", lambda error=error: fail(error))
        assert failure is not None and not any(piece in str(failure) for piece in bare(secret))
    assert not any(piece in lines.getvalue() for piece in bare(secret))


def test_what_the_receiver_answers_holds_none(tmp_path: Path) -> None:
    class Broken(Database):
        def unit(self, read_only: bool = False) -> UnitOfWork:
            raise errors.DatabaseBusy(PLANTED["url"])

    settings = Settings(_env_file=None, webhook_secret="It's a Secret to Everybody")
    database = Broken(f"sqlite:///{tmp_path / 'x.db'}")
    body = json.dumps(payload()).encode()
    signed = hmac.new(b"It's a Secret to Everybody", body, hashlib.sha256).hexdigest()
    headers = {
        "x-github-event": "issue_comment",
        "x-github-delivery": "11111111-1111-1111-1111-111111111111",
        "x-hub-signature-256": f"sha256={signed}",
        "content-type": "application/json",
    }
    outcome = Receiver(settings, database, Queue(database)).handle(headers, body)
    assert outcome.status == 503 and CUT in outcome.detail
    assert not any(piece in str(outcome) for piece in bare(PLANTED["url"]))
