"""What a preview says of each invoice: verdict, problems, totals, changes."""

from collections.abc import Iterator, Sequence
from datetime import date

from events.accounting_target import AccountingTarget, Element, Posted, Posting
from events.changes import DriftFound
from events.export import XeroTotals
from events.failures import Failure
from events.invoice import folded
from events.preview import Foreseen, InvoicePreview
from events.settings import Books, Sums
from events.snapshot import LARGEST
from worker.decisions import guard, preview_checks, settings_checks
from worker.decisions.preview_checks import Case
from worker.export import answering, export_results, updates
from worker.preview.preview_plan import KnownCompany, Plan
from worker.preview.preview_reads import SeenInXero

_MOST_PROBLEMS, _MOST_CHANGES = 20, 50  # of one invoice; who has more than that to mend begins with these
_GONE = frozenset({"DELETED"})


def row(target: AccountingTarget, known: KnownCompany, plan: Plan, seen: SeenInXero, books: Books) -> InvoicePreview:
    """What would happen to one invoice."""
    target = target.documents[plan.document]
    if not plan.sent or plan.invoice is None or plan.posting is None or plan.element is None:
        return _invoice_preview(target, known, plan, [plan.failure] if plan.failure else [])
    copy = seen.copies.get(_id_in_xero(plan)) if plan.verdict == "update" else None
    plan.posting = updates.as_merged(plan.posting, copy, known.winners.get(plan.invoice.client.id, ""))
    refused = _guarded(target, known, plan, seen, copy)
    if refused:
        return _invoice_preview(target, known, plan, [refused])
    element = target.element_of_update(plan.posting, copy.copy) if copy else plan.element
    if copy and _has_all(target, known, plan, plan.posting, copy):
        plan.verdict = "unchanged"
        return _invoice_preview(target, known, plan, [])
    case = _case(target, known, plan, element, seen, copy, books)
    told = _invoice_preview(target, known, plan, preview_checks.problems(case, books))
    after = target.picture_of(element)
    if case.sums:
        after = after.model_copy(update={name: f"{value:.2f}" for name, value in case.sums})
    return told.model_copy(
        update={
            "contact": case.contact.name if case.contact else None,
            "totals": _totals(plan, case.sums),
            "changes": target.compare(target.picture(copy.copy), after)[:_MOST_CHANGES] if copy else (),
            "warnings": (*told.warnings, *_ours(target, plan, seen), *preview_checks.warnings(case, books)),
        }
    )


def _guarded(
    target: AccountingTarget, known: KnownCompany, plan: Plan, seen: SeenInXero, copy: Posted | None
) -> Failure | None:
    """What the overwrite guard would say; nothing where nobody could look."""
    if plan.verdict != "update" or plan.row is None or plan.posting is None or _id_in_xero(plan) not in seen.copies:
        return None
    if copy and not guard.final(copy) and _has_all(target, known, plan, plan.posting, copy):
        return None
    return guard.objection(
        copy,
        plan.row.copy_seen,
        _unknown(target, known, plan),
        fingerprint=lambda one: target.fingerprint(target.picture(one)),
        carries=target.carries,
        edits=updates.edits(target, plan.row, plan.posting, copy),
    )


def _has_all(target: AccountingTarget, known: KnownCompany, plan: Plan, posting: Posting, copy: Posted) -> bool:
    """Whether Xero was sent or has all that is wanted already, and no line is put anew: the export's own question."""
    same = plan.row and updates.is_as_sent(plan.row, posting, posting.invoice.content_hash())
    if same and not _unknown(target, known, plan):
        return True
    wanted = target.element_of_update(posting, copy.copy)
    return target.carries(copy.copy, wanted) and not target.replaces_lines(wanted)


def _unknown(target: AccountingTarget, known: KnownCompany, plan: Plan) -> list[Element]:
    """Our updates of the invoice whose outcome is not known."""
    bodies = known.unknown.get(plan.row.id or 0, ()) if plan.row else ()
    return [sent for body in bodies for sent in updates.of_copy(target, body, _id_in_xero(plan))]


