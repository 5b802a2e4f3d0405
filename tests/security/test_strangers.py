"""A stranger costs nothing: no byte of his body, no endless head, no crowd of connections, no made-up address."""

import json
import select
import socket
import threading
import time
from concurrent.futures import wait
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from store import api_keys
from tests import machines
from tests.builders import a_request, an_invoice
from tests.console.visiting import a_browser
from tests.doors.host import Host, problems, signature
from tests.security import doorway
from web import bodies, keys, main
from web.limits import MOST_HEAD_BYTES, ConnectionLimits
from worker.settings import Settings
from worker.users import hashing

QUICK = ConnectionLimits(head_seconds=0.6, body_seconds=0.6, body_bytes_per_second=1_000_000)
FOR_KEYS = [
    "/v1/events",
    "/v1/companies/harbour/previews",
    "/v1/companies/harbour/login-links",
    "/v1/companies/harbour/logins",
    "/v1/companies/harbour/logins/organisation",
    "/v1/companies/harbour/disconnect",
]


@contextmanager
def connected(url, source="127.0.0.1"):
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port), timeout=15, source_address=(source, 0)) as one:
        yield one


def said(connection):
    """Everything that comes until the other side ends it."""
    got = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            got += piece
    return got


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


def head(target="/v1/events", method="POST", **headers):
    lines = [f"{method} {target} HTTP/1.1", "host: x", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def as_if_signed(**other):
    """Headers that look like those of a host: whether they are wrong is seen once the body is whole."""
    return {
        "x_crewcard_key": "host",
        "webhook_id": "m1",
        "webhook_timestamp": int(time.time()),
        "webhook_signature": "v2,AAAA",
        **other,
    }


def strangers_heads():
    """The beginnings of requests that open nothing, each of which announces a body."""
    length = {"content_length": 19_000_000}
    for target in FOR_KEYS:
        yield head(target, **as_if_signed(x_crewcard_key="nobody"), **length)
    yield head(**as_if_signed(x_crewcard_key="nobody"), transfer_encoding="chunked")
    yield head(**as_if_signed(x_crewcard_key="nobody"), **length, expect="100-continue")
    for nobody in ("revoked", "HOST", "host'--", "h\xf6st", ""):
        yield head(**as_if_signed(x_crewcard_key=nobody), **length)


def heads_of_nobody_who_signs():
    """Of a key that is there, with headers that cannot be right whatever the body is."""
    now = int(time.time())
    for wrong in (
        {"webhook_id": ""},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "soon"},
        {"webhook_timestamp": "9" * 4000},
        {"webhook_timestamp": now - 302},
        {"webhook_timestamp": now + 400},
        {"webhook_signature": ""},
        {"webhook_signature": "v1,AAAA V2,AAAA v2"},
    ):
        for length in ({"content_length": 19_000_000}, {"transfer_encoding": "chunked"}):
            yield head(**as_if_signed(**wrong), **length)


def test_an_unknown_key_and_headers_that_cannot_be_right_are_refused_before_a_byte_of_the_body(installation, serve):
    url = serve(installation)
    Host(installation, url)
    Host(installation, url, "revoked")
    with installation.store.write() as work:
        api_keys.revoke(work, "revoked")
    for asked in (*strangers_heads(), *heads_of_nobody_who_signs()):
        with connected(url) as one:
            one.sendall(asked)
            answer = said(one)
        assert status(answer) == 401, asked
        assert b"connection: close" in answer
        assert b"100 Continue" not in answer


def test_who_signs_with_no_secret_learns_of_no_key_that_it_is_there(installation, serve):
    """Also one that has expired says so only to who has its secret. An answer before the body ends the connection."""
    url = serve(installation)
    known, past = Host(installation, url), Host(installation, url, "past")
    with installation.store.write() as work:
        api_keys.expire(work, "past", work.after(-1))
    for method, target in (("GET", "/v1/events"), *(("POST", one) for one in FOR_KEYS)):
        answers = set()
        for key_id in ("host", "past", "nobody", "command-line"):
            body = b"{}" if method == "POST" else b""
            refused = known.ask(method, target, body, secret="whsec_AAAA", x_crewcard_key=key_id)
            headers = {**refused.headers, "date": "", "connection": "", "x-request-id": ""}
            answers.add((refused.status_code, refused.text, tuple(sorted(headers.items()))))
        assert [status for status, *_ in answers] == [401], (target, answers)
    assert past.get("/v1/events").json()["title"] == "Key expired"


