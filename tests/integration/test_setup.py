"""A real App from the browser: registered on a strict GitHub, kept for its owner only, and it answers."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from bot import app_store
from bot.app_store import RegisteredApp
from bot.github import GitHub
from bot.hosts import host_of
from bot.ports import free_port
from bot.settings import Settings
from storage.redaction import redact
from tests.chromium import chromium
from tests.integration.playground_fixture import Playground, playground_at, receiving
from tests.integration.test_accessibility import ask
from tests.integration.test_rights import said
from webhooks.delivery import verify
from webhooks.drills.world import served
from webhooks.playground import people
from webhooks.setup.app import COOKIE, Setup, create_app, new_token

TOKEN = "one-time-t0ken"
WAIT_MS = 60_000
PUBLIC = "http://127.0.0.1:9999"


@dataclass
class World:
    """A playground as GitHub, and a setup: by its local port, and by the port that a proxy forwards."""

    github: Playground
    home: Path
    local: str
    proxied: str
    stored: list[RegisteredApp]
    now: Callable[[float], None]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    local, proxied = free_port(), free_port()
    stored: list[RegisteredApp] = []
    late = [0.0]

    def clock() -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=late[0])

    def pass_time(seconds: float) -> None:
        late[0] += seconds

    with receiving() as sink, playground_at(tmp_path / "github", sink.url, clock=clock) as github:
        setup = Setup(
            tmp_path / "home",
            host_of(github.base_url),
            token=TOKEN,
            local_port=local,
            on_stored=stored.append,
            clock=lambda: time.monotonic() + late[0],
        )
        app = create_app(setup)
        with served(app, local), served(app, proxied):
            made = (f"http://127.0.0.1:{port}" for port in (local, proxied))
            yield World(github, tmp_path / "home", *made, stored, pass_time)


@pytest.fixture
def visitor() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, follow_redirects=False) as client:
        yield client


def hidden(page: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}


def go(world: World, visitor: httpx.Client, at: str = "", **form: str) -> tuple[str, dict[str, Any]]:
    """Press the first button: the address of GitHub's page, and the manifest."""
    at = at or world.local
    said = visitor.post(f"{at}/setup", data={"public_url": PUBLIC, **form}, headers={"origin": at})
    assert said.status_code == 200, said.text
    [url] = re.findall(r'<form method="post" action="([^"]+)"', said.text)
    return unescape(url), json.loads(hidden(said.text)["manifest"])


def create(visitor: httpx.Client, url: str, manifest: dict[str, Any], name: str = "Thumbprint Acme") -> str:
    """Press GitHub's button: where it sends the browser."""
    page = visitor.post(url, data={"manifest": json.dumps(manifest)}, headers={"origin": "http://127.0.0.1"})
    assert page.status_code == 200, page.text
    web = url.split("/settings")[0].split("/organizations")[0]
    form = {**hidden(page.text), "name": name}
    return visitor.post(f"{web}/settings/apps/created", data=form).headers["location"]


def back(world: World, visitor: httpx.Client, **form: str) -> str:
    visitor.get(f"{world.local}/setup")
    return create(visitor, *go(world, visitor, **form))


# ---------------------------------------------------------------- the whole way


def test_from_one_click_to_an_answer_as_the_new_app(world: World, visitor: httpx.Client) -> None:
    assert visitor.get(back(world, visitor)).headers["location"] == "/setup"
    [app] = world.stored
    assert app.slug == "thumbprint-acme" and app_store.is_stored(world.home)
    last = visitor.get(f"{world.local}/setup").text
    assert f'href="{app.install_url}"' in last and app.webhook_secret not in last
    visitor.post(app.install_url)
    values = app_store.read(world.home)
    assert values is not None
    settings = Settings(_env_file=None, home=world.home, **values)
    github, here = GitHub(settings), world.github.repository()
    client = github.client(world.github.credentials.installation_id, here.id)
    assert client.create_comment(here.full_name, 1, said("hello")).author.login == "thumbprint-acme[bot]"
    github.close()


def test_what_the_installed_app_hears_of_is_signed_with_the_kept_secret(
    world: World, visitor: httpx.Client
) -> None:
    with receiving() as sink:
        visitor.get(back(world, visitor, public_url=sink.url))
        visitor.post(world.stored[0].install_url)
        world.github.say(people.CONTRIBUTOR, 1, "/ask How?")
        [delivery] = sink.wait(1)
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    values = app_store.read(world.home)
    assert values is not None
    known = verify(headers, delivery.body, (values["webhook_secret"], ""), datetime.now(UTC))
    assert known.event == "issue_comment"


