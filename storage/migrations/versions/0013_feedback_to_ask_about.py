"""Which feedback was recorded while learning was frozen: GitHub is asked about its people before its use."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feedback", sa.Column("pending", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE feedback SET pending = true WHERE kind <> 'retraction'"
        " AND repository_id IN (SELECT id FROM repositories WHERE learning = 'frozen')"
        " AND id NOT IN (SELECT event_id FROM evidence)"
    )
    op.create_index("ix_feedback_pending_repository_id", "feedback", ["pending", "repository_id"])


def downgrade() -> None:
    op.drop_index("ix_feedback_pending_repository_id", table_name="feedback")
    op.drop_column("feedback", "pending")
