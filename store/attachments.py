"""Files for invoices: written down with the request that names them, attached once the invoice is exported.

An invoice of a company is one wherever it is exported to; where it is attached is that of the connection of now.
"""

import json
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import and_, case, func, or_
from sqlmodel import col, delete, select, update

from events.attachments import MOST_FILES, AttachmentProblem, NamedAttachment, names_in_target
from events.invoice import Document
from store import statements
from store.tables import Attachment, AttachmentContent, CompanyConnection, Export
from store.tables.columns import word
from store.unit_of_work import Work

LEASE_SECONDS = 30.0  # renewed while a file is fetched and sent; that of a dead process is over after so long
RENEWED_SECONDS = 5.0
FOLLOWING_CALLS = 3  # of a file that is taken over from the invoice before: its list, its content, the upload
MOST_STORED_BYTES = 200_000_000  # of a company, of files that are not attached yet
_OPEN = col(Attachment.state).in_((word("waiting"), word("sending")))


@dataclass(frozen=True)
class WantedFile:
    """A file that an invoice is to have, as its host calls it; uploaded where it has no `url`.

    `name` is the one it gets in the target; `placed` gives it.
    """

    company: str
    invoice: str
    called: str
    url: str | None
    announced: str = ""
    media_type: str = ""
    include_online: bool = False
    verdict: str = ""
    name: str = ""

    def columns(self, moment: datetime) -> dict[str, Any]:
        """What its row says when it is wanted, or wanted anew."""
        return {
            "called": self.called,
            "state": "waiting",
            "url": self.url,
            "announced": self.announced,
            "media_type": self.media_type,
            "include_online": self.include_online,
            "verdict": self.verdict,
            "newer": None,
            "size": None,
            "sha256": "",
            "due_at": moment,
            "tries": 0,
            "crashes": 0,
            "token": "",
            "lease_until": None,
            "reason": None,
            "said": None,
            "wanted_at": moment,
            "ended_at": None,
        }


def wanted(company: str, invoice: str, named: Sequence[NamedAttachment]) -> list[WantedFile]:
    """The files that an event names for an invoice; those beyond ten are lost causes, and one named twice is two."""
    seen: Counter[str] = Counter()
    found = []
    for place, one in enumerate(named):
        seen[one.name] += 1
        again = f"\n{seen[one.name]}" if seen[one.name] > 1 else ""  # no name has two lines
        announced, kind = (one.sha256 or "").lower(), one.media_type or ""
        verdict = AttachmentProblem.TOO_MANY.code if place >= MOST_FILES else ""
        called = one.name + again
        found.append(
            WantedFile(company, invoice, called, one.url, announced, kind, one.include_online, verdict=verdict)
        )
    return found


def placed(work: Work, files: Sequence[WantedFile]) -> list[WantedFile]:
    """The files with the names that they get: the one they had, else one that no other file of the invoice has."""
    invoices = list(dict.fromkeys((one.company, one.invoice) for one in files))
    keys = [{"company": company, "invoice": invoice} for company, invoice in invoices]
    known: dict[tuple[str, str], dict[str, str]] = {one: {} for one in invoices}
    for row in statements.find(work, Attachment, keys):
        known[row.company, row.invoice][row.name] = row.called
    found = []
    for invoice in invoices:
        mine = [one for one in files if (one.company, one.invoice) == invoice]
        names = names_in_target([one.called for one in mine], known[invoice])
        found += [replace(one, name=name) for one, name in zip(mine, names, strict=True)]
    return found


def note(work: Work, files: Sequence[WantedFile]) -> None:
    """Write down that invoices are to have these files.

    One that is being sent, or of which nobody knows whether it arrived, is wanted anew when that is known.
    """
    if not files:
        return
    rows = sorted(placed(work, files), key=lambda one: (one.company, one.invoice, one.name))
    keys = [{"company": one.company, "invoice": one.invoice, "name": one.name} for one in rows]
    fresh = [_blank(key) | one.columns(work.now) for key, one in zip(keys, rows, strict=True)]
    new = statements.insert_new_keys(work, Attachment, fresh, "company", "invoice", "name")
    for key, one in zip(keys, rows, strict=True):
        if tuple(key.values()) in new:
            continue
        row = _locked(work, **key)
        if row.called not in ("", one.called):
            note(work, [one])  # another file took the name a moment ago
        elif row.state == "sending" or (row.state == "failed" and row.key):
            later = {name: value for name, value in vars(one).items() if name != "called"}
            doubt = {"newer": json.dumps(later), "state": "sending", "ended_at": None}
            statements.change(work, Attachment, "id", [{"id": row.id, **doubt, "wanted_at": work.now}])
        else:
            statements.change(work, Attachment, "id", [{"id": row.id, **one.columns(work.now)}])
            _forget_content(work, [row.id])


