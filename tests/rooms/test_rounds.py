"""Rounds: which events can be filed together; pure."""

from hypothesis import given
from hypothesis import strategies as st

from worker.decisions import merge_rules
from worker.decisions.merge_rules import ALONE

_names = st.sampled_from("abcde")
_loads = st.one_of(
    st.just(ALONE),
    st.builds(
        merge_rules.load_of_request,
        st.tuples(st.just("host"), _names),
        st.sampled_from("xy"),
        _names,
        st.lists(_names, min_size=1, max_size=5),
    ),
)


def a_request(event, request, *invoices):
    return merge_rules.load_of_request(("host", event), "harbour", request, invoices)


def test_requests_that_have_nothing_in_common_share_a_round():
    assert list(merge_rules.rounds([a_request("1", "r1", "a"), a_request("2", "r2", "b")])) == [[0, 1]]


def test_the_same_event_request_or_invoice_begins_the_next_round():
    first = a_request("1", "r1", "a")
    for again in (a_request("1", "r2", "b"), a_request("2", "r1", "b"), a_request("2", "r2", "a")):
        assert list(merge_rules.rounds([first, again])) == [[0], [1]]


def test_companies_have_nothing_in_common():
    loads = [merge_rules.load_of_request(("host", company), company, "r1", ["a"]) for company in "xy"]
    assert list(merge_rules.rounds(loads)) == [[0, 1]]


def test_an_order_goes_alone():
    loads = [a_request("1", "r1", "a"), ALONE, a_request("2", "r2", "b")]
    assert list(merge_rules.rounds(loads)) == [[0], [1], [2]]


@given(st.lists(_loads, max_size=30), st.integers(5, 20))
def test_every_event_is_in_one_round_in_order_and_no_round_is_too_large_or_at_odds_with_itself(loads, most):
    found = list(merge_rules.rounds(loads, most))
    assert [place for some in found for place in some] == list(range(len(loads)))
    for some in found:
        mine = [loads[place] for place in some]
        assert len(mine) == 1 or sum(load.invoices for load in mine) <= most
        assert sum(len(load.touches) for load in mine) == len(frozenset().union(*(load.touches for load in mine)))
