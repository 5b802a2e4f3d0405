"""Who asked, and from where."""

from typing import Annotated, Literal

from pydantic import Field

from events.snapshot import Id, ShortText, Snapshot

ADMIN = "admin"
# As wide as the ids of our own users: many are e-mail addresses.
PersonId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,99}$")]


class Person(Snapshot):
    """The CrewCard user behind an event."""

    id: PersonId
    name: ShortText | None = None
    role: Annotated[ShortText, Field(max_length=50)] | None = None


class Origin(Snapshot):
    """The page a request came from."""

    page: Literal["invoice_page", "jobs_page", "command_line", "other"] = "other"
    job_ids: Annotated[tuple[Id, ...], Field(max_length=500)] = ()


def is_admin(person: Person) -> bool:
    """Whether the host says this person is an admin of the company."""
    return (person.role or "").strip().casefold() == ADMIN
