"""The SDK, tamed (facts §9): one ApiClient and token per use, no hidden retries, raw JSON answers.

Answers over httpx, never longer than a bound: what 400 kB of gzip unpack to is nobody's memory.

httpx unpacks whatever a piece of an answer holds, encodings within encodings too; this transport unpacks one
of them, step by step.
"""

import json
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity
import urllib3
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.api_client.serializer import serialize, serialize_pass_through
from xero_python.exceptions import ApiSSLException
from xero_python.exceptions.http_status_exceptions import HTTPStatusException
from xero_python.rest import RESTClientObject

from events.accounting_target import InTime, Organisation, SentFile, Trouble
from xero_adapter import json_values
from xero_adapter.answers import PAGE

_NOT_A_CALL = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
MOST_ANSWER_BYTES = 50_000_000  # a page of 1,000 invoices with 50 kB each
_PIECE_BYTES = 65_536
_SENT_AS_THEY_ARE = ("application/pdf", "image/", "text/plain", "text/csv")
_FAR_FUTURE_SECONDS = 4_102_444_800


def always() -> bool:
    """Reading is never too late."""
    return True


@dataclass(frozen=True)
class Reply:
    """One HTTP answer: status, headers by lower-case name, body bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> Any:
        """The body as JSON with exact decimals and sound texts. Raises ValueError."""
        return json_values.parsed(self.body)


class _PlainDocument(dict[str, Any]):
    """A document that is in JSON's own types already: the SDK need not look through all of it."""


serialize.register(_PlainDocument.__name__, serialize_pass_through)


class _TooLate(Exception):
    """Nothing was sent."""


@dataclass(frozen=True)
class _RawAnswer:
    """What the SDK looks at of an answer."""

    status: int
    reason: str | None
    headers: Mapping[str, str]
    data: bytes

    def getheaders(self) -> Mapping[str, str]:
        """The headers."""
        return self.headers


class _BoundedPool:
    """A pool whose answers are read whole and unpacked, within a number of bytes and seconds."""

    def __init__(self, pool: urllib3.PoolManager, seconds: float) -> None:
        self._pool = pool
        self._seconds = seconds

    def request(self, method: str, url: str, **named: Any) -> _RawAnswer:
        """Raises urllib3's errors: DecodeError for an answer beyond the bound, TimeoutError for one that drips."""
        end = time.monotonic() + self._seconds
        reply = self._pool.request(method, url, **{**named, "preload_content": False})
        try:
            body = self._body(reply, end)
        except BaseException:
            reply.close()
            raise
        reply.release_conn()
        return _RawAnswer(reply.status, reply.reason, reply.headers, body)

    @staticmethod
    def _body(reply: urllib3.BaseHTTPResponse, end: float) -> bytes:
        body = bytearray()
        for part in reply.stream(_PIECE_BYTES):  # urllib3 unpacks no more than a piece at a time
            body += part
            if len(body) > MOST_ANSWER_BYTES:
                raise urllib3.exceptions.DecodeError("the answer is too long")
            if time.monotonic() > end:
                raise urllib3.exceptions.TimeoutError("the answer did not come in time")
        return bytes(body)


