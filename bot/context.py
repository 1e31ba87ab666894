"""What every job needs, built once per worker and handed to each step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bot.adapters import Adapters
from bot.configurations import Configurations
from bot.github_access import private_key
from bot.memory import Memories
from bot.permissions import Permissions
from bot.queue import Queue
from bot.settings import Settings
from bot.signing import Signer
from storage.database import Database

if TYPE_CHECKING:
    from bot.github import GitHub
    from bot.models import Models


@dataclass(frozen=True, kw_only=True)
class Context:
    """The worker's settings, its database, GitHub, and the model server. Threads share it."""

    settings: Settings
    database: Database
    github: GitHub
    models: Models

    @cached_property
    def queue(self) -> Queue:
        """The durable queue, for jobs that follow from a step."""
        return Queue(self.database)

    @cached_property
    def memories(self) -> Memories:
        """What the repositories taught, each loaded once for each revision of its weights."""
        return Memories(self.database)

    @cached_property
    def adapters(self) -> Adapters:
        """Which adapter answers whom, and that the model server has it."""
        return Adapters(self.database, self.models)

    @cached_property
    def configurations(self) -> Configurations:
        """What the repositories chose in their files, as they were lately."""
        return Configurations(self.database, self.settings)

    @cached_property
    def signer(self) -> Signer:
        """Signs what is posted. Raises ConfigurationError without the App's private key."""
        return Signer(private_key(self.settings))

    @cached_property
    def permissions(self) -> Permissions:
        """Who may do what, as GitHub said lately."""
        return Permissions(blocked=self.settings.blocked_logins)
