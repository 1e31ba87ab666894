"""The nouns: what Thumbprint knows, as frozen, keyword-only dataclasses and enums.

Standard library only. A record is a fact at a moment; a change is a new record. Times are
timezone-aware UTC datetimes; ids of GitHub's things are GitHub's numbers; ids of our own things
are short strings that follow from what they describe, so that doing a thing twice names it once.

`docs/glossary.md` holds the one meaning of each word.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import total_ordering
from typing import Any

LARGEST_ID = 2**63 - 1
"""The largest number that a database holds, and so of an account, a repository, an installation."""


def stable_id(prefix: str, *parts: object) -> str:
    """A short id that follows from its parts: `stable_id("a", 7, "x")` is the same for ever.

    Returns the prefix and 16 hex digits of SHA-256 over the parts, unambiguous about their borders.
    """
    text = "\x1f".join(str(part) for part in parts)
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"


# ---------------------------------------------------------------- people and places


@total_ordering
class Permission(enum.Enum):
    """What GitHub says that a person may do in a repository, from least to most.

    PUBLIC is read access that everyone has because the repository is public: a stranger.
    READ is read access that somebody granted: a collaborator or a member.
    """

    NONE = "none"
    PUBLIC = "public"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Position in the order, 0 for NONE."""
        return _RANKS[self._value_]

    def __lt__(self, other: Permission) -> bool:
        return self.rank < other.rank

    @property
    def writes(self) -> bool:
        """Whether this person may edit others' comments, and so teaches alone."""
        return self.rank >= _RANKS["write"]


_RANKS = {permission.value: rank for rank, permission in enumerate(Permission)}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A GitHub account. `is_bot` is GitHub's `type == "Bot"`, never a guess from the login."""

    id: int
    login: str
    is_bot: bool = False


class Learning(enum.Enum):
    """Whether a repository's feedback acts: ON; FROZEN (recorded, weights stay); OFF (not recorded)."""

    ON = "on"
    FROZEN = "frozen"
    OFF = "off"


class Standing(enum.Enum):
    """Of an installation: ACTIVE; SUSPENDED (out of bounds until unsuspended); REMOVED, for good."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The App on one account: the scope of a token. GitHub never gives an id again.

    `since` is when it came to its standing.
    """

    id: int
    account_id: int
    account: str
    standing: Standing = Standing.ACTIVE
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A GitHub repository, keyed by its numeric id: names change, ids do not.

    `revision` counts changes of its phrase weights; a cached index is valid for one revision. `removed_at` is
    when the App lost it: taken away, deleted, or uninstalled with its account.
    """

    id: int
    full_name: str
    installation_id: int
    private: bool = False
    learning: Learning = Learning.ON
    revision: int = 0
    archived: bool = False
    removed_at: datetime | None = None


class Closed(enum.Enum):
    """Why a repository is out of bounds: no call to GitHub is made for it, and no question in it answered."""

    UNINSTALLED = "uninstalled"
    SUSPENDED = "suspended"
    REMOVED = "removed"
    ARCHIVED = "archived"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How a repository is reached now: through which installation, or why it is not."""

    installation_id: int
    closed: Closed | None = None


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Something that was done to what is kept, without a word of it: erased, forgotten, no more shared.

    `counts` says how many rows of what.
    """

    at: datetime
    act: str
    repository_id: int | None = None
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook POST, identified by GitHub's GUID; `event` is its kind, `action` its verb.

    `payload` is what the body holds, where it was just parsed: it is not kept.
    """

    guid: str
    event: str
    action: str
    body: bytes = field(repr=False)
    received_at: datetime
    payload: dict[str, Any] | None = field(default=None, repr=False, compare=False)


# ---------------------------------------------------------------- threads


class PostKind(enum.Enum):
    """Which of GitHub's things an entry is; the kinds have id spaces of their own."""

    ISSUE = "issue"
    COMMENT = "issue_comment"
    REVIEW_COMMENT = "pull_request_review_comment"