def test_a_stranger_who_sends_all_the_same_reads_why_and_leaves_no_memory(installation, serve):
    url, body = serve(installation), b" " * 19_000_000
    for content in (body, iter([body[:9_000_000], body[:9_000_000]])):
        refused = httpx.post(f"{url}/v1/events", content=content, headers={"x-crewcard-key": "nobody"}, timeout=30)
        assert refused.status_code == 401
        assert problems(refused)


@contextmanager
def looking_up(number, whose="198.51.100.{}"):
    """So many places are taken among those in which ids of keys are looked up, until the test is over."""
    over = threading.Event()
    held = [hashing.KEYS.begin(whose.format(one), over.wait) for one in range(number)]
    try:
        yield
    finally:
        over.set()
        wait(held)


def test_a_key_that_is_remembered_waits_for_no_stranger(on_sqlite, serve, monkeypatch):
    """Whatever fills the queue of those who are not known yet, which has an end that is said."""
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 60)
    url = serve(on_sqlite)
    host = Host(on_sqlite, url)
    host.http.timeout = 8
    assert host.get("/v1/events").status_code == 200
    with looking_up(128):
        assert host.post(a_request()).status_code == 202
        assert host.get("/v1/events").status_code == 200
        for method, target in (("GET", "/v1/events"), *(("POST", one) for one in FOR_KEYS)):
            refused = host.ask(method, target, b"{}" if method == "POST" else b"", x_crewcard_key="nobody")
            assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (503, True), target
            assert problems(refused)
    assert host.ask("GET", "/v1/events", x_crewcard_key="nobody").status_code == 401


def test_strangers_ids_are_looked_up_in_threads_of_their_own_and_those_of_one_address_are_bounded(on_sqlite, serve):
    url = serve(on_sqlite)
    host = Host(on_sqlite, url)
    with looking_up(16, "127.0.0.1"):
        assert host.ask("GET", "/v1/events", x_crewcard_key="nobody").status_code == 503
        assert httpx.get(f"{url}/readyz", timeout=8).status_code == 200
    with looking_up(4), ExitStack() as open_:
        for number in range(12):
            one = open_.enter_context(connected(url))
            one.sendall(head("/v1/events", "GET", **as_if_signed(x_crewcard_key=f"nobody-{number}")))
        assert is_silent(one, 0.5)  # it waits for one of these threads, and for no other
        assert httpx.get(f"{url}/readyz", timeout=8).status_code == 200  # asks the database


@pytest.mark.parametrize("target", FOR_KEYS)
def test_too_long_a_body_is_refused_by_what_it_announces(on_sqlite, serve, target):
    url = serve(on_sqlite)
    Host(on_sqlite, url)
    with connected(url) as one:
        one.sendall(head(target, **as_if_signed(), content_length=20_000_001))
        assert status(said(one)) == 413


def test_bodies_are_bounded_over_all_requests_and_the_others_get_in_again(make_installation, sqlite_url, serve):
    small = make_installation(sqlite_url, bodies_in_memory=40_000_000)
    small.company()
    url = serve(small)
    host, other = Host(small, url), Host(small, url, "other")
    probe = b" " * 2_000_000
    with ExitStack() as open_:
        slow = open_.enter_context(connected(url))
        slow.sendall(head(**as_if_signed(), content_length=19_900_000) + b" " * 19_800_000)
        assert is_silent(slow, 2)  # all of it is read, and its end is waited for
        refused = host.post(probe)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert problems(refused)
        assert other.post(a_request()).status_code == 202
    machines.wait_for(lambda: host.post(probe).status_code != 503, every=0.2)


def is_silent(connection, seconds):
    """Whether nothing comes for so long."""
    return not select.select([connection], [], [], seconds)[0]


@contextmanager
def unfinished(url, size, sources, head_of, each):
    """So many requests of each address, each with all of its body but the last bytes."""
    with ExitStack() as open_:
        for source in [source for source in sources for _ in range(each)]:
            one = open_.enter_context(connected(url, source))
            with suppress(OSError):
                one.sendall(head_of(size) + b"a" * (size - 100))
        yield