class _Rest(RESTClientObject):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's transport over a shared pool; a status is an answer here, not an exception.

    Whether there is still time is asked right before each try: waits for tokens and connections lie behind then.
    """

    def __init__(self, pool: _BoundedPool, in_time: InTime) -> None:  # the SDK's own makes a pool per client
        self.pool_manager = pool
        self._in_time = in_time

    def request(self, *args: Any, **kwargs: Any) -> Any:
        if not self._in_time():
            raise _TooLate
        try:
            return super().request(*args, **kwargs)
        except HTTPStatusException as refused:
            return refused.http_resp.urllib3_response


class XeroClient:
    """Calls Xero's accounting API for one organisation at a time. Share it: it holds only the connection pool."""

    def __init__(self, url: str, *, connect: float = 5, read: float = 60, most_connections: int = 32) -> None:
        self._url = f"{url.rstrip('/')}/api.xro/2.0"
        self._timeout = (connect, read)
        # Retries off: urllib3 would send a dropped PUT four times and sleep for hours (facts §9.3 #4, #5).
        pool = urllib3.PoolManager(num_pools=8, maxsize=most_connections, retries=False)
        self._pool = _BoundedPool(pool, connect + read)

    def write(
        self, method: str, organisation: Organisation, bearer: str, body: bytes, key: str, in_time: InTime = always
    ) -> Reply:
        """Send a frozen body by one of the SDK's methods for invoices or credit notes (`create_invoices`).

        Raises Trouble (`not_sent` or `unknown`).
        """
        chosen = {"summarize_errors": False, "unitdp": 4, "idempotency_key": key, **self._raw()}
        document = _PlainDocument(json.loads(body))
        return self._call(
            bearer, lambda api: getattr(api, method)(organisation.lane.tenant, document, **chosen), in_time
        )

    def put_contacts(
        self, organisation: Organisation, bearer: str, elements: Sequence[Any], key: str, in_time: InTime
    ) -> Reply:
        """Create contacts. Raises Trouble (`not_sent` or `unknown`)."""
        chosen = {"summarize_errors": False, "idempotency_key": key, **self._raw()}
        document = _PlainDocument({"Contacts": list(elements)})
        return self._call(
            bearer, lambda api: api.create_contacts(organisation.lane.tenant, document, **chosen), in_time
        )

    def send_file(
        self,
        organisation: Organisation,
        bearer: str,
        target_id: str,
        file: SentFile,
        key: str,
        in_time: InTime = always,
    ) -> Reply:
        """Attach a file to an invoice, or put it in place of the one of its name. Raises Trouble.

        The SDK says `application/octet-stream` of each; Xero is told what it is, as far as the SDK sends bytes as
        they are: what it takes for JSON it writes anew.
        """
        said = file.media_type.partition(";")[0].strip().lower()
        kind = said if said.startswith(_SENT_AS_THEY_ARE) else "application/octet-stream"
        place, chosen = (organisation.lane.tenant, target_id, file.name), {"idempotency_key": key, **self._raw()}

        def send(api: AccountingApi) -> Any:
            api.api_client.select_header_content_type = lambda _: kind
            if file.replaces:
                return api.update_invoice_attachment_by_file_name(*place, file.content, **chosen)
            online = {"include_online": "true"} if file.online else {}
            return api.create_invoice_attachment_by_file_name(*place, file.content, **online, **chosen)

        return self._call(bearer, send, in_time)

    def allocate(
        self, organisation: Organisation, bearer: str, note_id: str, body: bytes, key: str, in_time: InTime
    ) -> Reply:
        """Allocate of a credit note what a frozen body says. Raises Trouble (`not_sent` or `unknown`)."""
        chosen = {"summarize_errors": False, "idempotency_key": key, **self._raw()}
        document, tenant = _PlainDocument(json.loads(body)), organisation.lane.tenant
        return self._call(
            bearer, lambda api: api.create_credit_note_allocation(tenant, note_id, document, **chosen), in_time
        )

    def page(self, method: str, organisation: Organisation, bearer: str, **chosen: Any) -> Reply:
        """The invoices or credit notes chosen by the parameters of the SDK's method (`get_invoices`), 1,000 at most.

        Paged, because only then do lines come along (facts §4.1). Raises Trouble.
        """
        return self.get(method, organisation, bearer, **{"page": 1, "page_size": PAGE, "unitdp": 4, **chosen})

    def get(self, method: str, organisation: Organisation, bearer: str, **chosen: Any) -> Reply:
        """What one of the SDK's read methods (`get_contacts`) answers. Raises Trouble."""
        return self._call(bearer, lambda api: getattr(api, method)(organisation.lane.tenant, **chosen, **self._raw()))

    def _raw(self) -> dict[str, Any]:
        return {
            "_preload_content": False,
            "_return_http_data_only": False,
            "_request_timeout": self._timeout,  # a tuple: a float is silently ignored (facts §9.3 #3)
        }

    def _api(self, bearer: str, in_time: InTime) -> AccountingApi:
        token = {
            "access_token": bearer,
            "scope": [],
            "expires_in": 1800,
            "expires_at": _FAR_FUTURE_SECONDS,  # refreshing is auth's business, never the SDK's
            "token_type": "Bearer",
        }
        configuration = Configuration()
        configuration.oauth2_token = OAuth2Token()  # the class shares one otherwise (facts §9.3 #1)
        client = ApiClient(configuration, oauth2_token_getter=lambda: token, oauth2_token_saver=lambda _: None)
        client.rest_client = _Rest(self._pool, in_time)
        return AccountingApi(client, base_url=self._url)

    def _call(self, bearer: str, send: Callable[[AccountingApi], Any], in_time: InTime = always) -> Reply:
        certain = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(10),
            wait=tenacity.wait_exponential(multiplier=0.3, max=3),
            retry=tenacity.retry_if_exception_type(_NOT_A_CALL),
            reraise=True,
        )
        try:
            response, _, _ = certain(send, self._api(bearer, in_time))
            body = response.data
        except _TooLate:
            raise Trouble("not_sent", "it was too late to send it", wait=0) from None
        except _NOT_A_CALL as refused:
            raise Trouble("not_sent", f"Xero could not be reached: {type(refused).__name__}") from None
        except (urllib3.exceptions.HTTPError, ApiSSLException, OSError) as lost:
            raise Trouble("unknown", f"the call was cut off: {type(lost).__name__}") from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, body)


MOST_BYTES_UNPACKED = 1_000_000
_PACKED = frozenset(["gzip", "x-gzip", "deflate"])
_PLAIN = frozenset(["", "identity"])
_ABOUT_THE_WIRE = frozenset([b"content-encoding", b"content-length", b"transfer-encoding"])


class BoundedTransport(httpx.HTTPTransport):
    """httpx's transport; an answer is read whole, unpacked, within `most` bytes and `seconds` for its body.

    Raises httpx's errors: DecodingError for what cannot be unpacked or is too long, ReadTimeout for what only drips.
    """

    def __init__(self, *, most: int = MOST_BYTES_UNPACKED, seconds: float = 20, **named: Any) -> None:
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
