"""What every value in an event is made of: frozen models, clean text, dates that are dates."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from events.money import plain

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONGEST_NUMBER = 40
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Snapshot(BaseModel):
    """A frozen value of the language. Unknown fields are refused: a misspelt discount must not be lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Event(Snapshot):
    """A snapshot that travels under a wire name of its own."""

    TYPE: ClassVar[str]


def _clean(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise ValueError("must not contain control characters")
    return text


def _iso_date(value: Any) -> Any:
    """Accept a date or its ISO form only; a moment would slip a day with the time zone (xero/facts.md §9.3 #10)."""
    if isinstance(value, date) and type(value) is date:
        return value
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        return value.strip()
    raise ValueError("must be a date like 2026-11-22")


def _number(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and len(value) > _LONGEST_NUMBER):
        raise ValueError("must be a decimal number like 12.50")
    return value


def _written_out(amount: Decimal) -> Decimal:
    """An amount is kept written out and read again, so it must be short in that form too: 1e-300 is not."""
    if amount.adjusted() < -_LONGEST_NUMBER or len(plain(amount)) > _LONGEST_NUMBER:
        raise ValueError("must be a decimal number like 12.50")
    return amount


def _of_six_decimals(rate: Decimal) -> Decimal:
    if rate != round(rate, 6):
        raise ValueError("must have at most 6 decimals")
    return rate


DEPRECATED: dict[str, Any] = {"deprecated": True}  # of a field that schemas still promise or allow
Text = Annotated[str, AfterValidator(_clean)]
ShortText = Annotated[Text, Field(max_length=255)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
IsoDate = Annotated[date, BeforeValidator(_iso_date)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

_AS_STRING = PlainSerializer(plain, return_type=str, when_used="json")
LARGEST = Decimal("9999999999.99")
Amount = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=-LARGEST, le=LARGEST),
    AfterValidator(_written_out),
    _AS_STRING,
]
Quantity = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=Decimal(-99999999), le=Decimal(99999999)),
    AfterValidator(_written_out),
    _AS_STRING,
]
Percentage = Annotated[
    Decimal, BeforeValidator(_number), Field(ge=0, le=100), AfterValidator(_written_out), _AS_STRING
]
# Six decimals are what Xero keeps of a rate (xero/facts.md §8).
CurrencyRate = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=Decimal("0.000001"), le=Decimal(999999999999)),
    AfterValidator(_of_six_decimals),
    AfterValidator(_written_out),
    _AS_STRING,
]


class Incoming(Event):
    """An event that a host sends, about one of its companies."""

    company: Id
