"""Every error that Thumbprint raises on purpose.

    ThumbprintError
    ├── Retryable                   the same call may succeed later
    │   ├── ModelUnavailable        the model server is down, busy or too slow
    │   ├── GitHubUnavailable       5xx, time-out, connection lost
    │   ├── RateLimited             GitHub said wait, or our own pace does; carries `retry_after_s`
    │   │   ├── TurnBooked          our own pace keeps a turn to write until then
    │   │   └── OverBudget          we keep to our own share of GitHub's limit: later
    │   ├── Overtaken               another worker took this answer to post it
    │   ├── NotThereYet             GitHub does not show yet what it told us of: its copies lag behind
    │   ├── OutOfBounds             the App may not call GitHub there: uninstalled, suspended, archived
    │   ├── Quiet                   a repository's quiet hours: what was asked in them waits
    │   └── DatabaseBusy            locked by another process, or out of connections
    └── Permanent                   a person has to change something first
        ├── ConfigurationError      a setting is missing or wrong; names it and the remedy
        ├── SetupError              the machine lacks something (disk, port, compiler, Python)
        ├── ModelError              a model's files are missing, damaged or refused
        ├── DataError               training data is missing, damaged, or not what it says it is
        ├── TrainingError           a training stopped itself; its last checkpoint is kept
        ├── ModelRequestError       the model server rejected what was asked of it
        ├── GitHubRefused           401, 403, 422: GitHub will not do it
        ├── Withheld                a text would do something on GitHub that it must not: it did not go out
        ├── Gone                    404, 410: the thread, comment or repository is not there any more
        │   └── TakenBack           a question that is none any more, or whose asker was forgotten
        ├── DatabaseError           damaged, or owned by another server
        │   └── DatabaseFull        no space left under it: jobs wait until somebody frees some
        ├── Poisoned                a job in which one worker after another ended: it is not begun again
        └── BadDelivery             a webhook that cannot be trusted or read; carries `status`

Messages say what is wrong and what to do, in one sentence, without secrets or thread text.
"""

from __future__ import annotations

from storage.redaction import redact


class ThumbprintError(Exception):
    """Base of all of them. What is secret in a message is cut out of it (`storage/redaction.py`)."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


class Retryable(ThumbprintError):
    """The same call may succeed later. `retry_after_s` is a hint in seconds, or None."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ModelUnavailable(Retryable):
    """The model server is down, busy or too slow."""


class GitHubUnavailable(Retryable):
    """GitHub answered 5xx or not at all. The request may or may not have been carried out."""


class RateLimited(Retryable):
    """GitHub asked us to wait."""


class TurnBooked(RateLimited):
    """Our own pace: a turn to write is kept until `retry_after_s`, and lost if nobody comes soon after it."""


class OverBudget(RateLimited):
    """Our own share of GitHub's rate limit is used up: what waits for it goes on later."""


class NotThereYet(Retryable):
    """GitHub does not show (yet) what it told us of a moment ago: its copies lag behind its webhooks."""


class OutOfBounds(Retryable):
    """GitHub must not be called for a repository or an installation: its jobs are about to be cancelled."""


class Overtaken(Retryable):
    """Another worker took this answer to post it: this one sends and writes nothing of it."""


class Quiet(Retryable):
    """A repository keeps quiet hours: what was asked in them waits for their end."""


class DatabaseBusy(Retryable):
    """The database is locked by another process, or out of connections."""


class Permanent(ThumbprintError):
    """Trying again changes nothing: a person has to act first."""


class ConfigurationError(Permanent):
    """A setting is missing or wrong."""


class SetupError(Permanent):
    """The machine lacks something that Thumbprint needs."""


class ModelError(Permanent):
    """A model's files are missing, damaged or of a kind that is refused."""


class DataError(Permanent):
    """Data to train on, or a folder of it, is missing, damaged, or not what it says it is."""


class TrainingError(Permanent):
    """A training stopped itself: an alarm, or a number that is none. Its last checkpoint is kept."""


class ModelRequestError(Permanent):
    """The model server rejected the request itself."""


class GitHubRefused(Permanent):
    """GitHub will not do it. `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class Withheld(Permanent):
    """A text would have an effect on GitHub that it must not have: it did not go out."""


class Gone(Permanent):
    """The thread, comment or repository is not there any more."""


class TakenBack(Gone):
    """A question is none any more: its post asks nothing now, or whoever asked was forgotten."""


class DatabaseError(Permanent):
    """The database is damaged, or owned by another server."""


class DatabaseFull(DatabaseError):
    """The disk under the database is full: the same call succeeds once somebody has freed some space."""


class Poisoned(Permanent):
    """A job in which one worker after another ended, and never it: it is not begun again."""


class BadDelivery(Permanent):
    """A webhook that cannot be trusted or read. `status` is the HTTP status to answer with."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
