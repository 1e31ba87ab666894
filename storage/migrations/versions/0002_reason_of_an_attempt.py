"""Why a prompt was written anew: what the attempt before it lacked."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("prompts") as table:
        table.add_column(sa.Column("reason", sa.String, nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("prompts") as table:
        table.drop_column("reason")
