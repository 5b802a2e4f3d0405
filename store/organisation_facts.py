"""What is known of organisations' settings, so that they need not be asked for each time."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import delete
from sqlmodel import col, select

from events.accounting_target import Lane
from events.settings import Books
from store import statements
from store.tables import OrganisationFacts, RefusedTax
from store.unit_of_work import Work


def known(work: Work, lane: Lane) -> Books:
    """The settings as they were last read, with the moment each part was read; nothing where nobody ever did."""
    row = work.session.get(OrganisationFacts, (lane.company, lane.tenant))
    books = Books.model_validate_json(row.books) if row else Books()
    by_account: dict[str, set[str]] = defaultdict(set)
    for account, tax in refused(work, lane):
        by_account[account].add(tax)
    return books.model_copy(update={"refused": {code: frozenset(taxes) for code, taxes in by_account.items()}})


def refused(work: Work, lane: Lane) -> set[tuple[str, str]]:
    """Accounts and tax rates that did not go together when an invoice was sent."""
    asked = select(RefusedTax.account, RefusedTax.tax).where(
        col(RefusedTax.company) == lane.company, col(RefusedTax.tenant) == lane.tenant
    )
    return set(work.session.exec(asked).all())


def note_refused(work: Work, lane: Lane, pairs: Collection[tuple[str, str]]) -> None:
    """Remember accounts and tax rates that Xero refuses together."""
    whose = {"company": lane.company, "tenant": lane.tenant, "seen_at": work.now}
    rows = [{**whose, "account": account, "tax": tax} for account, tax in sorted(pairs)]
    statements.upsert(work, RefusedTax, rows, {"seen_at": "excluded"}, returning=["account"])


def forget_refused(work: Work, lane: Lane, pairs: Collection[tuple[str, str]]) -> None:
    """Xero takes these together after all: its settings have been changed."""
    for account, tax in sorted(pairs):
        work.session.exec(
            delete(RefusedTax).where(
                col(RefusedTax.company) == lane.company,
                col(RefusedTax.tenant) == lane.tenant,
                col(RefusedTax.account) == account,
                col(RefusedTax.tax) == tax,
            )
        )


def save_facts(work: Work, lane: Lane, books: Books) -> None:
    """Remember these settings."""
    row = {
        "company": lane.company,
        "tenant": lane.tenant,
        "books": books.model_dump_json(exclude_none=True, exclude={"refused"}),
        "fetched_at": work.now,
    }
    changes = dict.fromkeys(("books", "fetched_at"), "excluded")
    statements.upsert(work, OrganisationFacts, [row], changes, returning=["tenant"])
