"""Publishing from a Python host: typed, signed, split into parts, safe to repeat. Pydantic and the standard library.

    publisher = Publisher("https://exporter.example.com", "crewcard", secret)
    publisher.export("harbour", "r-1017", invoices, requested_by=Person(id="anna"))

The same call again changes nothing: the ids of its events derive from company, request and part.

The publisher's own transport: the standard library's HTTP client. Hosts may hand in another.
"""

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from events import signing
from events.export import MOST_INVOICES, InvoiceExportRequested
from events.invoice import Invoice
from events.snapshot import Incoming, Origin, Person

_SECONDS = 30.0


@dataclass(frozen=True)
class HttpAnswer:
    """What came back: `headers` by their lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A signed body goes to the address it was meant for and to no other."""

    def redirect_request(self, *_: object) -> None:
        return None


def over_http(url: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    """POST the body. Raises OSError where there is no answer, ValueError for an address that is none."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is not the address of a door: it must begin with https:// or http://")
    asked = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310  # checked above
    try:
        with urllib.request.build_opener(_NoRedirects).open(asked, timeout=_SECONDS) as reply:
            return _answer(reply.status, reply.read(), reply.headers.items())
    except urllib.error.HTTPError as refused:
        with refused:
            return _answer(refused.code, refused.read(), refused.headers.items())
    except http.client.HTTPException as broken:
        raise ConnectionError(f"the answer broke off ({type(broken).__name__})") from None


def _answer(status: int, body: bytes, headers: list[tuple[str, str]]) -> HttpAnswer:
    return HttpAnswer(status, body, {name.lower(): value for name, value in headers})


MOST_BYTES = 4_500_000  # of the invoices in one event, which may have 5 MB
_LONGEST_WAIT_SECONDS = 60.0
_NAMESPACE = uuid.UUID("0d0ba5a6-6a3c-4c5f-9a6d-5e0f6f0f2b11")
Transport = Callable[[str, Mapping[str, str], bytes], HttpAnswer]


class NotAccepted(Exception):
    """The door refused an event for good: `status`, and sentences that each name the field they are about."""

    def __init__(self, status: int, problems: Sequence[str]) -> None:
        super().__init__(f"{status}: {'; '.join(problems)}")
        self.status = status
        self.problems = tuple(problems)


class NotReached(Exception):
    """The door did not answer, or had no room; nothing is lost: say the same again later."""


@dataclass(frozen=True)
class PublishedEvent:
    """What the door answered: committed. `repeated` says it had the event before.

    `login_due`: it waits until somebody of the company logs in to Xero, by a link (`Publisher.login_link`).
    """

    event: str
    company: str
    request: str
    invoices: int
    repeated: bool
    login_due: bool = False


@dataclass(frozen=True)
class LoginAddress:
    """Where a person of the company begins a login to Xero: good once, until `ends_at`; for nobody else's eyes."""

    url: str = field(repr=False)
    ends_at: datetime


class Publisher:
    """A host's way in. `transport` posts (url, headers, body) and raises OSError where there is no answer."""

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        *,
        source: str = "crewcard",
        transport: Transport = over_http,
        tries: int = 5,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._doors = f"{url.rstrip('/')}/v1"
        self._key = key
        self._secret = secret
        self._source = source
        self._transport = transport
        self._tries = tries
        self._pause = pause

    def export(
        self,
        company: str,
        request: str,
        invoices: Sequence[Invoice],
        *,
        requested_by: Person,
        mode: Literal["single", "bulk"] | None = None,
        origin: Origin | None = None,
    ) -> list[PublishedEvent]:
        """Ask for these invoices, in as many parts as they need; one invoice alone goes as a person's click.

        Raises ValueError, NotAccepted, NotReached.
        """
        chunks = list(_chunks(invoices))
        parts = [
            InvoiceExportRequested(
                company=company,
                request=request,
                part=number,
                parts=len(chunks),
                requested_by=requested_by,
                mode=mode or ("single" if len(invoices) == 1 else "bulk"),
                origin=origin or Origin(),
                invoices=tuple(chunk),
            )
            for number, chunk in enumerate(chunks, 1)
        ]
        return [self.send(part, f"{company}/{request}/{part.part}") for part in parts]

    def send(self, event: Incoming, name: str) -> PublishedEvent:
        """Send any event; `name` makes its id: the same news has the same name. Raises NotAccepted, NotReached."""
        event_id = str(uuid.uuid5(_NAMESPACE, f"{event.TYPE}/{name}"))
        document = {
            "specversion": "1.0",
            "id": event_id,
            "source": self._source,
            "type": event.TYPE,
            "datacontenttype": "application/json",
            "data": event.model_dump(mode="json", exclude_none=True),
        }
        return self._until_answered(event_id, json.dumps(document, separators=(",", ":")).encode())

    def login_link(self, company: str, return_to: str = "") -> LoginAddress:
        """A login link for a person of the company, made when that person wants it (a key with scope `logins`).

        Asked for once: what is not answered may be asked for again. Raises NotAccepted, NotReached.
        """
        url = f"{self._doors}/companies/{urllib.parse.quote(company, safe='')}/login-links"
        said = {"company": company, **({"return_to": return_to} if return_to else {})}
        body = json.dumps(said).encode()
        try:
            answer = self._transport(url, self._headers(url, str(uuid.uuid4()), body), body)
        except OSError as lost:
            raise NotReached(f"{url} does not answer ({type(lost).__name__})") from None
        if answer.status >= 500 or answer.status == 429:
            raise NotReached(f"{url} answered {answer.status}")
        if answer.status != 201:
            raise _not_accepted(answer)
        made = _document(answer)
        return LoginAddress(str(made["url"]), datetime.fromisoformat(made["ends_at"]))

    def _until_answered(self, event_id: str, body: bytes) -> PublishedEvent:
        """The same bytes under the same id, however often; a wait that is too long is the caller's."""
        url, message_id = f"{self._doors}/events", hashlib.sha256(event_id.encode()).hexdigest()
        trouble = "was not asked"
        for number in range(self._tries):
            wait = float(2**number)
            try:
                answer = self._transport(url, self._headers(url, message_id, body), body)
            except OSError as lost:
                trouble = f"does not answer ({type(lost).__name__})"
            else:
                if answer.status < 500 and answer.status != 429:
                    return _decoded(answer)
                wait = float(_document(answer).get("retry_after", wait))
                trouble = f"answered {answer.status}; worth asking again in {wait:g} seconds"
            if wait > _LONGEST_WAIT_SECONDS or number == self._tries - 1:
                break
            self._pause(wait)
        raise NotReached(f"{url} {trouble}")

    def _headers(self, url: str, message_id: str, body: bytes) -> dict[str, str]:
        target = urllib.parse.urlsplit(url).path
        signed = signing.headers(self._secret, message_id, "POST", target, body, datetime.now(UTC))
        return {"content-type": "application/cloudevents+json", "x-crewcard-key": self._key, **signed}


def _chunks(invoices: Sequence[Invoice]) -> Iterator[list[Invoice]]:
    """In order, as many in each as an event takes."""
    chunk: list[Invoice] = []
    size = 0
    for invoice in invoices:
        own = len(invoice.model_dump_json(exclude_none=True, ensure_ascii=True))
        if chunk and (len(chunk) == MOST_INVOICES or size + own > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(invoice)
        size += own
    if chunk:
        yield chunk


def _document(answer: HttpAnswer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _not_accepted(answer: HttpAnswer) -> NotAccepted:
    said = _document(answer)
    return NotAccepted(answer.status, said.get("problems") or [str(said.get("title", "no reason given"))])


def _decoded(answer: HttpAnswer) -> PublishedEvent:
    said = _document(answer)
    if answer.status != 202:
        raise _not_accepted(answer)
    return PublishedEvent(
        event=str(said.get("event", "")),
        company=str(said.get("company", "")),
        request=str(said.get("request", "")),
        invoices=int(said.get("invoices", 0)),
        repeated=answer.headers.get("x-crewcard-repeated") == "true",
        login_due=said.get("login_due") is True,
    )
