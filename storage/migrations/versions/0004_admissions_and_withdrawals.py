"""Which questions were let in, and what people took back of what they taught."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("phrase_id", sa.String(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["phrase_id"],
            ["phrases.id"],
            name=op.f("fk_withdrawals_phrase_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_withdrawals_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("phrase_id", "actor_id", name=op.f("pk_withdrawals")),
    )
    op.create_index(op.f("ix_withdrawals_repository_id"), "withdrawals", ["repository_id"])
    op.create_table(
        "admissions",
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("refused", sa.String(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "refused IN ('', 'machine', 'blocked', 'closed', 'person', 'repository')",
            name=op.f("ck_admissions_refused_known"),
        ),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["questions.answer_id"],
            name=op.f("fk_admissions_answer_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_admissions_repository_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_admissions")),
    )
    op.create_index("ix_admissions_repository_id_day", "admissions", ["repository_id", "day"])


def downgrade() -> None:
    op.drop_table("admissions")
    op.drop_table("withdrawals")
