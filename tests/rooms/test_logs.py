"""Logs: one canonical line per batch, nothing private in any of them."""

import io
import json
import logging

import pytest
import structlog

from tests.builders import an_invoice
from worker import logs


@pytest.fixture
def written():
    """What the process would write, as text."""
    kept = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    logs.set_up("DEBUG", "json")
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
