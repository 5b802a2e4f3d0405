"""What each event says in its example: a builder for each, all about one invoice of one company; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from events.attachments import AttachmentOutcome, AttachmentProblem, InvoiceAttachmentsCompleted
from events.changes import InvoiceExportDriftFound
from events.connections import (
    ConnectedOrganisation,
    ConnectionProblem,
    XeroConnectionConnected,
    XeroConnectionDisconnected,
    XeroConnectionLoginExpiring,
    XeroConnectionNeedsLogin,
)
from events.contacts import ClientXeroContactRejected, ClientXeroContactUpdated, ContactProblem, XeroContact
from events.export import (
    InvoiceExportCompleted,
    InvoiceExportDeferred,
    InvoiceExportFailed,
    InvoiceExportProgressed,
    InvoiceExportSucceeded,
    XeroTotals,
    failed_answer,
    summary,
)
from events.failures import Failure
from events.outgoing import AuditChecked, DatabaseRestored, WebhookTested, XeroExportAttentionNeeded
from events.payments import (
    CreditNoteAllocated,
    CreditNoteUnallocated,
    InvoiceEdited,
    InvoicePaid,
    InvoicePartPaid,
    InvoiceUnpaid,
    InvoiceVoided,
)
from events.preview import Forecast, InvoiceExportPreviewed, InvoicePreview
from events.reasons import Reason
from events.settings import CompanySettings, CompanySettingsRejected, CompanySettingsUpdated
from events.snapshot import Event
from events.summaries import CompanyDaySummarised, WaitingSummary

AT = datetime(2026, 11, 20, 10, 15, 30, tzinfo=UTC)
_TENANT = "3f2c1f3a-6e3b-4c55-9a0e-0d6f6f0c7a10"
_XERO_ID = "8b0b1c57-6d0e-4f0a-9a55-0b6a1f1a2c33"
_LINK = f"https://go.xero.com/app/!Hc1B2/invoicing/view/{_XERO_ID}"
_DEFERRED = {
    "limit": "Xero's limit of calls a minute is reached; it goes on by itself.",
    "offline": "Xero says the organisation is offline; it is tried again by itself.",
    "needs_login": "Somebody of the company has to log in to Xero; what waits is sent by itself then.",
    "paused": "Exports of this company are paused; nothing is lost.",
    "trouble": "Xero does not answer properly; it is tried again by itself.",
}
_FACTS = {
    "account": "299",
    "before": "Old Harbour Ltd",
    "client": "Harbour Master Ltd",
    "client_id": "C01",
    "company": "Harbour Crew",
    "currency": "EUR",
    "date": "20 November 2026",
    "discount": "-5 %",
    "edits": "the reference was changed",
    "item": "CREW-DAY",
    "lines": "the quantity of line 1",
    "lock_date": "30 June 2026",
    "month": "November 2026",
    "name": "Harbour Master Ltd",
    "organisation": "Harbour Crew Ltd",
    "other": "CC-4700",
    "ours": "Harbour Crew Ltd",
    "page": "an invoice",
    "pasted": "harbour master",
    "payment": "640.00 USD",
    "problem": "lines[1].quantity: must be a number",
    "rate": "8.25 %",
    "said": "Email address must be valid.",
    "site": "example.com",
    "stated": "700.00",
    "status": "paid",
    "target": "xero",
    "tax": "TAX001",
    "theirs": "Another Company Ltd",
    "total": "-100.00",
    "tracking": "Region: West",
    "waited_for": "its turn",
    "winner": "Harbour Master Group Ltd",
    "winner_id": "0b1e0f3e-3c64-4a6d-9f6b-0a7f8f4f0f11",
}


@dataclass(frozen=True)
class About:
    """What an example is about; `at` is when it came about."""

    company: str = "harbour-crew"
    request: str = "click-9f3a51c07be24d18a6c0d5e2"
    invoice: str = "4711"
    at: datetime = AT

    @property
    def number(self) -> str:
        """The invoice's number, as a host would have it."""
        return f"CC-{self.invoice}"

    @property
    def organisation(self) -> ConnectedOrganisation:
        """Where it would go."""
        return ConnectedOrganisation(
            tenant=_TENANT, name="Harbour Crew Ltd", short_code="!Hc1B2", base_currency="USD"
        )


