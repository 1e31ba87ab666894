"""What `deploy/` starts exists: verbs, settings, files; each process is told what it may know, no more."""

from __future__ import annotations

import re
import tomllib
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from bot.cli import app
from bot.environment import OF_THE_SETTINGS
from bot.jobs import GONE_S
from bot.run import STOP_S
from bot.settings import NEVER, PREFIX, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yml"
UNITS = sorted((DEPLOY / "systemd").iterdir())
OURS = ("serve", "work")


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def verbs() -> set[str]:
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def example() -> dict[str, str]:
    lines = (DEPLOY / "example.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(value: str) -> str:
    """As compose writes it, with the values of `example.env`."""
    return re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", lambda found: example()[found[1]], value)


def told(name: str) -> dict[str, str]:
    """The environment of one of our services."""
    return {key: filled(value) for key, value in services()[name]["environment"].items()}


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text())
    return parser


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_a_verb_with_settings_that_exist_and_that_it_may_know(name: str) -> None:
    assert services()[name]["command"] == [name]
    assert name in verbs()
    allowed = {f"{PREFIX}{setting.upper()}" for setting in OF_THE_SETTINGS[name]}
    assert set(services()[name]["environment"]) <= allowed


@pytest.mark.parametrize("name", OURS)
def test_what_a_service_is_told_are_settings_of_a_real_app_on_postgresql(name: str) -> None:
    values = {key.removeprefix(PREFIX).lower(): value for key, value in told(name).items()}
    settings = Settings(_env_file=None, **values)  # type: ignore[arg-type]
    assert settings.resolved_database_url.startswith("postgresql://") and not settings.plays


def test_every_value_that_the_compose_file_asks_for_stands_in_the_example_and_none_is_left_over() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert asked == set(example())


def test_the_model_that_the_workers_ask_is_the_service_and_the_name_that_it_serves() -> None:
    told_of = services()["work"]["environment"]
    served = services()["model"]["command"]
    assert told_of["THUMBPRINT_MODEL_URL"] == "http://model:8000/v1"
    assert served[served.index("--served-model-name") + 1] == told_of["THUMBPRINT_MODEL_NAME"]


def test_a_worker_has_time_to_stop_and_workers_have_connections() -> None:
    for name in OURS:
        assert int(services()[name]["stop_grace_period"].removesuffix("s")) > GONE_S
    [most] = re.findall(r"max_connections=(\d+)", " ".join(services()["postgres"]["command"]))
    assert int(most) > 20 * (1 + services()["work"]["deploy"]["replicas"])


def test_the_receiver_is_reached_by_this_machine_alone_and_the_apps_key_by_workers_alone() -> None:
    assert all(port.startswith("127.0.0.1:") for port in services()["serve"]["ports"])
    assert "secrets" not in services()["serve"]
    assert "THUMBPRINT_WEBHOOK_SECRET" not in services()["work"]["environment"]
    assert [name for name, one in services().items() if "ports" in one] == ["serve"]


def test_receiver_and_workers_are_told_the_same_address_of_the_pages() -> None:
    """`docker compose exec serve thumbprint drafts OWNER/NAME` prints it."""
    assert told("serve")["THUMBPRINT_PUBLIC_URL"] == told("work")["THUMBPRINT_PUBLIC_URL"] != ""


def test_no_night_begins_where_nothing_can_be_written() -> None:
    """It would fail each minute of an hour, each night, in each worker."""
    work = services()["work"]
    writable = {one.split(":")[1] for one in work.get("volumes", ())}
    home = work["environment"].get("THUMBPRINT_HOME", "/opt/thumbprint/var")
    assert not work["read_only"] or home in writable or told("work")["THUMBPRINT_RETRAIN_AT"] == NEVER


@pytest.mark.parametrize(
    "path", [one for one in UNITS if "serve" not in one.name], ids=lambda path: path.name
)
def test_a_unit_that_may_train_has_folders_for_nights_and_for_models(path: Path) -> None:
    """ProtectSystem and ProtectHome leave it no others."""
    service = unit(path)["Service"]
    named = dict(pair.split("=") for pair in service["Environment"].split())
    assert named["THUMBPRINT_HOME"] == f"/var/lib/{service['StateDirectory']}"
    assert named["THUMBPRINT_MODEL_CACHE"] == f"/var/cache/{service['CacheDirectory']}"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_verb_with_settings_that_exist_and_has_time_to_stop(path: Path) -> None:
    service = unit(path)["Service"]
    program, verb = service["ExecStart"].split()
    assert Path(program).name == "thumbprint" and verb in verbs()
    names = [pair.partition("=")[0] for pair in service["Environment"].split()]
    assert set(names) <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    least_s = {"run": STOP_S, "work": GONE_S, "serve": 5.0}[verb]
    assert float(service["TimeoutStopSec"]) > least_s
    assert service["Restart"] == "always"


def test_the_image_is_built_from_what_is_there_and_starts_our_program() -> None:
    said = (DEPLOY / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (.*)$", said, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [entry] = re.findall(r'^ENTRYPOINT \["(.*)"\]$', said, re.MULTILINE)
    assert entry in project["scripts"]
    [version] = re.findall(r"^FROM python:3\.(\d+)-slim$", said, re.MULTILINE)
    assert int(version) >= int(project["requires-python"].removeprefix(">=3."))
    assert str(services()["serve"]["build"]["dockerfile"]) == "deploy/Dockerfile"
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {"**/.env", "**/*.pem", "var"} <= set(ignored), "no secret gets into an image"


def test_the_rooms_of_the_image_are_all_rooms() -> None:
    said = (DEPLOY / "Dockerfile").read_text()
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert rooms <= set(re.findall(r"^COPY (\w+) ", said, re.MULTILINE))
