"""What repositories chose in their files, and answers that wait for an approval."""

import sqlalchemy as sa
from alembic import op

from storage.columns import Text, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("questions", sa.Column("trigger", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "config_files",
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("text", Text(), nullable=True),
        sa.Column("fault", sa.String(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_config_files")),
    )
    op.create_table(
        "configurations",
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("mention", sa.Boolean(), nullable=False),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("learning", sa.String(), nullable=True),
        sa.Column("as_of", UtcDateTime(), nullable=True),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("told_in", sa.String(), nullable=False),
        sa.CheckConstraint(
            "learning IN ('on', 'frozen', 'off')", name=op.f("ck_configurations_learning_known")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_configurations_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_configurations")),
    )
    op.create_index(op.f("ix_configurations_installation_id"), "configurations", ["installation_id"])
    op.create_table(
        "drafts",
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "decision IN ('waiting', 'approved', 'discarded', 'expired')",
            name=op.f("ck_drafts_decision_known"),
        ),
        sa.CheckConstraint(
            "(decision = 'waiting') = (decided_at IS NULL)", name=op.f("ck_drafts_decided_at_some_time")
        ),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["answers.id"],
            name=op.f("fk_drafts_answer_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_drafts_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_drafts")),
    )
    op.create_index("ix_drafts_decision_made_at", "drafts", ["decision", "made_at"])


def downgrade() -> None:
    op.drop_table("drafts")
    op.drop_table("configurations")
    op.drop_table("config_files")
    op.drop_column("questions", "trigger")
