"""One webhook to one endpoint: Standard Webhooks, and what became of it in a few words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpcore
from standardwebhooks import Webhook

from worker.decisions.addresses import ALLOWS
from worker.outgoing.wire import Private, Wire

_MOST_READ_BYTES = 65_536
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Endpoint:
    """Where events go: all of them, or a company's. Newest secret first; each of them signs."""

    door: str
    url: str
    company: str | None
    secrets: tuple[str, ...] = field(repr=False)


class Poster:
    """Posts events. A 2xx is a delivery, whatever comes with it; a redirect is not followed."""

    def __init__(self, *, private: bool, seconds: float = 15) -> None:
        self._seconds = seconds
        self._wire = Wire(private=private)
        self._pool = httpcore.ConnectionPool(
            network_backend=self._wire, max_connections=256, max_keepalive_connections=64, keepalive_expiry=15
        )

    def post(self, endpoint: Endpoint, event_id: str, body: str) -> str | None:
        """Post one event; the trouble in a few words, or None when it was taken. Never raises."""
        try:
            status = self._status(endpoint, event_id, body)
        except Private as inside:
            return f"leads to the private address {inside}; {ALLOWS}"
        except (httpcore.TimeoutException, TimeoutError):
            return f"no answer within {self._seconds:g} seconds"
        except httpcore.ConnectError:
            return "cannot be reached"
        except Exception as lost:
            return f"the call broke off ({type(lost).__name__})"
        if 300 <= status < 400:
            return f"answered {status}; redirects are not followed"
        return None if 200 <= status < 300 else f"answered {status}"

    def _status(self, endpoint: Endpoint, event_id: str, body: str) -> int:
        self._wire.ends_in(self._seconds)
        times = {"connect": _CONNECT_SECONDS, "read": None, "write": None, "pool": self._seconds}
        headers = self._headers(endpoint.secrets, event_id, body)
        asked = self._pool.stream(
            "POST", endpoint.url, headers=headers, content=body.encode(), extensions={"timeout": times}
        )
        with asked as reply:
            if 200 <= reply.status < 300:
                _read_a_little(reply)
            return reply.status

    @staticmethod
    def _headers(secrets: Sequence[str], event_id: str, body: str) -> list[tuple[str, str]]:
        now = datetime.now(UTC)
        return [
            ("content-type", "application/cloudevents+json; charset=utf-8"),
            ("user-agent", "crewcard-xero"),
            ("webhook-id", event_id),
            ("webhook-timestamp", str(int(now.timestamp()))),
            ("webhook-signature", " ".join(Webhook(secret).sign(event_id, now, body) for secret in secrets)),
        ]


def _read_a_little(reply: httpcore.Response) -> None:
    """A short answer is read, so that its connection can be used again; of a long one no more than that."""
    size = 0
    try:
        for part in reply.iter_stream():
            size += len(part)
            if size > _MOST_READ_BYTES:
                return
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        return  # it was taken all the same: the status says so
