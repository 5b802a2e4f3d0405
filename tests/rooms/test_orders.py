"""Orders: what they must say, and the decisions behind them."""

from decimal import Decimal

import pytest

from events import codec
from events.accounting_target import Posted
from events.codec import Unreadable
from tests.builders import an_order
from worker.commands import cancel
from worker.decisions import claiming
from worker.decisions.claiming import Claim, ClaimedExport


def a_posted(**other):
    known = {
        "number": "N-1",
        "target_id": "x1",
        "contact_id": "c1",
        "status": "AUTHORISED",
        "currency": "USD",
        "subtotal": Decimal(100),
        "tax": Decimal(10),
        "total": Decimal(110),
        "date": "2026-11-20",
        "mark": None,
    }
    return Posted(**{**known, **other})


@pytest.mark.parametrize(
    ("kind", "said", "problem"),
    [
        ("cancel", {}, "data.value: must name what it is about: request or invoices"),
        ("replay", {}, "data.value: must name what it is about: request or invoices or reason or causes"),
        ("cancel", {"reason": "expired"}, "data.reason: is not a field we know"),
        ("replay", {"reason": "bad_luck"}, "data.reason: is not the code of a failure reason"),
        ("replay", {"request": "r1", "why": ""}, "data.why: must not be empty"),
        ("cancel", {"invoices": ["a/b", "c\nd"]}, "data.invoices, number 2: “c d” has characters that nobody sees"),
        ("cancel", {"request": "r1", "requested_by": {}}, "data.requested_by.id: is missing"),
    ],
)
def test_an_order_that_does_not_say_what_why_or_who_is_refused_by_the_fields_name(kind, said, problem):
    with pytest.raises(Unreadable) as refused:
        codec.parse_event(an_order(kind, **said))
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    ("state", "others", "way"),
    [
        ("pending", False, "stop"),
        ("exporting", False, "flag"),
        ("uncertain", False, "flag"),
        ("pending", True, "detach"),
        ("exporting", True, "detach"),
        ("exported", False, "detach"),
        ("failed", False, "detach"),
    ],
)
def test_a_cancel_stops_calls_back_or_only_lets_go(state, others, way):
    assert cancel.way(state, wanted_by_others=others) == way


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (ClaimedExport("pending"), "it is on its way to Xero right now"),
        (ClaimedExport("uncertain"), "it is on its way to Xero right now"),
        (ClaimedExport("exported", "22222222-2222-4333-8444-555555555555"), "it is in Xero already, as 22222222"),
        (ClaimedExport("new"), "there is nothing to compare: client, currency missing"),
    ],
)
def test_a_claim_that_cannot_be_true_costs_no_call(standing, said):
    claim = Claim.model_validate(
        {"id": "i1", "xero_invoice_id": "11111111-2222-4333-8444-555555555555", "date": "2026-11-20"}
    )
    assert claiming.objection(claim, standing).startswith(said)


def test_of_a_voided_and_a_live_invoice_with_one_number_the_live_one_is_meant():
    claim = Claim.model_validate(
        {"id": "i1", "number": "N-1", "client": "acme", "date": "2026-11-20", "currency": "USD"}
    )
    live = a_posted()
    assert claiming.judge("harbour", claim, [a_posted(status="VOIDED"), live], "c1") is live
    assert claiming.judge("harbour", claim, [live, a_posted()], "c1") == (
        "Xero has 2 invoices N-1; name it by its Xero id"
    )
    assert claiming.judge("harbour", claim, [live], "") == "client acme has no Xero contact to compare with"
