"""`events.publisher`: a Python host publishes once, whatever happens on the way, and needs no more than pydantic."""

import subprocess
import sys

import pytest
import uvicorn
from pydantic import ValidationError
from standardwebhooks import Webhook

from events import publisher as publishing
from events import signing
from events.invoice import Invoice
from events.orders import InvoiceExportCancelRequested
from events.publisher import HttpAnswer, NotAccepted, NotReached, Publisher, over_http
from events.snapshot import Person
from store import api_keys
from tests import builders, machines
from tests.hosts.callback import SECRET
from web import main

ANNA = Person(id="anna")


@pytest.fixture
def door(on_sqlite):
    """A publisher to a real door, made with what it is handed."""
    chosen = uvicorn.Config(main.build(on_sqlite.tools), log_level="critical", lifespan="off")
    with on_sqlite.store.write() as work:
        key = api_keys.make(work, on_sqlite.tools.vault, "crewcard")
    with machines.served(chosen) as url:
        yield lambda **other: Publisher(url, **{"key": key.id, "secret": key.secret, **other})


def invoices(count):
    return [Invoice.model_validate(one) for one in builders.invoices(count)]


class Line:
    """A transport that first does what it is told, then what it should."""

    def __init__(self, *troubles):
        self.troubles = list(troubles)
        self.sent = []
        self.waits = []

    def __call__(self, url, headers, body):
        self.sent.append((headers, body))
        if self.troubles and self.troubles[0] == "lose the answer":
            self.troubles.pop(0)
            over_http(url, headers, body)
            raise ConnectionResetError
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, HttpAnswer):
                return trouble
            raise trouble
        return over_http(url, headers, body)


def test_a_click_is_accepted_and_the_same_again_changes_nothing(door, on_sqlite):
    publisher = door()
    (first,) = publisher.export("harbour", "r1", invoices(1), requested_by=ANNA)
    assert (first.request, first.invoices, first.repeated) == ("r1", 1, False)
    (again,) = publisher.export("harbour", "r1", invoices(1), requested_by=ANNA)
    assert (again.event, again.repeated) == (first.event, True)
    on_sqlite.run()
    assert on_sqlite.export("i0001").priority == 0
    assert list(on_sqlite.answers()) == ["i0001"]


def test_a_large_send_goes_in_parts_of_one_request(door, on_sqlite):
    accepted = door().export("harbour", "big", invoices(1001), requested_by=ANNA)
    assert [one.invoices for one in accepted] == [500, 500, 1]
    on_sqlite.run()
    (completed,) = on_sqlite.events("invoice.export.completed")
    assert completed["data"]["total"] == 1001


def test_parts_keep_below_the_size_of_an_event(door, monkeypatch):
    monkeypatch.setattr(publishing, "MOST_BYTES", 2_000)
    accepted = door().export("harbour", "fat", invoices(20), requested_by=ANNA)
    assert len(accepted) == 3
    assert sum(one.invoices for one in accepted) == 20


def test_a_lost_answer_is_asked_for_again_with_the_same_bytes_and_id(door, on_sqlite):
    line = Line("lose the answer", ConnectionRefusedError())
    (accepted,) = door(transport=line, pause=line.waits.append).export(
        "harbour", "r1", invoices(2), requested_by=ANNA
    )
    assert accepted.repeated
    assert len({body for _, body in line.sent}) == 1
    assert line.waits == [1, 2]
    on_sqlite.run()
    assert len(on_sqlite.books()) == 2


def test_the_door_says_how_long_to_wait_and_a_long_wait_is_the_callers(door):
    busy = HttpAnswer(429, b'{"retry_after": 12}')
    line = Line(busy, HttpAnswer(503, b"no JSON"))
    door(transport=line, pause=line.waits.append).export("harbour", "r1", invoices(1), requested_by=ANNA)
    assert line.waits == [12, 2]
    long = Line(HttpAnswer(429, b'{"retry_after": 1200}'))
    with pytest.raises(NotReached, match="1200 seconds"):
        door(transport=long, pause=long.waits.append).export("harbour", "r2", invoices(1), requested_by=ANNA)
    assert long.waits == []


def test_a_door_that_stays_away_is_said_after_a_few_tries(door):
    line = Line(*[TimeoutError()] * 9)
    with pytest.raises(NotReached, match="TimeoutError"):
        door(transport=line, tries=3, pause=line.waits.append).export("harbour", "r", invoices(1), requested_by=ANNA)
    assert (len(line.sent), line.waits) == (3, [1, 2])


