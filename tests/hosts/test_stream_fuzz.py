"""Whatever is written to the stream: nothing crashes or stays, refusals name the field, every invoice is answered.

2,000 entries here, half of them on each database; STREAM_FUZZ=100000 for the long form.
"""

import copy
import json
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from store import inbox
from tests.builders import a_request, an_invoice, an_order
from tests.hosts.test_stream_door import Hand, left
from worker.intake.stream_consumer import STREAM

pytestmark = [pytest.mark.ci, pytest.mark.timeout(3600)]
ENTRIES = int(os.environ.get("STREAM_FUZZ", "2000")) // 2
_AT_ONCE = 20

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", " ", "\x00", "\ud800", "1e999", "NaN", "-0", "2026-02-30", "x" * 5000]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


def places(value, path=()):
    """Every place in a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from places(one, (*path, key))


def spoilt(document, path, odd, action):
    """The document with one place replaced, left out, doubled or renamed."""
    made = copy.deepcopy(document)
    if not path:
        return odd
    *way, last = path
    parent = made
    for key in way:
        parent = parent[key]
    if action == "leave out":
        del parent[last]
    elif action == "rename" and isinstance(parent, dict):
        parent[str(odd)[:40]] = parent.pop(last)
    elif action == "double" and isinstance(parent, list):
        parent.append(parent[last])
    else:
        parent[last] = odd
    return made


@st.composite
def events(draw):
    """An event as a host sends it, some of them spoilt in one to three places."""
    number = draw(st.sampled_from(range(ENTRIES)))
    wanted = [an_invoice(f"i{number + more}") for more in range(draw(st.integers(1, 3)))]
    event = draw(
        st.sampled_from(
            [
                a_request(*wanted, request=f"r{number}"),
                a_request(*wanted, request=f"r{number}", mode="single", event_id=f"e{number}"),
                an_order("cancel", request=f"r{number}", event_id=f"c{number}"),
                an_order("replay", request=f"r{number}", event_id=f"p{number}"),
            ]
        )
    )
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        path = draw(st.sampled_from(list(places(event))))
        event = spoilt(event, path, draw(ODD), draw(st.sampled_from(["replace", "leave out", "rename", "double"])))
    return event


BODIES = st.one_of(
    events().map(lambda event: json.dumps(event).encode()),
    events().map(lambda event: json.dumps(event).encode()[:-7]),
    st.binary(max_size=50),
    st.sampled_from([b"", b"[" * 3000, b"1" * 5000, b'{"a":' * 500, b"null", b"\xef\xbb\xbf{}"]),
)
FIELDS = st.one_of(
    BODIES.map(lambda body: {b"event": body}),
    BODIES.map(lambda body: {b"event": body}),
    BODIES.map(lambda body: {b"event": body}),
    st.dictionaries(st.binary(min_size=1, max_size=8), st.binary(max_size=20), min_size=1, max_size=3),
)


def test_whatever_is_written_to_the_stream(installation):
    hand = Hand(installation, idle=60)
    hand.take(1)
    written = []

    @settings(
        max_examples=ENTRIES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(FIELDS)
    def ask(fields):
        installation.tools.redis.xadd(STREAM, fields)
        written.append(fields)
        if len(written) % _AT_ONCE == 0:
            take_all(installation, hand)

    ask()
    take_all(installation, hand)
    assert len(written) >= ENTRIES * 0.9  # hypothesis leaves out what it knows to be the same
    installation.settle_down(3)
    every_refusal_names_its_field(installation)
    every_accepted_invoice_is_answered_once(installation)


def take_all(installation, hand):
    waiting, _ = left(installation)
    assert hand.take(4) == waiting
    assert left(installation) == (0, 0)


def every_refusal_names_its_field(installation):
    with installation.store.read() as work:
        letters = inbox.dead_letters(work, limit=ENTRIES)
    assert letters
    for letter in letters:
        for problem in json.loads(letter.problems):
            field, colon, sentence = problem.partition(": ")
            assert colon, problem
            assert field.strip(), problem
            assert sentence.strip(), problem
            assert "could not be filed" not in problem, letter.body


def every_accepted_invoice_is_answered_once(installation):
    with installation.store.read() as work:
        raw = work.session.connection().exec_driver_sql
        items = {(row[0], row[1]) for row in raw("SELECT request, invoice FROM items")}
        waiting = raw("SELECT count(*) FROM items WHERE state = 'waiting'").scalar_one()
    assert len(items) > ENTRIES / 20
    assert waiting == 0
    told = [
        (event["data"]["request"], event["data"]["invoice"])
        for event in installation.events()
        if event["type"] in ("invoice.export.succeeded", "invoice.export.failed")
    ]
    assert len(told) == len(set(told))
    assert set(told) == items
