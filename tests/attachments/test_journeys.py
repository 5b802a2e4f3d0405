"""Files that an invoice names go to it in Xero, behind it: each once, each told, and none ever fails its invoice."""

import base64
import functools
import hashlib

import pytest
from sqlmodel import SQLModel, select

from events.invoice import Invoice
from events.settings import CompanySettings
from simulator import world as simulated
from simulator.scopes import DEFAULT
from store import attachments, companies, restores
from store.restores import RestoreOrder
from store.tables import Attachment, AttachmentContent
from tests.attachments.conftest import SCOPES
from tests.builders import COMPANY, TENANT, an_invoice, an_order
from tests.journeys.test_reconciler import look
from worker import pruner
from worker.attachments.attaching import try_again as attaching_again
from worker.intake import intake
from worker.preview import preview
from worker.reconcile import restore_check
from worker.waiting import pausing

OTHER = "99999999-2222-4333-8444-555555555555"

PDF = b"%PDF-1.7 a job sheet \x00\xff"


def named(files, *names, **other):
    return [{"name": name, "url": files.put(name.replace(" ", "-"), PDF + name.encode()), **other} for name in names]


def exported(attaching, attachments, **other):
    attaching.installation.ask(an_invoice(attachments=attachments, **other.pop("invoice", {})), **other)
    attaching.installation.run()


def test_files_follow_their_invoice_and_are_told_once(attaching):
    wanted = named(
        attaching.files, "invoice.pdf", "job sheet 7.pdf", include_online=True, media_type="application/pdf"
    )
    exported(attaching, wanted)
    assert attaching.installation.markers() == {"i1": "exported"}
    attaching.attach(2)
    assert attaching.names() == ["invoice.pdf", "job_sheet_7.pdf"]
    (told,) = attaching.told()
    assert (told["invoice"], told["number"], told["attached"], told["failed"]) == ("i1", "N-i1", 2, 0)
    assert told["xero_invoice_id"] == attaching.installation.export("i1").xero_invoice_id
    first = told["files"][0]
    whole = PDF + b"invoice.pdf"
    assert (first["name"], first["size"], first["sha256"]) == (
        "invoice.pdf", len(whole), hashlib.sha256(whole).hexdigest(),
    )  # fmt: skip
    assert len(attaching.calls()) == 2
    assert attaching.files.asked == ["/invoice.pdf", "/job-sheet-7.pdf"]
    books = attaching.installation.simulator.state.world.organisations
    (kept,) = [one for tenant in books.values() for files in tenant.attachments.values() for one in files][:1]
    assert (kept.online, kept.kind) == (True, "application/pdf")


def test_switched_off_nothing_is_fetched_and_no_call_is_made(attaching):
    with attaching.installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings(default_account_code="200"))
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.attach(2)
    assert attaching.installation.markers() == {"i1": "exported"}
    assert (attaching.files.asked, attaching.calls(), attaching.told()) == ([], [], [])


def test_of_eleven_files_each_that_cannot_go_is_told_why_and_the_others_go(attaching):
    files, other = attaching.files, "0" * 64
    wanted = [
        *named(files, *(f"{place}.pdf" for place in range(4))),
        {"name": "gone.pdf", "url": files.put("gone.pdf", 404)},
        {"name": "huge.pdf", "url": files.put("huge.pdf", b"x" * 10_000_001)},
        {"name": "credentials.pdf", "url": files.put("on", "http://169.254.169.254/latest/meta-data")},
        {"name": "circle.pdf", "url": files.put("circle", "/circle")},
        {"name": "empty.pdf", "url": files.put("empty.pdf", b"")},
        {**named(files, "changed.pdf")[0], "sha256": other},
        {"name": "eleventh.pdf", "url": files.put("eleventh.pdf", PDF)},
    ]
    exported(attaching, wanted)
    attaching.attach()
    assert attaching.names() == ["0.pdf", "1.pdf", "2.pdf", "3.pdf"]
    (told,) = attaching.told()
    assert (told["attached"], told["failed"]) == (4, 7)
    why = {one["name"]: one["reason"] for one in told["files"] if one["state"] == "failed"}
    assert why == {
        "gone.pdf": "link_refused",
        "huge.pdf": "too_large",
        "credentials.pdf": "link_not_allowed",
        "circle.pdf": "link_refused",
        "empty.pdf": "empty",
        "changed.pdf": "other_content",
        "eleventh.pdf": "too_many",
    }
    said = {one["name"]: one["message"] for one in told["files"] if one["state"] == "failed"}
    assert said["gone.pdf"] == "“gone.pdf” could not be fetched: CrewCard answered 404."
    assert "169.254.169.254" in said["credentials.pdf"]
    assert all(one["who"] and one["how"] for one in told["files"] if one["state"] == "failed")
    assert attaching.installation.markers() == {"i1": "exported"}
    assert len(attaching.calls()) == 4, "what cannot go costs no call"


