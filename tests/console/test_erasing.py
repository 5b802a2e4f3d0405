"""Erasing and removing at the console: admins alone, after a look at what would go, with a reason."""

from store import audit, erasures
from tests.builders import COMPANY, an_invoice
from web.console import erasing
from worker.erasing import pieces


def test_an_admin_sees_what_would_go_and_erases_a_client(person, on_sqlite):
    on_sqlite.ask(an_invoice("a"), an_invoice("b"))
    admin = person("admin")
    page = admin.see(f"/erasures/{COMPANY}/acme")
    assert "2 of its invoices are on their way to Xero. Wait for their answers, or cancel them, first." in page
    assert "Why?" not in page
    assert "on their way" in admin.do(f"/erasures/{COMPANY}/acme", 422, why="asked")
    on_sqlite.run()
    on_sqlite.relay()
    assert f"/console/erasures/{COMPANY}/acme" in admin.see(f"/contacts/{COMPANY}/acme")
    assert "It cannot be undone." in admin.see(f"/erasures/{COMPANY}/acme")
    assert "Say why" in admin.do(f"/erasures/{COMPANY}/acme", 422, why=" ")
    page = admin.do(f"/erasures/{COMPANY}/acme", why="the client asked")
    assert "The client is being erased." in page
    pieces.go_on(on_sqlite.tools)
    assert "Done" in admin.see("/erasures")
    assert on_sqlite.export("a").wanted == ""
    with on_sqlite.store.read() as work:
        assert [line.who for line in audit.newest(work, COMPANY, 2)] == [admin.user, admin.user]


def test_a_company_is_removed_from_its_page_and_the_list_says_what_it_waits_for(person, on_sqlite):
    admin = person("admin")
    assert f"/console/erasures/{COMPANY}" in admin.see(f"/companies/{COMPANY}")
    assert "would be raised again" in admin.see(f"/erasures/{COMPANY}")
    page = admin.do(f"/erasures/{COMPANY}", why="contract ended")
    assert "The company is being removed." in page
    assert "a minute, until no door is at work for it any more" in page
    with on_sqlite.store.read() as work:
        assert [one.step for one in erasures.newest(work, 5)] == ["what is under way"]
    admin.see(f"/erasures/{COMPANY}", 404)


def test_the_list_of_orders_leaves_none_out_without_its_count(person, on_sqlite, monkeypatch):
    admin = person("admin")
    assert "Nobody ordered to erase a client or to remove a company." in admin.see("/erasures")
    for client in ("acme", "crane"):
        on_sqlite.ask(an_invoice(f"of-{client}", client={"id": client, "name": client}), request=client)
        on_sqlite.run()
        admin.do(f"/erasures/{COMPANY}/{client}", why="asked")
    assert "orders are shown" not in admin.see("/erasures")
    monkeypatch.setattr(erasing, "_MOST", 1)
    assert "The newest 1 of 2 orders are shown." in admin.see("/erasures")