@dataclass(frozen=True, kw_only=True)
class Post:
    """One entry of a thread as read now: the issue or pull request itself, or a comment."""

    id: int
    kind: PostKind
    author: Actor
    body: str
    created_at: datetime
    url: str
    node_id: str = ""
    by_us: bool = False
    changed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Thread:
    """An issue or pull request as read now. `posts[0]` is the issue; the rest are comments, oldest first."""

    repository_id: int
    full_name: str
    number: int
    title: str
    is_pull_request: bool
    locked: bool
    posts: tuple[Post, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """The post that asked, and what it asked once the trigger was taken off.

    `trigger` is the word by which it asked, such as `/ask`, or "@" for a mention; "" where that is unknown.
    """

    repository_id: int
    full_name: str
    installation_id: int
    number: int
    post_id: int
    post_kind: PostKind
    asker: Actor
    text: str
    asked_at: datetime
    trigger: str = ""

    @property
    def answer_id(self) -> str:
        """The id of the one answer to this question: the key that keeps answers single."""
        return stable_id("a", self.repository_id, self.post_kind.value, self.post_id)

    @property
    def thread_key(self) -> str:
        """The partition within which jobs run one at a time, in order."""
        return f"{self.repository_id}/{self.number}"


class Refusal(enum.Enum):
    """Why a question is not answered: NONE (it is), who asked, or which quota of the day is used up."""

    NONE = ""
    MACHINE = "machine"
    BLOCKED = "blocked"
    CLOSED = "closed"
    PERSON = "person"
    REPOSITORY = "repository"


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Whether a question is answered. One that is refused is `told` so, or met with silence."""

    answer_id: str
    repository_id: int
    actor_id: int
    day: date
    refused: Refusal = Refusal.NONE
    told: bool = False

    @property
    def granted(self) -> bool:
        """Whether it is answered."""
        return self.refused is Refusal.NONE


@dataclass(frozen=True, kw_only=True)
class Used:
    """What of a day's quotas is used up in one repository: by one person, by all, and sentences about it."""

    by_person: int
    by_all: int
    told_person: bool
    told: int


# ---------------------------------------------------------------- what a repository chose


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A `thumbprint.yml` as it was read at `read_at`: its text, or None, or why it is no text.

    `read_at` is None once it is known to have changed; `changes` says how often that was heard before it was
    read.
    """

    place: str
    text: str | None
    fault: str = ""
    read_at: datetime | None = None
    changes: int = 0


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What follows from a repository's files for those who do not read them.

    `words` and `mention` say what asks; `training` whether its data may train; `learning` what its files say
    of it. `as_of` is None once a file is known to have changed. `told` is the digest of what was said to be
    wrong with the files, in the answer `told_in`.
    """

    repository_id: int
    installation_id: int
    words: tuple[str, ...]
    mention: bool
    training: bool = False
    learning: Learning | None = None
    as_of: datetime | None = None
    told: str = ""
    told_in: str = ""


class Decision(enum.Enum):
    """What became of a draft."""

    WAITING = "waiting"
    APPROVED = "approved"
    DISCARDED = "discarded"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An answer that is posted once somebody approves it. `edited`: they changed its text first."""

    answer_id: str
    repository_id: int
    made_at: datetime
    expires_at: datetime
    decision: Decision = Decision.WAITING
    edited: bool = False
    decided_at: datetime | None = None


# ---------------------------------------------------------------- prompts and answers


@dataclass(frozen=True, kw_only=True)
class Message:
    """One chat message; `role` is OpenAI's: system, user, assistant."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Exactly what the policy saw, its template's version, and the phrases that were put in.

    `reason` says why the attempt before it was not good enough; "" for the first.
    """

    id: str
    answer_id: str
    attempt: int
    template: str
    messages: tuple[Message, ...]
    phrase_ids: tuple[str, ...]
    tokens: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One call of the policy: the prompt, what it was asked for, and how long it took."""

    id: str
    prompt_id: str
    model: str
    seed: int
    temperature: float
    top_p: float
    max_tokens: int
    n: int
    biased_phrase_ids: tuple[str, ...] = ()
    seconds: float = 0.0
    adapter: str = ""
    """The id of the promoted adapter that wrote; "" for the model as it is named alone."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One text that a generation produced, with its log-probability and scores.

    `logprob` is the mean per token in nats (NaN-free: 0.0 where a server does not say);
    `phrase_score` in [-1, 1]; `similarity` is the cosine of question and text; `guards` names each
    guard that it failed; `score` is what candidates are ranked by.
    """

    id: str
    generation_id: str
    index: int
    text: str
    tokens: int
    logprob: float
    finish_reason: str
    phrase_score: float = 0.0
    similarity: float = 0.0
    guards: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    score: float = 0.0


class AnswerStatus(enum.Enum):
    """PENDING (composed) → INTENT (may be on its way) → POSTED; or FAILED; DELETED by a person.

    CANCELLED is kept and not posted: the question is gone, or nobody is told, or it is a draft that waits.
    OUTDATED: the question was changed before it was answered, so that it is to be composed anew.
    """

    PENDING = "pending"
    OUTDATED = "outdated"
    INTENT = "intent"
    POSTED = "posted"
    FAILED = "failed"
    DELETED = "deleted"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A lesson that no candidate kept and that was therefore carried out on the text itself."""

    phrase_id: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The candidate that was picked for a question, and what became of it.

    `text` is the answer alone: what people's edits are compared with. `body` is the whole comment.
    `abstained` is the reason when the bot chose not to answer, else empty. A `notice` is no answer but a
    command's reply or a refusal, by its name: what people do to it teaches nothing.
    """

    id: str
    question: Question
    status: AnswerStatus
    text: str
    body: str
    candidate_id: str | None
    abstained: str = ""
    notice: str = ""
    repairs: tuple[Repair, ...] = ()
    phrase_ids: tuple[str, ...] = ()
    comment_id: int | None = None
    comment_node_id: str = ""
    comment_url: str = ""
    created_at: datetime
    posted_at: datetime | None = None

    @property
    def comment_kind(self) -> PostKind:
        """What the comment is: a review comment is answered under it, all else in the thread."""
        review = self.question.post_kind is PostKind.REVIEW_COMMENT
        return PostKind.REVIEW_COMMENT if review else PostKind.COMMENT


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A posted answer that is to be looked at on GitHub. `next_at` is None for one that never was.

    `seen` is a digest of its edit history as far as it was dealt with, "" for one without.
    """

    answer_id: str
    installation_id: int
    repository_id: int
    posted_at: datetime
    next_at: datetime | None = None
    seen: str = ""


# ---------------------------------------------------------------- feedback


class FeedbackKind(enum.Enum):
    """What a person did to an answer, and the taking back of it."""

    REACTION = "reaction"
    EDIT = "edit"
    DELETION = "deletion"
    HIDDEN = "hidden"
    REASON = "reason"
    REPLY = "reply"
    RETRACTION = "retraction"


class Reaction(enum.Enum):
    """GitHub's eight reactions, by their REST names."""

    PLUS_ONE = "+1"
    MINUS_ONE = "-1"
    LAUGH = "laugh"
    HOORAY = "hooray"
    CONFUSED = "confused"
    HEART = "heart"
    ROCKET = "rocket"
    EYES = "eyes"


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """An append-only event about an answer, by a person, with the permission that person had then.

    REACTION carries `reaction`; EDIT carries the answer's text `before` and `after`, and so does REPLY, a
    correction that somebody wrote below it and its actor confirmed; HIDDEN (minimised) and REASON (a ticked
    box) carry `reason`; RETRACTION names in `retracts` the event that no longer holds. `id` follows from the
    content, so that the same event seen twice is one event. `pending`: it was recorded while learning was
    frozen, and is not heard before GitHub is asked anew what its actor may do.
    """

    id: str
    repository_id: int
    answer_id: str
    kind: FeedbackKind
    actor: Actor
    permission: Permission
    at: datetime
    reaction: Reaction | None = None
    before: str = ""
    after: str = ""
    retracts: str = ""
    reason: str = ""
    url: str = ""
    pending: bool = False


class Agreed(enum.Enum):
    """What became of a proposal: OPEN, CONFIRMED, or REFUSED, which a confirmed one may still be."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A correction that a reply to an answer spells out: write `right`, not `wrong`. Acts once confirmed."""

    id: str
    repository_id: int
    answer_id: str
    wrong: str
    right: str
    by: Actor
    url: str
    at: datetime
    decision: Agreed = Agreed.OPEN
    decided_by: str = ""
    decided_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """A wording that a person changed into another; `context` is the line around it, as corrected."""

    wrong: str
    right: str
    context: str = ""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A human's change to an answer: spans, in reading order. `distance` is in [0, 1], 0 for unchanged.

    `reworded` spans say in that one place otherwise what was said: a change, but no lesson for another text.
    `words_before` and `words_after` count the words of the two texts.
    """

    removed: tuple[str, ...]
    added: tuple[str, ...]
    replaced: tuple[Replacement, ...]
    reworded: tuple[str, ...] = ()
    distance: float
    words_before: int = 0
    words_after: int = 0

    @property
    def teaches(self) -> bool:
        """False for cosmetic edits: whitespace, case, punctuation, inflection, slips of the pen."""
        return bool(self.removed or self.added or self.replaced or self.reworded)


# ---------------------------------------------------------------- what was learned


class PhraseKind(enum.Enum):
    """What a phrase says.

    WORDING: prefer (weight > 0) or avoid (weight < 0) `text`.
    CORRECTION: write `right`, not `text`.
    MENTION: say `right` in answers like the ones where people added it.
    LENGTH: answers longer than `limit_words` words were cut by people.
    SILENCE: answers to questions like this were deleted.
    """

    WORDING = "wording"
    CORRECTION = "correction"
    MENTION = "mention"
    LENGTH = "length"
    SILENCE = "silence"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One event's share in one phrase: `mass` > 0 speaks for it, < 0 against it.

    `question` is the text of the question whose answer was judged: the phrase's context.
    """

    phrase_id: str
    event_id: str
    answer_id: str
    actor_id: int
    actor_login: str
    permission: Permission
    mass: float
    at: datetime
    question: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A short wording, or a lesson about one, in one repository. `text` is the wrong form of a correction.

    `context` is where a correction holds, and of a LENGTH whether its cut may have been about something else.
    """

    id: str
    repository_id: int
    kind: PhraseKind
    text: str
    right: str = ""
    context: str = ""
    limit_words: int = 0


@dataclass(frozen=True, kw_only=True)
class PhraseWeight:
    """A phrase and what one repository's feedback says of it, at the time `as_of`.

    `ups` and `downs` are the masses for and against, decayed to `as_of`; `weight` in [-1, 1] is
    shrunk from them; `active` tells whether there is evidence enough to act on it. `contexts` are
    the questions (newest first, few) whose answers taught it; `event_ids` what it can be traced to.
    `taught_at` is when it was last taught: of two lessons that contradict each other the newer holds.
    """

    phrase: Phrase
    ups: float
    downs: float
    weight: float
    active: bool
    people: int
    as_of: datetime
    contexts: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    taught_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """One phrase's weight before and after something was learned or forgotten: news for the pages."""

    phrase: Phrase
    before: float
    after: float
    at: datetime
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One round of an answer: what the policy saw, how it was called, and what it wrote."""

    prompt: Prompt
    generation: Generation | None
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything that is kept about one answer: why it says what it says, and what people made of it."""

    answer: Answer
    attempts: tuple[Attempt, ...]
    feedback: tuple[Feedback, ...]
    draft: Draft | None = None


class JobOutcome(enum.Enum):
    """What became of a job. OPEN waits, rests or runs; PARKED killed its process too often."""

    OPEN = ""
    DONE = "done"
    FAILED = "failed"
    PARKED = "parked"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """A job of a thread as it is kept: its place in the thread, when it may go on, and how it ended.

    `released_at`: since when it is in the hands of the workers. `attempts`: how often a step was begun and
    did not succeed. `error` is the last error's sentence, ours alone.
    """

    id: str
    name: str
    repository_id: int
    installation_id: int
    thread_key: str
    place: int
    put_at: datetime
    due_at: datetime | None = None
    released_at: datetime | None = None
    outcome: JobOutcome = JobOutcome.OPEN
    ended_at: datetime | None = None
    error: str = ""
    attempts: int = 0


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The first job of a thread, which waits for its turn."""

    id: str
    installation_id: int
    put_at: datetime


# ---------------------------------------------------------------- adapters


class AdapterStatus(enum.Enum):
    """CANDIDATE: never promoted. PROMOTED: in force for somebody. RETIRED: it was."""

    CANDIDATE = "candidate"
    PROMOTED = "promoted"
    RETIRED = "retired"


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """LoRA weights in a folder, known by the id of their manifest, and whose data they learned from.

    `installation_id` and `repository_id` say who alone may be answered by it: one account, or one private
    repository of it; 0 for everybody. `passed` is what the gate found, `judged` its report's file. `fault` is
    why the model server does not take it, "" where it does; `status` follows from the promotions.
    """

    id: str
    folder: str
    stage: str
    run: str
    base: str
    template: str
    snapshot: str
    parent: str = ""
    installation_id: int = 0
    repository_id: int = 0
    added_at: datetime
    passed: bool = False
    judged: str = ""
    fault: str = ""
    status: AdapterStatus = AdapterStatus.CANDIDATE

    @property
    def name(self) -> str:
        """Its name on a model server: never another adapter's, so no cache of a former one answers."""
        return f"thumbprint-{self.id[:16]}"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """Which adapter answers in a scope from `at` on. Rows are only added; a scope's newest is in force.

    `scope` is an installation's id, or 0 for all; `repository_id` narrows it to one private repository of it.
    `place` counts the scope's rows from 1. `adapter` "" is none: what the scope above has. `share` is the
    percentage of threads that get it; the others get `former`, which a rollback brings back. `forced`: with
    no gate that passed, for the `reason` given.
    """

    scope: int = 0
    repository_id: int = 0
    place: int = 1
    adapter: str
    share: int = 100
    former: str = ""
    at: datetime
    by: str
    reason: str = ""
    forced: bool = False

    @property
    def is_canary(self) -> bool:
        """Whether only some threads get it."""
        return self.share < 100


class RunStatus(enum.Enum):
    """Of a retraining. KEPT: judged, its adapter or its reward model, and not promoted. SKIPPED: too little
    data, or the same as before."""

    RUNNING = "running"
    PROMOTED = "promoted"
    KEPT = "kept"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One retraining: what it learned from, what it made, and in one sentence what became of that."""

    id: str
    started_at: datetime
    ended_at: datetime | None = None
    status: RunStatus = RunStatus.RUNNING
    snapshot: str = ""
    adapter: str = ""
    folder: str = ""
    reason: str = ""