def test_ten_files_are_attached_and_the_calls_are_as_many(attaching):
    exported(attaching, named(attaching.files, *(f"{place}.pdf" for place in range(10))))
    attaching.attach()
    assert len(attaching.names()) == len(attaching.calls("PUT")) == len(attaching.calls()) == 10
    assert [one["attached"] for one in attaching.told()] == [10]


def test_a_preview_says_how_many_calls_the_files_will_take(attaching):
    wanted = named(attaching.files, *(f"{place}.pdf" for place in range(11)))
    sha256 = hashlib.sha256(PDF + b"0.pdf").hexdigest()
    asked = [Invoice.model_validate(an_invoice(attachments=[{**wanted[0], "sha256": sha256}, *wanted[1:]]))]
    first = preview.preview(attaching.installation.tools, COMPANY, asked).forecast
    exported(attaching, wanted)
    attaching.attach()
    assert (first.attachment_calls, first.calls) == (10, 1) == (len(attaching.calls()), 1)
    again = preview.preview(attaching.installation.tools, COMPANY, asked).forecast
    assert again.attachment_calls == 9, "the first one is there, as its SHA-256 says"
    attaching.log_in(*DEFAULT)
    assert preview.preview(attaching.installation.tools, COMPANY, asked).forecast.attachment_calls == 0


def test_a_file_that_xero_refused_and_that_is_named_anew_goes_with_its_new_content(attaching):
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.installation.simulator.state.switches.largest_body = 10
    attaching.attach()
    assert [one["files"][0]["reason"] for one in attaching.told()] == ["too_large"]
    attaching.files.put("invoice.pdf", b"small")
    exported(attaching, [{"name": "invoice.pdf", "url": f"{attaching.files.base}/invoice.pdf"}], request="r2")
    attaching.attach()
    assert [size for _, size, _ in attaching.in_xero()["N-i1"]] == [5]


def test_a_file_of_a_credit_note_is_told_and_costs_nothing(attaching):
    with attaching.installation.store.write() as work:
        chosen = CompanySettings(default_account_code="200", attachments=True, credit_notes=True)
        companies.set_up(work, COMPANY, "Harbour", chosen)
    exported(attaching, named(attaching.files, "credit.pdf"), invoice={"document": "credit_note"})
    attaching.attach()
    assert attaching.installation.markers() == {"i1": "exported"}
    assert (attaching.files.asked, attaching.calls()) == ([], [])
    (told,) = attaching.told()
    assert told["files"][0]["reason"] == "credit_note"
    assert told["files"][0]["message"] == (
        "“credit.pdf” was not attached: N-i1 is a credit note in Xero, and files go to invoices alone."
    )


def test_a_file_that_xero_refuses_does_not_hold_back_the_others(attaching):
    exported(attaching, named(attaching.files, *(f"{place}.pdf" for place in range(9))))
    attaching.attach()
    exported(attaching, named(attaching.files, "ten.pdf", "eleven.pdf"), request="r2", event_id="e2")
    attaching.installation.run()
    attaching.attach()
    told = attaching.told()[-1]
    failed = [one for one in told["files"] if one["state"] == "failed"]
    assert (told["attached"], told["failed"], len(attaching.names())) == (10, 1, 10)
    assert "Too many attachments on this document." in failed[0]["message"]


