"""Deliveries are kept a while to be looked at, within bounds, and are never in the way of what is delivered."""

import json

import pytest
from sqlalchemy import event
from sqlmodel import col, func, select

from store import deliveries, pruning, sinks
from store.endpoints import door_of
from store.tables import DeliveryTry, OutboxEvent
from tests.builders import COMPANY, an_invoice, invoices
from tests.hosts import callback
from tests.hosts.conftest import deliver
from worker import pruner
from worker.delivery import endpoints
from worker.delivery.endpoints import EndpointRefused
from worker.delivery.webhooks import endpoint_health


def tried(telling, **chosen):
    with telling.store.read() as work:
        return deliveries.newest(work, **chosen)


def answering(status, text):
    def answer(handler):
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


def test_each_try_is_kept_with_what_came_of_it(telling, endpoint):
    endpoint.answer = answering(500, "database \0is away, token=abc.def " + "x" * 3000)
    deliver(telling)
    telling.later(3600)
    endpoint.answer = 200
    deliver(telling)
    taken, missed = tried(telling)
    assert (missed.tries, missed.status, missed.trouble, missed.type) == (
        1,
        500,
        "answered 500",
        "xero.connection.connected",
    )
    assert missed.answer.startswith("database \N{REPLACEMENT CHARACTER}is away, token=[left out] xxx")
    assert len(missed.answer) <= 1100
    assert (taken.tries, taken.status, taken.trouble, taken.event_id) == (2, 200, "", missed.event_id)
    with telling.store.read() as work:
        assert deliveries.numbered(work, taken.id).sent == endpoint.came[-1][1]
        assert deliveries.numbered(work, 999) is None
    (health,) = endpoint_health(telling.tools)
    assert health.taken > health.missed


@pytest.mark.parametrize(
    "secret",
    [
        callback.SECRET,
        callback.SECRET.removeprefix("whsec_"),
        "whsec_QUJD",
        "Bearer abc.def-1",
        "Authorization: Basic cXE=",
    ],
)
def test_no_secret_in_an_answer_is_kept(telling, endpoint, secret):
    endpoint.answer = answering(200, f"you sent {secret}!")
    deliver(telling)
    (one,) = tried(telling)
    assert secret.rpartition(" ")[2] not in one.answer
    assert "[left out]" in one.answer


def test_a_bulks_deliveries_stay_within_bounds(telling, endpoint, monkeypatch):
    monkeypatch.setattr(deliveries, "KEPT_PER_DOOR", 5)
    telling.ask(*invoices(9))
    telling.run()
    deliver(telling)
    newest = [one.id for one in tried(telling)[:5]]
    assert pruner.prune(telling.tools, "clock") == len(endpoint.came) - 5
    assert [one.id for one in tried(telling)] == newest
    telling.later(15 * 86_400)
    pruner.prune(telling.tools, "clock")
    assert tried(telling) == []


def test_the_pruner_looks_at_those_endpoints_alone_at_which_something_was_tried_since(telling, monkeypatch):
    monkeypatch.setattr(deliveries, "KEPT_PER_DOOR", 2)
    one = {"event_id": "e", "tries": 1, "status": 200, "milliseconds": 1, "trouble": "", "answer": ""}
    looks = []

    @event.listens_for(telling.store.engine, "before_cursor_execute")
    def count(_connection, _cursor, statement, *_):
        looks.extend(["look"] * ("ORDER BY deliveries.id DESC" in statement))

    def looked_at():
        looks.clear()
        return clock.prune(), len(looks)

    clock = pruner.Pruner(telling.tools, "clock")
    with telling.store.write() as work:
        for door in ("a", "b"):
            deliveries.note(work, door, [one] * 3)
    assert looked_at() == (2, 4), "each until nothing is left to do there"
    with telling.store.write() as work:
        deliveries.note(work, "b", [one])
    assert looked_at() == (1, 2)
    assert looked_at() == (0, 0)
    event.remove(telling.store.engine, "before_cursor_execute", count)