def _case(
    target: AccountingTarget,
    known: KnownCompany,
    plan: Plan,
    element: Element,
    seen: SeenInXero,
    copy: Posted | None,
    books: Books,
) -> Case:
    if plan.invoice is None or plan.posting is None:
        raise ValueError("only what would be sent is judged")
    contact = plan.posting.contact_id
    return Case(
        invoice=plan.invoice,
        picture=target.picture_of(element),
        status=copy.status if copy else known.settings.for_document(plan.document).invoice_status,
        sums=target.sums(element, books, copy.copy if copy else None),
        contact=seen.contacts.get(contact),
        looked=contact in seen.contacts,
        other=_other(target, plan, seen),
        before=date.fromisoformat(copy.date) if copy and copy.date else None,
    )


def _id_in_xero(plan: Plan) -> str:
    return (plan.row.xero_invoice_id or "") if plan.row else ""


def _with_number(plan: Plan, seen: SeenInXero) -> Sequence[Posted]:
    shown = seen.numbers.get(folded(plan.number or ""), ())
    return [one for one in shown if one.status not in _GONE and one.target_id != _id_in_xero(plan)]


def _other(target: AccountingTarget, plan: Plan, seen: SeenInXero) -> str | None:
    """Whose the number is in Xero; None while it is free, or the invoice is ours."""
    found = _with_number(plan, seen)
    if not found or any(_is_ours(target, plan, one) for one in found):
        return None
    return found[0].contact_name or f"a {found[0].status.lower()} invoice"


def _is_ours(target: AccountingTarget, plan: Plan, posted: Posted) -> bool:
    said = plan.posting
    return said is not None and target.is_marked(posted, said.lane.company, plan.id, posted.generation)


def _ours(target: AccountingTarget, plan: Plan, seen: SeenInXero) -> Iterator[str]:
    if any(_is_ours(target, plan, one) for one in _with_number(plan, seen)):
        yield "It is in Xero already and will be recognised; nothing is sent twice."


def _invoice_preview(
    target: AccountingTarget, known: KnownCompany, plan: Plan, failures: Sequence[Failure]
) -> InvoicePreview:
    facts = answering.facts(plan.invoice) if plan.invoice else {}
    named = {"number": plan.number} if plan.number else {}
    told = [failure.knowing(**(facts or named)) for failure in failures[:_MOST_PROBLEMS]]
    if plan.invoice:
        told = [settings_checks.named(failure, plan.invoice, known.settings) for failure in told]
    problems = tuple(_foreseen(failure) for failure in told)
    in_xero = plan.row.xero_invoice_id if plan.row else None
    link = target.deep_link(known.organisation, in_xero) if known.organisation and in_xero else None
    return InvoicePreview(
        invoice=plan.id,
        number=plan.number,
        verdict="fail" if problems else plan.verdict,
        problems=problems,
        warnings=(*_cleaned(plan), *_standing(plan)),
        deep_link=link,
    )


def _cleaned(plan: Plan) -> Iterator[str]:
    """What is taken out of the texts before they are sent."""
    for one in plan.invoice.cleaned if plan.invoice else ():
        yield f"Cleaned before it is sent: {one.said}"


def _standing(plan: Plan) -> Iterator[str]:
    if plan.raised:
        yield plan.raised
    elif plan.verdict == "unchanged" and plan.row:
        found = DriftFound.kept(plan.row.found)
        kept = (*export_results.differences(plan.row), *(found.differences if found else ()))
        yield from (f"Since the last export: {one}." for one in dict.fromkeys(kept))
    elif plan.verdict == "under_way":
        yield "It is on its way to Xero right now; newer content goes afterwards, as a change."


def _foreseen(failure: Failure) -> Foreseen:
    help_ = failure.reason.value
    return Foreseen(
        reason=failure.reason.code,
        title=help_.title,
        message=failure.message(),
        who=failure.who,
        how=failure.remedy(),
        line=failure.line,
    )


def _totals(plan: Plan, sums: Sums | None) -> XeroTotals | None:
    """None where there are none, or where they are larger than any invoice may be: Xero refuses those."""
    if plan.invoice is None or sums is None or any(abs(amount) > LARGEST for amount in dict(sums).values()):
        return None
    return XeroTotals(currency=plan.invoice.currency, **dict(sums))
