"""What is wanted in Xero: an invoice and its lines with the company's settings filled in; pure (facts §8)."""

from dataclasses import dataclass
from datetime import date

from events.accounting_target import Element, Posting, Unmappable
from events.failures import Failure
from events.invoice import Invoice, LineItem
from events.reasons import Reason
from events.settings import CompanySettings
from xero_adapter import links
from xero_adapter.line_amounts import LONGEST_DESCRIPTION, SaidAmount

_APPROVED = "AUTHORISED"


@dataclass(frozen=True)
class WantedInvoice:
    """An invoice to be sent; `status` is the one it has, or will have, in Xero."""

    posting: Posting
    link_base: str
    status: str

    @property
    def invoice(self) -> Invoice:
        """What the host says."""
        return self.posting.invoice

    @property
    def due_date(self) -> str:
        """The host's, else by the company's rule. Raises Unmappable where there is none and Xero needs one."""
        settings = self.posting.settings
        due: date | None = self.invoice.due_date or settings.due_date(self.invoice.date)
        if due is None and settings.invoice_status != "DRAFT":
            raise Unmappable(Failure(Reason.DUE_DATE_MISSING))
        return (due or self.invoice.date).isoformat()

    @property
    def expected(self) -> str | None:
        """When the client is expected to pay."""
        day = self.invoice.expected_payment_date
        return day.isoformat() if day else None

    @property
    def url(self) -> str:
        """The host's own link with our mark."""
        posting = self.posting
        base = links.usable_base(self.invoice.link, self.link_base)
        return links.mark(base, posting.lane.company, self.invoice.id, posting.generation)

    @property
    def theme(self) -> str | None:
        """The branding theme of the company's settings."""
        theme = self.posting.settings.branding_theme
        return theme.id if theme else None

    @property
    def sent_to_contact(self) -> bool | None:
        """Whether the client has it already: the host's word, else the company's; of approved invoices only (§8)."""
        own = self.invoice.sent_to_contact
        said = True if own is None and self.posting.settings.sent_to_contact else own
        return said if self.status == _APPROVED else None


@dataclass(frozen=True)
class WantedLine:
    """A line to be sent, its place from 1, and its numbers as Xero is told them."""

    number: int
    line: LineItem
    amount: SaidAmount
    settings: CompanySettings
    taxed: bool = True

    @property
    def description(self) -> str | None:
        """The host's text; where the numbers do not say how many of what price, the text does."""
        said, note = self.line.description, self.amount.note
        whole = f"{said} ({note})"
        return whole if said and note and len(whole) <= LONGEST_DESCRIPTION else said

    @property
    def account(self) -> str | None:
        """The line's own, else the company's. Raises Unmappable where Xero needs one and there is none."""
        line, settings = self.line, self.settings
        if line.is_text:
            return None
        code = line.account_code or settings.of_kind(line.kind).account_code
        if not code and not line.item_code and settings.invoice_status != "DRAFT":
            facts = {"line_said": line.description or ""}
            raise Unmappable(Failure(Reason.ACCOUNT_MISSING, facts, line=self.number))
        return code or None

    @property
    def tax_type(self) -> str | None:
        """The line's own, else the company's; on an invoice without tax it would say nothing (Xero makes it NONE)."""
        if self.line.is_text or not self.taxed:
            return None
        return self.line.tax_type or self.settings.of_kind(self.line.kind).tax_type or None

    @property
    def tracking(self) -> list[Element] | None:
        """The line's own, else the company's."""
        chosen = self.line.tracking or self.settings.tracking
        if self.line.is_text or not chosen:
            return None
        return [{"Name": one.category, "Option": one.option} for one in chosen]
