"""Erase a client: its names, addresses, the content of its invoices, and what was said of them.

Ids, numbers, hashes, states and amounts stay, by which an invoice is never twice in Xero. Xero has its own copy.
"""

from collections.abc import Collection

from store import audit, companies, erasing, erasures
from store.erasing import Cut
from store.unit_of_work import Work
from worker.erasing.erasure import ErasurePreview, ErasureRefused, letters_first, reason_given
from worker.tools import Tools

FIRST, *_ = erasing.STEPS


def preview(tools: Tools, company: str, client: str) -> ErasurePreview:
    """What would go of this client, and what has to be done first."""
    with tools.store.read() as work:
        return _preview(work, company, client)


def erase(tools: Tools, company: str, client: str, by: str, why: str) -> int:
    """Order it; gives the order's number, with which `pieces` goes on. Raises ErasureRefused."""
    reason = reason_given(why)
    with tools.store.write() as work:
        under_way = erasures.open_one(work, company, client)
        if under_way:
            return under_way
        seen = _preview(work, company, client)
        seen.must_be_free()
        number = erasures.make(work, company, client, by, reason, FIRST)
        audit.note(work, by, "erase", company, {"client": client}, seen.counts["invoices"], reason)
    return number


def cut_with(tools: Tools, work: Work, company: str) -> Cut:
    """How a call's body is shortened: by the company's accounting system, whose form it has."""
    target = tools.target_of(work, company)

    def cut(document: str, body: bytes, names: Collection[str]) -> bytes | None:
        kind = target.documents.get(document) if target else None  # type: ignore[call-overload]
        if kind is None:
            return None
        try:
            sent = kind.thaw(body)
        except (ValueError, KeyError, TypeError):
            return None
        left = [one for name, one in sent.items() if name not in names]
        if len(left) == len(sent):
            return body
        return kind.freeze(left) if left else None

    return cut


def _preview(work: Work, company: str, client: str) -> ErasurePreview:
    if not companies.exists(work, company):
        raise ErasureRefused(f"There is no company “{company}” here.")
    counts = erasing.standing(work, company, client)
    if not any(counts.values()):
        raise ErasureRefused(f"Nothing is kept of a client “{client}” of {company}.")
    objections = []
    if counts["open"]:
        first = "Wait for their answers, or cancel them, first."
        objections.append(f"{counts['open']} of its invoices are on their way to Xero. {first}")
    waits = erasing.contact_waits(work, company, client, work.now)
    objections += [f"Wait a moment: {waits}."] if waits else []
    return ErasurePreview(counts, objections + letters_first(erasing.open_letters(work, company, client)))
