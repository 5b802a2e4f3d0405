"""Who asked, and from where."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WrapValidator

from events.snapshot import HostId, ShortText, Snapshot

ADMIN = "admin"


class Person(Snapshot):
    """The CrewCard user behind an event."""

    id: HostId
    name: ShortText | None = None
    role: Annotated[ShortText, Field(max_length=50)] | None = None


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
