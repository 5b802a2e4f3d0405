"""What is known of organisations' settings, so that they need not be asked for each time."""

from events.accounting_target import Lane
from events.books import Books
from store import statements
from store.tables import OrganisationFacts
from store.unit_of_work import Work


def known(work: Work, lane: Lane) -> Books:
    """The settings as they were last read, with the moment each part was read; nothing where nobody ever did."""
    row = work.session.get(OrganisationFacts, (lane.company, lane.tenant))
    return Books.model_validate_json(row.books) if row else Books()


def keep(work: Work, lane: Lane, books: Books) -> None:
    """Remember these settings."""
    row = {
        "company": lane.company,
        "tenant": lane.tenant,
        "books": books.model_dump_json(exclude_none=True),
        "fetched_at": work.now,
    }
    changes = dict.fromkeys(("books", "fetched_at"), "excluded")
    statements.upsert(work, OrganisationFacts, [row], changes, returning=["tenant"])
