"""Why people dislike or hide an answer, and what replies propose until somebody confirms it."""

import sqlalchemy as sa
from alembic import op

from storage.columns import Text, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OLD = "kind IN ('reaction', 'edit', 'deletion', 'retraction')"
_NEW = "kind IN ('reaction', 'edit', 'deletion', 'hidden', 'reason', 'reply', 'retraction')"
_KIND = op.f("ck_feedback_kind_known")
_REASON = op.f("ck_feedback_reason_given")
_SAID = "(kind IN ('hidden', 'reason')) = (reason <> '')"


def upgrade() -> None:
    op.add_column("feedback", sa.Column("reason", sa.String(), nullable=False, server_default=""))
    _restate({_KIND: _NEW, _REASON: _SAID}, (_KIND,))
    op.create_table(
        "proposals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("wrong", Text(), nullable=False),
        sa.Column("right", Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_login", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "decision IN ('open', 'confirmed', 'refused')", name=op.f("ck_proposals_decision_known")
        ),
        sa.CheckConstraint(
            "(decision = 'open') = (decided_at IS NULL)", name=op.f("ck_proposals_decided_once")
        ),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["answers.id"],
            name=op.f("fk_proposals_answer_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_index(op.f("ix_proposals_answer_id"), "proposals", ["answer_id"])


def downgrade() -> None:
    op.drop_table("proposals")
    op.execute("DELETE FROM feedback WHERE kind IN ('hidden', 'reason', 'reply')")
    _restate({_KIND: _OLD}, (_KIND, _REASON))
    op.drop_column("feedback", "reason")


def _restate(new: dict[str, str], old: tuple[str, ...]) -> None:
    """Say anew which kinds there are. SQLite changes no constraint: there the table is written anew."""
    with op.batch_alter_table("feedback") as feedback:
        for name in old:
            feedback.drop_constraint(name, type_="check")
        for name, text in new.items():
            feedback.create_check_constraint(name, text)
