"""A host's endpoint that misbehaves as told, over real HTTP."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@dataclass
class Endpoint:
    """What came, and how the next is answered: a status, or a function that does it all itself."""

    url: str = ""
    came: list[tuple[dict[str, str], str]] = field(default_factory=list)
    answer: int | Callable = 200
    poured: int = 0
    let_go: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.came]

    @property
    def events(self) -> list[dict]:
        return [json.loads(body) for _, body in self.came]

    def hang(self, handler) -> None:
        """No answer until let go."""
        self.let_go.wait(20)
        handler.send_error(500)

    def drip(self, handler) -> None:
        """An answer that never ends, a header at a time."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.let_go.wait(0.05):
            handler.wfile.write(b"X-More: 1\r\n")

    def pour(self, handler) -> None:
        """An answer without end, as fast as it is read."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while not self.let_go.is_set():
            handler.wfile.write(b"x" * 65536)
            self.poured += 65536

    def drop(self, handler) -> None:
        """The line goes dead."""
        handler.close_connection = True

    def redirect_to(self, url):
        def redirect(handler):
            handler.send_response(302)
            handler.send_header("Location", url)
            handler.end_headers()

        return redirect


@contextmanager
def an_endpoint(tls: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    """An endpoint of its own, at “localhost” where it speaks TLS."""
    found = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            found.came.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.body = body
            if callable(found.answer):
                found.answer(self)
                return
            self.send_response(found.answer)
            self.end_headers()

        do_GET = do_POST  # noqa: N815  # the library's names

        def log_message(self, *_):
            pass

        def handle(self):
            try:
                super().handle()
            except OSError:
                return  # whoever asked has gone

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    found.url = f"http://127.0.0.1:{server.server_port}/xero_webhook.php"
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        found.url = f"https://localhost:{server.server_port}/xero_webhook.php"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