def test_the_files_wait_until_their_invoice_is_in_xero(attaching):
    bad = {"line": {"account_code": "299"}}
    exported(attaching, named(attaching.files, "invoice.pdf"), invoice=bad)
    attaching.attach()
    assert attaching.installation.markers() == {"i1": "failed"}
    assert (attaching.files.asked, attaching.told()) == ([], [])
    attaching.installation.ask(an_invoice(revision=2), request="r2")
    attaching.installation.run()
    attaching.attach()
    assert attaching.names() == ["invoice.pdf"]


def test_exported_again_only_what_is_new_goes_and_another_content_takes_the_place_of_the_former(attaching):
    files = attaching.files
    exported(attaching, named(files, "invoice.pdf", "sheet.pdf"))
    attaching.attach()
    files.put("sheet.pdf", b"another content")
    again = [
        {"name": "invoice.pdf", "url": f"{files.base}/invoice.pdf?signature=another"},
        {"name": "sheet.pdf", "url": f"{files.base}/sheet.pdf?signature=another"},
    ]
    exported(attaching, again, request="r2", invoice={"revision": 2, "reference": "changed"})
    attaching.attach()
    assert [(call["method"], call["path"].rpartition("/")[2]) for call in attaching.calls()] == [
        ("PUT", "invoice.pdf"), ("PUT", "sheet.pdf"), ("POST", "sheet.pdf"),
    ]  # fmt: skip
    sizes = {name: size for name, size, _ in attaching.in_xero()["N-i1"]}
    assert sizes["sheet.pdf"] == len(b"another content")
    assert [one["change"] for one in attaching.told()] == [1, 2]


def test_new_files_of_an_unchanged_invoice_go_as_well(attaching):
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.attach()
    exported(attaching, named(attaching.files, "late.pdf"), request="r2")
    attaching.attach()
    assert attaching.installation.answers("r2")["i1"]["outcome"] == "unchanged"
    assert attaching.names() == ["invoice.pdf", "late.pdf"]


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_500", "commit_then_504", "truncated", "http_500"])
@pytest.mark.parametrize("replaces", [True, False])
def test_an_unknown_outcome_is_looked_up_before_anything_goes_again(attaching, fault, replaces):
    """Also where a file of the same name would stand beside the first one."""
    state = attaching.installation.simulator.state
    state.switches.same_name_replaces = replaces
    exported(attaching, named(attaching.files, "invoice.pdf"))
    state.faults.set({fault: [1]})
    attaching.attach()
    assert attaching.told() == []
    attaching.attach()
    assert len(attaching.calls()) == 1, "it has not settled yet"
    attaching.settle()
    assert attaching.names() == ["invoice.pdf"]
    assert [one["attached"] for one in attaching.told()] == [1]
    keys = [call["key"] for call in attaching.calls("PUT")]
    assert len(set(keys)) == len(keys) == (2 if fault == "http_500" else 1)
    assert attaching.files.asked == ["/invoice.pdf"], "what was sent is kept until it is known to be there"


@pytest.mark.parametrize("fault", ["limit_minute", "limit_day", "html_503", "offline", "expire_tokens", "drop"])
def test_limits_and_outages_are_waited_for(attaching, fault):
    exported(attaching, named(attaching.files, "a.pdf", "b.pdf"))
    attaching.installation.simulator.state.faults.set({fault: [1]})
    attaching.attach()
    for _ in range(6):
        attaching.installation.later(400 if fault != "limit_day" else 90_000)
        attaching.installation.tools.redis.flushall()
        attaching.attacher._rests.clear()
        attaching.attach()
    assert attaching.names() == ["a.pdf", "b.pdf"]
    assert [(one["attached"], one["failed"]) for one in attaching.told()] == [(2, 0)]


