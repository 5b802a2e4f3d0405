"""Xero as an accounting target: the port's words on one side, HTTP answers on the other."""

import functools
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from events.accounting_target import (
    AccountingTarget,
    Answers,
    CallSizes,
    Changes,
    ChoiceKind,
    ContactPage,
    Element,
    FileRefused,
    InTime,
    ListedChoice,
    ListedContact,
    ListedFile,
    Organisation,
    Posted,
    Posting,
    SentFile,
    TargetCredit,
    TargetLogin,
    TargetPace,
    Trouble,
)
from events.connections import ConnectionProblem
from events.contacts import NotAContact
from events.invoice import Client, Document, Invoice, folded
from events.settings import Books, Part
from xero_adapter import answers, links, mapping, pages, replies, webhooks
from xero_adapter.client import Reply, XeroClient
from xero_adapter.json_values import count_of
from xero_adapter.links import parse_pasted
from xero_adapter.login import XeroLogin
from xero_adapter.pace import Pace

_LONGEST_QUERY = 1500  # characters of encoded numbers; above 2,048 in all Xero answers 404 (facts §4.3)
_SHORT_WAIT, _LONG_WAIT = 2.0, 300.0  # where Xero does not say how long; the long one for the day
LONGEST_WAIT = 90_000  # seconds: no limit of Xero's lasts longer than a day (facts §1.2), an hour is left for clocks
_REFUSES_A_FILE = (400, 404, 413)


