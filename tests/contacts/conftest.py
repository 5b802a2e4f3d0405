"""A company whose admins may change contacts, and how they do it."""

import pytest

from tests.contacts.admin import Admin


@pytest.fixture
def admin(installation):
    """An admin of the company, on SQLite and on PostgreSQL."""
    return Admin(installation)


@pytest.fixture
def clerk_free(on_sqlite):
    """An admin on SQLite only, for what the database cannot matter to."""
    return Admin(on_sqlite)
