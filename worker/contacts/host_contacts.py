"""A host that keeps its clients' Xero contacts itself sends them along: only a change of them counts."""

from collections.abc import Mapping, Sequence

from events.accounting_target import AccountingTarget
from events.invoice import Client, Invoice
from store import audit, changes, contacts
from store.tables import AskedChange, ContactLink
from store.unit_of_work import Work
from worker import logs
from worker.waiting import cause_resolved

HOST = "host"
_log = logs.log("contacts")


def take_over(work: Work, target: AccountingTarget | None, company: str, invoices: Sequence[Invoice]) -> None:
    """Take over what the host changed since it last said it; the newest word wins, and the log says whose it was.

    A host that repeats its old word does not overrule an admin who changed the contact since.
    """
    said = {one.client.id: one.client for one in invoices}
    changed = news(work, target, company, invoices)
    known = contacts.known_links(work, company, list(changed)) if changed else {}
    for client, heard in changed.items():  # in the order in which everybody locks them
        before = known[client].xero_contact_id if client in known else ""
        if _same(target, before, heard):
            contacts.note_host(work, company, client, heard)
        else:
            more = {"source": HOST, "client_name": said[client].name, "host_id": heard}
            contacts.link(work, company, client, heard, HOST, **more)
            _write_down(work, company, said[client], before, heard)


def news(work: Work, target: AccountingTarget | None, company: str, invoices: Sequence[Invoice]) -> Mapping[str, str]:
    """What the host says of clients' contacts and did not say before, by client, in their order."""
    said = {one.client.id: one.client for one in invoices if one.client.xero_contact_id}
    known = contacts.known_links(work, company, list(said)) if said else {}
    heard = {client: _plain(target, said[client]) for client in sorted(said)}
    return {client: text for client, text in heard.items() if _is_news(target, text, known.get(client))}


def id_in(target: AccountingTarget | None, text: str) -> str | None:
    """The contact's id in what was kept or sent along; None where the company's accounting system is unknown here."""
    return target.contact_id(text) if target else None


def _plain(target: AccountingTarget | None, client: Client) -> str:
    """The id itself where it can be read; else the text as it came, to be shown to whoever mends it."""
    text = (client.xero_contact_id or "").strip()
    return id_in(target, text) or text


def _is_news(target: AccountingTarget | None, heard: str, known: ContactLink | None) -> bool:
    return known is None or not _same(target, known.host_id, heard)


def _same(target: AccountingTarget | None, before: str, heard: str) -> bool:
    return bool(before) and (id_in(target, before) or before) == heard


def _write_down(work: Work, company: str, client: Client, before: str, now: str) -> None:
    """Whose word it was; and what failed for want of it goes again, by the clock."""
    changes.add(work, _change(work, company, client, now))
    audit.note(work, HOST, "contact", company, {"client": client.id, "before": before, "now": now}, 0, "")
    _log.info("contacts.changed", company=company, kind=HOST)
    cause_resolved.contact_linked(work, company, client.id, HOST)


def _change(work: Work, company: str, client: Client, now: str) -> AskedChange:
    return AskedChange(
        kind="contact",
        company=company,
        subject=client.id,
        subject_name=client.name,
        wanted=now,
        source=HOST,
        by=HOST,
        state="updated",
        received_at=work.now,
        due_at=work.now,
        answered_at=work.now,
    )