class XeroTarget:
    """Xero, with its limits and its login. Each of its calls is made with a good bearer, and noted in the pace."""

    # facts §2.2 and §4.3; a snapshot takes at most twice as much in Xero's words
    sizes = CallSizes(invoices=50, bytes=3_400_000, contacts=45, ids=38, new_contacts=50)
    _creates, _updates, _lists = "create_invoices", "update_or_create_invoices", "get_invoices"  # the SDK's methods
    marks_name_invoices = True
    _beside = 3  # characters that a list needs for each number, encoded

    # Pure, and told of where they are written.
    fingerprint = staticmethod(mapping.fingerprint)
    carries = staticmethod(mapping.carries)
    freeze = staticmethod(mapping.freeze)
    contact_link = staticmethod(links.contact_link)
    pasted = staticmethod(parse_pasted)
    picture = staticmethod(mapping.of_copy)
    picture_of = staticmethod(mapping.of_sent)
    compare = staticmethod(mapping.changes)
    edits = staticmethod(mapping.edits)
    differences = staticmethod(mapping.differences)
    left_behind = staticmethod(mapping.left_behind)
    sums = staticmethod(mapping.sums)
    is_signed = staticmethod(webhooks.is_signed)
    notices = staticmethod(webhooks.notices)

    def __init__(self, client: XeroClient, login: XeroLogin, pace: Pace, link_base: str) -> None:
        self.login: TargetLogin | None = login
        self.pace: TargetPace = pace
        self._login, self._pace = login, pace
        self._client = client
        self._link_base = link_base
        self.credit: TargetCredit | None = None
        self.documents: Mapping[Document, AccountingTarget] = {"invoice": self}

    def as_sent(self, invoice: Invoice) -> Invoice:
        """The invoice as it is."""
        return invoice

    def element(self, posting: Posting) -> Element:
        """The invoice in Xero's words. Raises Unmappable."""
        return mapping.element(posting, self._link_base)

    def element_of_update(self, posting: Posting, copy: Element) -> Element:
        """The invoice as an update of Xero's copy. Raises Unmappable."""
        return mapping.element_of_update(mapping.element(posting, self._link_base, copy.get("Status")), copy)

    def deletion(self, target_id: str) -> Element:
        """The update that deletes a draft; without lines, so that none is touched (facts §8)."""
        return {"InvoiceID": target_id, "Status": "DELETED"}

    def replaces_lines(self, update: Element) -> bool:
        """Whether the update puts a line anew, because the copy's has something that has to go."""
        return any("LineItemID" not in line for line in mapping.lines(update))

    def thaw(self, body: bytes) -> Mapping[str, Element]:
        """The elements of a frozen body: updates by invoice id, new invoices by number."""
        return {one.get("InvoiceID") or one["InvoiceNumber"]: one for one in json.loads(body)["Invoices"]}

    def contact_id(self, kept: str) -> str | None:
        """The contact id in what was pasted or sent along."""
        return links.contact_id(kept)

    def deep_link(self, organisation: Organisation, target_id: str) -> str:
        """The invoice's page in Xero."""
        return links.deep_link(organisation.short_code, target_id)

    def is_marked(self, posted: Posted, company: str, invoice: str, generation: int) -> bool:
        """Whether its Url names this invoice and generation."""
        return posted.mark == (company, invoice) and posted.generation == generation

    def mark_of(self, company: str, invoice: str, generation: int) -> str:  # noqa: ARG002
        """The invoice's own id."""
        return invoice

    def is_like(self, posted: Posted, sent: Element) -> bool:
        """Whether contact, date and currency are those that were sent."""
        contact: Any = sent.get("Contact") or {}
        same = (contact.get("ContactID"), sent.get("Date"), sent.get("CurrencyCode"))
        return same == (posted.contact_id, posted.date, posted.currency)

    def create(self, organisation: Organisation, body: bytes, key: str, in_time: InTime) -> Answers:
        """PUT the frozen body: creates only, never overwrites (facts §3.2). Raises Trouble."""
        reply, document = self._write(organisation, self._creates, body, key, in_time)
        if reply.status == 400:
            return self._refused_whole(document, reply)
        said = answers.of_create(document), reply.status, replies.correlation(reply)
        return Answers(*said, unnamed=answers.unnamed(document))

    def update(self, organisation: Organisation, body: bytes, key: str, in_time: InTime) -> Answers:
        """POST the frozen body of updates; answers are known by InvoiceID. Raises Trouble."""
        reply, document = self._write(organisation, self._updates, body, key, in_time)
        if reply.status == 400:
            return self._refused_whole(document, reply)
        said = reply.status, replies.correlation(reply), answers.of_update(document)
        return Answers({}, *said, unnamed=answers.unnamed(document))

    def _write(
        self, organisation: Organisation, method: str, body: bytes, key: str, in_time: InTime
    ) -> tuple[Reply, Any]:
        send = functools.partial(self._client.write, method, organisation, body=body, key=key, in_time=in_time)
        reply = self.ask(organisation, send, 400)
        document = self._invoices_in(replies.document(reply))
        if reply.status == 200 and not answers.names_its_invoices(document):
            raise replies.trouble("unknown", "the answer is not Xero's", reply)
        return reply, document

    def _invoices_in(self, document: Any) -> Any:
        """What was answered, as an answer about invoices."""
        return document

    def _refused_whole(self, document: Any, reply: Reply) -> Answers:
        """A 400 speaks only for the elements it names (facts §2.3): of the others nothing is known."""
        named, unnamed = answers.of_refusal(document), answers.unnamed(document)
        if not named and not unnamed:
            raise replies.trouble("unknown", f"Xero answered 400: {answers.complaint(document)}", reply)
        return Answers(named, reply.status, replies.correlation(reply), answers.of_refused_updates(document), unnamed)

    def find(
        self, organisation: Organisation, numbers: Sequence[str], *, ours_only: bool = False
    ) -> Mapping[str, Sequence[Posted]]:
        """Every sales invoice with one of these numbers, by folded number. Raises Trouble."""
        found: dict[str, list[Posted]] = {folded(number): [] for number in numbers}
        chosen = {"created_by_my_app": True} if ours_only else {}
        for chunk in self.in_calls(numbers):
            for posted in self._list(organisation, invoice_numbers=chunk, **chosen):
                found.setdefault(folded(posted.number), []).append(posted)
        return found

    def in_calls(self, numbers: Iterable[str]) -> list[list[str]]:
        """Numbers, each once, in chunks whose encoded list fits Xero's longest query."""
        chunks: list[list[str]] = []
        left = 0
        for number in dict.fromkeys(numbers):
            size = len(quote(number, safe="")) + self._beside
            if size > left:
                chunks.append([])
                left = _LONGEST_QUERY
            chunks[-1].append(number)
            left -= size
        return chunks

    def fetch(self, organisation: Organisation, target_ids: Sequence[str]) -> Mapping[str, Posted]:
        """The sales invoices with these ids, by id; what Xero does not show is left out. Raises Trouble."""
        shown = [posted for chunk in self.in_calls(target_ids) for posted in self._list(organisation, i_ds=chunk)]
        return {posted.target_id: posted for posted in shown}

    def changes(self, organisation: Organisation, since: datetime, page: int, *, ours_only: bool) -> Changes:
        """A page of the sales invoices changed after a moment, without lines (facts §4.1). Raises Trouble."""
        chosen = {"created_by_my_app": True} if ours_only else {}
        document = self._invoices(
            organisation,
            if_modified_since=f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            order="UpdatedDateUTC ASC",
            summary_only=True,
            page=page,
            **chosen,
        )
        return answers.of_changes(document)

    def attach(
        self, organisation: Organisation, target_id: str, file: SentFile, key: str, in_time: InTime
    ) -> ListedFile:
        """PUT a file to the invoice, or POST it in place of the one of its name (facts §8).

        Raises FileRefused, Trouble.
        """
        send = functools.partial(
            self._client.send_file, organisation, target_id=target_id, file=file, key=key, in_time=in_time
        )
        found = self._files(self.ask(organisation, send, *_REFUSES_A_FILE))
        mine = next((one for one in found if one.name == file.name), None)
        if mine is None or mine.size != len(file.content):
            raise Trouble("unknown", "the answer does not say that the file is there as it was sent")
        return mine

    def attached(self, organisation: Organisation, target_id: str) -> Sequence[ListedFile]:
        """The files that the invoice has, in one call. Raises FileRefused, Trouble."""
        method = "get_invoice_attachments"
        return self._files(
            self.ask(
                organisation,
                lambda bearer: self._client.get(method, organisation, bearer, invoice_id=target_id),
                *_REFUSES_A_FILE,
            )
        )

    def attached_content(self, organisation: Organisation, target_id: str, file: ListedFile) -> bytes:
        """The bytes of a file that the invoice has, in one call. Raises FileRefused, Trouble."""
        chosen = {"invoice_id": target_id, "attachment_id": file.id, "content_type": "application/octet-stream"}
        method = "get_invoice_attachment_by_id"
        reply = self.ask(
            organisation,
            lambda bearer: self._client.get(method, organisation, bearer, **chosen),
            *_REFUSES_A_FILE,
        )
        if reply.status != 200:
            raise FileRefused(f"Xero answered {reply.status}")
        return reply.body

    def _files(self, reply: Reply) -> list[ListedFile]:
        document = replies.document(reply)
        if reply.status != 200:
            words = [f"Xero answered {reply.status}", *pages.words_of_refusal(document)]
            raise FileRefused("PayloadTooLarge" if reply.status == 413 else ": ".join(words))
        files = pages.files(document)
        if files is None:
            raise replies.trouble("unknown", "the answer is not Xero's", reply)
        return files

    def contacts(self, organisation: Organisation, ids: Sequence[str]) -> Mapping[str, ListedContact]:
        """The contacts with these ids, at most 45, by id. Raises Trouble.

        Paged, because only then Xero says who a contact was merged into; archived ones come only when asked
        for (facts §5).
        """
        if len(ids) > self.sizes.contacts:
            raise ValueError(f"at most {self.sizes.contacts} contacts in one call")
        chosen = {"i_ds": list(ids), "include_archived": True, "page": 1, "page_size": 100}
        return pages.contacts_by_id(self._named_list(organisation, "get_contacts", "Contacts", **chosen))

    def all_contacts(self, organisation: Organisation, page: int, *, archived: bool = False) -> ContactPage:
        """A page of the active contacts, or of all, in an order that no change of one moves. Raises Trouble."""
        chosen: dict[str, Any] = {"page": page, "page_size": pages.CONTACTS_PAGE, "order": "ContactID ASC"}
        chosen |= {"summary_only": True, **({"include_archived": True} if archived else {})}
        return pages.contacts_page(self._named_list(organisation, "get_contacts", "Contacts", **chosen))

    def find_contacts(self, organisation: Organisation, text: str) -> Sequence[ListedContact]:
        """Contacts with this text in their name, number or e-mail, archived ones too (SPEC:3643). Raises Trouble."""
        chosen = {"search_term": text, "include_archived": True, "page": 1, "page_size": pages.CONTACTS_PAGE}
        return pages.contacts_page(self._named_list(organisation, "get_contacts", "Contacts", **chosen)).contacts

    def create_contacts(
        self, organisation: Organisation, wanted: Mapping[str, Client], key: str, in_time: InTime
    ) -> Mapping[str, ListedContact | NotAContact]:
        """PUT contacts: creates, never changes one (SPEC:3778). Raises Trouble."""
        elements = [mapping.contact(number, client) for number, client in wanted.items()]
        send = functools.partial(self._client.put_contacts, organisation, elements=elements, key=key, in_time=in_time)
        reply = self.ask(organisation, send, 400)
        return pages.created_contacts(replies.document(reply), list(wanted))

    def choices(self, organisation: Organisation, kind: ChoiceKind) -> Sequence[ListedChoice]:
        """What the organisation has of this kind. Raises Trouble."""
        method, listed, _ = pages.ENDPOINTS[kind]
        return pages.choices_in(kind, self._named_list(organisation, method, listed))

    def part(self, organisation: Organisation, part: Part) -> Books:
        """One part of the organisation's settings (facts §7.3). Raises Trouble."""
        method, read = pages.READERS[part]
        return read(self._document(organisation, method))

    def approved(self, organisation: Organisation, month: date) -> int:
        """Approved or paid sales invoices dated in the month of this day; only the count is asked for."""
        first = month.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        dated = f"Date>=DateTime({first:%Y,%m,%d}) AND Date<DateTime({after:%Y,%m,%d})"
        document = self._document(
            organisation,
            "get_invoices",
            where=f'Type=="ACCREC" AND {dated}',
            statuses=["AUTHORISED", "PAID"],
            page=1,
            page_size=1,
            summary_only=True,
        )
        return pages.count(document)

    def _named_list(self, organisation: Organisation, method: str, listed: str, **chosen: Any) -> Any:
        return self._document(
            organisation, method, lambda document: pages.is_contact_list(document, listed), **chosen
        )

    def _document(
        self,
        organisation: Organisation,
        method: str,
        is_xeros: Callable[[Any], bool] = lambda document: isinstance(document, dict),
        **chosen: Any,
    ) -> Any:
        """What one of the SDK's read methods gives, if it is what Xero answers there."""
        reply = self.ask(organisation, lambda bearer: self._client.get(method, organisation, bearer, **chosen))
        document = replies.document(reply)
        if not is_xeros(document):
            raise replies.trouble("unknown", "the answer is not Xero's", reply)
        return document

    def _list(self, organisation: Organisation, **chosen: Any) -> Sequence[Posted]:
        return answers.of_search(self._invoices(organisation, **chosen))

    def _invoices(self, organisation: Organisation, **chosen: Any) -> Any:
        ask = functools.partial(self._client.page, self._lists, organisation, **chosen)
        reply = self.ask(organisation, ask)
        document = self._invoices_in(replies.document(reply))
        if not answers.names_its_invoices(document):
            raise replies.trouble("unknown", "the answer is not Xero's", reply)
        return document

    def ask(self, organisation: Organisation, send: Callable[[str], Reply], *or_status: int) -> Reply:
        """The answer to a call made with a good bearer. Raises Trouble."""
        bearer = self._login.auth.bearer(organisation)
        begun = time.monotonic()
        reply = send(bearer)
        if reply.status == 401 and not replies.lacks_scope(reply):
            another = self._login.auth.another(organisation, bearer, expired=replies.says_expired(reply))
            if another:
                begun = time.monotonic()
                reply = send(another)
        self._pace.note(organisation, reply.headers, time.monotonic() - begun)
        if reply.status in (200, *or_status):
            return reply
        raise self._refusal(organisation, reply)

    def _refusal(self, organisation: Organisation, reply: Reply) -> Trouble:
        if reply.status == 429:
            return self._limited(organisation, reply)
        if reply.status in (401, 403):
            return self._refused(organisation, reply)
        if reply.status == 503 and b"Organisation is offline" in reply.body:
            return replies.trouble("offline", "the Xero organisation is offline", reply, wait=300)
        return replies.trouble("unknown", f"Xero answered {reply.status}", reply)

    def _refused(self, organisation: Organisation, reply: Reply) -> Trouble:
        """A 401 or 403, which proves alone that the organisation is gone from the connections (facts §6.2 #35-38).

        The token service renewed the login, or had just given it: all else is Xero's trouble, unless it lasts.
        """
        said = f"Xero answered {reply.status}: {replies.detail(reply)}"
        if reply.status == 401:
            lasting = ConnectionProblem.SCOPE_MISSING.code if replies.lacks_scope(reply) else None
            return replies.trouble("refused", said, reply, problem=lasting)
        bearer = self._login.auth.bearer(organisation)
        try:
            connected = self._login.organisations(bearer)
        except Trouble:
            return replies.trouble("refused", said, reply)
        if all(one.tenant != organisation.lane.tenant for one in connected):
            return replies.trouble("needs_login", said, reply, problem=ConnectionProblem.DISCONNECTED.code)
        lasting = ConnectionProblem.NOT_PERMITTED.code if replies.names_problem(reply) else None
        return replies.trouble("refused", said, reply, problem=lasting)

    def _limited(self, organisation: Organisation, reply: Reply) -> Trouble:
        limit = replies.limit(reply)
        asked = count_of(reply.headers.get("retry-after", ""), LONGEST_WAIT)
        wait = float(asked) if asked is not None else _LONG_WAIT if limit == "day" else _SHORT_WAIT
        self._pace.pause(organisation, limit, wait)
        return replies.trouble(
            "limited", f"Xero's limit ({limit or 'unnamed'}) is reached", reply, wait=wait, limit=limit
        )