def test_an_event_that_is_kept_no_longer_leaves_its_tries_to_be_looked_at(telling, endpoint):
    telling.ask(an_invoice())
    telling.run()
    deliver(telling)
    with telling.store.write() as work:
        pruning.events_out(work, work.after(1), ())
    seen = tried(telling)
    assert len(seen) == len(endpoint.came)
    assert None in {one.type for one in seen}


def test_nothing_goes_to_an_endpoint_that_is_switched_off_and_all_of_it_afterwards(telling, endpoint, other_endpoint):
    made = endpoints.add(telling.tools, "olga", COMPANY, other_endpoint.url)
    endpoints.switch(telling.tools, "olga", made.id, off=True)
    deliver(telling)
    telling.ask(an_invoice())
    telling.run()
    deliver(telling)
    assert (len(endpoint.came) > 0, other_endpoint.came) == (True, [])
    assert [one.off_since is not None for one in endpoint_health(telling.tools)] == [False, True]
    with pytest.raises(EndpointRefused):
        endpoints.resend(telling.tools, "olga", sinks.FeedSelection(), made.id)
    endpoints.switch(telling.tools, "olga", made.id, off=False)
    deliver(telling)
    assert sorted(other_endpoint.ids) == sorted(event["id"] for event in telling.events())


def test_what_goes_again_is_chosen_by_request_or_by_invoice_though_one_is_called_as_the_other(telling, endpoint):
    telling.ask(an_invoice("i1"), request="r1")
    telling.ask(an_invoice("i2"), an_invoice("r1"), request="i2")
    telling.run()
    deliver(telling)
    said = [event["data"] for event in telling.events()]
    for name, id_ in (("request", "r1"), ("request", "i2"), ("invoice", "r1"), ("invoice", "i2"), ("request", "R1")):
        chosen = endpoints.to_resend(telling.tools, sinks.FeedSelection(**{name: id_}))
        assert sum(chosen.values()) == sum(data.get(name) == id_ for data in said), (name, id_)


def test_an_endpoint_that_is_switched_off_keeps_no_old_events_for_ever(telling, endpoint, other_endpoint):
    made = endpoints.add(telling.tools, "olga", COMPANY, other_endpoint.url)
    endpoints.switch(telling.tools, "olga", made.id, off=True)
    telling.ask(*invoices(5))
    telling.run()
    deliver(telling)
    with telling.store.write() as work:
        pruning.events_out(work, work.after(1), ())
        left = work.session.exec(select(func.count()).select_from(OutboxEvent)).one()
    assert left == 1, "the newest numbers those to come"


def test_an_endpoint_moves_to_another_address_with_its_secret(telling, endpoint, other_endpoint):
    made = endpoints.add(telling.tools, "olga", COMPANY, "https://app.example.com/xero_webhook.php")
    endpoints.move(telling.tools, "olga", made.id, other_endpoint.url)
    telling.ask(an_invoice())
    telling.run()
    deliver(telling)
    assert len(other_endpoint.came) > 0
    second = endpoints.add(telling.tools, "olga", COMPANY, "https://app.example.com/second")
    for id_, url in ((second.id, other_endpoint.url), ("nothing", "https://a.example/"), (made.id, "ftp://a")):
        with pytest.raises(EndpointRefused):
            endpoints.move(telling.tools, "olga", id_, url)


def test_a_test_event_is_among_them_with_its_body_and_goes_with_its_endpoint(telling, endpoint, other_endpoint):
    made = endpoints.add(telling.tools, "olga", COMPANY, other_endpoint.url)
    endpoints.post_test(telling.tools, "olga", made.id)
    (one,) = tried(telling, door=door_of(made.id))
    assert json.loads(one.body)["type"] == "webhook.tested"
    endpoints.remove(telling.tools, "olga", made.id)
    with telling.store.read() as work:
        assert work.session.exec(select(DeliveryTry).where(col(DeliveryTry.door) == door_of(made.id))).all() == []
