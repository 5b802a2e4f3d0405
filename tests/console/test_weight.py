"""Beside a long log no page reads a whole table, on either database, and each is light enough for a phone."""

import contextlib
import re

import pytest
from sqlalchemy import event

from tests import machines
from tests.console.visiting import Person
from tests.console.world import address, routes
from tests.installation import Installation
from tests.rooms.test_indexes import BIG, SEED

MOST_BYTES = 200_000
# What grows with time beside what grows with invoices. What endpoints have not taken is counted whole: it ends.
GROWS = (*BIG[: BIG.index("redeliveries")], *BIG[BIG.index("redeliveries") + 1 :], "queue_quarters", "audit")
NAMES = {"harbour": "c7", "crane": "acme", "bad-1": "i447", "r1": "q7"}
OTHERS = (
    "/console?problems=all",
    "/console/queue?range=1+h",
    "/console/queue?range=7+d",
    "/console/companies/c7/queue?range=7+d",
    "/console/companies?state=needs_person",
    "/console/companies?q=c1",
    "/console/log?company=c7",
    "/console/log?company=c7&number=N-456&order=turned",
    "/console/log?outcome=failed",
    "/console/failures?company=c7",
    "/console/requests?company=c7&state=open",
    "/console/requests/c7/r7?sort=amount",
    "/console/search?q=N-456",
    "/console/search/suggestions?q=N-45",
    "/console/search/suggestions?q=777",
    "/console/search/suggestions?q=acme",
    "/console/audit?company=c7",
    "/console/developers/deliveries?state=failed",
)
_SERIES = "(WITH RECURSIVE s(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM s WHERE g < {}) SELECT g FROM s)"
# The same rows in the words of SQLite
_AS_SQLITE_SAYS_IT = (
    (r"generate_series\(1, (\d+)\) AS g", lambda found: _SERIES.format(found[1])),
    (r"g ([%/]) (\d+)", r"(g \1 \2)"),  # where a text is joined first
    (r"now\(\)", "strftime('%Y-%m-%d %H:%M:%f000', 'now')"),
    (r"E'\\n", "char(10) || '"),
    (r"md5\(g::text\)", "hex(g * 7919)"),
)
SEEDED = """
UPDATE export_log SET at = '2026-01-01 00:00:00' WHERE id % 100 > 0;
INSERT INTO companies (id, name, settings, created_at)
  SELECT DISTINCT company, 'Company ' || company, '{}', now() FROM n;
INSERT INTO queue_quarters (company, begins_at, kind, samples, total, most)
  SELECT CASE WHEN g % 20 = 0 THEN '' ELSE company END, now(), 'k' || g, 1, 1, 1 FROM n;
"""


def seeded(statements, *, on_sqlite):
    for old, new in _AS_SQLITE_SAYS_IT if on_sqlite else ():
        statements = re.sub(old, new, statements)
    return statements


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def long_lived(request, redis_url, simulated_xero, sqlite_template, tmp_path_factory):
    """An installation with a long life behind it, and somebody who sees all of it."""
    simulator, xero = simulated_xero
    simulator.state.reset()
    on_sqlite = request.param == "sqlite"
    if on_sqlite:
        path = tmp_path_factory.mktemp("weight") / "long.sqlite"
        path.write_bytes(sqlite_template)
        url = f"sqlite:///{path}"
    else:
        url = machines.copy_of_template(request.getfixturevalue("postgres"), "weight")
    made = Installation(url, redis_url, simulator, xero)
    statements = SEED.replace("ANALYZE;", "") + SEEDED + ("" if on_sqlite else "ANALYZE;")  # as each is at work
    with made.store.engine.begin() as connection:
        for one in seeded(statements, on_sqlite=on_sqlite).split(";\n"):
            if one.strip():
                connection.exec_driver_sql(one if on_sqlite else one.replace("%", "%%"))
    yield made
    made.store.engine.dispose()


@contextlib.contextmanager
def read_whole(installation):
    """Statements that read a table that grows from its beginning to its end, with their plans."""
    found = []

    def explain(_connection, cursor, statement, parameters, _context, _many):
        if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
            return
        with contextlib.closing(cursor.connection.cursor()) as other:
            if installation.store.engine.dialect.name == "sqlite":
                other.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plan = [row[3] for row in other.fetchall()]
                whole = [line for line in plan if re.match(rf"SCAN ({'|'.join(GROWS)})\b(?! USING)", line)]
            else:
                other.execute(f"EXPLAIN {statement}", parameters)
                plan = [row[0] for row in other.fetchall()]
                whole = [line for line in plan if re.search(rf"Seq Scan on ({'|'.join(GROWS)})\b", line)]
        found.extend((line, statement) for line in whole)

    event.listen(installation.store.engine, "before_cursor_execute", explain)
    yield found
    event.remove(installation.store.engine, "before_cursor_execute", explain)


def test_no_page_reads_a_whole_table_or_is_heavier_than_a_phone_takes(long_lived, console_of):
    admin = Person(long_lived, console_of(long_lived), "admin")
    admin.sign_in()
    pages = [re.sub(r"[\w-]+", lambda one: NAMES.get(one[0], one[0]), address(route)) for route in routes()]
    whole, heavy, missing = set(), {}, []
    for page in (*pages, *OTHERS):
        with read_whole(long_lived) as found:
            answer = admin.browser.get(page, follow_redirects=True)
        if answer.status_code == 404:
            missing.append(page)
        assert answer.status_code in (200, 404), (page, answer.text[:2000])
        whole |= {f"{line}: {statement}" for line, statement in found if "LIMIT" not in statement}
        if len(answer.content) > MOST_BYTES:
            heavy[page] = len(answer.content)
    assert heavy == {}
    assert whole == set()
    assert len(missing) < 8, missing
