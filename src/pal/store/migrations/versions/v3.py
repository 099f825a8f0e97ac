"""Version 3: webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "webhooks",
        sa.Column("url", sa.String, primary_key=True),
        sa.Column("secret", sa.String, nullable=False),
        sa.Column("kinds", sa.String, nullable=False),
        sa.Column("said", sa.String, nullable=False),
    )