def upload(work: Work, file: WantedFile, body: bytes) -> Literal["waiting", "attached"] | None:
    """Keep a file that was uploaded, and has its name; gives its state. None while it is on its way to Xero.

    One that is there as it is changes nothing, however often it comes.
    """
    key = {"company": file.company, "invoice": file.invoice, "name": file.name}
    statements.insert_new(work, Attachment, [_blank(key) | file.columns(work.now)], returning="id")
    row = _locked(work, **key)
    if row.called not in ("", file.called):  # another file took the name a moment ago
        return upload(work, placed(work, [file])[0], body)
    if row.state == "sending" or (row.state == "failed" and row.key):
        looked_up = {"state": "sending", "ended_at": None, "due_at": work.now, "wanted_at": work.now}
        if row.state == "failed":
            statements.change(work, Attachment, "id", [{"id": row.id, **looked_up}])
        return None
    if row.state == "attached" and row.attached_sha256 == file.announced and _is_at_its_invoice(work, row):
        return "attached"
    if row.state == "waiting" and row.sha256 == file.announced and content(work, row.id) is not None:
        return "waiting"
    named = file.columns(work.now) | {"size": len(body), "sha256": file.announced}
    statements.change(work, Attachment, "id", [{"id": row.id, **named}])
    store(work, row, body)
    return "waiting"


def _is_at_its_invoice(work: Work, row: Any) -> bool:
    """Whether what it was attached to is its invoice still: not raised anew since, nor in another organisation."""
    at = and_(
        col(CompanyConnection.company) == col(Export.company), col(CompanyConnection.tenant) == col(Export.tenant)
    )
    mine = col(Export.company) == row.company, col(Export.invoice) == row.invoice
    asked = select(col(Export.id)).join(CompanyConnection, at).where(*mine)
    return bool(statements.rows(work, asked.where(col(Export.xero_invoice_id) == row.target_id)))


def _blank(key: Mapping[str, str]) -> dict[str, Any]:
    none = dict.fromkeys(("tenant", "target_id", "attached_sha256", "key"), "")
    return {**key, **none, "sent_at": None, "change": 0}


def _locked(work: Work, company: str, invoice: str, name: str) -> Any:
    mine = and_(col(Attachment.company) == company, col(Attachment.invoice) == invoice, col(Attachment.name) == name)
    return statements.rows(work, select(Attachment).where(mine).with_for_update())[0]


def calls_needed(work: Work, files: Sequence[WantedFile]) -> Mapping[str, int]:
    """How many calls these files take at most, by invoice; none where Xero is known to have what is named."""
    files = placed(work, files)
    keys = [{"company": one.company, "invoice": one.invoice, "name": one.name} for one in files]
    found = {(row.invoice, row.name): row for row in statements.find(work, Attachment, keys)}
    needed: Counter[str] = Counter()
    for one in files:
        row = found.get((one.invoice, one.name))
        there = row is not None and row.state == "attached" and row.attached_sha256 == one.announced
        needed[one.invoice] += not there and not one.verdict
    return needed


def at_invoices(work: Work, company: str, invoices: Collection[str]) -> Sequence[Any]:
    """The files that are attached to these invoices, plain rows."""
    mine = col(Attachment.company) == company, col(Attachment.invoice).in_(sorted(invoices))
    asked = select(Attachment).where(*mine, col(Attachment.state) == "attached")
    return statements.rows(work, asked) if invoices else ()


@dataclass(frozen=True)
class ClaimedFile:
    """A file that is held by `token` until it is let go: its row, and where its invoice is in Xero now."""

    row: Any
    token: str
    number: str
    tenant: str
    target_id: str
    document: Document = "invoice"
    exported_at: datetime | None = None


def companies_due(work: Work) -> list[str]:
    """The companies with a file to be attached, or looked for, now; its invoice is in Xero."""
    found = statements.rows(work, _due(work, col(Attachment.company).label("company")).distinct())
    return sorted(row.company for row in found)