def _succeeded(about: About, _reason: str) -> Event:
    return InvoiceExportSucceeded(
        company=about.company,
        request=about.request,
        invoice=about.invoice,
        number=about.number,
        sequence=1,
        outcome="created",
        xero_invoice_id=_XERO_ID,
        totals=XeroTotals.model_validate({"currency": "USD", "subtotal": "640.00", "tax": "0.00", "total": "640.00"}),
        deep_link=_LINK,
        exported_at=about.at,
        verified=True,
        compared=("number", "contact", "lines", "total"),
        compared_at=about.at,
    )


def _failed(about: About, reason: str) -> Event:
    failure = Failure(Reason[reason.upper()], _FACTS, said="Xero's own words." if reason == "xero_refused" else None)
    made = failed_answer(about.company, about.request, about.invoice, about.number, failure)
    return made.model_copy(update={"sequence": 1})


def _deferred(about: About, cause: str) -> Event:
    until = about.at + timedelta(minutes=1) if cause in ("limit", "offline", "trouble") else None
    return InvoiceExportDeferred.model_validate(
        {
            "company": about.company,
            "request": about.request,
            "cause": cause,
            "message": _DEFERRED[cause],
            "until": until,
            "limit": "minute" if cause == "limit" else None,
            "login_due": cause == "needs_login",
        }
    )


def _progressed(about: About, _reason: str) -> Event:
    finish = about.at + timedelta(minutes=2)
    counts = {"total": 60, "exported": 20, "failed": 1, "waiting": 39}
    return InvoiceExportProgressed(company=about.company, request=about.request, estimated_finish=finish, **counts)


def _completed(about: About, _reason: str) -> Event:
    counts = {Reason.CONTACT_NOT_MAPPED.code: 1}
    said = {"company": about.company, "request": about.request, "reasons": counts}
    return InvoiceExportCompleted(total=60, exported=59, failed=1, notification=summary(59, 1, counts), **said)


def _previewed(about: About, _reason: str) -> Event:
    totals = XeroTotals.model_validate({"currency": "USD", "subtotal": "640.00", "tax": "0.00", "total": "640.00"})
    one = InvoicePreview(invoice=about.invoice, number=about.number, verdict="create", totals=totals)
    return InvoiceExportPreviewed(
        company=about.company,
        request=about.request,
        organisation=about.organisation.name,
        fine=True,
        complete=True,
        counts={"create": 1},
        totals=(totals,),
        forecast=Forecast(calls=1, seconds=2),
        calls=2,
        invoices=(one,),
        previewed_at=about.at,
    )


def _drift_found(about: About, _reason: str) -> Event:
    return InvoiceExportDriftFound(
        company=about.company,
        invoice=about.invoice,
        number=about.number,
        xero_invoice_id=_XERO_ID,
        kind="edited",
        differences=("reference Boat 9 in Xero, Boat 7 in CrewCard",),
        deep_link=_LINK,
        found_at=about.at,
    )


def _payment(about: About, state: str, paid: str, **other: Any) -> dict[str, Any]:
    """What an event about an invoice of 640.00 says, of which so much is paid."""
    due = "0.00" if state in ("paid", "voided") else str(640 - int(float(paid))) + ".00"
    status = {"paid": "PAID", "voided": "VOIDED"}.get(state, "AUTHORISED")
    amounts = {"currency": "USD", "total": "640.00", "paid": paid, "credited": "0.00", "due": due}
    told = f"{paid} of 640.00 USD paid, {due} due" if state != "voided" else "voided in Xero"
    return {
        **amounts,
        "state": state,
        "status": status,
        "paid_on": about.at.date() if state == "paid" else None,
        "updated_at": about.at,
        "company": about.company,
        "invoice": about.invoice,
        "number": about.number,
        "xero_invoice_id": _XERO_ID,
        "change": 1,
        "differences": (told,),
        "deep_link": _LINK,
        "seen_at": about.at,
        **other,
    }


