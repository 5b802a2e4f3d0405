"""CloudEvents 1.0, structured JSON, in and out. Builds and reads bytes; the transport is passed in elsewhere.

The envelope is that of the CloudEvents 1.0 specification: `specversion`, `id`, `source`, `type`, and for us
always `time` and `data`; `causationid` names the event that caused this one. `traceparent` and `tracestate` are those
of its extension for distributed tracing, and of W3C Trace Context; together they are kept as one text, a `trace`.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from events.contacts import ClientXeroContactCreateRequested, ClientXeroContactUpdateRequested
from events.export import InvoiceExportRequested
from events.orders import (
    InvoiceExportCancelRequested,
    InvoiceExportRaiseAnewRequested,
    InvoiceExportReplayRequested,
)
from events.preview import InvoiceExportPreviewRequested
from events.settings import CompanySettingsChanged
from events.snapshot import Event, Incoming, Text
from events.unreadable import sentences

MOST_BYTES = 5_000_000
INCOMING: Mapping[str, type[Incoming]] = {
    model.TYPE: model
    for model in (
        InvoiceExportRequested,
        InvoiceExportCancelRequested,
        InvoiceExportReplayRequested,
        InvoiceExportRaiseAnewRequested,
        ClientXeroContactUpdateRequested,
        ClientXeroContactCreateRequested,
        CompanySettingsChanged,
        InvoiceExportPreviewRequested,
    )
}


_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")
TRACING = ("traceparent", "tracestate")  # another attempt to send an event may bring others: they are not its content


def trace_of(traceparent: object, tracestate: object = None) -> str | None:
    """A trace context as one text; None for what is none: it is left out, and refuses no event."""
    if not (isinstance(traceparent, str) and _TRACEPARENT.fullmatch(traceparent)):
        return None
    has_state = isinstance(tracestate, str) and _TRACESTATE.fullmatch(tracestate)
    return f"{traceparent} {tracestate}" if has_state else traceparent


def trace_id(trace: str) -> str:
    """Which trace a context is of."""
    return trace[3:35]


def trace_headers(trace: str | None) -> dict[str, str]:
    """The context as headers of a request, or attributes of an event."""
    return dict(zip(TRACING, trace.split(" ", 1), strict=False)) if trace else {}


class Unreadable(Exception):
    """An event that breaks the contract. `problems` are sentences, each naming the field it is about."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Envelope(BaseModel):
    """A CloudEvent around one event's data. Extension attributes are let through, as the standard asks."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"]
    id: Annotated[Text, Field(min_length=1, max_length=200)]
    source: Annotated[Text, Field(min_length=1, max_length=200)]
    type: Annotated[Text, Field(max_length=100)]
    time: datetime | None = None
    causationid: Annotated[Text, Field(max_length=200)] | None = None
    traceparent: Any = None
    tracestate: Any = None
    data: dict[str, Any]

    @property
    def trace(self) -> str | None:
        """The trace that it belongs to."""
        return trace_of(self.traceparent, self.tracestate)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def parse(body: bytes, most: int = MOST_BYTES) -> Any:
    """JSON with exact decimals. Raises Unreadable for anything that is not JSON a machine can hold."""
    if len(body) > most:
        raise Unreadable(f"body: at most {most:,} bytes are accepted, this has {len(body):,}")
    try:
        return json.loads(body.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_no_constant)
    except UnicodeDecodeError as broken:
        raise Unreadable(f"body: not UTF-8 text (byte {broken.start + 1})") from None
    except json.JSONDecodeError as broken:
        why = f"{broken.msg[:1].lower()}{broken.msg[1:]}"
        where = f"at line {broken.lineno} column {broken.colno}"
        raise Unreadable(f"body: not JSON: it goes wrong {where} ({why})") from None
    except RecursionError:
        raise Unreadable("body: not JSON that can be read: it is nested too deeply") from None
    except (ValueError, ArithmeticError):
        raise Unreadable("body: not JSON that can be read: a number in it is none, or too long") from None


def parse_event(document: Any) -> tuple[Envelope, Incoming]:
    """An envelope and its data from parsed JSON. Raises Unreadable naming every field that is wrong."""
    if not isinstance(document, dict):
        raise Unreadable("event: must be a JSON object (a CloudEvent)")
    try:
        envelope = Envelope.model_validate(document)
    except ValidationError as broken:
        raise Unreadable(*sentences(broken)) from None
    model = INCOMING.get(envelope.type)
    if model is None:
        known = ", ".join(sorted(INCOMING))
        raise Unreadable(f"type: “{envelope.type}” is not an event we know; we know {known}")
    try:
        return envelope, model.model_validate(envelope.data)
    except ValidationError as broken:
        raise Unreadable(*(f"data.{problem}" for problem in sentences(broken))) from None


def write(
    event: Event,
    *,
    id: str,  # noqa: A002  # the standard's own word
    source: str,
    subject: str,
    time: datetime,
    causation: str | None = None,
    trace: str | None = None,
    test: bool = False,
) -> str:
    """The event as CloudEvents JSON text; `test` marks one that tells of nothing that happened."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": event.TYPE,
        "subject": subject,
        "time": time.isoformat(),
        "datacontenttype": "application/json",
    }
    if causation:
        attributes["causationid"] = causation
    if test:
        attributes["test"] = True
    attributes |= trace_headers(trace)
    return f'{to_json(attributes).decode()[:-1]},"data":{event.model_dump_json(exclude_none=True)}}}'
