"""No key takes what others need: the database, the doors' bytes, Xero's minute and day."""

import json

import pytest
from sqlmodel import func, select

from events.credentials import Scope
from events.orders import InvoiceExportCancelRequested
from events.publisher import NotAccepted, Publisher
from events.snapshot import Person
from store.tables import DeadLetter
from tests.builders import COMPANY, TENANT, an_invoice, contact_id, invoices
from tests.doors.host import problems
from tests.security.at_the_doors import a_click, an_event
from tests.security.at_the_doors import ground as ground  # noqa: PLC0414  # the fixture
from worker.contacts import changes
from worker.intake import intake
from worker.preview import preview as by_event

PREVIEWS = f"/v1/companies/{COMPANY}/previews"


def choose(ground, **chosen):
    """Other settings from now on."""
    object.__setattr__(ground.tools, "settings", ground.tools.settings.model_copy(update=chosen))


def limit(ground, **chosen):
    """Other limits of Xero's from now on."""
    import dataclasses

    ground.tools.targets["xero"].pace._limits = dataclasses.replace(
        ground.tools.targets["xero"].pace._limits, **chosen
    )


def kept(ground):
    with ground.tools.store.read() as work:
        asked = select(func.count(), func.coalesce(func.sum(func.length(DeadLetter.body)), 0))
        return work.session.exec(asked).one()


# -- dead letters


@pytest.mark.parametrize("shape", ["text", "json", "array"])
def test_a_key_fills_the_database_with_no_more_letters_than_it_may(ground, shape):
    choose(ground, open_dead_letters=3)
    host, said = ground.key("host"), []
    for number in range(6):
        broken = {**a_click(f"e{number}"), "type": "nothing"}
        if shape == "array":
            (one,) = host.post([broken]).json()["results"]
        else:
            one = host.post(json.dumps(broken)[: -1 if shape == "text" else None]).json()
        said.append(one)
        assert one["problems"][0].startswith("type: " if shape != "text" else "body: not JSON")
    assert [one["status"] for one in said] == [422] * 6
    assert ["is not kept" in one["problems"][-1] for one in said] == [False] * 3 + [True] * 3
    assert kept(ground)[0] == 3
    assert ground.key("other").post("{").status_code == 422
    assert host.post(a_click("good")).status_code == 202


def test_what_is_too_long_to_be_an_event_is_not_kept_whole(ground):
    host = ground.key("host")
    for number in range(3):
        refused = host.post(b"x" * 9_000_000 + str(number).encode())
        assert (refused.status_code, "not JSON" in problems(refused)[0]) == (422, True)
    assert kept(ground) == (3, 300_000)
    assert ground.letter().size == 9_000_001
    status, page = ground.mend("admin")
    assert (status, "only its beginning was kept" in page) == (422, True)
    assert "of which the first 100000 bytes are kept" in ground.people["admin"].see("/dead-letters/1").replace(
        ",", ""
    )


def test_the_letters_of_a_key_have_so_many_bytes(ground):
    choose(ground, open_dead_letter_bytes=10_000)
    host = ground.key("host")
    refused = [host.post(b"x" * 3000 + bytes([65 + n])) for n in range(5)]
    assert [one.status_code for one in refused] == [422] * 5
    assert ["is not kept" in problems(one)[-1] for one in refused] == [False] * 3 + [True] * 2
    assert kept(ground)[1] < 10_000
    ground.person("admin").do("/dead-letters/1/discard", why="read it")
    assert host.post(b"x" * 3000 + b"Z").status_code == 422


@pytest.mark.parametrize("limit", [{"open_dead_letters": 2}, {"open_dead_letter_bytes": 1000}])
@pytest.mark.parametrize("shape", ["text", "a field", "no such company"])
def test_an_unreadable_event_is_refused_for_good_however_many_letters_its_key_has(ground, limit, shape):
    """To wait mends nothing of it: a host that sends in order would never come to the event behind it."""
    choose(ground, **limit)
    host = ground.key("host", None)
    for number in range(4):
        host.post(b"{" + b"x" * 400 + str(number).encode())
    before = kept(ground)
    broken = a_click("poison", **({"company": "nowhere"} if shape == "no such company" else {}))
    if shape == "a field":
        broken["data"]["mode"] = "singel"
    refused = host.post(json.dumps(broken)[: -1 if shape == "text" else None])
    assert (refused.status_code, refused.headers.get("retry-after")) == (422, None)
    assert "is not kept" in problems(refused)[-1]
    assert kept(ground) == before
    assert host.post(a_click("behind-it")).status_code == 202


def test_the_same_event_again_is_said_to_be_kept_while_it_is(ground):
    choose(ground, open_dead_letters=1)
    host = ground.key("host")
    assert [problems(host.post("{")) == problems(host.post("{")) for _ in range(2)] == [True] * 2
    assert "is not kept" in problems(host.post("[1"))[-1]


def test_a_hosts_publisher_goes_on_behind_an_event_that_cannot_be_read(ground):
    choose(ground, open_dead_letters=1)
    host = ground.key("host")
    host.post("{")
    pauses = []
    sender = Publisher(ground.url, host.key_id, host.secret, pause=pauses.append)
    order = InvoiceExportCancelRequested(
        company=COMPANY, invoices=("i1",), requested_by=Person(id="anna"), why="paid"
    )
    with pytest.raises(NotAccepted) as refused:
        sender.send(order.model_copy(update={"why": ""}), "poison")
    assert (refused.value.status, pauses) == (422, [])
    assert sender.send(order, "behind it").company == COMPANY


# -- bytes


