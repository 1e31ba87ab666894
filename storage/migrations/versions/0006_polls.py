"""When each answer is looked at again, and what looking cost of GitHub's rate limit."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "polls",
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("seen", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["answers.id"],
            name=op.f("fk_polls_answer_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_polls")),
    )
    op.create_table(
        "spendings",
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("minute", UtcDateTime(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("of", sa.Integer(), nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("ck_spendings_points_count_up")),
        sa.PrimaryKeyConstraint("installation_id", "resource", "minute", name=op.f("pk_spendings")),
    )


def downgrade() -> None:
    op.drop_table("spendings")
    op.drop_table("polls")
