"""Settings: what an operator chooses for the whole server, read once from the environment.

Nothing else in Thumbprint reads the environment. Every field is `THUMBPRINT_<NAME>`; a `.env` file in
the working directory is read too (`THUMBPRINT_ENV_FILE` names another; empty: none), and under both the
GitHub App that `thumbprint setup` registered. What one repository chooses is `RepoConfig`
(`bot/repo_config.py`). A test compares the README's table with this file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from croniter import croniter
from pydantic import AwareDatetime, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot import app_store
from bot.hosts import Host, host_of, is_loopback
from storage.errors import ConfigurationError
from storage.redaction import hide, redact

PREFIX = "THUMBPRINT_"
ENV_FILE = "THUMBPRINT_ENV_FILE"
NEVER = "never"
LEVELS = ("debug", "info", "warning", "error")


class Settings(BaseSettings):
    """One server's configuration. Frozen; secrets are masked in `repr`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        frozen=True,
        extra="forbid",
        validate_default=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(Path("var"), description="Folder for the database, logs and the playground's state.")
    model_cache: Path = Field(
        Path("~/.cache/thumbprint"), description="Folder for downloaded and converted models."
    )
    database_url: str = Field(
        "",
        description="SQLAlchemy URL; empty means SQLite at `home`/thumbprint.db, "
        "in the playground at `home`/playground.db. PostgreSQL by URL.",
    )
    host: str = Field("127.0.0.1", description="Address that the receiver listens on.")
    port: int = Field(8000, ge=0, le=65_535, description="Port of the receiver and the pages.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="Address by which people reach the pages: comments link to the memory page there.",
    )
    playground: bool = Field(False, description="Stand in for GitHub on loopback. Never in production.")
    playground_port: int = Field(8001, ge=0, le=65_535, description="Port of the playground.")
    log_level: str = Field("info", description="debug, info, warning or error.")

    app_id: str = Field("", description="The GitHub App's id.")
    app_slug: str = Field("thumbprint", description="The GitHub App's slug: it is mentioned as @slug.")
    private_key_file: Path | None = Field(None, description="PEM file with the GitHub App's private key.")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret of the webhook. The server does not start without one."
    )
    webhook_secret_old: SecretStr = Field(
        SecretStr(""), description="The former secret, accepted too while it is being rotated."
    )
    webhook_secret_old_until: AwareDatetime | None = Field(
        None,
        description="Until when the former secret is accepted, such as `2026-11-28T12:00:00Z`: "
        "at most 7 days from the start.",
    )
    github_url: str = Field(
        "https://api.github.com", description="Address of GitHub, or of a GitHub Enterprise Server."
    )
    pages_token: SecretStr = Field(
        SecretStr(""),
        description="Token of the memory pages; without one they are closed. "
        "In the playground only changes need it.",
    )

    model_url: str = Field(
        "", description="Any OpenAI-compatible server (`…/v1`); empty means our own model process."
    )
    model_key: SecretStr = Field(SecretStr(""), description="API key for `model_url`, if it needs one.")
    model_name: str = Field("policy", description="Model name to ask `model_url` for.")
    models_allowed: str = Field(
        "",
        description="Further models and adapters there, separated by commas, that a repository may choose.",
    )
    encoder_url: str = Field(
        "", description="OpenAI-compatible embeddings server; empty means the same as `model_url`."
    )
    encoder_key: SecretStr = Field(SecretStr(""), description="API key for `encoder_url`, if it needs one.")
    encoder_name: str = Field("encoder", description="Embedding model name to ask for.")
    model_port: int = Field(8002, ge=0, le=65_535, description="Port of our own model process, on loopback.")
    policy: str = Field(
        "packaged", description="Policy to serve: `packaged`, a Hugging Face id, a folder or a .gguf file."
    )
    adapter: str = Field("", description="LoRA adapter to serve on it: a Hugging Face id or a folder.")
    encoder: str = Field(
        "packaged", description="Encoder to serve: `packaged`, a Hugging Face id or a folder."
    )
    threads: int = Field(0, ge=0, description="Threads for the policy; 0 measures at start.")
    model_memory_gb: float = Field(8.0, gt=0, description="Memory cap of our own model process, in GiB.")
    model_timeout_s: float = Field(180.0, gt=0, description="Longest time for one generation, in seconds.")

    candidates: int = Field(4, ge=1, le=16, description="Candidates per generation (best of n).")
    max_tokens: int = Field(160, ge=16, description="Longest answer, in tokens.")
    context_tokens: int = Field(1536, ge=256, description="Longest prompt, in tokens.")
    phrase_tokens: int = Field(200, ge=0, description="Most tokens that learned phrases take in a prompt.")
    temperature: float = Field(0.6, ge=0.0, le=2.0, description="Sampling temperature.")
    top_p: float = Field(0.9, gt=0.0, le=1.0, description="Nucleus sampling.")
    min_score: float = Field(
        0.0, ge=-1.0, le=1.0, description="Phrase score below which an answer is generated again."
    )
    floor: float = Field(
        -0.5,
        ge=-1.0,
        le=1.0,
        description="Phrase score below which the bot abstains; needs `use_regenerate`, which reads scores.",
    )
    use_prompt: bool = Field(True, description="Mechanism: chosen phrases and corrections in the prompt.")
    use_regenerate: bool = Field(True, description="Mechanism: generate again below `min_score`.")
    use_best_of_n: bool = Field(True, description="Mechanism: several candidates, the best is picked.")
    use_bias: bool = Field(True, description="Mechanism: decoding biases for learned phrases.")
    use_examples: bool = Field(True, description="Mechanism: nearest good and corrected answers as examples.")
    use_repair: bool = Field(True, description="Mechanism: carry out a lesson that no candidate kept.")

    retrain_at: str = Field(
        "0 3 * * *",
        description="When the nightly retraining begins: a cron expression on this machine's clock, "
        "or `never`.",
    )
    retrain_options: str = Field(
        "",
        description="Further options of the nightly retraining, such as `--steps 400`.",
    )
    retrain_launcher: str = Field(
        "",
        description="What starts the night's fine-tuning and PPO in many processes, such as "
        "`accelerate launch --multi_gpu --num_processes 4`; empty: one process.",
    )

    poll_s: float = Field(60.0, gt=0, description="Seconds between polls for reactions to young answers.")
    poll_days: int = Field(
        30, ge=1, le=30, description="Days after which an answer's reactions are polled no more, at most 30."
    )
    questions_per_person: int = Field(
        50, ge=0, description="Questions and commands of one person a day (UTC) in one repository."
    )
    questions_per_stranger: int = Field(
        10, ge=0, description="The same for people without granted access, on public repositories."
    )
    questions_per_repository: int = Field(
        500, ge=0, description="The same of all people in one repository; maintainers are answered beyond it."
    )
    strangers: bool = Field(True, description="Whether people without granted access may ask at all.")
    blocked: str = Field(
        "", description="Logins, separated by commas, that may neither ask nor teach, beside GitHub's blocks."
    )
    draft_days: int = Field(
        7, ge=1, le=90, description="Days that an answer waits for approval where a repository wants that."
    )
    erase_after_days: int = Field(
        30,
        ge=0,
        le=365,
        description="Days after which everything of a repository that the App lost is erased: "
        "uninstalled, removed or deleted.",
    )
    workers: int = Field(
        4, ge=1, description="Threads (GitHub threads) answered at the same time by one worker."
    )
    job_timeout_s: float = Field(
        900.0,
        gt=0,
        description="Longest time for one step of a job, in seconds. A worker in which one hangs ends "
        "itself, its other jobs handed back.",
    )
    writes_apart_s: float = Field(
        1.0, ge=0.0, description="Seconds between two writes of one installation, at least 1."
    )
    writes_per_minute: int = Field(
        60, ge=1, description="Writes of one installation a minute, at most 60; GitHub allows about 80."
    )
    writes_per_hour: int = Field(
        400, ge=1, description="Writes of one installation an hour, at most 400; GitHub allows about 500."
    )

    @field_validator("private_key_file", "webhook_secret_old_until", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.lower() not in LEVELS:
            raise ValueError(f"it has to be one of {', '.join(LEVELS)}")
        return value.lower()

    @field_validator("home")
    @classmethod
    def _whose_home(cls, value: Path) -> Path:
        try:
            return value.expanduser()
        except RuntimeError as error:
            raise ValueError(f"nobody knows whose home {value} is") from error

    @field_validator("retrain_at")
    @classmethod
    def _cron(cls, value: str) -> str:
        if value != NEVER and (len(value.split()) != 5 or not croniter.is_valid(value)):
            raise ValueError("it has to be a cron expression of five fields, such as `0 3 * * *`, or `never`")
        return value

    @field_validator("github_url")
    @classmethod
    def _rest_root(cls, value: str) -> str:
        return host_of(value).api

    @model_validator(mode="after")
    def _good_manners(self) -> Self:
        """GitHub is never written to faster than it advises; a playground on loopback needs no manners."""
        kept = self.writes_apart_s >= 1 and self.writes_per_minute <= 60 and self.writes_per_hour <= 400
        if not kept and not self._on_loopback:
            raise ValueError(
                "THUMBPRINT_WRITES_APART_S is at least 1, THUMBPRINT_WRITES_PER_MINUTE at most 60 and "
                "THUMBPRINT_WRITES_PER_HOUR at most 400, unless THUMBPRINT_GITHUB_URL is on loopback: "
                "unset what goes beyond, for GitHub blocks who writes faster."
            )
        return self

    @model_validator(mode="after")
    def _playground_alone(self) -> Self:
        """Beside an App the playground is refused, unless the App is the playground's own: on loopback."""
        here = self._on_loopback
        if self.playground and (self.app_id or self.private_key_file) and not here:
            raise ValueError(
                "THUMBPRINT_PLAYGROUND stands beside a GitHub App (THUMBPRINT_APP_ID, "
                "THUMBPRINT_PRIVATE_KEY_FILE), and the playground never runs in production: unset it."
            )
        return self

    @property
    def _on_loopback(self) -> bool:
        """Whether GitHub is on this machine, and so the playground."""
        return is_loopback(urlsplit(self.github_url).hostname or "")

    @property
    def models_offered(self) -> frozenset[str]:
        """The names in `models_allowed`, and `model_name`."""
        return frozenset({self.model_name, *(one.strip() for one in self.models_allowed.split(","))} - {""})

    @property
    def models_chosen(self) -> frozenset[str]:
        """The names in `models_allowed` that are not `model_name`: what they write, somebody chose."""
        return self.models_offered - {self.model_name}

    @property
    def blocked_logins(self) -> frozenset[str]:
        """The logins in `blocked`."""
        return frozenset(login.strip().lstrip("@") for login in self.blocked.split(",") if login.strip())

    def secrets(self) -> list[str]:
        """All that must be seen nowhere: the secret values, and passwords in addresses."""
        values = (getattr(self, name) for name in type(self).model_fields)
        found = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        found += passwords_in(self.database_url, self.model_url, self.encoder_url, self.github_url)
        return [one for one in found if one]

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """Each setting, and no password in an address."""
        for name, value in super().__repr_args__():
            yield name, redact(value) if isinstance(value, str) else value

    @property
    def github_host(self) -> Host:
        """Where GitHub's pages and API are, and its deadlines."""
        return host_of(self.github_url)

    @property
    def plays(self) -> bool:
        """Whether the playground stands in for GitHub: wherever nothing of a GitHub App is configured."""
        return self.playground or not (self.app_id or self.private_key_file)

    @property
    def pages_url(self) -> str:
        """Where people reach the pages, without a slash at its end; "" where nobody has said."""
        here = f"http://{self.host}:{self.port}" if self.plays else ""
        return (self.public_url or here).rstrip("/")

    @property
    def resolved_database_url(self) -> str:
        """`database_url`, or SQLite in `home`; what was learned in the playground stays apart."""
        name = "playground.db" if self.plays else "thumbprint.db"
        return self.database_url or f"sqlite:///{(self.home / name).absolute()}"

    @property
    def resolved_model_url(self) -> str:
        """`model_url`, or our own model process."""
        return self.model_url or f"http://127.0.0.1:{self.model_port}/v1"

    @property
    def resolved_encoder_url(self) -> str:
        """`encoder_url`, or wherever the policy is."""
        return self.encoder_url or self.resolved_model_url


def passwords_in(*urls: str) -> list[str]:
    """The passwords that stand in addresses, as written there and as meant."""
    found: list[str] = []
    for url in urls:
        with suppress(ValueError):  # no address
            password = urlsplit(url).password
            found += [password, unquote(password)] if password else []
    return found


def read_settings() -> Settings:
    """The settings of this process (`_read`), their secrets hidden from now on."""
    settings = _read()
    hide([*settings.secrets(), *_beside(os.environ)])
    return settings


def _beside(environ: Mapping[str, str]) -> list[str]:
    """Secrets of the environment that are no setting: PostgreSQL's password, and the proxies'."""
    found = [environ.get("PGPASSWORD", "")]
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        found += passwords_in(environ.get(name, ""), environ.get(name.lower(), ""))
    return found


def _read() -> Settings:
    """The settings of this process: its environment, over its `.env`, over the registered App.

    Where the environment or `.env` names an App, by id or key, the registered one is left alone: no half of
    one with half of another. Raises pydantic's ValidationError, and ConfigurationError for a registered App
    or a file of settings that cannot be read, and for one that is named and is not there.
    """
    env_file = os.environ.get(ENV_FILE, ".env") or None
    try:
        if env_file and ENV_FILE in os.environ and not Path(env_file).is_file():
            raise ConfigurationError(
                f"{ENV_FILE} names {env_file}, and that is no file: correct it, or leave it empty for none."
            )
        settings = Settings(_env_file=env_file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{env_file} cannot be read ({type(error).__name__}): give this user access to it, as UTF-8."
        ) from error
    if settings.app_id or settings.private_key_file:
        return settings
    registered = app_store.read(settings.home)
    if registered is None:
        return settings
    said = {name for name in settings.model_fields_set if getattr(settings, name)}
    if "github_url" in said and settings.github_url != registered["github_url"]:
        raise ConfigurationError(
            f"THUMBPRINT_GITHUB_URL says {settings.github_url}, and the GitHub App in "
            f"{app_store.folder(settings.home)} is on {registered['github_url']}: unset the former."
        )
    return Settings(_env_file=env_file, **{k: value for k, value in registered.items() if k not in said})
