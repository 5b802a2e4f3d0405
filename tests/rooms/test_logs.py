"""Logs: one canonical line per batch, nothing private in any of them."""

import io
import json
import logging
import re

import httpx
import pytest
import structlog
from sqlalchemy.exc import IntegrityError

from events.outgoing import DatabaseRestored
from store import outbox
from store.tables import Company
from tests import machines
from tests.builders import an_invoice
from tests.doors.host import Host
from web import main
from worker import logs


@pytest.fixture
def written():
    """What the process would write, as text."""
    kept = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    logs.set_up("DEBUG", "json")
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)  # servers of tests before leave theirs behind
    sink = io.StringIO()
    logging.getLogger().handlers[0].setStream(sink)
    yield sink
    structlog.configure(**kept[0])
    logging.getLogger().handlers[:], _ = kept[1], logging.getLogger().setLevel(kept[2])


def test_a_batch_has_one_line_that_leads_from_request_to_call(on_sqlite, written, monkeypatch):
    from worker.export import xero_call

    monkeypatch.setattr(xero_call, "_log", logs.log("exporter"))
    on_sqlite.ask(an_invoice("a"), an_invoice("b", line={"account_code": "299"}))
    on_sqlite.run()
    (line,) = [json.loads(text) for text in written.getvalue().splitlines() if "exporter.sent" in text]
    assert (line["size"], line["posted"], line["rejected"]) == (2, 1, 1)
    assert line["company"] == "harbour"
    assert line["requests"] == ["r1"]
    assert line["correlation_id"]
    assert line["batch"] == on_sqlite.attempts("a")[0].batch_id


@pytest.mark.parametrize("field", ["access_token", "secret", "client_name", "total", "number", "body"])
def test_a_field_that_is_not_on_the_list_is_withheld(written, field):
    logs.log("test").info("test.said", **{field: "canary"})
    assert "canary" not in written.getvalue()
    assert logs.WITHHELD in written.getvalue()


def test_an_export_writes_no_name_amount_number_or_token(on_sqlite, written):
    on_sqlite.ask(
        an_invoice(
            "a", number="CANARY-1", client={"id": "acme", "name": "Canary Ltd"}, line={"unit_amount": "4242.42"}
        )
    )
    on_sqlite.run()
    tokens = [token for grant in on_sqlite.simulator.state.identity.grants.values() for token in grant.access]
    for canary in ("CANARY-1", "Canary Ltd", "4242", *tokens):
        assert canary not in written.getvalue()


def test_an_exception_is_logged_by_kind_and_place_never_by_its_words_or_values(written):
    secret = "canary-value"
    try:
        int(f"canary-word {secret}")
    except ValueError:
        logs.log("test").exception("test.failed")
    (line,) = [json.loads(text) for text in written.getvalue().splitlines()]
    assert line["error"] == "ValueError"
    assert "test_logs.py" in line["where"]
    assert "canary" not in written.getvalue()


def test_what_the_database_refused_is_told_by_its_code_its_constraint_and_our_own_places(installation, written):
    for _ in range(2):
        try:
            with installation.store.write() as work:
                work.session.add(Company(id="canary", name="Canary Ltd", created_at=work.now))
        except IntegrityError:
            logs.log("test").exception("test.failed")
    (line,) = [json.loads(text) for text in written.getvalue().splitlines() if "test.failed" in text]
    on_sqlite = installation.store.engine.dialect.name == "sqlite"
    assert line["error"] == "IntegrityError"
    assert line["sqlstate"] == ("SQLITE_CONSTRAINT_PRIMARYKEY" if on_sqlite else "23505")
    assert line.get("constraint") == (None if on_sqlite else "companies_pkey")
    assert re.search(r" < store/unit_of_work.py:\d+ flush < store/unit_of_work.py:\d+ finish", line["where"])
    assert "canary" not in written.getvalue().lower().replace("connections.connected", "")


def test_what_the_database_refused_names_the_statement_by_the_function_that_made_it(installation, written):
    try:
        with installation.store.write() as work:
            told = outbox.Outgoing(DatabaseRestored(since=work.now, why="canary"), "", "database", "twice")
            outbox.publish(work, [told, told])
    except IntegrityError:
        logs.log("test").exception("test.failed")
    (line,) = [json.loads(text) for text in written.getvalue().splitlines() if "test.failed" in text]
    assert line["statement"] == "outbox.publish"
    assert "canary" not in str(line)


@pytest.mark.parametrize(
    ("given", "taken"), [("host-7:a.b_C", True), ("", False), ("two words", False), ("x" * 101, False)]
)
def test_a_request_has_one_id_in_its_answer_and_in_its_lines(on_sqlite, written, given, taken):
    """Whatever becomes of it: also where the application fails, and where the connection is refused before it."""
    with machines.served(main.serving(main.build(on_sqlite.tools), on_sqlite.settings)) as url:
        well = httpx.get(f"{url}/healthz", headers={"X-Request-Id": given}).headers["x-request-id"]
        assert (well == given) is taken
        host = Host(on_sqlite, url)
        object.__setattr__(on_sqlite.tools, "store", None)
        failed = host.get("/v1/companies/harbour/connection", **{"x-request-id": given})
        assert failed.status_code == 500
        large = httpx.get(f"{url}/healthz", headers={"X-Large": "x" * 40_000})
        assert (large.status_code, len(large.headers["x-request-id"])) == (431, 32)
        machines.wait_for(lambda: "ASGI" in written.getvalue())  # the line comes after the answer
    (line,) = [json.loads(text) for text in written.getvalue().splitlines() if "ASGI" in text]
    assert line["request_id"] == failed.headers["x-request-id"]
    assert "web/" in line["where"]
