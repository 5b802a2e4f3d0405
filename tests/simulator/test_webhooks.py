"""Webhooks out, as Xero posts them (facts §10)."""

import json
from datetime import timedelta

from simulator.webhooks import GIVEN_UP, signature
from tests.simulator.desk import TENANT, an_invoice

URL, KEY = "https://exporter.example.com/xero/webhooks/harbour", "the webhook key"


class Receiver:
    """Whoever is posted to; checks signatures as Xero asks, unless told what to answer."""

    def __init__(self, answer=None):
        self.bodies, self.answer = [], answer

    def post(self, url, body, signed):
        assert url == URL
        status = self.answer or (200 if signed == signature(KEY, body) else 401)
        if status == 200:
            self.bodies.append(json.loads(body))
        return status, b""

    @property
    def events(self):
        return [event for body in self.bodies for event in body["events"]]


def subscribed(desk, receiver):
    webhooks = desk.state.webhooks
    webhooks.subscribe("app", URL, KEY)
    assert [one["came"] == one["wanted"] for one in webhooks.check_intent("app", receiver.post)] == [True] * 4
    receiver.bodies.clear()
    return webhooks


def send(desk, receiver):
    webhooks = desk.state.webhooks
    webhooks.gather(desk.state.world, desk.state.identity)
    return webhooks.send_due(desk.state.world.now(), receiver.post)


def test_an_invoice_that_is_made_paid_edited_and_voided_is_told_and_nothing_else_of_it(desk):
    receiver = Receiver()
    subscribed(desk, receiver)
    desk.put(an_invoice())
    desk.control("POST", f"organisations/{TENANT}/payments", {"invoice": "N-1", "amount": 1})
    desk.control("DELETE", f"organisations/{TENANT}/payments", {"invoice": "N-1"})
    desk.control("PATCH", f"organisations/{TENANT}/invoices", {"invoice": "N-1", "status": "VOIDED"})
    assert send(desk, receiver) == 4
    assert [one["eventType"] for one in receiver.events] == ["CREATE", "UPDATE", "UPDATE", "UPDATE"]
    (body,) = receiver.bodies
    assert (body["firstEventSequence"], body["lastEventSequence"]) == (1, 4)
    assert set(receiver.events[0]) == {
        "resourceUrl",
        "resourceId",
        "eventDateUtc",
        "eventType",
        "eventCategory",
        "tenantId",
        "tenantType",
    }
    assert {(one["tenantId"], one["eventCategory"]) for one in receiver.events} == {(TENANT, "INVOICE")}


def test_who_takes_wrong_signatures_or_answers_with_a_body_has_shown_no_intent(desk):
    webhooks = desk.state.webhooks
    webhooks.subscribe("app", URL, KEY)
    for careless in (lambda *_: (200, b""), lambda *_: (401, b""), lambda *_: (0, b"")):
        webhooks.check_intent("app", careless)
        assert webhooks.subscriptions["app"].status == "intent to receive required"
    desk.put(an_invoice())
    receiver = Receiver()
    assert send(desk, receiver) == 0
    assert receiver.bodies == []


def test_what_is_refused_comes_again_at_once_then_every_15_minutes_for_a_day(desk):
    subscribed(desk, Receiver())
    desk.put(an_invoice())
    away = Receiver(503)
    assert send(desk, away) == 0
    mine = desk.state.webhooks.subscriptions["app"]
    assert (mine.tries, mine.refused) == (2, 2)
    send(desk, away)
    assert mine.tries == 2, "a quarter of an hour is not over"
    desk.state.world.offset += timedelta(minutes=15, seconds=1)
    back = Receiver()
    assert send(desk, back) == 1
    desk.put(an_invoice("N-2"))
    send(desk, away)
    desk.state.world.offset += GIVEN_UP + timedelta(seconds=1)
    send(desk, away)
    assert mine.status == "disabled"


def test_posts_are_lost_or_come_twice_where_that_is_ordered(desk):
    receiver = Receiver()
    subscribed(desk, receiver)
    mine = desk.state.webhooks.subscriptions["app"]
    mine.losing = 1
    desk.put(an_invoice())
    send(desk, receiver)
    assert receiver.bodies == []
    mine.twice = True
    desk.put(an_invoice("N-2"))
    send(desk, receiver)
    assert len(receiver.bodies) == 2


def test_an_app_is_told_of_organisations_it_may_see_alone(desk):
    receiver = Receiver()
    subscribed(desk, receiver)
    desk.put(an_invoice())
    desk.state.identity.grants.clear()
    assert send(desk, receiver) == 0


def test_a_webhook_without_key_or_address_is_refused(desk):
    desk.control("PUT", "webhooks", {"client_id": "app", "url": "ftp://nowhere", "key": "k"}, status=(422,))
    desk.control("PUT", "webhooks", {"client_id": "nobody", "url": URL, "key": "k"}, status=(422,))
