"""An example of each event, and of each reason in it: what the contracts show and what `trigger` sends; pure.

All of them are about one invoice of one company, in the words that people would read of it.
"""

import json
from collections.abc import Mapping
from typing import Any, get_args

from events import codec
from events.attachments import AttachmentProblem, InvoiceAttachmentsCompleted
from events.connections import (
    ConnectionProblem,
    XeroConnectionNeedsLogin,
)
from events.contacts import ClientXeroContactRejected, ContactProblem
from events.example_events import AT, EXAMPLES
from events.example_events import About as About  # noqa: PLC0414
from events.export import (
    InvoiceExportDeferred,
    InvoiceExportFailed,
)
from events.help import Catalogue
from events.outgoing import OUTGOING, WebhookTested, XeroExportAttentionNeeded
from events.reasons import Reason
from events.snapshot import Event

_CATALOGUES: Mapping[str, type[Catalogue]] = {
    InvoiceExportFailed.TYPE: Reason,
    XeroExportAttentionNeeded.TYPE: Reason,
    XeroConnectionNeedsLogin.TYPE: ConnectionProblem,
    ClientXeroContactRejected.TYPE: ContactProblem,
    InvoiceAttachmentsCompleted.TYPE: AttachmentProblem,
}


class NoExample(Exception):
    """There is no such event or reason; the text names what there is."""


def reasons(type_: str) -> tuple[str, ...]:
    """The reasons (of `deferred` the causes) that an event of this type can give; none of most types."""
    if type_ == InvoiceExportDeferred.TYPE:
        return get_args(InvoiceExportDeferred.model_fields["cause"].annotation)
    return tuple(member.code for member in _CATALOGUES.get(type_, ()))


def event(type_: str, reason: str = "", about: About | None = None) -> Event:
    """An example of this type, for this reason or for the first there is. Raises NoExample."""
    if type_ not in OUTGOING:
        raise NoExample(f"There is no event “{type_}”. There are: {', '.join(sorted(OUTGOING))}.")
    known = reasons(type_)
    if reason and reason not in known:
        choices = f"It has: {', '.join(known)}." if known else "It has none."
        raise NoExample(f"{type_} has no reason “{reason}”. {choices}")
    return EXAMPLES[type_](about or About(), reason or (known[0] if known else ""))


def document(type_: str) -> dict[str, Any]:
    """The example whole, in its envelope, as it comes over the wire."""
    made = event(type_)
    subject = str(
        getattr(made, "invoice", None) or getattr(made, "request", None) or getattr(made, "company", "audit")
    )
    text = codec.write(
        made,
        id="8e05c68f-e64e-5f07-b3d7-2e830b35b9ca",
        source="crewcard-xero",
        subject=subject,
        time=AT,
        test=type_ == WebhookTested.TYPE,
    )
    whole: dict[str, Any] = json.loads(text)
    return whole
