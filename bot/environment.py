"""What each process may know: an allow-list of its environment, and nothing beside it. Pure.

The model knows no setting and no secret, only where things are: what it needs stands in its arguments.
A process that `thumbprint run` starts reads no `.env`: of what stands there it is handed its own part.
Left out: starting them (`bot/parts.py`, `bot/run.py`). Run: `pytest tests/unit/bot/test_environment.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from bot.settings import ENV_FILE, PREFIX, Settings

_MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_HUB_CACHE = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")
"""Where `models pull` puts what comes from Hugging Face, and the model process looks for it."""

_DEVICES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "OMP_NUM_THREADS")
"""What a stage of training may compute on; the worker hands it on to the night that it starts."""
_POSTGRES = (
    *("PGPASSFILE", "PGPASSWORD", "PGSERVICE", "PGSERVICEFILE"),
    *("PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"),
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_WEB = (*_PROXIES, *(name.lower() for name in _PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR")

OF_THE_MACHINE: Mapping[str, tuple[str, ...]] = {
    "playground": _MACHINE,
    "serve": (*_MACHINE, *_POSTGRES),
    "work": (*_MACHINE, *_POSTGRES, *_WEB, *_HUB_CACHE, *_DEVICES),
    "retrain": (*_MACHINE, *_POSTGRES, *_HUB_CACHE, *_DEVICES),
}
"""Variables that are not ours, by process: where things are, how the database and the web are reached."""

_EDGE_ONLY = frozenset({"webhook_secret", "webhook_secret_old", "webhook_secret_old_until", "pages_token"})

OF_THE_SETTINGS: Mapping[str, frozenset[str]] = {
    "playground": frozenset({"pages_token"}),
    "serve": _EDGE_ONLY
    | {"home", "database_url", "host", "port", "log_level", "playground", "app_id", "app_slug", "github_url"}
    | {"public_url"},
    "work": frozenset(Settings.model_fields) - _EDGE_ONLY,
    "retrain": frozenset({"home", "model_cache", "database_url", "log_level", "app_id", "policy", "adapter"})
    | {"encoder", "retrain_at", "retrain_options", "retrain_launcher"},
}
"""Settings, by process. A night knows which App's data it trains on, and no key. The playground sends the
pages' token when somebody presses undo; its key and webhook secret are its own. The worker speaks to GitHub
and to the models; who may knock is the receiver's matter."""
_PLAIN_LOG = {"PYTHONUNBUFFERED": "1"}
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


def environment(
    part: str, settings: Settings, environ: Mapping[str, str], instead: Mapping[str, str] | None = None
) -> dict[str, str]:
    """All that `part` gets: serve, work, retrain or playground. `instead`: variables put over them."""
    kept = {name: environ[name] for name in OF_THE_MACHINE[part] if name in environ}
    given = {variable(name): _text(getattr(settings, name)) for name in settings.model_fields_set}
    allowed = {variable(name) for name in OF_THE_SETTINGS[part]}
    ours = {name: value for name, value in {**given, **(instead or {})}.items() if name in allowed and value}
    return {**kept, **ours, ENV_FILE: "", **_PLAIN_LOG}


def model_env(environ: Mapping[str, str]) -> dict[str, str]:
    """All that the model process gets: where things are, and that it is offline."""
    kept = {name: environ[name] for name in (*_MACHINE, *_HUB_CACHE) if name in environ}
    return {**kept, **_OFFLINE, **_PLAIN_LOG}


def training_env(environ: Mapping[str, str], *, online: bool) -> dict[str, str]:
    """All that a stage of training gets: where things are, what it may compute on; no setting, no secret.

    `online`: how a hub is reached, too; else it is told that it is offline.
    """
    names = (*_MACHINE, *_HUB_CACHE, *_DEVICES, *(_WEB if online else ()))
    kept = {name: environ[name] for name in names if name in environ}
    return {**kept, **_PLAIN_LOG, **({} if online else _OFFLINE)}


def variable(setting: str) -> str:
    """The variable that sets it."""
    return f"{PREFIX}{setting.upper()}"


def _text(value: object) -> str:
    """A value as its variable holds it; "" for none."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