def claim(work: Work, company: str) -> ClaimedFile | None:
    """A file of the company that is due, held for a while; None where there is none."""
    where: list[Any] = [col(Export.number), col(Export.tenant), col(Export.xero_invoice_id).label("target_id")]
    where += [Export.document, Export.exported_at]
    asked = _due(work, col(Attachment.id).label("id"), *where).where(col(Attachment.company) == company)
    asked = asked.order_by(col(Attachment.due_at), col(Attachment.id)).limit(1)
    found = statements.rows(work, asked.with_for_update(of=Attachment, skip_locked=True))
    return _held(work, *found[0]) if found else None


def claim_overdue(work: Work, before: datetime) -> ClaimedFile | None:
    """A file that was wanted before that moment and is not attached yet, wherever its invoice is."""
    asked = select(col(Attachment.id)).where(_OPEN, _is_free(work), col(Attachment.wanted_at) < before)
    found = statements.rows(work, asked.limit(1).with_for_update(skip_locked=True))
    return _held(work, found[0].id, "", "", "") if found else None


def _held(work: Work, row_id: int, *where: Any) -> ClaimedFile:
    token = uuid.uuid4().hex
    row = statements.look_up(work, Attachment, id=row_id)
    held = {"token": token, "lease_until": work.after(LEASE_SECONDS), "crashes": row.crashes + 1}
    statements.change(work, Attachment, "id", [{"id": row_id, **held}])
    return ClaimedFile(row, token, *where)


def renew(work: Work, held: Collection[ClaimedFile], settle: float) -> None:
    """Hold these files as long again, those that nobody is writing just now: they come with the next renewal.

    One that is on its way is looked up so many seconds from now, at the earliest: should whoever sends it die, the
    call may still arrive.
    """
    ids, tokens = sorted(one.row.id for one in held), sorted(one.token for one in held)
    mine = col(Attachment.id).in_(ids), col(Attachment.token).in_(tokens)
    free = select(col(Attachment.id)).where(*mine).order_by(col(Attachment.id)).with_for_update(skip_locked=True)
    found = [row.id for row in statements.rows(work, free)]
    flying = and_(col(Attachment.state) == "sending", col(Attachment.due_at) > work.now)
    due = case((flying, work.after(settle)), else_=col(Attachment.due_at))
    longer = update(Attachment).where(col(Attachment.id).in_(found))
    statements.run(work, longer.values(lease_until=work.after(LEASE_SECONDS), due_at=due))


def _due(work: Work, *columns: Any) -> Any:
    """Files to be attached, or looked for, now."""
    here = and_(
        col(Export.company) == col(Attachment.company),
        col(Export.invoice) == col(Attachment.invoice),
        col(Export.state) == word("exported"),
        col(Export.xero_invoice_id).is_not(None),
    )
    at = and_(
        col(CompanyConnection.company) == col(Export.company),
        col(CompanyConnection.tenant) == col(Export.tenant),
        col(CompanyConnection.state) == word("connected"),
    )
    joined = select(*columns).select_from(Attachment).join(Export, here).join(CompanyConnection, at)
    return joined.where(_OPEN, col(Attachment.due_at) <= work.now, _is_free(work))


def _is_free(work: Work) -> Any:
    return or_(col(Attachment.lease_until).is_(None), col(Attachment.lease_until) < work.now)


class Lost(Exception):
    """Somebody else holds the file by now, or it is wanted anew: what was found out about it counts no more."""


def of_invoice(work: Work, company: str, invoice: str, *, locked: bool = False) -> Sequence[Any]:
    """The files of an invoice by name, plain rows."""
    mine = select(Attachment).where(col(Attachment.company) == company, col(Attachment.invoice) == invoice)
    ordered = mine.order_by(col(Attachment.name))
    return statements.rows(work, ordered.with_for_update() if locked else ordered)


def newest(
    work: Work, company: str | None, invoice: str | None, most: int, *, only_failed: bool = False
) -> Sequence[Any]:
    """Files, those wanted last first, plain rows."""
    asked = select(Attachment)
    asked = asked.where(col(Attachment.company) == company) if company is not None else asked
    asked = asked.where(col(Attachment.invoice) == invoice) if invoice is not None else asked
    asked = asked.where(col(Attachment.state) == "failed") if only_failed else asked
    return statements.rows(work, asked.order_by(col(Attachment.wanted_at).desc(), col(Attachment.id)).limit(most))


