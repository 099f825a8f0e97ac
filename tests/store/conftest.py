import pytest

from tests.store.postgres import cluster


@pytest.fixture(scope="session")
def new_database():
    """Make an empty PostgreSQL database: a function that returns its address."""
    with cluster() as database:
        yield database
