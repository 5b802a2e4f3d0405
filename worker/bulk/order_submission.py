"""Orders of people at the console, handed in as any host would: replay, cancel, raise anew."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from events.codec import Unreadable
from events.orders import (
    InvoiceExportCancelRequested,
    InvoiceExportRaiseAnewRequested,
    InvoiceExportReplayRequested,
    Order,
)
from events.unreadable import sentences
from worker.decisions.receipts import Receipt
from worker.decisions.rights import ConsoleUser, Ourselves
from worker.intake import intake
from worker.tools import Tools

SOURCE = "crewcard-xero/console"
LONGEST_WHY = 255
OrderGiver = ConsoleUser | Ourselves


class OrderRefused(Exception):
    """An order that cannot be carried out; the text says why."""


@dataclass(frozen=True)
class Named:
    """Which invoices an order is about: some ids, or those of a request; both narrow each other."""

    company: str
    invoices: Sequence[str] = ()
    request: str | None = None


def replay(tools: Tools, named: Named, by: OrderGiver, why: str, event: str = "") -> Receipt:
    """Try the failed ones of these again. The same `event` given twice is one order.

    Raises OrderRefused, NotAllowed.
    """
    return _order_in_bulk(tools, InvoiceExportReplayRequested, named, by, why, event)


def cancel(tools: Tools, named: Named, by: OrderGiver, why: str) -> Receipt:
    """Do not send what of these has not been sent. Raises OrderRefused, NotAllowed."""
    return _order_in_bulk(tools, InvoiceExportCancelRequested, named, by, why)


def raise_anew(tools: Tools, named: Named, by: OrderGiver, why: str, number: str = "") -> Receipt:
    """Raise these again, which are voided, deleted or gone in Xero; one of them under this number.

    Raises OrderRefused, NotAllowed.
    """
    return _order_in_bulk(tools, InvoiceExportRaiseAnewRequested, named, by, why, number=number.strip() or None)


def reason_given(why: str) -> str:
    """The reason, in a length that is kept. Raises OrderRefused where there is none."""
    if not why.strip():
        raise OrderRefused("Say why: the reason is kept in the audit.")
    return why.strip()[:LONGEST_WHY]


def _order_in_bulk(
    tools: Tools, kind: type[Order], named: Named, by: OrderGiver, why: str, event: str = "", **more: Any
) -> Receipt:
    said: dict[str, Any] = {
        "company": named.company,
        "request": named.request,
        "invoices": list(named.invoices),
        "requested_by": {"id": by.id, "role": by.role if isinstance(by, ConsoleUser) else None},
        "why": reason_given(why),
        **more,
    }
    try:
        order = kind.model_validate(said)
        return intake.accept(tools, _event(order, event or uuid.uuid4().hex), (by,))
    except ValidationError as broken:
        raise OrderRefused("; ".join(sentences(broken))) from None
    except Unreadable as broken:
        raise OrderRefused("; ".join(broken.problems)) from None


def _event(order: Order, id_: str) -> dict[str, Any]:
    data = order.model_dump(mode="json", exclude_none=True)
    return {"specversion": "1.0", "id": id_, "source": SOURCE, "type": order.TYPE, "data": data}
