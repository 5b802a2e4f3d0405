"""What a connection may cost before anybody knows who it is: time, bytes and places, all of them bounded.

uvicorn's protocol reads heads of any size and waits for them for ever; this one does neither. One `Gate` is shared by
all connections of the process. A connection is in one of four phases: its head is awaited, its body, its answer, or,
kept alive, its next request.
"""

import asyncio
import contextlib
import ipaddress
import json
import resource
import uuid
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from web.answers import MEDIA_TYPE, RefusedRequest
from worker.decisions.addresses import network_of

MOST_HEAD_BYTES = 32_768
MOST_ADDRESS_BYTES = 24_576  # 200 ids of 100 letters, and what stands around them
FILES_KEPT_BACK = 256  # for the database, Redis and what Python opens itself
_LINGER_SECONDS = 2.0
_STUCK_SECONDS = 30.0
_MOST_LINGERING_BYTES = 1_000_000
_SWEEP_SECONDS = 0.5
_MAPPED = "::ffff:"


class Phase(Enum):
    """What a connection is waiting for."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    IDLE = "idle"
    LEAVING = "leaving"


@dataclass(frozen=True)
class ConnectionLimits:
    """Seconds, bytes a second, and numbers of connections; an address of IPv6 counts as its network of 64 bits."""

    per_address: int = 100
    at_once: int = 4_000
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    body_bytes_per_second: float = 50_000.0
    exempt: tuple[str, ...] = ()


@dataclass
class _AddressConnections:
    """What comes from one address: how many connections, and those that wait for their peer, longest first."""

    count: int = 0
    waiting: dict["GuardedProtocol", None] = field(default_factory=dict)


class Gate:
    """Who is in, by address; ends what takes too long, and makes room at the expense of what only waits."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.count = 0
        self._places: dict[str, _AddressConnections] = {}
        self._since: dict[GuardedProtocol, float] = {}  # heads and bodies that are awaited
        self._waiting: dict[GuardedProtocol, None] = {}
        self._exempt = [ipaddress.ip_network(one, strict=False) for one in limits.exempt]
        self._sweeping = False

    def let_in(self, protocol: "GuardedProtocol", loop: asyncio.AbstractEventLoop) -> bool:
        """Whether there is a place for this connection, or one can be made by ending one that only waits."""
        place = self._places.get(protocol.place)
        if place and not protocol.exempt and place.count >= self.limits.per_address:
            if not self._make_room(place.waiting):
                return False
        elif self.count >= self.limits.at_once and not self._make_room(self._waiting):
            return False
        self._places.setdefault(protocol.place, _AddressConnections()).count += 1
        self.count += 1
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(_SWEEP_SECONDS, self._sweep, loop)
        return True

    def leaves(self, protocol: "GuardedProtocol") -> None:
        """Its place is free."""
        self.no_longer_waits(protocol)
        place = self._places[protocol.place]
        place.count -= 1
        self.count -= 1
        if not place.count:
            self._places.pop(protocol.place, None)

    def waits(self, protocol: "GuardedProtocol", since: float | None) -> None:
        """It waits for its peer; `since` when for a head or a body, None when nothing is owed."""
        self.no_longer_waits(protocol)
        if since is not None:
            self._since[protocol] = since
        if protocol.phase is not Phase.BODY:
            self._waiting[protocol] = self._places[protocol.place].waiting[protocol] = None

    def no_longer_waits(self, protocol: "GuardedProtocol") -> None:
        """Its peer has done its part."""
        self._since.pop(protocol, None)
        self._waiting.pop(protocol, None)
        self._places[protocol.place].waiting.pop(protocol, None)

    def is_exempt(self, address: str) -> bool:
        """Whether this is a proxy that many come through."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._exempt)

    @staticmethod
    def _make_room(waiting: dict["GuardedProtocol", None]) -> bool:
        """End the one that has owed its head for longest, else the one that was idle for longest."""
        free = [one for one in waiting if not one.is_not_read()]
        last = next((one for one in free if one.phase is Phase.HEAD), free[0] if free else None)
        if last is not None:
            last.end_at_once()
        return last is not None

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for protocol, since in list(self._since.items()):
            if protocol.is_not_read():
                self._since[protocol] = now  # we are the ones who do not read
            elif now - since > self._allowed(protocol):
                protocol.took_too_long()
        self._sweeping = self.count > 0
        if self._sweeping:
            loop.call_later(_SWEEP_SECONDS, self._sweep, loop)

    def _allowed(self, protocol: "GuardedProtocol") -> float:
        if protocol.phase is Phase.HEAD:
            return self.limits.head_seconds
        return self.limits.body_seconds + protocol.body_bytes / self.limits.body_bytes_per_second


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol for HTTP/1.1 behind a gate."""

    def __init__(self, *args: Any, gate: Gate, **named: Any) -> None:
        super().__init__(*args, **named)
        self.gate = gate
        self.place = ""
        self.exempt = False
        self.phase = Phase.LEAVING  # until it is let in
        self.body_bytes = 0
        self._head_bytes = 0
        self._left_bytes = 0
        self._stuck: asyncio.TimerHandle | None = None

    # -- the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection takes a place, or is told that there is none."""
        super().connection_made(transport)
        if self.client and self.client[0].startswith(_MAPPED):  # IPv4 on a socket of IPv6: the address that it is
            self.client = self.client[0].removeprefix(_MAPPED), self.client[1]
        address = self.client[0] if self.client else ""
        self.place, self.exempt = network_of(address), self.gate.is_exempt(address)
        if self.gate.let_in(self, self.loop):
            self._awaits_head()
            return
        self.place = ""
        self.connections.discard(self)
        sentence = f"connection: at most {self.gate.limits.per_address:,} at once from one address"
        self._answer(RefusedRequest(429, "Too many connections", [sentence], {"Retry-After": "1"}))
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The place is free again."""
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head are counted before they are looked at; who has had his answer is not listened to."""
        if self.phase is Phase.LEAVING:
            self._left_bytes += len(data)
            if self._left_bytes > _MOST_LINGERING_BYTES:
                self.flow.pause_reading()
            return
        if self.phase is Phase.IDLE:
            self._awaits_head()
        if self.phase is Phase.HEAD:
            self._head_bytes += len(data)
        elif self.phase is Phase.BODY:
            self.body_bytes += len(data)
        super().data_received(data)
        if self.phase is Phase.HEAD and self._head_bytes > MOST_HEAD_BYTES:
            self._refuse(_too_large_a_head())

    # -- what the parser finds

    def on_message_begin(self) -> None:
        """Another request begins, perhaps right behind the one before."""
        if self.phase is not Phase.LEAVING:
            self._awaits_head()
            super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A trailer behind a body is no header: nobody has looked at it when a request was let in."""
        if self.phase is Phase.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self.phase is not Phase.HEAD:
            return
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.url) > MOST_ADDRESS_BYTES:
            sentence = f"address: at most {MOST_ADDRESS_BYTES:,} bytes are taken"
            self._refuse(RefusedRequest(414, "Address too long", [sentence]))
        elif size > MOST_HEAD_BYTES:
            self._refuse(_too_large_a_head())
        else:
            self.phase, self.body_bytes = Phase.BODY, 0
            self.gate.waits(self, self.loop.time())
            super().on_headers_complete()
            self.cycle.transport = _Patient(self)  # type: ignore[assignment]  # what a cycle uses of a transport

    def on_body(self, body: bytes) -> None:
        """A piece of a body that is still wanted."""
        if self.phase is not Phase.LEAVING:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.phase is not Phase.LEAVING:
            self.phase = Phase.ANSWER
            self.gate.no_longer_waits(self)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The connection waits for its next request."""
        if self.phase is Phase.LEAVING:
            self.pipeline.clear()
            return
        if self.phase is Phase.ANSWER:
            self.phase = Phase.IDLE
            self.gate.waits(self, None)
        super().on_response_complete()

    # -- its end

    def is_not_read(self) -> bool:
        """Whether what is owed may lie with us unread."""
        return self.flow.read_paused or (self.phase is Phase.HEAD and self._is_answering())

    def took_too_long(self) -> None:
        """Its head or body did not come in time."""
        what = "head" if self.phase is Phase.HEAD else "body"
        self._refuse(RefusedRequest(408, "Request too slow", [f"request: its {what} did not arrive in time"]))

    def end_at_once(self) -> None:
        """Its place goes to another."""
        self._leave()
        self.transport.abort()

    def leave_slowly(self) -> None:
        """The answer is given; what still comes is thrown away for a moment, or a reset would eat it.

        Source: RFC 9112 §9.6. The place stays taken until then.
        """
        unread = self.phase is Phase.BODY
        self.phase = Phase.LEAVING
        self.gate.no_longer_waits(self)
        if not unread:
            self.transport.close()
            self.loop.call_later(_STUCK_SECONDS, self.transport.abort)
            return
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """The peer does not read: an answer waits for that only so long."""
        super().pause_writing()
        self._stuck = self.loop.call_later(_STUCK_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer reads again."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came for a while."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(_STUCK_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        if self.phase is not Phase.LEAVING:
            self._refuse(RefusedRequest(400, "Request not readable", [f"request: {msg}"]))

    def _is_answering(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

    def _awaits_head(self) -> None:
        self.phase, self._head_bytes = Phase.HEAD, 0
        self.gate.waits(self, self.loop.time())

    def _leave(self) -> None:
        self.phase = Phase.LEAVING
        if self.place:
            self.gate.leaves(self)
            self.place = ""

    def _refuse(self, refused: RefusedRequest) -> None:
        """Say it unless an answer is on its way already, and end the connection; the application hears of that."""
        running = self._is_answering()
        if not (running and self.cycle.response_started):
            self._answer(refused)
        if running:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.phase = Phase.BODY  # something may still be on its way to us
        self.leave_slowly()

    def _answer(self, refused: RefusedRequest) -> None:
        body = json.dumps(refused.body(), ensure_ascii=False).encode()
        kind = {
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
            "x-request-id": uuid.uuid4().hex,
        }
        said = {**refused.headers, **kind}
        head = "".join(f"{name.lower()}: {value}\r\n" for name, value in said.items())
        self.transport.write(STATUS_LINE[refused.status] + head.encode() + b"\r\n" + body)


class _Patient:
    """The transport as an answer sees it: its end waits for the peer."""

    def __init__(self, protocol: GuardedProtocol) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        self._protocol.leave_slowly()


def most_at_once(wanted: int) -> int:
    """As many connections as wanted, or as the limit of open files leaves; the soft one is raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # a unit's filter of system calls may forbid it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(min(wanted, soft - FILES_KEPT_BACK), 1)


def _too_large_a_head() -> RefusedRequest:
    return RefusedRequest(431, "Headers too large", [f"headers: at most {MOST_HEAD_BYTES:,} bytes in all are taken"])