def _credit_note(about: About) -> dict[str, Any]:
    """What an event about the allocation of a credit note says."""
    named = {"company": about.company, "invoice": about.invoice, "number": about.number, "credits": "4711"}
    return {**named, "xero_credit_note_id": _XERO_ID, "deep_link": _LINK, "at": about.at}


def _contact() -> XeroContact:
    contact = _FACTS["winner_id"]
    link = f"https://go.xero.com/app/!Hc1B2/contacts/contact/{contact}"
    return XeroContact(xero_contact_id=contact, name=_FACTS["client"], link=link)


def _contact_updated(about: About, _reason: str) -> Event:
    return ClientXeroContactUpdated(
        company=about.company,
        client=_FACTS["client_id"],
        contact=_contact(),
        status="active",
        changed_by="anna",
        changed_at=about.at,
    )


def _contact_rejected(about: About, reason: str) -> Event:
    problem = ContactProblem[reason.upper()]
    return ClientXeroContactRejected(
        company=about.company, client=_FACTS["client_id"], **_words_of(problem), offered=_offered(problem)
    )


def _offered(problem: ContactProblem) -> XeroContact | None:
    return _contact() if problem is ContactProblem.MERGED else None


def _words_of(problem: ConnectionProblem | ContactProblem) -> dict[str, str]:
    """What an event says of one member of a catalogue."""
    said = {"reason": problem.code, "who": str(problem.value.who)}
    return {**said, "message": problem.message(_FACTS), "how": problem.remedy(_FACTS)}


def _needs_login(about: About, reason: str) -> Event:
    problem = ConnectionProblem[reason.upper()]
    due = problem in (ConnectionProblem.NEVER_CONNECTED, ConnectionProblem.LOGIN_ENDED)
    where = None if problem is ConnectionProblem.NEVER_CONNECTED else about.organisation
    return XeroConnectionNeedsLogin(company=about.company, **_words_of(problem), organisation=where, login_due=due)


def _login_expiring(about: About, _reason: str) -> Event:
    ends = about.at + timedelta(days=7)
    return XeroConnectionLoginExpiring(
        company=about.company,
        organisation=about.organisation,
        ends_at=ends,
        message="The login to Harbour Crew Ltd ends in 7 days if it is not used.",
        login_url="https://exporter.example.com/connect/harbour-crew",
        login_url_ends_at=ends,
    )


def _attention_needed(about: About, reason: str) -> Event:
    failed = _failed(about, reason)
    assert isinstance(failed, InvoiceExportFailed)  # noqa: S101  # for the reader of types
    return XeroExportAttentionNeeded(
        company=about.company,
        cause=failed.cause,
        reason=reason,
        about=failed.about,
        invoices=3,
        repeated=False,
        title=Reason[reason.upper()].value.title,
        message=failed.notification.message,
        who=failed.who,
        how=failed.how,
        link=failed.link,
        since=about.at,
    )


def _attachments_completed(about: About, reason: str) -> Event:
    problem = AttachmentProblem.by_code(reason)
    facts = {"name": "job-7.pdf", "said": "CrewCard answered 404"}
    failed = {"reason": problem.code, "message": problem.message(facts), "who": problem.value.who}
    return InvoiceAttachmentsCompleted(
        company=about.company,
        invoice=about.invoice,
        number=about.number,
        xero_invoice_id=_XERO_ID,
        deep_link=_LINK,
        change=1,
        attached=1,
        failed=1,
        files=(
            AttachmentOutcome(name="invoice.pdf", state="attached", size=48_213, sha256="5f" * 32),
            AttachmentOutcome(name="job-7.pdf", state="failed", **failed, how=problem.remedy(facts)),
        ),
        completed_at=about.at,
    )