def test_a_login_without_the_permission_is_told_and_the_next_login_attaches_by_itself(attaching):
    attaching.log_in(*DEFAULT)
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.attach()
    assert (attaching.calls(), attaching.files.asked) == ([], [])
    (told,) = attaching.told()
    assert told["files"][0]["reason"] == "permission_missing"
    assert "log in to Xero again, because" in told["files"][0]["how"]
    assert attaching.installation.markers() == {"i1": "exported"}
    attaching.log_in(*SCOPES)
    attaching.attach()
    assert attaching.names() == ["invoice.pdf"]
    assert [one["attached"] for one in attaching.told()] == [0, 1]


def test_a_permission_that_xero_does_not_honour_is_told_as_well(attaching):
    """The login says it has it, and Xero's token does not."""
    exported(attaching, named(attaching.files, "invoice.pdf"))
    for grant in attaching.installation.simulator.state.identity.grants.values():
        for access in grant.access.values():
            access.scopes = DEFAULT
    attaching.attach()
    assert [one["files"][0]["reason"] for one in attaching.told()] == ["permission_missing"]


def test_an_outage_of_crewcard_is_waited_for_and_in_the_end_told(attaching):
    url = attaching.files.put("slow.pdf", [503, 503, PDF])
    lost = attaching.files.put("lost.pdf", [500])
    exported(attaching, [{"name": "slow.pdf", "url": url}, {"name": "lost.pdf", "url": lost}])
    for _ in range(7):
        attaching.attach()
        attaching.installation.later(3700)
    assert attaching.names() == ["slow.pdf"]
    (told,) = attaching.told()
    assert {one["name"]: one.get("reason") for one in told["files"]} == {"slow.pdf": None, "lost.pdf": "not_fetched"}
    assert attaching.files.asked.count("/lost.pdf") == 6


def test_one_company_never_gets_anothers_files_nor_waits_for_them(attaching):
    made = attaching.installation
    made.company("quayside", OTHER, attachments=True)
    attaching.log_in(*SCOPES, company="quayside", tenant=OTHER)
    slow = [{"name": "slow.pdf", "url": attaching.files.put("slow.pdf", [503])}]
    exported(attaching, slow)
    made.ask(an_invoice(attachments=named(attaching.files, "theirs.pdf")), company="quayside", request="q1")
    made.run()
    attaching.attach()
    assert attaching.in_xero() == {}
    assert [name for name, _, _ in attaching.in_xero(OTHER)["N-i1"]] == ["theirs.pdf"]
    assert [one["company"] for one in attaching.told()] == ["quayside"]


def test_while_the_company_is_paused_nothing_is_fetched_or_sent(attaching):
    exported(attaching, named(attaching.files, "invoice.pdf"))
    pausing.pause(attaching.installation.tools, COMPANY, "olga", "stocktaking")
    attaching.attach()
    assert (attaching.files.asked, attaching.calls()) == ([], [])
    pausing.resume(attaching.installation.tools, COMPANY, "olga", "done")
    attaching.attach()
    assert attaching.names() == ["invoice.pdf"]


def test_named_anew_while_it_is_in_doubt_the_newer_file_is_there_in_the_end(attaching):
    state = attaching.installation.simulator.state
    exported(attaching, named(attaching.files, "invoice.pdf"))
    state.faults.set({"commit_then_drop": [1]})
    attaching.attach()
    attaching.files.put("invoice.pdf", b"newer")
    exported(attaching, [{"name": "invoice.pdf", "url": f"{attaching.files.base}/invoice.pdf"}], request="r2")
    attaching.settle()
    assert [size for _, size, _ in attaching.in_xero()["N-i1"]] == [5]
    assert [(one["attached"], one["failed"]) for one in attaching.told()] == [(1, 0)]


