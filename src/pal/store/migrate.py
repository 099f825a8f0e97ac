"""Tables of any released version become today's, in one transaction.

Two marks say which version a store has: Alembic's own, and the note ``schema``, which every pal has read so far. A new
store gets today's tables at once, without Alembic, which takes a third of a second to import.
"""

from pathlib import Path

import sqlalchemy as sa

from pal.errors import StoreError, require_extra
from pal.store.tables import META, METADATA, SCHEMA

# As Alembic makes it.
_ALEMBIC = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True, nullable=False)
)
_ALEMBIC.primary_key.name = "alembic_version_pkc"


def version(connection: sa.Connection, /) -> str | None:
    """Version of a store's tables; None if there are none."""
    if not sa.inspect(connection).has_table(META.name):
        return None
    # The first release made its tables a moment before it noted their version.
    return connection.execute(sa.select(META.c.value).where(META.c.key == "schema")).scalar_one_or_none() or "1"


def migrate(connection: sa.Connection, name: str, /) -> None:
    """Bring the tables up to date; nothing is kept if a step fails.

    Parameters
    ----------
    connection
        Inside a writing transaction that keeps others away.
    name
        How messages call the store.

    Raises
    ------
    StoreError
        If a newer pal made them.
    MissingExtraError
        If steps are to be taken and Alembic isn't installed.
    """
    found = version(connection)
    if found == SCHEMA:
        return
    if found is not None and not (found.isdecimal() and int(found) < int(SCHEMA)):
        raise StoreError(
            f"the log {name} has tables of version {found}, expected {SCHEMA} or older; use the pal that wrote it"
        )
    if found is None:
        # What is there all the same isn't ours, and stays.
        METADATA.create_all(connection, checkfirst=False)
        _ALEMBIC.create(connection, checkfirst=False)
        connection.execute(sa.insert(_ALEMBIC), {"version_num": SCHEMA})
    else:
        _step_up(connection, found)
    connection.execute(sa.delete(META).where(META.c.key == "schema"))
    connection.execute(sa.insert(META), {"key": "schema", "value": SCHEMA})


def _step_up(connection: sa.Connection, found: str) -> None:
    """Take every step from an older version on."""
    try:
        from alembic import command
        from alembic.config import Config
    except ImportError:
        raise require_extra("alembic", "annotate") from None

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    if not sa.inspect(connection).has_table("alembic_version"):
        command.stamp(config, found)
    command.upgrade(config, "head")