def test_an_organisations_app_is_registered_on_its_page(world: World, visitor: httpx.Client) -> None:
    visitor.get(f"{world.local}/setup")
    url, manifest = go(world, visitor, organisation=people.OWNER)
    assert url.startswith(f"{world.github.base_url}/organizations/paperboat/settings/apps/new?state=")
    assert visitor.get(create(visitor, url, manifest)).status_code == 303 and world.stored


def test_an_enterprise_server_may_be_named(world: World, visitor: httpx.Client) -> None:
    visitor.get(f"{world.local}/setup")
    form = {"public_url": "http://10.1.2.3", "github": "git.acme.test", "organisation": "acme"}
    said = visitor.post(f"{world.local}/setup", data=form, headers={"origin": world.local})
    assert 'action="https://git.acme.test/organizations/acme/settings/apps/new?state=' in said.text
    assert "form-action 'self' https://git.acme.test" in said.headers["content-security-policy"]


# ---------------------------------------------------------------- who may


def test_by_the_proxied_port_nobody_gets_in_without_the_token(world: World, visitor: httpx.Client) -> None:
    for path, method in (("/setup", "GET"), ("/setup", "POST"), ("/setup/created?code=x&state=y", "GET")):
        said = visitor.request(method, f"{world.proxied}{path}", data={"public_url": PUBLIC})
        assert said.status_code == 401 and "manifest" not in said.text and COOKIE not in visitor.cookies
    wrong = visitor.post(f"{world.proxied}/setup/token", data={"token": "guess"})
    assert wrong.status_code == 403 and "not the token" in wrong.text


def test_no_link_of_the_setup_pages_leads_nowhere(world: World, visitor: httpx.Client) -> None:
    """The pages behind them are the receiver's, which does not run yet."""
    for at in (world.proxied, world.local):
        links = set(re.findall(r'href="(/[^"]*)"', visitor.get(f"{at}/setup").text))
        assert {one for one in links if visitor.get(f"{at}{one}").status_code == 404} == set() != links


@pytest.mark.parametrize(
    "headers", [{"x-forwarded-for": "9.9.9.9"}, {"host": "evil.test"}, {"forwarded": "for=9.9.9.9"}]
)
def test_the_local_port_is_for_this_machine_only(
    world: World, visitor: httpx.Client, headers: dict[str, str]
) -> None:
    assert visitor.get(f"{world.local}/setup", headers=headers).status_code == 401


def test_a_browser_elsewhere_sets_up_with_the_token_which_is_then_used_up(
    world: World, visitor: httpx.Client
) -> None:
    token = {"token": TOKEN}
    said = visitor.post(f"{world.proxied}/setup/token", data=token, headers={"origin": world.proxied})
    assert (said.status_code, said.headers["location"]) == (303, "/setup")
    cookie = said.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/setup" in cookie
    with httpx.Client(trust_env=False) as late:
        again = late.post(f"{world.proxied}/setup/token", data=token)
        assert again.status_code == 403 and "a browser used it already" in again.text
    url, manifest = go(world, visitor, at=world.proxied)
    assert manifest["redirect_url"] == f"{world.proxied}/setup/created"
    assert visitor.get(create(visitor, url, manifest)).status_code == 303 and world.stored
    with httpx.Client(trust_env=False) as other:
        assert other.post(f"{world.proxied}/setup/token", data=token).status_code == 403
        assert other.get(f"{world.local}/setup").status_code == 404


def test_behind_tls_the_cookie_is_secure_and_the_way_back_is_the_browsers(
    world: World, visitor: httpx.Client
) -> None:
    headers = {"origin": "https://bot.acme.test", "sec-fetch-site": "same-origin"}
    said = visitor.post(f"{world.proxied}/setup/token", data={"token": TOKEN}, headers=headers)
    assert "secure" in said.headers["set-cookie"].lower()
    cookie = {"cookie": said.headers["set-cookie"].partition(";")[0]}
    page = visitor.get(f"{world.proxied}/setup", headers=cookie)
    assert 'value="https://bot.acme.test"' in page.text
    form = {"public_url": "https://bot.acme.test"}
    gone = visitor.post(f"{world.proxied}/setup", data=form, headers={**headers, **cookie})
    assert json.loads(hidden(gone.text)["manifest"])["redirect_url"] == "https://bot.acme.test/setup/created"


