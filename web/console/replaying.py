"""Acts about many invoices: shown beforehand, ordered with a reason, watched until they are done."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events.failures import needs_new_content, reason_of, thing_of, titled
from events.reasons import Reason
from store import bulk_orders, companies, contacts, failing, searching
from store.searching import Act, LeftOut, Selection, Share
from store.tables import BulkOrder, BulkPiece
from store.unit_of_work import Work
from web.console import forms, rendering
from web.console.forms import PER_PAGE, Posted
from web.console.visitor import Looking, Missing, Must, Visitor
from worker.commands import registry
from worker.decisions import rights
from worker.submission import orders
from worker.submission.orders import OrderRefused

_MOST_PICKED = 500
_SHARES = 100
_FIELDS = ("company", "cause", "request", "outcome", "reason", "client", "number", "from", "to", "zone")
Sending = Annotated[Visitor, Depends(Must(rights.ACTIONS[registry.REPLAY.effect]))]
router = APIRouter(prefix="/replay")


@router.get("")
def preview(request: Request, visitor: Looking, act: str = "replay") -> Response:
    """What the act would move, before anything is done."""
    asked = request.query_params
    return _preview(request, visitor, _act(act), forms.several(request), asked.getlist("pick"))


@router.post("")
def order(request: Request, form: Posted, visitor: Sending) -> Response:
    """Do it, as far as a person can wait; the rest goes on behind."""
    act = _act(form.text("act"))
    said, picked = {name: form.text(name) for name in _FIELDS}, form.every("pick")
    try:
        number = orders.order_many(visitor.tools, act, _selection(said, picked), visitor.actor, form.text("why"))
    except OrderRefused as refused:
        return _preview(request, visitor, act, said, picked, 422, str(refused))
    return rendering.redirect(f"/console/replay/{number}")


@router.get("/{number}")
def watch(request: Request, visitor: Looking, number: str, after: str = "") -> Response:
    """How far an order is."""
    key = forms.whole_number(number) or 0
    with visitor.tools.store.read() as work:
        found = bulk_orders.known(work, key)
        reached = bulk_orders.reached(work, key)
        pieces = bulk_orders.pieces(work, key, forms.whole_number(after) or 0, PER_PAGE + 1)
        names = companies.names(work, {piece.company for piece, _ in pieces})
    if found is None:
        raise Missing(f"There is no order {number}.")
    facts: dict[str, Any] = {
        "order": found,
        "reached": reached,
        "pieces": pieces[:PER_PAGE],
        "more": pieces[PER_PAGE - 1][0].number if len(pieces) > PER_PAGE else None,
        "names": names,
        "undo_many": _undone(found, pieces),
        "going_on": found.done_at is None or reached.exported + reached.failed < reached.total,
    }
    return rendering.page(request, visitor, "order", **facts)


def _undone(order: BulkOrder, pieces: Sequence[tuple[BulkPiece, Any]]) -> dict[str, Any] | None:
    """The form that does the opposite of marking invoices; none for others, or for more than are ticked at once."""
    opposite = {"exclude": "include", "include": "exclude"}.get(order.act)
    named = [f"{one.company}/{invoice}" for one, _ in pieces for invoice in json.loads(one.invoices)]
    if opposite is None or order.done_at is None or len(named) != order.total or not 0 < len(named) <= _MOST_PICKED:
        return None
    return {"act": opposite, "picked": named}


def _preview(
    request: Request,
    visitor: Visitor,
    act: Act,
    said: Mapping[str, str],
    picked: Sequence[str],
    status: int = 200,
    problem: str = "",
) -> Response:
    chosen = _selection(said, picked)
    with visitor.tools.store.read() as work:
        shares = searching.shares(work, act, chosen) if chosen.says() else []
        names = companies.names(work, {said.get("company", ""), *(share.company for share in shares)})
        still = _still_there(work, shares) if act == "replay" else {}
        whose = shares[0].company if len({share.company for share in shares}) == 1 else None
        groups = failing.groups(work, whose, _SHARES) if shares else []
        titles = {(one.company, one.cause): one.in_words()["title"] for one in groups}
        total = sum(share.invoices for share in shares)
        left = searching.left_out(work, act, chosen, total) if chosen.says() else LeftOut()
    facts: dict[str, Any] = {
        "act": act,
        "fields": {name: said[name] for name in _FIELDS if said.get(name)},
        "said": _in_words(said, chosen, names),
        "picked": picked[:_MOST_PICKED],
        "chosen": chosen,
        "total": min(total, searching.MOST_SELECTED),
        "cut": total > searching.MOST_SELECTED,
        "shares": [
            (share, titles.get((share.company, share.cause)) or titled(share.cause)) for share in shares[:_SHARES]
        ],
        "further": max(0, len(shares) - _SHARES),
        "left": left,
        "names": names,
        "still": still,
        "failing_again": sum(share.invoices for share in shares if (share.company, share.cause) in still),
        "problem": problem or forms.objections(said),
    }
    return rendering.page(request, visitor, "replay", status, **facts)


def _in_words(said: Mapping[str, str], chosen: Selection, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """The filter as the log's own fields call it, with names for ids."""
    whose, codes = said.get("company", ""), (said.get("reason") or "").split(",")
    told = {
        "Company": names.get(whose, whose),
        "Cause": titled(chosen.cause) if chosen.cause else "",
        "Outcome": said.get("outcome"),
        "Reason": " or ".join(titled(code) for code in codes if code),
        "Client id": said.get("client"),
        "Number begins with": said.get("number"),
        "From": said.get("from"),
        "To": said.get("to"),
    }
    return [(name, value) for name, value in told.items() if value]


def _still_there(work: Work, shares: Sequence[Share]) -> Mapping[tuple[str, str], str]:
    """The causes that cannot have gone, by company and cause, in a sentence."""
    unlinked = [
        (share.company, thing_of(share.cause))
        for share in shares
        if reason_of(share.cause) is Reason.CONTACT_NOT_MAPPED
    ]
    linked = contacts.linked_among(work, unlinked)
    found = {}
    for share in shares:
        if needs_new_content(share.cause):
            found[share.company, share.cause] = (
                "It goes as CrewCard sent it: only a change there, sent anew, mends it."
            )
        elif (one := (share.company, thing_of(share.cause))) in unlinked and one not in linked:
            found[share.company, share.cause] = "The client still has no contact in Xero."
    return found


def _act(act: str) -> Act:
    known: Act | None = next((one for one in get_args(Act) if one == act), None)
    if known is None:
        raise Missing("There is no such act; invoices are sent again, marked “never send”, or allowed again.")
    return known


def _selection(said: Mapping[str, str], picked: Sequence[str]) -> Selection:
    """What the fields choose: ticks alone; a group; a request; else what matches the filter of the log."""
    if picked:
        pairs = (one.partition("/") for one in picked[:_MOST_PICKED])
        return Selection(picked=tuple(sorted({(company, invoice) for company, _, invoice in pairs if invoice})))
    company, cause, sent = (said.get(name, "").strip() for name in ("company", "cause", "request"))
    if cause or sent:
        return Selection(company=company, cause=cause, request=sent) if company else Selection()
    return Selection(log=forms.log_filter(said))
