"""Since which revision a phrase weighs what it weighs: what changed since a known one is found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("phrases", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.drop_index("ix_phrases_repository_id", "phrases")
    op.create_index("ix_phrases_repository_id_revision", "phrases", ["repository_id", "revision"])


def downgrade() -> None:
    op.drop_index("ix_phrases_repository_id_revision", "phrases")
    op.create_index("ix_phrases_repository_id", "phrases", ["repository_id"])
    op.drop_column("phrases", "revision")
