"""What Xero posts to an app's webhook address: signed, and thin: what changed, not how (facts §10); pure."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from events.accounting_target import Notice
from xero_adapter.json_values import object_of

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CATEGORIES = frozenset({"INVOICE", "CREDITNOTE"})
_NO_KEY = b"\0" * 32  # compared with where there is no key, so that it takes as long


def is_signed(body: bytes, signature: str, keys: Sequence[str]) -> bool:
    """Whether the signature is the base64 of HMAC-SHA256 over the raw body with one of the keys."""
    given = signature.encode("utf-8", "replace")
    expected = [base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)) for key in keys]
    fits = [hmac.compare_digest(given, one) for one in expected or [base64.b64encode(_digest_without(body))]]
    return bool(keys) and any(fits)


def _digest_without(body: bytes) -> bytes:
    return hmac.digest(_NO_KEY, body, hashlib.sha256)


def notices(body: bytes) -> list[Notice]:
    """The invoices and sales credit notes in a body's events; another category, or what cannot be read, is left out.

    Raises ValueError where it is no body of Xero's webhooks at all.
    """
    try:
        document = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deep") from None
    events = document.get("events") if isinstance(document, dict) else None
    if not isinstance(events, list):
        raise ValueError("no list of events")  # noqa: TRY004  # whoever calls asks whether it can be read
    return list(_of_documents(one for one in events if isinstance(one, dict)))


def _of_documents(events: Iterator[Mapping[str, Any]]) -> Iterator[Notice]:
    for event in events:
        tenant, id_ = (str(event.get(name) or "").lower() for name in ("tenantId", "resourceId"))
        at = _moment(event.get("eventDateUtc"))
        if _is_of_sales(event) and tenant and _GUID.fullmatch(id_) and at:
            yield Notice(tenant, id_, at, created=str(event.get("eventType")).upper() == "CREATE")


def _is_of_sales(event: Mapping[str, Any]) -> bool:
    """Whether it is of an invoice, which does not say whose, or of a credit note that is not a supplier's."""
    category = str(event.get("eventCategory")).upper()
    kind = str(object_of(event.get("data")).get("Type") or "").upper()
    return category in _CATEGORIES and kind != "ACCPAYCREDIT"


def _moment(text: Any) -> datetime | None:
    """Xero's moment without a zone is UTC, as its name says."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
