"""Installations, when the App lost a repository, what was heard until when, and whom to forget."""

import json

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "repositories", sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("repositories", sa.Column("removed_at", UtcDateTime(), nullable=True))
    op.add_column("repositories", sa.Column("heard_until", UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_repositories_removed_at"), "repositories", ["removed_at"])
    op.add_column("deliveries", sa.Column("repository_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_deliveries_repository_id"), "deliveries", ["repository_id"])
    _name_repositories()
    op.create_table(
        "installations",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "standing IN ('active', 'suspended', 'removed')", name=op.f("ck_installations_standing_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
    )
    op.create_table(
        "sightings",
        sa.Column("guid", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("guid", name=op.f("pk_sightings")),
    )
    op.create_index(op.f("ix_sightings_at"), "sightings", ["at"])
    op.create_table(
        "marks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )
    op.create_table(
        "audits",
        sa.Column("number", BigId, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audits")),
    )
    op.create_table(
        "forgotten_people",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_forgotten_people")),
    )


def _name_repositories() -> None:
    """Deliveries that are kept already say in their bodies whose they are."""
    connection = op.get_bind()
    kept = sa.table("deliveries", sa.column("number"), sa.column("body"), sa.column("repository_id"))
    rows = connection.execute(sa.select(kept.c.number, kept.c.body)).all()
    for number, body in rows:
        try:
            repository_id = int(json.loads(bytes(body))["repository"]["id"])
        except (ValueError, TypeError, KeyError):
            continue
        connection.execute(kept.update().where(kept.c.number == number).values(repository_id=repository_id))


def downgrade() -> None:
    for table in ("forgotten_people", "audits", "marks", "sightings", "installations"):
        op.drop_table(table)
    op.drop_index(op.f("ix_deliveries_repository_id"), "deliveries")
    op.drop_column("deliveries", "repository_id")
    op.drop_index(op.f("ix_repositories_removed_at"), "repositories")
    for column in ("heard_until", "removed_at", "archived"):
        op.drop_column("repositories", column)
