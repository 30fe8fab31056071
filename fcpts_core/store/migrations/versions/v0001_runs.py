"""The table of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("method", sa.String(100), nullable=False),
        sa.Column("target_sparsity", sa.Float, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("threads", sa.Integer, nullable=False),
        sa.Column("started", sa.Float, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("sparsity", "accuracy", "dense_accuracy")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("step", "steps")),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("finished", sa.Float),
        sa.Column("owner", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("title", "tags", "note", "label", "reason")),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Float),
        sa.Column("version", sa.String(40), nullable=False),
    )
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_index("ix_runs_started", "runs", ["started"])


def downgrade() -> None:
    op.drop_table("runs")