def test_a_file_whose_invoice_never_comes_is_told_after_two_weeks(attaching):
    exported(attaching, named(attaching.files, "invoice.pdf"), invoice={"line": {"account_code": "299"}})
    attaching.installation.later(15 * 86_400)
    attaching.attach()
    (told,) = attaching.told()
    assert told["files"][0]["reason"] == "expired"


def test_an_older_database_that_is_put_back_attaches_nothing_twice(attaching):
    """Its rows say that the files wait; Xero, which would keep a second one beside the first, has them."""
    made = attaching.installation
    made.simulator.state.switches.same_name_replaces = False
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.attach()
    with made.store.write() as work:
        row = work.session.exec(select(Attachment)).one()
        row.state, row.attached_sha256, row.key, row.size, row.sha256 = "waiting", "", "", None, ""
        row.url = f"{attaching.files.base}/invoice.pdf"
        restores.begin(work, RestoreOrder(since=work.now, by="olga", why="a backup was put back"))
    attaching.attach()
    assert len(attaching.calls()) == 1, "the organisation is read first"
    for _ in range(4):
        made.later(60)
        restore_check.check_restored(made.tools, "test")
    attaching.attach(3)
    with made.store.read() as work:
        assert work.session.exec(select(Attachment)).one().state == "attached"
    assert attaching.names() == ["invoice.pdf"]
    assert [call["method"] for call in attaching.calls()] == ["PUT", "GET", "GET"], "the list, and what is in it"


def test_after_a_restore_a_file_of_an_older_invoice_is_looked_for_also_where_it_is_named_anew(attaching_on_sqlite):
    """The backup knows nothing of it."""
    attaching = attaching_on_sqlite
    made = attaching.installation
    made.simulator.state.switches.same_name_replaces = False
    wanted = named(attaching.files, "invoice.pdf")
    exported(attaching, wanted)
    attaching.attach()
    made.later(60)
    with made.store.write() as work:
        work.session.delete(work.session.exec(select(Attachment)).one())
        restores.begin(work, RestoreOrder(since=work.now, by="olga", why="a backup was put back"))
    for _ in range(4):
        made.later(60)
        restore_check.check_restored(made.tools, "test")
    exported(attaching, wanted, request="r2")
    attaching.attach(3)
    assert attaching.names() == ["invoice.pdf"]
    assert attaching.told()[-1]["attached"] == 1
    exported(attaching, named(attaching.files, "new.pdf"), request="r3", invoice={"id": "i2", "number": "N-i2"})
    before = len(attaching.calls("GET"))
    attaching.attach(3)
    assert len(attaching.calls("GET")) == before, "what was exported since is not looked for"


def test_another_file_of_the_same_name_and_size_is_not_taken_for_ours(attaching_on_sqlite):
    """A call whose answer was lost got nowhere, and a person has put a file of their own there meanwhile."""
    attaching = attaching_on_sqlite
    state = attaching.installation.simulator.state
    exported(attaching, named(attaching.files, "invoice.pdf"))
    state.faults.set({"http_500": [1]})
    attaching.attach()
    state.faults.set({})
    books = state.world.organisations[TENANT]
    theirs = b"x" * len(PDF + b"invoice.pdf")
    kept = base64.b64encode(theirs).decode()
    theirs_there = simulated.Attachment("id-1", "invoice.pdf", content=kept, size=len(theirs))
    books.attachments[attaching.installation.export("i1").xero_invoice_id] = [theirs_there]
    attaching.settle()
    whole = hashlib.sha256(PDF + b"invoice.pdf").hexdigest()
    assert whole in [sha256 for _, _, sha256 in attaching.in_xero()["N-i1"]]
    assert [(one["attached"], one["files"][0]["sha256"]) for one in attaching.told()] == [(1, whole)]


