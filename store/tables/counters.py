"""What is counted for ever."""

from sqlmodel import Field, SQLModel

from store.tables.columns import BIG


class Counter(SQLModel, table=True):
    """How often something happened: `name` is invoices, events or troubles, `kind` and `detail` say which of them."""

    __tablename__ = "counters"
    name: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    detail: str = Field(primary_key=True)
    count: int = Field(default=0, sa_type=BIG)