def test_without_a_secret_nobody_shuts_hosts_out(make_installation, sqlite_url, serve):
    """Ids that are known or guessed, and bodies that never end: small events and large ones from elsewhere go on."""
    made = make_installation(sqlite_url, bodies_in_memory=80_000_000)
    made.company()
    url = serve(made)
    host, _, other = Host(made, url), Host(made, url, "command-line"), Host(made, url, "other")
    elsewhere = httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address="127.0.0.9"), timeout=30)
    for ids in (("host",), ("command-line", "host")):
        heads = [
            lambda size, key_id=key_id: head(**as_if_signed(x_crewcard_key=key_id), content_length=size)
            for key_id in ids
        ]
        with ExitStack() as open_:
            for one in heads:
                open_.enter_context(unfinished(url, 19_900_000, ["127.0.0.2"], one, each=2))
            for number, caller in enumerate((host, other)):
                event = a_request(an_invoice(f"{ids}-{number}"), request=f"{ids}-{number}")
                assert caller.post(event).status_code == 202
                assert caller.post(b" " * 250_000).status_code == 422
            other.http = elsewhere
            assert other.post(b" " * 5_000_000).status_code == 422


def test_the_memory_for_people_is_their_own(on_sqlite, serve):
    """Whoever fills it with forms takes nothing from hosts."""
    url = serve(on_sqlite)
    host = Host(on_sqlite, url)
    with ExitStack() as open_:
        for _ in range(16):
            one = open_.enter_context(connected(url))
            one.sendall(head("/console/sign-in", content_length=2_000_000) + b"a" * 1_900_000)
        assert host.post(a_request()).status_code == 202


def test_strangers_forms_take_nothing_from_each_other_nor_from_who_is_signed_in(make_installation, sqlite_url):
    made = doorway.guarded(make_installation, sqlite_url, bodies_in_memory=40_000_000, connections_per_address=400)
    with made as (_, person):
        anna, late = person("support", "anna", "127.0.0.9"), person("read", "late", "127.0.0.9")
        anna.sign_in_whole()
        lines = "client,xero_contact\n" + "".join(f"client-{n:0100},\n" for n in range(10_000))
        forms = {
            "form of a stranger": lambda size: head("/console/sign-in", content_length=size),
            "button of a login": lambda size: head("/connect/harbour", content_length=size),
            "cookie made up": lambda size: head(
                "/console/password", content_length=size, cookie="crewcard_console=made-up"
            ),
        }
        for said, form in forms.items():
            size = 20_000 if said.startswith("button") else 60_000
            with unfinished(anna.url, size, [f"127.0.0.{number}" for number in (2, 3, 4, 5)], form, each=90):
                assert late.sign_in().status_code == 303, said
                assert anna.post("/contacts/import", company="harbour", text=lines).status_code not in (413, 503)
                stranger = a_browser(anna.url, "127.0.0.8")
                assert stranger.post("/console/sign-in", data={"user": "x" * 15_000}).status_code == 401, said


def test_who_is_signed_in_fills_no_memory_of_others(make_installation, sqlite_url):
    with doorway.guarded(make_installation, sqlite_url, bodies_in_memory=40_000_000) as (_, person):
        anna, eve = person("read", "anna"), person("read", "eve")
        anna.sign_in()
        eve.sign_in()
        cookie = f"crewcard_console={eve.browser.cookies['crewcard_console']}"
        with unfinished(
            anna.url,
            1_900_000,
            ["127.0.0.2"],
            lambda size: head("/console/password", content_length=size, cookie=cookie),
            each=8,
        ):
            assert anna.post("/password", back="x" * 1_500_000).status_code == 422


@pytest.mark.parametrize(
    "large",
    [
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-big: " + b"a" * 200_000,
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-big: " + b"a" * 20_000_000,
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"".join(b"x-%d: a\r\n" % n for n in range(200_000)),
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"x" * 200_000,
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-big: " + b"a" * (MOST_HEAD_BYTES + 1) + b"\r\n\r\n",
        b"\r\n" * 100_000,
    ],
)
def test_a_head_has_an_end(on_sqlite, serve, large):
    with connected(serve(on_sqlite)) as one:
        with suppress(OSError):
            one.sendall(large)
        answer = said(one)
    assert status(answer) in (431, 400, None)
    if b"\r\n\r\n" in answer:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["problems"]