def test_one_in_doubt_whose_company_went_to_another_organisation_is_not_stuck(attaching_on_sqlite):
    attaching = attaching_on_sqlite
    made = attaching.installation
    exported(attaching, named(attaching.files, "invoice.pdf"))
    made.simulator.state.faults.set({"commit_then_drop": [1]})
    attaching.attach()
    made.simulator.state.faults.set({})
    made.company(COMPANY, OTHER, attachments=True)
    attaching.log_in(*SCOPES, tenant=OTHER)
    exported(attaching, [], request="r2")
    attaching.settle()
    assert [name for name, _, _ in attaching.in_xero(OTHER)["N-i1"]] == ["invoice.pdf"]
    assert [one["attached"] for one in attaching.told()] == [1]


def raised_anew(attaching, request="anew", before=lambda: None):
    """The invoice is voided in Xero, and raised anew; `before` comes once that is ordered."""
    made = attaching.installation
    books = made.simulator.state.world.organisations[TENANT]
    books.invoices[made.export("i1").xero_invoice_id]["Status"] = "VOIDED"
    made.later(4000)
    intake.accept(made.tools, an_order("raise_anew", as_request=request, invoices=["i1"]))
    before()
    made.run()


def test_raised_anew_an_invoice_has_its_files_again_each_once_and_that_is_told(attaching_on_sqlite):
    """CrewCard's links are long over: what Xero has at the invoice before is taken over."""
    attaching = attaching_on_sqlite
    attaching.installation.simulator.state.switches.same_name_replaces = False
    exported(attaching, named(attaching.files, "invoice.pdf", "sheet.pdf"))
    attaching.attach()
    foretold, spent = [], len(attaching.calls())
    asked = [Invoice.model_validate(an_invoice())]
    see = functools.partial(preview.preview, attaching.installation.tools, COMPANY, asked)
    raised_anew(attaching, before=lambda: foretold.append(see().forecast.attachment_calls))
    attaching.installation.simulator.state.faults.set({"commit_then_drop": [1]})
    attaching.settle()
    assert (foretold, len(attaching.calls()) - spent) == ([6], 6 + 2), "what was lost is looked up with two more"
    old, new = attaching.in_xero()["N-i1"], attaching.in_xero()["N-i1-2"]
    assert [name for name, _, _ in new] == ["invoice.pdf", "sheet.pdf"]
    assert old == new
    assert attaching.files.asked == ["/invoice.pdf", "/sheet.pdf"], "each was fetched once"
    assert [(one["number"], one["attached"], one["change"]) for one in attaching.told()] == [
        ("N-i1", 2, 1), ("N-i1-2", 2, 2),
    ]  # fmt: skip


def test_a_file_that_is_being_attached_while_its_invoice_is_raised_anew_follows_it(attaching_on_sqlite):
    attaching, made = attaching_on_sqlite, attaching_on_sqlite.installation
    exported(attaching, named(attaching.files, "invoice.pdf"))
    with made.store.read() as work:
        (row,) = attachments.of_invoice(work, COMPANY, "i1")
    held = attachments.ClaimedFile(row, "", "N-i1", TENANT, made.export("i1").xero_invoice_id)
    raised_anew(attaching)
    with made.store.write() as work:  # its call to the former one is answered now
        there = {"tenant": TENANT, "target_id": held.target_id, "attached_sha256": "x", "state": "attached"}
        attachments.let_go(work, held, **there)
        assert attachments.follow(work, COMPANY, ["i1"]) == 1
    attaching.attach()
    assert attaching.names("N-i1-2") == ["invoice.pdf"]


def test_files_that_cannot_be_taken_over_are_told_and_come_when_they_are_named_again(attaching_on_sqlite):
    attaching = attaching_on_sqlite
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.attach()
    books = attaching.installation.simulator.state.world.organisations[TENANT]
    books.attachments.clear()
    raised_anew(attaching)
    attaching.attach()
    told = attaching.told()[-1]
    assert (told["failed"], told["files"][0]["reason"]) == (1, "at_earlier_invoice")
    assert "it is no longer there as it was" in told["files"][0]["message"]
    exported(attaching, named(attaching.files, "invoice.pdf"), request="r3")
    attaching.attach()
    assert attaching.names("N-i1-2") == ["invoice.pdf"]


