"""A second accounting system, in memory and nothing like Xero: seven sheets a call, no login, a pace of its own."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from events.accounting_target import (
    Answers,
    CallSizes,
    Changes,
    ContactPage,
    ListedChoice,
    ListedContact,
    ListedFile,
    Outlook,
    Pasted,
    Permit,
    Posted,
    Rejected,
    Trouble,
)
from events.changes import Difference, LinePicture, Picture, compared
from events.contacts import ContactProblem, NotAContact
from events.failures import Failure
from events.invoice import folded
from events.reasons import Reason
from events.settings import Books, LedgerAccount, Sums

CONTACTS = {"cust-acme": "ACME Ltd", "cust-bolt": "Bolt & Co"}


class PaperPace:
    """Permits by count alone, in this process: `left` calls of a day, and what became of each."""

    per_minute, minute = 30, 60.0

    def __init__(self):
        self.left, self.booked = 1000, []

    def ask(self, organisation, *, single=False, spread=False):
        if self.left <= 0:
            return Permit(organisation, "", 600.0, "day")
        self.left -= 1
        return Permit(organisation, f"p{self.left}")

    def ask_behind(self, organisation):
        return self.ask(organisation)

    def ask_to_look(self, organisation, payer=""):
        return self.ask(organisation)

    def seconds_to_look(self, tenant, payer):
        return 0

    def done(self, permit):
        self.booked.append("done")

    def lost(self, permit):
        self.booked.append("lost")

    def abandon(self, permit):
        self.booked.append("abandoned")

    def remember(self, tenant, day_calls):
        pass

    def outlook(self, tenant):
        return Outlook(30, self.left, 3600.0, 0.5, 0.0, minute_calls=30, day_calls=self.left, per_day=1000)

    def outlooks(self, tenants):
        return {tenant: self.outlook(tenant) for tenant in tenants}

    def tallies(self):
        return {}


class Paper:
    """Sheets by id, `calls` by what they were; `fault` is done by the next write, before or after it is kept."""

    sizes = CallSizes(invoices=7, bytes=100_000, contacts=3, ids=4)
    login = credit = None
    marks_name_invoices = True

    def __init__(self):
        self.pace = PaperPace()
        self.documents = {"invoice": self}  # it has no credit notes
        self.sheets, self.calls, self.sizes_of_calls = {}, [], []
        self.customers = dict(CONTACTS)
        self.files = {}
        self.fault = None
        self._lock = threading.Lock()

    # -- what it posts to us: nothing

    def is_signed(self, body, signature, keys):
        return False

    def notices(self, body):
        return []

    # -- words

    def as_sent(self, invoice):
        return invoice

    def is_marked(self, posted, company, invoice, generation):
        return (*posted.mark, posted.generation) == (company, invoice, generation)

    def mark_of(self, company, invoice, generation):
        return invoice

    def element(self, posting):
        invoice = posting.invoice
        rows = [
            {"what": line.description, "qty": f"{line.quantity}", "each": f"{line.unit_amount}", "book": "sales"}
            for line in invoice.lines
        ]
        mark = [posting.lane.company, invoice.id, posting.generation]
        return {
            "sheet": invoice.number,
            "to": posting.contact_id,
            "on": invoice.date.isoformat(),
            "in": invoice.currency,
            "rows": rows,
            "mark": mark,
        }

    def element_of_update(self, posting, copy):
        return {**self.element(posting), "id": copy["id"]}

    def fingerprint(self, copy):
        return copy.model_dump_json(exclude={"updated"})

    def carries(self, copy, sent):
        return self.picture(copy) == self.picture(sent)

    def deletion(self, target_id):
        return {"id": target_id, "deleted": True}

    def replaces_lines(self, update):
        return False

    def is_like(self, posted, sent):
        return (posted.contact_id, posted.date, posted.currency) == (sent["to"], sent["on"], sent["in"])

    def freeze(self, elements):
        return json.dumps(list(elements)).encode()

    def thaw(self, body):
        return {one.get("id") or one["sheet"]: one for one in json.loads(body)}

    def picture(self, copy):
        lines = tuple(
            LinePicture(description=row["what"], quantity=row["qty"], unit_amount=row["each"], account=row["book"])
            for row in copy["rows"]
        )
        return Picture(number=copy["sheet"], contact=copy["to"], date=copy["on"], currency=copy["in"], lines=lines)

    def picture_of(self, element):
        return self.picture(element)

    def compare(self, before, after):
        return compared(before, after)

    def edits(self, before, now, wanted=None):
        mine = {(one.field, one.line) for one in compared(now, wanted)} if wanted else None
        return tuple(one for one in compared(before, now) if mine is None or (one.field, one.line) in mine)

    def differences(self, sent, kept):
        found = compared(sent, kept)
        return tuple(Difference(field=one.field, line=one.line, sent=one.before, kept=one.after) for one in found)

    def left_behind(self, before, sent, kept):
        return ()

    def sums(self, element, books, copy=None):
        net = sum((Decimal(row["qty"]) * Decimal(row["each"]) for row in element["rows"]), Decimal(0))
        return Sums(subtotal=net, tax=Decimal(0), total=net)

    def deep_link(self, organisation, target_id):
        return f"https://paper.example/{organisation.lane.tenant}/sheets/{target_id}"

    def contact_link(self, short_code, contact_id):
        return f"https://paper.example/people/{contact_id}"

    def contact_id(self, kept):
        found = kept.rpartition("/")[2]
        return found if found.startswith("cust-") else None

    def pasted(self, text):
        found = self.contact_id(text)
        if found is None:
            raise NotAContact(ContactProblem.NO_ID)
        return Pasted(found)

    # -- calls

    def create(self, organisation, body, key, in_time):
        return self._write("create", json.loads(body))

    def update(self, organisation, body, key, in_time):
        return self._write("update", json.loads(body))

    def _write(self, what, elements):
        fault, self.fault = self.fault, None
        self.calls.append(what)
        self.sizes_of_calls.append(len(elements))
        if fault == "refused whole":
            raise Trouble("refused", "the ledger is shut for stocktaking", wait=30)
        with self._lock:
            said = {(element.get("id") or folded(element["sheet"])): self._keep(element) for element in elements}
        if fault == "lost":
            raise Trouble("unknown", "the answer was lost")
        return Answers(said, 200, None) if what == "create" else Answers({}, 200, None, said)

    def _keep(self, element):
        if element["to"] not in self.customers:
            return Rejected(element["sheet"], Failure(Reason.CONTACT_NOT_FOUND, said="We know nobody of that name."))
        if any(sheet["sheet"] == element["sheet"] and sheet["id"] != element.get("id") for sheet in self._alive()):
            return Rejected(element["sheet"], Failure(Reason.NUMBER_TAKEN, said="That number is used."))
        id_ = element.get("id") or f"sheet-{len(self.sheets) + 1}"
        self.sheets[id_] = {**element, "id": id_, "status": "AUTHORISED", "changed": datetime.now(UTC).isoformat()}
        return self._posted(self.sheets[id_])

    def _alive(self):
        return [sheet for sheet in self.sheets.values() if sheet["status"] != "DELETED"]

    def _posted(self, sheet):
        sums = self.sums(sheet, Books())
        company, invoice, generation = sheet["mark"]
        return Posted(
            number=sheet["sheet"],
            target_id=sheet["id"],
            contact_id=sheet["to"],
            status=sheet["status"],
            currency=sheet["in"],
            subtotal=sums.subtotal,
            tax=sums.tax,
            total=sums.total,
            date=sheet["on"],
            mark=(company, invoice),
            generation=generation,
            contact_name=self.customers[sheet["to"]],
            updated=datetime.fromisoformat(sheet["changed"]),
            copy=dict(sheet),
        )

    def find(self, organisation, numbers, *, ours_only=False):
        self.calls.append("find")
        wanted = {folded(number) for number in numbers}
        found = {number: [] for number in wanted}
        for sheet in self.sheets.values():
            if folded(sheet["sheet"]) in wanted:
                found[folded(sheet["sheet"])].append(self._posted(sheet))
        return found

    def in_calls(self, numbers):
        once = list(dict.fromkeys(numbers))
        return [once[start : start + self.sizes.ids] for start in range(0, len(once), self.sizes.ids)]

    def fetch(self, organisation, target_ids):
        self.calls.append("fetch")
        return {id_: self._posted(self.sheets[id_]) for id_ in target_ids if id_ in self.sheets}

    def changes(self, organisation, since, page, *, ours_only):
        self.calls.append("changes")
        shown = [replace(self._posted(sheet), copy={}) for sheet in self.sheets.values()]
        return Changes(shown, more=False, newest=max((one.updated for one in shown), default=None))

    def attach(self, organisation, target_id, file, key, in_time):
        self.calls.append("attach")
        self.files.setdefault(target_id, {})[file.name] = file.content
        return ListedFile(f"{target_id}/{file.name}", file.name, len(file.content))

    def attached(self, organisation, target_id):
        self.calls.append("attached")
        return [ListedFile(f"{target_id}/{name}", name, len(one)) for name, one in self.files[target_id].items()]

    def attached_content(self, organisation, target_id, file):
        self.calls.append("attached_content")
        return self.files[target_id][file.name]

    def contacts(self, organisation, ids):
        self.calls.append("contacts")
        assert len(ids) <= self.sizes.contacts
        return {id_: ListedContact(id_, self.customers[id_]) for id_ in ids if id_ in self.customers}

    def all_contacts(self, organisation, page, *, archived=False):
        return ContactPage([ListedContact(id_, name) for id_, name in self.customers.items()], more=False)

    def find_contacts(self, organisation, text):
        listed = [ListedContact(id_, name, number=id_) for id_, name in self.customers.items()]
        return [one for one in listed if text.casefold() in f"{one.name} {one.number}".casefold()]

    def create_contacts(self, organisation, wanted, key, in_time):
        self.calls.append("create_contacts")
        self.customers |= {number: client.name for number, client in wanted.items()}
        return {number: ListedContact(number, client.name, number=number) for number, client in wanted.items()}

    def choices(self, organisation, kind):
        return [ListedChoice("sales", "Sales")] if kind == "accounts" else []

    def part(self, organisation, part):
        return Books(accounts={"sales": LedgerAccount(code="sales")}) if part == "accounts" else Books()

    def approved(self, organisation, month):
        return len(self.sheets)
