"""How each row about an invoice is brought about: row → an act that returns the messages it led to."""

from collections.abc import Callable
from typing import Any

from simulator.line_messages import SayOfLine
from simulator.messages import Say
from tests.simulator.desk import (
    ACME,
    BAD_MAIL,
    BOLT,
    NOBODY,
    OLD,
    Desk,
    a_credit_note,
    a_line,
    an_allocation,
    an_invoice,
    texts,
)

Act = Callable[[Desk], str]


def put(*before: dict[str, Any], **invoice: Any) -> Act:
    """What is said about the last of these invoices when they are created."""

    def act(desk: Desk) -> str:
        for one in before:
            assert not desk.put(one)[0]["HasErrors"]
        (answer,) = desk.put(an_invoice(**invoice))
        assert answer["HasErrors"]
        return "\n".join(texts(answer))

    return act


def post(change: dict[str, Any], *, paid: Any = None, status: str = "AUTHORISED", mark: str = "") -> Act:
    """What is said when an invoice that is there already is changed."""

    def act(desk: Desk) -> str:
        (made,) = desk.put(an_invoice(Status=status))
        if paid:
            desk.pay("N-1", paid)
        if mark:
            desk.mark("N-1", status=mark)
        (answer,) = desk.post({"InvoiceID": made["InvoiceID"], **change})
        assert answer["HasErrors"]
        return "\n".join(texts(answer))

    return act


def warned(**invoice: Any) -> Act:
    def act(desk: Desk) -> str:
        (answer,) = desk.put(an_invoice(**invoice))
        assert answer["StatusAttributeString"] == "WARNING"
        assert answer["InvoiceNumber"] in desk.books
        return "\n".join(warning["Message"] for warning in answer["Warnings"])

    return act


def switched(act: Act, **switches: Any) -> Act:
    return lambda desk: (desk.switch(**switches), act(desk))[1]


def changed(act: Act, **organisation: Any) -> Act:
    return lambda desk: (desk.change(**organisation), act(desk))[1]


def attached(*names: str, body: bytes = b"%PDF") -> Act:
    """The words to the last of these files, each put to one invoice."""

    def act(desk: Desk) -> str:
        (made,) = desk.put(an_invoice())
        desk.bearer = desk.grant("accounting.attachments")["access_token"]
        replies = [desk.call("PUT", f"Invoices/{made['InvoiceID']}/Attachments/{name}", body) for name in names]
        return str(replies[-1].document().get("Message"))

    return act


def credit(*before: dict[str, Any], **note: Any) -> Act:
    """What is said about the last of these credit notes when they are written."""

    def act(desk: Desk) -> str:
        for one in before:
            assert not desk.credit(one)[0]["HasErrors"]
        (answer,) = desk.credit(a_credit_note(**note), method="POST" if "CreditNoteID" in note else "PUT")
        assert answer["HasErrors"]
        return "\n".join(texts(answer))

    return act


def allocate(amount: Any, *, paid: Any = None, invoice: Any = None, note: Any = None) -> Act:
    """What is said when so much of a credit note is allocated to an invoice."""

    def act(desk: Desk) -> str:
        (made,) = desk.put(an_invoice(**(invoice or {})))
        if paid:
            desk.pay("N-1", paid)
        (credited,) = desk.credit(a_credit_note(**(note or {})))
        (answer,) = desk.allocate(credited["CreditNoteID"], an_allocation(made["InvoiceID"], amount))
        assert not desk.get(f"CreditNotes/{credited['CreditNoteID']}")[0]["Allocations"]
        return "\n".join(texts(answer))

    return act


_FOUR = [{"Name": "Region", "Option": "North"}, {"Name": "Crew", "Option": "Blue"}, {"Name": "Dock", "Option": "One"}]

