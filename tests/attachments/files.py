"""CrewCard's file server, as a test has it: what is at each path, and what was asked for."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Files:
    """`at` maps a path to bytes, to a status, to an address to go on to (`Location`), or to a move of one's own."""

    def __init__(self, base):
        self.base, self.at, self.asked = base, {}, []

    def put(self, name, found):
        self.at[f"/{name}"] = found
        return f"{self.base}/{name}?signature=s3cret"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        files, path = self.server.files, self.path.partition("?")[0]
        files.asked.append(path)
        found = files.at.get(path, 404)
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            found(self)
            return
        status = found if isinstance(found, int) else 200 if isinstance(found, bytes) else 302
        self.send_response(status)
        if isinstance(found, str):
            self.send_header("Location", found)
        body = found if isinstance(found, bytes) else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_said):
        """Who hears enough hangs up."""


@contextmanager
def a_file_server():
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.files = Files(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.files
        server.shutdown()
        thread.join()