def test_a_refusal_names_the_field_and_is_not_repeated(door):
    line = Line()
    with pytest.raises(NotAccepted, match=r"data\.company: there is no company") as refused:
        door(transport=line).export("nobody", "r1", invoices(1), requested_by=ANNA)
    assert (refused.value.status, len(line.sent)) == (422, 1)
    with pytest.raises(NotAccepted, match="webhook-signature"):
        door(secret=SECRET).export("harbour", "r1", invoices(1), requested_by=ANNA)
    door().export("harbour", "r1", invoices(1), requested_by=ANNA)
    with pytest.raises(NotAccepted, match="another body"):
        door().export("harbour", "r1", invoices(2), requested_by=ANNA)


def test_what_cannot_be_read_is_said_before_anything_is_sent(door):
    line = Line()
    with pytest.raises(ValidationError, match="request"):
        door(transport=line).export("harbour", "", invoices(1), requested_by=ANNA)
    assert line.sent == []


def test_orders_go_the_same_way(door, on_sqlite):
    door().export("harbour", "r1", invoices(3), requested_by=ANNA)
    order = InvoiceExportCancelRequested(company="harbour", request="r1", requested_by=ANNA, why="a slip")
    assert door().send(order, "r1").repeated is False
    assert {answer["reason"] for answer in on_sqlite.answers().values()} == {"cancelled"}


def test_importing_it_loads_nothing_heavy():
    said = subprocess.run(
        [sys.executable, "-c", "import sys, events.publisher, events.signing; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={"PYTHONPATH": str(machines.Path(publishing.__file__).parents[1])},
    )
    loaded = {name.partition(".")[0] for name in said.stdout.split()}
    heavy = {
        "sqlalchemy",
        "sqlmodel",
        "redis",
        "dramatiq",
        "httpx",
        "fastapi",
        "structlog",
        "xero_python",
        "starlette",
    }
    assert "pydantic" in loaded
    assert loaded & (heavy | {"store", "worker", "xero_adapter", "web", "cli", "typer", "cryptography"}) == set()


def test_our_signatures_are_those_of_the_standards_own_library():
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC).replace(microsecond=0)
    theirs = Webhook(SECRET).sign("m1", now, '{"a":"ä"}')
    headers = {"webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": theirs}
    assert signing.signature(SECRET, "m1", int(now.timestamp()), b'{"a":"\xc3\xa4"}') == theirs
    assert signing.verify(SECRET, headers, b'{"a":"\xc3\xa4"}') == "m1"
    two = {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}
    assert signing.verify(SECRET, {name.title(): value for name, value in two.items()}, b'{"a":"\xc3\xa4"}') == "m1"
    for wrong in (
        {**headers, "webhook-signature": "v1,ü"},
        {**headers, "webhook-timestamp": "soon"},
        {**headers, "webhook-timestamp": "9" * 30},
        {"webhook-id": "m1"},
    ):
        with pytest.raises(signing.NotGenuine):
            signing.verify(SECRET, wrong, b'{"a":"\xc3\xa4"}')
    with pytest.raises(signing.NotGenuine, match="five minutes"):
        signing.verify(SECRET, headers, b'{"a":"\xc3\xa4"}', now + timedelta(minutes=6))


def test_a_login_link_is_asked_for_when_a_person_wants_it(door, on_sqlite):
    publisher = door()
    made = publisher.login_link("harbour")
    assert "/connect/harbour?link=" in made.url
    assert made.url not in repr(made)
    assert publisher.login_link("harbour").url != made.url
    with pytest.raises(NotAccepted, match="return_address"):
        publisher.login_link("harbour", "https://evil.example/")
    with pytest.raises(NotReached, match="TimeoutError"):
        door(transport=Line(TimeoutError())).login_link("harbour")


def test_a_publisher_below_a_path_signs_the_path_it_asks(door):
    line = Line(HttpAnswer(202, b"{}"))
    Publisher("https://host.example/exporter/", "k", SECRET, transport=line).export(
        "harbour", "r1", invoices(1), requested_by=ANNA
    )
    ((headers, body),) = line.sent
    content = signing.request_content("POST", "/exporter/v1/events", body)
    at = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == signing.request_signature(SECRET, headers["webhook-id"], at, content)