OF_INVOICES: dict[Say | SayOfLine, Act] = {
    Say.PERIOD_LOCKED: put(Date="2020-06-30"),
    Say.YEAR_LOCKED: changed(put(Date="2021-03-31"), year_lock="2021-03-31"),
    SayOfLine.ACCOUNT_ARCHIVED: put(line={"AccountCode": "299"}),
    SayOfLine.ACCOUNT_INVALID: put(line={"AccountCode": "090"}),
    SayOfLine.ACCOUNT_REMOVED: warned(Status="DRAFT", line={"AccountCode": "476"}),
    SayOfLine.ACCOUNT_MISSING: put(line={"AccountCode": None}),
    SayOfLine.ACCOUNT_EMPTY: put(line={"AccountCode": ""}),
    SayOfLine.ACCOUNT_MUST_BE_VALID: put(line={"UnitAmount": 1.123456789}),
    SayOfLine.TAX_MUST_BE_VALID: put(line={"UnitAmount": 1.123456789}),
    SayOfLine.TAX_UNKNOWN: put(line={"TaxType": "GST on Income"}),
    SayOfLine.TAX_NOT_FOR_ACCOUNT: put(line={"TaxType": "OUTPUT", "AccountCode": "260"}),
    SayOfLine.TAX_NOT_ACTIVE: put(line={"TaxType": "OLDGST"}),
    Say.NUMBER_TAKEN: put(an_invoice("N-1")),
    Say.NOT_MODIFIABLE: post({"Reference": "x"}, mark="VOIDED"),
    Say.HAS_PAYMENT: post({"LineItems": [a_line(UnitAmount=1)]}, paid=10),
    Say.NOT_CREATABLE: put(Status="PAID"),
    Say.CONTACT_ARCHIVED: put(Contact={"ContactID": OLD}),
    Say.CONTACT_NAME_TAKEN: put(Contact={"ContactID": ACME, "Name": "Bolt & Co"}),
    Say.CONTACT_MISSING: put(Contact=None),
    Say.CONTACT_EMPTY: put(Contact={}),
    Say.CONTACT_NAMELESS: put(Contact={"ContactNumber": "C-404"}),
    Say.EMAIL_INVALID: put(Contact={"ContactID": BAD_MAIL}),
    Say.CURRENCY: put(CurrencyCode="EUR"),
    Say.CURRENCY_OLDER: switched(put(CurrencyCode="EUR"), currency_words="older"),
    Say.CURRENCY_QUOTED: switched(put(CurrencyCode="EUR"), currency_words="quoted"),
    Say.PLAN_LIMIT: changed(put(an_invoice("A"), number="B"), approvals_per_month=1),
    SayOfLine.LINE_TOTAL: put(line={"LineAmount": 99}),
    Say.DOCUMENT_TOTAL: put(Total=1),
    Say.INVOICE_TOTAL: put(SubTotal=1),
    Say.NO_LINES: put(LineItems=[]),
    SayOfLine.DISCOUNT_TOO_LARGE: put(line={"DiscountAmount": 100.01}),
    SayOfLine.DISCOUNT_BELOW_ZERO: put(line={"DiscountAmount": -5}),
    SayOfLine.ITEM_UNKNOWN: put(line={"ItemCode": "SHIP"}),
    Say.DUE_DATE: put(DueDate=None),
    Say.TYPE: put(Type="SALE"),
    Say.STATUS_HAS_PAYMENT: post({"Status": "VOIDED"}, paid=10),
    Say.DATE_HAS_PAYMENT: post({"Date": "2026-11-21"}, paid=10),
    Say.NEGATIVE: put(line={"UnitAmount": -5}),
    SayOfLine.TRACKING_UNKNOWN: put(line={"Tracking": [{"Name": "Region", "Option": "South"}]}),
    SayOfLine.TRACKING_TOO_MANY: put(line={"Tracking": _FOUR}),
    Say.ID_UNKNOWN: lambda desk: "\n".join(texts(desk.post(an_invoice(InvoiceID=NOBODY))[0])),
    Say.NUMBER_UNREADABLE: put(number="N-é"),
    Say.TOO_LONG: put(Reference="x" * 256),
    Say.NAME_CHARACTERS: put(Contact={"Name": "<b>"}),
    SayOfLine.LINE_EMPTY: put(LineItems=[a_line(), {}]),
    SayOfLine.LINE_TOO_LARGE: put(line={"UnitAmount": 99_999_999_999}),
    Say.THEME_UNKNOWN: put(BrandingThemeID=NOBODY),
    Say.URL_OF_XERO: put(Url="https://xero.test/1"),
    Say.TOO_MANY_ATTACHMENTS: attached(*(f"{place}.pdf" for place in range(11))),
    Say.ATTACHMENT_EMPTY: attached("a.pdf", body=b""),
    Say.ATTACHMENT_NAME: attached("job sheet.pdf"),
    Say.CREDIT_NOTE_NUMBER_TAKEN: credit(a_credit_note(), number="cn-1"),
    Say.CREDIT_NOTE_UNKNOWN: credit(CreditNoteID=NOBODY),
    Say.CREDIT_NOTE_DISCOUNT: credit(line={"DiscountRate": 10}),
    Say.CREDIT_NOTE_NOT_APPROVED: allocate(10, note={"Status": "DRAFT"}),
    Say.ALLOCATED_TO_PAID: allocate(10, paid=115),
    Say.ALLOCATED_TOO_MUCH: allocate(115.01),
    Say.ALLOCATED_NOTHING: allocate(0),
    Say.ALLOCATED_TO_OTHER_TYPE: allocate(10, invoice={"Type": "ACCPAY", "line": {"TaxType": "INPUT"}}),
    Say.ALLOCATED_TO_OTHER_CONTACT: allocate(10, note={"Contact": {"ContactID": BOLT}}),
    Say.ODD_RATE: warned(CurrencyCode="USD", CurrencyRate=0),
}
