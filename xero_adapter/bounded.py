"""Answers over httpx, never longer than a bound: what 400 kB of gzip unpack to is nobody's memory.

httpx unpacks whatever a piece of an answer holds, encodings within encodings too; this transport unpacks one
of them, step by step.
"""

import time
import zlib
from collections.abc import Iterable
from typing import Any

import httpx

MOST_BYTES = 1_000_000
_PACKED = frozenset(["gzip", "x-gzip", "deflate"])
_PLAIN = frozenset(["", "identity"])
_ABOUT_THE_WIRE = frozenset([b"content-encoding", b"content-length", b"transfer-encoding"])


class BoundedTransport(httpx.HTTPTransport):
    """httpx's transport; an answer is read whole, unpacked, within `most` bytes and `seconds` for its body.

    Raises httpx's errors: DecodingError for what cannot be unpacked or is too long, ReadTimeout for what only drips.
    """

    def __init__(self, *, most: int = MOST_BYTES, seconds: float = 20, **named: Any) -> None:
        super().__init__(**named)
        self._most = most
        self._seconds = seconds

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer with its body."""
        reply = super().handle_request(request)
        try:
            body = self._unpacked(reply, request)
        finally:
            reply.close()
        headers = [(name, value) for name, value in reply.headers.raw if name.lower() not in _ABOUT_THE_WIRE]
        return httpx.Response(reply.status_code, headers=headers, content=body, extensions=reply.extensions)

    def _unpacked(self, reply: httpx.Response, request: httpx.Request) -> bytes:
        parts = self._in_time(reply.iter_raw(), request)
        encoding = reply.headers.get("content-encoding", "").strip().lower()
        if encoding in _PLAIN:
            return self._joined(parts, request)
        if encoding not in _PACKED:
            raise httpx.DecodingError("the answer is packed in a way that is not unpacked here", request=request)
        try:
            return self._joined(_inflated(parts), request)
        except zlib.error:
            raise httpx.DecodingError("the answer cannot be unpacked", request=request) from None

    def _joined(self, parts: Iterable[bytes], request: httpx.Request) -> bytes:
        body = bytearray()
        for part in parts:
            body += part
            if len(body) > self._most:
                raise httpx.DecodingError("the answer is too long", request=request)
        return bytes(body)

    def _in_time(self, parts: Iterable[bytes], request: httpx.Request) -> Iterable[bytes]:
        end = time.monotonic() + self._seconds
        for part in parts:
            if time.monotonic() > end:
                raise httpx.ReadTimeout("the answer did not come in time", request=request)
            yield part


def _inflated(parts: Iterable[bytes]) -> Iterable[bytes]:
    """What is packed with gzip or deflate, at most 64 kB at a time. Raises zlib.error, at a cut end too."""
    unpacker = zlib.decompressobj(32 + zlib.MAX_WBITS)
    for part in parts:
        rest = part
        while rest and not unpacker.eof:
            yield unpacker.decompress(rest, 65_536)
            rest = unpacker.unconsumed_tail
    if not unpacker.eof:
        raise zlib.error("the answer is cut off")