def test_too_long_an_address_is_said(on_sqlite, serve):
    with connected(serve(on_sqlite)) as one:
        one.sendall(head("/" + "a" * 30_000, "GET"))
        assert status(said(one)) == 414


def test_two_hundred_long_ids_still_fit(on_sqlite, serve):
    host = Host(on_sqlite, serve(on_sqlite))
    ids = ",".join(f"{n:0100}" for n in range(200))
    assert host.get(f"/v1/companies/harbour/invoices?ids={ids}").status_code == 200


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n",
        head("/console/sign-in", content_length=1000) + b"user=",
        head("/console/sign-in", transfer_encoding="chunked") + b"5\r\nuser=\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nG",
    ],
)
def test_what_never_ends_is_ended(on_sqlite, serve, begun):
    with connected(serve(on_sqlite, QUICK)) as one:
        one.sendall(begun)
        answer = said(one)
    assert b" 408 " in answer
    assert b"request: its" in answer


def test_a_body_that_drips_is_ended_and_one_that_flows_is_not(on_sqlite, serve):
    """A byte now and then wins a body no time; each piece that flows wins it minutes here."""
    slow = ConnectionLimits(head_seconds=60, body_seconds=1.0, body_bytes_per_second=5_000)
    url = serve(on_sqlite, slow)
    Host(on_sqlite, url)
    signed = as_if_signed()
    with connected(url) as drips, connected(url) as flows:
        for one, size in ((flows, 400_000), (drips, 1)):
            one.sendall(head(**signed, transfer_encoding="chunked"))
            one.sendall(b"%x\r\n" % size + b" " * size + b"\r\n")
        while is_silent(drips, 0.3):
            drips.sendall(b"1\r\n \r\n")
        assert status(drips.recv(1000)) == 408
        flows.sendall(b"0\r\n\r\n")
        assert status(flows.recv(1000)) == 401  # it is read to its end; only then is it seen that nobody signed it


def test_a_crowd_from_one_address_leaves_a_place_for_everybody(on_sqlite, serve):
    url = serve(on_sqlite, ConnectionLimits(per_address=20, at_once=60))
    with ExitStack() as open_:
        for number in range(300):
            one = open_.enter_context(connected(url, f"127.0.0.{2 + number % 2}"))
            one.sendall(b"POST /v1/events HTTP/1.1\r\nhost:")
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.9"):
            with connected(url, source) as one:
                one.sendall(head("/healthz", "GET", connection="close"))
                assert status(said(one)) == 200, source


def test_a_crowd_that_waits_for_answers_is_told_to_come_again(on_sqlite, serve):
    """A place whose request is whole is never taken from it."""
    url = serve(on_sqlite, ConnectionLimits(per_address=4, at_once=60))
    Host(on_sqlite, url)
    with ExitStack() as open_:
        for _ in range(4):
            one = open_.enter_context(connected(url))
            one.sendall(head(**as_if_signed(), content_length=1000) + b"{")
        machines.wait_for(lambda: refused_at_once(url))
        with connected(url, "127.0.0.5") as other:
            other.sendall(head("/healthz", "GET", connection="close"))
            assert status(said(other)) == 200


def refused_at_once(url):
    with connected(url) as one:
        one.settimeout(0.3)
        try:
            return status(said(one)) == 429
        except TimeoutError:
            return False


def test_proxies_that_are_trusted_are_not_counted_as_one_address(make_installation, sqlite_url, serve):
    made = make_installation(sqlite_url, trusted_proxies="127.0.0.0/30", connections_per_address=4)
    url = serve(made)
    with ExitStack() as open_:
        for _ in range(12):
            one = open_.enter_context(connected(url))
            one.sendall(head("/healthz", "GET"))
            assert status(one.recv(1000)) == 200
        for _ in range(12):
            one = open_.enter_context(connected(url, "127.0.0.9"))
            one.sendall(head("/healthz", "GET"))
            one.recv(1000)
        with connected(url) as still:
            still.sendall(head("/healthz", "GET", connection="close"))
            assert status(said(still)) == 200


def test_a_trailer_behind_a_body_is_no_header(on_sqlite, serve):
    host = Host(on_sqlite, serve(on_sqlite))
    with connected(str(host.http.base_url)) as one:
        at = int(time.time())
        good = signature(host.secret, "m1", at, "POST", "/v1/events", b"{}")
        one.sendall(head(**as_if_signed(webhook_timestamp=at), transfer_encoding="chunked"))
        one.sendall(b"2\r\n{}\r\n0\r\nwebhook-signature: " + good.encode() + b"\r\n\r\n")
        assert b"does not fit" in one.recv(10_000)


