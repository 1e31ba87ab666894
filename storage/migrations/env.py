"""Alembic's entry: runs on the connection that `Database.migrate()` hands over, inside its transaction."""

from alembic import context

from storage.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("migrations run through `Database(url).migrate()`, not through the alembic command")
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
