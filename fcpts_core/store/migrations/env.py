"""Alembic's entry: runs the revisions on the database whose address the program hands over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from fcpts_core.store.database import METADATA

engine = sa.create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
