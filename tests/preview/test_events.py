"""A preview asked for by event: accepted means committed, answered once, whatever dies or waits meanwhile."""

import pytest
import redis

from events.codec import Unreadable
from store import connections, inbox
from store import previews as stored
from store.tables import Preview
from tests.builders import COMPANY, TENANT, an_invoice, invoices
from worker.intake import intake
from worker.preview import preview as previews


def asking(*wanted, preview="p1", company=COMPANY, event_id=""):
    return {
        "specversion": "1.0",
        "id": event_id or f"event-{preview}",
        "source": "crewcard/test",
        "type": "invoice.export.preview_requested",
        "data": {
            "company": company,
            "request": preview,
            "requested_by": {"id": "anna"},
            "invoices": list(wanted) or [an_invoice()],
        },
    }


def ask(installation, *wanted, **other):
    return intake.accept(installation.tools, asking(*wanted, **other))


def previewed(installation, preview="p1"):
    return [event["data"] for event in installation.events("invoice.export.previewed", request=preview)]


def kept(installation, preview="p1", company=COMPANY):
    with installation.store.read() as work:
        return work.session.get(Preview, (company, preview))


def test_a_preview_asked_for_by_event_is_answered_by_one_event_with_its_cause(installation):
    unreadable = an_invoice("c", date="tomorrow")
    receipt = ask(installation, an_invoice("a"), an_invoice("b", line={"account_code": "299"}), unreadable)
    assert (receipt.request, receipt.invoices) == ("p1", 3)
    assert previews.answer_next(installation.tools)
    (event,) = installation.events("invoice.export.previewed")
    assert (event["causationid"], event["subject"]) == ("event-p1", "p1")
    told = event["data"]
    assert [(row["invoice"], row["verdict"]) for row in told["invoices"]] == [
        ("a", "create"),
        ("b", "fail"),
        ("c", "fail"),
    ]
    assert told["counts"] == {"create": 1, "fail": 2}
    assert told["totals"] == [{"currency": "USD", "subtotal": "100.00", "tax": "10.00", "total": "110.00"}]
    assert (told["fine"], told["complete"]) == (False, True)
    assert not previews.answer_next(installation.tools)
    assert installation.books() == []


def test_the_same_event_again_changes_nothing_and_another_with_its_id_is_refused(on_sqlite):
    ask(on_sqlite)
    assert ask(on_sqlite).repeated
    with pytest.raises(inbox.OtherBody):
        ask(on_sqlite, an_invoice("other"))
    with pytest.raises(Unreadable, match="harbour has a preview “p1” already"):
        ask(on_sqlite, event_id="another")
    while previews.answer_next(on_sqlite.tools):
        pass
    assert len(previewed(on_sqlite)) == 1


def test_more_than_500_invoices_are_refused_with_the_number(on_sqlite):
    with pytest.raises(Unreadable, match="at most 500"):
        ask(on_sqlite, *invoices(501))


def test_a_preview_whose_worker_died_is_taken_again_when_its_lease_is_over(installation):
    ask(installation)
    with installation.store.write() as work:
        assert stored.take(work, previews.LEASE_SECONDS).id == "p1"
    assert not previews.answer_next(installation.tools)
    installation.later(previews.LEASE_SECONDS + 1)
    assert previews.answer_next(installation.tools)
    assert len(previewed(installation)) == 1


def test_a_preview_waits_for_a_limit_and_in_the_end_is_answered_with_what_was_seen(on_sqlite):
    ask(on_sqlite)
    on_sqlite.simulator.state.faults.set({"limit_minute": 1.0, "reads": True})
    assert previews.answer_next(on_sqlite.tools)
    assert previewed(on_sqlite) == []
    assert not previews.answer_next(on_sqlite.tools)
    on_sqlite.later(previews.PATIENCE_SECONDS)
    assert previews.answer_next(on_sqlite.tools)
    (told,) = previewed(on_sqlite)
    assert (told["complete"], told["invoices"][0]["verdict"]) == (False, "create")


def test_without_redis_no_call_is_made_and_the_preview_waits(on_sqlite, monkeypatch):
    ask(on_sqlite)
    away = redis.Redis(unix_socket_path="/nowhere/redis.sock")
    monkeypatch.setattr(on_sqlite.tools.targets["xero"].pace, "_ask", away.register_script("return 1"))
    assert previews.answer_next(on_sqlite.tools)
    assert (previewed(on_sqlite), on_sqlite.calls()) == ([], [])
    monkeypatch.undo()
    on_sqlite.later(11)
    assert previews.answer_next(on_sqlite.tools)
    assert previewed(on_sqlite)[0]["complete"]


def test_a_preview_that_breaks_the_worker_each_time_is_given_up_and_says_so(on_sqlite):
    ask(on_sqlite)
    ask(on_sqlite, preview="p2")
    with on_sqlite.store.write() as work:
        work.session.get(Preview, (COMPANY, "p1")).body = "no longer an event"
        work.session.flush()
    for _ in range(6):
        while previews.answer_next(on_sqlite.tools):
            pass
        on_sqlite.later(11)
    assert kept(on_sqlite).state == "answered"
    assert "could not be worked out" in previewed(on_sqlite)[0]["warnings"][0]
    assert previewed(on_sqlite, "p2")[0]["fine"]


def test_a_company_that_was_never_connected_gets_its_preview_at_once(make_installation, sqlite_url):
    installation = make_installation(sqlite_url)
    installation.company()
    ask(installation)
    installation.simulator.state.world.calls.clear()
    with installation.store.write() as work:
        connections.set_state(work, connections.locked(work, COMPANY), "needs_login", "login_ended")
    assert previews.answer_next(installation.tools)
    assert "login" in previewed(installation)[0]["forecast"]["waits_for"]
    assert installation.calls() == []


def test_a_preview_does_not_stand_in_the_way_of_the_export(on_sqlite):
    ask(on_sqlite)
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    assert on_sqlite.answers()["i1"]["outcome"] == "created"
    previews.answer_next(on_sqlite.tools)
    assert previewed(on_sqlite)[0]["counts"] == {"unchanged": 1}


def test_previews_of_one_company_are_nobody_elses(on_sqlite):
    on_sqlite.company("quay", "99999999-2222-4333-8444-555555555555")
    ask(on_sqlite)
    ask(on_sqlite, company="quay", event_id="e2")
    while previews.answer_next(on_sqlite.tools):
        pass
    assert [told["company"] for told in previewed(on_sqlite)] == [COMPANY, "quay"]
    tenants = {call["tenant"] for call in on_sqlite.calls()}
    assert tenants == {TENANT, "99999999-2222-4333-8444-555555555555"}
