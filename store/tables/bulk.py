"""Orders about many invoices at once, and the pieces in which they are carried out."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, index_where


class BulkOrder(SQLModel, table=True):
    """One order of a person about many invoices: `act` replay, exclude or include.

    `chosen` is how they were chosen (JSON), `total` how many were, `done_at` when the last piece was carried out.
    """

    __tablename__ = "bulk_orders"
    __table_args__ = (index_where("done_at IS NULL", "bulk_orders_open", "id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    act: str
    chosen: str = Field(sa_type=Text)
    by: str
    why: str = Field(sa_type=Text)
    total: int
    at: datetime
    done_at: datetime | None = None


class BulkPiece(SQLModel, table=True):
    """Some invoices (JSON) of one company of an order, carried out in one transaction; `moved` is how many it moved.

    `request` is the new request of a replay.
    """

    __tablename__ = "bulk_pieces"
    order_id: int = Field(primary_key=True, sa_type=BIG)
    number: int = Field(primary_key=True)
    company: str
    invoices: str = Field(sa_type=Text)
    size: int
    request: str = ""
    moved: int = 0
    done_at: datetime | None = None
