"""Joining, batching, retries, markers, checks, proof: pure decisions, as tables and properties."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.accounting_target import Posted, Trouble
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from store.markers import marker
from tests.builders import an_invoice, contact_id
from worker.decisions import batching, merge_rules, proof, turns
from worker.decisions.merge_rules import ExportStanding
from worker.decisions.proof import Host
from xero_adapter.target import XeroTarget


@pytest.mark.parametrize(
    ("standing", "revision", "content", "move"),
    [
        (ExportStanding("new", 0, "", -1, ""), 1, "a", "start"),
        (ExportStanding("failed", 1, "a", -1, ""), 1, "a", "start"),
        (ExportStanding("pending", 1, "a", -1, ""), 1, "a", "join"),
        (ExportStanding("pending", 1, "a", -1, ""), 2, "b", "replace"),
        (ExportStanding("pending", 2, "b", -1, ""), 1, "a", "join"),
        (ExportStanding("exporting", 1, "a", -1, ""), 2, "b", "wait"),
        (ExportStanding("uncertain", 1, "a", -1, ""), 2, "b", "wait"),
        (ExportStanding("uncertain", 1, "a", -1, ""), 1, "a", "join"),
        (ExportStanding("exported", 1, "a", 1, "a", in_xero=True), 2, "a", "unchanged"),
        (ExportStanding("exported", 2, "b", 2, "b", in_xero=True), 1, "a", "unchanged"),
        (ExportStanding("exported", 1, "a", 1, "a", in_xero=True), 2, "b", "start"),
        (ExportStanding("failed", 2, "b", 1, "a", in_xero=True), 3, "a", "start"),
        (ExportStanding("exported", 1, "a", 1, "a", in_xero=True, repointed=True), 1, "a", "start"),
        (ExportStanding("exported", 1, "a", 1, "a", in_xero=True, gone="voided"), 1, "a", Reason.INVOICE_FINALISED),
        (ExportStanding("exported", 1, "a", 1, "a", in_xero=True, gone="gone"), 1, "a", Reason.GONE_FROM_XERO),
        (ExportStanding("exported", 1, "a", 1, "a", excluded=True), 2, "b", Reason.EXCLUDED),
    ],
)
def test_what_a_request_does_to_an_export(standing, revision, content, move):
    found = merge_rules.decide(standing, revision, content)
    assert (found.reason if isinstance(found, Failure) else found) == move


@given(st.sampled_from(sorted(merge_rules.LIVE)), st.integers(0, 5), st.integers(0, 5), st.sampled_from("ab"))
def test_nothing_ever_starts_beside_a_live_export(state, known, asked, content):
    assert merge_rules.decide(ExportStanding(state, known, "a", -1, ""), asked, content) != "start"


@pytest.mark.parametrize(
    ("item", "sent", "answered"),
    [((1, "a"), (1, "a"), True), ((1, "x"), (2, "a"), True), ((3, "b"), (2, "a"), False), ((9, "a"), (2, "a"), True)],
)
def test_whom_a_result_answers(item, sent, answered):
    assert merge_rules.answers(*item, *sent) is answered


SIZES = XeroTarget.sizes


@dataclass
class Due:
    crashes: int = 0
    alone: bool = False
    size: int = 1
    xero_invoice_id: str | None = None
    raise_anew: bool = False
    batch_limit: int = 0
    document: str = "invoice"


dues = st.builds(
    Due,
    st.integers(0, 6),
    st.booleans(),
    st.sampled_from([1, 500_000]),
    st.sampled_from([None, "id"]),
    st.booleans(),
    st.sampled_from([0, 0, 7]),
    st.sampled_from(["invoice", "credit_note"]),
)


@given(st.lists(dues, max_size=80))
def test_a_batch_is_a_head_of_the_queue_small_enough_and_the_suspicious_travel_alone(candidates):
    chosen = batching.choose(candidates, SIZES)
    assert chosen == candidates[: len(chosen)]
    assert bool(chosen) == bool(candidates)
    assert len(chosen) <= 50
    assert len({(one.document, batching.kind(one), one.xero_invoice_id) for one in chosen}) <= 1
    assert all(len(chosen) <= (one.batch_limit or 50) for one in chosen)
    assert len(chosen) == 1 or not any(batching.suspicious(one) for one in chosen)
    assert len(chosen) == 1 or sum(one.size * 2 for one in chosen) <= SIZES.bytes


@given(st.lists(dues, max_size=200), st.integers(1, 4))
def test_several_batches_are_a_head_of_the_queue_and_only_what_is_sound_travels_in_several(candidates, most):
    chosen = batching.choose_some(candidates, most, SIZES)
    assert [one for batch in chosen for one in batch] == candidates[: sum(map(len, chosen))]
    assert len(chosen) <= most
    assert chosen[:1] == ([batching.choose(candidates, SIZES)] if candidates else [])
    assert all(len(batch) <= 50 for batch in chosen)
    if len(chosen) > 1:
        assert not any(one.crashes or one.alone or one.xero_invoice_id for batch in chosen for one in batch)
        assert not any(one.raise_anew or one.batch_limit for batch in chosen for one in batch)


def test_a_backlog_of_sound_new_invoices_fills_every_call():
    assert [len(batch) for batch in batching.choose_some([Due()] * 120, 3, SIZES)] == [50, 50, 20]


def test_fifty_go_together():
    assert len(batching.choose([Due()] * 120, SIZES)) == 50


def test_the_breaker_opens_after_three_unknown_outcomes_and_backs_off_to_five_minutes():
    waits = [turns.lane_wait(Trouble("unknown", ""), row) for row in range(1, 12)]
    assert waits[:6] == [0, 0, 15, 30, 60, 120]
    assert waits[-1] == 300


@given(st.integers(1, 100), st.integers(1, 100))
def test_waits_never_shrink(first, second):
    low, high = sorted((first, second))
    assert turns.look_up_wait(low) <= turns.look_up_wait(high) <= 300
    assert turns.again_after_absence(low) <= turns.again_after_absence(high) <= 300


def test_a_limit_waits_as_long_as_xero_says():
    assert turns.lane_wait(Trouble("limited", "", wait=66_975), 0) == 66_975


def test_webhooks_are_tried_thirteen_times_over_three_days():
    waits = [turns.delivery_wait(tries) for tries in range(1, 14)]
    assert waits[-1] is None
    assert None not in waits[:-1]
    assert 2.5 * 86_400 < sum(waits[:-1]) < 3.5 * 86_400


@given(st.floats(0.001, 2), st.integers(1, 200), st.integers(0, 40))
def test_an_endpoint_gets_as_much_at_once_as_makes_it_faster(seconds, side_by_side, rounds):
    """It answers so many side by side and the others after them: far more than that gains nothing."""
    size, sizes = turns.RoundSize(), []
    for _ in range(100 + rounds):
        size = size.after(size.events, 0, seconds * -(-size.events // side_by_side))
        sizes.append(size.events)
    assert min(sizes) >= turns.POSTS_AT_ONCE
    assert max(sizes) <= min(turns.MOST_POSTS_AT_ONCE, max(turns.POSTS_AT_ONCE * 2, 20 * side_by_side))
    if side_by_side == 1:
        assert sizes.count(turns.POSTS_AT_ONCE) > 0.9 * len(sizes)
    if side_by_side >= turns.MOST_POSTS_AT_ONCE:
        assert sizes[-1] == turns.MOST_POSTS_AT_ONCE
    assert size.after(size.events - 1, 1, seconds).events == max(turns.POSTS_AT_ONCE, size.events // 2)
    assert size.after(0, 0, seconds) == size


@pytest.mark.parametrize(
    ("state", "more", "shown"),
    [
        ("pending", {}, "queued"),
        ("pending", {"lane_waits": True}, "waiting"),
        ("exporting", {}, "exporting"),
        ("uncertain", {}, "uncertain"),
        ("exported", {}, "exported"),
        ("failed", {}, "failed"),
        ("failed", {"excluded": True}, "excluded"),
        (None, {}, "not_exported"),
        ("new", {"shown": "failed"}, "failed"),
    ],
)
def test_the_marker_beside_a_number(state, more, shown):
    assert marker(state, **more) == shown


@pytest.mark.parametrize(
    ("totals", "amounts_are", "adds_up"),
    [
        ({"subtotal": "100.00"}, "exclusive", True),
        ({"subtotal": "100.01"}, "exclusive", True),
        ({"subtotal": "100.02"}, "exclusive", False),
        ({"total": "110.00", "tax": "10.00"}, "exclusive", True),
        ({"total": "120.00", "tax": "10.00"}, "exclusive", False),
        ({"total": "120.00"}, "exclusive", True),
        ({"total": "100.00"}, "inclusive", True),
        ({"total": "90.00"}, "inclusive", False),
        ({"total": "90.00"}, "no_tax", False),
    ],
)
def test_totals_that_do_not_add_up_are_found_before_anything_is_sent(totals, amounts_are, adds_up):
    invoice = Invoice.model_validate(an_invoice(totals=totals, amounts_are=amounts_are))
    assert (merge_rules.problem_with(invoice) is None) is adds_up


def posted(**change):
    whole = {
        "number": "N-i1",
        "target_id": "x",
        "contact_id": contact_id("acme"),
        "status": "AUTHORISED",
        "currency": "USD",
        "subtotal": Decimal(100),
        "tax": Decimal(10),
        "total": Decimal(110),
        "date": "2026-11-20",
        "mark": None,
    }
    return Posted(**{**whole, **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"number": "N-other"}, ["number N-other in Xero, N-i1 in CrewCard"]),
        ({"currency": "EUR"}, ["currency EUR in Xero, USD in CrewCard"]),
        ({"date": "2026-11-19"}, ["dated 2026-11-19 in Xero, 2026-11-20 in CrewCard"]),
        ({"contact_id": "other"}, ["another contact in Xero than the client's"]),
        ({"subtotal": Decimal("99.99")}, ["subtotal 99.99 in Xero, 100.00 in CrewCard"]),
    ],
)
def test_the_proof_names_each_difference_to_the_cent(change, said):
    invoice = Invoice.model_validate(an_invoice())
    found = proof.of_host(Host(contact_id("acme"), invoice), posted(**change), "not kept")
    assert list(found.differences) == said
    assert found.not_compared == ("not kept", "CrewCard's own totals: it sent none")
