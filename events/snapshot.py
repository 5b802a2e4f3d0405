"""What every value in an event is made of: frozen models, clean text, dates that are dates.

Who asked, and from where.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from events import written


class Snapshot(BaseModel):
    """A frozen value of the language. Unknown fields are refused: a misspelt discount must not be lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Event(Snapshot):
    """A snapshot that travels under a wire name of its own."""

    TYPE: ClassVar[str]


Text = Annotated[str, BeforeValidator(written.text)]
ShortText = Annotated[str, BeforeValidator(written.one_line), Field(max_length=255)]
# Ids of our own side: companies stand in addresses and on command lines.
Id = Annotated[str, BeforeValidator(written.digits), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
# Ids of the host's own things, whatever they are made of.
HostId = Annotated[str, BeforeValidator(written.id_), Field(min_length=1, max_length=written.LONGEST_ID)]
IsoDate = Annotated[date, BeforeValidator(written.day)]
Currency = Annotated[str, BeforeValidator(written.currency), Field(pattern=r"^[A-Z]{3}$")]

# A decimal string without an exponent.
_AS_STRING = PlainSerializer("{:f}".format, return_type=str, when_used="json")
_NUMBER = BeforeValidator(written.number)
_SHORT = AfterValidator(written.short)
LARGEST = Decimal("9999999999.99")
Amount = Annotated[Decimal, _NUMBER, Field(ge=-LARGEST, le=LARGEST), _SHORT, _AS_STRING]
Quantity = Annotated[Decimal, _NUMBER, Field(ge=Decimal(-99999999), le=Decimal(99999999)), _SHORT, _AS_STRING]
Percentage = Annotated[Decimal, _NUMBER, Field(ge=0, le=100), _SHORT, _AS_STRING]


def _of_six_decimals(rate: Decimal) -> Decimal:
    if rate != round(rate, 6):
        raise PydanticCustomError("decimals", "may have at most 6 decimals")
    return rate


DEPRECATED: dict[str, Any] = {"deprecated": True}  # of a field that schemas still promise or allow
# Six decimals are what Xero keeps of a rate (facts §8).
CurrencyRate = Annotated[
    Decimal,
    _NUMBER,
    Field(ge=Decimal("0.000001"), le=Decimal(999999999999)),
    AfterValidator(_of_six_decimals),
    _SHORT,
    _AS_STRING,
]


class Incoming(Event):
    """An event that a host sends, about one of its companies."""

    company: Id


ADMIN = "admin"


class Person(Snapshot):
    """The CrewCard user behind an event."""

    id: HostId
    name: ShortText | None = None
    role: Annotated[ShortText, Field(max_length=50)] | None = None

    @property
    def known_as(self) -> str:
        """Their name; their id where none was given."""
        return self.name or self.id


NOBODY = Person(id="unknown", name="unknown (not readable)")


def _person_or_nobody(value: Any, handler: Any) -> Any:
    """Who asked, or nobody known: what may be done comes from the key, so a bad user holds no invoice back."""
    try:
        return handler(value)
    except ValidationError:
        return NOBODY


# Only where nothing depends on who asked.
AnyPerson = Annotated[Person, WrapValidator(_person_or_nobody)]


class Origin(Snapshot):
    """The page a request came from."""

    page: Literal["invoice_page", "jobs_page", "command_line", "other"] = "other"
    job_ids: Annotated[tuple[HostId, ...], Field(max_length=500)] = ()


def is_admin(person: Person) -> bool:
    """Whether the host says this person is an admin of the company."""
    return (person.role or "").strip().casefold() == ADMIN