def test_a_key_sends_no_more_bytes_a_minute_than_it_may(ground):
    choose(ground, bytes_per_minute=1_000_000)
    host = ground.key("host")
    event = json.dumps(a_click()) + " " * 300_000
    statuses = [host.post(event).status_code for _ in range(5)]
    assert statuses == [202] * 3 + [429] * 2
    refused = host.post(event)
    assert int(refused.headers["retry-after"]) >= 1
    assert problems(refused)[0].startswith("x-crewcard-key: this key may have 1,000,000 bytes a minute")
    assert ground.key("other").post(event).status_code == 202
    assert host.get("/v1/events").status_code == 200


# -- previews and Xero's limits


def preview(host, number, count=60):
    return host.post({"invoices": [an_invoice(f"p{number}-{n}") for n in range(count)]}, PREVIEWS)


@pytest.mark.parametrize("way", ["http", "event"])
def test_a_key_asks_for_no_more_previews_a_minute_than_it_may(ground, way):
    choose(ground, previews_per_minute=3)
    host = ground.key("host", scopes=[Scope.PREVIEWS])

    def ask(number):
        if way == "http":
            return preview(host, number, 1)
        return host.post(an_event("invoice.export.preview_requested", f"e{number}", request=f"p{number}"))

    statuses = [ask(number).status_code for number in range(5)]
    assert [status == 429 for status in statuses] == [False] * 3 + [True] * 2
    refused = ask(9)
    assert "3 previews a minute" in problems(refused)[0]
    assert int(refused.headers["retry-after"]) >= 1


def test_previews_leave_half_of_the_minute_so_that_a_click_goes_at_once(ground):
    limit(ground, per_minute=20, minute=60, looks=0.5)
    host = ground.key("host", scopes=[Scope.PREVIEWS])
    answers = [preview(host, number).json() for number in range(12)]
    assert len(ground.installation.calls()) <= 10
    assert not answers[-1]["complete"]
    assert any("kept for exports" in one for one in answers[-1]["warnings"])
    assert ground.key("clicks").post(a_click()).status_code == 202
    ground.installation.run()
    assert list(ground.installation.answers("click-1")) == ["i1"]


@pytest.mark.parametrize("way", ["http", "event"])
def test_previews_spend_their_share_of_the_day_and_nothing_of_the_reserve(ground, way):
    limit(ground, per_day=40, reserve=0.5, looks=0.2)
    host = ground.key("host", scopes=[Scope.PREVIEWS])
    for number in range(12):
        if way == "http":
            preview(host, number)
        else:
            host.post(an_event("invoice.export.preview_requested", f"e{number}", request=f"p{number}"))
            ground.installation.later(200)
            by_event.answer_next(ground.tools)
    spent = len(ground.installation.calls())
    assert 0 < spent <= 4  # half of the share of all previews, which is 8 of 40
    assert ground.tools.targets["xero"].pace.outlook(TENANT).day_calls == 40 - spent
    refused = preview(host, 99)
    assert refused.status_code == 429
    assert "previews of “harbour” have today" in problems(refused)[0]
    assert ground.key("clicks").post(a_click()).status_code == 202
    ground.installation.run()
    assert list(ground.installation.answers("click-1")) == ["i1"]


def test_many_keys_together_spend_no_more_than_the_share(ground):
    limit(ground, per_day=40, looks=0.2)
    for number in range(6):
        preview(ground.key(f"key-{number}", scopes=[Scope.PREVIEWS]), number)
    assert len(ground.installation.calls()) <= 8


def test_what_one_key_spends_another_still_has(ground):
    limit(ground, per_day=100, looks=0.2)
    greedy, modest = (ground.key(name, scopes=[Scope.PREVIEWS]) for name in ("greedy", "modest"))
    while preview(greedy, 1).status_code == 200:
        assert len(ground.installation.calls()) <= 10
    found = preview(modest, 2, 1)
    assert (found.status_code, found.json()["complete"]) == (200, True)


def test_bulk_exports_are_told_from_previews(ground):
    """What previews have spent of the day, exports know of."""
    limit(ground, per_day=40, looks=0.5)
    host = ground.key("host")
    preview(host, 1)
    spent = len(ground.installation.calls())
    assert host.post(a_click()).status_code == 202
    assert host.post(
        {**a_click("bulk-1"), "data": {**a_click("bulk-1")["data"], "invoices": invoices(3)}}
    ).status_code
    ground.installation.run()
    assert (
        ground.tools.targets["xero"].pace.outlook(TENANT).day_calls
        == 40 - len(ground.installation.calls())
        < 40 - spent
    )


def test_contacts_that_a_host_sends_leave_the_reserve_of_the_day_to_clicks(make_installation, sqlite_url):
    """A key for contacts alone, one change after the other: what is kept back for clicks stays."""
    installation = make_installation(sqlite_url, calls_per_day=20, day_reserve=0.5)
    installation.company(contact_ids_editable=True)
    for number in range(30):
        intake.accept(
            installation.tools,
            {
                "specversion": "1.0",
                "id": f"c{number}",
                "source": "crewcard/contacts",
                "type": "client.xero_contact.update_requested",
                "data": {
                    "company": COMPANY,
                    "client": f"client-{number}",
                    "xero_contact": contact_id("acme"),
                    "requested_by": {"id": "eve", "role": "admin"},
                },
            },
        )
        changes.answer_due(installation.tools, "test")
    assert len(installation.calls()) <= 10
    installation.ask(an_invoice("i1"), mode="single")
    installation.run()
    assert installation.markers() == {"i1": "exported"}
