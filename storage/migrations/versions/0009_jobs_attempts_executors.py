"""Jobs with their place and outcome, the attempts at their steps, and the workers that are alive."""

import sqlalchemy as sa
from alembic import op

from storage.columns import Text, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("thread_key", sa.String(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("put_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("error", Text(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('', 'done', 'failed', 'parked', 'cancelled')", name=op.f("ck_jobs_outcome_known")
        ),
        sa.CheckConstraint("(outcome = '') = (ended_at IS NULL)", name=op.f("ck_jobs_ended_sometime")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_outcome_thread_key_place", "jobs", ["outcome", "thread_key", "place"])
    op.create_index("ix_jobs_installation_id_released_at", "jobs", ["installation_id", "released_at"])
    op.create_table(
        "job_attempts",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("executor_id", sa.String(), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("error", Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_job_attempts")),
    )
    op.create_index("ix_job_attempts_executor_id", "job_attempts", ["executor_id"])
    op.create_table(
        "executors",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("slots > 0", name=op.f("ck_executors_slots_some")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executors")),
    )


def downgrade() -> None:
    op.drop_table("executors")
    op.drop_table("job_attempts")
    op.drop_table("jobs")