def change(work: Work, held: ClaimedFile, **columns: Any) -> Sequence[Any]:
    """Change a file that is held, with the others of its invoice locked; gives all of them. Raises Lost.

    Whoever gives a `state` lets go of it, but for one that is about to be sent.
    """
    of_invoice(work, held.row.company, held.row.invoice, locked=True)
    fence = col(Attachment.id) == held.row.id, col(Attachment.token) == held.token
    if statements.run(work, update(Attachment).where(*fence).values(**columns)).rowcount != 1:
        raise Lost(held.row.name)
    return of_invoice(work, held.row.company, held.row.invoice)


def let_go(work: Work, held: ClaimedFile, **columns: Any) -> Sequence[Any]:
    """Change a file and hold it no more; one that was named anew meanwhile waits again. Raises Lost."""
    free = {"token": "", "lease_until": None, "crashes": 0, **columns}
    rows = change(work, held, **free)
    mine = next(row for row in rows if row.id == held.row.id)
    if mine.newer is None or mine.state == "sending":
        return rows
    again = WantedFile(**{**json.loads(mine.newer), "called": mine.called}).columns(work.now)
    statements.change(work, Attachment, "id", [{"id": mine.id, **again}])
    _forget_content(work, [mine.id])
    return of_invoice(work, mine.company, mine.invoice)


def follow(work: Work, company: str, invoices: Collection[str]) -> int:
    """Files attached to what is no longer their invoice are wanted at the one that takes its place; gives how many.

    The files are locked first, so that one which is attached at this moment is seen by whoever comes second.
    """
    which = col(Attachment.company) == company, col(Attachment.invoice).in_(sorted(invoices))
    asked = select(Attachment).where(*which).order_by(col(Attachment.invoice), col(Attachment.name))
    done = [row for row in statements.rows(work, asked.with_for_update()) if row.state == "attached"]
    left = [row.id for row in done if not _is_still_there(work, row)]
    again = {"state": "waiting", "due_at": work.now, "wanted_at": work.now, "ended_at": None}
    if left:
        statements.run(work, update(Attachment).where(col(Attachment.id).in_(left)).values(**again, tries=0, key=""))
    return len(left)


def _is_still_there(work: Work, row: Any) -> bool:
    where = col(Export.company) == row.company, col(Export.invoice) == row.invoice, col(Export.tenant) == row.tenant
    asked = select(col(Export.id)).where(*where, col(Export.xero_invoice_id) == row.target_id)
    return bool(statements.rows(work, asked))


def note_told(work: Work, rows: Sequence[Any], change: int) -> None:
    """So many changes of the invoice of these files have been told."""
    ids = [row.id for row in rows]
    statements.run(work, update(Attachment).where(col(Attachment.id).in_(ids)).values(change=change))


def content(work: Work, row_id: int) -> bytes | None:
    """The bytes of a file, as far as they are here."""
    found = statements.look_up(work, AttachmentContent, attachment_id=row_id)
    return found.content if found else None


def store(work: Work, row: Any, body: bytes) -> None:
    """Keep the bytes of a file until it is attached."""
    _forget_content(work, [row.id])
    kept = {"attachment_id": row.id, "company": row.company, "size": len(body), "content": body}
    statements.insert(work, AttachmentContent, [{**kept, "stored_at": work.now}])


def stored_bytes(work: Work, company: str) -> int:
    """How much is kept of a company's files."""
    asked = select(func.coalesce(func.sum(AttachmentContent.size), 0)).where(
        col(AttachmentContent.company) == company
    )
    return int(statements.run(work, asked).scalar_one())


def _forget_content(work: Work, ids: Collection[int]) -> None:
    statements.run(work, delete(AttachmentContent).where(col(AttachmentContent.attachment_id).in_(sorted(ids))))


def forget_content(work: Work, held: ClaimedFile) -> None:
    """The file is attached: its bytes are kept no longer."""
    _forget_content(work, [held.row.id])


def try_again(work: Work, company: str, invoice: str | None = None, reasons: Collection[str] = ()) -> int:
    """Have failed files attached after all, of one invoice or for some reasons; gives how many.

    One that may have arrived (its `key` was kept) is looked up first.
    """
    which = [col(Attachment.company) == company, col(Attachment.state) == "failed"]
    which += [col(Attachment.invoice) == invoice] if invoice is not None else []
    which += [col(Attachment.reason).in_(sorted(reasons))] if reasons else []
    state = case((col(Attachment.key) != "", "sending"), else_="waiting")
    waiting = {"state": state, "due_at": work.now, "tries": 0, "reason": None, "said": None, "verdict": ""}
    again = {**waiting, "wanted_at": work.now, "ended_at": None}
    return statements.run(work, update(Attachment).where(*which).values(**again)).rowcount
