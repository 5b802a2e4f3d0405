"""A stranger costs nothing: no byte of his body, no endless head, no crowd of connections, no made-up address."""

import json
import select
import socket
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from store import api_keys
from tests import machines
from tests.builders import a_request
from tests.doors.host import Host, problems
from web import bodies, main
from web.limits import MOST_HEAD_BYTES, ConnectionLimits
from worker.settings import Settings

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


def strangers_heads():
    """The beginnings of requests that open nothing, each of which announces a body."""
    for target in FOR_KEYS:
        yield head(target, x_crewcard_key="nobody", content_length=19_000_000)
    yield head(content_length=19_000_000)
    yield head(x_crewcard_key="nobody", transfer_encoding="chunked")
    yield head(x_crewcard_key="nobody", content_length=19_000_000, expect="100-continue")
    yield head(x_crewcard_key="revoked", content_length=19_000_000)
    yield head(x_crewcard_key="HOST", content_length=19_000_000)
    yield head(x_crewcard_key="host'--", content_length=19_000_000)
    yield head(x_crewcard_key="h\xf6st", content_length=19_000_000)


def test_an_unknown_key_is_refused_before_a_byte_of_its_body(installation, serve):
    url = serve(installation)
    Host(installation, url)
    Host(installation, url, "revoked")
    with installation.store.write() as work:
        api_keys.revoke(work, "revoked")
    for asked in strangers_heads():
        with connected(url) as one:
            one.sendall(asked)
            answer = said(one)
        assert status(answer) == 401, asked
        assert b"connection: close" in answer
        assert b"100 Continue" not in answer


def test_a_stranger_who_sends_all_the_same_reads_why_and_leaves_no_memory(installation, serve):
    url, body = serve(installation), b" " * 19_000_000
    for content in (body, iter([body[:9_000_000], body[:9_000_000]])):
        refused = httpx.post(f"{url}/v1/events", content=content, headers={"x-crewcard-key": "nobody"}, timeout=30)
        assert refused.status_code == 401
        assert problems(refused)


@pytest.mark.parametrize("target", FOR_KEYS)
def test_too_long_a_body_is_refused_by_what_it_announces(on_sqlite, serve, target):
    url = serve(on_sqlite)
    Host(on_sqlite, url)
    with connected(url) as one:
        one.sendall(head(target, x_crewcard_key="host", content_length=20_000_001))
        assert status(said(one)) == 413


def test_bodies_are_bounded_over_all_requests_and_the_others_get_in_again(make_installation, sqlite_url, serve):
    small = make_installation(sqlite_url, bodies_in_memory=40_000_000)
    small.company()
    url = serve(small)
    host, other = Host(small, url), Host(small, url, "other")
    probe = b" " * 2_000_000
    with ExitStack() as open_:
        slow = open_.enter_context(connected(url))
        slow.sendall(head(x_crewcard_key="host", content_length=19_500_000) + b" " * 19_000_000)
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


def test_the_memory_for_people_is_their_own(on_sqlite, serve):
    """Whoever fills it with forms takes nothing from hosts."""
    url = serve(on_sqlite)
    host = Host(on_sqlite, url)
    with ExitStack() as open_:
        for _ in range(16):
            one = open_.enter_context(connected(url))
            one.sendall(head("/console/sign-in", content_length=2_000_000) + b"a" * 1_900_000)
        assert host.post(a_request()).status_code == 202


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
    with connected(url) as drips, connected(url) as flows:
        for one, size in ((flows, 400_000), (drips, 1)):
            one.sendall(head(x_crewcard_key="host", transfer_encoding="chunked"))
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
            one.sendall(head(x_crewcard_key="host", content_length=1000) + b"{")
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
        one.sendall(head(x_crewcard_key="host", transfer_encoding="chunked"))
        one.sendall(b"2\r\n{}\r\n0\r\nwebhook-id: m1\r\nwebhook-timestamp: 1\r\n\r\n")
        assert b"webhook-id: is missing" in one.recv(10_000)


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
