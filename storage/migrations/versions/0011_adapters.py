"""Adapters, which of them is in force for whom, and the runs that made them."""

import sqlalchemy as sa
from alembic import op

from storage.columns import Text, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("generations", sa.Column("adapter", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "adapters",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("folder", Text(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("snapshot", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("judged", Text(), nullable=False),
        sa.Column("fault", Text(), nullable=False),
        sa.CheckConstraint("repository_id = 0 OR installation_id <> 0", name=op.f("ck_adapters_somebodys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapters")),
    )
    _create_promotions()
    op.create_table(
        "runs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("snapshot", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("folder", Text(), nullable=False),
        sa.Column("reason", Text(), nullable=False),
        sa.CheckConstraint(
            "status IN ('running', 'promoted', 'kept', 'skipped', 'failed')",
            name=op.f("ck_runs_status_known"),
        ),
        sa.CheckConstraint("(status = 'running') = (ended_at IS NULL)", name=op.f("ck_runs_ended_sometime")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_started_at"), "runs", ["started_at"])


def downgrade() -> None:
    op.drop_table("runs")
    op.drop_table("promotions")
    op.drop_table("adapters")
    op.drop_column("generations", "adapter")


def _create_promotions() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "promotions",
        sa.Column("number", number, autoincrement=True, nullable=False),
        sa.Column("scope", sa.BigInteger(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=True),
        sa.Column("former", sa.String(), nullable=True),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", Text(), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column],
                ["adapters.id"],
                name=op.f(f"fk_promotions_{column}"),
                initially="DEFERRED",
                deferrable=True,
            )
            for column in ("adapter", "former")
        ),
        sa.UniqueConstraint(
            "scope", "repository_id", "place", name=op.f("uq_promotions_scope_repository_id_place")
        ),
        sa.CheckConstraint("share BETWEEN 1 AND 100", name=op.f("ck_promotions_share_in_percent")),
        sa.CheckConstraint("adapter IS NOT NULL OR share = 100", name=op.f("ck_promotions_nothing_is_whole")),
        sa.CheckConstraint("NOT forced OR reason <> ''", name=op.f("ck_promotions_forced_for_a_reason")),
        sa.CheckConstraint("repository_id = 0 OR scope <> 0", name=op.f("ck_promotions_somebodys")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_promotions")),
    )