def switch(attaching, *, on):
    with attaching.installation.store.write() as work:
        chosen = CompanySettings(default_account_code="200", attachments=on)
        companies.set_up(work, COMPANY, "Harbour", chosen)


def test_switched_off_what_waits_ends_with_a_sentence_and_goes_when_it_is_sent_again(attaching_on_sqlite):
    attaching = attaching_on_sqlite
    exported(attaching, named(attaching.files, "invoice.pdf"))
    switch(attaching, on=False)
    attaching.attach()
    assert (attaching.files.asked, attaching.calls()) == ([], [])
    (told,) = attaching.told()
    assert (told["failed"], told["files"][0]["reason"]) == (1, "switched_off")
    assert "was switched off while it waited" in told["files"][0]["message"]
    switch(attaching, on=True)
    exported(attaching, named(attaching.files, "invoice.pdf"), request="r2")
    attaching.attach()
    assert attaching.names() == ["invoice.pdf"]


def test_switched_off_what_may_have_arrived_is_looked_up_and_said_truly(attaching_on_sqlite):
    attaching = attaching_on_sqlite
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.installation.simulator.state.faults.set({"commit_then_drop": [1]})
    attaching.attach()
    switch(attaching, on=False)
    attaching.settle()
    assert [one["attached"] for one in attaching.told()] == [1]


def test_an_attached_file_is_no_edit_of_its_invoice(attaching):
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.installation.later(60)
    attaching.attach()
    look(attaching.installation)
    kinds = {event["type"] for event in attaching.installation.events()}
    assert "invoice.edited" not in kinds
    assert "invoice.export.drift_found" not in kinds


def whole_database(installation):
    """Every value of every table, as text."""
    with installation.store.read() as work:
        tables = SQLModel.metadata.sorted_tables
        return {one.name: str(work.connection.execute(one.select()).all()) for one in tables}


def test_the_address_of_a_file_is_a_secret_kept_where_it_is_needed_alone_and_three_weeks_at_most(
    attaching_on_sqlite, capsys
):
    """Neither in the host's event, nor in previews, logs or what is told; also of one that failed."""
    attaching = attaching_on_sqlite
    made = attaching.installation
    gone = {"name": "gone.pdf", "url": attaching.files.put("gone.pdf", 404)}
    inside = {"name": "on.pdf", "url": attaching.files.put("on", "http://169.254.169.254/?signature=s3cret")}
    wanted = [*named(attaching.files, "invoice.pdf"), gone, inside]
    asked = [Invoice.model_validate(an_invoice("i9", attachments=wanted))]
    preview.preview(made.tools, COMPANY, asked)
    exported(attaching, wanted)
    attaching.attach()
    assert [name for name, rows in whole_database(made).items() if "s3cret" in rows] == ["attachments"]
    assert "s3cret" not in "".join(capsys.readouterr())
    made.later(22 * 86_400)
    pruner.prune(made.tools, "test")
    assert [name for name, rows in whole_database(made).items() if "s3cret" in rows] == []
    attaching_again(made.tools, COMPANY, "i1", "olga", "")
    attaching.attach()
    why = {one["name"]: one.get("message") for one in attaching.told()[-1]["files"]}
    assert why["gone.pdf"].endswith("neither its link nor its content is kept any longer.")


def test_the_bytes_of_a_file_are_kept_only_until_it_is_attached_and_its_address_nowhere_else(attaching):
    exported(attaching, named(attaching.files, "invoice.pdf"))
    with attaching.installation.store.read() as work:
        assert "s3cret" not in attaching.installation.export("i1").wanted
        assert work.session.exec(select(Attachment)).one().url.endswith("s3cret")
    attaching.attach()
    with attaching.installation.store.read() as work:
        assert work.session.exec(select(AttachmentContent)).all() == []
        assert work.session.exec(select(Attachment)).one().url is None
    assert "s3cret" not in str(attaching.installation.events())
