"""An answer's way to GitHub: intent, fence, sweeps; and when an installation may write again."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime
from storage.errors import DatabaseError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_CHECK = op.f("ck_answers_status_known")
_OLD = "status IN ('pending', 'posted', 'failed', 'deleted', 'cancelled')"
_NEW = "status IN ('pending', 'outdated', 'intent', 'posted', 'failed', 'deleted', 'cancelled')"


def upgrade() -> None:
    _restate(_NEW)
    op.add_column("answers", sa.Column("fence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("answers", sa.Column("intent_at", UtcDateTime(), nullable=True))
    op.add_column("answers", sa.Column("sweeps", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_answers_intent_at", "answers", ["intent_at"])
    op.create_table(
        "paces",
        sa.Column("installation_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("turns", sa.JSON(), nullable=False),
        sa.Column("paused_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("installation_id", name=op.f("pk_paces")),
    )


def downgrade() -> None:
    op.drop_table("paces")
    op.drop_index("ix_answers_intent_at", "answers")
    op.execute("UPDATE answers SET status = 'pending' WHERE status IN ('intent', 'outdated')")
    for column in ("sweeps", "intent_at", "fence"):
        op.drop_column("answers", column)
    _restate(_OLD)


def _restate(status: str) -> None:
    """Say anew which statuses there are. SQLite changes no constraint: there the table is written anew."""
    with op.batch_alter_table("answers") as table:
        table.drop_constraint(_CHECK, type_="check")
        table.create_check_constraint(_CHECK, status)
    if op.get_bind().dialect.name == "postgresql":
        return
    if op.get_bind().exec_driver_sql("PRAGMA foreign_key_check").first():
        raise DatabaseError("rows refer to answers that are not there: restore the database from a backup")
