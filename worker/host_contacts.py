"""A host that keeps its clients' Xero contacts itself sends them along: only a change of them counts."""

from collections.abc import Sequence

from events.invoice import Client, Invoice
from store import audit, changes, contacts
from store.tables import Change, ContactLink
from store.unit_of_work import Work
from worker import logs, regrouping
from worker.tools import Tools

HOST = "host"
_log = logs.log("contacts")


def keep(work: Work, tools: Tools, company: str, invoices: Sequence[Invoice]) -> None:
    """Take over what the host changed since it last said it; the newest word wins, and the log says whose it was.

    A host that repeats its old word does not overrule an admin who changed the contact since.
    """
    said = {one.client.id: one.client for one in invoices if one.client.xero_contact_id}
    if not said:
        return
    known = contacts.known(work, company, list(said))
    heard = {client: _plain(tools, said[client]) for client in said}
    changed = [client for client in sorted(said) if _is_news(tools, heard[client], known.get(client))]
    for client in changed:  # in the order in which everybody locks them
        before = known[client].xero_contact_id if client in known else ""
        if _same(tools, before, heard[client]):
            contacts.note_host(work, company, client, heard[client])
        else:
            more = {"source": HOST, "client_name": said[client].name, "host_id": heard[client]}
            contacts.link(work, company, client, heard[client], HOST, **more)
            _write_down(work, company, said[client], before, heard[client])


def _plain(tools: Tools, client: Client) -> str:
    """The id itself where it can be read; else the text as it came, to be shown to whoever mends it."""
    text = (client.xero_contact_id or "").strip()
    return tools.target.contact_id(text) or text


def _is_news(tools: Tools, heard: str, known: ContactLink | None) -> bool:
    return known is None or not _same(tools, known.host_id, heard)


def _same(tools: Tools, before: str, heard: str) -> bool:
    return bool(before) and (tools.target.contact_id(before) or before) == heard


def _write_down(work: Work, company: str, client: Client, before: str, now: str) -> None:
    """Whose word it was; and what failed for want of it goes again, by the clock."""
    changes.add(work, _change(work, company, client, now))
    audit.note(work, HOST, "contact", company, {"client": client.id, "before": before, "now": now}, 0, "")
    _log.info("contacts.changed", company=company, kind=HOST)
    regrouping.contact_linked(work, company, client.id, HOST)


def _change(work: Work, company: str, client: Client, now: str) -> Change:
    return Change(
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
