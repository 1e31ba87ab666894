"""The first tables: places, questions and answers, feedback, and what was learned."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _deliveries()
    _heartbeats()
    _repositories()
    _phrases()
    _questions()
    _answers()
    _changes()
    _evidence()
    _tombstones()
    _weights()
    _feedback()
    _prompts()
    _generations()
    _candidates()


def downgrade() -> None:
    for table in (
        "candidates",
        "generations",
        "prompts",
        "feedback",
        "weights",
        "tombstones",
        "evidence",
        "changes",
        "answers",
        "questions",
        "phrases",
        "repositories",
        "heartbeats",
        "deliveries",
    ):
        op.drop_table(table)


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("guid", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("guid", name=op.f("uq_deliveries_guid")),
        sqlite_autoincrement=True,
    )


def _heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_heartbeats")),
    )


def _repositories() -> None:
    op.create_table(
        "repositories",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("learning", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "learning IN ('on', 'frozen', 'off')", name=op.f("ck_repositories_learning_known")
        ),
        sa.CheckConstraint("revision >= 0", name=op.f("ck_repositories_revision_counts_up")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
    )


def _phrases() -> None:
    op.create_table(
        "phrases",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("right", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("limit_words", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('wording', 'correction', 'mention', 'length', 'silence')",
            name=op.f("ck_phrases_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_phrases_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phrases")),
    )
    op.create_index(op.f("ix_phrases_repository_id"), "phrases", ["repository_id"], unique=False)


def _questions() -> None:
    op.create_table(
        "questions",
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("post_kind", sa.String(), nullable=False),
        sa.Column("asker_id", sa.BigInteger(), nullable=False),
        sa.Column("asker_login", sa.String(), nullable=False),
        sa.Column("asker_is_bot", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "post_kind IN ('issue', 'issue_comment', 'pull_request_review_comment')",
            name=op.f("ck_questions_post_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_questions_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_questions")),
        sa.UniqueConstraint(
            "repository_id", "post_kind", "post_id", name=op.f("uq_questions_repository_id_post_kind_post_id")
        ),
    )


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=True),
        sa.Column("comment_kind", sa.String(), nullable=False),
        sa.Column("comment_id", sa.BigInteger(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "comment_kind IN ('issue', 'issue_comment', 'pull_request_review_comment')",
            name=op.f("ck_answers_comment_kind_known"),
        ),
        sa.CheckConstraint(
            "status <> 'posted' OR (comment_id IS NOT NULL AND posted_at IS NOT NULL)",
            name=op.f("ck_answers_posted_somewhere"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'posted', 'failed', 'deleted', 'cancelled')",
            name=op.f("ck_answers_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["questions.answer_id"], name=op.f("fk_answers_id"), initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_answers_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        sa.UniqueConstraint(
            "repository_id",
            "comment_kind",
            "comment_id",
            name=op.f("uq_answers_repository_id_comment_kind_comment_id"),
        ),
    )
    op.create_index("ix_answers_posted_at", "answers", ["posted_at"], unique=False)


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("phrase_id", sa.String(), nullable=False),
        sa.Column("before", sa.Float(), nullable=False),
        sa.Column("after", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_ids", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["phrase_id"],
            ["phrases.id"],
            name=op.f("fk_changes_phrase_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_changes_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_changes")),
    )
    op.create_index("ix_changes_repository_id_number", "changes", ["repository_id", "number"], unique=False)


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("phrase_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_login", sa.String(), nullable=False),
        sa.Column("permission", sa.String(), nullable=False),
        sa.Column("mass", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.CheckConstraint(
            "permission IN ('none', 'public', 'read', 'triage', 'write', 'maintain', 'admin')",
            name=op.f("ck_evidence_permission_known"),
        ),
        sa.ForeignKeyConstraint(
            ["phrase_id"],
            ["phrases.id"],
            name=op.f("fk_evidence_phrase_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("phrase_id", "event_id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_answer_id"), "evidence", ["answer_id"], unique=False)


def _tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("phrase_id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_login", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["phrase_id"],
            ["phrases.id"],
            name=op.f("fk_tombstones_phrase_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_tombstones_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("phrase_id", name=op.f("pk_tombstones")),
    )
    op.create_index(op.f("ix_tombstones_repository_id"), "tombstones", ["repository_id"], unique=False)


def _weights() -> None:
    op.create_table(
        "weights",
        sa.Column("phrase_id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("ups", sa.Float(), nullable=False),
        sa.Column("downs", sa.Float(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taught_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contexts", sa.JSON(), nullable=False),
        sa.Column("event_ids", sa.JSON(), nullable=False),
        sa.CheckConstraint("ups >= 0 AND downs >= 0", name=op.f("ck_weights_masses_positive")),
        sa.CheckConstraint("weight BETWEEN -1 AND 1", name=op.f("ck_weights_weight_bounded")),
        sa.ForeignKeyConstraint(
            ["phrase_id"],
            ["phrases.id"],
            name=op.f("fk_weights_phrase_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_weights_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("phrase_id", name=op.f("pk_weights")),
    )
    op.create_index(op.f("ix_weights_repository_id"), "weights", ["repository_id"], unique=False)


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_login", sa.String(), nullable=False),
        sa.Column("actor_is_bot", sa.Boolean(), nullable=False),
        sa.Column("permission", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reaction", sa.String(), nullable=True),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("retracts", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'reaction') = (reaction IS NOT NULL)", name=op.f("ck_feedback_reaction_named")
        ),
        sa.CheckConstraint(
            "(kind = 'retraction') = (retracts <> '')", name=op.f("ck_feedback_retraction_named")
        ),
        sa.CheckConstraint(
            "kind IN ('reaction', 'edit', 'deletion', 'retraction')", name=op.f("ck_feedback_kind_known")
        ),
        sa.CheckConstraint(
            "permission IN ('none', 'public', 'read', 'triage', 'write', 'maintain', 'admin')",
            name=op.f("ck_feedback_permission_known"),
        ),
        sa.CheckConstraint(
            "reaction IN ('+1', '-1', 'laugh', 'hooray', 'confused', 'heart', 'rocket', 'eyes')",
            name=op.f("ck_feedback_reaction_known"),
        ),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["answers.id"],
            name=op.f("fk_feedback_answer_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_feedback_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_answer_id"), "feedback", ["answer_id"], unique=False)
    op.create_index("ix_feedback_repository_id_at", "feedback", ["repository_id", "at"], unique=False)


def _prompts() -> None:
    op.create_table(
        "prompts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.Column("phrase_ids", sa.JSON(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["answers.id"],
            name=op.f("fk_prompts_answer_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
        sa.UniqueConstraint("answer_id", "attempt", name=op.f("uq_prompts_answer_id_attempt")),
    )


def _generations() -> None:
    op.create_table(
        "generations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("prompt_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("temperature", sa.Float(), nullable=False),
        sa.Column("top_p", sa.Float(), nullable=False),
        sa.Column("max_tokens", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("biased_phrase_ids", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["prompt_id"],
            ["prompts.id"],
            name=op.f("fk_generations_prompt_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generations")),
    )
    op.create_index(op.f("ix_generations_prompt_id"), "generations", ["prompt_id"], unique=False)


def _candidates() -> None:
    op.create_table(
        "candidates",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("generation_id", sa.String(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("logprob", sa.Float(), nullable=False),
        sa.Column("finish_reason", sa.String(), nullable=False),
        sa.Column("phrase_score", sa.Float(), nullable=False),
        sa.Column("similarity", sa.Float(), nullable=False),
        sa.Column("guards", sa.JSON(), nullable=False),
        sa.Column("violations", sa.JSON(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.CheckConstraint("phrase_score BETWEEN -1 AND 1", name=op.f("ck_candidates_phrase_score_bounded")),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
            name=op.f("fk_candidates_generation_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidates")),
        sa.UniqueConstraint("generation_id", "index", name=op.f("uq_candidates_generation_id_index")),
    )
