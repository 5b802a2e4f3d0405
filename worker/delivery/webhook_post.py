"""One webhook to one endpoint: Standard Webhooks, and what became of it in a few words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpcore
from standardwebhooks import Webhook

from worker.decisions import addresses, retries
from worker.delivery.webhook_network import Private, Wire

_MOST_READ_BYTES = 65_536
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class PostTarget:
    """Where events go: all of them, or a company's. Newest secret first; each of them signs."""

    door: str
    url: str
    company: str | None
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Missed:
    """What did not get through: why, in a few words, and the seconds the endpoint asks us to stay away."""

    trouble: str
    wait: float = 0.0


class Poster:
    """Posts events. A 2xx is a delivery, whatever comes with it; a redirect is not followed."""

    def __init__(self, *, private: bool, seconds: float = 15) -> None:
        self._seconds = seconds
        self._wire = Wire(private=private)
        self._pool = httpcore.ConnectionPool(
            httpcore.default_ssl_context(),  # an own network has certificates of its own: SSL_CERT_FILE names them
            network_backend=self._wire,
            max_connections=256,
            max_keepalive_connections=64,
            keepalive_expiry=15,
        )

    def post(self, endpoint: PostTarget, event_id: str, body: str) -> Missed | None:
        """Post one event; None when it was taken. Never raises."""
        try:
            status, asked = self._status(endpoint, event_id, body)
        except Private as inside:
            allows = "nothing allows it" if addresses.is_metadata(str(inside)) else addresses.ALLOWS
            return Missed(f"leads to the private address {inside}; {allows}")
        except (httpcore.TimeoutException, TimeoutError):
            return Missed(f"no answer within {self._seconds:g} seconds")
        except httpcore.ConnectError as refused:
            return Missed("its certificate is not valid" if "CERTIFICATE" in str(refused) else "cannot be reached")
        except Exception as lost:
            return Missed(f"the call broke off ({type(lost).__name__})")
        if 200 <= status < 300:
            return None
        redirected = "; redirects are not followed" if 300 <= status < 400 else ""
        return Missed(f"answered {status}{redirected}", retries.asked_wait(status, asked))

    def _status(self, endpoint: PostTarget, event_id: str, body: str) -> tuple[int, str]:
        self._wire.ends_in(self._seconds)
        times = {"connect": _CONNECT_SECONDS, "read": None, "write": None, "pool": self._seconds}
        headers = self._headers(endpoint.secrets, event_id, body)
        asked = self._pool.stream(
            "POST", endpoint.url, headers=headers, content=body.encode(), extensions={"timeout": times}
        )
        with asked as reply:
            if 200 <= reply.status < 300:
                _read_a_little(reply)
            found = (text for key, text in reply.headers if key.lower() == b"retry-after")
            return reply.status, next(found, b"").decode("latin-1")

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
