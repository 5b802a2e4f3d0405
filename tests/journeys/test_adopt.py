"""Adopting: invoices of an older integration are taken over after comparing, and what is not taken is explained."""

import pytest

from simulator import ledger
from store import audit
from tests.builders import COMPANY, TENANT, an_invoice, contact_id
from worker.commands import adopt as adopting
from worker.commands.adopt import NotConnected
from worker.decisions.claiming import Claim

OTHER = "99999999-2222-4333-8444-555555555555"


def written(installation, number, client="acme", **other):
    """An invoice that another app wrote into Xero; gives its id."""
    state = installation.simulator.state
    organisation = state.world.organisations[TENANT]
    ledger.write_by_hand(state.world, organisation, number, contact_id(client))
    book = organisation.with_number(number)[0]
    book.update({"DateString": "2026-11-20T00:00:00", "CurrencyCode": "USD", **other})
    return book["InvoiceID"]


def claim(id_="i1", **other):
    known = {"number": f"N-{id_}", "client": "acme", "date": "2026-11-20", "currency": "USD"}
    return Claim.model_validate({"id": id_, **known, **other})


def adopt(installation, *claims, wait=None):
    return adopting.adopt(installation.tools, COMPANY, claims, "olga", "moved over", wait or pytest.fail)


def test_an_invoice_found_by_number_is_ours_from_now_on_and_is_not_sent_again(installation):
    id_ = written(installation, "N-i1")
    done = adopt(installation, Claim.from_invoice(_read(an_invoice())))
    assert list(done.taken) == ["i1"]
    installation.ask(an_invoice())
    installation.run()
    answer = installation.answers()["i1"]
    assert (answer["outcome"], answer["xero_invoice_id"]) == ("unchanged", id_)
    assert installation.calls("PUT") == []


def test_the_host_is_told_of_each_invoice_that_was_taken_over(installation):
    id_ = written(installation, "N-i1")
    adopt(installation, claim())
    (told,) = installation.events("invoice.export.succeeded")
    assert (told["data"]["outcome"], told["data"]["xero_invoice_id"]) == ("adopted", id_)
    (completed,) = installation.events("invoice.export.completed")
    assert completed["data"]["exported"] == 1


def test_an_invoice_is_found_by_its_xero_id_under_another_number_too(installation):
    id_ = written(installation, "INV-0042")
    done = adopt(installation, claim(xero_invoice_id=id_))
    assert done.taken == {"i1": ("number INV-0042 in Xero, N-i1 in CrewCard",)}
    assert installation.export("i1").number == "INV-0042"


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ({"client": "bolt"}, "it bills another contact in Xero (Bolt & Co)"),
        ({"DateString": "2026-10-01T00:00:00"}, "it is dated 2026-10-01 in Xero, 2026-11-20 in CrewCard"),
        ({"CurrencyCode": "EUR"}, "it is in EUR in Xero, USD in CrewCard"),
        ({"Status": "VOIDED"}, "N-i1 is voided in Xero"),
        ({"Url": "https://crew.example/?crewcard=harbour%2Fi9"}, "N-i1 is CrewCard's invoice i9 of harbour"),
    ],
)
def test_what_does_not_match_is_not_taken_and_the_difference_is_said(on_sqlite, theirs, said):
    written(on_sqlite, "N-i1", **theirs)
    assert adopt(on_sqlite, claim()).refused == {"i1": said}
    assert on_sqlite.events("invoice.export.succeeded") == []


def test_totals_are_reported_and_never_refuse(installation):
    written(installation, "N-i1")
    assert adopt(installation, claim(total="7.00")).taken == {"i1": ("total 1.00 in Xero, 7.00 in CrewCard",)}


def test_what_xero_does_not_have_or_cannot_be_compared_is_not_taken(on_sqlite):
    written(on_sqlite, "N-i2")
    refused = adopt(on_sqlite, claim("i1"), claim("i2", date=None), claim("i3", client="stranger")).refused
    assert refused["i1"] == "Xero has no invoice N-i1"
    assert refused["i2"] == "there is nothing to compare: date missing"
    assert refused["i3"] == "Xero has no invoice N-i3"


def test_what_is_on_its_way_is_not_taken(installation):
    installation.ask(an_invoice())
    assert adopt(installation, claim()).refused == {"i1": "it is on its way to Xero right now"}


def test_a_failed_export_that_an_older_integration_had_sent_is_healed_by_its_own_content(installation):
    """Number taken in Xero: it was ours all along. Only the number needs to be named."""
    written(installation, "N-i1", Url="https://older.example/1")
    installation.ask(an_invoice())
    installation.settle_down()
    assert installation.answers()["i1"]["reason"] == "number_taken"
    done = adopt(installation, Claim(id="i1", number="N-i1"))
    assert list(done.taken) == ["i1"]
    assert installation.markers()["i1"] == "exported"


def test_one_invoice_in_xero_is_nobodys_twice(installation):
    id_ = written(installation, "N-i1")
    done = adopt(installation, claim("i1"), claim("i2", xero_invoice_id=id_))
    assert list(done.taken) == ["i1"]
    assert done.refused == {"i2": "number N-i1 belongs to CrewCard's invoice i1"}
    again = adopt(installation, claim("i2", xero_invoice_id=id_))
    assert again.refused == {"i2": "it is CrewCard's invoice i1 already"}


def test_adopting_again_changes_nothing(installation):
    written(installation, "N-i1")
    adopt(installation, claim())
    again = adopt(installation, claim())
    assert (again.taken, again.before) == ({}, ["i1"])
    assert len(installation.events("invoice.export.succeeded")) == 1


def test_a_hundred_cost_five_calls_each_with_its_own_permit(on_sqlite):
    claims = [claim(f"i{number:03d}") for number in range(100)]
    for one in claims:
        written(on_sqlite, one.number)
    assert len(adopt(on_sqlite, *claims).taken) == 100
    assert len(on_sqlite.calls("GET")) == 5


def test_a_limit_is_sat_out_and_nothing_is_lost(make_installation, sqlite_url):
    installation = make_installation(sqlite_url, calls_per_minute=1, minute_seconds=0.2)
    installation.company()
    claims = [claim(f"i{number:03d}") for number in range(40)]
    for one in claims:
        written(installation, one.number)
    waits = []

    def wait(seconds):
        waits.append(seconds)
        installation.tools.redis.flushall()

    assert len(adopt(installation, *claims, wait=wait).taken) == 40
    assert waits


def test_a_company_that_is_not_connected_is_told_so(on_sqlite):
    with pytest.raises(NotConnected):
        adopting.adopt(on_sqlite.tools, "nobody", [claim()], "olga", "moved over", pytest.fail)


def test_who_adopted_what_and_why_is_kept(on_sqlite):
    written(on_sqlite, "N-i1")
    adopt(on_sqlite, claim())
    with on_sqlite.store.read() as work:
        (line,) = audit.newest(work)
    assert (line.who, line.what, line.chosen, line.why) == (
        "olga",
        "adopt",
        '{"invoices": ["i1"]}',
        "moved over",
    )


def _read(document):
    from events.invoice import Invoice

    return Invoice.model_validate(document)