@pytest.mark.parametrize("path", ["/setup", "/setup/token", "/setup/again"])
def test_another_sites_page_can_begin_nothing(world: World, visitor: httpx.Client, path: str) -> None:
    visitor.get(f"{world.local}/setup")
    for headers in ({"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}):
        data = {"public_url": PUBLIC, "token": TOKEN}
        said = visitor.post(f"{world.local}{path}", data=data, headers=headers)
        assert "manifest" not in said.text and "set-cookie" not in (said.headers if "token" in path else {})
    assert not world.stored


def test_a_strangers_code_and_a_state_twice_or_too_late_are_refused(
    world: World, visitor: httpx.Client
) -> None:
    location = back(world, visitor)
    code = httpx.URL(location).params["code"]
    with httpx.Client(trust_env=False) as other:
        other.get(f"{world.local}/setup")
        assert other.get(location).status_code == 400
    for query in (f"?code={code}", f"?code={code}&state=made-up", "?state=x"):
        assert visitor.get(f"{world.local}/setup/created{query}").status_code == 400
    world.now(3601)
    said = visitor.get(location)
    assert said.status_code == 400 and "within the last hour" in said.text and not world.stored


def test_pages_tell_other_sites_their_origin_at_most_and_logs_nothing_secret(
    world: World, visitor: httpx.Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    location = back(world, visitor)
    assert visitor.get(f"{world.local}/setup").headers["referrer-policy"] == "strict-origin"
    visitor.get(location)
    [app] = world.stored
    said = caplog.text.replace(f"{location} ", "") + "".join(capfd.readouterr())
    own = "\n".join(
        line for line in said.splitlines() if "HTTP Request" not in line and "send_request" not in line
    )
    for secret in (TOKEN, app.webhook_secret, app.private_key[40:80]):
        assert secret not in own


# ---------------------------------------------------------------- when it fails


def test_an_expired_or_used_code_is_said_with_what_to_do(world: World, visitor: httpx.Client) -> None:
    location = back(world, visitor)
    code = httpx.URL(location).params["code"]
    used = httpx.post(f"{world.github.api_url}/app-manifests/{code}/conversions", trust_env=False)
    assert used.status_code == 201 and used.json()["pem"].startswith("-----BEGIN RSA PRIVATE KEY")
    said = visitor.get(location)
    assert said.status_code == 502 and "good once and for one hour" in unescape(said.text).replace("\n", " ")
    assert "/settings/apps" in said.text and not world.stored and not app_store.is_stored(world.home)
    assert visitor.get(back_again(world, visitor)).status_code == 303 and world.stored


def back_again(world: World, visitor: httpx.Client) -> str:
    return create(visitor, *go(world, visitor), name="Thumbprint Again")


def test_github_away_or_a_full_disk_loses_nothing(
    world: World, visitor: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = back(world, visitor)
    world.github.state.misbehaviour.add(_rule(kind="error", path="/app-manifests/*", status=502))
    said = visitor.get(location)
    assert said.status_code == 503 and "/setup/again" in said.text

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as during:
        during.setattr(os, "fsync", full)
        said = visitor.post(f"{world.local}/setup/again", headers={"origin": world.local})
        assert said.status_code == 503 and "No space left" in said.text and not world.stored
    assert visitor.post(f"{world.local}/setup/again", headers={"origin": world.local}).status_code == 303
    assert world.stored and app_store.is_stored(world.home)


def _rule(**values: Any) -> Any:
    from webhooks.playground.misbehave import Rule

    return Rule.model_validate(values)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"public_url": ""}, "Say at which address"),
        ({"github": "http://git.acme.test"}, "not encrypted"),
        ({"github": "http://127.0.0.1:1"}, "is this machine"),
    ],
)
def test_a_wrong_field_is_said_and_the_rest_is_kept(
    world: World, visitor: httpx.Client, form: dict[str, str], why: str
) -> None:
    visitor.get(f"{world.local}/setup")
    data = {"public_url": PUBLIC, "organisation": "acme", **form}
    said = visitor.post(f"{world.local}/setup", data=data, headers={"origin": world.local})
    assert said.status_code == 422 and why in unescape(said.text) and 'value="acme"' in said.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hook_attributes": {"active": False}}, '"url" wasn\'t supplied.'),
        ({"url": None}, "is not a URL"),
        ({"webhook_secret": "x"}, '"webhook_secret" is not a permitted key.'),
        ({"default_permissions": {"metadata": "read"}}, "default events unsupported"),
        ({"default_permissions": {"everything": "write"}}, "is not supported"),
    ],
)
def test_the_playground_refuses_a_manifest_as_github_does(
    world: World, visitor: httpx.Client, change: dict[str, Any], message: str
) -> None:
    visitor.get(f"{world.local}/setup")
    url, manifest = go(world, visitor)
    said = visitor.post(url, data={"manifest": json.dumps(manifest | change)})
    assert said.status_code == 422 and message in unescape(said.text)