def test_several_requests_at_once_on_one_connection_are_answered_in_turn(on_sqlite, serve):
    with connected(serve(on_sqlite)) as one:
        one.sendall(head("/healthz", "GET") * 30 + head("/healthz", "GET", connection="close"))
        assert said(one).count(b"HTTP/1.1 200 OK") == 31


# -- who is believed


def address_seen(on_sqlite, url, source="127.0.0.1", **headers):
    """Whether the metrics take this caller for one on this machine: they follow the address that is believed."""
    with connected(url, source) as one:
        one.sendall(head("/metrics", "GET", connection="close", **headers))
        return status(said(one))


FORWARDING = [
    {"via": "1.1 proxy"},
    {"x_forwarded_host": "evil.example"},
    {"x_forwarded_for": "127.0.0.1"},
    {"x_forwarded_for": ""},
    {"x_forwarded_proto": "https"},
    {"x_forwarded": "for=127.0.0.1"},
    {"x_forwarded_prefix": "/"},
    {"forwarded": "for=127.0.0.1"},
    {"x_real_ip": "127.0.0.1"},
    {"true_client_ip": "127.0.0.1"},
    {"cf_connecting_ip": "127.0.0.1"},
    {"x_client_ip": "127.0.0.1"},
    {"x_cluster_client_ip": "127.0.0.1"},
]


@pytest.mark.parametrize("headers", FORWARDING)
def test_metrics_are_not_for_strangers_behind_a_proxy(on_sqlite, serve, headers):
    url = serve(on_sqlite)
    assert address_seen(on_sqlite, url) == 200
    assert address_seen(on_sqlite, url, **headers) == 403


async def echo(scope, receive, send):
    """An application that says who it takes its caller for."""
    said = f"{scope['scheme']} {scope['client'][0]}".encode()
    length = (b"content-length", str(len(said)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": said})


def believed(made, *headers):
    with machines.served(main.serving(echo, made.settings)) as url:
        return httpx.get(url, headers=headers).text


def test_no_forwarded_address_is_believed_without_a_setting(on_sqlite, monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert believed(on_sqlite, ("x-forwarded-for", "203.0.113.1"), ("x-forwarded-proto", "https")) == "http 127.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "chain", "address"),
    [
        ("127.0.0.1", ["203.0.113.1, 198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1, 10.0.0.0/8", ["203.0.113.1, 198.51.100.7, 10.0.0.3"], "198.51.100.7"),
        ("127.0.0.1", ["203.0.113.1", "198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["203.0.113.1, 10.0.0.3"], "10.0.0.3"),
        ("10.0.0.0/8", ["203.0.113.1"], "127.0.0.1"),
        ("127.0.0.1", [], "127.0.0.1"),
    ],
)
def test_of_a_trusted_proxy_the_last_address_that_is_none_of_ours_is_believed(
    make_installation, sqlite_url, proxies, chain, address
):
    made = make_installation(sqlite_url, trusted_proxies=proxies)
    headers = [("x-forwarded-proto", "https"), *(("x-forwarded-for", one) for one in chain)]
    assert believed(made, *headers) == f"{'http' if proxies == '10.0.0.0/8' else 'https'} {address}"


def test_a_trusted_proxy_must_not_be_everybody():
    key = "cGFzc3dvcmRwYXNzd29yZHBhc3N3b3JkcGFzc3dvcmQ="
    halves = ("0.0.0.0/1,128.0.0.0/1", "::/1,8000::/1", "::ffff:0:0/96", "10.0.0.0/8,128.0.0.0/1,0.0.0.0/1")
    for wrong in ("*", "0.0.0.0/0", "::/0", "proxy.example", "10.0.0.0/8, all", *halves):
        with pytest.raises(ValueError, match="trusted_proxies"):
            Settings(_env_file=None, encryption_keys=key, trusted_proxies=wrong)


def test_the_largest_body_leaves_room_for_another_key():
    assert bodies.MOST_AT_ONCE_BYTES // 2 >= 2 * bodies.MOST_BYTES
