"""Whatever an answer of Xero or of its login service holds, it fills no memory and loses no invoice."""

import functools
import gzip
import http.server
import struct
import threading
import tracemalloc
import zlib
from contextlib import contextmanager

import httpx
import pytest

from events.accounting_target import Trouble
from events.credentials import AppKeys
from tests import builders
from tests.builders import an_invoice
from tests.installation import Installation
from xero_adapter.auth import TokenService
from xero_adapter.client import MOST_ANSWER_BYTES
from xero_adapter.login import XeroLogin

MUCH = 400_000_000


def packed(kind, size=MUCH, around=(b'{"Invoices": [', b"]}")):
    """Spaces without end in a few hundred kilobytes, within what begins and ends as an answer of Xero's does.

    A megabyte of them is packed once and repeated: each piece begins anew, as if nothing had been before it.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    plain = [around[0], *[b" " * 1_000_000] * (size // 1_000_000), around[1]]
    begin, piece = (packer.compress(one) + packer.flush(zlib.Z_FULL_FLUSH) for one in plain[:2])
    raw = begin + piece * (len(plain) - 2) + packer.compress(around[1]) + packer.flush()
    if kind == "raw deflate":
        return raw
    if kind == "deflate":
        return (
            b"\x78\xda"
            + raw
            + struct.pack(">I", functools.reduce(lambda sum_, one: zlib.adler32(one, sum_), plain, 1))
        )
    length, sum_ = sum(map(len, plain)), functools.reduce(lambda sum_, one: zlib.crc32(one, sum_), plain, 0)
    return b"\x1f\x8b\x08\0\0\0\0\0\2\xff" + raw + struct.pack("<II", sum_, length)


@pytest.fixture(scope="module")
def bombs():
    """Encodings and bodies, each of which unpacks to hundreds of megabytes."""
    once = packed("gzip")
    return {
        "gzip": once,
        "x-gzip": once,
        "deflate": packed("deflate"),
        "deflate, raw": packed("raw deflate"),
        "gzip, gzip": gzip.compress(once),
        "deflate, gzip": gzip.compress(packed("deflate")),
        "identity": None,
    }


class Hostile:
    """Hands every call on to the simulator, and answers what it is told to instead of what that says."""

    def __init__(self, behind):
        self.behind = httpx.Client(base_url=behind, timeout=30)
        self.instead = None
        self.calls = []

    def answer(self, method, path, headers, body):
        sent = {k: v for k, v in headers.items() if k.lower() not in ("host", "content-length", "accept-encoding")}
        reply = self.behind.request(method, path, headers=sent, content=body)
        self.calls.append((method, path))
        if self.instead is None:
            return reply.status_code, {"content-type": "application/json"}, reply.content
        encoding, what = self.instead
        return 200, {"content-type": "application/json", "content-encoding": encoding.partition(", raw")[0]}, what


@contextmanager
def listening(hostile):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, what = hostile.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if what is None:
                self.close_connection = True
                self.end_headers()
                self.without_end()
                return
            self.send_header("content-length", str(len(what)))
            self.end_headers()
            self.wfile.write(what)

        def without_end(self):
            try:
                for _ in range(MUCH // 1_000_000):
                    self.wfile.write(b" " * 1_000_000)
            except OSError:
                return

        do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815  # the names that the server calls

        def log_message(self, *_):
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def bounded_memory(most=3 * MOST_ANSWER_BYTES):
    """What Python itself holds meanwhile stays below."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


KINDS = ["gzip", "x-gzip", "deflate", "deflate, raw", "gzip, gzip", "deflate, gzip", "identity"]


@pytest.fixture
def attacked(simulated_xero, redis_url, database_url):
    simulator, url = simulated_xero
    simulator.state.reset()
    hostile = Hostile(url)
    with listening(hostile) as front:
        made = Installation(database_url, redis_url, simulator, front, read_timeout_seconds=20, settle_seconds=30)
        made.company()
        yield made, hostile
        made.store.engine.dispose()
        made.tools.redis.close()


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in ("gzip", "deflate, gzip", "identity") else pytest.mark.thorough)
        for kind in KINDS
    ],
)
def test_an_answer_that_fills_memory_is_one_nobody_can_read(attacked, bombs, kind):
    """The invoice stands in Xero: nobody says that it failed, and it is there once in the end."""
    made, hostile = attacked
    made.ask(an_invoice())
    hostile.instead = (kind, bombs[kind])
    with bounded_memory():
        made.run()
    assert made.markers() == {"i1": "uncertain"}
    assert not made.answers()
    made.later(made.settings.lease_seconds + made.settings.settle_seconds + 301)
    made.wake()
    with bounded_memory():
        made.run()
    assert not made.answers()
    hostile.instead = None
    made.settle_down()
    assert [one["type"] for one in made.answers().values()] == ["succeeded"]
    assert len(made.books()) == 1


@pytest.mark.parametrize(
    "nested", [b"[" * 200_000, b'{"a":' * 100_000, b'{"Invoices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"]
)
def test_an_answer_without_a_bottom_is_one_nobody_can_read(attacked, nested):
    made, hostile = attacked
    made.ask(an_invoice())
    hostile.instead = ("identity", nested)
    made.run()
    assert made.markers() == {"i1": "uncertain"}
    hostile.instead = None
    made.settle_down()
    assert [one["type"] for one in made.answers().values()] == ["succeeded"]
    assert len(made.books()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_token_service_and_the_list_of_organisations_fill_no_memory(simulated_xero, bombs, kind):
    hostile = Hostile(simulated_xero[1])
    hostile.instead = (kind, bombs[kind])
    with listening(hostile) as front, bounded_memory():
        tokens = TokenService(front)
        with pytest.raises(Trouble) as trouble:
            tokens.ask(AppKeys("app", ("secret",)), {"grant_type": "refresh_token", "refresh_token": "r"})
        assert trouble.value.effect == "not_sent"
        with pytest.raises(Trouble) as trouble:
            XeroLogin(front, front, tokens, None).organisations("bearer")
        assert trouble.value.effect == "not_sent"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_honest_answer_that_is_packed_is_read(attacked, encoding):
    made, hostile = attacked
    honest = hostile.answer

    def pack(*asked):
        status, headers, body = honest(*asked)
        body = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
        return status, {**headers, "content-encoding": encoding}, body

    hostile.answer = pack
    made.ask(an_invoice())
    made.run()
    assert [one["type"] for one in made.answers().values()] == ["succeeded"]
    assert len(made.books(builders.TENANT)) == 1