# ---------------------------------------------------------------- the verbs and the browser


@pytest.mark.slow
def test_the_verb_registers_prints_where_and_ends(tmp_path: Path) -> None:
    with receiving() as sink, playground_at(tmp_path / "github", sink.url) as github:
        home = tmp_path / "home"
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("THUMBPRINT_")},
            "THUMBPRINT_ENV_FILE": "",
            "THUMBPRINT_HOME": str(home),
            "THUMBPRINT_PORT": str(free_port()),
            "THUMBPRINT_GITHUB_URL": github.base_url,
            "THUMBPRINT_LOG_LEVEL": "debug",
        }
        command = [sys.executable, "-m", "bot", "setup", "--only", f"--public-url={PUBLIC}"]
        verb = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        assert verb.stderr is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(verb.stderr or ()))
        reader.start()
        until = time.monotonic() + 120
        while not any("Ctrl-C" in line for line in lines) and time.monotonic() < until:
            time.sleep(0.1)
        [local] = re.findall(r"Open (http://127\.0\.0\.1:\d+)/setup", "".join(lines))
        with httpx.Client(trust_env=False, transport=httpx.HTTPTransport(retries=20)) as visitor:
            page = visitor.get(f"{local}/setup").text
            assert f'value="{PUBLIC}"' in page
            made = World(github, home, local, "", [], lambda seconds: None)
            location = create(visitor, *go(made, visitor))
            assert "is registered" in visitor.get(location, follow_redirects=True).text
        assert verb.wait(60) == 0
        reader.join(10)
        verb.stderr.close()
        said = "".join(lines)
        assert "thumbprint-acme is registered" in said and "/installations/new" in said
        assert httpx.URL(location).params["code"] not in said
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 1 and "configured already (registered, in" in ended.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_a_person_clicks_it_through(
    world: World, browser: Browser, scheme: Any, width: int, tmp_path: Path
) -> None:
    pictures = Path(os.environ.get("SETUP_IMAGES", tmp_path))
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    context.set_default_timeout(WAIT_MS)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)

    def look(name: str) -> None:
        page.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)
        found = ask(page, "weakText")
        assert found["seen"] > 4 and found["weak"] == [], name
        wide = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        assert page.evaluate(wide) == 0, name

    page.goto(f"{world.proxied}/setup")
    complaints.clear()  # the browser says 401 aloud
    look("sign-in")
    page.get_by_label("One-time token").fill(TOKEN)
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("For an organisation").click()
    look("setup")
    page.get_by_label("Where does GitHub reach this machine?").fill(PUBLIC)
    page.get_by_role("button", name="Register on GitHub").click()
    expect(page.get_by_role("heading", name="Create GitHub App from manifest")).to_be_visible(timeout=WAIT_MS)
    assert page.url.startswith(world.github.base_url)
    page.get_by_label("GitHub App name").fill("Thumbprint Acme")
    look("github")
    page.get_by_role("button", name="Create GitHub App for ada-brandt").click()
    expect(page.get_by_role("heading", name="thumbprint-acme is registered")).to_be_visible(timeout=WAIT_MS)
    assert page.url == f"{world.proxied}/setup"
    look("registered")
    page.get_by_role("link", name="Install it").click()
    page.get_by_role("button", name="Install").click()
    expect(page.get_by_role("heading", name="Repositories")).to_be_visible(timeout=WAIT_MS)
    assert world.github.credentials.slug == "thumbprint-acme" and complaints == []
    context.close()


def test_the_one_time_token_is_in_no_log() -> None:
    token = new_token()
    assert token not in redact(f"GET /setup?token={token} refused")