EXAMPLES: Mapping[str, Callable[[About, str], Event]] = {
    InvoiceExportSucceeded.TYPE: _succeeded,
    InvoiceExportFailed.TYPE: _failed,
    InvoiceExportDeferred.TYPE: _deferred,
    InvoiceExportProgressed.TYPE: _progressed,
    InvoiceExportCompleted.TYPE: _completed,
    InvoiceExportPreviewed.TYPE: _previewed,
    InvoiceExportDriftFound.TYPE: _drift_found,
    InvoicePaid.TYPE: lambda about, _: InvoicePaid(**_payment(about, "paid", "640.00")),
    InvoicePartPaid.TYPE: lambda about, _: InvoicePartPaid(**_payment(about, "part_paid", "240.00")),
    InvoiceUnpaid.TYPE: lambda about, _: InvoiceUnpaid(**_payment(about, "unpaid", "0.00", change=2)),
    InvoiceVoided.TYPE: lambda about, _: InvoiceVoided(**_payment(about, "voided", "0.00")),
    InvoiceEdited.TYPE: lambda about, _: InvoiceEdited(
        **_payment(about, "unpaid", "0.00", differences=("reference Boat 9 in Xero, Boat 7 in CrewCard",))
    ),
    InvoiceAttachmentsCompleted.TYPE: _attachments_completed,
    CreditNoteAllocated.TYPE: lambda about, _: CreditNoteAllocated(**_credit_note(about), allocated="40.00"),
    CreditNoteUnallocated.TYPE: lambda about, _: CreditNoteUnallocated(
        **_credit_note(about), message="Invoice CC-4711 is paid in Xero already.", waits=False
    ),
    ClientXeroContactUpdated.TYPE: _contact_updated,
    ClientXeroContactRejected.TYPE: _contact_rejected,
    CompanySettingsUpdated.TYPE: lambda about, _: CompanySettingsUpdated(
        company=about.company,
        settings=CompanySettings(default_account_code="200"),
        changed=("default_account_code",),
        changed_by="anna",
        changed_at=about.at,
    ),
    CompanySettingsRejected.TYPE: lambda about, _: CompanySettingsRejected(
        company=about.company, problems=("default_account_code: 999 is no account of Harbour Crew Ltd.",)
    ),
    CompanyDaySummarised.TYPE: lambda about, _: CompanyDaySummarised(
        company=about.company,
        day=about.at.date(),
        time_zone="Pacific/Auckland",
        since=about.at - timedelta(days=1),
        until=about.at,
        exported=55,
        failed=0,
        waiting=WaitingSummary(invoices=3, cause="limit", message=_DEFERRED["limit"]),
    ).in_words(),
    XeroConnectionConnected.TYPE: lambda about, _: XeroConnectionConnected(
        company=about.company,
        organisation=about.organisation,
        scopes=("accounting.transactions", "accounting.contacts.read"),
        connected_at=about.at,
    ),
    XeroConnectionNeedsLogin.TYPE: _needs_login,
    XeroConnectionLoginExpiring.TYPE: _login_expiring,
    XeroConnectionDisconnected.TYPE: lambda about, _: XeroConnectionDisconnected(
        company=about.company,
        organisation=about.organisation,
        by="xero",
        message="Harbour Crew Ltd was disconnected in Xero.",
    ),
    XeroExportAttentionNeeded.TYPE: _attention_needed,
    AuditChecked.TYPE: lambda about, _: AuditChecked(
        head=f"1234:{'9f86d081884c7d65' * 4}", lines=1234, intact=True, checked_at=about.at
    ),
    DatabaseRestored.TYPE: lambda about, _: DatabaseRestored(
        since=about.at, why="noticed by itself: the database is behind what was seen of its feed"
    ),
    WebhookTested.TYPE: lambda _about, _: WebhookTested(
        endpoint="5c0fd3a1b2c4", message="A test: nothing has happened."
    ),
}
