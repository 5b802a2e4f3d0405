"""Machines are started once per test process; each test gets an empty database, an empty Valkey, an empty Xero."""

import gc
import os
import sys
from collections import defaultdict

import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import settings

from store import migrate
from tests import browser, machines
from tests.installation import Installation
from web import main
from worker import database as kept
from worker.users import hashing

# For the format `iri`, which no document of ours has, jsonschema would compile 39 grammars: two seconds a process.
sys.modules["rfc3987_syntax"] = None

# How many examples are generated where a test does not say so itself; `make thorough` chooses the other profile.
settings.register_profile("quick", max_examples=60, deadline=None)
settings.register_profile("thorough", max_examples=1500, deadline=None)
settings.load_profile("quick")

# Here every case runs on both databases: they keep text, numbers and locks, or are asked, in ways of their own.
BOTH_DATABASES = (
    "rooms/test_packing",
    "rooms/test_store",
    "journeys/test_promise_1",
    "journeys/test_promise_2",
    "journeys/test_promise_3",
    "journeys/test_promise_6",
    "journeys/test_any_id",
    "journeys/test_odd_answers.py::test_a_broken_text",
    "journeys/test_together",
    "journeys/test_races",
    "security/test_audit",
    "security/test_numbers_and_texts",
    "security/test_texts",
    "security/test_quotas",
    "status/test_one_status",
    "operations/test_backup",
    "operations/test_blind_spots",
    "operations/test_metrics",
    "rooms/test_migrations",
    "console/test_search",
    "watching/test_throughput",
    "journeys/test_pruning",
    "journeys/test_erasing",
    "journeys/test_removing",
    "attachments/test_journeys",
)


# What attacks an installation, what holds the simulated Xero against Xero's own documents, and what deploys, upgrades
# and restores whole installations: more than half of all the time, and seldom what a change breaks. `make test-ci`
# runs them, before and not beside what it has of its own.
IN_CI = ("security", "simulator", "operations", "system")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Rooms that `make test-ci` alone runs are marked.

    Elsewhere PostgreSQL tries each test with the first row of its table and SQLite the others; what is left is
    `thorough`."""
    rows = defaultdict(list)
    for item in items:
        if item.path.relative_to(item.config.rootpath).parts[1] in IN_CI:
            item.add_marker(pytest.mark.room_of_ci)
        case = getattr(item, "callspec", None)
        test = item.nodeid.partition("[")[0]
        if case and "database_url" in case.params and not any(f"tests/{place}" in test for place in BOTH_DATABASES):
            rows[test, case.params["database_url"]].append(item)
    for (test, database), (first, *others) in rows.items():
        left = others if database == "postgresql" else [first] if (test, "postgresql") in rows else []
        for item in left:
            item.add_marker(pytest.mark.thorough)


def pytest_collection_finish():
    """What was collected stays, and need not be looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)


@pytest.fixture(scope="session", autouse=True)
def _what_a_process_keeps(tmp_path_factory):
    """Commands in this process use the kept engines as well; one authority is read and not the world's; passwords
    are hashed with less work than real ones (how much that is `rooms/test_passwords.py` claims)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "engine_for", machines.engine)
        patch.setattr(main, "build", machines.with_kept_routes(main.build))
        patch.setenv("SSL_CERT_FILE", machines.an_authority(tmp_path_factory.mktemp("authority")))
        patch.setattr(hashing, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        *before, _ = structlog.get_config()["processors"]
        plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        structlog.configure(processors=[*before, plain])  # a traceback with its variables takes most of a second
        yield


@pytest.fixture(scope="session")
def redis_url():
    with machines.a_valkey() as url:
        yield url


@pytest.fixture(scope="session")
def simulated_xero():
    with machines.a_simulator() as found:
        yield found


@pytest.fixture(scope="module")
def chromium():
    """A browser for one module: while it is there, nothing else in this process may run an event loop."""
    with browser.a_chromium() as found:
        yield found


@pytest.fixture(scope="session")
def postgres():
    with machines.a_postgres() as url:
        template = machines.fresh_postgres_database(url, "template_route")
        migrate.upgrade(template)
        yield url


@pytest.fixture(scope="session")
def kept_postgres(postgres):
    """One migrated database for all tests of this process, emptied before each: forty times quicker than a copy."""
    return machines.copy_of_template(postgres, f"kept_{os.getpid()}")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A migrated SQLite database, its bytes."""
    path = tmp_path_factory.mktemp("template") / "route.sqlite"
    migrate.upgrade(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture(scope="session")
def kept_sqlite():
    """Where the SQLite database of this process lies: in memory where there is room."""
    with machines.a_quick_folder() as folder:
        yield folder / "route.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """An empty, migrated database of each kind."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    kept = request.getfixturevalue("kept_postgres")
    machines.empty(kept)
    return kept


@pytest.fixture
def sqlite_url(sqlite_template, kept_sqlite):
    return machines.a_database_file(sqlite_template, kept_sqlite)


@pytest.fixture
def make_installation(redis_url, simulated_xero):
    """Installations on a database; their engines are closed at the end."""
    simulator, url = simulated_xero
    simulator.state.reset()
    made = []

    def make(database: str, **chosen):
        installation = Installation(database, redis_url, simulator, url, **chosen)
        made.append(installation)
        return installation

    yield make
    for installation in made:
        installation.store.engine.dispose()


@pytest.fixture
def installation(make_installation, database_url):
    """An installation with one connected company, on SQLite and on PostgreSQL."""
    made = make_installation(database_url)
    made.company()
    return made


@pytest.fixture
def on_sqlite(make_installation, sqlite_url):
    """The same on SQLite only, for what the database cannot matter to."""
    made = make_installation(sqlite_url)
    made.company()
    return made
