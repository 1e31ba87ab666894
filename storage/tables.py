"""The tables, and for each constraint the rule that it enforces.

Left out: DBOS's own tables, which share the database (`bot/queue.py` creates them). After a change here,
write the migration: `tests/unit/storage/test_migrations.py` compares.

Foreign keys are checked at commit, so that the rows of one unit of work may be written in any order.
"""

from __future__ import annotations

import sqlalchemy as sa

from storage.columns import Text, UtcDateTime, later, one_of
from storage.records import (
    Agreed,
    AnswerStatus,
    Decision,
    FeedbackKind,
    JobOutcome,
    Learning,
    Permission,
    PhraseKind,
    PostKind,
    Reaction,
    Refusal,
    RunStatus,
    Standing,
)

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers rows by INTEGER alone

repositories = sa.Table(
    "repositories",
    metadata,
    # GitHub's number is the key: names change hands, ids do not.
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("full_name", sa.String, nullable=False),
    sa.Column("installation_id", sa.BigInteger, nullable=False),
    sa.Column("private", sa.Boolean, nullable=False),
    sa.Column("learning", sa.String, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    # The name was seen last here: of two repositories that bore one name, the newer owner is meant.
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false()),
    # When the App lost it; its rows are erased a grace period later.
    sa.Column("removed_at", UtcDateTime, nullable=True, index=True),
    # Until when everything that was written in it has reached us, by delivery or by reading.
    sa.Column("heard_until", UtcDateTime, nullable=True),
    one_of("learning", Learning),
    sa.CheckConstraint("revision >= 0", name="revision_counts_up"),
)

