"""None of the processes knows more than it needs, and none looks for more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.commands import servers
from bot.commands.shared import load_settings
from bot.environment import model_env, training_env
from bot.parts import parts_of, playground_command, playground_env, plays
from bot.process import Part, Process
from bot.settings import Settings
from storage.database import Database
from storage.errors import ConfigurationError

MACHINE = {"PATH": "/bin", "HOME": "/home/op", "LANG": "C.UTF-8"}
SECRETS = {
    "THUMBPRINT_WEBHOOK_SECRET": "s3cret",
    "THUMBPRINT_WEBHOOK_SECRET_OLD": "s3cret-old",
    "THUMBPRINT_PRIVATE_KEY_FILE": "/keys/app.pem",
    "THUMBPRINT_MODEL_KEY": "k3y",
    "THUMBPRINT_PAGES_TOKEN": "p4ges",
    "THUMBPRINT_DATABASE_URL": "postgresql://op:pw@db.test/thumbprint",
}
OTHERS = {
    "GITHUB_TOKEN": "t0ken",
    "AWS_SECRET_ACCESS_KEY": "aws",
    "HF_TOKEN": "hf",
    "PGPASSWORD": "pg",
    "HTTPS_PROXY": "http://op:pw@proxy.test",
}
PLAIN = {"PATH", "HOME", "LANG", "PYTHONUNBUFFERED"}
OURS = {*PLAIN, "THUMBPRINT_ENV_FILE", "THUMBPRINT_HOME"}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing in the environment but the machine, in a folder of one's own."""
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in MACHINE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def dotenv(**values: str) -> None:
    Path(".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def parts(playground: Mapping[str, str] | None = None) -> dict[str, Part]:
    return {one.name: one for one in parts_of(load_settings(), playground, Database("sqlite:///unused.db"))}


def environments(playground: Mapping[str, str] | None = None) -> dict[str, Mapping[str, str]]:
    return {name: part.env for name, part in parts(playground).items()}


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_each_process_knows_what_it_needs_and_no_more(bare: pytest.MonkeyPatch, where: str) -> None:
    given = {**SECRETS, "THUMBPRINT_APP_ID": "7", "THUMBPRINT_HOME": "home", "THUMBPRINT_CANDIDATES": "2"}
    if where == ".env":
        dotenv(**given)
    for name, value in {**OTHERS, **({} if where == ".env" else given)}.items():
        bare.setenv(name, value)
    known = environments()
    app = {"THUMBPRINT_APP_ID", "THUMBPRINT_DATABASE_URL"}
    offline = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS"}
    assert {part: set(env) for part, env in known.items()} == {
        "model": PLAIN | offline,
        "work": {
            *(OURS | app),
            *("THUMBPRINT_PRIVATE_KEY_FILE", "THUMBPRINT_MODEL_KEY", "THUMBPRINT_CANDIDATES"),
            *("PGPASSWORD", "HTTPS_PROXY"),
        },
        "serve": {
            *(OURS | app),
            *("THUMBPRINT_WEBHOOK_SECRET", "THUMBPRINT_WEBHOOK_SECRET_OLD", "THUMBPRINT_PAGES_TOKEN"),
            "PGPASSWORD",
        },
    }
    for env in known.values():
        assert all(env[name] == value for name, value in given.items() if name in env)


def test_the_playground_knows_its_own_state_and_the_pages_token(bare: pytest.MonkeyPatch) -> None:
    dotenv(**{name: value for name, value in SECRETS.items() if "PRIVATE_KEY" not in name})
    known = environments(playground_env(load_settings()))
    assert set(known["playground"]) == {*PLAIN, "THUMBPRINT_ENV_FILE", "THUMBPRINT_PAGES_TOKEN"}
    for part in ("work", "serve"):
        assert known[part]["THUMBPRINT_GITHUB_URL"] == "http://127.0.0.1:8001/api/v3"
        assert known[part]["THUMBPRINT_PLAYGROUND"] == "true"
    assert known["serve"]["THUMBPRINT_WEBHOOK_SECRET"] != SECRETS["THUMBPRINT_WEBHOOK_SECRET"]


def test_a_process_that_run_starts_reads_no_env_file(bare: pytest.MonkeyPatch) -> None:
    dotenv(**SECRETS, THUMBPRINT_APP_ID="7")
    known = environments()
    for name, value in known["serve"].items():
        bare.setenv(name, value)
    settings = load_settings()
    assert settings.webhook_secret.get_secret_value() == "s3cret" and settings.app_id == "7"
    assert settings.private_key_file is None and settings.model_key.get_secret_value() == ""


def test_another_env_file_may_be_named(bare: pytest.MonkeyPatch) -> None:
    Path("other").write_text("THUMBPRINT_PORT=8100\n")
    dotenv(THUMBPRINT_PORT="8200")
    bare.setenv("THUMBPRINT_ENV_FILE", "other")
    assert load_settings().port == 8100


def test_the_model_process_looks_for_models_where_pull_put_them(bare: pytest.MonkeyPatch) -> None:
    places = {"HF_HOME": "/big/hf", "HF_HUB_CACHE": "/big/hub", "XDG_CACHE_HOME": "/big/cache"}
    known = model_env({**MACHINE, **OTHERS, **places})
    assert {name: known.get(name) for name in places} == places
    assert "HF_TOKEN" not in known


def test_the_model_process_knows_no_secret_by_its_arguments_either(bare: pytest.MonkeyPatch) -> None:
    dotenv(**SECRETS, THUMBPRINT_APP_ID="7")
    model = parts()["model"]
    given = " ".join([*model.command, *model.env, *model.env.values()])
    assert not any(value in given for value in SECRETS.values()) and "THUMBPRINT_" not in given
    assert model.nice == 19 and not model_env({"HF_TOKEN": "x"}).keys() & {"HF_TOKEN"}


def test_a_training_stage_knows_what_it_computes_on_and_no_secret_and_the_web_only_to_fetch() -> None:
    gpus = {"CUDA_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "2"}
    around = {**MACHINE, **OTHERS, **SECRETS, **gpus}
    offline, online = training_env(around, online=False), training_env(around, online=True)
    assert gpus.items() <= offline.items() and gpus.items() <= online.items()
    assert offline["HF_HUB_OFFLINE"] == "1" and "HTTPS_PROXY" not in offline
    assert "HF_HUB_OFFLINE" not in online and online["HTTPS_PROXY"] == OTHERS["HTTPS_PROXY"]
    for known in (offline, online):
        assert not known.keys() & {
            *SECRETS,
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "HF_TOKEN",
            "PGPASSWORD",
        }


def test_what_a_night_has_started_by_a_launcher_knows_no_secret(tmp_path: Path) -> None:
    """The launcher, started in a process with the environment of a night's training."""
    (tmp_path / "tells.py").write_text("import json, os; print(json.dumps(sorted(os.environ)))\n")
    by = f"{sys.executable} {tmp_path / 'tells.py'}"
    program = "import rich.console\nfrom learning.training import launched\n"
    program += "from learning.training.night_options import Recipe\n"
    program += f"launched.run({by!r}, 'm', Recipe(data='d', out='o'), rich.console.Console(width=9999))\n"
    around = {**MACHINE, **OTHERS, **SECRETS}
    env = {**training_env(around, online=False), "PYTHONPATH": os.pathsep.join(sys.path)}
    known = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert "HF_HUB_OFFLINE" in known.stdout
    assert not [name for name in ({**OTHERS, **SECRETS}) if name in known.stdout]


def test_the_model_process_that_really_starts_holds_nothing_but_its_own(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the kernel tells it, of a process that is started in the way of the model's."""
    for name, value in {**SECRETS, **OTHERS}.items():
        bare.setenv(name, value)
    code = "import pathlib, sys; sys.stdout.write(pathlib.Path('/proc/self/environ').read_text())"
    log = tmp_path / "model.log"
    part = Part(
        name="model", command=[sys.executable, "-c", code], env=parts()["model"].env, log=log, ready=""
    )
    process = Process(part)
    process.start()
    assert process.wait_stopped(30)
    said = dict(line.split("=", 1) for line in log.read_text().split("\0") if line)
    offline = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS"}
    assert PLAIN <= set(said) <= PLAIN | offline | {"LC_CTYPE", "HF_HOME", "HF_HUB_CACHE"}
    assert not any(value in said.values() for value in (*SECRETS.values(), *OTHERS.values()))


# ---------------------------------------------------------------- never in production


APP = ({"app_id": "7"}, {"private_key_file": Path("/keys/app.pem")})


@pytest.mark.parametrize("app", APP)
def test_the_playground_is_refused_beside_a_github_app(
    bare: pytest.MonkeyPatch, app: dict[str, object]
) -> None:
    for name, value in app.items():
        bare.setenv(f"THUMBPRINT_{name.upper()}", str(value))
    bare.setenv("THUMBPRINT_PLAYGROUND", "true")
    for verb in (servers.run, servers.serve, servers.work, servers.playground):
        with pytest.raises(ConfigurationError, match=r"never runs in production: unset it\.$"):
            verb()
    bare.setenv("THUMBPRINT_GITHUB_URL", "http://127.0.0.1:8001/api/v3")
    with pytest.raises(ConfigurationError, match="never runs in production"):
        servers.run(check=False)


@pytest.mark.parametrize("app", APP)
def test_half_an_app_is_neither_production_nor_playground(
    bare: pytest.MonkeyPatch, app: dict[str, object]
) -> None:
    with pytest.raises(ConfigurationError, match="is missing: set it, or unset THUMBPRINT_"):
        plays(Settings(_env_file=None, **app))


def test_a_whole_app_is_production_and_an_empty_variable_is_none(bare: pytest.MonkeyPatch) -> None:
    whole = {"app_id": "7", "private_key_file": Path("/keys/app.pem"), "webhook_secret": "s"}
    assert not plays(Settings(_env_file=None, **whole))
    bare.setenv("THUMBPRINT_PRIVATE_KEY_FILE", "")
    assert plays(load_settings())


def test_the_playground_listens_on_loopback_whatever_the_host(bare: pytest.MonkeyPatch) -> None:
    settings = Settings(_env_file=None, host="0.0.0.0")
    assert not any("0.0.0.0" in word or word.startswith("--host") for word in playground_command(settings))
    heard: list[str] = []
    bare.setattr(servers, "_uvicorn", lambda factory, host, port, settings: heard.append(host))
    bare.setenv("THUMBPRINT_HOST", "0.0.0.0")
    servers.serve()
    bare.setenv("THUMBPRINT_PLAYGROUND", "true")
    servers.serve()
    assert heard == ["0.0.0.0", "127.0.0.1"]
