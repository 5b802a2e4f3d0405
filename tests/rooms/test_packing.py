"""Contents are kept packed, and nobody who asks for them notices; what was kept before stays as it was."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from sqlmodel import select

from store import exports, migrate, packing
from store.tables import Batch, Export, LogEntry, OutboxEvent
from tests import machines
from tests.builders import an_invoice
from tests.installation import Installation

LINES = [
    {"description": f"Crew of four, day {day}: Māori Hill", "quantity": "7.5", "unit_amount": "45.00"}
    for day in range(5)
]
# As version 0.1.0 wrote it: rows like this one are there for ever.
KEPT = "~a00000108gxY5mYY4Gwx+uoaYTYXE5NxURHPB0dnXVcH3SGN+UaaCR2ZODri1hpTjDQ11jYB2AQA="
WORDS_A = "cc56d2a7e05e5ae19c477c6d07c90eea87fa57d306557483d537ab795cefedea"
WAS = '{"id":"i1","revision":0,"number":"N-1","client":{"id":"acme","name":"ACME Māori Hill"},"date":"2026-11-20"}'
TEXTS = ["", "{}", "~", "~a00000001", "null", WAS, WAS * 500, "é" * 70, json.dumps({"lines": LINES}), "x" * 9000]


def raw(installation, table, column):
    """What is in the rows, past everything that unpacks it."""
    with installation.store.read() as work:
        found = work.connection.exec_driver_sql(f"SELECT {column} FROM {table} ORDER BY 1")  # names of ours
        return [value for (value,) in found]


def test_what_was_packed_comes_back_whatever_it_was():
    for text in TEXTS:
        kept = packing.packed(text)
        assert packing.unpacked(kept) == text
        assert kept == text or kept.startswith("~a")
        assert packing.unpacked_bytes(packing.packed_bytes(text.encode())) == text.encode()
    assert packing.unpacked(WAS) == WAS
    assert packing.unpacked_bytes(WAS.encode()) == WAS.encode()


def test_words_never_change_since_rows_hold_on_to_them():
    assert packing.unpacked(KEPT) == WAS
    assert hashlib.sha256(packing.WORDS["a"]).hexdigest() == WORDS_A
    with pytest.raises(KeyError):
        packing.unpacked("~z" + KEPT[2:])  # of a later version


def test_contents_are_packed_and_everybody_reads_them(installation):
    installation.ask(an_invoice("i1", lines=LINES), mode="single")
    installation.run()
    installation.relay()
    for table, column in (
        ("exports", "wanted"), ("exports", "copy_kept"), ("exports", "xero_totals"), ("export_log", "proof"),
        ("outbox", "body"), ("batches", "body"),
    ):  # fmt: skip
        for value in raw(installation, table, column):
            assert bytes(value[:2], "ascii") == b"~a" if isinstance(value, str) else bytes(value[:2]) == b"~a", column
    with installation.store.read() as work:
        export = work.session.exec(select(Export)).one()
        assert json.loads(export.wanted)["lines"][4]["description"] == LINES[4]["description"]
        assert "Māori" in export.copy_kept
        assert json.loads(export.xero_totals)["totals"]["total"]
        assert json.loads(work.session.exec(select(LogEntry)).one().proof)["compared"]
        assert work.session.exec(select(Batch)).one().body.count(b"Crew of four, day") == len(LINES)
        assert all(json.loads(event.body)["id"] == event.id for event in work.session.exec(select(OutboxEvent)))


def started_anew(installation):
    """A process on the same database that has asked nothing yet."""
    chosen = installation.settings
    return Installation(chosen.database_url, chosen.redis_url, installation.simulator, chosen.xero_api_url)


def test_what_is_kept_from_before_is_read_and_changed_like_the_rest(installation):
    """A database of before, where packing begins later: an update needs the content and the copy of before."""
    with installation.store.write() as work:
        work.connection.exec_driver_sql("DELETE FROM packing")
    before = started_anew(installation)
    before.ask(an_invoice("i1", lines=LINES), request="r1")
    before.run()
    assert not any(value.startswith("~") for value in raw(before, "exports", "wanted"))
    with installation.store.write() as work:
        work.connection.exec_driver_sql("INSERT INTO packing (id, since) VALUES (0, CURRENT_TIMESTAMP)")
    later = started_anew(installation)
    later.ask(an_invoice("i1", revision=1, lines=[{**LINES[0], "quantity": "8"}, *LINES[1:]]), request="r2")
    later.run()
    assert float(later.books()[0]["LineItems"][0]["Quantity"]) == 8
    assert all(value.startswith("~") for value in raw(later, "exports", "wanted"))
    assert [one["data"]["outcome"] for one in later.events("invoice.export.succeeded")] == ["created", "updated"]


def test_a_call_takes_as_much_as_its_invoices_are_large_however_they_are_kept(installation):
    """What fits into a call is counted by what is sent, not by what is kept."""
    long = [{"description": "Crew " * 700, "quantity": "1", "unit_amount": "1.00"} for _ in range(20)]
    installation.ask(an_invoice("i1", lines=long), an_invoice("i2"))
    with installation.store.write() as work:
        sizes = [row.size for row in exports.pending(work, installation.organisation().lane, 10)]
        contents = [export.wanted for export in work.session.exec(select(Export).order_by(Export.id))]
    assert sizes == [len(content.encode()) for content in contents]
    assert sizes[0] > 70_000 > 10 * len(raw(installation, "exports", "wanted")[0])


@pytest.mark.parametrize("exports_there", [0, 1])
def test_a_database_with_contents_is_not_packed_while_the_version_before_may_read_it(exports_there, tmp_path):
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    migrate.upgrade(url, "0047")
    engine = machines.engine(url)
    row = {"company": "harbour", "tenant": "t", "invoice": "i1", "number": "N-1", "client": "acme"}
    moments = dict.fromkeys(("due_at", "created_at", "touched_at"), datetime(2026, 11, 20, tzinfo=UTC))
    with engine.begin() as connection:
        for _ in range(exports_there):
            connection.execute(insert(Export).values(**row, **moments))
    migrate.upgrade(url)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM packing").scalar() == 1 - exports_there
    engine.dispose()
