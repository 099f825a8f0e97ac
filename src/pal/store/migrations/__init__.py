"""From the tables of an older store to today's, by Alembic; one file a version, and none is ever changed again."""
