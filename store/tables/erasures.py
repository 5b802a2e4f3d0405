"""What is erased on order: a client's data, or a whole company; how far that is, and what it waits for."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, index_where


class Erasure(SQLModel, table=True):
    """An order to erase a client, or with no `client` to remove the company; it stays when it is done.

    `step` is the one at hand, `place` how far that is, in its own words. Nothing is done before `due_at`, and what
    came after `at` is new: it is left. `waits` says in a sentence what it waits for, `erased` (JSON) counts what went
    by kind, `left` is what could not be done, in a sentence. `tries` counts calls to Xero in vain.
    """

    __tablename__ = "erasures"
    __table_args__ = (index_where("done_at IS NULL", "erasures_open", "due_at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    company: str
    client: str = ""
    by: str
    why: str = Field(sa_type=Text)
    at: datetime
    step: str
    place: str = Field(default="", sa_type=Text)
    due_at: datetime
    waits: str = Field(default="", sa_type=Text)
    erased: str = Field(default="{}", sa_type=Text)
    left: str = Field(default="", sa_type=Text)
    tries: int = 0
    done_at: datetime | None = None


class ErasedInvoice(SQLModel, table=True):
    """An invoice whose client is being erased; `whole`: all of it is the client's, not only lines of the log.

    `erased` once its own rows are; it goes when the order is done.
    """

    __tablename__ = "erased_invoices"
    __table_args__ = (index_where("NOT erased", "erased_invoices_left", "erasure_id", "invoice"),)
    erasure_id: int = Field(primary_key=True, sa_type=BIG)
    invoice: str = Field(primary_key=True)
    whole: bool
    erased: bool = False
