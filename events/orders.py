"""The orders people give to exports that were asked for: do not send them after all, or try them again."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from events.export import MOST_INVOICES
from events.invoice import InvoiceNumber
from events.reasons import Reason
from events.snapshot import HostId, Incoming, Person, ShortText


def _published(code: str) -> str:
    try:
        return Reason.of(code).code
    except KeyError:
        raise PydanticCustomError("no_reason", "is not the code of a failure reason") from None


def _said(why: str) -> str:
    if not why:
        raise PydanticCustomError("empty", "must not be empty")
    return why


class Order(Incoming):
    """What every order says: whose invoices, which of them, who asks and why. Several filters narrow each other."""

    request: HostId | None = None
    invoices: Annotated[tuple[HostId, ...], Field(max_length=MOST_INVOICES)] = ()
    requested_by: Person
    why: Annotated[ShortText, AfterValidator(_said)]

    def chosen(self) -> dict[str, Any]:
        """How the order names its invoices; empty when it names none."""
        named = self.model_dump(mode="json", include={"request", "invoices", "reason", "causes"}, exclude_none=True)
        return {name: value for name, value in named.items() if value}

    @model_validator(mode="after")
    def _names_something(self) -> "Order":
        if not self.chosen():
            known = type(self).model_fields
            ways = " or ".join(name for name in ("request", "invoices", "reason", "causes") if name in known)
            raise PydanticCustomError("nothing_named", "must name what it is about: {ways}", {"ways": ways})
        return self


class InvoiceExportCancelRequested(Order):
    """In: do not send these invoices after all, as far as this request wants them (without one: any request)."""

    TYPE: ClassVar[str] = "invoice.export.cancel_requested"


class InvoiceExportRaiseAnewRequested(Order):
    """In: raise these invoices again, which are voided, deleted or gone in Xero, as a new request `as_request`.

    Each goes in as a new invoice, once; the one before stays linked to it. `number` is the new one's, for an order
    about one invoice; without it the number stays where it is free in Xero, and else has `-2` behind it.
    """

    TYPE: ClassVar[str] = "invoice.export.raise_anew_requested"

    number: InvoiceNumber | None = None
    as_request: HostId | None = None

    @model_validator(mode="after")
    def _numbers_one(self) -> "InvoiceExportRaiseAnewRequested":
        if self.number and (len(self.invoices) != 1 or self.request):
            raise PydanticCustomError("number_of_one", "number: goes with exactly one invoice, named in invoices")
        return self


class InvoiceExportReplayRequested(Order):
    """In: try the failed ones of these again, with the newest content kept, as a new request `as_request`.

    `causes` are those of `failed` events: what one act mends.
    """

    TYPE: ClassVar[str] = "invoice.export.replay_requested"

    reason: Annotated[str, AfterValidator(_published)] | None = None
    causes: Annotated[tuple[ShortText, ...], Field(max_length=100)] = ()
    as_request: HostId | None = None