installations = sa.Table(
    "installations",
    metadata,
    # An id is never given twice: one that was removed stays removed.
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("standing", sa.String, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    one_of("standing", Standing),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    # The order of arrival: jobs of one thread run in it.
    sa.Column("number", BigId, primary_key=True, autoincrement=True),
    # One delivery is taken once, however often GitHub sends it.
    sa.Column("guid", sa.String, nullable=False, unique=True),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    # Whose words the body holds: they go when the repository's rows go.
    sa.Column("repository_id", sa.BigInteger, nullable=True, index=True),
    sqlite_autoincrement=True,  # a number is never given twice, also after old rows are deleted
)

questions = sa.Table(
    "questions",
    metadata,
    # `Question.answer_id`: one question, one answer.
    sa.Column("answer_id", sa.String, primary_key=True),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False),
    sa.Column("full_name", sa.String, nullable=False),
    sa.Column("installation_id", sa.BigInteger, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("post_id", sa.BigInteger, nullable=False),
    sa.Column("post_kind", sa.String, nullable=False),
    sa.Column("asker_id", sa.BigInteger, nullable=False),
    sa.Column("asker_login", sa.String, nullable=False),
    sa.Column("asker_is_bot", sa.Boolean, nullable=False),
    sa.Column("text", Text, nullable=False),
    # The word by which it asked, such as `/ask`; "@" for a mention; "" where nobody wrote it down.
    sa.Column("trigger", sa.String, nullable=False, server_default=""),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    # A post asks once: the same rule, in GitHub's own numbers.
    sa.UniqueConstraint("repository_id", "post_kind", "post_id"),
    one_of("post_kind", PostKind),
)

answers = sa.Table(
    "answers",
    metadata,
    # An answer always belongs to a question that is kept too.
    sa.Column("id", sa.String, later("questions.answer_id"), primary_key=True),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("body", Text, nullable=False),
    # The pick; no foreign key, for candidates hang on answers already.
    sa.Column("candidate_id", sa.String, nullable=True),
    sa.Column("comment_kind", sa.String, nullable=False),
    sa.Column("comment_id", sa.BigInteger, nullable=True),
    sa.Column("posted_at", UtcDateTime, nullable=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # Fields that nothing searches by, as JSON under their names in `Answer`.
    sa.Column("details", sa.JSON, nullable=False),
    # Who took the answer to post it, by number: only the last one may post it, or write what became of it.
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    # When a comment may last have been sent to GitHub.
    sa.Column("intent_at", UtcDateTime, nullable=True),
    # How often a sweep has looked for a second comment.
    sa.Column("sweeps", sa.Integer, nullable=False, server_default="0"),
    # One comment is one answer. Issue and review comments are numbered apart.
    sa.UniqueConstraint("repository_id", "comment_kind", "comment_id"),
    one_of("status", AnswerStatus),
    one_of("comment_kind", PostKind),
    # What stands on GitHub says where and since when.
    sa.CheckConstraint(
        "status <> 'posted' OR (comment_id IS NOT NULL AND posted_at IS NOT NULL)", name="posted_somewhere"
    ),
    sa.Index("ix_answers_posted_at", "posted_at"),
    sa.Index("ix_answers_intent_at", "intent_at"),
)

prompts = sa.Table(
    "prompts",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("answer_id", sa.String, later("answers.id"), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("template", sa.String, nullable=False),
    sa.Column("messages", sa.JSON, nullable=False),
    sa.Column("phrase_ids", sa.JSON, nullable=False),
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("reason", sa.String, nullable=False, server_default=""),
    # Attempts of one answer are told apart; also the index that `why` reads by.
    sa.UniqueConstraint("answer_id", "attempt"),
)

generations = sa.Table(
    "generations",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("prompt_id", sa.String, later("prompts.id"), nullable=False, index=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("temperature", sa.Float, nullable=False),
    sa.Column("top_p", sa.Float, nullable=False),
    sa.Column("max_tokens", sa.Integer, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("biased_phrase_ids", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    # The promoted adapter that wrote; no foreign key, for what was written outlives it.
    sa.Column("adapter", sa.String, nullable=False, server_default=""),
)

candidates = sa.Table(
    "candidates",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("generation_id", sa.String, later("generations.id"), nullable=False),
    sa.Column("index", sa.Integer, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("logprob", sa.Float, nullable=False),
    sa.Column("finish_reason", sa.String, nullable=False),
    sa.Column("phrase_score", sa.Float, nullable=False),
    sa.Column("similarity", sa.Float, nullable=False),
    sa.Column("guards", sa.JSON, nullable=False),
    sa.Column("violations", sa.JSON, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    # A generation has one text at each place.
    sa.UniqueConstraint("generation_id", "index"),
    sa.CheckConstraint("phrase_score BETWEEN -1 AND 1", name="phrase_score_bounded"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    # The id follows from the content: the same event seen twice is one event.
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False),
    sa.Column("answer_id", sa.String, later("answers.id"), nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("actor_login", sa.String, nullable=False),
    sa.Column("actor_is_bot", sa.Boolean, nullable=False),
    sa.Column("permission", sa.String, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("reaction", sa.String, nullable=True),
    sa.Column("before", Text, nullable=False),
    sa.Column("after", Text, nullable=False),
    sa.Column("retracts", sa.String, nullable=False),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False, server_default=""),
    sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.false()),
    one_of("kind", FeedbackKind),
    one_of("permission", Permission),
    one_of("reaction", Reaction),
    # A reaction says which; nothing else carries one.
    sa.CheckConstraint("(kind = 'reaction') = (reaction IS NOT NULL)", name="reaction_named"),
    # A ticked box and a hidden comment say why; nothing else does.
    sa.CheckConstraint("(kind IN ('hidden', 'reason')) = (reason <> '')", name="reason_given"),
    # A retraction says what it takes back; nothing else takes anything back.
    sa.CheckConstraint("(kind = 'retraction') = (retracts <> '')", name="retraction_named"),
    sa.Index("ix_feedback_repository_id_at", "repository_id", "at"),
    sa.Index("ix_feedback_pending_repository_id", "pending", "repository_id"),
)

phrases = sa.Table(
    "phrases",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    # Lessons never cross repositories: a phrase belongs to one.
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("right", Text, nullable=False),
    sa.Column("context", Text, nullable=False),
    sa.Column("limit_words", sa.Integer, nullable=False),
    # The repository's revision that last wrote or dropped this phrase's weight: what changed is found by it.
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    one_of("kind", PhraseKind),
    sa.Index("ix_phrases_repository_id_revision", "repository_id", "revision"),
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("phrase_id", sa.String, later("phrases.id"), nullable=False),
    sa.Column("event_id", sa.String, nullable=False),
    sa.Column("answer_id", sa.String, nullable=False, index=True),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("actor_login", sa.String, nullable=False),
    sa.Column("permission", sa.String, nullable=False),
    sa.Column("mass", sa.Float, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("question", Text, nullable=False),
    sa.Column("url", sa.String, nullable=False),
    # One event has one share in a phrase: nobody counts twice.
    sa.PrimaryKeyConstraint("phrase_id", "event_id"),
    one_of("permission", Permission),
)

weights = sa.Table(
    "weights",
    metadata,
    # A cache, rebuilt from the events at any time: one weight a phrase.
    sa.Column("phrase_id", sa.String, later("phrases.id"), primary_key=True),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False, index=True),
    sa.Column("ups", sa.Float, nullable=False),
    sa.Column("downs", sa.Float, nullable=False),
    sa.Column("weight", sa.Float, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("as_of", UtcDateTime, nullable=False),
    sa.Column("taught_at", UtcDateTime, nullable=True),
    sa.Column("contexts", sa.JSON, nullable=False),
    sa.Column("event_ids", sa.JSON, nullable=False),
    sa.CheckConstraint("weight BETWEEN -1 AND 1", name="weight_bounded"),
    sa.CheckConstraint("ups >= 0 AND downs >= 0", name="masses_positive"),
)

changes = sa.Table(
    "changes",
    metadata,
    # What was learned and when, in the order of learning: for the pages, never for arithmetic.
    sa.Column("number", BigId, primary_key=True, autoincrement=True),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False),
    sa.Column("phrase_id", sa.String, later("phrases.id"), nullable=False),
    sa.Column("before", sa.Float, nullable=False),
    sa.Column("after", sa.Float, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("event_ids", sa.JSON, nullable=False),
    sa.Index("ix_changes_repository_id_number", "repository_id", "number"),
)

tombstones = sa.Table(
    "tombstones",
    metadata,
    # What taught a phrase until `at` counts no more, through every replay of the events.
    sa.Column("phrase_id", sa.String, later("phrases.id"), primary_key=True),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False, index=True),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("actor_login", sa.String, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

withdrawals = sa.Table(
    "withdrawals",
    metadata,
    # What one person taught of a phrase until `at` counts no more; what others taught of it stays.
    sa.Column("phrase_id", sa.String, later("phrases.id"), nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.PrimaryKeyConstraint("phrase_id", "actor_id"),
)

admissions = sa.Table(
    "admissions",
    metadata,
    # Whether a question is answered is decided once, however often its jobs run.
    sa.Column("answer_id", sa.String, later("questions.answer_id"), primary_key=True),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    # The day (UTC) whose quota it falls under.
    sa.Column("day", sa.Date, nullable=False),
    # "" where it was granted, else why it was not.
    sa.Column("refused", sa.String, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
    one_of("refused", Refusal),
    sa.Index("ix_admissions_repository_id_day", "repository_id", "day"),
)

config_files = sa.Table(
    "config_files",
    metadata,
    # A `thumbprint.yml` as it was read last: `repository/7`, or `installation/3` for an account's defaults.
    sa.Column("place", sa.String, primary_key=True),
    # NULL: there is none that we may read.
    sa.Column("text", Text, nullable=True),
    # Why it is no text of ours, as a sentence; "" where it is.
    sa.Column("fault", sa.String, nullable=False),
    # NULL: it changed since.
    sa.Column("read_at", UtcDateTime, nullable=True),
    # How often we heard that it changed: what was read before the last of these is not kept after it.
    sa.Column("changes", sa.Integer, nullable=False, server_default="0"),
)

configurations = sa.Table(
    "configurations",
    metadata,
    # What follows from a repository's files, as far as others than a job have to know it.
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), primary_key=True),
    sa.Column("installation_id", sa.BigInteger, nullable=False, index=True),
    # What asks, for the receiver, which reads no file: words such as `/ask`, and whether a mention does.
    sa.Column("words", sa.JSON, nullable=False),
    sa.Column("mention", sa.Boolean, nullable=False),
    sa.Column("training", sa.Boolean, nullable=False),
    # What the files said of learning, so that it ends with the line that said so.
    sa.Column("learning", sa.String, nullable=True),
    # NULL: a file changed since.
    sa.Column("as_of", UtcDateTime, nullable=True),
    # What was said to be wrong with the files, as a digest, and in which answer.
    sa.Column("told", sa.String, nullable=False),
    sa.Column("told_in", sa.String, nullable=False),
    one_of("learning", Learning),
)

drafts = sa.Table(
    "drafts",
    metadata,
    # An answer that waits for an approval; its own status is `cancelled` until then: nothing posts it.
    sa.Column("answer_id", sa.String, later("answers.id"), primary_key=True),
    sa.Column("repository_id", sa.BigInteger, later("repositories.id"), nullable=False),
    sa.Column("decision", sa.String, nullable=False),
    sa.Column("edited", sa.Boolean, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=True),
    one_of("decision", Decision),
    # Decided is decided when.
    sa.CheckConstraint("(decision = 'waiting') = (decided_at IS NULL)", name="decided_at_some_time"),
    sa.Index("ix_drafts_decision_made_at", "decision", "made_at"),
)

proposals = sa.Table(
    "proposals",
    metadata,
    # What a reply spells out is one proposal, however often its delivery comes; it acts once it is confirmed.
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("repository_id", sa.BigInteger, nullable=False),
    sa.Column(
        "answer_id",
        sa.String,
        sa.ForeignKey("answers.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        nullable=False,
        index=True,
    ),
    sa.Column("wrong", Text, nullable=False),
    sa.Column("right", Text, nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("actor_login", sa.String, nullable=False),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("decision", sa.String, nullable=False),
    sa.Column("decided_by", sa.String, nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=True),
    one_of("decision", Agreed),
    # Decided is decided when.
    sa.CheckConstraint("(decision = 'open') = (decided_at IS NULL)", name="decided_once"),
)

polls = sa.Table(
    "polls",
    metadata,
    # Of each posted answer: when it is looked at next, and a digest of the edit history dealt with already.
    sa.Column(
        "answer_id",
        sa.String,
        sa.ForeignKey("answers.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    sa.Column("next_at", UtcDateTime, nullable=False),
    sa.Column("seen", sa.String, nullable=False),
)

spendings = sa.Table(
    "spendings",
    metadata,
    # What polls took of an installation's hourly rate limit, by the minute; older rows are dropped.
    sa.Column("installation_id", sa.BigInteger, nullable=False),
    sa.Column("resource", sa.String, nullable=False),
    sa.Column("minute", UtcDateTime, nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    # The limit itself, as GitHub said it last.
    sa.Column("of", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("installation_id", "resource", "minute"),
    sa.CheckConstraint("points >= 0", name="points_count_up"),
)

paces = sa.Table(
    "paces",
    metadata,
    # One row an installation, changed under its lock: all workers write at one pace.
    sa.Column("installation_id", sa.BigInteger, primary_key=True, autoincrement=False),
    # Unix times of the last hour's writes, and of those that have their turn already.
    sa.Column("turns", sa.JSON, nullable=False),
    # GitHub asked us to write nothing until then.
    sa.Column("paused_until", UtcDateTime, nullable=True),
)

sightings = sa.Table(
    "sightings",
    metadata,
    # Deliveries that asked for nothing, kept so long as GitHub lists them: they are not missing.
    sa.Column("guid", sa.String, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
)

marks = sa.Table(
    "marks",
    metadata,
    # How far something is done that goes on for ever, by its name.
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

audits = sa.Table(
    "audits",
    metadata,
    # What was done to what is kept, with numbers and no names. Snapshots older than one are stale.
    sa.Column("number", BigId, primary_key=True, autoincrement=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("act", sa.String, nullable=False),
    sa.Column("repository_id", sa.BigInteger, nullable=True),
    sa.Column("counts", sa.JSON, nullable=False),
)

forgotten_people = sa.Table(
    "forgotten_people",
    metadata,
    # Who asked to be forgotten, as a hash of their number: what they did until `at` is not taken in again.
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    # Each role's last sign of life, one row a role. Writing it proves that the database takes writes.
    sa.Column("role", sa.String, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    # The workflow's id in DBOS: what is asked for twice is one job. No foreign keys: a job outlives what it
    # was about, and holds ids alone.
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("repository_id", sa.BigInteger, nullable=False),
    sa.Column("installation_id", sa.BigInteger, nullable=False),
    sa.Column("thread_key", sa.String, nullable=False),
    # Jobs of a thread run in this order: the numbers of their deliveries.
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("put_at", UtcDateTime, nullable=False),
    # It rests until then; its thread waits with it.
    sa.Column("due_at", UtcDateTime, nullable=True),
    # Since when it is in the workers' hands; none while it waits for its turn.
    sa.Column("released_at", UtcDateTime, nullable=True),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("ended_at", UtcDateTime, nullable=True),
    sa.Column("error", Text, nullable=False),
    one_of("outcome", JobOutcome),
    # What has ended says when.
    sa.CheckConstraint("(outcome = '') = (ended_at IS NULL)", name="ended_sometime"),
    sa.Index("ix_jobs_outcome_thread_key_place", "outcome", "thread_key", "place"),
    sa.Index("ix_jobs_installation_id_released_at", "installation_id", "released_at"),
)

job_attempts = sa.Table(
    "job_attempts",
    metadata,
    # Written before a step begins: one that kills its process is counted too, as an attempt without an end.
    sa.Column("job_id", sa.String, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("executor_id", sa.String, nullable=False),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime, nullable=True),
    # "" for a success, and for an attempt that was handed back because its worker stopped.
    sa.Column("error", Text, nullable=False),
    sa.PrimaryKeyConstraint("job_id", "number"),
    sa.Index("ix_job_attempts_executor_id", "executor_id"),
)

executors = sa.Table(
    "executors",
    metadata,
    # A worker's process. While its row is here and its beat is young, nobody else touches its jobs; both
    # times are of the database's clock.
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("beat_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("slots > 0", name="slots_some"),
)

adapters = sa.Table(
    "adapters",
    metadata,
    # The manifest's id: a hash over all that an adapter is, so that it names these very bytes.
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("folder", Text, nullable=False),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("base", sa.String, nullable=False),
    sa.Column("template", sa.String, nullable=False),
    sa.Column("snapshot", sa.String, nullable=False),
    sa.Column("parent", sa.String, nullable=False),
    # Who alone may be answered by it: an account, or one private repository of it; 0 for everybody.
    sa.Column("installation_id", sa.BigInteger, nullable=False),
    sa.Column("repository_id", sa.BigInteger, nullable=False),
    sa.Column("added_at", UtcDateTime, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("judged", Text, nullable=False),
    # Why the model server does not take it; "" where it does, or was not asked.
    sa.Column("fault", Text, nullable=False),
    # A private repository's adapter is its account's, too.
    sa.CheckConstraint("repository_id = 0 OR installation_id <> 0", name="somebodys"),
)

promotions = sa.Table(
    "promotions",
    metadata,
    sa.Column("number", BigId, primary_key=True, autoincrement=True),
    # An installation, or 0 for all; with a repository, that one alone.
    sa.Column("scope", sa.BigInteger, nullable=False),
    sa.Column("repository_id", sa.BigInteger, nullable=False),
    # Rows are only added: the scope's last one is in force.
    sa.Column("place", sa.Integer, nullable=False),
    # NULL: none. Deferred, for a repository's adapter is erased with its promotions.
    sa.Column("adapter", sa.String, later("adapters.id"), nullable=True),
    sa.Column("former", sa.String, later("adapters.id"), nullable=True),
    sa.Column("share", sa.Integer, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("forced", sa.Boolean, nullable=False),
    # Of two who promote at once one is later, and is told so: a place is taken once.
    sa.UniqueConstraint("scope", "repository_id", "place"),
    sa.CheckConstraint("share BETWEEN 1 AND 100", name="share_in_percent"),
    # Some threads get an adapter; nothing is not shared out.
    sa.CheckConstraint("adapter IS NOT NULL OR share = 100", name="nothing_is_whole"),
    # Who goes round the gate says why.
    sa.CheckConstraint("NOT forced OR reason <> ''", name="forced_for_a_reason"),
    sa.CheckConstraint("repository_id = 0 OR scope <> 0", name="somebodys"),
)

runs = sa.Table(
    "runs",
    metadata,
    # A retraining each.
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("started_at", UtcDateTime, nullable=False, index=True),
    sa.Column("ended_at", UtcDateTime, nullable=True),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("snapshot", sa.String, nullable=False),
    sa.Column("adapter", sa.String, nullable=False),
    sa.Column("folder", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    one_of("status", RunStatus),
    # What has ended says when.
    sa.CheckConstraint("(status = 'running') = (ended_at IS NULL)", name="ended_sometime"),
)
