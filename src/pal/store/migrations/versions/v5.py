"""Version 5: a lease is a row a page, not one an item. Those of open pages end; late answers count all the same."""

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Make the table anew."""
    op.drop_table("leases")
    op.create_table(
        "leases",
        sa.Column("page", sa.String, primary_key=True),
        sa.Column("items", sa.Text, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
