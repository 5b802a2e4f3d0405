"""Strangers, all at once, as a process of their own: python -m tests.security.crowd PORT PASSWORDS BODIES HALVES.

Says “ready” when all half-sent requests stand; goes on until its standard input ends.
"""

import contextlib
import http.client
import resource
import socket
import sys
import threading
import time

BODY = b" " * 19_000_000
HALVES, BODIES, PASSWORDS = "127.0.0.2", "127.0.0.3", "127.0.0.4"


def half_sent(port):
    one = socket.create_connection(("127.0.0.1", port), source_address=(HALVES, 0))
    one.sendall(b"POST /v1/events HTTP/1.1\r\nhost: x\r\nx-crewcard-key: nob")
    return one


def a_body(port):
    """Sent to its end whatever is answered, as somebody does who means no good."""
    with (
        socket.create_connection(("127.0.0.1", port), source_address=(BODIES, 0)) as one,
        contextlib.suppress(OSError),
    ):
        one.sendall(
            b"POST /v1/events HTTP/1.1\r\nhost: x\r\nx-crewcard-key: nobody\r\ncontent-length: 19000000\r\n"
            b"webhook-id: m1\r\nwebhook-timestamp: %d\r\nwebhook-signature: v2,AAAA\r\n\r\n" % time.time()
        )
        one.sendall(BODY)
        one.recv(1000)


def a_password(port):
    one = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(PASSWORDS, 0))
    with contextlib.suppress(OSError, http.client.HTTPException):
        form = {"content-type": "application/x-www-form-urlencoded"}
        one.request("POST", "/console/sign-in", "user=anna&password=wrong+wrong+wrong&back=%2Fconsole", form)
        one.getresponse().read()
    one.close()


def main():
    port, passwords, bodies, halves = map(int, sys.argv[1:])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    stands = []
    for _ in range(halves):
        with contextlib.suppress(OSError):
            stands.append(half_sent(port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for do, count in ((a_password, passwords), (a_body, bodies)):
        for _ in range(count):
            threading.Thread(target=do, args=(port,), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
