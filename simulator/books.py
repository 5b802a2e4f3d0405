"""Writing in the books: create, update, or whichever fits; an answer for every invoice (facts §2, §3.2)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from simulator import alterations, contacts, documents, edits, line_rules, rules
from simulator.arithmetic import number
from simulator.context import Context
from simulator.messages import Say
from simulator.reading import day
from simulator.wire import Json
from simulator.world import NOTHING, wire_date, wire_moment

_KEPT_BY_SYSTEM = ("AmountPaid", "AmountCredited", "Payments", "CreditNotes", "FullyPaidOnDate")
_WRITABLE = (
    "Type", "InvoiceID", "InvoiceNumber", "Reference", "Url", "BrandingThemeID", "SentToContact", "Status",
    "LineAmountTypes", "CurrencyCode", "CurrencyRate",
)  # fmt: skip
_WRITABLE_IN_LINE = (
    "LineItemID", "Description", "Quantity", "UnitAmount", "TaxType", "TaxAmount", "AccountCode", "ItemCode",
    "Tracking", "DiscountRate", "DiscountAmount",
)  # fmt: skip
_MOVES_TAX = frozenset(
    {"Quantity", "UnitAmount", "LineAmount", "TaxType", "AccountCode", "DiscountRate", "DiscountAmount"}
)


@dataclass
class Findings:
    """Everything said about one invoice: itself, its contact, each line. `worked_out`: its lines, if all is well."""

    own: list[str] = field(default_factory=list)
    contact: list[str] = field(default_factory=list)
    lines: list[list[str]] = field(default_factory=list)
    worked_out: list[Json] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.own or self.contact or any(self.lines))


def create(context: Context, sent: Json) -> Json:
    """Create one invoice, or say why not."""
    if sent.get("InvoiceID") and context.switches.own_id_on_create_refused:
        return refused(context, sent, Findings([Say.ID_UNKNOWN()]))
    sent = as_taken(context, {name: value for name, value in sent.items() if name != "InvoiceID"})
    findings = judged(context, sent, [*rules.of_creation(context, sent), *rules.of_invoice(context, sent)])
    if findings:
        return refused(context, sent, findings)
    return _written(context, sent, findings.worked_out)


def update_or_create(context: Context, sent: Json) -> Json:
    """Update the invoice that is meant, by id or by number; create where none is (facts §3.2)."""
    identity, wanted = sent.get("InvoiceID"), sent.get("InvoiceNumber")
    if identity:
        existing = context.organisation.invoices.get(identity)
        return update(context, existing, sent) if existing else refused(context, sent, Findings([Say.ID_UNKNOWN()]))
    same = [one for one in context.with_number(wanted) if one["Type"] == sent.get("Type", "ACCREC")] if wanted else []
    if context.switches.deleted_frees_number:
        same = [one for one in same if one["Status"] != "DELETED"]
    return update(context, same[0], sent, by_number=True) if same else create(context, sent)


def update(context: Context, existing: Json, sent: Json, *, by_number: bool = False) -> Json:
    """Change one invoice, or say why not."""
    sent = as_taken(context, sent)
    refusals = list(edits.refusals(context, existing, sent, by_number=by_number))
    whole = merged(existing, sent)
    own = rules.of_invoice(context, whole)
    findings = Findings(refusals) if refusals else judged(context, whole, own, changed=sent)
    if findings:
        return refused(context, {**sent, "InvoiceID": existing["InvoiceID"]}, findings)
    return _written(context, whole, findings.worked_out, existing, quiet=edits.is_quiet(context, existing, sent))


def judged(context: Context, sent: Json, own: Iterable[str], changed: Json | None = None) -> Findings:
    """All the rules over the document as it would be, `own` those of its kind; its contact only where it changes."""
    found = Findings(list(own))
    if changed is None or "BrandingThemeID" in changed:
        found.own += rules.of_theme(context, sent)
    if changed is None or "Contact" in changed:
        found.contact = list(rules.of_contact(context, sent))
    found.lines = [list(line_rules.of_line(context, sent, line)) for line in sent.get("LineItems", [])]
    if not found:
        stated = sent if changed is None else {**changed, "Type": sent["Type"]}
        found.worked_out = documents.lines(context, sent)
        found.own += rules.totals(stated, documents.sums(sent, found.worked_out))
    return found


def _written(
    context: Context, sent: Json, worked_out: list[Json], existing: Json | None = None, *, quiet: bool = False
) -> Json:
    warnings = [*rules.warnings(context, sent), *_line_warnings(context, sent)]
    contact = contacts.resolve(context, sent["Contact"])
    invoice = documents.document(context, sent, contact, worked_out)
    if existing:
        invoice |= {name: existing[name] for name in _KEPT_BY_SYSTEM if name in existing}
        invoice["AmountDue"] = round(invoice["Total"] - invoice["AmountPaid"] - invoice["AmountCredited"], 2)
        invoice["UpdatedDateUTC"] = existing["UpdatedDateUTC"] if quiet else wire_moment(context.now)
    if context.switches.zero_becomes_paid and invoice["Status"] == "AUTHORISED" and not invoice["Total"]:
        invoice |= {"Status": "PAID", "FullyPaidOnDate": wire_date(context.now.date())}
    context.organisation.keep(invoice, context.unseen_until)
    if not existing and context.client_id:
        context.organisation.made_by[invoice["InvoiceID"]] = context.client_id
    told: Json = {"Warnings": [{"Message": text} for text in warnings]} if warnings else {}
    return {
        **documents.visible(invoice),
        "HasErrors": False,
        "StatusAttributeString": "WARNING" if warnings else "OK",
        **told,
    }


def _line_warnings(context: Context, sent: Json) -> Iterator[str]:
    for line in sent.get("LineItems", []):
        yield from line_rules.warnings(context, sent, line)


def as_taken(context: Context, sent: Json) -> Json:
    """What was sent as Xero goes on with it: altered in silence, and with what an item brings to its line, account,
    tax, price and description, where the line names none (facts §8).
    """
    sent = alterations.altered(context, sent)
    if not any("ItemCode" in line for line in sent.get("LineItems", [])):
        return sent
    return {**sent, "LineItems": [{**_defaults(context, line), **line} for line in sent["LineItems"]]}


def _defaults(context: Context, line: Json) -> Json:
    item = context.organisation.items.get(line.get("ItemCode", ""))
    if item is None:
        return {}
    price = number(item.price) if item.price else None
    brought = {"Description": item.name, "UnitAmount": price, "TaxType": item.tax_type, "AccountCode": item.account}
    return {name: value for name, value in brought.items() if value}


def merged(existing: Json, sent: Json) -> Json:
    """The invoice as it would be: what is sent over what is there; lines sent without an id are new,
    lines left out are gone, and no lines at all leaves them as they are (facts §8, the line trap).
    """
    kept = {name: existing[name] for name in _WRITABLE if existing.get(name) is not None}
    for name in ("Date", "DueDate"):
        if f"{name}String" in existing:
            kept[name] = date.fromisoformat(existing[f"{name}String"][:10])
    for name in ("ExpectedPaymentDate", "PlannedPaymentDate"):
        if name in existing:
            kept[name] = day(existing[name])
    if "CurrencyCode" in sent and sent["CurrencyCode"] != existing["CurrencyCode"]:
        kept.pop("CurrencyRate", None)  # the rate was the old currency's
    kept["Contact"] = {"ContactID": existing["Contact"]["ContactID"]}
    lines = {line["LineItemID"]: _line_kept(line) for line in existing["LineItems"]}
    whole = {**kept, **sent, "InvoiceID": existing["InvoiceID"]}
    whole["LineItems"] = (
        [_line_merged(lines, line) for line in sent["LineItems"]] if "LineItems" in sent else [*lines.values()]
    )
    return whole


def _line_kept(line: Json) -> Json:
    kept = {name: line[name] for name in _WRITABLE_IN_LINE if name in line}
    exact = {name: number(value) for name, value in kept.items() if isinstance(value, float)}
    return {**kept, **exact, "Kept": True}


def _line_merged(known: dict[str, Json], line: Json) -> Json:
    before = known.get(line.get("LineItemID", ""))
    if before is None:
        return {name: value for name, value in line.items() if name != "LineItemID"}
    moved = _MOVES_TAX & set(line)
    dropped = {"TaxAmount"} if moved else set()
    if "UnitAmount" in line:
        dropped.add("Kept")
    return {**{name: value for name, value in before.items() if name not in dropped}, **line}


def refused(context: Context, sent: Json, findings: Findings) -> Json:
    """The invoice as Xero echoes it: a GUID of zeros for a failed create, messages flat and nested (facts §2.3)."""
    how = context.switches.nested_errors
    nested, flat = how != "only_flat", how != "only_nested"
    echo = {name: _echoed(value) for name, value in sent.items() if value is not None}
    if context.switches.refused_without_number:
        echo.pop("InvoiceNumber", None)
    echo["InvoiceID"] = sent.get("InvoiceID") or NOTHING
    echo |= {"HasErrors": True, "StatusAttributeString": "ERROR"}
    deeper = [*findings.contact, *(text for told in findings.lines for text in told)]
    echo["ValidationErrors"] = _listed([*findings.own, *(deeper if flat else [])])
    if nested and findings.contact and "Contact" in sent:
        echo["Contact"] = {
            **sent["Contact"],
            "ValidationErrors": _listed(findings.contact),
            "HasValidationErrors": True,
        }
    if nested and any(findings.lines):
        pairs = zip(sent.get("LineItems", []), findings.lines, strict=False)
        echo["LineItems"] = [{**line, "ValidationErrors": _listed(told)} for line, told in pairs]
    return echo


def _echoed(value: Any) -> Any:
    return wire_date(value) if isinstance(value, date) else value


def _listed(messages: Sequence[str]) -> list[Json]:
    return [{"Message": text} for text in messages]
